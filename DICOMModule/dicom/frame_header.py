"""One frame of an instance, as the header of a single-frame image: whoever places and reads slices needs no other kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from DICOMModule.dicom.colour import SUBSAMPLED
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader

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


def frame_header(
    whole: InstanceHeader, number: int, own: dict[str, AttributeValue | None], tile: Tile | None = None
) -> FrameHeader:
    """Return the header of one frame.

    Parameters
    ----------
    whole : InstanceHeader
        The instance.
    number : int
        Of the frame, from 1.
    own : dict of str to AttributeValue or None
        What the frame has of its own; None where it has none of what the instance has.
    tile : Tile, optional
        The part of the frame that is meant.
    """
    attributes = {keyword: value for keyword, value in whole.attributes.items() if keyword not in _OF_THE_WHOLE}
    attributes.update({keyword: value for keyword, value in own.items() if value is not None})
    for keyword, value in own.items():
        if value is None:
            attributes.pop(keyword, None)
    offset, count = whole.pixel_data_offset, whole.pixel_data_bytes
    if count > 0 and whole.transfer_syntax_uid in NATIVE_SYNTAXES and offset:
        frame_bits = frame_bits_of(whole)
        if frame_bits % 8 == 0:  # frames of single bits follow each other without a gap (PS3.5 8.1.1): read as a whole
            first = (number - 1) * frame_bits // 8
            offset, count = offset + first, max(0, min(frame_bits // 8, count - first))
    if tile is not None:
        attributes["Rows"], attributes["Columns"] = tile.rows, tile.columns
    return FrameHeader(
        whole.filename,
        whole.size_bytes,
        whole.mtime_ns,
        whole.transfer_syntax_uid,
        attributes,
        whole.dataset_offset,
        offset,
        count,
        whole.notes,
        whole.changed_ns,
        whole=whole,
        frame_number=number,
        tile=tile,
    )


def frame_bits_of(header: InstanceHeader) -> int:
    """Return how many bits one uncompressed frame of an instance takes; 0 where the header does not say."""
    count = 1
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        count *= max(0, header.integer(keyword) or 0)
    samples = max(1, header.integer("SamplesPerPixel") or 1)
    if header.text("PhotometricInterpretation") in SUBSAMPLED and samples == 3:
        return 2 * count  # PS3.3 C.7.6.3.1.2: two values of each colour difference for four pixels
    return samples * count
