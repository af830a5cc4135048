"""Slices that say the same in all but where they lie are judged once: most series are of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from DICOMModule.dicom.alike import likenesses_of
from DICOMModule.dicom.columns import made_in_columns
from DICOMModule.dicom.instance_header import InstanceHeader, Likeness
from DICOMModule.dicom.pixel_format import LOOKED_AT, pixel_format_of
from DICOMModule.errors import VolumeError
from DICOMModule.volume.planes import in_plane_of_header, planes_at
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.rescale import rescale_of

Judged = TypeVar("Judged")

DECIDING: Final = frozenset((*LOOKED_AT, *in_plane_of_header.keywords))
"""Attributes that decide, beside position and rescale, whether an image is a slice, and in which plane it lies."""
_RESCALE: Final = frozenset(rescale_of.keywords)


def judged_each(
    headers: Sequence[InstanceHeader], judge: Callable[[InstanceHeader], PlacedFrame | Judged]
) -> list[PlacedFrame | Judged]:
    """Return for each header, of a single-frame image or a frame, what `judge` does, mostly without asking it.

    Parameters
    ----------
    headers : sequence of InstanceHeader
        Of frames.
    judge : callable
        Returns a header with its plane if it is that of a slice. It must look at no other attributes than `DECIDING`,
        the position and the rescale, and of what is no attribute at what `pixel_format_of` does.
    """
    found: list[PlacedFrame | Judged | None] = [None] * len(headers)
    for indices in _alike(headers):
        group = [headers[index] for index in indices]
        frames = _as_the_first(group, judge)
        if len(indices) == len(headers):
            found[:] = frames
        else:
            for index, frame in zip(indices, frames, strict=True):
                found[index] = frame
    return [judge(header) if one is None else one for header, one in zip(headers, found, strict=True)]


def _alike(headers: Sequence[InstanceHeader]) -> list[list[int]]:
    """Return the indices of headers that have all in common that decides."""
    keys = [
        (likeness, header.pixel_data_bytes, getattr(header, "tile", None) is None)
        for header, likeness in zip(headers, likenesses_of(headers), strict=True)
    ]
    members: dict[tuple[Likeness | None, int, bool], list[int]] = {key: [] for key in set(keys)}
    for index, key in enumerate(keys):
        members[key].append(index)
    return [
        indices
        for (likeness, _, _), indices in members.items()
        if likeness is not None and len(indices) > 1 and DECIDING.isdisjoint(likeness.names)
    ]


def _as_the_first(
    headers: Sequence[InstanceHeader], judge: Callable[[InstanceHeader], object]
) -> Sequence[PlacedFrame | None]:
    """Return headers with their planes, all in that of the first; None for each that must be judged by itself."""
    first = judge(headers[0])
    if not isinstance(first, PlacedFrame) or first.header is not headers[0]:
        return [None] * len(headers)
    if pixel_format_of(headers[0]).cells == "bits":  # whether these are all there depends on the other frames
        return [None] * len(headers)
    likeness = headers[0].attributes.likeness  # type: ignore[attr-defined]  # as `_alike` found
    planes = planes_at(headers, first.plane.in_plane)
    if not _RESCALE.isdisjoint(likeness.names):
        planes = [plane if _is_rescaled(header) else None for header, plane in zip(headers, planes, strict=True)]
    frames = made_in_columns(PlacedFrame, len(headers), header=headers, plane=planes)
    if None not in planes:
        return frames
    return [frame if plane is not None else None for frame, plane in zip(frames, planes, strict=True)]


def _is_rescaled(header: InstanceHeader) -> bool:
    try:
        rescale_of(header)
    except VolumeError:
        return False
    return True
