"""What is to be sent: files as they lie, proved to be what was registered before their last byte goes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.byte_source import FileSource, open_source
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DicomFileError

PIECE_BYTES: Final = 1 << 20
CHANGED: Final = (
    "is not what it was when it was imported or read any more. Import it again, or bring back the file that was."
)


@dataclass(frozen=True, slots=True)
class SendItem:
    """One instance that is to be sent: its header, and the SHA-256 of its file where the database knows it."""

    header: InstanceHeader
    sha256: bytes | None = None

    @property
    def uid(self) -> str:
        """Its SOP Instance UID."""
        return self.header.sop_instance_uid

    @property
    def pair(self) -> tuple[str, str]:
        """SOP class and transfer syntax."""
        return self.header.sop_class_uid, self.header.transfer_syntax_uid


class OpenItem:
    """An open file on its way out."""

    def __init__(self, item: SendItem, source: FileSource) -> None:
        self._item = item
        self._source = source

    def data_set(self) -> Iterator[bytes]:
        """Return the bytes of the data set, without preamble and meta information; the last only once all are checked.

        Raises
        ------
        DicomFileError
            They are not what was registered, or cannot be read.
        """
        digest = hashlib.sha256() if self._item.sha256 is not None else None
        start, position, before = self._item.header.dataset_offset, 0, b""
        while piece := self._source.read(position, PIECE_BYTES):
            if digest is not None:
                digest.update(piece)
            part = piece[max(start - position, 0) :]
            position += len(piece)
            if part:
                if before:
                    yield before
                before = part
        if digest is not None and digest.digest() != self._item.sha256:
            raise DicomFileError(self._item.header.path, CHANGED)
        if digest is None and not self._source.is_unchanged:
            raise DicomFileError(self._item.header.path, CHANGED)
        yield before


@contextmanager
def opened(item: SendItem) -> Iterator[OpenItem]:
    """Open a file that is to be sent.

    Raises
    ------
    DicomFileError
        It is missing, has changed, or cannot be opened.
    """
    header = item.header
    with open_source(header.filename) as source:
        if source.size != header.size_bytes or (item.sha256 is None and source.mtime_ns != header.mtime_ns):
            raise DicomFileError(header.path, CHANGED)
        yield OpenItem(item, source)


class Ahead:
    """Reads the next small file while the peer is busy with the one before."""

    def __init__(self) -> None:
        self._item: SendItem | None = None
        self._found: list[bytes] | DicomFileError = []

    def read(self, item: SendItem | None) -> None:
        """Read what is to be sent next; a large file, or none, is left alone."""
        self._item = None
        if item is None or item.header.size_bytes > PIECE_BYTES:
            return
        try:
            with opened(item) as file:
                self._found = list(file.data_set())
        except DicomFileError as error:
            self._found = error
        self._item = item

    def take(self, item: SendItem) -> list[bytes] | None:
        """Return what was read of it; None where it was not. Errors as `opened` and `data_set`."""
        if self._item is not item:
            return None
        self._item = None
        if isinstance(self._found, DicomFileError):
            raise self._found
        return self._found
