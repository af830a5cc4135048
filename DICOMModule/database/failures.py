"""What can go wrong with a database folder, in our words."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from DICOMModule.errors import DatabaseCorruptError, DatabaseError, DatabaseReadOnlyError, DiskFullError, plain_text

SQL_ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises through Python; the second where a word of its message is damaged text."""

LITTLE_ROOM_BYTES: Final = 1 << 16
_FULL_ERRORS: Final = frozenset((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)))
_READ_ONLY_ERRORS: Final = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))


def disk_full_error(folder: Path) -> DiskFullError:
    """Return the error that says that there is no room left for the database in `folder`."""
    return DiskFullError(
        f"there is no room left on the disk of {plain_text(str(folder))}. What was there before is intact;"
        " make room, then do it again."
    )


def corrupt_error(path: Path, reason: str) -> DatabaseCorruptError:
    """Return the error that says that the database file is damaged."""
    return DatabaseCorruptError(
        f"the database {plain_text(str(path))} is damaged ({reason}). The image files are not touched; make the"
        " database anew from them: `verify --rebuild`. The damaged one is kept."
    )


def translated_os_error(error: OSError, folder: Path) -> DatabaseError | None:
    """Return our error for one of the system's that concerns the database folder, None for any other."""
    if error.errno in _FULL_ERRORS:
        return disk_full_error(folder)
    if error.errno in _READ_ONLY_ERRORS:
        return DatabaseReadOnlyError(
            f"the database folder {plain_text(str(folder))} cannot be written to: {error.strerror}."
            " Check its permissions, or choose another folder."
        )
    return None


def is_full(folder: Path) -> bool:
    """Return whether a disk has so little room that SQLite cannot even make its lock files."""
    return shutil.disk_usage(folder).free < LITTLE_ROOM_BYTES
