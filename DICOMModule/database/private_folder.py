"""Private databases: made for a quick look, shredded when they are closed, and after a crash by the next start.

A private database lies in a folder of the system's for temporary files, open to nobody else. What names patients most, the
SQLite file with its log, lies in memory where the system has a place for that; its name in the folder is a link to there.
Copies and thumbnails may be large, and stay on the disk.

Each folder holds a lock for as long as its process lives. Every start looks once for folders whose lock nobody holds, and
shreds them. Shredding is writing zeros over a file before it is removed: of SQLite's files and thumbnails all, of images as
much as holds their headers. That is as good as can be done, not more: flash and copy-on-write file systems write the zeros
somewhere else, and swapped-out memory is the system's.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from DICOMModule.database.connection import FILE_NAME, translated_os_error
from DICOMModule.database.sessions import hold_file
from DICOMModule.errors import DatabaseError, plain_text

PRIVATE_PREFIX: Final = "dicommodule-private-"
DATABASE: Final = "LocalDatabase"
LOCK: Final = "lock"
MEMORY_FREE_BYTES: Final = 1 << 30
HEADER_BYTES: Final = 1 << 20
_AT_A_TIME: Final = 8
_WITHOUT_LOCK_S: Final = 24 * 3600.0  # a process that died before it had one, or one that is just making it
_ZEROS: Final = bytes(1 << 20)
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class PrivateFolder:
    """A place for a private database; a context manager that shreds it.

    One that is forgotten is shredded when it is garbage, or when the interpreter ends.

    Attributes
    ----------
    folder : Path
        The database folder.

    Raises
    ------
    DatabaseError
        There is no place for temporary files.
    """

    def __init__(self) -> None:
        sweep_private_folders()
        held: list[tuple[Path, int]] = []
        self._shred = weakref.finalize(self, _shred_held, held, os.getpid())
        try:
            self.folder = _new_folder(_disk(), held) / DATABASE
            self.folder.mkdir(mode=0o700)
            if (memory := _memory()) is not None:
                self._point_to(_new_folder(memory, held) / FILE_NAME)
        except OSError as error:
            self.close()
            where = Path(tempfile.gettempdir())
            raise translated_os_error(error, where) or DatabaseError(
                f"no private database can be made in {plain_text(str(where))}: {error.strerror}. Make room there, or name"
                " another folder for temporary files in the environment variable TMPDIR."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Shred it; everything that uses it must have been closed before. A second time does nothing."""
        self._shred()

    def _point_to(self, file: Path) -> None:
        with suppress(OSError, NotImplementedError):  # where links are not allowed, it lies on the disk
            (self.folder / FILE_NAME).symlink_to(file)


def sweep_private_folders() -> int:
    """Shred what dead processes have left of private databases; return how many folders that were."""
    swept = 0
    for base in _bases():
        with suppress(OSError):
            for folder in _folders_in(base):
                with suppress(OSError):  # another process is at it, or does not let us
                    swept += _swept(folder)
    return swept


def _swept(folder: Path) -> bool:
    """Shred a folder whose process has died."""
    try:
        descriptor = hold_file(folder / LOCK)
    except FileNotFoundError:
        if time.time() - folder.lstat().st_mtime < _WITHOUT_LOCK_S:
            return False
        shred(folder)
        return True
    if descriptor is None:
        return False
    _shred_with_lock(folder, descriptor)
    return True


def _shred_held(held: list[tuple[Path, int]], process: int) -> None:
    """Shred the folders of a private database; a child that was forked off does not, they are its parent's."""
    while held and os.getpid() == process:
        folder, descriptor = held.pop()
        _shred_with_lock(folder, descriptor)


def _shred_with_lock(folder: Path, descriptor: int) -> None:
    """Shred a folder whose lock we hold; the lock goes last, so that a crash in between leaves it to be found again."""
    try:
        for entry in sorted(folder.iterdir()):
            if entry.name != LOCK:
                shred(entry)
    finally:
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(descriptor)
            shred(folder)
        else:
            shred(folder)
            os.close(descriptor)


def shred(path: Path) -> None:
    """Overwrite a file, or all files below a folder, and remove them; links are removed, not followed."""
    if path.is_symlink() or not path.is_dir():
        _overwrite(path)
        with suppress(OSError):
            path.unlink()
        return
    files = list(_files_below(path))
    try:
        with ThreadPoolExecutor(_AT_A_TIME) as pool:  # waiting for the disk is most of the work
            list(pool.map(_overwrite, files))
    except RuntimeError:  # the interpreter is ending, and gives no threads any more
        for file in files:
            _overwrite(file)
    shutil.rmtree(path, ignore_errors=True)


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _overwrite(path: Path) -> None:
    """Write zeros over a file, if it is one and has no other name, which may be somebody's."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | _NO_LINKS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                return
            left = min(status.st_size, HEADER_BYTES) if path.suffix == ".dcm" else status.st_size
            while left > 0:
                left -= os.write(descriptor, _ZEROS[:left])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# --- places


def _new_folder(base: Path, held: list[tuple[Path, int]]) -> Path:
    """Make a folder and hold its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PRIVATE_PREFIX, dir=base))
        descriptor = hold_file(folder / LOCK, create=True)
        if descriptor is not None:  # else another start has just taken it for that of a dead process
            held.append((folder, descriptor))
            return folder


def _folders_in(base: Path) -> list[Path]:
    """Return what looks like folders of ours; in a place that others can write to, another's may be a trap."""
    with os.scandir(base) as entries:
        found = [entry for entry in entries if entry.name.startswith(PRIVATE_PREFIX)]
    return [
        Path(entry.path)
        for entry in found
        if entry.is_dir(follow_symlinks=False) and _is_ours(entry.stat(follow_symlinks=False))
    ]


def _is_ours(status: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o077)


def _disk() -> Path:
    return Path(tempfile.gettempdir())


def _memory() -> Path | None:
    """Return a place in memory with room enough, that of the user's session first; None where there is none."""
    for place in _memory_places():
        with suppress(OSError):
            if shutil.disk_usage(place).free >= MEMORY_FREE_BYTES and os.access(place, os.W_OK | os.X_OK):
                return place
    return None


def _memory_places() -> list[Path]:
    places = [Path("/dev/shm")]  # noqa: S108 (Linux has it; a folder of its own is made in it)
    session = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    with suppress(OSError):
        if session.is_absolute() and _is_ours(session.stat()):
            places.insert(0, session)
    return [place for place in places if place.is_dir()]


def _bases() -> list[Path]:
    return list(dict.fromkeys([_disk(), *_memory_places()]))
