"""Verbs that keep the archive sound."""

from __future__ import annotations

from dataclasses import replace

from DICOMModule.database import DicomDatabase, QuarantinedFile, VerifyReport
from DICOMModule.jobs import Job
from DICOMModule.verbs.base import LogicBase


class KeepingVerbs(LogicBase):
    """Verify, repair; what was set aside."""

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

    def quarantine(self) -> list[QuarantinedFile]:
        """Return what was set aside, with its reason: conflicts, and what is left of files that were mended."""
        return self.database().quarantine()


def _of_changed_files(database: DicomDatabase, report: VerifyReport) -> list[str]:
    """Return the UIDs of series that may be examined otherwise than before."""
    changed = [row.series_instance_uid for row in database.series() if row.health == "refused"]
    if report.missing or report.damaged:
        changed += [row.series_instance_uid for row in database.instances() if row.state != "present"]
    return [*changed, *database.unexamined_series()] if report.repaired else changed
