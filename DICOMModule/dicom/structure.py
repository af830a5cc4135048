"""The structural walk of a data set: every length is followed to the end, and what is wanted is picked up on the way.

One pass without recursion and without trust: a length is believed only where it fits what contains it, nothing is
allocated by a declared length, values that nobody asked for are stepped over unread, and both nesting and the number of
items are bounded in proportion to the bytes that there are (PS3.5 7.1, 7.5, A.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from DICOMModule.dicom.byte_source import ByteSource
from DICOMModule.dicom.encoding import (
    CONTROL_GROUP,
    LONG_VRS,
    ORDERS,
    SHORT_VRS,
    Encoding,
    Wanted,
    is_private_value,
    is_sequence,
)
from DICOMModule.dicom.structure_found import MOST_PLACES, Marks, Structure, StructureError
from DICOMModule.dicom.vendor_attributes import LONGEST_PRIVATE_BYTES
from DICOMModule.dicom.walk_budget import DEEPEST_NESTING, WalkBudget, check_values, is_padding

FIRST_READ_BYTES: Final = 8192
_NEXT_READ_BYTES: Final = 16384
_PADDING: Final = bytes(16)
_UNDEFINED: Final = 0xFFFFFFFF
_NO_TAGS: Final[frozenset[int]] = frozenset()
_NOTHING: Final[Mapping[int, Wanted]] = {}


def walk(
    source: ByteSource, start: int, encoding: Encoding, window: bytes = b"", marks: Marks | None = None
) -> Structure:
    """Walk the data set that begins at byte `start` and goes to the end of `source`.

    Parameters
    ----------
    source : ByteSource
        The file, or the inflated data set.
    start : int
        Offset of the first data element.
    encoding : Encoding
        How it is written.
    window : bytes
        The source's first bytes, where they have been read already.
    marks : Marks, optional
        To be filled.

    Raises
    ------
    StructureError
        A length does not fit, a delimiter is missing, or a limit is passed.
    """
    return _Walk(source, start, encoding, window, marks).run()


class _Walk:
    """The state of one walk: a position, the innermost container, and the containers around it."""

    def __init__(
        self, source: ByteSource, start: int, encoding: Encoding, window: bytes, marks: Marks | None = None
    ) -> None:
        self.source = source
        self.marks = marks
        self.order = ORDERS[encoding.little]
        self.found = Structure()
        self.position = start
        self.window_start = 0
        self.window = window + _PADDING
        self.window_end = len(window)
        # the innermost container: where it ends at the latest, whether a delimiter ends it, whether it holds items
        self.end = source.size
        self.open = False
        self.in_sequence = False
        self.explicit = encoding.explicit
        self.outer: list[tuple[int, bool, bool, bool]] = []
        self.counted = ""
        self.guesses: list[tuple[int, int]] = []
        self.budget = WalkBudget(source.size)
        self.finished = False

    def run(self) -> Structure:
        """Walk to the end."""
        while not self.finished:
            try:
                if self.in_sequence:
                    self._next_item()
                elif self.explicit:
                    self._explicit_elements()
                else:
                    self._implicit_elements()
            except StructureError as error:
                if error.final or not self.guesses:
                    raise
                self._step_over_guess()
        check_values(self.found.values, self.source.size)
        return self.found

    # --- elements

    def _explicit_elements(self) -> None:
        """Walk elements with 16-bit lengths until something else comes."""
        stop, limit = self._bounds()
        window, offset = self.window, self.position - self.window_start
        unpack, short, values = self.order.explicit, SHORT_VRS, self.found.values
        wanted = _NOTHING if self.outer else self.order.wanted
        places, base, depth = self._places()
        count = 0
        while offset < stop:
            tag, vr, length = unpack(window, offset)
            first = offset + 8
            after = first + length
            if vr not in short or after > limit:
                self._advance(offset, count)
                self._explicit_special(tag, vr, length)
                return
            if tag in wanted:
                values[wanted[tag]] = (vr, window[first:after])
            if places is not None:
                places.append((base + offset, base + first, depth))
            offset = after
            count += 1
        self._advance(offset, count)
        self._close_if_at_end()

    def _implicit_elements(self) -> None:
        """Walk elements without a value representation until one comes that holds items or leaves the window."""
        stop, limit = self._bounds()
        window, offset = self.window, self.position - self.window_start
        unpack, item, special = self.order.implicit, self.order.item_bytes, self.order.special
        values = self.found.values
        wanted = _NOTHING if self.outer else self.order.wanted
        places, base, depth = self._places()
        count = 0
        while offset < stop:
            tag, length = unpack(window, offset)
            first = offset + 8
            after = first + length
            if after > limit or tag in special or window[first : first + 4] == item:
                self._advance(offset, count)
                self._implicit_special(tag, length)
                return
            if tag in wanted:
                values[wanted[tag]] = (b"", window[first:after])
            if places is not None:
                places.append((base + offset, base + first, depth))
            offset = after
            count += 1
        self._advance(offset, count)
        self._close_if_at_end()

    def _places(self) -> tuple[list[tuple[int, int, int]] | None, int, int]:
        """Return where marks go, what is added to an offset in the window, and the depth."""
        if self.marks is not None and len(self.marks.places) > MOST_PLACES:
            self.marks.complete, self.marks = False, None  # nobody compares files of so many parts
        return self.marks.places if self.marks is not None else None, self.window_start, len(self.outer)

    def _mark(self, first: int) -> None:
        """Mark the header that goes from the position to `first`."""
        if self.marks is not None:
            self.marks.places.append((self.position, first, len(self.outer)))

    def _unmark(self) -> None:
        """Say that the marks do not tell everything."""
        if self.marks is not None:
            self.marks.complete = False

    def _advance(self, offset: int, elements: int) -> None:
        self.position = self.window_start + offset
        self.budget.spend_run(elements)

    def _explicit_special(self, tag: int, vr: bytes, short_length: int) -> None:
        """Deal with an element that is long, holds items, leaves the window, or is none."""
        if self._is_padding_or_delimiter(tag):
            return
        if vr in SHORT_VRS:
            self._value(tag, vr, self.position + 8, short_length)
            return
        (length,) = self.order.length(self.window, self.position - self.window_start + 8)
        first = self.position + 12
        if vr not in LONG_VRS:
            if not (vr.isalpha() and vr.isupper()):
                raise StructureError(f"the value representation of {self._name(tag)} is none")
            # PS3.5 6.2: a VR newer than this list has a 32-bit length behind two reserved bytes; some writers made it short
            if short_length or first + length > self.end:
                first, length = self.position + 8, short_length
        if vr == b"SQ":
            self._open_sequence(tag, first, length, explicit=True)
        elif length == _UNDEFINED and vr == b"UN":  # PS3.5 6.2.2: then it is a sequence in implicit VR
            self._open_sequence(tag, first, length, explicit=False)
        elif length == _UNDEFINED:
            self._fragments(tag, first)
        elif vr == b"UN" and self._read(first, 4) == self.order.item_bytes:
            self._open_guess(tag, first, length)
        else:
            self._value(tag, vr, first, length)

    def _implicit_special(self, tag: int, length: int) -> None:
        """Deal with an element that holds items, leaves the window, or is none."""
        if self._is_padding_or_delimiter(tag):
            return
        first = self.position + 8
        if length == _UNDEFINED:
            if tag in self.order.pixel_data:
                self._fragments(tag, first)
            else:
                self._open_sequence(tag, first, length, explicit=False)
        elif length >= 8 and tag not in self.order.pixel_data and self._read(first, 4) == self.order.item_bytes:
            if is_sequence(self.order.tag(tag)):
                self._open_sequence(tag, first, length, explicit=False)
            else:
                self._open_guess(tag, first, length)
        else:
            self._value(tag, b"", first, length)

    def _is_padding_or_delimiter(self, tag: int) -> bool:
        """Deal with an item's end and with zeros after the data set; tell whether it was one of these."""
        if tag == self.order.item_end and self.open and self.end - self.position >= 8:
            self._delimiter()
            return True
        if (
            (not tag or self.end - self.position < 8)
            and not self.outer
            and is_padding(self.source, self.position, self._read(self.position, 8))
        ):
            self.position = self.end
            self.finished = True
            return True
        if self.end - self.position < 8:
            raise self._does_not_fit("a data element", self.position + 8)
        if self.order.tag(tag) >> 16 == CONTROL_GROUP:
            raise StructureError(f"there is a delimiter at byte {self.position} where none belongs")
        return False

    def _value(self, tag: int, vr: bytes, first: int, length: int) -> None:
        """Step over a value, picking it up where it is wanted."""
        after = first + length
        if after > self.end:
            raise self._does_not_fit(self._name(tag), after)
        self._mark(first)
        if not self.outer:
            self.found.lasts |= self.order.lasts.get(tag, _NO_TAGS)
            if tag in self.order.pixel_data:
                self._pixel_data(tag, first, length)
            elif tag in self.order.wanted:
                self._take(self.order.wanted[tag], vr, first, length)
            elif tag in self.order.placed and vr not in SHORT_VRS:
                self.found.ranges[self.order.placed[tag]] = first, after
        self.position = after

    def _take(self, key: Wanted, vr: bytes, first: int, length: int) -> None:
        if length > LONGEST_PRIVATE_BYTES and is_private_value(key[0]):
            return  # it is not kept; elsewhere the same element may be anything, of any length
        self.budget.spend_value(length)
        self.found.values[key] = (vr, self._read(first, length))

    def _pixel_data(self, tag: int, first: int, length: int) -> None:
        found = self.found
        found.pixel_keyword, found.pixel_offset, found.pixel_bytes = self.order.pixel_data[tag], first, length

    def _fragments(self, tag: int, first: int) -> None:
        """Step over encapsulated data: a chain of items without nesting (PS3.5 A.4)."""
        self._mark(first)
        if self.outer:
            self._unmark()
        position = first
        while True:
            if position + 8 > self.end:
                raise self._does_not_fit(self._name(tag), position + 8)
            item, length = self.order.implicit(self._read(position, 8))
            position += 8
            if item == self.order.sequence_end:
                break
            if item != self.order.item or length == _UNDEFINED:
                raise StructureError(f"the fragments of {self._name(tag)} are broken at byte {position - 8}")
            position += length
            if position > self.end:
                raise self._does_not_fit(f"a fragment of {self._name(tag)}", position)
            self.budget.spend_fragment()
        if not self.outer and tag in self.order.pixel_data:
            self._pixel_data(tag, first, -1)
        self.position = position

    # --- sequences and items

    def _open_sequence(self, tag: int, first: int, length: int, *, explicit: bool) -> None:
        if not self.outer:
            self.found.lasts |= self.order.lasts.get(tag, _NO_TAGS)
            self.counted = self.order.wanted[tag][0] if tag in self.order.wanted else self.order.placed.get(tag, "")
            if self.counted:
                self.found.ranges[self.counted] = first, first
        self._mark(first)
        self.position = first
        self._open(self._name(tag), length, in_sequence=True, explicit=explicit and self.explicit)

    def _open_guess(self, tag: int, first: int, length: int) -> None:
        """Walk a value as a sequence that looks like one; where that fails it is a value like any other."""
        if first + length > self.end:
            raise self._does_not_fit(self._name(tag), first + length)
        self._unmark()
        self.guesses.append((len(self.outer), first + length))
        self._open_sequence(tag, first, length, explicit=False)

    def _step_over_guess(self) -> None:
        self.budget.spend_guess()
        depth, self.position = self.guesses.pop()
        (self.end, self.open, self.in_sequence, self.explicit), self.outer = self.outer[depth], self.outer[:depth]
        if not depth:
            self.found.items.pop(self.counted, None)

    def _open(self, name: str, length: int, *, in_sequence: bool, explicit: bool) -> None:
        """Go into a sequence or an item that begins at the position."""
        end = self.end if length == _UNDEFINED else self.position + length
        if end > self.end or self.position > self.end:
            raise self._does_not_fit(name, max(end, self.position))
        self.outer.append((self.end, self.open, self.in_sequence, self.explicit))
        if len(self.outer) > 2 * DEEPEST_NESTING:  # a sequence and an item a level
            raise StructureError(f"its sequences are nested deeper than {DEEPEST_NESTING} levels", final=True)
        self.end, self.open, self.in_sequence, self.explicit = end, length == _UNDEFINED, in_sequence, explicit

    def _next_item(self) -> None:
        if self.position == self.end:
            self._close_if_at_end()
            return
        if self.end - self.position < 8:
            raise self._does_not_fit("an item", self.position + 8)
        tag, length = self.order.implicit(self._read(self.position, 8))
        if tag == self.order.sequence_end and self.open:
            self._delimiter()
        elif tag == self.order.item:
            self._mark(self.position + 8)
            if len(self.outer) == 1 and self.counted:
                self.found.items[self.counted] = self.found.items.get(self.counted, 0) + 1
            self.position += 8
            is_open = length == _UNDEFINED
            empty = not length or (is_open and self._read(self.position, 4) == self.order.item_end_bytes)
            self.budget.spend_item(empty=empty)
            self._open("an item", length, in_sequence=False, explicit=self.explicit)
        else:
            raise StructureError(f"there is no item at byte {self.position}, where a sequence needs one")

    def _delimiter(self) -> None:
        _, length = self.order.implicit(self._read(self.position, 8))
        if length:
            raise StructureError(f"the delimiter at byte {self.position} has a length")
        self._mark(self.position + 8)
        self.position += 8
        self._close()

    def _close_if_at_end(self) -> None:
        """Leave the container where the position is its end; elsewhere just the window ended."""
        if self.position != self.end:
            return
        if self.open:
            raise self._does_not_fit("a sequence of undefined length", self.position + 8)
        if self.outer:
            self._close()
        else:
            self.finished = True

    def _close(self) -> None:
        self.end, self.open, self.in_sequence, self.explicit = self.outer.pop()
        if not self.outer and self.counted:
            self.found.ranges[self.counted] = self.found.ranges[self.counted][0], self.position
        while self.guesses and self.guesses[-1][0] >= len(self.outer):
            self.guesses.pop()

    # --- bytes

    def _bounds(self) -> tuple[int, int]:
        """Bring the position into the window; return where headers stop being whole in it, and where values do."""
        if self.position + 12 > self.window_end and self.window_end < self.source.size:
            data = self.source.read(self.position, _NEXT_READ_BYTES if self.position else FIRST_READ_BYTES)
            self.window_start, self.window_end = self.position, self.position + len(data)
            self.window = data + _PADDING
        whole = self.window_end if self.window_end == self.source.size else self.window_end - 11
        return min(self.end, whole) - self.window_start, min(self.end, self.window_end) - self.window_start

    def _read(self, first: int, count: int) -> bytes:
        """Return bytes at any offset, from the window where they are in it."""
        offset = first - self.window_start
        if offset >= 0 and first + count <= self.window_end:
            return self.window[offset : offset + count]
        return self.source.read(first, count)

    def _name(self, tag: int) -> str:
        return "({:04X},{:04X})".format(*divmod(self.order.tag(tag), 1 << 16))

    def _does_not_fit(self, what: str, needed: int) -> StructureError:
        if needed > self.source.size:
            missing = needed - self.source.size
            return StructureError(f"it is cut: {what} needs {missing} bytes more than there are", incomplete=True)
        return StructureError(f"{what} at byte {self.position} is longer than what contains it")
