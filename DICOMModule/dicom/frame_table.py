"""The frames of an instance, each with a header of its own: from single-frame images to enhanced multi-frame objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.frame_header import FrameHeader, FrameMaker, frame_bits_of
from DICOMModule.dicom.frame_vectors import classic_frames, is_classic_single
from DICOMModule.dicom.functional_groups import FunctionalGroups
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader
from DICOMModule.dicom.mosaic import GRID_KEYWORDS, MOSAIC_KEYWORDS, grid_tiles, is_grid, is_mosaic, mosaic_tiles
from DICOMModule.errors import FrameTableError

MOST_FRAMES: Final = 1_000_000

# PS3.3 C.7.6.16: what functional groups call otherwise than single-frame images do; the first that a frame has counts
_CLASSIC: Final[tuple[tuple[str, str], ...]] = (
    ("EffectiveEchoTime", "EchoTime"),
    ("FrameType", "ImageType"),
    ("FrameAcquisitionDateTime", "AcquisitionDateTime"),
    ("FrameAcquisitionNumber", "AcquisitionNumber"),
    ("NominalCardiacTriggerDelayTime", "TriggerTime"),
    ("ActualCardiacTriggerDelayTime", "TriggerTime"),
    ("TemporalPositionIndex", "TemporalPositionIdentifier"),
    ("InversionTimes", "InversionTime"),
    ("ImagePositionVolume", "ImagePositionPatient"),
    ("ImageOrientationVolume", "ImageOrientationPatient"),
)
_LEAST_BYTES: Final = 8
"""Of a frame of compressed data, which has an item of its own (PS3.5 A.4)."""

_PLACE: Final = frozenset(("ImagePositionPatient", "ImageOrientationPatient"))
_GROUPS: Final = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def frame_headers(header: InstanceHeader) -> tuple[InstanceHeader, ...]:
    """Return the headers of the frames of an instance, in their order; of a single-frame image that header itself.

    Raises
    ------
    FrameTableError
        The header does not say, or contradicts itself about, what frames there are.
    """
    groups = header.functional_groups
    if groups is None and is_plain(header):
        return (header,)
    count = _number_of_frames(header)
    if any(keyword in header.attributes for keyword in _GROUPS) and groups is None:
        raise FrameTableError("its functional groups are not kept (too large or damaged), so its frames have no place")
    if groups is not None:
        return _of_groups(header, groups, count)
    if is_mosaic(header) or is_grid(header):
        tiles = mosaic_tiles(header) if is_mosaic(header) else grid_tiles(header)
        maker = FrameMaker(header)
        return tuple(maker.make(1, own, tile) for own, tile in tiles)
    _check_room(header, count)
    owns = classic_frames(header, count)
    if count == 1 and not owns[0]:
        return (header,)
    return FrameMaker(header).make_each(owns)


@asked_once("NumberOfFrames", *_GROUPS, *MOSAIC_KEYWORDS, *GRID_KEYWORDS, "SOPClassUID", "FrameIncrementPointer")
def is_plain(header: InstanceHeader) -> bool:
    """Return whether nothing in the header can make it anything else than a single-frame image."""
    is_single = "NumberOfFrames" not in header.attributes or header.integer("NumberOfFrames") == 1
    has_groups = any(keyword in header.attributes for keyword in _GROUPS)
    return is_single and not has_groups and not is_mosaic(header) and not is_grid(header) and is_classic_single(header)


def _number_of_frames(header: InstanceHeader) -> int:
    if "NumberOfFrames" not in header.attributes:
        return 1
    count = header.integer("NumberOfFrames")
    if count is None or count < 1:
        raise FrameTableError(f"its Number of Frames {header.text('NumberOfFrames')!r} is no number of frames")
    if count > MOST_FRAMES:
        raise FrameTableError(f"its Number of Frames {count} is larger than any that is read")
    return count


def _check_room(header: InstanceHeader, count: int) -> None:
    """Refuse more frames than the pixel data can hold: a number that nothing stands behind costs nothing."""
    if count == 1:
        return
    if header.pixel_data_bytes > 0:
        needed, room = max(count, frame_bits_of(header) * count // 8), header.pixel_data_bytes
    else:
        needed, room = count * _LEAST_BYTES, header.size_bytes
    surplus_bits = 8 * header.pixel_data_bytes - frame_bits_of(header) * count
    if header.pixel_data_bytes > 0 and surplus_bits >= max(frame_bits_of(header), 16) > 16:
        raise FrameTableError(f"its {count} frames account for {needed} bytes of its pixel data, which has {room}")
    if needed > room:
        raise FrameTableError(f"its {count} frames need at least {needed} bytes of pixel data, and there are {room}")


def _of_groups(header: InstanceHeader, groups: FunctionalGroups, count: int) -> tuple[FrameHeader, ...]:
    """Return the frames of an enhanced object: what a frame says, before what all share, before the data set's own."""
    if groups.number_of_frames != count and groups.number_of_frames:
        raise FrameTableError(
            f"it has {count} frames, but functional groups of {groups.number_of_frames}: which are which is in doubt"
        )
    if "MOSAIC" in f"{header.text('ImageType')}\\{groups.shared('FrameType')}".upper():
        raise FrameTableError("its frames are mosaics, which nobody has described")
    _check_room(header, count)
    shared: dict[str, AttributeValue | None] = {}
    columns: dict[str, tuple[AttributeValue | None, ...]] = {}
    for keyword in groups.keywords:
        same = groups.shared(keyword)
        if same is None:
            columns[keyword] = groups.values(keyword)
        else:
            shared[keyword] = same
    for name, classic in _CLASSIC:
        if name in columns and classic not in columns:
            columns[classic] = tuple(map(partial(_as_classic, classic), columns[name]))
        elif name in shared and classic not in shared and classic not in columns:
            shared[classic] = _as_classic(classic, shared[name])
    rows: Iterable[tuple[AttributeValue | None, ...]] = (
        zip(*columns.values(), strict=True) if columns else ((),) * count
    )
    named = tuple(columns)
    # PS3.3 C.7.6.16.1.1: where a frame has no macro of its own it has the shared one; what neither has is the data set's.
    # Not so a place: a frame without one among frames with places has none.
    without = tuple((keyword in _PLACE) for keyword in named)
    return FrameMaker(header, shared).make_each(
        [
            dict(zip(named, row, strict=True))
            if None not in row
            else {
                keyword: value
                for keyword, value, absent in zip(named, row, without, strict=True)
                if value is not None or absent
            }
            for row in rows
        ]
    )


def _as_classic(keyword: str, value: AttributeValue | None) -> AttributeValue | None:
    """Return a value of a functional group as the attribute of a single-frame image would be written."""
    write = _WRITTEN.get(keyword)
    return value if write is None or value is None else write(value)


def _first(value: AttributeValue) -> AttributeValue:
    return value[0] if isinstance(value, tuple) and value else value


def _decimals(value: AttributeValue) -> AttributeValue:
    return "\\".join(map(repr, value)) if isinstance(value, tuple) else value


_WRITTEN: Final[dict[str, Callable[[AttributeValue], AttributeValue]]] = {
    "InversionTime": _first,
    "ImagePositionPatient": _decimals,
    "ImageOrientationPatient": _decimals,
}
