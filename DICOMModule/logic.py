"""DICOMModuleLogic: one short method a verb. Runs without a screen; what other people's code calls.

The window and the command line both stand on this. Verbs that take long return jobs (see `jobs`)::

    with DICOMModuleLogic(Path("LocalDatabase")) as logic:
        report = run_to_end(logic.import_job([Path("CD")], copy=True))
        loaded = run_to_end(logic.load_job(report.series_instance_uids[0]))
        logic.scene.add_volume(loaded.volume)
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from DICOMModule.database import DicomDatabase, ImportReport, VerifyReport
from DICOMModule.demo.catalogue import phantoms
from DICOMModule.demo.series import write_phantom_job
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.uids import is_valid_uid
from DICOMModule.errors import ExportError, NoImageError, Problem, UnknownUIDError, plain_text
from DICOMModule.jobs import Job
from DICOMModule.readers import examine, headers_of_path, load_job
from DICOMModule.readers.loadable import Loadable
from DICOMModule.scene import Scene
from DICOMModule.scripted_module import ScriptedModuleLogic
from DICOMModule.volume.volume import Volume

if TYPE_CHECKING:
    from DICOMModule.dicom.tag_list import TagRow
    from DICOMModule.export import ExportOptions

PATIENT_PREFIX = "patient:"
PRIVATE_PREFIX = "dicommodule-private-"
DEMO_PREFIX = "dicommodule-demo-"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A loadable and the volume that it became; `loadable` is None for a volume that was read from a plain file."""

    volume: Volume
    loadable: Loadable | None = None


@dataclass(frozen=True, slots=True)
class ExportReport:
    """A new series in the database, and the proof that it says what the volume said.

    Attributes
    ----------
    series_instance_uid, study_instance_uid, sop_class_uid : str
        Of the new series.
    instances : int
        How many there are.
    max_abs_error, error_bound : float
        The largest difference between the volume and the files read again, in the volume's units, and what it may be.
    paths : tuple of Path
        The files in the database, in the order of the slices.
    warnings : tuple of str
        What a reader of the series should know.
    """

    series_instance_uid: str
    study_instance_uid: str
    sop_class_uid: str
    instances: int
    max_abs_error: float
    error_bound: float
    paths: tuple[Path, ...]
    warnings: tuple[str, ...] = ()


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
        self.scene = scene or Scene()
        self._database: DicomDatabase | None = None
        self._private_folder: Path | None = None

    @classmethod
    def private(cls) -> DICOMModuleLogic:
        """Return a Logic on a temporary database of its own, which `close` removes."""
        folder = Path(tempfile.mkdtemp(prefix=PRIVATE_PREFIX))
        logic = cls(folder / "LocalDatabase")
        logic._private_folder = folder
        return logic

    def __enter__(self) -> DICOMModuleLogic:
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
        database = self.database(create=True)
        report = yield from database.import_job(paths, copy=copy)
        self._note_health(report.series_instance_uids)
        return report

    def demo_job(self, names: Sequence[str] = ()) -> Job[ImportReport]:
        """Draw the phantoms called `names` (all where none is named) and put them into the database as copies.

        A phantom that is there as a whole is not drawn again; its files count as unchanged.
        """
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
        self._note_health(report.series_instance_uids)
        kept = sum(phantom.dimensions[2] for phantom in chosen if present[phantom])
        return replace(report, files_seen=report.files_seen + kept, unchanged=report.unchanged + kept)

    def _present(self, series_instance_uid: str, slices: int) -> bool:
        instances = self.database().instances(series=series_instance_uid)
        return len([instance for instance in instances if instance.state == "present"]) == slices

    def _note_health(self, series_instance_uids: Iterable[str]) -> None:
        """Keep with each series what came of examining it: the health that lists show."""
        database = self.database()
        health = {}
        for uid in series_instance_uids:
            health[uid] = health_of(examine(database.headers_of_series(uid)))
        database.set_series_health(health)

    def verify_job(self) -> Job[VerifyReport]:
        """Check that every registered file is there, whole and unchanged, and that the database itself is sound."""
        return self.database().verify_job()

    # -- looking -------------------------------------------------------------------------------------------------------

    def tags(self, target: str, search: str = "") -> list[TagRow]:
        """Return the data elements of a file, or of an instance of the database (of a series: its first)."""
        from DICOMModule.dicom.tag_list import read_tags, search_tags

        path = self._path_of(target) or self._headers_of_uid(target)[0].path
        rows = read_tags(path)
        return search_tags(rows, search) if search else rows

    def headers(self, target: str) -> tuple[list[InstanceHeader], list[Problem]]:
        """Return the headers of a UID of the database, or of a file or folder, and what could not be read of it.

        Raises
        ------
        UnknownUIDError
            `target` is neither a path that exists nor in the database.
        NoImageError
            The folder holds no DICOM file.
        """
        path = self._path_of(target)
        if path is None:
            return self._headers_of_uid(target), []
        headers, problems = headers_of_path(path)
        if not headers:
            why = f": {problems[0].reason}" if len(problems) == 1 else ""
            raise NoImageError(f"{plain_text(str(path))} holds no DICOM file that can be read{why}")
        return headers, problems

    def examine(self, target: str) -> tuple[list[Loadable], list[Problem]]:
        """Return what can be loaded from a UID, a file or a folder; no pixel is read."""
        headers, problems = self.headers(target)
        return examine(headers), problems

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
        loadables, problems = self.examine(target)
        loadable = choose_loadable(target, loadables, problems, loadable_id)
        loaded = yield from self.load_loadable_job(loadable)
        return loaded

    def load_loadable_job(self, loadable: Loadable) -> Job[Loaded]:
        """Load what `examine` offered."""
        volume = yield from load_job(loadable)
        return Loaded(volume, loadable)

    def open_job(self, target: str, loadable_id: str = "") -> Job[Loaded]:
        """Load a volume from wherever it is: a volume file by its suffix, else as `load_job` does."""
        from DICOMModule.export import is_volume_file, read_volume_file

        path = self._path_of(target)
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
        from DICOMModule.export import export_series_job

        database = self.database(create=options.new_study)
        like = like_series_uid or (self._image_series(volume, study_instance_uid) if study_instance_uid else "")
        template = database.headers_of_series(like) if like else ()
        if study_instance_uid and template[0].study_instance_uid != study_instance_uid:
            raise ExportError(
                f"the series {like} belongs to the study {template[0].study_instance_uid}, not to {study_instance_uid};"
                " name a series of that study"
            )
        if study_instance_uid:
            numbers = [row.series_number or 0 for row in database.series(study=study_instance_uid)]
            options = replace(options, highest_series_number=max(numbers, default=0))
        with database.staging_folder() as folder:
            written = yield from export_series_job(volume, template, options, folder)
            report = yield from self.import_job([folder], copy=True)
            lost = [*(f"{row.path}: {row.reason}" for row in report.duplicates), *map(str, report.rejected)]
            if report.added != len(written.paths):
                raise ExportError(f"the database did not take the new series: {'; '.join(lost) or 'no reason given'}")
        headers = database.headers_of_series(written.series_instance_uid)
        order = {header.sop_instance_uid: header.path for header in headers}
        return ExportReport(
            series_instance_uid=written.series_instance_uid,
            study_instance_uid=written.study_instance_uid,
            sop_class_uid=written.sop_class_uid,
            instances=len(written.paths),
            max_abs_error=written.max_abs_error,
            error_bound=written.error_bound,
            paths=tuple(order[uid] for uid in written.sop_instance_uids),
            warnings=written.warnings,
        )

    def _image_series(self, volume: Volume, study_instance_uid: str) -> str:
        """Return the series whose headers a new series of the study takes after."""
        rows = self.database().series(study=study_instance_uid)
        if not rows:
            raise UnknownUIDError(f"there is no study {study_instance_uid} in the database in {self.database_folder}")
        known = {row.series_instance_uid for row in rows}
        own = [uid for uid in volume.source_series_uids if uid in known]
        if own:
            return own[0]
        images = [row.series_instance_uid for row in rows if row.health in ("ok", "warned")]
        if len(images) != 1:
            listed = ", ".join(images) or "none"
            raise ExportError(
                f"the study {study_instance_uid} has {len(images)} image series ({listed}), so it is not clear whose"
                " headers the new series takes; name one with --like"
            )
        return images[0]

    # -- what a target means -------------------------------------------------------------------------------------------

    def _path_of(self, target: str) -> Path | None:
        """Return `target` as a path, or None where it is a UID or a patient; a UID wins over a file of that name."""
        if is_valid_uid(target) or target.startswith(PATIENT_PREFIX):
            return None
        if os.path.lexists(target):
            return Path(target)
        raise UnknownUIDError(f"{plain_text(target)} is neither a UID nor a path that exists")

    def _headers_of_uid(self, target: str) -> list[InstanceHeader]:
        database = self.database()
        if target.startswith(PATIENT_PREFIX):
            number = target.removeprefix(PATIENT_PREFIX)
            rows = database.series(patient=int(number)) if number.isdecimal() else ()
            if not rows:
                raise UnknownUIDError(f"there is no patient {plain_text(number)} in the database")
            return [header for row in rows for header in database.headers_of_series(row.series_instance_uid)]
        level = database.resolve(target)
        if level == "study":
            return list(database.headers_of_study(target))
        if level == "series":
            return list(database.headers_of_series(target))
        return [database.header_of_instance(target)]


def choose_loadable(
    target: str, loadables: Sequence[Loadable], problems: Sequence[Problem], loadable_id: str
) -> Loadable:
    """Return the one loadable that is meant.

    Raises
    ------
    NoImageError
        There is none, or there are several and none is named; the sentence lists them or says why.
    """
    name = plain_text(target)
    wanted = [one for one in loadables if (one.id == loadable_id if loadable_id else one.selected)]
    if len(wanted) == 1 and not wanted[0].refusal:
        return wanted[0]
    if len(wanted) > 1:
        raise NoImageError(f"{name} holds {len(wanted)} volumes; name one with --loadable: {_listed(wanted)}")
    if loadable_id and not wanted:
        raise NoImageError(f"{name} has no loadable {plain_text(loadable_id)}; it has: {_listed(loadables)}")
    reasons = list(dict.fromkeys(one.refusal for one in loadables if one.refusal)) or [p.reason for p in problems]
    if not reasons and loadables:
        raise NoImageError(f"{name}: none of its loadables is selected; name one with --loadable: {_listed(loadables)}")
    raise NoImageError(f"{name} cannot be loaded: {' '.join(reasons) or 'it holds no image'}")


def _listed(loadables: Sequence[Loadable]) -> str:
    return "; ".join(f"{one.id} ({plain_text(one.name)})" for one in loadables) or "none"


def health_of(loadables: Sequence[Loadable]) -> tuple[str, str]:
    """Return the health of a series, ``ok``, ``warned`` or ``refused``, and the sentences behind it."""
    usable = [one for one in loadables if not one.refusal]
    if not usable:
        texts = dict.fromkeys(one.refusal for one in loadables)
        return "refused", " ".join(texts) or "It holds nothing that can be loaded."
    texts = dict.fromkeys(text for one in loadables for text in (*one.warnings, one.refusal) if text)
    return ("warned" if texts else "ok"), " ".join(texts)
