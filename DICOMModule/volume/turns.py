"""In which order volumes were acquired, though not every frame of them says its number."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from DICOMModule.volume.partition import Layout


def turns_of(layout: Layout, parts: Sequence[Sequence[int]]) -> list[float] | None:
    """Return for each part of a layout what sorts it among the others; None where their order cannot be told.

    By their first frames where all frames say when they were acquired, or their number. Else by the numbers of the frames
    that have one: at the places where every part has one, or of all, where those of one part come before those of another.
    """
    first = [min(part) for part in parts]
    if len({layout.chronology.order(layout.frames[index].header)[:-1] for index in first}) == len(parts):
        return [float(index) for index in first]
    numbers: list[dict[int, float]] = []
    for part in parts:
        headers = {int(layout.place_of[index]): layout.frames[index].header for index in part}
        known = {place: header.number("InstanceNumber") for place, header in headers.items()}
        numbers.append({place: number for place, number in known.items() if number is not None})
    common = set.intersection(*map(set, numbers))
    if common:
        means = [float(np.mean([of_part[place] for place in sorted(common)])) for of_part in numbers]
        return means if len(set(means)) == len(means) else None
    if not all(numbers):
        return None
    reach = sorted((min(of_part.values()), max(of_part.values())) for of_part in numbers)
    apart = all(end < begin for (_, end), (begin, _) in itertools.pairwise(reach))
    return [min(of_part.values()) for of_part in numbers] if apart else None


def is_ordered(layout: Layout, members: Sequence[int] | None = None) -> bool:
    """Return whether time or number tell the order of the frames, or of some of them, at every place."""
    last: dict[int, tuple[float | int | str, ...]] = {}
    for index in range(len(layout.frames)) if members is None else members:
        place, key = int(layout.place_of[index]), layout.chronology.order(layout.frames[index].header)[:-1]
        if last.get(place) == key:
            return False
        last[place] = key
    return True
