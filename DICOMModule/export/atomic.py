"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from DICOMModule.errors import DiskFullError, ExportError, plain_text

FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""How systems say that there is no room."""


@contextlib.contextmanager
def atomic_file(path: Path, overwrite: bool = False, sync_parent: bool = True) -> Iterator[BinaryIO]:
    """Open a file under a temporary name beside `path`; at the end of the block it is made durable and renamed.

    Who writes many files into a folder makes their names durable once, at the end, and gives no `sync_parent`. An exception in the block, closing of the job included, leaves `path` as it was and nothing else behind.

    Raises
    ------
    ExportError
        `path` exists and `overwrite` is not given, its folder does not exist or cannot be written to.
    DiskFullError
        The disk has no room.
    """
    check_target(path, overwrite)
    # a name of its own: one made of `path`'s could be too long for the file system
    temporary = path.with_name(f".{os.getpid()}-{secrets.token_hex(6)}.part")
    try:
        with translated(path):
            try:
                with temporary.open("xb") as stream:
                    yield stream
                    stream.flush()
                    os.fsync(stream.fileno())
                put_in_place(temporary, path, overwrite)
            finally:
                temporary.unlink(missing_ok=True)
            if sync_parent:
                sync_folder(path.parent)
    except FileExistsError as error:
        raise ExportError(f"{plain_text(str(path))} exists already; --overwrite replaces it.") from error


def check_target(path: Path, overwrite: bool) -> None:
    """Check what can be known of `path` before anything is written.

    Raises
    ------
    ExportError
        `path` is a folder, exists and `overwrite` is not given, or its folder does not exist.
    """
    if path.is_dir():
        raise ExportError(f"{plain_text(str(path))} is a folder; give the name of a file.")
    if not overwrite and os.path.lexists(path):
        raise ExportError(f"{plain_text(str(path))} exists already; --overwrite replaces it.")
    if not path.parent.is_dir():
        raise ExportError(f"there is no folder {plain_text(str(path.parent))} to write {plain_text(path.name)} to.")


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the platform can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what the system says of writing `path` into a sentence.

    Raises
    ------
    DiskFullError, ExportError
        As the system's error code says; a file that exists stays a `FileExistsError`.
    """
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        where = plain_text(str(path))
        if error.errno in FULL:
            raise DiskFullError(f"no room on the disk for {where}; nothing was written. Free some space.") from error
        reason = error.strerror or str(error)
        raise ExportError(
            f"cannot write {where}: {reason}. Choose another folder or change its permissions."
        ) from error


def put_in_place(temporary: Path, path: Path, overwrite: bool = False) -> None:
    """Give a whole file its final name; without `overwrite`, FileExistsError where that is taken.

    Afterwards it may have its temporary name too.
    """
    if overwrite:
        temporary.replace(path)
        return
    # a link fails where the name exists by now; file systems without links (FAT) get a check and a rename
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.rename(path)
