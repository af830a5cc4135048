"""The frames of an instance, each with a header of its own: from single-frame images to enhanced multi-frame objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from DICOMModule.dicom.frame_header import FrameHeader, frame_header
from DICOMModule.dicom.functional_groups import FunctionalGroups
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader
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
)
_GROUPS: Final = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def frame_headers(header: InstanceHeader) -> tuple[InstanceHeader, ...]:
    """Return the headers of the frames of an instance, in their order; of a single-frame image that header itself.

    Raises
    ------
    FrameTableError
        The header does not say, or contradicts itself about, what frames there are.
    """
    count = _number_of_frames(header)
    groups = header.functional_groups
    if any(keyword in header.attributes for keyword in _GROUPS) and groups is None:
        raise FrameTableError("its functional groups are not kept (too large or damaged), so its frames have no place")
    if groups is not None:
        return _of_groups(header, groups, count)
    if count == 1:
        return (header,)
    return tuple(frame_header(header, number, {}) for number in range(1, count + 1))


def _number_of_frames(header: InstanceHeader) -> int:
    if "NumberOfFrames" not in header.attributes:
        return 1
    count = header.integer("NumberOfFrames")
    if count is None or count < 1:
        raise FrameTableError(f"its Number of Frames {header.text('NumberOfFrames')!r} is no number of frames")
    if count > MOST_FRAMES:
        raise FrameTableError(f"its Number of Frames {count} is larger than any that is read")
    return count


def _of_groups(header: InstanceHeader, groups: FunctionalGroups, count: int) -> tuple[FrameHeader, ...]:
    """Return the frames of an enhanced object: what a frame says, before what all share, before the data set's own."""
    if groups.number_of_frames != count and groups.number_of_frames:
        raise FrameTableError(
            f"it has {count} frames, but functional groups of {groups.number_of_frames}: which are which is in doubt"
        )
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
    return tuple(
        frame_header(header, number, {**shared, **dict(zip(named, row, strict=True))})
        for number, row in enumerate(rows, 1)
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
}
