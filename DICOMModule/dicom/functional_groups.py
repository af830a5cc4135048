"""What the frames of a multi-frame instance have of their own: its functional groups (PS3.3 C.7.6.16), kept compact.

A table of columns: keyword → one value that all frames share, or one value a frame. Values are as written, as those of
an `InstanceHeader`. It is packed as compressed JSON, which is what the database keeps, and unpacked when it is asked for.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from DICOMModule.dicom.attributes import FRAME_ATTRIBUTES
from DICOMModule.dicom.byte_source import ByteSource
from DICOMModule.dicom.encoding import LONG_VRS, ORDERS, SHORT_VRS, Encoding, Wanted
from DICOMModule.dicom.header_values import attributes_of
from DICOMModule.dicom.instance_header import AttributeValue
from DICOMModule.dicom.structure_found import Structure

SHARED: Final = "SharedFunctionalGroupsSequence"
PER_FRAME: Final = "PerFrameFunctionalGroupsSequence"
DIMENSIONS: Final = "DimensionIndexSequence"
SEQUENCES: Final = frozenset((SHARED, PER_FRAME, DIMENSIONS))
LARGEST_BYTES: Final = 32 * 1024 * 1024
LARGEST_UNPACKED_BYTES: Final = 512 * 1024 * 1024
LONGEST_VALUE_BYTES: Final = 256
_DEEPER: Final = frozenset(("DiffusionGradientOrientation",))  # in a sequence within its macro (PS3.3 C.8.13.5.9)
_UNDEFINED: Final = 0xFFFFFFFF
_WANTED: Final = {
    little: {order.tag(tag): (keyword, vr.encode()) for tag, (keyword, vr) in FRAME_ATTRIBUTES.items()}
    for little, order in ORDERS.items()
}
_CONTEXT: Final = (("SpecificCharacterSet", b"CS"), ("PixelRepresentation", b"US"))


@dataclass(frozen=True)
class FunctionalGroups:
    """The functional groups of one instance, packed.

    Attributes
    ----------
    packed : bytes
        Compressed JSON: ``{"frames": n, "shared": {keyword: value}, "frame": {keyword: [value or null, …]}}``.
    """

    packed: bytes

    @cached_property
    def _columns(self) -> dict[str, Any]:
        inflater = zlib.decompressobj()
        text = inflater.decompress(self.packed, LARGEST_UNPACKED_BYTES)
        if not inflater.eof:
            raise ValueError("functional groups unpack to more than they can be")
        columns: dict[str, Any] = json.loads(text)
        return columns

    @property
    def number_of_frames(self) -> int:
        """How many items the Per-frame Functional Groups Sequence (5200,9230) has."""
        return int(self._columns["frames"])

    @property
    def keywords(self) -> frozenset[str]:
        """Attributes that at least one frame has."""
        return frozenset((*self._columns["shared"], *self._columns["frame"]))

    def shared(self, keyword: str) -> AttributeValue | None:
        """Return the value that all frames share; None where they differ or have none."""
        value: AttributeValue | None = _as_tuple(self._columns["shared"].get(keyword))
        return value

    def values(self, keyword: str) -> tuple[AttributeValue | None, ...]:
        """Return the value of each frame, its own before the shared one; None where a frame has none."""
        own = self._columns["frame"].get(keyword)
        if own is None:
            return (self.shared(keyword),) * self.number_of_frames
        return tuple(map(_as_tuple, own))


def read_functional_groups(
    content: ByteSource, encoding: Encoding, structure: Structure
) -> tuple[FunctionalGroups | None, str]:
    """Read the functional groups of a data set that has been walked and found sound.

    Returns
    -------
    groups : FunctionalGroups or None
        None where there are none.
    note : str
        What is odd about them, as a sentence; empty where nothing is.
    """
    if PER_FRAME not in structure.ranges and SHARED not in structure.ranges:
        return None, ""
    if sum(after - first for first, after in structure.ranges.values()) > LARGEST_BYTES:
        return None, "its functional groups are larger than any that are kept; its frames cannot be placed."
    context = {key: structure.values[key] for key in _CONTEXT if key in structure.values}
    read = {
        keyword: _items(content.read(first, after - first), encoding, context)
        for keyword, (first, after) in structure.ranges.items()
    }
    shared = dict(read[SHARED][0]) if read.get(SHARED) else {}
    if read.get(DIMENSIONS):
        for keyword in ("DimensionIndexPointer", "FunctionalGroupPointer"):
            shared[keyword] = tuple(int(item.get(keyword, 0)) for item in read[DIMENSIONS])
    return FunctionalGroups(_packed(shared, read.get(PER_FRAME, []))), ""


def _packed(shared: dict[str, AttributeValue], frames: Sequence[Mapping[str, AttributeValue]]) -> bytes:
    columns: dict[str, list[AttributeValue | None]] = {}
    for keyword in {keyword for frame in frames for keyword in frame}:
        column = [frame.get(keyword, shared.get(keyword)) for frame in frames]
        if column[0] is not None and all(value == column[0] for value in column):
            shared[keyword] = column[0]
        else:
            shared.pop(keyword, None)
            columns[keyword] = column
    document = {"frames": len(frames), "shared": dict(sorted(shared.items())), "frame": dict(sorted(columns.items()))}
    return zlib.compress(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"), 6)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _items(data: bytes, encoding: Encoding, context: dict[Wanted, tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """Return the wanted attributes of each item of a sequence, those of the sequences in it included."""
    found = []
    alike: dict[tuple[Any, ...], dict[str, Any]] = {}  # most frames share most of their values
    for values in _Groups(data, encoding).items():
        attributes: dict[str, Any] = {}
        for key, written in values.items():
            same = (key, written)
            if same not in alike:
                alike[same] = attributes_of(Structure({**context, key: written}), little=encoding.little)
                for keyword, _ in context:
                    alike[same].pop(keyword, None)
            attributes.update(alike[same])
        found.append(attributes)
    return found


class _Groups:
    """Goes through the bytes of a sequence's value, whose lengths have all been checked."""

    def __init__(self, data: bytes, encoding: Encoding) -> None:
        self._data = data
        self._order = ORDERS[encoding.little]
        self._wanted = _WANTED[encoding.little]
        self._explicit = encoding.explicit

    def items(self) -> Iterator[dict[Wanted, tuple[bytes, bytes]]]:
        """Yield what is wanted of each item of the first level."""
        position, end = 0, len(self._data)
        while position + 8 <= end:
            tag, length = self._order.implicit(self._data, position)
            if tag != self._order.item:
                return  # the delimiter of the sequence
            found: dict[Wanted, tuple[bytes, bytes]] = {}
            position = self._item(position + 8, length, end, found, 0)
            yield found

    def _item(self, position: int, length: int, end: int, found: dict[Wanted, tuple[bytes, bytes]], depth: int) -> int:
        """Take what is wanted of an item that begins at `position`; return where it ends."""
        if length == _UNDEFINED:
            return self._elements(position, end, found, depth)
        self._elements(position, position + length, found, depth)
        return position + length

    def _elements(self, position: int, end: int, found: dict[Wanted, tuple[bytes, bytes]], depth: int) -> int:
        data, wanted, unpack = self._data, self._wanted, self._order.explicit
        explicit = self._explicit
        while position + 8 <= end:
            tag, vr, length = unpack(data, position)
            first = position + 8
            if not (explicit and vr in SHORT_VRS):
                if tag == self._order.item_end:
                    return first
                vr, length, first = self._long_header(position, vr, length)
            position = first + length
            if length == _UNDEFINED:
                self._explicit = explicit and vr != b"UN"  # PS3.5 6.2.2: a sequence within UN is in implicit VR
                position = self._sequence(first, end, {} if self._is_private(tag) else found, depth + 1)
                self._explicit = explicit
            elif tag in wanted:
                if (depth <= 1 or wanted[tag][0] in _DEEPER) and length <= LONGEST_VALUE_BYTES:
                    found.setdefault(wanted[tag], (vr, data[first:position]))
            elif (vr == b"SQ" or (not vr and data[first : first + 4] == self._order.item_bytes)) and not (
                self._is_private(tag)
            ):
                self._sequence(first, position, found, depth + 1)
        return position

    def _sequence(self, position: int, end: int, found: dict[Wanted, tuple[bytes, bytes]], depth: int) -> int:
        """Go through the items of a sequence within an item; only of its first one something is taken."""
        taken = found
        while position + 8 <= end:
            tag, length = self._order.implicit(self._data, position)
            position += 8
            if tag != self._order.item:
                break
            position = self._item(position, length, end, taken, depth)
            taken = {}
        return position

    def _long_header(self, position: int, vr: bytes, short: int) -> tuple[bytes, int, int]:
        """Return VR, length and where the value begins of an element that has no short explicit header."""
        if not self._explicit:
            return b"", self._order.length(self._data, position + 4)[0], position + 8
        if position + 12 > len(self._data):
            return vr, short, position + 8
        (length,) = self._order.length(self._data, position + 8)
        if vr not in LONG_VRS and (short or position + 12 + length > len(self._data)):  # as the walk takes it
            return vr, short, position + 8
        return vr, length, position + 12

    def _is_private(self, tag: int) -> bool:
        return bool(self._order.tag(tag) >> 16 & 1)
