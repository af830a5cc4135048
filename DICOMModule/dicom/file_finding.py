"""Finding files: folders searched hierarchically, in an order that depends on names alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from DICOMModule.errors import DicomFileError, Problem
from DICOMModule.jobs import Job, Progress

FILES_A_STEP: Final = 500
MOST_LISTED: Final = 200_000

_KINDS = (
    (stat.S_ISLNK, "is a link; links are not followed. Name its target to import that."),
    (stat.S_ISFIFO, "is a named pipe, not a file."),
    (stat.S_ISSOCK, "is a socket, not a file."),
    (stat.S_ISCHR, "is a device, not a file."),
    (stat.S_ISBLK, "is a device, not a file."),
)


class FoundFile(NamedTuple):
    """A regular file, and what it was when it was found.

    Attributes
    ----------
    path : str
        Absolute.
    size_bytes, mtime_ns : int
        Its size and its time of modification.
    """

    path: str
    size_bytes: int
    mtime_ns: int

    @property
    def where(self) -> str:
        """Its path, by the name that a Problem has for it."""
        return self.path


def find_files(roots: Sequence[Path], *, named: bool = True) -> Iterator[Path | Problem]:
    """Return the paths of the regular files at and under `roots`, else as `find_entries`."""
    found = find_entries(roots, named=named)
    return (Path(entry.path) if isinstance(entry, FoundFile) else entry for entry in found)


def find_entries(roots: Sequence[Path], *, named: bool = True) -> Iterator[FoundFile | Problem]:
    """Return the regular files at and under `roots`, and a Problem for whatever else lies there.

    Links are not followed, except that a root may itself be one. A file that is reached twice (overlapping roots, hard
    links) comes once. The order is that of the roots' paths and, in each folder, of the names' bytes.

    Parameters
    ----------
    roots : sequence of Path
        Files or folders.
    named : bool
        Whether the user named them. Otherwise, as for files that an earlier import met, one that is a link is not
        followed, and one that does not exist is a Problem.

    Yields
    ------
    FoundFile or Problem
        A file; a link, pipe, socket, device or unreadable folder as a Problem.

    Raises
    ------
    DicomFileError
        A named root does not exist. It is raised by the call itself, before anything is yielded.
    """
    absolute = sorted({Path(os.path.abspath(root)) for root in roots}, key=os.fsencode)  # noqa: PTH100 (keeps links)
    inodes = set()
    for root in absolute:
        try:
            status = root.stat() if named else root.lstat()
            inodes.add((status.st_dev, status.st_ino))
        except (OSError, ValueError) as error:
            if named:
                raise DicomFileError(root, f"{_reason(error)}. Check the path.") from error
    return _walk(absolute, _Seen(inodes), follow=named)


def list_files_job(found: Iterator[FoundFile | Problem], listed: list[FoundFile | Problem]) -> Job[None]:
    """Put what there is to find into `listed`, up to `MOST_LISTED`: who waits wants to know for how long."""
    for entry in islice(found, MOST_LISTED):
        listed.append(entry)
        if len(listed) % FILES_A_STEP == 0:
            yield Progress(0, 0, "looking for files")


class _Seen:
    """What was met before; only what can be met again need be remembered.

    Parameters
    ----------
    named : set of (device, inode)
        The roots themselves: these may also lie in a folder that is walked.
    """

    def __init__(self, named: set[tuple[int, int]]) -> None:
        self._named = named
        self._met: set[tuple[int, int]] = set()

    def is_new(self, status: os.stat_result) -> bool:
        """Return whether a file or folder is met for the first time."""
        key = (status.st_dev, status.st_ino)
        if key in self._met:
            return False
        can_return = stat.S_ISDIR(status.st_mode) or status.st_nlink > 1 or key in self._named
        if can_return and status.st_ino:  # a file system without inodes says 0
            self._met.add(key)
        return True


def _walk(roots: Sequence[Path], seen: _Seen, *, follow: bool) -> Iterator[FoundFile | Problem]:
    for root in roots:
        try:
            status = root.stat() if follow else root.lstat()
        except OSError as error:
            yield Problem(str(root), f"{_reason(error)}.")
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _walk_folder(root, seen)
        elif stat.S_ISREG(status.st_mode):
            # a link that the user named is opened as its target: readers do not follow links
            path = root.resolve() if root.is_symlink() else root
            if seen.is_new(status):
                yield FoundFile(str(path), status.st_size, status.st_mtime_ns)
        else:
            yield Problem(str(root), _kind(status.st_mode))


def _walk_folder(root: Path, seen: _Seen) -> Iterator[FoundFile | Problem]:
    """Walk one folder without recursion: its depth is the disk's matter, not the interpreter's."""
    folders: list[Iterator[os.DirEntry[str]]] = []
    path: str | None = str(root)
    while path is not None or folders:
        if path is not None:
            entries, problem = _list_folder(path, seen)
            if problem:
                yield problem
            folders.append(iter(entries))
            path = None
        entry = next(folders[-1], None)
        if entry is None:
            folders.pop()
        elif _is_folder(entry):
            path = entry.path
        else:
            found = _examine(entry, seen)
            if found:
                yield found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # a file system that does not tell kinds while it lists, and fails to when it is asked
        return False


def _examine(entry: os.DirEntry[str], seen: _Seen) -> FoundFile | Problem | None:
    """Return what an entry that is no folder is; None where it was met before."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return Problem(entry.path, f"cannot be read: {error.strerror}.")
    if not stat.S_ISREG(status.st_mode):
        return Problem(entry.path, _kind(status.st_mode))
    return FoundFile(entry.path, status.st_size, status.st_mtime_ns) if seen.is_new(status) else None


def _list_folder(path: str, seen: _Seen) -> tuple[list[os.DirEntry[str]], Problem | None]:
    """Return the entries of a folder in order, and a Problem where it cannot be read."""
    try:
        status = os.stat(path)  # noqa: PTH116 (a string at hand, a hundred thousand times)
        if not seen.is_new(status):
            return [], None
        with os.scandir(path) as scan:
            return sorted(scan, key=lambda entry: os.fsencode(entry.name)), None
    except OSError as error:
        return [], Problem(path, f"the folder cannot be read: {error.strerror}.")


def _reason(error: OSError | ValueError) -> str:
    """Return why a path cannot be looked at; a ValueError tells of a NUL, which no path holds."""
    why = getattr(error, "strerror", None) or error
    return "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {why}"


def _kind(mode: int) -> str:
    return next((reason for is_kind, reason in _KINDS if is_kind(mode)), "is not a regular file.")
