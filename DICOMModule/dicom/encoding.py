"""What the walk of a data set needs to know of its encoding: byte order, tables by tag, which VRs are short."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.attributes import ATTRIBUTES, PIXEL_DATA
from DICOMModule.dicom.vendor_attributes import PRIVATE_ATTRIBUTES, PRIVATE_BLOCKS, PRIVATE_PLACES

CONTROL_GROUP: Final = 0xFFFE

SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG_VRS: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())

Wanted = tuple[str, bytes]
"""Keyword and, for what is written without one, value representation."""

DELIMITER: Final[Wanted] = ("?delimiter", b"")
"""Under which an item or a delimiter is found that is written like an element with a value: it may be none."""

_CREATOR_LENGTH: Final = len("?gggg:bb")
_VALUE_LENGTH: Final = len("?gggg:bb:ee")
PRIVATE_MARK: Final = "?"
"""What the keys of private elements begin with, and no keyword."""

LAST_ELEMENTS: Final = {
    0x0040A730: "Content Sequence (0040,A730)",
    0x00409094: "Referenced Image Real World Value Mapping Sequence (0040,9094)",
    0x00420011: "Encapsulated Document (0042,0011)",
    0x00640002: "Deformable Registration Sequence (0064,0002)",
    0x00660002: "Surface Sequence (0066,0002)",
    0x00660101: "Track Set Sequence (0066,0101)",
    0x0070005A: "Displayed Area Selection Sequence (0070,005A)",
    0x00700308: "Registration Sequence (0070,0308)",
    0x0070031C: "Fiducial Set Sequence (0070,031C)",
    0x30060039: "ROI Contour Sequence (3006,0039)",
    0x30080020: "Treatment Session Beam Sequence (3008,0020)",
    0x30080021: "Treatment Session Ion Beam Sequence (3008,0021)",
    0x30080110: "Treatment Session Application Setup Sequence (3008,0110)",
    0x300A0070: "Fraction Group Sequence (300A,0070)",
    0x300A00B0: "Beam Sequence (300A,00B0)",
    0x300A0230: "Application Setup Sequence (300A,0230)",
    0x300A03A2: "Ion Beam Sequence (300A,03A2)",
    0x54000100: "Waveform Sequence (5400,0100)",
    0x56000020: "Spectroscopy Data (5600,0020)",
}
"""Elements of which a walk notes whether they are there: an object that lacks its own may be cut (see `completeness`)."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set is written (PS3.5 A)."""

    explicit: bool
    little: bool


class ByteOrder:
    """What depends on the byte order: the ways to unpack, and the tables by the number that a tag is read as."""

    def __init__(self, little: bool) -> None:
        order = "<" if little else ">"
        self.explicit = struct.Struct(f"{order}L2sH").unpack_from
        self.implicit = struct.Struct(f"{order}LL").unpack_from
        self.length = struct.Struct(f"{order}L").unpack_from
        self.tag = _swapped if little else _unchanged
        wanted = dict(ATTRIBUTES)
        for (group, _, byte), (_, vr) in PRIVATE_ATTRIBUTES.items():
            for block in PRIVATE_BLOCKS:
                wanted[group << 16 | block] = (creator_key(group, block), "LO")
                wanted[group << 16 | block << 8 | byte] = (private_key(group, block, byte), vr)
        self.placed: dict[int, str] = {}
        for group, _, byte in PRIVATE_PLACES:
            for block in PRIVATE_BLOCKS:
                wanted[group << 16 | block] = (creator_key(group, block), "LO")
                self.placed[self.tag(group << 16 | block << 8 | byte)] = private_key(group, block, byte)
        self.wanted = {self.tag(tag): (keyword, vr.encode()) for tag, (keyword, vr) in wanted.items()}
        self.wanted |= {self.tag(0xFFFE0000 | e): DELIMITER for e in (0xE000, 0xE00D, 0xE0DD)}
        self.pixel_data = {self.tag(tag): keyword for tag, keyword in PIXEL_DATA.items()}
        self.item, self.item_end, self.sequence_end = (self.tag(0xFFFE0000 | e) for e in (0xE000, 0xE00D, 0xE0DD))
        self.lasts = {self.tag(tag): frozenset((tag,)) for tag in LAST_ELEMENTS}
        self.special = frozenset((0, self.item_end, *self.pixel_data, *self.lasts, *self.placed))
        self.item_bytes = struct.pack(f"{order}HH", CONTROL_GROUP, 0xE000)
        self.item_end_bytes = struct.pack(f"{order}HH", CONTROL_GROUP, 0xE00D)


def is_sequence(tag: int) -> bool:
    """Return whether the standard's dictionary says that `tag` is a sequence."""
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag) == "SQ"
    except KeyError:
        return False


def creator_key(group: int, block: int) -> str:
    """Return the key under which the private creator of a block is found; no keyword looks like it."""
    return f"{PRIVATE_MARK}{group:04X}:{block:02X}"


def private_key(group: int, block: int, byte: int) -> str:
    """Return the key under which a private element is found; no keyword looks like it."""
    return f"{PRIVATE_MARK}{group:04X}:{block:02X}:{byte:02X}"


def creator_of(key: str) -> str:
    """Return the key under which the creator of a private element is found whose key is `key`."""
    return key[:_CREATOR_LENGTH]


def is_private_value(key: str) -> bool:
    """Return whether `key` is one of `private_key`."""
    return key[0] == PRIVATE_MARK and len(key) == _VALUE_LENGTH and key[_CREATOR_LENGTH] == ":"


def owner_of(key: str, creator: str) -> tuple[int, str, int]:
    """Return by what the tables name a private element: group, creator, last byte of the element."""
    return int(key[1:5], 16), creator, int(key[-2:], 16)


def _swapped(tag: int) -> int:
    # (gggg,eeee) is written as two little-endian halves; read as one number the element comes out on top
    return (tag & 0xFFFF) << 16 | tag >> 16


def _unchanged(tag: int) -> int:
    return tag


ORDERS: Final = {True: ByteOrder(True), False: ByteOrder(False)}
"""By whether the least significant byte comes first."""
