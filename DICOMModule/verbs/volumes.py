"""Verbs of volumes: load, process, export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from DICOMModule.errors import Problem, UnknownUIDError, plain_text
from DICOMModule.jobs import Job
from DICOMModule.verbs.importing import ImportingVerbs
from DICOMModule.verbs.reading import ReadingVerbs

if TYPE_CHECKING:
    from DICOMModule.export import ExportOptions
    from DICOMModule.readers.loadable import Loadable
    from DICOMModule.study_export import ExportPlan, ExportReport
    from DICOMModule.volume.sequence import VolumeSequence
    from DICOMModule.volume.volume import Volume


@dataclass(frozen=True, eq=False)
class Loaded:
    """A loadable and the volume that it became; `loadable` is None for a volume that was read from a plain file.

    `problems` are the items of the target that were left out; the volume's warnings name them too. Of a `sequence`,
    `volume` is the first.
    """

    volume: Volume
    loadable: Loadable | None = None
    problems: tuple[Problem, ...] = ()
    sequence: VolumeSequence | None = None


class VolumeVerbs(ImportingVerbs, ReadingVerbs):
    """Load, process, export."""

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
        from DICOMModule.volume.sequence import VolumeSequence

        value = yield from load_job(loadable)
        volumes = value.volumes if isinstance(value, VolumeSequence) else (value,)
        if problems:
            volumes = tuple(replace(one, warnings=(*one.warnings, *left_out(problems))) for one in volumes)
        sequence = replace(value, volumes=volumes) if isinstance(value, VolumeSequence) else None
        return Loaded(volumes[0], loadable, tuple(problems), sequence)

    def open_job(self, target: str, loadable_id: str = "") -> Job[Loaded]:
        """Load a volume or a sequence from wherever it is: a volume file by its suffix, else as `load_job` does."""
        from DICOMModule.export import is_volume_file, read_image_file
        from DICOMModule.volume.sequence import VolumeSequence

        path = self.targets.path_of(target)
        if path is not None and path.is_file() and is_volume_file(path):
            value = read_image_file(path)
            return Loaded(value.first, sequence=value) if isinstance(value, VolumeSequence) else Loaded(value)
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
            lambda folders: self.import_job(folders, copy=True, source="export"),
            volume,
            options,
            study_instance_uid=study_instance_uid,
            like=like_series_uid,
        )
        return report
