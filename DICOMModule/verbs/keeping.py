"""Verbs that keep the archive sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from DICOMModule.database import DicomDatabase, QuarantinedFile, RelinkReport, VerifyReport
from DICOMModule.jobs import Job, run_to_end
from DICOMModule.verbs.base import LogicBase


class KeepingVerbs(LogicBase):
    """Verify, repair, rebuild, relink; what was set aside."""

    def verify_job(self, *, repair: bool = False, quick: bool = False) -> Job[VerifyReport]:
        """Check that every registered file is there, whole and unchanged, and that the database itself is sound.

        Series whose files are found missing or damaged, or found again, get the health that goes with it.

        Parameters
        ----------
        repair : bool
            Mend what can be mended with certainty.
        quick : bool
            Look at names and sizes only.

        Raises
        ------
        DatabaseReadOnlyError
            The folder cannot be written to, and `repair` was asked for.
        """
        database = self.database()
        report = yield from database.verify_job(repair=repair, quick=quick)
        if not database.read_only and report.database == "ok":
            yield from self._note_health_job(_of_changed_files(database, report))
        return report

    def rebuild_job(self, *, repair: bool = False) -> Job[VerifyReport]:
        """Make the index anew: from the files, and from what can still be read of the old one, which is kept.

        Nobody else may have the database open, and no other job of this Logic may be using it.

        Parameters
        ----------
        repair : bool
            Mend afterwards what can be mended with certainty.

        Raises
        ------
        DatabaseError
            Another program has it open; a newer version wrote it; the folder cannot be written to.
        """
        self._close_database()
        rebuilt = yield from DicomDatabase.rebuild_job(self.database_folder)
        report = yield from self.verify_job(repair=repair, quick=True)
        yield from self._note_health_job(self.database().unexamined_series())
        return replace(
            report, repaired=(rebuilt.database, *report.repaired), advice=(*report.advice, *rebuilt.problems)
        )

    def audit_job(self, max_bytes: int | None = None) -> Job[VerifyReport]:
        """Check the content of what was looked at longest ago, until `max_bytes` (None: a GiB) have been read.

        Called now and then it goes through the whole archive. Nothing is mended.
        """
        database = self.database()
        report = yield from database.audit_job(max_bytes)
        if report.database == "ok":
            yield from self._note_health_job(_of_changed_files(database, report))
        return report

    def relink_job(self, folder: Path) -> Job[RelinkReport]:
        """Look through a folder for referenced files that have gone from where they were, and point to them there.

        Raises
        ------
        DicomFileError
            `folder` does not exist.
        DatabaseError
            The database cannot be written.
        """
        report = yield from self.database().relink_job(folder)
        yield from self._note_health_job(report.series_instance_uids)
        return report

    def accept_quarantined(self, number: int) -> None:
        """Let what was set aside take the place of what was there first, which goes to the quarantine in its stead.

        Raises
        ------
        UnknownUIDError
            The number is of nothing in the quarantine.
        DicomFileError
            It cannot be read, or is not what was set aside.
        DatabaseError
            The database cannot be written, or files are being purged or repaired.
        """
        series = self.database().accept_quarantined(number)
        run_to_end(self._note_health_job([series]))

    def discard_quarantined(self, numbers: Sequence[int]) -> int:
        """Remove what was set aside for good, and say how many files went; those of the user's own stay.

        Raises
        ------
        UnknownUIDError
            One of the numbers is of nothing in the quarantine; then nothing is removed.
        DatabaseError
            One is the only whole file of a registered instance; the database cannot be written.
        """
        return self.database().discard_quarantined(numbers)

    def quarantine(self) -> list[QuarantinedFile]:
        """Return what was set aside, with its reason: conflicts, and what is left of files that were mended."""
        return self.database().quarantine()


def _of_changed_files(database: DicomDatabase, report: VerifyReport) -> list[str]:
    """Return the UIDs of series that may be examined otherwise than before."""
    changed = [row.series_instance_uid for row in database.series() if row.health == "refused"]
    if report.missing or report.damaged:
        changed += [row.series_instance_uid for row in database.instances() if row.state != "present"]
    return [*changed, *database.unexamined_series()] if report.repaired else changed
