"""What the frames of a multi-frame instance have of their own: its functional groups (PS3.3 C.7.6.16), kept compact.

A table of columns: keyword → one value that all frames share, or one value a frame. Values are as written, as those of
an `InstanceHeader`. It is packed as compressed JSON, which is what the database keeps, and unpacked when it is asked for.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from DICOMModule.dicom.attributes import FRAME_ATTRIBUTES
from DICOMModule.dicom.byte_source import ByteSource
from DICOMModule.dicom.encoding import Encoding, Wanted
from DICOMModule.dicom.header_values import attributes_of, plain_text
from DICOMModule.dicom.instance_header import AttributeValue
from DICOMModule.dicom.item_reader import ItemReader, wanted_by_order
from DICOMModule.dicom.structure_found import Structure

SHARED: Final = "SharedFunctionalGroupsSequence"
PER_FRAME: Final = "PerFrameFunctionalGroupsSequence"
DIMENSIONS: Final = "DimensionIndexSequence"
SEQUENCES: Final = frozenset((SHARED, PER_FRAME, DIMENSIONS))
LARGEST_BYTES: Final = 32 * 1024 * 1024
LARGEST_UNPACKED_BYTES: Final = 512 * 1024 * 1024
_WANTED: Final = wanted_by_order(FRAME_ATTRIBUTES)
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
    ranges = {keyword: place for keyword, place in structure.ranges.items() if keyword in SEQUENCES}
    if sum(after - first for first, after in ranges.values()) > LARGEST_BYTES:
        return None, "its functional groups are larger than any that are kept; its frames cannot be placed."
    context = {key: structure.values[key] for key in _CONTEXT if key in structure.values}
    read = {
        keyword: _items(content.read(first, after - first), encoding, context)
        for keyword, (first, after) in ranges.items()
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
    alike: dict[Any, dict[str, Any]] = {}  # most frames share most of their values
    for item in ItemReader(data, encoding, _WANTED).items():
        attributes: dict[str, Any] = {}
        if item.privates:
            together = tuple(item.privates.items())
            if together not in alike:
                alike[together] = _decoded({**context, **item.privates}, context, encoding)
            attributes.update(alike[together])
        for same in item.values.items():
            text = plain_text(*same)
            if text is not None:
                if text:
                    attributes[same[0][0]] = text
                continue
            if same not in alike:
                alike[same] = _decoded({**context, same[0]: same[1]}, context, encoding)
            attributes.update(alike[same])
        found.append(attributes)
    return found


def _decoded(
    values: dict[Wanted, tuple[bytes, bytes]], context: dict[Wanted, tuple[bytes, bytes]], encoding: Encoding
) -> dict[str, Any]:
    decoded = attributes_of(Structure(values), little=encoding.little)
    for keyword, _ in context:
        decoded.pop(keyword, None)
    return decoded
