"""Verbs of the import history: what was imported when, what there was to say of it, and another try."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from DICOMModule.database import ImportEvent, ImportProblem, ImportReport
from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import Job
from DICOMModule.verbs.importing import ImportingVerbs


class HistoryVerbs(ImportingVerbs):
    """History, problems, retry."""

    def import_history(self, limit: int | None = None, offset: int = 0) -> list[ImportEvent]:
        """Return imports, the latest first."""
        return self.database().history.events(limit, offset)

    def import_event(self, event: int) -> ImportEvent:
        """Return one import; UnknownUIDError where there is none of that number."""
        return self.database().history.event(event)

    def import_problems(
        self, event: int, kind: str | None = None, text: str = "", limit: int | None = None, offset: int = 0
    ) -> list[ImportProblem]:
        """Return what an import had to say of files, see `ImportHistory.problems`.

        Raises
        ------
        UnknownUIDError
            There is no such import.
        """
        self.import_event(event)
        return self.database().history.problems(event, kind, text, limit, offset)

    def retry_job(self, event: int) -> Job[ImportReport]:
        """Import again what an import rejected or, where it did not come to its end, all that it was asked for.

        Of a ZIP file of which a member was rejected, the whole archive is imported again.

        Raises
        ------
        UnknownUIDError
            There is no such import.
        DatabaseError
            It is still running, or it was asked for something that is not there any more.
        DicomFileError
            It did not come to its end, and a path that it was asked for does not exist.
        """
        known = self.import_event(event)
        if known.outcome == "running":
            raise DatabaseError(f"import {event} is still running. Wait for its end, or cancel it first.")
        if known.outcome == "finished":
            rejected = self.database().history.problems(event, "rejected")
            report = yield from self._again_job(rejected, copy=known.copied)
            return report
        if not known.roots:
            raise DatabaseError(
                f"nothing is kept of what import {event} ({known.source}) was asked for: it was made for it, or has been"
                " purged. Do that again instead."
            )
        paths = [Path(root) for root in known.roots]
        report = yield from self.import_job(paths, copy=known.copied, source="retry")
        return report

    def _again_job(self, rejected: Iterable[ImportProblem], *, copy: bool) -> Job[ImportReport]:
        """Import these paths again as they were met: links are not followed, what has gone is rejected."""
        paths = list(dict.fromkeys(file_of(row.path) for row in rejected))
        if not paths:
            return ImportReport()
        report = yield from self.database().import_job(paths, copy=copy, source="retry", named=False)
        yield from self._note_health_job(report.series_instance_uids)
        return report


def file_of(path: str) -> Path:
    """Return the file that a row of a report is about: of a member of an archive, the archive."""
    whole = Path(path)
    is_member = ".." in whole.parts or not os.path.lexists(whole)  # no path that an import met has a step up in it
    for place in whole.parents if is_member else ():
        if os.path.isfile(place):  # noqa: PTH113 (no error for a name that no file can have)
            return place
    return whole
