"""What the trash holds and what becomes of it, in words; no Qt here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from DICOMModule.database import PurgeReport, TrashEntry
from DICOMModule.database.summaries import TrashedStudy
from DICOMModule.dicom.person_name import person_name
from DICOMModule.errors import plain_text
from DICOMModule.widgets.wording import bytes_text, counted


def local_time(written: str | None) -> str:
    """Return a time that the database keeps (ISO 8601, UTC) as the clock on the wall shows it: ``2026-03-09 10:15``."""
    if not written:
        return ""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return plain_text(written)
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def counts_text(things: TrashEntry | TrashedStudy) -> str:
    """Return how much there is of something: ``2 series, 120 files``."""
    return f"{counted(things.series, 'series', 'series')}, {counted(things.instances, 'file')}"


def patient_text(study: TrashedStudy, *, anonymous: bool) -> str:
    """Return whose study it is."""
    if anonymous:
        return f"Anonymous {study.patient}"
    name = plain_text(person_name(study.patient_name or "")) or "(no name)"
    return f"{name} ({plain_text(study.patient_id)})" if study.patient_id else name


def study_text(study: TrashedStudy) -> str:
    """Return what a study is called, and when it was."""
    parts = (study.study_date or "", study.study_description or "", " ".join(study.modalities))
    return " ".join(plain_text(part) for part in parts if part) or "(no description)"


def entry_text(entry: TrashEntry, *, anonymous: bool) -> str:
    """Return what an act of deleting took away: its one study, or of how many patients how many studies."""
    if len(entry.contents) == 1:
        return f"{patient_text(entry.contents[0], anonymous=anonymous)}: {study_text(entry.contents[0])}"
    if entry.patients == 1 and entry.contents:
        return f"{patient_text(entry.contents[0], anonymous=anonymous)}: {counted(entry.studies, 'study', 'studies')}"
    return f"{counted(entry.patients, 'patient')}, {counted(entry.studies, 'study', 'studies')}"


def purge_question(entries: Sequence[TrashEntry], *, anonymous: bool) -> str:
    """Return what is about to be deleted for good, and that nothing brings it back."""
    studies = len({(one.patient, one.study_instance_uid) for entry in entries for one in entry.contents})
    patients = len({one.patient for entry in entries for one in entry.contents})
    series, files, size = (sum(getattr(entry, name) for entry in entries) for name in ("series", "instances", "bytes"))
    what = (
        f"{counted(files, 'file')} ({bytes_text(size)}) in {counted(series, 'series', 'series')}"
        f" of {counted(studies, 'study', 'studies')} of {counted(patients, 'patient')}"
    )
    is_one = len(entries) == 1 and patients == 1
    named = f": {entry_text(entries[0], anonymous=anonymous)}" if is_one else ""
    return (
        f"{what}{named}\n\n"
        "The database forgets it: rows, labels and notes, thumbnails, copies in the database's folder, what was set aside of"
        " it, and its traces in reports and backups. Files that were only pointed to stay where they are.\n\n"
        "This cannot be undone."
    )


def purge_sentence(report: PurgeReport) -> str:
    """Return what a purge took away."""
    told = (
        f"Deleted permanently: {counted(report.instances, 'image or object', 'images and objects')},"
        f" {counted(report.files_removed, 'file')} of the database's folder ({bytes_text(report.bytes_freed)})."
    )
    return " ".join([told, *report.notes])
