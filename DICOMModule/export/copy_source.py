"""Files on their way out of the database: read as they lie, and proved to be what was registered."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.dicom.byte_source import FileSource, open_source
from DICOMModule.dicom.header_reader import MARKER, PREAMBLE_BYTES, read_header
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import Job, Progress

PIECE_BYTES: Final = 1 << 20
CHANGED: Final = "is not what was imported any more. Import it again, or bring back the file that was."

_EXECUTABLE: Final = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
)
"""How programs of Windows, Linux and macOS, and scripts, begin."""


@dataclass(frozen=True, slots=True)
class CopyItem:
    """One file that is to go out.

    Attributes
    ----------
    sop_instance_uid, sop_class_uid, transfer_syntax_uid : str
        Of the instance.
    path : Path
        Where it lies, absolute.
    size_bytes, mtime_ns : int
        As registered.
    sha256 : bytes or None
        As registered, where it is known.
    target : tuple of str
        Its path in what is written, as components.
    owners : tuple of str
        What tells its patient, study and series from others.
    instance_number : str
        As written.
    """

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    path: Path
    size_bytes: int
    mtime_ns: int
    sha256: bytes | None
    target: tuple[str, ...]
    owners: tuple[str, str, str]
    instance_number: str = ""


class Outgoing:
    """An open file on its way out.

    Attributes
    ----------
    marked : bool
        Whether it begins as PS3.10 7.1 wants a file to begin: a preamble and the mark ``DICM``.
    zeroed : bool
        Whether its preamble was a program or a script, in whose place there are zeros in what goes out.
    expected : bytes or None
        SHA-256 that the output has if the file is as it was registered; None where that is not known beforehand.
    digest : bytes
        SHA-256 of what has gone out; known once all `pieces` have been taken.
    """

    def __init__(self, item: CopyItem, source: FileSource) -> None:
        head = source.read(0, PREAMBLE_BYTES + len(MARKER))
        self._item = item
        self._source = source
        self.marked = head[PREAMBLE_BYTES:] == MARKER
        self.zeroed = self.marked and head.startswith(_EXECUTABLE)
        self.expected = None if self.zeroed else item.sha256
        self.digest = b""

    def pieces(self) -> Iterator[bytes]:
        """Return the bytes that go out, and check at the end that they are what was registered.

        Raises
        ------
        DicomFileError
            They are not, or cannot be read.
        """
        came, went = hashlib.sha256(), hashlib.sha256()
        position = 0
        while piece := self._source.read(position, PIECE_BYTES):
            came.update(piece)
            if self.zeroed and position == 0:
                piece = bytes(PREAMBLE_BYTES) + piece[PREAMBLE_BYTES:]
            went.update(piece)
            position += len(piece)
            yield piece
        self._check(came.digest())
        self.digest = went.digest()

    def _check(self, sha256: bytes) -> None:
        item = self._item
        if item.sha256 is not None and sha256 != item.sha256:
            raise DicomFileError(item.path, CHANGED)
        try:
            status = item.path.stat()
        except OSError as error:
            raise DicomFileError(item.path, f"went away while it was being copied: {error.strerror}.") from error
        if (status.st_size, status.st_mtime_ns) != (self._source.size, self._source.mtime_ns):
            raise DicomFileError(item.path, "changed while it was being copied. Copy it again.")


@contextmanager
def outgoing(item: CopyItem) -> Iterator[Outgoing]:
    """Open a file that is to go out.

    A file of which the database knows the SHA-256 is judged by that alone. Any other must be as old and as long as it was,
    and be the sound DICOM file of its instance still.

    Raises
    ------
    DicomFileError
        It is missing, has changed, or cannot be read.
    """
    with open_source(item.path) as source:
        if source.size != item.size_bytes or (item.sha256 is None and source.mtime_ns != item.mtime_ns):
            raise DicomFileError(item.path, CHANGED)
        if item.sha256 is None and read_header(item.path).sop_instance_uid != item.sop_instance_uid:
            raise DicomFileError(item.path, CHANGED)
        yield Outgoing(item, source)


def read_through_job(file: Outgoing, progress: Progress) -> Job[bytes]:
    """Read a file without writing it; return the SHA-256 of what would go out."""
    for _ in file.pieces():
        yield progress
    return file.digest


def sha256_job(path: Path, progress: Progress) -> Job[bytes]:
    """Return the SHA-256 of a file, read from the disk rather than from memory where the system can be asked to."""
    digest = hashlib.sha256()
    with open_source(path) as source:
        forget_cached(path)
        position = 0
        while piece := source.read(position, PIECE_BYTES):
            digest.update(piece)
            position += len(piece)
            yield progress
    return digest.digest()


def forget_cached(path: Path) -> None:
    """Ask the system to read a file that has been synced from the disk the next time: that proves what lies there."""
    if not hasattr(os, "posix_fadvise"):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
