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
    yield Progress(0, 0, text)
    deadline = time.monotonic() + BUSY_WAIT_S
    connection = sqlite3.connect(path, timeout=_TRY_S, isolation_level=None, check_same_thread=False)
    with closing(connection), ThreadPoolExecutor(1) as worker:
        while True:
            done = worker.submit(connection.execute, "VACUUM")
            try:
                while not wait([done], _POLL_S).done:
                    yield Progress(0, 0, text)
                done.result().close()
                return
            except sqlite3.OperationalError as error:
                # waited for here, not in SQLite, where nothing could interrupt it
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
            finally:
                if not done.done():
                    connection.interrupt()
            yield Progress(0, 0, f"{text}: waiting for another program")


def check_room(path: Path) -> None:
    """Raise DiskFullError where there is no room for a copy of a file beside it."""
    place = path.resolve()
    if shutil.disk_usage(place.parent).free < place.stat().st_size + SPARE_BYTES:
        raise disk_full_error(path.parent)


def empty_log_job(path: Path, wait_s: float) -> Job[bool]:
    """Move all of the write-ahead log into the database and cut it to nothing; False where a reader hinders that."""
    deadline = time.monotonic() + wait_s
    with closing(sqlite3.connect(path, timeout=_TRY_S, isolation_level=None)) as connection:
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() >= deadline:
                return False
            yield Progress(0, 0, "waiting until no other program reads the database")
            time.sleep(_POLL_S)
    return True


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return (error.sqlite_errorname or "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
