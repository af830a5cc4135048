"""Dimension indexes of multi-frame images (PS3.3 C.7.6.17) are hints: where they contradict the positions, these count."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final

from DICOMModule.volume.fourth_axis import Sequence4D
from DICOMModule.volume.repeats import PlacedFrame, places_of

SENTENCE: Final = "Dimension indices inconsistent with positions; order derived from positions."


def contradict_positions(frames: Sequence[PlacedFrame], sequences: Sequence[Sequence4D]) -> bool:
    """Return whether the dimension indexes of the frames of one group cannot be right.

    The positions in a stack do not go with the places one to one; or frames of several times, which nothing else tells
    apart than times and order, have the same indexes.
    """
    kept = [frame for frame in frames if frame.header.instance is not frame.header]
    if not kept:
        return False
    place_of = {id(kept[index]): number for number, place in enumerate(places_of(kept)) for index in place}
    numbered = [
        ((frame.header.sop_instance_uid, frame.header.text("StackID"), number), place_of[id(frame)])
        for frame in kept
        if (number := frame.header.text("InStackPositionNumber"))
    ]
    if not _one_to_one(numbered):
        return True
    return any(_is_temporal(one) for one in sequences) and _times_are_lost(kept, place_of)


def _times_are_lost(frames: Sequence[PlacedFrame], place_of: Mapping[int, int]) -> bool:
    """Return whether frames of different times have one temporal index, or the same indexes in one place."""
    times = {frame.header.text("TemporalPositionIndex") for frame in frames}
    if len(times) == 1 and times != {""}:
        return True
    indexes = [
        (place_of[id(frame)], frame.header.sop_instance_uid, values)
        for frame in frames
        if (values := frame.header.text("DimensionIndexValues"))
    ]
    return len(set(indexes)) < len(indexes)


def _one_to_one(pairs: Iterable[tuple[tuple[str, str, str], int]]) -> bool:
    distinct = set(pairs)
    numbers = {number for number, _ in distinct}
    places: set[Hashable] = {(number[:2], place) for number, place in distinct}
    return len(numbers) == len(distinct) == len(places)


def _is_temporal(sequence: Sequence4D) -> bool:
    """Return whether volumes are told apart by time, or by nothing but their order."""
    axis = sequence.axis
    return axis is not None and (not sequence.keyword or axis.unit == "s")
