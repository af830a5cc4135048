"""Parallel frames that are several stacks: beside each other, or reaching into each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import GeometryError
from DICOMModule.volume.geometry import JITTER_MM, JITTER_OF_SPACING, fit_stack
from DICOMModule.volume.moments import acquired_at
from DICOMModule.volume.moving import read_moving
from DICOMModule.volume.planes import positions_of
from DICOMModule.volume.repeats import PlacedFrame, places_of
from DICOMModule.volume.volume import Floats

FEWEST_SLICES_OF_A_VOLUME: Final = 3
BESIDE: Final = 0.25
"""The part of the field of view by which stacks stand at least beside each other: no patient moves so far."""
MOST_COPIES: Final = 0.1
"""The part of places that may have a second image: more are a second time point."""
MOST_LEFT_OUT: Final = 3
"""So many slices may be missing between two that follow each other in a run of slices."""


def side_by_side(frames: list[PlacedFrame]) -> list[list[PlacedFrame]]:
    """Divide straight stacks that stand beside each other, as of both hips; all frames together where there are none.

    Stacks that are nearer than a quarter of the field of view are divided where each is even by itself and all together
    are not, and where they are not the volumes of a patient who moves.
    """
    plane = frames[0].plane.in_plane
    sides = np.array((plane.i_step / plane.spacing_mm[0], plane.j_step / plane.spacing_mm[1]))
    aside = positions_of([frame.plane for frame in frames]) @ sides.T
    if float(np.ptp(aside, axis=0).max()) <= 2 * JITTER_MM:
        return [frames]
    found = _columns(frames, aside)
    if found is None:
        return [frames]
    stacks, nearest_mm = found
    if nearest_mm >= BESIDE * min(plane.columns * plane.spacing_mm[0], plane.rows * plane.spacing_mm[1]):
        return stacks
    clear = nearest_mm >= min(plane.spacing_mm) and all(map(_is_even, stacks)) and not _is_even(frames)
    return stacks if clear and read_moving(frames) is None else [frames]


def _columns(frames: Sequence[PlacedFrame], aside: Floats) -> tuple[list[list[PlacedFrame]], float] | None:
    """Return the frames that stand above each other, and how far these stacks are apart at least; None where frames lean."""
    if len(np.unique(np.round(aside / JITTER_MM), axis=0)) * FEWEST_SLICES_OF_A_VOLUME > 2 * len(frames):
        return None  # as of a tilted gantry: quickly told
    corners: list[Floats] = []
    stacks: list[list[PlacedFrame]] = []
    apart_mm = np.inf
    for frame, corner in zip(frames, aside, strict=True):
        away = [float(np.linalg.norm(corner - other)) for other in corners]
        nearest = min(away, default=np.inf)
        if nearest <= 2 * JITTER_MM:
            stacks[away.index(nearest)].append(frame)
        elif (len(stacks) + 1) * FEWEST_SLICES_OF_A_VOLUME > len(frames):
            return None
        else:
            apart_mm = min(apart_mm, nearest)
            corners.append(corner)
            stacks.append([frame])
    whole = len(stacks) > 1 and min(len(places_of(stack)) for stack in stacks) >= FEWEST_SLICES_OF_A_VOLUME
    return (stacks, apart_mm) if whole else None


def _is_even(frames: Sequence[PlacedFrame]) -> bool:
    """Return whether frames make one even stack, slices that are missing left aside; those of one place count once."""
    try:
        fit_stack([frames[place[0]].plane for place in places_of(frames)])
    except GeometryError:
        return False
    return True


# --- stacks that reach into each other


def runs_of(frames: list[PlacedFrame]) -> list[list[PlacedFrame]]:
    """Divide stacks that reach into each other by the order in which they were acquired; all together where it cannot be.

    By number or time, each must be an even run of slices in one direction, and together they must be uneven.
    """
    if len(frames) < 2 * FEWEST_SLICES_OF_A_VOLUME:
        return [frames]
    along = positions_of([frame.plane for frame in frames]) @ frames[0].plane.in_plane.normal
    gaps = np.diff(np.sort(along))
    if np.ptp(gaps) <= 2 * JITTER_OF_SPACING * gaps.mean() or _is_even(frames):
        return [frames]
    places = places_of(frames)
    if len(frames) - len(places) > MOST_COPIES * len(places):
        return [frames]
    first = [place[0] for place in places]
    for key in _ORDERS:
        values = [key(frames[index].header) for index in first]
        known = [value for value in values if value is not None]
        if len(set(known)) < len(values):
            continue
        ordered = [first[int(index)] for index in np.argsort(known, kind="stable")]
        runs = _runs(ordered, along)
        stacks = [[frames[index] for index in run] for run in runs]
        if len(runs) > 1 and _reach_into_each_other([along[run] for run in runs]) and all(map(_is_even, stacks)):
            at = {place[0]: [frames[index] for index in place] for place in places}
            return [[frame for index in run for frame in at[index]] for run in runs]
    return [frames]


def _number(header: InstanceHeader) -> float | None:
    return header.number("InstanceNumber")


_ORDERS: Final[tuple[Callable[[InstanceHeader], float | None], ...]] = (_number, acquired_at)


def _runs(ordered: Sequence[int], along: Floats) -> list[list[int]]:
    """Return runs of equal steps in one direction, in which a few slices may be missing."""
    ways = np.diff(along[list(ordered)])
    step_mm = float(np.median(np.abs(ways)))
    runs: list[list[int]] = [[ordered[0]]]
    direction = 0.0
    if step_mm <= 0:
        return [list(ordered)]
    for index, way in zip(ordered[1:], ways.tolist(), strict=True):
        steps = round(abs(way) / step_mm)
        even = 1 <= steps <= 1 + MOST_LEFT_OUT and abs(abs(way) - steps * step_mm) <= JITTER_OF_SPACING * step_mm
        if not even or way * direction < 0:
            runs.append([index])
            direction = 0.0
            continue
        direction = way
        runs[-1].append(index)
    return runs


def _reach_into_each_other(runs: Sequence[Floats]) -> bool:
    """Return whether runs of at least three slices each begin before another has ended."""
    if min(map(len, runs)) < FEWEST_SLICES_OF_A_VOLUME:
        return False
    ordered = sorted(runs, key=lambda run: float(run.min()))
    reach = [max(float(run.max()) for run in ordered[:n]) for n in range(1, len(ordered))]
    return all(float(after.min()) < end for after, end in zip(ordered[1:], reach, strict=True))
