"""Copies of the database file, made through SQLite, which knows of its log; of each kind the last few are kept."""

from __future__ import annotations

import errno
import logging
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from DICOMModule.database.failures import is_full
from DICOMModule.database.syncing import sync_file, sync_folder
from DICOMModule.errors import plain_text

KEPT_BACKUPS: Final = 3
DAILY: Final = "daily"
DAY_S: Final = 24 * 3600.0
PAGES_A_STEP: Final = 2000
BUSY_WAIT_S: Final = 30.0
STALE_S: Final = 3600.0
_PART: Final = ".part"
_STAMP: Final = "%Y%m%dT%H%M%S%f"
_NAME: Final = re.compile(r"(\d{8}T\d{12})-([a-z]+)\d*\.sqlite")
_LOG: Final = logging.getLogger(__name__)


class _StoppedError(Exception):
    """Nobody waits for the backup any more."""


def back_up(path: Path, folder: Path, kind: str, stopped: Callable[[], bool] | None = None) -> Path:
    """Copy the database file at `path` into `folder`, and keep the last few of this kind.

    Parameters
    ----------
    path, folder : Path
        The database file, and the folder of the backups.
    kind : str
        What it was made for, in letters; a number may follow.
    stopped : callable, optional
        Asked now and then whether to leave off.

    Raises
    ------
    sqlite3.Error, OSError
        It cannot be made; no backup has gone then.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    _sweep(folder)
    target = folder / f"{datetime.now(UTC).strftime(_STAMP)}-{kind}.sqlite"
    temporary = target.with_name(f"{target.name}.{uuid.uuid4().hex}{_PART}")
    try:
        os.close(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(temporary)) as copy:
            _copy(path, copy, stopped)
        sync_file(temporary)
        temporary.replace(target)
        sync_folder(folder)
    except sqlite3.Error as error:
        if is_full(
            folder
        ):  # now, before what was written is removed: SQLite does not always know why it could not write
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise
    finally:
        for beside in ("", "-wal", "-shm", "-journal"):
            temporary.with_name(temporary.name + beside).unlink(missing_ok=True)
    letters = kind.rstrip("0123456789")
    of_this_kind = [
        old for old in sorted(folder.glob("*.sqlite")) if (name := _NAME.fullmatch(old.name)) and name[2] == letters
    ]
    for old in of_this_kind[:-KEPT_BACKUPS]:
        old.unlink()
    return target


def _sweep(folder: Path) -> None:
    """Remove what programs that were killed have left half done: nothing that may still be being made."""
    for left in folder.glob(f"*{_PART}*"):  # with the journal that SQLite puts beside it
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_S:
                left.unlink()


def _copy(path: Path, copy: sqlite3.Connection, stopped: Callable[[], bool] | None) -> None:
    def check(_status: int, _remaining: int, _total: int) -> None:
        if stopped is not None and stopped():
            raise _StoppedError

    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_WAIT_S, isolation_level=None)) as source:
        source.execute("BEGIN")  # one state of it, whatever others write meanwhile
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(copy, pages=PAGES_A_STEP, progress=check)
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is not sound: {found}")


def is_due(path: Path, folder: Path, first_use: float | None) -> bool:
    """Return whether a day has gone since the last backup, or else since the first use, and something has been written since.

    Parameters
    ----------
    path, folder : Path
        The database file, and the folder of the backups.
    first_use : float or None
        Seconds since 1970; None where the database has not been used yet.
    """
    stamps = (
        [name[1] for old in folder.glob("*.sqlite") if (name := _NAME.fullmatch(old.name))] if folder.is_dir() else []
    )
    last = datetime.strptime(max(stamps), _STAMP).replace(tzinfo=UTC).timestamp() if stamps else first_use
    if last is None:
        return False
    age = time.time() - last
    if 0 <= age < DAY_S:
        return False
    return not stamps or age < 0 or is_written_since(path, last)  # a time to come is one of a wrong clock


def is_written_since(path: Path, last: float) -> bool:
    """Return whether a database, or its log, has been written to since a time, in seconds since 1970."""
    written = [one.stat().st_mtime for one in (path, path.with_name(f"{path.name}-wal")) if one.exists()]
    return max(written, default=0.0) > last


def back_up_daily(path: Path, folder: Path, stopped: Callable[[], bool] | None = None) -> Path | None:
    """Make the backup of the day; what hinders it is logged, and hinders nothing else."""
    try:
        return back_up(path, folder, DAILY, stopped)
    except _StoppedError:
        return None
    except (sqlite3.Error, OSError, ValueError) as error:
        _LOG.warning(
            "no backup of the database could be made in %s: %s", plain_text(str(folder)), plain_text(str(error))
        )
        return None
