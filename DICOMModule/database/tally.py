"""The account of one import: the tally that becomes its report, and its event in the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.rows import Written
from DICOMModule.database.summaries import Duplicate, ImportReport
from DICOMModule.errors import Problem


@dataclass(slots=True)
class Tally:
    """The report while it grows."""

    counts: Counter[str] = field(default_factory=Counter)
    rejected: list[Problem] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    series_uids: set[str] = field(default_factory=set)

    def merge(self, written: Written) -> None:
        """Take over what a batch wrote above its instances."""
        self.counts.update(patients=written.patients, studies=written.studies, series=written.series)
        self.series_uids |= written.series_uids
        self.warnings += [
            Problem(uid, "this Study Instance UID is used by two patients; they are kept apart.")
            for uid in sorted(written.shared_study_uids)
        ]

    def report(self, elapsed_s: float) -> ImportReport:
        """Return the report as it is now."""
        names = ("files_seen", "added", "updated", "unchanged", "not_dicom", "patients", "studies", "series")
        return ImportReport(
            **{name: self.counts[name] for name in names},
            rejected=tuple(self.rejected),
            duplicates=tuple(self.duplicates),
            warnings=tuple(self.warnings),
            series_instance_uids=tuple(sorted(self.series_uids)),
            elapsed_s=elapsed_s,
        )


def now_text() -> str:
    """Return the time now, in UTC, as the database writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def begin_event(catalogue: Catalogue, *, copy: bool) -> int:
    """Note that an import begins; return the number of the event."""
    with catalogue.transaction() as connection:
        statement = "INSERT INTO import_event (started_at, copied) VALUES (?, ?)"
        return int(connection.execute(statement, (now_text(), copy)).lastrowid or 0)


def end_event(catalogue: Catalogue, event: int, outcome: str, tally: Tally) -> None:
    """Note how an import ended."""
    names = ("files_seen", "added", "updated", "unchanged", "not_dicom")
    with catalogue.transaction() as connection:
        connection.execute(
            "UPDATE import_event SET finished_at = ?, outcome = ?, files_seen = ?, added = ?, updated = ?, unchanged = ?,"
            " not_dicom = ? WHERE id = ?",
            (now_text(), outcome, *(tally.counts[name] for name in names), event),
        )
