"""The layout of a header: files of one series are built alike, and what is alike need not be walked again.

A walk (`structure`) goes where the tags, VRs and lengths that it meets send it, and nowhere else. So where another file
has the same bytes in all these places, the walk through it is known beforehand. A layout is made of two files of a series:
a regular expression over what must be the same, with groups for the values that may differ; elements whose length
differs stand between such expressions. What matches has exactly the structure that the walk found sound; what does not
is walked. Values that are to be kept and were the same in both files must be the same, too, so that only the others are
looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from DICOMModule.dicom.encoding import LONG_VRS, ORDERS, SHORT_VRS, Wanted, private_key
from DICOMModule.dicom.structure_found import MOST_PLACES, Marks
from DICOMModule.dicom.vendor_attributes import CONDITIONAL_PLACES, NESTED, PRIVATE_BLOCKS

LARGEST_BYTES: Final = 64 * 1024
_AFTER_LAYOUT_BYTES: Final = 512
_ORDER: Final = ORDERS[True]
# What hardly any two files of a series have alike, in value or in length: known beforehand, it need not be learned.
_OWN: Final = frozenset(["SOPInstanceUID", "InstanceNumber", "ImagePositionPatient", "SliceLocation"])
LONGEST_LOOSE_BYTES: Final = 66
"""The longest value of which the length may differ: UIDs, texts of 64 characters, three decimal strings."""
_LENGTH_BYTES: Final = {4: 4, 6: 2, 8: 4}  # by the bytes before it: tag; tag and VR; these and two reserved
_NO_ITEM: Final = b"(?!" + re.escape(_ORDER.item_bytes) + b")"  # what UN begins with tells whether it is a sequence
_META_CLASS: Final = 0x0002
_META_UID: Final = 0x0003
_META_SYNTAX: Final = 0x0010
META_INSTANCE: Final = ("?meta instance", b"UI")
"""The key of Media Storage SOP Instance UID (0002,0003); no attribute's keyword looks like it."""


@dataclass(frozen=True, slots=True)
class Top:
    """An element of the first level.

    Attributes
    ----------
    head : bytes
        What its header has before its length: tag and, in explicit VR, the VR.
    start, first, after : int
        Offsets of its header, of its value, and of what follows.
    key : Wanted or None
        What its value is kept as; None where it is not.
    is_value : bool
        Whether it holds no other elements, so that its length alone tells where it ends.
    """

    head: bytes
    start: int
    first: int
    after: int
    key: Wanted | None
    is_value: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One file that was walked: where everything is in its first bytes, up to the last element or the pixel data.

    Attributes
    ----------
    window : bytes
        The beginning of the file.
    start, end : int
        Where the file meta information begins, and where the layout ends: before the pixel data, or else before the last
        element of the first level.
    tops : tuple of Top
        Elements of the first level between them, file meta information included.
    places : tuple of (int, int)
        Headers of all elements and items, in order.
    explicit : bool
        Whether the data set is written with VRs.
    """

    window: bytes
    start: int
    end: int
    tops: tuple[Top, ...]
    places: tuple[tuple[int, int], ...]
    explicit: bool

    def is_built_like(self, other: Sample) -> bool:
        """Return whether both have the same elements on the first level, whatever their lengths."""
        return self.explicit == other.explicit and [t.head for t in self.tops] == [t.head for t in other.tops]

    def value(self, top: Top) -> bytes:
        """Return the bytes of the value of an element."""
        return self.window[top.first : top.after]


def sample_of(
    window: bytes, dataset_offset: int, meta: Sequence[tuple[int, int]], marks: Marks, *, explicit: bool
) -> Sample | None:
    """Return what a layout can be made of; None where a file is not of the kind.

    Parameters
    ----------
    window : bytes
        The beginning of the file.
    dataset_offset : int
        Where the data set begins.
    meta : sequence of (int, int)
        Headers of the elements of the file meta information.
    marks : Marks
        Of the walk through its data set, which is little endian.
    explicit : bool
        Whether that is written with VRs.
    """
    roots = [place for place in marks.places if not place[2]]
    if not marks.complete or len(roots) < 2 or len(marks.places) > MOST_PLACES:
        return None
    pixels = [begin for begin, _, _ in roots if _tag(window, begin) in _ORDER.pixel_data]
    end = min(pixels) if pixels else roots[-1][0]
    if end > min(len(window), LARGEST_BYTES) - 16:
        return None
    places = (*meta, *((begin, first) for begin, first, _ in marks.places if begin < end))
    if explicit and not all(_is_plain(window, begin, first) for begin, first in places):
        return None
    nested = {begin for begin, _, depth in marks.places if depth}
    begins = [*meta, *((begin, first) for begin, first, _ in roots if begin < end)]
    ends = [begin for begin, _ in begins[1:]] + [end]
    tops = tuple(
        _top(window, (begin, first, after), begin < dataset_offset, explicit, first not in nested)
        for (begin, first), after in zip(begins, ends, strict=True)
    )
    keys = [top.key for top in tops if top.key is not None]
    if len(keys) != len(set(keys)):
        return None
    return Sample(window, meta[0][0], end, tops, places, explicit)


def needed_bytes(marks: Marks) -> int:
    """Return how much of a file must be read so that a layout can be made of it; 0 where it is too much."""
    last = max((begin for begin, _, depth in marks.places if not depth), default=0)
    return last + _AFTER_LAYOUT_BYTES if last + _AFTER_LAYOUT_BYTES <= LARGEST_BYTES else 0


class Layout:
    """What files that are built alike have in common.

    Parameters
    ----------
    sample : Sample
        Of the latest of them.
    varying : set of Wanted
        What is known to differ between them; what `_OWN` names does, and the UIDs of the file itself.
    lengths : set of int
        Numbers of the elements of the first level whose length is known to differ.
    """

    def __init__(self, sample: Sample, varying: Iterable[Wanted] = (), lengths: Iterable[int] = ()) -> None:
        self.sample = sample
        own = {top.key for top in sample.tops if top.key is not None and top.key[0] in _OWN}
        self.varying = set(varying) | own | {META_INSTANCE}
        self.lengths = set(lengths) | {
            number
            for number, top in enumerate(sample.tops)
            if top.is_value and top.key in own | {META_INSTANCE} and top.after - top.first <= LONGEST_LOOSE_BYTES
        }
        self._item_count = -1 if sample.explicit else sample.window.count(_ORDER.item_bytes, sample.start, sample.end)

    @cached_property
    def keys(self) -> tuple[Wanted, ...]:
        """What the values of a match are, in order."""
        tops = enumerate(self.sample.tops)
        return tuple(top.key for _, top in tops if top.key is not None and top.key in self.varying)

    def match(self, window: bytes) -> tuple[int, Sequence[bytes]] | None:
        """Return where the layout ends in a file that begins with `window`, and its values of `keys`; None if it differs."""
        found = self._pattern.match(window, self.sample.start)
        if found is None:
            return None
        end = found.end()
        if self._item_count >= 0 and self._item_count != window.count(_ORDER.item_bytes, self.sample.start, end):
            return None  # in implicit VR the beginning of a value may tell that it is a sequence
        values = found.groups()
        return end, [value[self._skipped[number] :] for number, value in enumerate(values)]

    def widened(self, sample: Sample) -> Layout:
        """Return a layout that holds for `sample` as well, which must be built like ours."""
        pairs = list(zip(self.sample.tops, sample.tops, strict=True))
        varying = {new.key for old, new in pairs if new.key is not None and self.sample.value(old) != sample.value(new)}
        lengths = {
            number
            for number, (old, new) in enumerate(pairs)
            if old.after - old.first != new.after - new.first
            and new.is_value
            and max(old.after - old.first, new.after - new.first) <= LONGEST_LOOSE_BYTES
            and not _is_meta(new)
        }
        return Layout(sample, self.varying | varying, self.lengths | lengths)

    @cached_property
    def _skipped(self) -> tuple[int, ...]:
        """How many bytes of each group of the expression are the length before the value."""
        kept = [(number, top) for number, top in enumerate(self.sample.tops) if top.key in self.varying]
        return tuple(_LENGTH_BYTES[len(top.head)] if number in self.lengths else 0 for number, top in kept)

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        """The expression over all that must be the same, with a group for each of `keys`."""
        sample, begin = self.sample, self.sample.start
        places = iter((*sample.places, (sample.end, sample.end)))
        place = next(places)
        pieces: list[bytes] = []
        for number, top in enumerate(sample.tops):
            is_kept = top.key is not None and top.key in self.varying
            if number in self.lengths:
                pieces += [re.escape(top.head), _any_length(_LENGTH_BYTES[len(top.head)], kept=is_kept)]
                begin = top.after
            elif is_kept:
                pieces += [re.escape(sample.window[begin : top.first]), b"(.{%d})" % (top.after - top.first)]
                begin = top.after
            elif top.key is not None or self._is_fixed(top):
                pieces.append(re.escape(sample.window[begin : top.after]))
                begin = top.after
            while place[0] < top.after:
                if place[0] >= begin:
                    pieces += [b".{%d}" % (place[0] - begin), re.escape(sample.window[place[0] : place[1]])]
                    begin = place[1]
                    if sample.explicit and sample.window[place[0] + 4 : place[0] + 6] == b"UN":
                        pieces.append(_NO_ITEM)
                place = next(places)
            if begin < top.after:
                pieces.append(b".{%d}" % (top.after - begin))
                begin = top.after
        return re.compile(b"".join(pieces), re.DOTALL)

    def _is_fixed(self, top: Top) -> bool:
        """Return whether a value must be the same in every byte, though it is not kept as it is.

        One that decides how the file is read: its transfer syntax, and whether it is a DICOMDIR; a sequence out of whose
        items something is kept; and what is kept but written as UN, since a walk looks into it first.
        """
        if _is_meta(top):
            return int.from_bytes(top.head[2:4], "little") in {_META_CLASS, _META_SYNTAX}
        number = int.from_bytes(top.head[:4], "little")
        if number in _ORDER.wanted:
            return top.head[4:6] == b"UN" or _ORDER.wanted[number][0] in NESTED
        return number in _ORDER.placed and not _is_conditional(_ORDER.placed[number])


def _is_conditional(key: str) -> bool:
    """Return whether a source is looked into only where a header lacks something, which is checked of each file."""
    return any(
        key == private_key(group, block, byte) for group, _, byte in CONDITIONAL_PLACES for block in PRIVATE_BLOCKS
    )


def _any_length(width: int, *, kept: bool) -> bytes:
    """Return an expression for a length of `width` bytes, any even one that is not too large, and so many bytes."""
    choices = b"|".join(
        re.escape(length.to_bytes(width, "little")) + b".{%d}" % length
        for length in range(0, LONGEST_LOOSE_BYTES + 1, 2)
    )
    return b"((?>%s))" % choices if kept else b"(?>%s)" % choices


def _tag(window: bytes, begin: int) -> int:
    """Return a tag as `ByteOrder` numbers it."""
    return int.from_bytes(window[begin : begin + 4], "little")


def _is_plain(window: bytes, begin: int, first: int) -> bool:
    """Return whether a header alone tells what follows it: a VR that we do not know may have a length of either size."""
    vr = window[begin + 4 : begin + 6]
    is_control = window[begin : begin + 2] == b"\xfe\xff"
    return is_control or (vr in SHORT_VRS and first - begin == 8) or (vr in LONG_VRS and first - begin == 12)


def _is_meta(top: Top) -> bool:
    return top.head[:2] == b"\x02\x00"


def _top(window: bytes, place: tuple[int, int, int], in_meta: bool, explicit: bool, is_value: bool) -> Top:
    begin, first, after = place
    has_vr = explicit or in_meta
    vr = window[begin + 4 : begin + 6] if has_vr else b""
    width = first - begin - 4 if first - begin == 12 else 6 if has_vr else 4
    number = _tag(window, begin)
    key = (META_INSTANCE if number >> 16 == _META_UID else None) if in_meta else _ORDER.wanted.get(number)
    if not in_meta and number in _ORDER.placed and vr not in SHORT_VRS:
        key = _ORDER.placed[number], b"OB"
    is_value = is_value and vr not in {b"SQ", b"UN"}
    return Top(window[begin : begin + width], begin, first, after, key if is_value else None, is_value)
