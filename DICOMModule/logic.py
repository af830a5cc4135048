"""DICOMModuleLogic: one short method a verb. Runs without a screen; what other people's code calls.

The window and the command line both stand on this. Verbs that take long return jobs (see `jobs`)::

    with DICOMModuleLogic(Path("LocalDatabase")) as logic:
        report = run_to_end(logic.import_job([Path("CD")], copy=True))
        loaded = run_to_end(logic.load_job(report.series_instance_uids[0]))
        logic.scene.add_volume(loaded.volume)
"""

from __future__ import annotations

from DICOMModule.verbs.annotating import AnnotatingVerbs
from DICOMModule.verbs.copying import CopyingVerbs
from DICOMModule.verbs.history import HistoryVerbs
from DICOMModule.verbs.inbox import InboxVerbs
from DICOMModule.verbs.keeping import KeepingVerbs
from DICOMModule.verbs.listening import ListeningVerbs
from DICOMModule.verbs.networking import NetworkVerbs
from DICOMModule.verbs.servers import ServerVerbs
from DICOMModule.verbs.trash import TrashVerbs
from DICOMModule.verbs.volumes import Loaded, VolumeVerbs

__all__ = ["DICOMModuleLogic", "Loaded"]


class DICOMModuleLogic(
    VolumeVerbs,
    HistoryVerbs,
    InboxVerbs,
    TrashVerbs,
    KeepingVerbs,
    AnnotatingVerbs,
    CopyingVerbs,
    ServerVerbs,
    ListeningVerbs,
    NetworkVerbs,
):
    """The verbs of the DICOM module, each from its file in `verbs`.

    Parameters
    ----------
    database_folder : Path
        Of the local database. It is opened when a verb needs it, and created by the first verb that writes.
    scene : Scene, optional
        Where the window's volumes go; a new one where none is given.
    """
