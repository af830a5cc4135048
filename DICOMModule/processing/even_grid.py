"""A volume on a rigid, even grid: slices that are not evenly spaced, or that lean, resampled by linear interpolation.

The planes of the slices stay as they are; only where they lie along their normal changes, and, for slices that lean, which
voxel lies above which. Where slices of the old grid are met, their values are kept.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.quantity import Quantity
from DICOMModule.volume.volume import Floats, Volume, Voxels

ON_A_VOXEL: Final = 1e-4
"""Distances from a voxel, in voxels, up to which its value is taken as it is."""
LARGEST_BYTES: Final = 1 << 36
STRAIGHT: Final = 1e-6
_SETTLED: Final = ("resampled for 3D display.", "geometry kept exactly (sheared grid).", "Shown as gaps.")
"""Ends of warnings that a volume on an even grid has no more."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class _Slices:
    """Where the slices of a volume lie, in the coordinates of the first one's plane.

    Attributes
    ----------
    along : ndarray, shape (k,)
        Distance of each from the first one along the normal, in mm.
    aside : ndarray, shape (k, 2)
        How far the first voxel of each lies aside of that of the first one, in voxels along (i, j).
    normal : ndarray, shape (3,)
        Unit normal.
    """

    along: Floats
    aside: Floats
    normal: Floats

    @property
    def leans(self) -> bool:
        """Whether slices lie aside of each other."""
        return bool(np.abs(self.aside).max() > ON_A_VOXEL)


def make_regular_job(volume: Volume, spacing_mm: float) -> Job[Volume]:
    """Resample slices that are not evenly spaced to even ones, `spacing_mm` apart; 0: as close as the closest two.

    Raises
    ------
    ProcessingError
        The slices are evenly spaced already, or the result would be larger than any volume that is held.
    """
    if volume.regular:
        raise ProcessingError("the slices of this volume are evenly spaced already.")
    slices = _slices_of(volume)
    height_mm = float(slices.along[-1])
    if spacing_mm:
        count = int(height_mm / spacing_mm + ON_A_VOXEL) + 1
    else:
        count = int(np.ceil(height_mm / float(np.diff(slices.along).min()) - ON_A_VOXEL)) + 1
        spacing_mm = height_mm / (count - 1)
    made = yield from _resampled_job(volume, slices, count, spacing_mm)
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
    slices = _slices_of(volume)
    if not slices.leans:
        raise ProcessingError("the slices of this volume lie straight above each other already.")
    step = float(volume.ijk_to_lps[:3, 2] @ slices.normal)
    made = yield from _resampled_job(volume, slices, len(volume.array), step)
    return made


def _slices_of(volume: Volume) -> _Slices:
    if len(volume.array) < 2:
        raise ProcessingError("one slice makes no grid.")
    matrix = volume.ijk_to_lps
    normal = np.cross(matrix[:3, 0], matrix[:3, 1])
    normal /= np.linalg.norm(normal)
    # Of a regular grid the matrix counts, as for everything else that is done with it.
    steps = np.arange(len(volume.array))[:, None] * matrix[:3, 2]
    offsets = steps if volume.regular else volume.slice_positions - volume.slice_positions[0]
    basis = np.column_stack((matrix[:3, 0], matrix[:3, 1], normal))
    coordinates = np.linalg.solve(basis, offsets.T).T
    return _Slices(coordinates[:, 2], coordinates[:, :2], normal)


def _resampled_job(volume: Volume, slices: _Slices, count: int, spacing_mm: float) -> Job[Volume]:
    """Return the volume with `count` even slices, wide enough for all that there is."""
    first = np.floor(slices.aside.min(axis=0) + ON_A_VOXEL)
    last = np.ceil(slices.aside.max(axis=0) - ON_A_VOXEL)
    _, rows, columns = volume.array.shape
    shape = count, rows + int(last[1] - first[1]), columns + int(last[0] - first[0])
    if float(np.prod(shape, dtype=float)) * volume.array.itemsize > LARGEST_BYTES:
        raise ProcessingError("the result would be larger than any volume that is held; choose a wider spacing.")
    array = np.empty(shape, volume.array.dtype)
    valid = np.ones(shape, np.bool_)
    for number in range(count):
        yield Progress(number, count, "resampling")
        array[number], valid[number] = _slice_at(volume, slices, number * spacing_mm, first, shape[1:])
    if not valid.all():
        known = volume.array if volume.valid is None else volume.array[volume.valid]
        array[~valid] = known.min() if known.size else 0
    matrix = volume.ijk_to_lps.copy()
    matrix[:3, 2] = slices.normal * spacing_mm
    corner = volume.ijk_to_lps[:3, 3] if volume.regular else volume.slice_positions[0]
    matrix[:3, 3] = corner + volume.ijk_to_lps[:3, :2] @ first
    return replace(
        volume,
        array=array,
        ijk_to_lps=matrix,
        slice_positions_lps_mm=None,
        missing_slices=tuple(np.flatnonzero(~valid.any(axis=(1, 2))).tolist()),
        regular=True,
        valid=None if valid.all() else valid,
        frames=(),
        quantities=tuple(filter(_is_uniform, volume.quantities)),
        warnings=tuple(text for text in volume.warnings if not text.endswith(_SETTLED)),
    )


def _is_uniform(quantity: Quantity) -> bool:
    return not isinstance(quantity.scale, tuple) and not isinstance(quantity.offset, tuple)


def _slice_at(
    volume: Volume, slices: _Slices, place: float, first: Floats, shape: tuple[int, ...]
) -> tuple[Floats, Mask]:
    """Return the values at `place` along the normal, from the slices next to it by how near they are, and which are known."""
    above = int(np.clip(np.searchsorted(slices.along, place), 1, len(slices.along) - 1))
    below, gap = above - 1, slices.along[above] - slices.along[above - 1]
    weight = float(np.clip((place - slices.along[below]) / gap, 0.0, 1.0))
    weight = 0.0 if weight < ON_A_VOXEL else 1.0 if weight > 1 - ON_A_VOXEL else weight
    total, valid = np.zeros(shape), np.ones(shape, np.bool_)
    for k, share in ((below, 1 - weight), (above, weight)):
        if share:
            mask = None if volume.valid is None else volume.valid[k]
            moved, known = _shifted(volume.array[k], mask, first - slices.aside[k], shape)
            total += share * moved
            valid &= known if k not in volume.missing_slices else False
    return (np.rint(total) if volume.array.dtype.kind in "iu" else total), valid


def _shifted(plane: Voxels, mask: Mask | None, shift: Floats, shape: tuple[int, ...]) -> tuple[Floats, Mask]:
    """Return a slice seen from a grid whose first voxel lies at (i, j) = `shift` of it, and where it is known."""
    total, known = np.zeros(shape), np.ones(shape, np.bool_)
    whole = np.floor(shift + ON_A_VOXEL)
    part = np.where(shift - whole < ON_A_VOXEL, 0.0, shift - whole)
    for along_j, along_i in itertools.product((0, 1), repeat=2):
        share = float((part[1] if along_j else 1 - part[1]) * (part[0] if along_i else 1 - part[0]))
        if not share:
            continue
        rows = np.arange(shape[0]) + int(whole[1]) + along_j
        columns = np.arange(shape[1]) + int(whole[0]) + along_i
        inside = np.ix_((rows >= 0) & (rows < plane.shape[0]), (columns >= 0) & (columns < plane.shape[1]))
        there = np.ix_(rows[inside[0].ravel()], columns[inside[1].ravel()])
        seen = np.zeros(shape, np.bool_)
        total[inside] += share * plane[there]
        seen[inside] = True if mask is None else mask[there]
        known &= seen
    return total, known
