"""The files of the database folder: where copies lie, and how a file gets there whole or not at all.

Order of writing: temporary name in the same file system, fsync, a second name that replaces nothing, fsync of the folder;
only then may a row name it. A place is made from the hash of the SOP Instance UID, never from what a file says.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import translated_os_error
from DICOMModule.database.sessions import session_folder
from DICOMModule.database.syncing import sync_file, sync_folder
from DICOMModule.dicom.byte_source import FileSource, open_source
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError

__all__ = ["CopiedFile", "FileStore", "sha256_of", "sync_file", "sync_folder"]

FEW_FOLDERS: Final = 8
SYNCS_AT_A_TIME: Final = 8
LARGE_FILE_BYTES: Final = 64 << 20
_PIECE: Final = 1 << 20
_SUFFIX: Final = ".dcm"
_NO_LINKS: Final = frozenset((errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EACCES))


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A whole copy, synced, under its temporary name.

    Attributes
    ----------
    path : Path
        Where it is.
    sha256 : bytes
        Of the whole file.
    """

    path: Path
    sha256: bytes


class FileStore:
    """The folders of one database.

    Parameters
    ----------
    folder : Path
        The database folder, absolute.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dicom = folder / "dicom"
        self._dicom_prefix = os.path.join(self.dicom, "")  # noqa: PTH118 (with its separator)
        self.incoming = folder / "incoming"
        self.quarantine = folder / "quarantine"
        self._kept_folders: set[Path] = set()

    def place_of(self, sop_instance_uid: str) -> Path:
        """Return where the copy of an instance lies, whether or not it is there."""
        return Path(self.place_text(sop_instance_uid))

    def place_text(self, sop_instance_uid: str) -> str:
        """Return the same as text, for many at once: paths take their time to be made."""
        digest = hashlib.sha256(sop_instance_uid.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._dicom_prefix}{digest[:2]}{os.sep}{digest}{_SUFFIX}"

    def quarantine_place_of(self, sha256: bytes) -> Path:
        """Return where content that is set aside lies: named by what it is, so that twice the same is once."""
        return self.quarantine / f"{sha256.hex()}{_SUFFIX}"

    def is_our_own(self, path: Path) -> bool:
        """Return whether `path` is one of our files and no image: opening and closing SQLite's would drop its locks."""
        return path.is_relative_to(self.folder) and not path.is_relative_to(self.dicom)

    @contextmanager
    def session(self) -> Iterator[Path]:
        """Make a folder in which files can be put together; it is gone afterwards."""
        with session_folder(self.incoming) as folder:
            yield folder

    def copy(
        self,
        header: InstanceHeader,
        session: Path,
        mtime_ns: int | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> CopiedFile:
        """Copy the file of `header` into `session`, and make sure that it is what the header was read from.

        Parameters
        ----------
        header : InstanceHeader
            Of the file.
        session : Path
            The folder of a session.
        mtime_ns : int, optional
            The copy's time of modification; that of the file where it is not given.
        stopped : callable, optional
            Asked now and then whether to leave off.

        Raises
        ------
        DicomFileError
            The source has changed since, or cannot be read.
        concurrent.futures.CancelledError
            It was stopped.
        DatabaseError
            The disk is full, or the folder cannot be written to.
        """
        path = session / f"{uuid.uuid4().hex}.part"
        with open_source(header.path) as source:
            seen = (header.size_bytes, header.mtime_ns, header.changed_ns or source.changed_ns)
            if (source.size, source.mtime_ns, source.changed_ns) != seen:
                raise DicomFileError(header.path, "it changed while it was being imported. Import it again.")
            try:
                self._check_room(source)
                digest = _write_copy(source, path, header.mtime_ns if mtime_ns is None else mtime_ns, stopped)
                if not source.is_unchanged:
                    raise DicomFileError(header.path, "it changed while it was being copied. Import it again.")
            except OSError as error:
                path.unlink(missing_ok=True)
                if translated := translated_os_error(error, self.folder):
                    raise translated from error
                raise
            except (DicomFileError, CancelledError):
                path.unlink(missing_ok=True)
                raise
        return CopiedFile(path, digest)

    def keep(self, header: InstanceHeader, session: Path, sha256: bytes) -> CopiedFile:
        """Make a file durable that lies in `session` already, under another name: its own goes with the session.

        Raises
        ------
        DatabaseError
            The disk is full, or the folder cannot be written to.
        """
        path = session / f"{uuid.uuid4().hex}.part"
        try:
            os.link(header.path, path)
            descriptor = os.open(path, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno in _NO_LINKS:
                return self.copy(header, session)
            raise translated_os_error(error, self.folder) or error from error
        return CopiedFile(path, sha256)

    def _check_room(self, source: FileSource) -> None:
        """Refuse what cannot fit before the disk is filled with the first part of it; a sparse file may claim anything."""
        if source.size < LARGE_FILE_BYTES:
            return
        disk = shutil.disk_usage(self.folder)
        if source.size > disk.total:
            raise DicomFileError(
                source.name, f"it is larger than the whole disk of the database ({source.size} bytes)."
            )
        if source.size > disk.free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def put_in_place(self, copied: CopiedFile, place: Path, *, keep: bool = False) -> bool:
        """Give a whole copy its final name; return False where another content has that name already.

        The folder is not synced yet: `sync_folders` does that once for many files.

        Parameters
        ----------
        copied : CopiedFile
            The copy.
        place : Path
            Its final name.
        keep : bool
            Leave it its temporary name too, where the file system can: there is no other file to read it from again.
        """
        try:
            self._make_folder(place.parent)
            _rename_without_replacing(copied.path, place, keep=keep)
        except FileExistsError:
            return sha256_of(place) == copied.sha256
        except OSError as error:
            if translated := translated_os_error(error, self.folder):
                raise translated from error
            raise
        return True

    def move_aside(self, place: Path, copied: CopiedFile) -> tuple[Path, bytes] | None:
        """Take a damaged file out of the way of the whole copy that is to replace it, without losing it.

        Where there was one, return where it lies then, and its SHA-256.
        """
        if place.is_file() and sha256_of(place) != copied.sha256:
            return self.set_aside(place)
        return None

    def set_aside(self, place: Path) -> tuple[Path, bytes]:
        """Move a file into quarantine; return where it lies then, and its SHA-256."""
        self._make_folder(self.quarantine)
        sha256 = sha256_of(place)
        aside = self.quarantine_place_of(sha256)
        place.replace(aside)
        self.sync_folders([aside])  # its new name lasts before its old one may be given away
        return aside, sha256

    def sync_folders(self, places: Iterable[Path]) -> None:
        """Make the names of files last: without this a power cut may take a name though its file was synced."""
        parents = {place.parent for place in places}
        # a folder that may be new has a name of its own to be kept, in the folder above it: whoever made it, it is kept
        # once this process has seen to it
        new = parents - self._kept_folders
        above = {parent.parent for parent in new} | {self.folder} if new else set()
        folders = sorted(parents | above)
        if len(folders) > FEW_FOLDERS:
            with ThreadPoolExecutor(SYNCS_AT_A_TIME) as pool:
                list(pool.map(sync_folder, folders))
        else:  # the first sync writes the journal for all of them; threads would take longer to start
            for folder in folders:
                sync_folder(folder)
        self._kept_folders |= new

    def make_folders(self) -> None:
        """Make all folders that copies may get into, and make their names last: whoever stores one by one waits for none."""
        prefixes = [self.dicom / f"{number:02x}" for number in range(256)]
        try:
            for prefix in prefixes:
                self._make_folder(prefix)
            # also where they are there: who made them may have died before it came to this
            self._kept_folders.discard(prefixes[0])
            self.sync_folders([prefixes[0] / "any"])
        except OSError as error:
            raise translated_os_error(error, self.folder) or error from error
        self._kept_folders |= set(prefixes)

    def stored_files(self) -> Iterator[Path]:
        """Return every file under ``dicom/`` that bears a final name, in order."""
        if self.dicom.is_dir():
            for prefix in sorted(path for path in self.dicom.iterdir() if path.is_dir()):
                yield from sorted(path for path in prefix.iterdir() if path.suffix == _SUFFIX)

    def move(self, source: Path, place: Path) -> bool:
        """Give a file of ours another name, synced; return False where another content has that name already."""
        try:
            self._make_folder(place.parent)
            _rename_without_replacing(source, place)
        except FileExistsError:
            return sha256_of(place) == sha256_of(source)
        except OSError as error:
            if translated := translated_os_error(error, self.folder):
                raise translated from error
            raise
        self.sync_folders([place, source])
        return True

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._kept_folders -= {folder, folder.parent}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for made in (folder, folder.parent):  # parents are made with whatever the system gives
            if made != self.folder:
                made.chmod(0o700)


def sha256_of(path: Path, first: int = 0, stopped: Callable[[], bool] | None = None) -> bytes:
    """Return the SHA-256 of a file from byte `first` on.

    Parameters
    ----------
    path : Path
        A regular file.
    first : int
        Where to begin.
    stopped : callable, optional
        Asked between two pieces whether nobody waits for the result any more.

    Raises
    ------
    DicomFileError
        It cannot be read.
    concurrent.futures.CancelledError
        It was stopped.
    """
    digest = hashlib.sha256()
    with open_source(path) as source:
        for piece in _pieces(source, first):
            if stopped is not None and stopped():
                raise CancelledError
            digest.update(piece)
    return digest.digest()


def _pieces(source: FileSource, first: int = 0) -> Iterator[bytes]:
    while piece := source.read(first, _PIECE):
        yield piece
        first += len(piece)


def _write_copy(source: FileSource, path: Path, mtime_ns: int, stopped: Callable[[], bool] | None) -> bytes:
    """Write and sync a copy with the source's time; return its SHA-256, taken as the bytes went by."""
    digest = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
        for piece in _pieces(source):
            if stopped is not None and stopped():
                raise CancelledError
            digest.update(piece)
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
        # the time first: a sync afterwards keeps both
        if os.utime in os.supports_fd:
            os.utime(file.fileno(), ns=(mtime_ns, mtime_ns))
        os.fsync(file.fileno())
    if os.utime not in os.supports_fd:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return digest.digest()


def _rename_without_replacing(source: Path, target: Path, *, keep: bool = False) -> None:
    """Give `source` the name `target`, beside its own with `keep`; FileExistsError where that name is taken."""
    if sys.platform == "win32" and not keep:  # renaming never replaces there
        source.rename(target)
        return
    try:
        os.link(source, target)
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno not in _NO_LINKS:
            raise
        # a file system without hard links, such as FAT: there a look and a renaming are two steps, not one
        if target.exists():
            raise FileExistsError(errno.EEXIST, "exists", os.fspath(target)) from None
        source.replace(target)
    else:
        if not keep:
            source.unlink()
