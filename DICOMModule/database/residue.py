"""What SQLite leaves of deleted rows in its files, and how it is brought to leave nothing."""

from __future__ import annotations

import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import BUSY_WAIT_S, disk_full_error
from DICOMModule.jobs import Job, Progress

SPARE_BYTES: Final = 16 << 20
LOG_WAIT_S: Final = 10.0
_POLL_S: Final = 0.1
_TRY_S: Final = 0.1


def rewrite_job(path: Path, text: str) -> Job[None]:
    """Write an SQLite file anew (VACUUM): free pages, and what is left of moved rows within pages, are gone then.

    Closing the job takes it back. Others can read meanwhile, and wait with writing.

    Raises
    ------
    DiskFullError
        There is no room for a second copy; nothing has been done then.
    sqlite3.Error
        It cannot be rewritten.
    """
    check_room(path)
    connection = sqlite3.connect(path, timeout=BUSY_WAIT_S, isolation_level=None, check_same_thread=False)
    with closing(connection), ThreadPoolExecutor(1) as worker:
        done = worker.submit(connection.execute, "VACUUM")
        try:
            while not wait([done], _POLL_S).done:
                yield Progress(0, 0, text)
        finally:
            if not done.done():
                connection.interrupt()
        done.result().close()


def check_room(path: Path) -> None:
    """Raise DiskFullError where there is no room for a copy of a file beside it."""
    if shutil.disk_usage(path.parent).free < path.stat().st_size + SPARE_BYTES:
        raise disk_full_error(path.parent)


def empty_log_job(path: Path, wait_s: float) -> Job[bool]:
    """Move all of the write-ahead log into the database and cut it to nothing; False where a reader hinders that."""
    log = path.with_name(f"{path.name}-wal")
    deadline = time.monotonic() + wait_s
    with closing(sqlite3.connect(path, timeout=_TRY_S, isolation_level=None)) as connection:
        while True:
            try:
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError as error:
                if not (error.sqlite_errorname or "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    raise
                busy = True
            if not busy and not (log.exists() and log.stat().st_size):
                return True
            if time.monotonic() >= deadline:
                return False
            yield Progress(0, 0, "waiting until no other program reads the database")
