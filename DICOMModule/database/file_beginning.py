"""The first bytes of the database file, looked at before SQLite is let at it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

from DICOMModule.database.failures import corrupt_error
from DICOMModule.errors import DatabaseError, plain_text

_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
MISSING: Final = (
    "the database {} has gone, while copies of its images are there; `verify --rebuild` makes it anew from them"
)
_LOG: Final = logging.getLogger(__name__)


def check_beginning(path: Path) -> None:
    """Refuse a file that has lost its beginning or its end.

    SQLite takes an empty file for a new database, whatever lies beside it, and drops the log that belonged to it; the end
    of a file that was cut it would miss only when it comes to read it.

    Raises
    ------
    DatabaseCorruptError
        The file is damaged, or it has gone and has left its log behind.
    DatabaseError
        It cannot be read.
    """
    log = path.with_name(f"{path.name}-wal")
    try:
        with path.open("rb") as file:
            beginning = file.read(_HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        if log.exists() and log.stat().st_size > 0:
            raise corrupt_error(path, "it has gone, and its log is left") from None
        if holds_copies(path.with_name("dicom")):
            _LOG.warning("%s", MISSING.format(plain_text(str(path))))
        return
    except OSError as error:
        raise DatabaseError(f"the database {plain_text(str(path))} cannot be read: {error.strerror}.") from error
    has_log = log.exists() and log.stat().st_size > 0
    if not beginning:
        if has_log or holds_copies(path.with_name("dicom")):
            raise corrupt_error(path, "it is empty")
        return
    if beginning[: len(_MAGIC)] != _MAGIC:
        raise corrupt_error(path, "its beginning is not that of a database")
    if not has_log and size < _bytes_said(beginning):
        raise corrupt_error(path, f"it is cut: {size} bytes are left of {_bytes_said(beginning)}")


def _bytes_said(header: bytes) -> int:
    """Return how long a file says that it is, 0 where it does not: https://www.sqlite.org/fileformat.html#the_database_header."""
    if len(header) < _HEADER_BYTES or header[24:28] != header[92:96]:
        return 0
    page_bytes = int.from_bytes(header[16:18], "big")
    return (65536 if page_bytes == 1 else page_bytes) * int.from_bytes(header[28:32], "big")


def holds_copies(dicom: Path) -> bool:
    """Return whether there are copies of images in a folder."""
    return any(dicom.glob("??/*.dcm"))
