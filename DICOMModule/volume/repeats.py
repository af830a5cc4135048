"""Which frames of a group lie in one place, and whether they can be copies of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.geometry import EXACT_MM, JITTER_MM, JITTER_OF_SPACING
from DICOMModule.volume.planes import Plane, positions_of
from DICOMModule.volume.volume import Floats

# What tells images at one position apart as parts of a fourth dimension. Times and numbers may
# also differ between copies of one image, so they speak only where every position has the same number of images.
ACQUISITION_AXES = (
    "EchoTime", "EchoNumbers", "TemporalPositionIdentifier", "TriggerTime", "NominalPercentageOfCardiacPhase",
    "FrameReferenceTime", "DiffusionBValue", "DiffusionGradientOrientation", "ImageType", "ComplexImageComponent",
    "InversionTime", "FlipAngle", "RepetitionTime", "StackID",
)  # fmt: skip
ACQUISITION_TRACES = ("AcquisitionNumber", "AcquisitionTime", "AcquisitionDateTime", "ContentTime", "ImageIndex")


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
    refusal : str
        Why they are more than copies, as a sentence; empty where only their pixels can tell.
    """

    first: tuple[PlacedFrame, ...]
    copies: tuple[tuple[int, PlacedFrame], ...] = ()
    refusal: str = ""


def _instance_order(frame: PlacedFrame) -> tuple[float, str, int]:
    number = frame.header.integer("InstanceNumber")
    return (number if number is not None else np.inf), frame.header.sop_instance_uid, frame.header.frame_number


def places_of(frames: Sequence[PlacedFrame]) -> list[list[int]]:
    """Return the indices of `frames`, which share orientation and size, place by place along their normal."""
    positions = positions_of([frame.plane for frame in frames])
    in_plane = frames[0].plane.in_plane
    along = positions @ in_plane.normal
    tolerance_mm = _same_place_mm(along, min(in_plane.spacing_mm))
    places: list[list[int]] = []
    for index in np.argsort(along, kind="stable"):
        for place in reversed(places[-8:]):
            if along[index] - along[place[0]] > tolerance_mm:
                continue
            if np.linalg.norm(positions[index] - positions[place[0]]) <= tolerance_mm:
                place.append(int(index))
                break
        else:
            places.append([int(index)])
    return places


def _same_place_mm(along: Floats, pixel_mm: float) -> float:
    """Return the distance up to which two frames lie in one place.

    That of rounding and jitter, as for a regular grid, but a small part of the slice spacing. The spacing is not known
    yet: its mean stands for it, or a tenth of a pixel where most frames lie in few places.
    """
    mean_mm = float(np.ptp(along)) / max(len(along) - 1, 1)
    return max(EXACT_MM, min(JITTER_MM, JITTER_OF_SPACING * max(mean_mm, JITTER_OF_SPACING * pixel_mm)))


def find_repeats(frames: Sequence[PlacedFrame]) -> Repeats:
    """Find the frames of a group that lie in one place (within the jitter of a regular grid).

    Of several, the one with the lowest Instance Number stands first. Whether the others are copies only their pixels
    can tell, unless the headers already say that they belong to a fourth dimension; then `refusal` says so.
    """
    ordered = sorted(frames, key=_instance_order)
    places = [sorted(place) for place in places_of(ordered)]
    first = tuple(ordered[place[0]] for place in places)
    copies = tuple((number, ordered[index]) for number, place in enumerate(places) for index in place[1:])
    return Repeats(first, copies, _fourth_dimension(ordered, places))


def _fourth_dimension(frames: Sequence[PlacedFrame], places: Sequence[Sequence[int]]) -> str:
    counts = {len(place) for place in places}
    if counts == {1}:
        return ""
    keywords = ACQUISITION_AXES + (ACQUISITION_TRACES if len(counts) == 1 else ())
    differing = [
        keyword
        for keyword in keywords
        if any(len({frames[index].header.text(keyword) for index in place}) > 1 for place in places)
    ]
    if not differing and not _too_many_to_be_copies(frames, places):
        return ""
    reason = f", differing in {differing[0]}" if differing else ""
    images = str(counts.pop()) if len(counts) == 1 else "several"
    return f"There are {images} images at the same position ({len(frames)} at {len(places)} positions{reason}): 4D series are not loaded yet."


def _too_many_to_be_copies(frames: Sequence[PlacedFrame], places: Sequence[Sequence[int]]) -> bool:
    """Return whether images at one position are a fourth dimension that no attribute names, as some scanners write it.

    A copy that was sent twice is rare among slices, or has the Instance Number of its original.
    """
    if len(places) == 1:
        return False
    if len(frames) > 2 * len(places):
        return True
    uniform = len({len(place) for place in places}) == 1
    return uniform and any(
        len({frames[index].header.text("InstanceNumber") for index in place}) > 1 for place in places
    )
