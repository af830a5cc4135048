"""The items of a sequence that has been walked: the elements in them that are wanted, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.encoding import LONG_VRS, ORDERS, PRIVATE_MARK, SHORT_VRS, Encoding, Wanted
from DICOMModule.dicom.vendor_attributes import FRAME_SEQUENCES
from DICOMModule.dicom.walk_budget import DEEPEST_NESTING

LONGEST_VALUE_BYTES: Final = 256
_DEEPER: Final = frozenset(
    (
        "DiffusionGradientOrientation",
        "RadionuclideHalfLife",
        "RadionuclideTotalDose",
        "RadiopharmaceuticalStartDateTime",
        "RadiopharmaceuticalStartTime",
    )
)
"""In a sequence within their macro (PS3.3 C.8.13.5.9, C.7.6.16.2.22)."""
_UNDEFINED: Final = 0xFFFFFFFF

Values = dict[Wanted, tuple[bytes, bytes]]
Table = Mapping[int, Wanted]

_PRIVATE: Final[dict[bool, Table]] = {
    little: {tag: key for tag, key in order.wanted.items() if key[0][0] == PRIVATE_MARK and key[1]}
    for little, order in ORDERS.items()
}
_FRAMES: Final = {
    little: frozenset(
        order.tag(group << 16 | block << 8 | byte) for group, byte in FRAME_SEQUENCES for block in range(256)
    )
    for little, order in ORDERS.items()
}


@dataclass(frozen=True, slots=True)
class Item:
    """What is wanted of an item.

    Attributes
    ----------
    values : dict
        Of the item and of the sequences in it; of each of those the first item.
    privates : dict
        Private elements, and their creators, within the private sequences that hold a frame's facts.
    """

    values: Values
    privates: Values


@dataclass(frozen=True, slots=True)
class _Basket:
    """What is taken, and where to."""

    wanted: Table
    values: Values


_NOTHING: Final = _Basket({}, {})


def wanted_by_order(attributes: Mapping[int, tuple[str, str]]) -> dict[bool, Table]:
    """Return a table of attributes by the numbers that their tags are read as, for both byte orders."""
    return {
        little: {order.tag(tag): (keyword, vr.encode()) for tag, (keyword, vr) in attributes.items()}
        for little, order in ORDERS.items()
    }


class ItemReader:
    """Goes through the bytes of a sequence's value, whose lengths a walk has checked.

    What the walk took for a value since it did not hold together as a sequence is looked into all the same; so nothing
    here goes beyond what contains it, or deeper than a walk does.

    Parameters
    ----------
    data : bytes
        From the sequence's first item to its end.
    encoding : Encoding
        How it is written.
    wanted : mapping
        As `wanted_by_order` gives it.
    longest : int
        A longer value is stepped over.
    """

    def __init__(
        self, data: bytes, encoding: Encoding, wanted: Mapping[bool, Table], longest: int = LONGEST_VALUE_BYTES
    ) -> None:
        self._data = data
        self._little = encoding.little
        self._order = ORDERS[encoding.little]
        self._wanted = wanted[encoding.little]
        self._private = _PRIVATE[encoding.little]
        self._frames = _FRAMES[encoding.little]
        self._counted = {tag: key for tag, key in self._wanted.items() if key[1] == b"SQ"}
        self._longest = longest
        self._explicit = encoding.explicit

    def items(self) -> Iterator[Item]:
        """Yield what is wanted of each item of the first level."""
        position, end = 0, len(self._data)
        while position + 8 <= end:
            tag, length = self._order.implicit(self._data, position)
            if tag != self._order.item:
                return  # the delimiter of the sequence
            values: Values = {}
            self._privates: Values = {}
            position = self._item(position + 8, length, end, _Basket(self._wanted, values), 0)
            yield Item(values, self._privates)

    def _item(self, position: int, length: int, end: int, basket: _Basket, depth: int) -> int:
        """Take what is wanted of an item that begins at `position`; return where it ends."""
        if depth > DEEPEST_NESTING:
            return end
        if length == _UNDEFINED:
            return self._elements(position, end, basket, depth)
        after = min(position + length, end)
        self._elements(position, after, basket, depth)
        return after

    def _elements(self, position: int, end: int, basket: _Basket, depth: int) -> int:
        data, wanted, unpack = self._data, basket.wanted, self._order.explicit
        explicit = self._explicit
        while position + 8 <= end:
            tag, vr, length = unpack(data, position)
            first = position + 8
            if not (explicit and vr in SHORT_VRS):
                if tag == self._order.item_end:
                    return first
                vr, length, first = self._long_header(position, vr, length)
            if length == _UNDEFINED:
                position = self._nested((tag, vr), first, end, basket, depth)
                continue
            position = min(first + length, end)
            if tag in wanted and tag not in self._counted:
                if (depth <= 1 or wanted[tag][0] in _DEEPER) and length <= self._longest:
                    basket.values.setdefault(wanted[tag], (vr, data[first:position]))
            elif self._is_looked_into(tag, vr, first, depth):
                self._nested((tag, vr), first, position, basket, depth)
        return position

    def _is_looked_into(self, tag: int, vr: bytes, first: int, depth: int) -> bool:
        is_sequence = vr == b"SQ" or (vr in {b"", b"UN"} and self._data[first : first + 4] == self._order.item_bytes)
        return is_sequence and (not self._is_private(tag) or (depth == 0 and tag in self._frames))

    def _nested(self, head: tuple[int, bytes], first: int, end: int, basket: _Basket, depth: int) -> int:
        """Go into a sequence of that tag and VR; return where it ends, `end` at the latest."""
        (tag, vr), explicit = head, self._explicit
        self._explicit = explicit and vr != b"UN"  # PS3.5 6.2.2: a sequence within UN is in implicit VR
        if not self._is_private(tag):
            after = self._sequence(first, end, basket, depth + 1, self._counted.get(tag))
        elif depth == 0 and tag in self._frames:
            after = self._sequence(first, end, _Basket(self._private, self._privates), depth + 1)
        else:
            after = self._sequence(first, end, _NOTHING, depth + 1)
        self._explicit = explicit
        return after

    def _sequence(self, position: int, end: int, basket: _Basket, depth: int, counted: Wanted | None = None) -> int:
        """Go through the items of a sequence within an item; only of its first one something is taken.

        Where the sequence itself is wanted (`counted`), so is how many items it has.
        """
        values, count = basket.values, 0
        while position + 8 <= end:
            tag, length = self._order.implicit(self._data, position)
            position += 8
            if tag != self._order.item:
                break
            position = self._item(position, length, end, basket, depth)
            basket, count = _NOTHING, count + 1
        if counted is not None and values is not _NOTHING.values:
            values.setdefault(counted, (b"US", min(count, 0xFFFF).to_bytes(2, "little" if self._little else "big")))
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
