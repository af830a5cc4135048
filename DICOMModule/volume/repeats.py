"""Which frames of a group lie in one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.chronology import Chronology, chronology_of
from DICOMModule.volume.geometry import EXACT_MM, JITTER_MM, JITTER_OF_SPACING
from DICOMModule.volume.planes import Plane, positions_of
from DICOMModule.volume.volume import Floats


@dataclass(frozen=True, eq=False, slots=True)
class PlacedFrame:
    """A frame of which it is known where it lies."""

    header: InstanceHeader
    plane: Plane


@dataclass(frozen=True, eq=False, slots=True)
class Repeats:
    """The frames of a group by position.

    Attributes
    ----------
    first : tuple of PlacedFrame
        One frame a position.
    copies : tuple of (int, PlacedFrame)
        The others, each with the index in `first` of the frame whose place it shares.
    """

    first: tuple[PlacedFrame, ...]
    copies: tuple[tuple[int, PlacedFrame], ...] = ()


def places_of(frames: Sequence[PlacedFrame]) -> list[list[int]]:
    """Return the indices of `frames`, which share orientation and size, place by place along their normal."""
    positions = positions_of([frame.plane for frame in frames])
    in_plane = frames[0].plane.in_plane
    along = positions @ in_plane.normal
    tolerance_mm = _same_place_mm(along, min(in_plane.spacing_mm))
    order = np.argsort(along, kind="stable")
    if bool((np.diff(along[order]) > tolerance_mm).all()):  # as in most volumes
        return [[index] for index in order.tolist()]
    places: list[list[int]] = []
    points, heights = positions.tolist(), along.tolist()  # faster than numpy, one by one
    for index in order.tolist():
        for place in reversed(places[-8:]):
            if heights[index] - heights[place[0]] > tolerance_mm:
                continue
            if math.dist(points[index], points[place[0]]) <= tolerance_mm:
                place.append(index)
                break
        else:
            places.append([index])
    return places


def _same_place_mm(along: Floats, pixel_mm: float) -> float:
    """Return the distance up to which two frames lie in one place.

    That of rounding and jitter, as for a regular grid, but a small part of the slice spacing. The spacing is not known
    yet: its mean stands for it, or a tenth of a pixel where most frames lie in few places.
    """
    mean_mm = float(np.ptp(along)) / max(len(along) - 1, 1)
    return max(EXACT_MM, min(JITTER_MM, JITTER_OF_SPACING * max(mean_mm, JITTER_OF_SPACING * pixel_mm)))


def find_repeats(frames: Sequence[PlacedFrame]) -> Repeats:
    """Find the frames of a volume that lie in one place (within the jitter of a regular grid).

    Of several, the newest stands first: by time, then by Instance Number. Whether the others are copies of it only their
    pixels can tell.
    """
    places = places_of(frames)
    if len(places) == len(frames):  # as it should be: nothing is newer than what it shares no place with
        return Repeats(tuple(frames[place[0]] for place in places))
    chronology = chronology_of([frame.header for frame in frames])
    ordered = sorted(frames, key=lambda frame: _newest_first(frame, chronology))
    places = [sorted(place) for place in places_of(ordered)]
    first = tuple(ordered[place[0]] for place in places)
    copies = tuple((number, ordered[index]) for number, place in enumerate(places) for index in place[1:])
    return Repeats(first, copies)


def _newest_first(frame: PlacedFrame, chronology: Chronology) -> tuple[tuple[float, ...], str, int]:
    header = frame.header
    return tuple(-number for number in chronology.age(header)), header.sop_instance_uid, header.frame_number
