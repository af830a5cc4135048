"""One frame of an instance, as the header of a single-frame image: whoever places and reads slices needs no other kind."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final, NamedTuple

from DICOMModule.dicom.colour import SUBSAMPLED
from DICOMModule.dicom.columns import made_in_columns
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader, Likeness, Likenesses

NATIVE_SYNTAXES: Final = frozenset(("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"))
"""Transfer syntaxes whose frames lie one behind the other in the file, uncompressed (PS3.5 8.1.1, A.1 to A.3)."""

_OF_THE_WHOLE: Final = frozenset(
    ("NumberOfFrames", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
)


class Tile(NamedTuple):
    """The part of a frame that is one slice: scanners write many slices into one picture.

    Attributes
    ----------
    row, column : int
        Where it begins in the frame, from 0.
    rows, columns : int
        Its size.
    """

    row: int
    column: int
    rows: int
    columns: int


class FrameAttributes(Mapping[str, AttributeValue]):
    """The attributes of one of many frames, or instances: its own few, and behind them those of all, which are not copied.

    Parameters
    ----------
    origin : dict of str to AttributeValue
        What all frames have; it is never changed.
    changed : mapping of str to AttributeValue or None
        What is another value here, or (None) is not here.
    likeness : Likeness, optional
        Of `origin` and the names in `changed`, where several headers have it.
    """

    __slots__ = ("changed", "likeness", "origin")

    def __init__(
        self,
        origin: dict[str, AttributeValue],
        changed: Mapping[str, AttributeValue | None],
        likeness: Likeness | None = None,
    ) -> None:
        self.origin = origin
        self.changed = changed
        self.likeness = likeness

    @classmethod
    def of_each(
        cls, alike: Likenesses, changes: Sequence[Mapping[str, AttributeValue | None]]
    ) -> list[FrameAttributes]:
        """Return the attributes of many that have one origin, as calling the class for each, in a third of the time."""
        made = list(map(cls.__new__, repeat(cls, len(changes))))
        slots = cls.__dict__
        for name, values in (
            ("origin", repeat(alike.origin)),
            ("changed", changes),
            ("likeness", map(alike.of, changes)),
        ):
            deque(map(slots[name].__set__, made, values), maxlen=0)
        return made

    def __getitem__(self, keyword: str) -> AttributeValue:
        value = self.changed[keyword] if keyword in self.changed else self.origin[keyword]
        if value is None:
            raise KeyError(keyword)
        return value

    def get(self, keyword: str, default: Any = None) -> Any:
        """Return a value, as `dict.get` does; asked for more often than anything else."""
        if keyword in self.changed:
            value = self.changed[keyword]
            return default if value is None else value
        return self.origin.get(keyword, default)

    def __contains__(self, keyword: object) -> bool:
        if keyword in self.changed:
            return self.changed[str(keyword)] is not None
        return keyword in self.origin

    def __iter__(self) -> Iterator[str]:
        return iter(self._merged())

    def __len__(self) -> int:
        return len(self._merged())

    def _merged(self) -> dict[str, AttributeValue]:
        merged = {**self.origin, **self.changed}
        return {keyword: value for keyword, value in merged.items() if value is not None}


@dataclass(frozen=True, slots=True)
class FrameHeader(InstanceHeader):
    """A frame of an instance of several.

    What an InstanceHeader says of a file is here said of the frame: `attributes` are those of the instance without what
    concerns it as a whole, overlaid by what the frame has of its own. Of native pixel data `pixel_data_offset` and
    `pixel_data_bytes` are the frame's. Rows and Columns are those of the tile, where there is one.

    Attributes
    ----------
    whole : InstanceHeader
        The instance.
    frame_number : int
        From 1.
    tile : Tile or None
        The part of the frame that this is; None: all of it.
    """

    whole: InstanceHeader | None = None
    frame_number: int = 1
    tile: Tile | None = None

    @property
    def instance(self) -> InstanceHeader:
        """The header of the instance."""
        return self if self.whole is None else self.whole


class FrameMaker:
    """Makes the headers of the frames of one instance, which share what they do not have of their own.

    Parameters
    ----------
    whole : InstanceHeader
        The instance.
    shared : mapping of str to AttributeValue or None
        What all its frames have; None where they have none of what the instance has.
    """

    def __init__(self, whole: InstanceHeader, shared: Mapping[str, AttributeValue | None] | None = None) -> None:
        self._whole = whole
        self._base = {keyword: value for keyword, value in whole.attributes.items() if keyword not in _OF_THE_WHOLE}
        self._base = dict(FrameAttributes(self._base, shared)) if shared else self._base
        self._likenesses = Likenesses(self._base)
        offset, count = whole.pixel_data_offset, whole.pixel_data_bytes
        native = count > 0 and whole.transfer_syntax_uid in NATIVE_SYNTAXES and offset
        bits = frame_bits_of(whole) if native else 0
        # frames of single bits follow each other without a gap (PS3.5 8.1.1): they are read as a whole
        self._frame_bytes = bits // 8 if bits % 8 == 0 else 0

    def make(self, number: int, own: Mapping[str, AttributeValue | None], tile: Tile | None = None) -> FrameHeader:
        """Return the header of the frame `number`, from 1, or of the part of it that is `tile`.

        Parameters
        ----------
        number : int
            Of the frame.
        own : mapping of str to AttributeValue or None
            What the frame has of its own; None where it has none of what the instance has.
        tile : Tile, optional
            The part of the frame that is meant.
        """
        whole = self._whole
        offset, count = whole.pixel_data_offset, whole.pixel_data_bytes
        if self._frame_bytes:
            first = (number - 1) * self._frame_bytes
            offset, count = offset + first, max(0, min(self._frame_bytes, count - first))
        if tile is not None:
            own = {**own, "Rows": tile.rows, "Columns": tile.columns}
        return FrameHeader(
            whole.filename,
            whole.size_bytes,
            whole.mtime_ns,
            whole.transfer_syntax_uid,
            FrameAttributes(self._base, own, self._likenesses.of(own)),
            whole.dataset_offset,
            offset,
            count,
            whole.notes,
            whole.changed_ns,
            whole=whole,
            frame_number=number,
            tile=tile,
        )

    def make_each(self, owns: Sequence[Mapping[str, AttributeValue | None]]) -> tuple[FrameHeader, ...]:
        """Return the headers of all frames from the first on, whole ones, as `make` does, given what they have of their own."""
        whole, count = self._whole, len(owns)
        offsets: Iterable[int] = repeat(whole.pixel_data_offset)
        lengths: Iterable[int] = repeat(whole.pixel_data_bytes)
        if self._frame_bytes:
            begins = range(0, count * self._frame_bytes, self._frame_bytes)
            offsets = [whole.pixel_data_offset + begin for begin in begins]
            lengths = [max(0, min(self._frame_bytes, whole.pixel_data_bytes - begin)) for begin in begins]
        return tuple(
            made_in_columns(
                FrameHeader,
                count,
                filename=repeat(whole.filename),
                size_bytes=repeat(whole.size_bytes),
                mtime_ns=repeat(whole.mtime_ns),
                transfer_syntax_uid=repeat(whole.transfer_syntax_uid),
                attributes=FrameAttributes.of_each(self._likenesses, owns),
                dataset_offset=repeat(whole.dataset_offset),
                pixel_data_offset=offsets,
                pixel_data_bytes=lengths,
                notes=repeat(whole.notes),
                changed_ns=repeat(whole.changed_ns),
                whole=repeat(whole),
                frame_number=range(1, count + 1),
            )
        )


def frame_header(
    whole: InstanceHeader, number: int, own: Mapping[str, AttributeValue | None], tile: Tile | None = None
) -> FrameHeader:
    """Return the header of one frame, as `FrameMaker.make` does."""
    return FrameMaker(whole).make(number, own, tile)


def frame_bits_of(header: InstanceHeader) -> int:
    """Return how many bits one uncompressed frame of an instance takes; 0 where the header does not say."""
    count = 1
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        count *= max(0, header.integer(keyword) or 0)
    samples = max(1, header.integer("SamplesPerPixel") or 1)
    if header.text("PhotometricInterpretation") in SUBSAMPLED and samples == 3:
        return 2 * count  # PS3.3 C.7.6.3.1.2: two values of each colour difference for four pixels
    return samples * count
