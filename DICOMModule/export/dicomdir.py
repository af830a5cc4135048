"""A DICOMDIR medium: file IDs (PS3.10 8.2 and 8.5), and the directory that lists them (PS3.3 F).

pydicom's FileSet writes every instance anew and goes through all that came before for each one that is added. Here the
files stay as they are, so the directory is put together from records that pydicom's recorders have made, in one pass; what
comes out is laid out as a FileSet would lay it out, and FileSet reads it.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise
from typing import Final

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from DICOMModule.dicom.header_reader import MARKER, PREAMBLE_BYTES
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.patient import patient_identity
from DICOMModule.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, MEDIA_STORAGE_DIRECTORY
from DICOMModule.errors import DicomFileError, ExportError
from DICOMModule.export.copy_source import CopyItem
from DICOMModule.export.directory_records import PREFIXES, describe, record_type
from DICOMModule.export.file_ids import file_id

DICOMDIR: Final = "DICOMDIR"
FILE_SET_ID: Final = b"DICOMMODULE "
_OWNER_PREFIXES: Final = ("PT", "ST", "SE")
_IN_USE: Final = 0xFFFF


@dataclass(slots=True)
class _Numbers:
    given: dict[Hashable, int] = field(default_factory=dict)
    below: dict[int, _Numbers] = field(default_factory=dict)

    def number_of(self, who: Hashable) -> int:
        return self.given.setdefault(who, len(self.given))


class MediumPlan:
    """Gives each instance its file ID, such as ``PT000000/ST000000/SE000001/IM000042``, in the order in which they come."""

    def __init__(self) -> None:
        self._root = _Numbers()

    def path_of(self, header: InstanceHeader) -> tuple[str, ...]:
        """Return the file ID of an instance, as its components."""
        numbers, path = self._root, []
        owners = (patient_identity(header), header.study_instance_uid, header.series_instance_uid)
        for prefix, owner in zip(_OWNER_PREFIXES, owners, strict=True):
            number = numbers.number_of(owner)
            path.append(file_id(prefix, number))
            numbers = numbers.below.setdefault(number, _Numbers())
        leaf = PREFIXES[record_type(header.sop_class_uid)]
        return (*path, file_id(leaf, numbers.number_of(header.sop_instance_uid)))


@dataclass(slots=True)
class _Node:
    record: bytes
    children: list[_Node] = field(default_factory=list)


class Directory:
    """Collects what the DICOMDIR says, and writes it."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, ...], bytes] = {}
        self._leaves: dict[str, tuple[CopyItem, bytes]] = {}

    def describe(self, item: CopyItem, *, marked: bool) -> tuple[str, ...]:
        """Take in an instance; return the attributes of which the directory says more than the file.

        Raises
        ------
        DicomFileError
            It cannot be on a medium.
        """
        if not marked:
            raise DicomFileError(
                item.path,
                "has no DICOM file header, which every file of a DICOMDIR medium has. Copy it to a plain folder.",
            )
        missing = [level for level in range(3) if item.owners[: level + 1] not in self._owners]
        described = describe(item, with_owners=bool(missing))
        for level in missing:
            self._owners[item.owners[: level + 1]] = described.owners[level]
        self._leaves[item.sop_instance_uid] = (item, described.leaf)
        return described.made_up

    def content(self, sop_instance_uids: Collection[str]) -> bytes:
        """Return the file DICOMDIR, which lists those instances."""
        root = _Node(b"")
        nodes: dict[tuple[str, ...], _Node] = {(): root}
        for uid in sop_instance_uids:
            item, leaf = self._leaves[uid]
            for level in range(1, 4):
                owner = item.owners[:level]
                if owner not in nodes:
                    nodes[owner] = _Node(self._owners[owner])
                    nodes[owner[:-1]].children.append(nodes[owner])
            nodes[item.owners].children.append(_Node(leaf))
        first = len(_head(sop_instance_uids, 0, 0)) + 12
        records, last_of_root = _records(root, first)
        if first + len(records) >= 1 << 32:
            raise ExportError("the DICOMDIR would be larger than its offsets reach (4 GiB). Copy fewer instances.")
        sequence = struct.pack("<HH2sHL", 0x0004, 0x1220, b"SQ", 0, len(records))
        return _head(sop_instance_uids, first, last_of_root) + sequence + records


def _records(root: _Node, first: int) -> tuple[bytes, int]:
    """Return the items of the Directory Record Sequence, from byte `first` on, and where the root's last one begins."""
    ordered: list[_Node] = []
    waiting = list(reversed(root.children))
    while waiting:
        node = waiting.pop()
        ordered.append(node)
        waiting.extend(reversed(node.children))
    offsets, position = {}, first
    for node in ordered:
        offsets[id(node)] = position
        position += 8 + len(_OFFSETS_BEFORE) + len(node.record)
    following = dict(_next_ones(root, offsets))
    stream = BytesIO()
    for node in ordered:
        lower = offsets[id(node.children[0])] if node.children else 0
        stream.write(struct.pack("<HHL", 0xFFFE, 0xE000, len(_OFFSETS_BEFORE) + len(node.record)))
        stream.write(_offsets(following[id(node)], lower))
        stream.write(node.record)
    return stream.getvalue(), offsets[id(root.children[-1])]


def _next_ones(root: _Node, offsets: dict[int, int]) -> Iterable[tuple[int, int]]:
    """Return for each node where the next one of its level begins, 0 for the last."""
    waiting = [root]
    while waiting:
        children = waiting.pop().children
        yield from ((id(one), offsets[id(other)]) for one, other in pairwise(children))
        if children:
            yield id(children[-1]), 0
        waiting += children


def _offsets(following: int, lower: int) -> bytes:
    """Return the elements that every record begins with: the next record, whether it is in use, the first one below."""
    return (
        struct.pack("<HH2sHL", 0x0004, 0x1400, b"UL", 4, following)
        + struct.pack("<HH2sHH", 0x0004, 0x1410, b"US", 2, _IN_USE)
        + struct.pack("<HH2sHL", 0x0004, 0x1420, b"UL", 4, lower)
    )


_OFFSETS_BEFORE: Final = _offsets(0, 0)


def _head(sop_instance_uids: Collection[str], first: int, last: int) -> bytes:
    """Return everything before the Directory Record Sequence; as long for any two offsets."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(MEDIA_STORAGE_DIRECTORY)
    meta.MediaStorageSOPInstanceUID = UID(_file_set_uid(sop_instance_uids))
    meta.TransferSyntaxUID = UID(EXPLICIT_VR_LITTLE_ENDIAN)
    stream = DicomBytesIO()
    stream.write(bytes(PREAMBLE_BYTES) + MARKER)
    write_file_meta_info(stream, meta, enforce_standard=True)
    stream.write(struct.pack("<HH2sH", 0x0004, 0x1130, b"CS", len(FILE_SET_ID)) + FILE_SET_ID)
    stream.write(struct.pack("<HH2sHL", 0x0004, 0x1200, b"UL", 4, first))
    stream.write(struct.pack("<HH2sHL", 0x0004, 0x1202, b"UL", 4, last))
    stream.write(struct.pack("<HH2sHH", 0x0004, 0x1212, b"US", 2, 0))
    return stream.getvalue()


def _file_set_uid(sop_instance_uids: Iterable[str]) -> str:
    """Return a UID of the file-set that follows from what is in it (PS3.5 B.2: a UUID's number below 2.25)."""
    digest = hashlib.sha256("\n".join(sop_instance_uids).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"
