"""A volume into a study of the database: which series it takes after, whether it may go there, and the proof of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from DICOMModule.database import DicomDatabase, ImportReport
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import ExportError, UnknownUIDError
from DICOMModule.export import ExportOptions, check_series, export_series_job
from DICOMModule.jobs import Job
from DICOMModule.volume.volume import Volume


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


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export that is not refused would do.

    Attributes
    ----------
    like_series_uid : str
        The series whose headers the new one takes after; empty for a new study.
    modality : str
        Of the images that are written.
    """

    like_series_uid: str
    modality: str


ImportsCopies: TypeAlias = Callable[[Sequence[Path]], Job[ImportReport]]
"""Brings files into the database as copies and examines what came of them: Logic's `import_job`."""


def export_job(
    database: DicomDatabase,
    import_job: ImportsCopies,
    volume: Volume,
    options: ExportOptions,
    *,
    study_instance_uid: str,
    like: str,
) -> Job[ExportReport]:
    """Put `volume` into the database as a new series of a study, proved by reading it again.

    Parameters
    ----------
    study_instance_uid : str
        The study; empty for a new one, whose patient `options` names.
    like : str
        The series whose headers the new one takes after; empty: see `image_series_of`.

    Raises
    ------
    ExportError
        It is not clear which series is meant, or the volume cannot be written exactly within its bound.
    UnknownUIDError
        There is no such study or series.
    """
    template = _template(database, volume, study_instance_uid, like)
    # one at a time: two exports into one study would both take the number after its last
    with (yield from database.exclusive_job("export")):
        if study_instance_uid:
            numbers = [row.series_number or 0 for row in database.series(study=study_instance_uid)]
            options = replace(options, highest_series_number=max(numbers, default=0))
        with database.staging_folder() as folder:
            written = yield from export_series_job(volume, template, options, folder)
            report = yield from import_job([folder])
            if report.added != len(written.paths):
                reasons = [row.reason for row in report.duplicates] + [row.reason for row in report.rejected]
                lost = "; ".join(reasons)
                raise ExportError(f"the database did not take the new series: {lost or 'no reason given'}")
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


def check_export(
    database: DicomDatabase, volume: Volume, options: ExportOptions, study_instance_uid: str, like: str
) -> ExportPlan:
    """Check before the work what `export_job` would refuse, and return what it would do; see there."""
    template = _template(database, volume, study_instance_uid, like)
    modality = check_series(volume, template, options)
    return ExportPlan(template[0].series_instance_uid if template else "", modality)


def _template(
    database: DicomDatabase, volume: Volume, study_instance_uid: str, like: str
) -> tuple[InstanceHeader, ...]:
    """Return the headers that a new series takes after, once it is known that it may go into the study."""
    if study_instance_uid:
        like = like or image_series_of(database, volume, study_instance_uid)
    template = database.headers_of_series(like) if like else ()
    if study_instance_uid and template[0].study_instance_uid != study_instance_uid:
        raise ExportError(
            f"the series {like} belongs to the study {template[0].study_instance_uid}, not to {study_instance_uid};"
            " name a series of that study"
        )
    if study_instance_uid:
        _check_patient(database, volume, study_instance_uid)
    return template


def image_series_of(database: DicomDatabase, volume: Volume, study_instance_uid: str) -> str:
    """Return the series whose headers a new series of the study takes after.

    The one that the volume came from, else the study's only image series, else the only one among several that is not
    derived from another: results that were put back before do not make it unclear.

    Raises
    ------
    ExportError
        It is not clear which one.
    UnknownUIDError
        There is no such study.
    """
    rows = database.series(study=study_instance_uid)
    if not rows:
        raise UnknownUIDError(f"there is no study {study_instance_uid} in the database in {database.folder}")
    known = {row.series_instance_uid for row in rows}
    own = [uid for uid in volume.source_series_uids if uid in known]
    if own:
        return own[0]
    images = [row.series_instance_uid for row in rows if row.health in ("ok", "warned")]
    originals = images if len(images) == 1 else [uid for uid in images if not _is_derived(database, uid)]
    if len(originals) != 1:
        listed = ", ".join(images) or "none"
        raise ExportError(
            f"the study {study_instance_uid} has {len(images)} image series ({listed}), so it is not clear whose"
            " headers the new series takes; name one with --like"
        )
    return originals[0]


def _is_derived(database: DicomDatabase, series_instance_uid: str) -> bool:
    """Return whether a series' pixel values were derived from others (Image Type, PS3.3 C.7.6.1.1.2)."""
    image_type = database.headers_of_series(series_instance_uid)[0].texts("ImageType")
    return image_type[:1] == ("DERIVED",)


def _check_patient(database: DicomDatabase, volume: Volume, study_instance_uid: str) -> None:
    """Refuse to file values of one patient under another, as far as the database knows where they come from."""
    theirs = {row.patient for row in database.studies(study=study_instance_uid)}
    for uid in volume.source_series_uids:
        known = {row.patient for row in database.studies(series=uid)}
        if known and theirs and not known & theirs:
            raise ExportError(
                f"the values come from the series {uid} of another patient than that of the study"
                f" {study_instance_uid}; name a study of the same patient"
            )
