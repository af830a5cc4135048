"""Frames laid out as a table: a row for each value of an attribute, a column for each place."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from DICOMModule.volume.chronology import Chronology, chronology_of
from DICOMModule.volume.repeats import PlacedFrame, places_of


class Verdict(enum.Enum):
    """How well the values of an attribute explain that places repeat, best first."""

    EXACT = "every value has one frame at every place"
    INCOMPLETE = "so have all values but a few, which lack some places"
    NESTED = "every value has frames at every place, and several of them"
    NONE = "it explains nothing"


@dataclass(frozen=True, eq=False, slots=True)
class Layout:
    """Frames in the order of their acquisition, and which of them lie in one place.

    Attributes
    ----------
    frames : tuple of PlacedFrame
        As they were acquired.
    place_of : ndarray of int
        The place of each.
    places : int
        How many there are.
    chronology : Chronology
        How their times compare.
    """

    frames: tuple[PlacedFrame, ...]
    place_of: npt.NDArray[np.intp]
    places: int
    chronology: Chronology = field(default_factory=Chronology)

    @property
    def counts(self) -> npt.NDArray[np.intp]:
        """How many frames each place has."""
        return np.bincount(self.place_of, minlength=self.places)

    def part(self, members: Sequence[int]) -> tuple[PlacedFrame, ...]:
        """Return the frames of the given numbers, place by place."""
        return tuple(self.frames[index] for index in sorted(members, key=lambda index: int(self.place_of[index])))


def layout_of(frames: Sequence[PlacedFrame]) -> Layout:
    """Lay out the frames of one group, which share orientation and size."""
    places, ordered, chronology = places_of(frames), list(frames), Chronology()
    if len(places) < len(frames):
        chronology = chronology_of([frame.header for frame in frames])
        keys = chronology.orders([frame.header for frame in frames])
        ordered = [frames[index] for index in sorted(range(len(frames)), key=keys.__getitem__)]
        places = places_of(ordered)
    place_of = np.empty(len(ordered), dtype=np.intp)
    if len(places) == len(ordered):
        place_of[[place[0] for place in places]] = np.arange(len(places))
    else:
        for number, place in enumerate(places):
            place_of[place] = number
    return Layout(tuple(ordered), place_of, len(places), chronology)


@dataclass(frozen=True, eq=False, slots=True)
class Partition:
    """The frames of a layout by the value of an attribute.

    Attributes
    ----------
    values : tuple
        In rising order where they have one, else as they were acquired.
    parts : tuple of list of int
        For each value the numbers of its frames.
    verdict : Verdict
        How well this explains the layout.
    covered : tuple of int
        How many places each part has a frame at.
    places : int
        How many there are.
    """

    values: tuple[Hashable, ...]
    parts: tuple[list[int], ...]
    verdict: Verdict
    covered: tuple[int, ...] = ()
    places: int = 0

    @property
    def left_out(self) -> tuple[int, ...]:
        """The parts that are no volume like the others: with less than half of the places, or the last and unfinished."""
        last = len(self.parts) - 1
        return tuple(
            number
            for number, covered in enumerate(self.covered)
            if covered < self.places and (number == last or 2 * covered < self.places)
        )

    @property
    def grouping(self) -> frozenset[frozenset[int]]:
        """Which frames go together, whatever the values are."""
        return frozenset(frozenset(part) for part in self.parts)


def partition(layout: Layout, values: Sequence[Hashable]) -> Partition:
    """Divide the frames of `layout` by `values`, one a frame; None explains nothing."""
    if len(set(values)) == 1:  # as of most attributes
        return Partition((values[0],), (list(range(len(values))),), Verdict.NONE)
    parts: dict[Hashable, list[int]] = {}
    for index, value in enumerate(values):
        parts.setdefault(value, []).append(index)
    keys = list(parts)
    if None in parts or len(parts) < 2:
        return Partition(tuple(keys), tuple(parts.values()), Verdict.NONE)
    if all(isinstance(key, int | float) for key in keys):
        keys.sort(key=lambda key: float(str(key)))
    return judged(layout, keys, [parts[key] for key in keys])


def judged(layout: Layout, values: Sequence[Hashable], parts: Sequence[list[int]]) -> Partition:
    """Return a division of the frames of `layout` with its verdict."""
    # More values than there can be volumes number the frames or their places: a time of each slice, for one.
    if len(parts) < 2 or len(parts) * layout.places > 2 * len(layout.frames) + layout.places:
        return Partition(tuple(values), tuple(parts), Verdict.NONE)
    table = np.array([np.bincount(layout.place_of[part], minlength=layout.places) for part in parts])
    covered = tuple(int(count) for count in (table > 0).sum(axis=1))
    full = sum(count == layout.places for count in covered)
    spare = (table - 1).clip(min=0).sum(axis=1)
    found = Partition(tuple(values), tuple(parts), Verdict.NONE, covered, layout.places)
    if (2 * spare >= layout.places).any():
        verdict = Verdict.NESTED if full == len(parts) else Verdict.NONE
    elif full == len(parts):
        verdict = Verdict.EXACT
    else:
        left_out = len(found.left_out)
        verdict = Verdict.INCOMPLETE if left_out < len(parts) and left_out <= max(full, 1) else Verdict.NONE
    return replace(found, verdict=verdict)
