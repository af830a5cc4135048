"""Taking a database file away from everybody, and putting another one in its place while the old one is kept."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import FILE_NAME
from DICOMModule.database.failures import SQL_ERRORS, translated_os_error
from DICOMModule.database.file_store import sync_folder
from DICOMModule.errors import DatabaseBusyError, DatabaseError, plain_text
from DICOMModule.jobs import Job, Progress

LONGEST_WAIT_S: Final = 5.0
_POLL_S: Final = 0.05
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")
# where SQLite's own locks lie in the file: https://www.sqlite.org/src/doc/trunk/src/os.h
_SHARED_FIRST: Final = 0x40000002
_SHARED_SIZE: Final = 510


class HeldDatabase:
    """A database file that no other program has open.

    Attributes
    ----------
    path : Path
        Of the file; it need not exist.
    connection : sqlite3.Connection or None
        To read it by; None where SQLite does not take it for a database.
    reason : str
        Why it does not.
    has_log : bool
        Whether there is a log that could not be folded into the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection: sqlite3.Connection | None = None
        self.reason = ""
        self.has_log = True
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the file; return False where another program has it open."""
        if not self.path.exists():
            return True
        if not self.path.stat().st_size:  # SQLite would take it for a new database, and remove the log beside it
            return self._take_what_is_no_database()
        connection = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            # with this lock nobody else can have the log open: SQLite gives it to the only one
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except SQL_ERRORS as error:
            connection.close()
            if _is_busy(error):
                return False
            self.reason = str(error)
            return self._take_what_is_no_database()
        connection.execute("COMMIT")
        try:
            with suppress(*SQL_ERRORS):  # what is damaged is read as it is, and the lock stays
                connection.execute("PRAGMA journal_mode = DELETE")  # folds the log into the file
                connection.execute("PRAGMA locking_mode = NORMAL")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # lets go of the journal
            connection.execute("BEGIN EXCLUSIVE")
            self.has_log = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        except SQL_ERRORS as error:
            if _is_busy(error):  # another program was faster
                connection.close()
                return False
        self.connection = connection
        return True

    def close(self) -> None:
        """Let go of the file."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take_what_is_no_database(self) -> bool:
        """Hold the lock that SQLite would hold, so that a program that has had it open since before is noticed."""
        if sys.platform == "win32":  # there a file that somebody has open cannot be replaced
            return True
        import fcntl

        self._descriptor = os.open(self.path, os.O_RDWR)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except OSError:
            self.close()
            return False
        return True


def _is_busy(error: Exception) -> bool:
    return (getattr(error, "sqlite_errorname", "") or "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def hold_job(folder: Path) -> Job[HeldDatabase]:
    """Take the database file of a folder, for reading it while nobody else can change it.

    Raises
    ------
    DatabaseBusyError
        Another program has it open, and still has it after a few seconds.
    """
    held = HeldDatabase(folder / FILE_NAME)
    deadline = time.monotonic() + LONGEST_WAIT_S
    while not held.take():
        if time.monotonic() > deadline:
            raise DatabaseBusyError(
                f"another program has the database {plain_text(str(held.path))} open, and what it writes meanwhile would"
                " be lost. Close its windows and listeners, then rebuild."
            )
        yield Progress(0, 0, "waiting for another program to close the database")
        time.sleep(_POLL_S)
    return held


def put_in_place(held: HeldDatabase, new: Path) -> Path | None:
    """Put a new database file in the place of the one that is held, atomically; return where the old one is kept.

    Raises
    ------
    DatabaseError
        The folder cannot be written to, or (Windows) another program has the file open. The old one is in its place then.
    """
    folder = held.path.parent
    # SQLite removes a log by its name when it is closed, and that name will be the new file's
    if sys.platform == "win32" or held.has_log:
        held.close()
    try:
        kept = _keep(held.path, folder / "backups")
        new.replace(held.path)
        sync_folder(folder)
    except OSError as error:
        raise translated_os_error(error, folder) or DatabaseError(
            f"the new index cannot take the place of {plain_text(str(held.path))}: {error.strerror}."
            " Close all other programs that use the database, then rebuild."
        ) from error
    return kept


def _keep(path: Path, backups: Path) -> Path | None:
    """Give the old file a second name among the backups; what is left of its log goes there, too."""
    logs = [beside for side in _SIDE_FILES if (beside := path.with_name(path.name + side)).exists()]
    if not logs and not path.exists():
        return None
    backups.mkdir(mode=0o700, exist_ok=True)
    kept = backups / f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%f')}-replaced.sqlite"
    if path.exists():
        try:
            os.link(path, kept)
        except OSError:  # a file system without hard links
            shutil.copy2(path, kept)
    for log in logs:  # one that stayed would be taken for the new file's
        log.replace(kept.with_name(kept.name + log.name.removeprefix(path.name)))
    sync_folder(backups)
    return kept
