"""The DICOMDIR of a medium (PS3.3 F, PS3.10 8): which files it lists. A hint, never a path to be followed blindly.

The records are read in one pass over the sequence that holds them, whatever their offsets say, so that records that lead
in a circle, or nowhere, cost nothing and hide nothing; that the offsets do not lead to all of them is said. What a record
calls its file is looked for below the folder of the DICOMDIR only, and never through a link.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.dicom.byte_source import FileSource, open_source
from DICOMModule.dicom.encoding import LONG_VRS, Encoding
from DICOMModule.dicom.header_reader import read_directory_layout
from DICOMModule.dicom.medium_files import DICOMDIR_NAME, plain_name
from DICOMModule.dicom.uids import MEDIA_STORAGE_DIRECTORY
from DICOMModule.errors import DicomFileError, InvalidFileError

MOST_RECORDS: Final = 500_000
LONGEST_VALUE_BYTES: Final = 4096
RECORDS_A_STEP: Final = 500
_FIRST_OF_ROOT: Final = 0x00041200
_RECORDS: Final = 0x00041220
_NEXT, _IN_USE, _LOWER, _FILE_ID, _SOP_INSTANCE = 0x00041400, 0x00041410, 0x00041420, 0x00041500, 0x00041511
_WANTED: Final = frozenset((_NEXT, _IN_USE, _LOWER, _FILE_ID, _SOP_INSTANCE))
_ITEM, _ITEM_END, _SEQUENCE_END, _UNDEFINED = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFFFFFF
# Media Storage SOP Class UID (0002,0002) as it stands in the file meta information
_SAYS_SO: Final = b"\x02\0\x02\0UI" + struct.pack("<H", len(MEDIA_STORAGE_DIRECTORY)) + MEDIA_STORAGE_DIRECTORY.encode()
_WINDOW: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that a record names.

    Attributes
    ----------
    file_id : tuple of str
        Referenced File ID (0004,1500): folders below that of the DICOMDIR, and the file.
    sop_instance_uid : str
        Referenced SOP Instance UID in File (0004,1511); empty for what is no instance.
    """

    file_id: tuple[str, ...]
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Dicomdir:
    """What a DICOMDIR lists, and what is odd about it, as sentences."""

    files: tuple[ListedFile, ...] = ()
    notes: tuple[str, ...] = ()


def is_dicomdir(path: Path) -> bool:
    """Return whether a file is a DICOMDIR, by its name or by what it says that it is."""
    if plain_name(path.name) == DICOMDIR_NAME:
        return path.is_file()
    try:
        with open_source(path) as source:
            head = source.read(0, 1024)
    except DicomFileError:
        return False
    return head[128:132] == b"DICM" and _SAYS_SO in head


def read_dicomdir(path: Path) -> Generator[str, None, Dicomdir]:
    """Read a DICOMDIR; yield its name after every few records, where the job may be closed.

    Raises
    ------
    NotDicomError
        It is no DICOMDIR.
    DicomFileError
        It cannot be read, is cut, or its structure is not sound.
    """
    files: list[ListedFile] = []
    links: dict[int, tuple[int, int, bool]] = {}
    with open_source(path) as source:
        start, encoding = read_directory_layout(path, source)
        reader = _RecordReader(path, source, encoding)
        first_of_root, records = reader.places(start)
        for number, (offset, record) in enumerate(reader.items(*records)):
            if number >= MOST_RECORDS:
                raise InvalidFileError(path, f"it has more than {MOST_RECORDS:,} records.")
            in_use = reader.number(record.get(_IN_USE, b"\xff\xff")) != 0
            links[offset] = reader.number(record.get(_NEXT, b"")), reader.number(record.get(_LOWER, b"")), in_use
            if in_use and (file_id := _texts(record.get(_FILE_ID, b""))):
                uid = record.get(_SOP_INSTANCE, b"").decode("ascii", "replace").strip(" \0")
                files.append(ListedFile(file_id, uid))
            if number % RECORDS_A_STEP == 0:
                yield path.name
    return Dicomdir(tuple(files), tuple(_link_notes(links, first_of_root)))


def _texts(value: bytes) -> tuple[str, ...]:
    text = value.decode("utf-8", "surrogateescape").strip(" \0")
    return tuple(part.strip(" ") for part in text.split("\\")) if text else ()


def _link_notes(links: dict[int, tuple[int, int, bool]], first: int) -> list[str]:
    """Follow the offsets as the standard says (PS3.3 F.2.2) and tell where that does not lead to every record once."""
    waiting, seen, circles, nowhere = [first] if first else [], set[int](), 0, 0
    while waiting:
        offset = waiting.pop()
        if offset in seen:
            circles += 1
        elif offset not in links:
            nowhere += 1
        else:
            seen.add(offset)
            waiting += [link for link in links[offset][:2] if link]
    notes = []
    if circles:
        notes.append("records of it lead in a circle; each was looked at once.")
    if nowhere:
        notes.append(f"{nowhere} of its offsets lead to no record.")
    if missed := sum(in_use for offset, (_, _, in_use) in links.items() if offset not in seen):
        notes.append(f"{missed} of its records cannot be reached from its first one; they were looked at nevertheless.")
    return notes


class _RecordReader:
    """Reads the elements of records; the structure of the file has been found sound before."""

    def __init__(self, path: Path, source: FileSource, encoding: Encoding) -> None:
        self._path = path
        self._source = source
        self._explicit = encoding.explicit
        self._order = "<" if encoding.little else ">"
        self._window, self._window_start = b"", 0

    def number(self, value: bytes) -> int:
        """Return a US or UL value, 0 where it is none."""
        code = {2: "H", 4: "L"}.get(len(value))
        return int(struct.unpack(f"{self._order}{code}", value)[0]) if code else 0

    def places(self, start: int) -> tuple[int, tuple[int, int]]:
        """Return the offset of the first record of the root, and where the sequence of records begins and ends at most."""
        first_of_root, position = 0, start
        while position + 8 <= self._source.size:
            tag, vr, first, length = self._element(position, explicit=self._explicit)
            if tag == _RECORDS:
                end = self._source.size if length == _UNDEFINED else first + length
                return first_of_root, (first, end)
            if tag == _FIRST_OF_ROOT:
                first_of_root = self.number(self._read(first, min(length, 8)))
            position = self._after(vr, first, length)
        return first_of_root, (position, position)

    def items(self, position: int, end: int) -> Iterator[tuple[int, dict[int, bytes]]]:
        """Return the offset of each item of the sequence of records, and the values that are wanted of it."""
        while position + 8 <= end:
            tag, length = self._tag_and_length(position)
            if tag != _ITEM:
                return
            offset, record = position, dict[int, bytes]()
            position += 8
            item_end = end if length == _UNDEFINED else position + length
            while position + 8 <= item_end:
                tag, vr, first, length = self._element(position, explicit=self._explicit)
                if tag == _ITEM_END:
                    position += 8
                    break
                if tag in _WANTED and length <= LONGEST_VALUE_BYTES:
                    record[tag] = self._read(first, length)
                position = self._after(vr, first, length)
            yield offset, record

    def _element(self, position: int, *, explicit: bool) -> tuple[int, bytes, int, int]:
        """Return tag, VR, where the value begins, and its length."""
        tag, length = self._tag_and_length(position)
        if tag >> 16 == 0xFFFE or not explicit:
            return tag, b"", position + 8, length
        vr = self._read(position + 4, 2)
        if vr in LONG_VRS:
            (length,) = struct.unpack(f"{self._order}L", self._read(position + 8, 4))
            return tag, vr, position + 12, length
        (length,) = struct.unpack(f"{self._order}H", self._read(position + 6, 2))
        return tag, vr, position + 8, length

    def _after(self, vr: bytes, first: int, length: int) -> int:
        """Return where the next element begins: behind a value, or behind the end of a sequence of undefined length."""
        if length != _UNDEFINED:
            return first + length
        # PS3.5 6.2.2: a UN of undefined length is a sequence in implicit VR
        position, explicit = first, [self._explicit and vr != b"UN"]  # of each level that is open
        while explicit:
            tag, inner, value, length = self._element(position, explicit=explicit[-1])
            if tag in {_ITEM_END, _SEQUENCE_END}:
                explicit.pop()
                position += 8
            elif length == _UNDEFINED:
                explicit.append(explicit[-1] and inner != b"UN")
                position = value
            else:
                position = value + length
        return position

    def _tag_and_length(self, position: int) -> tuple[int, int]:
        group, element, length = struct.unpack(f"{self._order}HHL", self._read(position, 8))
        return group << 16 | element, length

    def _read(self, position: int, count: int) -> bytes:
        offset = position - self._window_start
        if offset < 0 or offset + count > len(self._window):
            self._window, self._window_start, offset = self._source.read(position, _WINDOW), position, 0
            if len(self._window) < count:
                raise InvalidFileError(self._path, "it ends within a record.")
        return self._window[offset : offset + count]
