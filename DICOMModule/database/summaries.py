"""What the database says of its patients, studies, series and instances: frozen values, no models.

The fields are the keys of `list` on the command line, in its order: DICOM keywords in snake case. Dates and times are
ISO 8601 or, where they cannot be read, as written; None where the file has nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from DICOMModule.errors import Problem


@dataclass(frozen=True, slots=True)
class PatientSummary:
    """A patient; `patient` is the number by which the database knows it: a Patient ID alone identifies nobody."""

    patient: int
    patient_id: str | None
    patient_name: str | None
    patient_birth_date: str | None
    patient_sex: str | None
    studies: int
    series: int
    instances: int
    labels: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A study of one patient."""

    patient: int
    patient_id: str | None
    patient_name: str | None
    study_instance_uid: str
    study_date: str | None
    study_time: str | None
    study_id: str | None
    accession_number: str | None
    study_description: str | None
    modalities_in_study: tuple[str, ...]
    series: int
    instances: int
    labels: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """A series; `health` is ``ok``, ``warned``, ``refused`` or ``unknown``, and `health_text` says why."""

    study_instance_uid: str
    series_instance_uid: str
    modality: str | None
    series_number: int | None
    series_description: str | None
    series_date: str | None
    body_part_examined: str | None
    instances: int
    frames: int
    bytes: int
    health: str
    health_text: str
    labels: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class InstanceSummary:
    """An instance; `path` is absolute, `state` is ``present``, ``missing`` or ``damaged``."""

    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    frames: int
    bytes: int
    copied: bool
    path: str
    state: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A file whose SOP Instance UID the database already holds from another file.

    `conflict` is true where the content is another one, so that the file was set aside in quarantine.
    """

    path: str
    sop_instance_uid: str
    reason: str
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did with every file.

    Always: added + updated + unchanged + not_dicom + len(rejected) + len(duplicates) = files_seen.

    Attributes
    ----------
    patients, studies, series : int
        New ones.
    series_instance_uids : tuple of str
        Series to which something was added or in which something was updated, sorted.
    warnings : tuple of Problem
        What is odd about files that were taken nevertheless, and studies that stand under two patients.
    event : int or None
        Its number in the import history.
    """

    files_seen: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    not_dicom: int = 0
    rejected: tuple[Problem, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    patients: int = 0
    studies: int = 0
    series: int = 0
    elapsed_s: float = 0.0
    series_instance_uids: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    event: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteReport:
    """What was put into the trash, or came back from it.

    Attributes
    ----------
    patients, studies, series : int
        Those that are shown no more, or again: a part of them does not count.
    instances : int
        All of them.
    files_removed, bytes_freed : int
        0: the trash touches no file.
    trash_id : int or None
        The act of deleting, by which it can be undone; None of what came back.
    series_instance_uids : tuple of str
        Series that are shown and have become more or less, sorted: what they can be loaded as is to be found out anew.
    """

    patients: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    files_removed: int = 0
    bytes_freed: int = 0
    trash_id: int | None = None
    series_instance_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What a purge took away for good.

    Attributes
    ----------
    patients, studies, series : int
        Those of which nothing is left, not even in the trash.
    instances : int
        All of them.
    files_removed, bytes_freed : int
        Files of ours: copies, quarantined ones, thumbnails, and backups that could not be rewritten. A referenced file
        outside the database folder is never touched.
    quarantined, thumbnails : int
        How many of the files were these.
    report_rows : int
        Rows of import reports that named it.
    backups_rewritten : int
        Backups that are there still, without it.
    backups_dropped : tuple of str
        Names of those that could not be rewritten and are gone.
    series_instance_uids : tuple of str
        Series of which a part is left and shown, sorted: what they can be loaded as is to be found out anew.
    notes : tuple of str
        What a user should know beside that, sentences.
    unfinished : str or None
        Why traces may still be there, and what to do; None where there are none. The next opening of the database goes
        on by itself.
    """

    patients: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    files_removed: int = 0
    bytes_freed: int = 0
    quarantined: int = 0
    thumbnails: int = 0
    report_rows: int = 0
    backups_rewritten: int = 0
    backups_dropped: tuple[str, ...] = ()
    series_instance_uids: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unfinished: str | None = None


@dataclass(frozen=True, slots=True)
class TrashedStudy:
    """What one act of deleting put into the trash of one study, as far as it is still there."""

    patient: int
    patient_id: str | None
    patient_name: str | None
    study_instance_uid: str
    study_date: str | None
    study_description: str | None
    modalities: tuple[str, ...]
    series: int
    instances: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TrashEntry:
    """One act of deleting, and what of it is still in the trash.

    Attributes
    ----------
    trash_id : int
        What `undo_delete` and `purge_trash` know it by.
    deleted_at : str
        ISO 8601, UTC.
    patients, studies, series, instances : int
        How many the entry holds anything of, be it a part.
    bytes : int
        Of all its files, copied and referenced.
    contents : tuple of TrashedStudy
        By patient's name, then study date.
    """

    trash_id: int
    deleted_at: str
    patients: int
    studies: int
    series: int
    instances: int
    bytes: int
    contents: tuple[TrashedStudy, ...]


class DatabaseCounts(NamedTuple):
    """How much the database shows."""

    patients: int
    studies: int
    series: int
    instances: int


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What an audit found; the paths are absolute, `database` is ``ok`` or what is wrong with the database itself.

    Attributes
    ----------
    checked : int
        Files that were looked at.
    missing, damaged, orphans, quarantined : tuple of str
        What is left to be seen to: registered files that have gone or are not what was registered, files that no row
        names, content that contradicts what was there first.
    repaired : tuple of str
        What was mended; it is in none of the others.
    remnants : tuple of str
        What was put into the quarantine when a file was mended: kept to be looked at, and no finding.
    advice : tuple of Problem
        For each finding why it is one, and what to do.
    bytes_read : int
        Of files whose content was looked at.
    """

    checked: int = 0
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    database: str = "ok"
    remnants: tuple[str, ...] = ()
    advice: tuple[Problem, ...] = ()
    bytes_read: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing left to be seen to."""
        return not (self.missing or self.damaged or self.orphans or self.quarantined) and self.database == "ok"


@dataclass(frozen=True, slots=True)
class QuarantinedFile:
    """A file that was set aside.

    Attributes
    ----------
    id : int
        By which it can be accepted or discarded.
    path : str
        Where it lies, absolute.
    sop_instance_uid : str
        Empty where it is not known.
    reason : str
        Why it was set aside.
    source_path : str
        Where it came from.
    added_at : str
        When, in UTC.
    held : bool
        Whether it lies in the database's folder; otherwise it is the user's own file.
    conflict : bool
        Whether somebody has to decide about it; otherwise it is what was left when a file was mended.
    sha256 : str
        Of the whole file when it was set aside.
    """

    id: int
    path: str
    sop_instance_uid: str
    reason: str
    source_path: str
    added_at: str
    held: bool
    conflict: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class RelinkReport:
    """What of the referenced files that had gone was found again in a folder.

    Attributes
    ----------
    relinked : tuple of str
        Where they lie now.
    still_missing : tuple of Problem
        Where those should be that were not found.
    conflicts : tuple of Problem
        Files of the same SOP Instance UID that are not what was registered, and were not taken.
    series_instance_uids : tuple of str
        Series that have files again.
    """

    relinked: tuple[str, ...] = ()
    still_missing: tuple[Problem, ...] = ()
    conflicts: tuple[Problem, ...] = ()
    series_instance_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What an index was made of that was made anew.

    Attributes
    ----------
    database : str
        The new file.
    kept : str
        Where the old one is kept; empty where there was none.
    instances : int
        How many are registered.
    from_files : int
        Those of them whose headers were read from their files; the others are missing, damaged or have changed.
    problems : tuple of Problem
        Instances of which not enough was left.
    """

    database: str
    kept: str
    instances: int
    from_files: int
    problems: tuple[Problem, ...] = ()
