"""Sessions: folders in ``incoming/`` in which one process puts files together before they are taken.

A session is alive as long as its process holds its lock. What a dead one left is swept by the next program that opens
the database; a living one is never touched, whichever process it belongs to.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import translated_os_error
from DICOMModule.jobs import Job, Progress

_LOCK_SUFFIX: Final = ".lock"
_POLL_S: Final = 0.05


@contextmanager
def session_folder(incoming: Path) -> Iterator[Path]:
    """Make a folder that is this process' own, and remove it with all that is in it afterwards.

    After an error or an interrupt, which may come between a file's final name and its row, the lock stays behind as a
    dead process would leave it: the next start makes files and rows agree again.

    Parameters
    ----------
    incoming : Path
        The database's folder for what is not whole yet; it is made where it does not exist.
    """
    database_folder = incoming.parent
    try:
        incoming.mkdir(mode=0o700, exist_ok=True)
        lock, descriptor = _new_lock(incoming)
    except OSError as error:
        if translated := translated_os_error(error, database_folder):
            raise translated from error
        raise
    folder = lock.with_suffix("")
    whole = False
    try:
        folder.mkdir(mode=0o700)
        yield folder
        whole = True
    except GeneratorExit:  # a job was closed where nothing is half-done
        whole = True
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if whole:
            _release(lock, descriptor)
        else:
            os.close(descriptor)


@contextmanager
def held_lock(lock: Path, *, tells_errors: bool = False) -> Iterator[None]:
    """Make the file `lock` and hold it, which tells other processes that this one lives; it is gone afterwards.

    Parameters
    ----------
    lock : Path
        Made, with its folder.
    tells_errors : bool
        After an error it stays behind, as a dead process would leave it.
    """
    lock.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = _take_lock(lock)
    has_failed = False
    try:
        yield
    except Exception:
        has_failed = tells_errors
        raise
    finally:
        if has_failed:
            os.close(descriptor)
        else:
            _release(lock, descriptor)


def is_held(lock: Path) -> bool:
    """Return whether a living process holds `lock`; one that does not exist is held by nobody."""
    try:
        descriptor = os.open(lock, os.O_RDONLY)  # also where the folder cannot be written to
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def remove_dead_locks(folder: Path, suffix: str) -> None:
    """Remove the files with `suffix` in `folder` that dead processes held."""
    for lock in folder.glob(f"*{suffix}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR)
            if _try_lock(descriptor):
                _release(lock, descriptor)
            else:
                os.close(descriptor)


def exclusive_job(lock: Path) -> Job[contextlib.ExitStack]:
    """Wait until no other process holds `lock`, then hold it; leaving the stack that is returned lets go of it.

    The system lets go of it for a process that dies. The file stays: removing it would let two hold two files.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        if translated := translated_os_error(error, lock.parent):
            raise translated from error
        raise
    try:
        while not _try_lock(descriptor):
            yield Progress(0, 0, "waiting for another program")
            time.sleep(_POLL_S)
    except BaseException:
        os.close(descriptor)
        raise
    held = contextlib.ExitStack()
    held.callback(os.close, descriptor)
    return held


def exclusive_now(lock: Path) -> contextlib.ExitStack | None:
    """Hold `lock` as `exclusive_job` does, or return None where another process holds it."""
    job = exclusive_job(lock)
    try:
        next(job)
    except StopIteration as stop:
        held: contextlib.ExitStack = stop.value
        return held
    job.close()
    return None


def dead_sessions(incoming: Path) -> list[Path]:
    """Return the locks of sessions whose process has died, each now held by nobody."""
    if not incoming.is_dir():
        return []
    return [lock for lock in sorted(incoming.glob(f"*{_LOCK_SUFFIX}")) if _is_free(lock)]


def has_living_session(incoming: Path) -> bool:
    """Return whether any process, this one or another, puts files together now."""
    return incoming.is_dir() and not all(_is_free(lock) for lock in incoming.glob(f"*{_LOCK_SUFFIX}"))


def remove_session(lock: Path) -> None:
    """Remove a dead session: its folder first, so that a crash in between leaves the lock to be found again.

    The lock is held meanwhile: a session that was being made when its lock seemed free lives, and is left alone.
    """
    try:
        descriptor = hold_file(lock)
    except OSError:
        return  # another program has swept it
    if descriptor is not None:
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        _release(lock, descriptor)


def hold_file(lock: Path, *, create: bool = False) -> int | None:
    """Hold a lock file, made by us or (`create` is false) there already; return its descriptor, None if another holds it.

    Raises
    ------
    OSError
        It does not exist, exists already, or cannot be opened.
    """
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(lock, flags | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)
    if _try_lock(descriptor) and _is_same_file(lock, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _new_lock(incoming: Path) -> tuple[Path, int]:
    """Make and hold a lock that no sweeping process has taken for a dead one in the meantime."""
    lock = incoming / f"{uuid.uuid4().hex}{_LOCK_SUFFIX}"
    return lock, _take_lock(lock)


def _take_lock(lock: Path) -> int:
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        if _try_lock(descriptor) and _is_same_file(lock, descriptor):
            return descriptor
        os.close(descriptor)


def _release(lock: Path, descriptor: int) -> None:
    try:
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(descriptor)
        # nor while another program looks whether it is held: then it is left as a dead one's, which the next start sweeps
        with contextlib.suppress(OSError):
            lock.unlink()
    finally:
        if sys.platform != "win32":
            os.close(descriptor)


def _is_free(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        return _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _is_same_file(lock: Path, descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.stat(lock), os.fstat(descriptor))  # noqa: PTH116 (the pair belongs together)
    return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
