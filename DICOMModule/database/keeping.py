"""What keeps an open database sound: the part of `DicomDatabase` that checks and mends.

What does so is imported when it is asked for: a window or a listing that only reads starts without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.opening import WriterMark, back_up_if_due, backup_job, look_after, warn_of_place
from DICOMModule.database.quarantine import quarantined_files
from DICOMModule.database.summaries import QuarantinedFile, RebuildReport, RelinkReport, VerifyReport
from DICOMModule.jobs import Job


class Keeping:
    """The checking and mending of an open database; `DicomDatabase` has these verbs.

    Parameters
    ----------
    catalogue, store : Catalogue, FileStore
        Of the database.
    """

    def __init__(self, catalogue: Catalogue, store: FileStore) -> None:
        self._catalogue = catalogue
        self._store = store
        self._mark = WriterMark(store.folder)

    def begin(self) -> None:
        """See how the database was left and whether a backup is due; `DicomDatabase.open` calls it."""
        if not self._catalogue.read_only:
            self._catalogue.before_first_write = self._mark.make
            look_after(self._catalogue, self._store)
            back_up_if_due(self._catalogue)
        warn_of_place(self._store.folder)

    def close(self) -> None:
        """Close all connections; the object is of no use afterwards."""
        self._catalogue.close()
        self._mark.release()

    def verify_job(self, *, repair: bool = False, quick: bool = False) -> Job[VerifyReport]:
        """Check that every registered file is there and unchanged, and what lies about beside.

        Parameters
        ----------
        repair : bool
            Mend what can be mended with certainty; see `repair.repair_job`.
        quick : bool
            Look at names and sizes only; see `audit.verify_job`.
        """
        from DICOMModule.database.audit_report import verify_job
        from DICOMModule.database.repair import repair_job

        yield from backup_job(self._catalogue)
        run = repair_job if repair else verify_job
        report = yield from run(self._catalogue, self._store, quick=quick)
        return report

    @staticmethod
    def rebuild_job(folder: Path) -> Job[RebuildReport]:
        """Make the index of a database folder anew, which nobody may have open; see `rebuild.rebuild_job`."""
        from DICOMModule.database.rebuild import rebuild_job

        report = yield from rebuild_job(folder.expanduser().resolve())
        return report

    def audit_job(self, max_bytes: int | None = None) -> Job[VerifyReport]:
        """Check what was looked at longest ago, until `max_bytes` have been read; see `rolling.audit_job`."""
        from DICOMModule.database.rolling import MAX_BYTES, audit_job

        yield from backup_job(self._catalogue)
        report = yield from audit_job(self._catalogue, self._store, MAX_BYTES if max_bytes is None else max_bytes)
        return report

    def relink_job(self, folder: Path) -> Job[RelinkReport]:
        """Look through a folder for referenced files that have gone from where they were; see `relink.relink_job`."""
        from DICOMModule.database.relink import relink_job

        return relink_job(self._catalogue, self._store, folder)

    def quarantine(self) -> list[QuarantinedFile]:
        """Return what was set aside, by path."""
        return quarantined_files(self._catalogue, self._store)

    def accept_quarantined(self, number: int) -> str:
        """Let what was set aside take the place of what was there first; see `quarantine_decisions.accept`."""
        from DICOMModule.database.quarantine_decisions import accept

        return accept(self._catalogue, self._store, number)

    def discard_quarantined(self, numbers: Sequence[int]) -> int:
        """Remove what was set aside for good; see `quarantine_decisions.discard`."""
        from DICOMModule.database.quarantine_decisions import discard

        return discard(self._catalogue, self._store, numbers)
