"""The account of one import while it runs: the tally that becomes its report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from DICOMModule.database.rows import Written
from DICOMModule.database.summaries import Duplicate, ImportReport
from DICOMModule.errors import Problem

SHARED_STUDY: Final = "this Study Instance UID is used by two patients; they are kept apart."


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
        self.warnings += [Problem(uid, SHARED_STUDY) for uid in sorted(written.shared_study_uids)]

    def report(self, elapsed_s: float, event: int) -> ImportReport:
        """Return the report as it is now of the import with the number `event`."""
        names = ("files_seen", "added", "updated", "unchanged", "not_dicom", "patients", "studies", "series")
        return ImportReport(
            **{name: self.counts[name] for name in names},
            rejected=tuple(self.rejected),
            duplicates=tuple(self.duplicates),
            warnings=tuple(self.warnings),
            series_instance_uids=tuple(sorted(self.series_uids)),
            elapsed_s=elapsed_s,
            event=event,
        )


def now_text() -> str:
    """Return the time now, in UTC, as the database writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
