"""In which order slices are read, and what can be seen of a volume before all of them are: its middle, then every fourth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from DICOMModule.jobs import Progress
from DICOMModule.readers.stack import Stack
from DICOMModule.volume.volume import Volume

EVERY: Final = 4
FEWEST_SLICES: Final = 16
"""A volume of fewer is there at once."""


@dataclass(frozen=True, slots=True)
class PartlyRead(Progress):
    """A step at which something of what is being read can be seen.

    Attributes
    ----------
    volume : Volume or None
        The slices that are there, at their places, as a volume of its own: one thick slice, or every fourth. Its array is
        a view of the one that is being filled, of slices that are complete.
    """

    volume: Volume | None = None


def reading_order(stacks: Sequence[Stack]) -> list[int]:
    """Return the numbers of the slices of all volumes in the order in which they are read.

    The middle one of the first volume, then every fourth of it, then what is left.
    """
    total = sum(len(stack.frames) for stack in stacks)
    if not has_previews(stacks):
        return list(range(total))
    first = len(stacks[0].frames)
    early = dict.fromkeys((first // 2, *range(0, first, EVERY)))
    return [*early, *(number for number in range(total) if number not in early)]


def early_slices(count: int) -> int:
    """Return how many slices of a volume of `count` have been read once its middle and every fourth are there."""
    return len({count // 2, *range(0, count, EVERY)})


def has_previews(stacks: Sequence[Stack]) -> bool:
    """Return whether something can be shown of the first volume early: where it has many slices, evenly spaced, no gaps."""
    first = stacks[0]
    return first.fit.regular and not first.fit.missing and len(first.frames) >= FEWEST_SLICES


def preview_of(volume: Volume, first: int, every: int) -> Volume:
    """Return every `every`-th slice of `volume` from `first` on as a volume; of its slices no others need be there.

    Parameters
    ----------
    volume : Volume
        As it will be, its array still being filled.
    first, every : int
        Of the slices. One slice alone is as thick as the volume is, so that it is seen from the side too.
    """
    array = volume.array[first::every]
    matrix = volume.ijk_to_lps.copy()
    matrix[:3, 3] += first * matrix[:3, 2]
    matrix[:3, 2] *= every
    positions = volume.slice_positions_lps_mm
    return replace(
        volume,
        array=array,
        ijk_to_lps=matrix,
        slice_positions_lps_mm=None if positions is None else positions[first::every],
        frames=volume.frames[first::every],
        valid=None,
        name=f"{volume.name} (being read)",
        warnings=(),
        notes=(),
    )
