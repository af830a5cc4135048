"""Verbs of the watched inbox: files that arrive in a folder are copied into the database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from DICOMModule.database import ImportReport
from DICOMModule.dicom.inbox import SETTLE_S, Inbox
from DICOMModule.errors import DatabaseBusyError, DatabaseError, DicomFileError, DiskFullError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.verbs.importing import ImportingVerbs

LOOK_EVERY_S: Final = 2.0
_NAP_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class InboxReport:
    """What came of the files that arrived together.

    Attributes
    ----------
    report : ImportReport
        As of any import; its files are copies.
    removed : int
        Files that were deleted from the inbox as their copies are safe.
    """

    report: ImportReport
    removed: int = 0


@dataclass(frozen=True, slots=True)
class InboxProgress(Progress):
    """A progress with news.

    Attributes
    ----------
    taken : InboxReport or None
        Files that were taken.
    error : DatabaseError or None
        Why files could not be taken now; they are tried again later.
    problem : str
        Why the folder cannot be looked into now, as a sentence.
    """

    taken: InboxReport | None = None
    error: DatabaseError | None = field(default=None, compare=False)
    problem: str = ""


class InboxVerbs(ImportingVerbs):
    """Watch a folder."""

    def open_inbox(self, folder: Path, settle_s: float = SETTLE_S) -> Inbox:
        """Return the state of watching `folder`, for `Inbox.look_job` and `take_from_inbox_job`.

        Raises
        ------
        DicomFileError
            It does not exist or is no folder.
        DatabaseError
            It is the folder of the database, or one of them lies in the other.
        """
        if not folder.is_dir():
            raise DicomFileError(folder, "is no folder that could be watched. Check the path.")
        place, own = folder.resolve(), self.database_folder.expanduser().resolve()
        if place.is_relative_to(own) or own.is_relative_to(place):
            raise DatabaseError(
                f"the inbox {plain_text(str(folder))} and the database {plain_text(str(own))} lie in one another."
                " Choose another folder for one of them."
            )
        return Inbox(place, settle_s)

    def take_from_inbox_job(self, inbox: Inbox, paths: Sequence[Path], *, remove: bool = False) -> Job[InboxReport]:
        """Copy files that have arrived in an inbox into the database.

        They are left where they are and not looked at again until they change. With `remove`, each file is deleted once
        its copy is registered and both, read again, have the same SHA-256; archives and whatever is not taken stay.

        Raises
        ------
        DatabaseError
            The database cannot be written; `Inbox.put_off` lets the files be tried again.
        """
        database = self.database(create=True)
        report = yield from database.import_job(paths, copy=True, source="inbox", named=False)
        inbox.take()
        removed = 0
        if remove:
            for number, path in enumerate(paths):
                yield Progress(number, len(paths), path.name)
                removed += yield from database.remove_if_safe_job(path)
        yield from self._note_health_job(report.series_instance_uids)
        return InboxReport(report, removed)

    def inbox_job(self, folder: Path, *, remove: bool = False, settle_s: float = SETTLE_S) -> Job[None]:
        """Watch a folder until the job is closed: `open_inbox`, then look and take in turns.

        What was taken, and what could not be, is told by `InboxProgress`. Where the disk is full or another program keeps
        the database locked it goes on after a pause.

        Raises
        ------
        DicomFileError, DatabaseError
            As `open_inbox` and `take_from_inbox_job`.
        """
        inbox = self.open_inbox(folder, settle_s)
        while True:
            if ready := (yield from inbox.look_job()):
                try:
                    taken = yield from self.take_from_inbox_job(inbox, ready, remove=remove)
                    yield InboxProgress(0, 0, "files have arrived", taken)
                except (DatabaseBusyError, DiskFullError) as error:
                    inbox.put_off()
                    yield InboxProgress(0, 0, str(error), error=error)
            if inbox.problem:
                yield InboxProgress(0, 0, inbox.problem, problem=inbox.problem)
            next_look = time.monotonic() + LOOK_EVERY_S
            while time.monotonic() < next_look:
                yield Progress(0, 0, "waiting for files")
                time.sleep(_NAP_S)
