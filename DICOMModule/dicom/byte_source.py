"""Where the bytes of a data set come from: a file that is read in pieces, or a deflated stream that is bounded."""

from __future__ import annotations

import os
import stat
import struct
import zlib
from pathlib import Path
from typing import Final, Protocol, Self

from DICOMModule.errors import DicomFileError, IncompleteFileError, InvalidFileError, NotDicomError

# Links, pipes and devices must never be opened by accident: what was a file when it was listed may be none now.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
LARGEST_INFLATED_BYTES: Final = 512 * 1024 * 1024
_PIECE: Final = 1 << 18


class ByteSource(Protocol):
    """Bytes of known number that can be read at any offset."""

    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset`, fewer only where the source ends."""
        ...


class FileSource:
    """An open regular file; a context manager that closes it.

    Attributes
    ----------
    name : str
        Its path, as it was opened.
    size, mtime_ns : int
        Bytes and time of modification when it was opened.
    changed_ns : int
        Time of the last change of any kind, which a program cannot set as it can set the time of modification.
    """

    __slots__ = ("_descriptor", "changed_ns", "mtime_ns", "name", "size")

    def __init__(self, name: str, descriptor: int, status: os.stat_result) -> None:
        self.name = name
        self._descriptor = descriptor
        self.size = status.st_size
        self.mtime_ns = status.st_mtime_ns
        self.changed_ns = status.st_ctime_ns

    @property
    def is_unchanged(self) -> bool:
        """Whether it still is what it was when it was opened."""
        now = os.fstat(self._descriptor)
        return (now.st_size, now.st_mtime_ns, now.st_ctime_ns) == (self.size, self.mtime_ns, self.changed_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._descriptor)

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset`, fewer only where the file ended when it was opened."""
        count = min(count, self.size - offset)
        if count <= 0:
            return b""
        try:
            data = _pread(self._descriptor, count, offset)
            while len(data) < count:
                more = _pread(self._descriptor, count - len(data), offset + len(data))
                if not more:
                    raise IncompleteFileError(self.name, "the file became shorter while it was read.")
                data += more
        except OSError as error:
            raise DicomFileError(self.name, f"cannot be read: {error.strerror}.") from error
        return data


def _seek_and_read(descriptor: int, count: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


_pread = getattr(os, "pread", _seek_and_read)


def open_source(path: Path | str) -> FileSource:
    """Open a regular file for reading, without following a link and without waiting for a pipe.

    Raises
    ------
    DicomFileError
        It cannot be opened.
    NotDicomError
        It is not a regular file.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(name, _FLAGS)
    except (OSError, ValueError) as error:
        raise DicomFileError(name, f"cannot be opened: {getattr(error, 'strerror', None) or error}.") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotDicomError(name, "is not a regular file.")
    except BaseException:
        os.close(descriptor)
        raise
    return FileSource(name, descriptor, status)


class InflatedSource:
    """A deflated data set (PS3.5 A.5), inflated piece by piece: never more of it in memory than is being read.

    Its size is known after one pass through it, in which the limit is kept.
    """

    def __init__(self, path: str, deflated: FileSource, start: int) -> None:
        self._path = path
        self._deflated = deflated
        self._start = start
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._position, self._offset, self._window = start, 0, b""
        checksum = 0
        while piece := self._next_piece():
            checksum = zlib.crc32(piece, checksum)
            if self._offset + len(piece) > LARGEST_INFLATED_BYTES:
                raise InvalidFileError(
                    path, f"its deflated data set is larger than {LARGEST_INFLATED_BYTES >> 20} MiB; it is not read."
                )
            self._offset += len(piece)
        if not self._inflater.eof:
            raise IncompleteFileError(path, "its deflated data set is cut.")
        self._check_rest(struct.pack("<LL", checksum, self._offset & 0xFFFFFFFF))
        self.size = self._offset
        self._restart()

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset` of the inflated data set, fewer only where it ends."""
        if offset < self._offset:
            self._restart()
        wanted = min(offset + count, self.size)
        pieces, held = [self._window], self._offset + len(self._window)
        while held < wanted:
            piece = self._next_piece()
            if held <= offset:  # what is before it is not kept, however far it is to go
                pieces, self._offset = [], held
            pieces.append(piece)
            held += len(piece)
        window = b"".join(pieces)
        first = max(0, min(len(window), offset - self._offset))
        last = max(first, wanted - self._offset)
        kept = last if last - first > _PIECE else first  # a long value is read once
        self._window, self._offset = window[kept:], self._offset + kept
        return window[first:last]

    def _restart(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._position, self._offset, self._window = self._start, 0, b""

    def _next_piece(self) -> bytes:
        """Return the next inflated bytes, at most `_PIECE` of them; empty at the end of the stream or of the file."""
        while not self._inflater.eof:
            pending = self._inflater.unconsumed_tail
            if not pending:
                pending = self._deflated.read(self._position, _PIECE)
                self._position += len(pending)
            try:
                piece = self._inflater.decompress(pending, _PIECE)
            except zlib.error as error:
                raise InvalidFileError(self._path, f"its deflated data set is damaged ({error}).") from error
            if piece or not pending:
                return piece
        return b""

    def _check_rest(self, trailer: bytes) -> None:
        """After the stream there may be a byte of padding (PS3.5 A.5), more zeros, or the trailer of gzip (RFC 1952).

        `trailer` is what gzip would write: some writers take its stream and cut off the head only.
        """
        rest = self._inflater.unused_data.removeprefix(trailer)
        while rest:
            if rest.strip(b"\0"):
                raise InvalidFileError(self._path, "there is something after its deflated data set.")
            rest = self._deflated.read(self._position, _PIECE)
            self._position += len(rest)
