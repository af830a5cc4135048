"""Where files lie before they have their final names: a folder a run, swept by the next run if its own could not."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = ".dicommodule-copy-"
_LOCK: Final = "lock"
_YOUNG_S: Final = 60.0
_OLD_S: Final = 24 * 3600.0
_HELD: Final = frozenset((errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK))


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Make a folder in `parent` for files that are not whole yet; it is gone afterwards, whatever happens.

    What a run that was killed has left in `parent` goes first. The folder of a run that lives is never touched: it holds a
    lock, which the system takes from a process that dies.
    """
    for left in parent.glob(f"{PREFIX}*"):
        if _is_dead(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = parent / f"{PREFIX}{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    lock = -1
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        with contextlib.suppress(OSError):  # a file system without locks: then age tells
            _lock(lock)
        yield folder
    finally:
        if lock >= 0:
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _is_dead(folder: Path) -> bool:
    """Return whether nobody works in a folder that bears our mark."""
    try:
        if folder.is_symlink() or not folder.is_dir():
            return False
        age_s = time.time() - folder.stat().st_mtime
        descriptor = os.open(folder / _LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:  # killed, or it is being made just now
        return age_s > _YOUNG_S
    except OSError:
        return False
    try:
        _lock(descriptor)
    except OSError as error:
        return error.errno not in _HELD and age_s > _OLD_S
    else:
        return True
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
