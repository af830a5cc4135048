"""DICOMModuleLogic: one short method a verb. Runs without a screen; what other people's code calls.

The window and the command line both stand on this. Verbs that take long return jobs (see `jobs`)::

    with DICOMModuleLogic(Path("LocalDatabase")) as logic:
        report = run_to_end(logic.import_job([Path("CD")], copy=True))
        loaded = run_to_end(logic.load_job(report.series_instance_uids[0]))
        logic.scene.add_volume(loaded.volume)
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from DICOMModule.database import DeleteReport, DicomDatabase, ImportReport, VerifyReport
from DICOMModule.dicom.file_finding import find_files
from DICOMModule.errors import Problem, UnknownUIDError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.scripted_module import ScriptedModuleLogic

if TYPE_CHECKING:
    from DICOMModule.database.thumbnails import Thumbnail
    from DICOMModule.dicom.instance_header import InstanceHeader
    from DICOMModule.dicom.pictures import Picture
    from DICOMModule.dicom.tag_list import TagElement, TagRow
    from DICOMModule.export import ExportOptions
    from DICOMModule.previews import PreviewFrame
    from DICOMModule.readers.loadable import Loadable
    from DICOMModule.scene import Scene
    from DICOMModule.study_export import ExportPlan, ExportReport
    from DICOMModule.targets import Targets
    from DICOMModule.volume.volume import Volume

PRIVATE_PREFIX = "dicommodule-private-"
DEMO_PREFIX = "dicommodule-demo-"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A loadable and the volume that it became; `loadable` is None for a volume that was read from a plain file.

    `problems` are the items of the target that were left out; the volume's warnings name them too.
    """

    volume: Volume
    loadable: Loadable | None = None
    problems: tuple[Problem, ...] = ()


class DICOMModuleLogic(ScriptedModuleLogic):
    """The verbs of the DICOM module.

    Parameters
    ----------
    database_folder : Path
        Of the local database. It is opened when a verb needs it, and created by the first verb that writes.
    scene : Scene, optional
        Where the window's volumes go; a new one where none is given.
    """

    def __init__(self, database_folder: Path, scene: Scene | None = None) -> None:
        self.database_folder = database_folder
        self._scene = scene
        self._database: DicomDatabase | None = None
        self._opening = threading.Lock()  # the window and its jobs may ask first at the same moment
        self._private_folder: Path | None = None

    @cached_property
    def scene(self) -> Scene:
        """The scene that was given, or one of its own."""
        from DICOMModule.scene import Scene

        return Scene() if self._scene is None else self._scene

    @cached_property
    def targets(self) -> Targets:
        """What names of things mean in this database."""
        from DICOMModule.targets import Targets

        return Targets(self.database)

    @classmethod
    def private(cls) -> DICOMModuleLogic:
        """Return a Logic on a temporary database of its own, which `close` removes."""
        folder = Path(tempfile.mkdtemp(prefix=PRIVATE_PREFIX))
        logic = cls(folder / "LocalDatabase")
        logic._private_folder = folder
        return logic

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; a private one is removed."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if self._private_folder is not None:
            shutil.rmtree(self._private_folder)
            self._private_folder = None

    def database(self, *, create: bool = False) -> DicomDatabase:
        """Return the open database.

        Raises
        ------
        DatabaseError
            There is none and `create` is false; or it cannot be opened.
        """
        with self._opening:
            if self._database is None:
                self._database = DicomDatabase.open(self.database_folder, create=create)
            return self._database

    # -- into the database ---------------------------------------------------------------------------------------------

    def import_job(self, paths: Sequence[Path], *, copy: bool = False) -> Job[ImportReport]:
        """Register every DICOM file in `paths`, and find out what the series that changed can be loaded as.

        Raises
        ------
        DicomFileError
            One of `paths` does not exist; nothing has been registered then.
        DatabaseError
            The database cannot be written.
        """
        find_files(paths)  # refuses a path that does not exist, before a database is made for nothing
        database = self.database(create=True)
        report = yield from database.import_job(paths, copy=copy)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def demo_job(self, names: Sequence[str] = ()) -> Job[ImportReport]:
        """Draw the phantoms called `names` (all where none is named) and put them into the database as copies.

        A phantom that is there as a whole is not drawn again; its files count as unchanged.
        """
        from DICOMModule.demo.catalogue import phantoms
        from DICOMModule.demo.series import write_phantom_job

        database = self.database(create=True)
        chosen = phantoms(tuple(names))
        present = {phantom: self._present(phantom.series_instance_uid, phantom.dimensions[2]) for phantom in chosen}
        folder = Path(tempfile.mkdtemp(prefix=DEMO_PREFIX))
        try:
            for phantom in chosen:
                if not present[phantom]:
                    yield from write_phantom_job(phantom, folder)
            report = yield from database.import_job([folder], copy=True)
        finally:
            shutil.rmtree(folder)
        yield from self._note_health_job(report.series_instance_uids)
        kept = sum(phantom.dimensions[2] for phantom in chosen if present[phantom])
        return replace(report, files_seen=report.files_seen + kept, unchanged=report.unchanged + kept)

    def _present(self, series_instance_uid: str, slices: int) -> bool:
        instances = self.database().instances(series=series_instance_uid)
        return len([instance for instance in instances if instance.state == "present"]) == slices

    def _note_health_job(self, series_instance_uids: Iterable[str]) -> Job[None]:
        from DICOMModule.targets import note_health_job

        return note_health_job(self.database(), series_instance_uids)

    def delete_job(self, targets: Sequence[str]) -> Job[DeleteReport]:
        """Put patients (``patient:N``), studies, series and instances (UIDs) into the trash, all or none of them.

        Nothing shows them afterwards; their files stay where they are. The report's `trash_id` undoes it.

        Raises
        ------
        UnknownUIDError
            One of them is not in the database.
        DatabaseError
            A UID stands under two patients, or the database cannot be written.
        """
        from DICOMModule.targets import name_of

        names = [name_of(target) for target in targets]
        yield Progress(0, len(names), "moving to the trash")
        report = self.database().delete(names)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def restore_job(self, targets: Sequence[str]) -> Job[DeleteReport]:
        """Bring back what of the targets is in the trash; they are named as for `delete_job`.

        Raises
        ------
        UnknownUIDError
            Nothing of one of them is in the trash.
        DatabaseError
            The database cannot be written.
        """
        from DICOMModule.targets import name_of

        names = [name_of(target) for target in targets]
        yield Progress(0, len(names), "restoring from the trash")
        report = self.database().restore(names)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def undo_delete_job(self, trash_id: int) -> Job[DeleteReport]:
        """Bring back what one `delete_job` took away; UnknownUIDError where it has come back already."""
        yield Progress(0, 1, "restoring from the trash")
        report = self.database().undo_delete(trash_id)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def verify_job(self) -> Job[VerifyReport]:
        """Check that every registered file is there, whole and unchanged, and that the database itself is sound.

        Series whose files are found missing or damaged, or found again, get the health that goes with it.
        """
        database = self.database()
        report = yield from database.verify_job()
        if not database.read_only:
            changed = [row.series_instance_uid for row in database.series() if row.health == "refused"]
            if report.missing or report.damaged:
                changed += [row.series_instance_uid for row in database.instances() if row.state != "present"]
            yield from self._note_health_job(changed)
        return report

    # -- looking -------------------------------------------------------------------------------------------------------

    def tags(self, target: str, search: str = "") -> list[TagRow]:
        """Return the data elements of a file, or of an instance of the database (of a series: its first)."""
        from DICOMModule.dicom.tag_list import read_tags, search_tags

        rows = read_tags(self.targets.first_file(target))
        return search_tags(rows, search) if search else rows

    def tag_tree(self, target: str) -> tuple[TagElement, ...]:
        """Return the same as a tree: sequences with their items."""
        from DICOMModule.dicom.tag_list import read_tag_tree

        return read_tag_tree(self.targets.first_file(target))

    def headers(self, target: str) -> tuple[list[InstanceHeader], list[Problem]]:
        """Return the headers of a UID, a patient, a file or a folder, and what of it cannot be used; see `Targets`."""
        return self.targets.headers(target)

    def examine(self, target: str) -> tuple[list[Loadable], list[Problem]]:
        """Return what can be loaded from a UID, a file or a folder; no pixel is read."""
        from DICOMModule.readers import examine

        headers, problems = self.headers(target)
        return examine(headers), problems

    def series_of(self, target: str) -> tuple[str, ...]:
        """Return the UIDs of the series of a patient, study, series or instance of the database."""
        return tuple(self.targets.series_of(target))

    def paths_of(self, targets: Sequence[str]) -> tuple[Path, ...]:
        """Return where the files of patients, studies, series and instances of the database are, each once, absolute."""
        from DICOMModule.targets import name_of

        return tuple(dict.fromkeys(path for target in targets for path in self.database().paths(name_of(target))))

    def thumbnail(self, series_instance_uid: str) -> Thumbnail:
        """Return the small picture of a series, or why there is none; it may be made now, which takes a while."""
        from DICOMModule.previews import make_thumbnail

        return make_thumbnail(self.database(), series_instance_uid)

    def preview_frames(self, targets: Sequence[str]) -> tuple[PreviewFrame, ...]:
        """Return what a preview of patients, studies, series or instances scrolls through; no file is opened."""
        from DICOMModule.previews import preview_frames
        from DICOMModule.targets import name_of

        return preview_frames(self.database(), [name_of(target) for target in targets])

    def preview_picture(self, frame: PreviewFrame, longest_px: int | None = None) -> Picture:
        """Return the picture of one of `preview_frames`, 8 bits, grey or RGB, with square pixels if `longest_px` is given.

        Raises
        ------
        DicomFileError
            The file has gone or changed, or cannot be decoded.
        """
        from DICOMModule.dicom.decoding import decode_picture

        return decode_picture(frame.header, frame.frame, longest_px)

    # -- volumes -------------------------------------------------------------------------------------------------------

    def load_job(self, target: str, loadable_id: str = "") -> Job[Loaded]:
        """Load the one selected loadable of `target`, or the one called `loadable_id`.

        Raises
        ------
        NoImageError
            Nothing can be loaded, several could be, or there is no loadable of that id; the sentence lists them.
        DICOMModuleError
            A file has gone, changed, or cannot be decoded.
        """
        from DICOMModule.targets import choose_loadable

        loadables, problems = self.examine(target)
        loadable = choose_loadable(target, loadables, problems, loadable_id)
        loaded = yield from self.load_loadable_job(loadable, problems)
        return loaded

    def load_loadable_job(self, loadable: Loadable, problems: Sequence[Problem] = ()) -> Job[Loaded]:
        """Load what `examine` offered; the `problems` that it had become warnings of the volume."""
        from DICOMModule.readers import load_job
        from DICOMModule.targets import left_out

        volume = yield from load_job(loadable)
        if problems:
            volume = replace(volume, warnings=(*volume.warnings, *left_out(problems)))
        return Loaded(volume, loadable, tuple(problems))

    def open_job(self, target: str, loadable_id: str = "") -> Job[Loaded]:
        """Load a volume from wherever it is: a volume file by its suffix, else as `load_job` does."""
        from DICOMModule.export import is_volume_file, read_volume_file

        path = self.targets.path_of(target)
        if path is not None and path.is_file() and is_volume_file(path):
            return Loaded(read_volume_file(path))
        loaded = yield from self.load_job(target, loadable_id)
        return loaded

    def process_job(self, operation: str, volume: Volume, parameters: Mapping[str, str]) -> Job[Volume]:
        """Apply one of the listed operations to `volume`; the result lies where the volume lies.

        Raises
        ------
        ProcessingError
            There is no such operation, or a parameter is unknown or out of its range.
        """
        from DICOMModule.processing import process_job

        return process_job(operation, volume, parameters)

    def check_study(self, study_instance_uid: str) -> None:
        """Raise UnknownUIDError if the database holds no such study, before work is done for it."""
        if not self.database().studies(study=study_instance_uid, limit=1):
            raise UnknownUIDError(
                f"there is no study {plain_text(study_instance_uid)} in the database in"
                f" {plain_text(str(self.database_folder))}; `list studies` shows what there is"
            )

    def check_export(
        self, volume: Volume, options: ExportOptions, study_instance_uid: str, like_series_uid: str = ""
    ) -> ExportPlan:
        """Check before the work what `export_job` would refuse, and return what it would do; errors as there."""
        from DICOMModule.study_export import check_export

        return check_export(self.database(), volume, options, study_instance_uid, like_series_uid)

    def export_job(
        self, volume: Volume, options: ExportOptions, study_instance_uid: str, like_series_uid: str = ""
    ) -> Job[ExportReport]:
        """Put `volume` into the database as a new series of a study, proved by reading it again.

        Parameters
        ----------
        study_instance_uid : str
            The study; empty for a new one, whose patient `options` names.
        like_series_uid : str
            The series whose headers the new one takes after. Empty: the series that the volume came from if it is in
            the study, else the study's only image series.

        Raises
        ------
        ExportError
            It is not clear which series is meant, or the volume cannot be written exactly within its bound.
        UnknownUIDError
            There is no such study or series.
        """
        from DICOMModule.study_export import export_job

        report = yield from export_job(
            self.database(create=options.new_study),
            lambda folders: self.import_job(folders, copy=True),
            volume,
            options,
            study_instance_uid=study_instance_uid,
            like=like_series_uid,
        )
        return report
