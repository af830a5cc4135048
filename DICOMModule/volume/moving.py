"""Volumes of a patient who moves, or of a scanner that follows: parallel frames whose places hardly repeat."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np

from DICOMModule.errors import GeometryError
from DICOMModule.volume.chronology import chronology_of
from DICOMModule.volume.explanations import DIFFUSION, MEANT, TRACES
from DICOMModule.volume.fourth_axis import Sequence4D, sequence_of
from DICOMModule.volume.fourth_dimension import divide
from DICOMModule.volume.geometry import fit_stack
from DICOMModule.volume.partition import Layout
from DICOMModule.volume.planes import positions_of
from DICOMModule.volume.repeats import PlacedFrame

FEWEST_OF_A_STACK: Final = 3


def read_moving(frames: Sequence[PlacedFrame]) -> Sequence4D | None:
    """Read parallel frames as volumes that do not lie in quite the same place, as where a scanner follows a head.

    Returns
    -------
    Sequence4D or None
        None where no attribute divides them into complete, even stacks of one size that lie less than a slice apart.
    """
    chronology = chronology_of([frame.header for frame in frames])
    ordered = sorted(frames, key=lambda frame: chronology.order(frame.header))
    for one in (*MEANT, *TRACES):
        if one is DIFFUSION:
            continue
        parts: dict[Hashable, list[int]] = {}
        for index, frame in enumerate(ordered):
            parts.setdefault(one.key(frame.header), []).append(index)
        if len(parts) < 2 or None in parts or not _are_near(ordered, list(parts.values())):
            continue
        rank = np.empty(len(ordered), dtype=np.intp)
        for part in parts.values():
            rank[[part[index] for index in fit_stack([ordered[index].plane for index in part]).order]] = range(
                len(part)
            )
        layout = Layout(tuple(ordered), rank, int(rank.max()) + 1, chronology)
        return sequence_of(layout, one, divide(layout, one))
    return None


def _are_near(frames: Sequence[PlacedFrame], parts: Sequence[list[int]]) -> bool:
    """Return whether parts are even stacks of one size, each less than a slice away from the first."""
    if len({len(part) for part in parts}) != 1 or len(parts[0]) < FEWEST_OF_A_STACK:
        return False
    places = []
    for part in parts:
        planes = [frames[index].plane for index in part]
        try:
            fit = fit_stack(planes)
        except GeometryError:
            return False
        if fit.missing:
            return False
        places.append(positions_of(planes)[list(fit.order)])
    step_mm = float(np.linalg.norm(places[0][1] - places[0][0]))
    return all(float(np.linalg.norm(place - places[0], axis=1).max()) < step_mm for place in places)
