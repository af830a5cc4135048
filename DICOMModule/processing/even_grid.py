"""A volume on a rigid, even grid: slices that are not evenly spaced, or that lean, resampled.

For filters and files by linear interpolation; for the volume view, as its rays go through no other grid, by the nearest
slice, with gaps where there is none.

The planes of the slices stay as they are; only where they lie along their normal changes, and, for slices that lean, which
voxel lies above which. Where slices of the old grid are met, their values are kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.quantity import Quantity
from DICOMModule.volume.slice_places import ON_A_VOXEL, RESAMPLED_IN_3D, Shares, SlicePlaces, slice_places
from DICOMModule.volume.volume import Floats, Volume, Voxels

LARGEST_BYTES: Final = 1 << 36
_SETTLED: Final = (f"{RESAMPLED_IN_3D}.", "geometry kept exactly (sheared grid).", "Shown as gaps.")
"""Ends of warnings that a volume on an even grid has no more."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EvenGrid:
    """Even slices to be made of those that there are.

    Attributes
    ----------
    count : int
        How many; the first is at the lowest slice.
    spacing_mm : float
        From one to the next.
    shares_at : callable
        Which slices make the one that lies so far above the lowest, and how much of it each; a method of `SlicePlaces`.
    """

    count: int
    spacing_mm: float
    shares_at: Callable[[float], Shares]


def make_regular_job(volume: Volume, spacing_mm: float) -> Job[Volume]:
    """Resample slices that are not evenly spaced to even ones, `spacing_mm` apart; 0: as close as the closest two.

    Raises
    ------
    ProcessingError
        The slices are evenly spaced already, or the result would be larger than any volume that is held.
    """
    if volume.regular:
        raise ProcessingError("the slices of this volume are evenly spaced already.")
    places = _places_of(volume)
    height_mm = places.height_mm
    if spacing_mm:
        count = int(height_mm / spacing_mm + ON_A_VOXEL) + 1
    else:
        count = int(np.ceil(height_mm / float(np.diff(places.sorted_mm).min()) - ON_A_VOXEL)) + 1
        spacing_mm = height_mm / (count - 1)
    made = yield from even_grid_job(volume, places, EvenGrid(count, spacing_mm, places.linear_at))
    return made


def make_orthogonal_job(volume: Volume) -> Job[Volume]:
    """Resample slices that lean, as under gantry tilt, to a grid whose slices lie straight above each other.

    Raises
    ------
    ProcessingError
        They lie so already, or they are not evenly spaced.
    """
    if not volume.regular:
        raise ProcessingError("the slices of this volume are not evenly spaced; make-regular straightens them too.")
    places = _places_of(volume)
    if not places.leans:
        raise ProcessingError("the slices of this volume lie straight above each other already.")
    step = float(volume.ijk_to_lps[:3, 2] @ places.normal)
    made = yield from even_grid_job(volume, places, EvenGrid(len(volume.array), step, places.linear_at))
    return made


def _places_of(volume: Volume) -> SlicePlaces:
    if len(volume.array) < 2:
        raise ProcessingError("one slice makes no grid.")
    return slice_places(volume)


def even_grid_job(volume: Volume, places: SlicePlaces, grid: EvenGrid) -> Job[Volume]:
    """Return a volume of grey values with the slices of `grid`, wide enough for all that there is.

    Raises
    ------
    ProcessingError
        It would be larger than any volume that is held.
    """
    aside = places.aside
    first = np.floor(aside.min(axis=0) + ON_A_VOXEL)
    last = np.ceil(aside.max(axis=0) - ON_A_VOXEL)
    _, rows, columns = volume.array.shape
    shape = grid.count, rows + int(last[1] - first[1]), columns + int(last[0] - first[0])
    if float(np.prod(shape, dtype=float)) * volume.array.itemsize > LARGEST_BYTES:
        raise ProcessingError("the result would be larger than any volume that is held; choose a wider spacing.")
    array = np.empty(shape, volume.array.dtype)
    valid = np.ones(shape, np.bool_)
    shifts = first - aside
    for number in range(grid.count):
        yield Progress(number, grid.count, "resampling")
        shares = grid.shares_at(number * grid.spacing_mm)
        array[number], valid[number] = _slice_of(volume, shares, shifts, shape[1:])
    if not valid.all():
        known = volume.array if volume.valid is None else volume.array[volume.valid]
        array[~valid] = known.min() if known.size else 0
    matrix = volume.ijk_to_lps.copy()
    matrix[:3, 2] = places.normal * grid.spacing_mm
    matrix[:3, 3] = places.positions[places.order[0]] + volume.ijk_to_lps[:3, :2] @ first
    return replace(
        volume,
        array=array,
        ijk_to_lps=matrix,
        slice_positions_lps_mm=None,
        missing_slices=tuple(np.flatnonzero(~valid.any(axis=(1, 2))).tolist()),
        regular=True,
        valid=None if valid.all() else valid,
        frames=(),
        overlays=(),  # masks of the slices that there were
        quantities=tuple(filter(_is_uniform, volume.quantities)),
        warnings=tuple(text for text in volume.warnings if not text.endswith(_SETTLED)),
    )


def _is_uniform(quantity: Quantity) -> bool:
    return not isinstance(quantity.scale, tuple) and not isinstance(quantity.offset, tuple)


def _slice_of(volume: Volume, shares: Shares, shifts: Floats, shape: tuple[int, ...]) -> tuple[npt.NDArray[Any], Mask]:
    """Return the values of a plane that these slices make, and which are known: of none, none."""
    total, valid = np.zeros(shape), np.full(shape, bool(shares))
    for k, share in shares:
        mask = None if volume.valid is None else volume.valid[k]
        moved, known = _shifted(volume.array[k], mask, shifts[k], shape)
        if share == 1.0:
            total = moved
        else:
            total += share * moved
        valid &= known if k not in volume.missing_slices else False
    return (np.rint(total) if volume.array.dtype.kind in "iu" else total), valid


def _shifted(plane: Voxels, mask: Mask | None, shift: Floats, shape: tuple[int, ...]) -> tuple[npt.NDArray[Any], Mask]:
    """Return a slice seen from a grid whose first voxel lies at (i, j) = `shift` of it, and where it is known."""
    whole = np.floor(shift + ON_A_VOXEL).astype(int)
    part = np.where(shift - whole < ON_A_VOXEL, 0.0, shift - whole)
    if not part.any():
        return _moved(plane, mask, whole[0], whole[1], shape)
    total, known = np.zeros(shape), np.ones(shape, np.bool_)
    for along_j, along_i in itertools.product((0, 1), repeat=2):
        share = float((part[1] if along_j else 1 - part[1]) * (part[0] if along_i else 1 - part[0]))
        if share:
            moved, seen = _moved(plane, mask, whole[0] + along_i, whole[1] + along_j, shape)
            total += share * moved
            known &= seen
    return total, known


def _moved(plane: Voxels, mask: Mask | None, i: int, j: int, shape: tuple[int, ...]) -> tuple[Voxels, Mask]:
    """Return a slice seen from a grid whose first voxel is (i, j) of it, in its own type, and where it is known."""
    moved, seen = np.zeros(shape, plane.dtype), np.zeros(shape, np.bool_)
    rows, columns = plane.shape
    to = slice(max(0, -j), max(0, min(shape[0], rows - j))), slice(max(0, -i), max(0, min(shape[1], columns - i)))
    there = tuple(slice(part.start + by, part.stop + by) for part, by in zip(to, (j, i), strict=True))
    if all(part.start < part.stop for part in to):
        moved[to] = plane[there]
        seen[to] = True if mask is None else mask[there]
    return moved, seen
