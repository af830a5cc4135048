"""A volume's values and mask as VTK and numpy take them, made once for all the views that show it."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import RenderingError
from DICOMModule.jobs import Job, Progress
from DICOMModule.scene.window_presets import window_presets_job
from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.volume import Volume, Voxels

# What VTK's reslicing and ray casting take as they are.
DRAWABLE = frozenset({("i", 1), ("u", 1), ("i", 2), ("u", 2), ("i", 4), ("u", 4), ("f", 4), ("f", 8)})
# How many voxels are drawn. VTK goes through all of them before the first picture of a volume, and cannot be stopped then.
MOVING_VOXELS = 12_000_000  # within half a second
RESTING_VOXELS = 32_000_000  # within two

_LOCK = threading.Lock()  # of the table, never held while arrays are gone through


@dataclass(frozen=True, slots=True, eq=False)
class PreparedVolume:
    """What is drawn of a volume. The arrays are the volume's own wherever that is possible.

    Attributes
    ----------
    values : ndarray, shape (k, j, i)
        C-contiguous, of a type that VTK takes. Where a voxel has no value of its own, never more than the smallest of
        those that have one.
    valid : ndarray of uint8, shape (k, j, i), or None
        0 where a voxel has no value of its own: padding, missing slices, what is not finite. C-contiguous; None: all
        have one.
    """

    values: Voxels
    valid: npt.NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True, eq=False)
class ReducedVolume:
    """A volume with fewer voxels, each the mean of a block of the volume's, for pictures that must come soon.

    Attributes
    ----------
    values : ndarray, shape (k, j, i)
        As the volume's type; what does not fill a block at the far ends is left out.
    factors : tuple of int
        How many voxels of the volume a block has along (i, j, k).
    """

    values: Voxels
    factors: tuple[int, int, int]


LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""Shares of red, green and blue in the brightness of a colour (ITU-R BT.601)."""

_GREY: WeakKeyDictionary[Volume, Volume] = WeakKeyDictionary()
_REDUCED: WeakKeyDictionary[Volume, dict[tuple[int, int, int], ReducedVolume]] = WeakKeyDictionary()
_PREPARED: WeakKeyDictionary[Volume, PreparedVolume] = WeakKeyDictionary()


def prepare_volume(volume: Volume) -> PreparedVolume:
    """Return what the views draw of a volume; the second time, and for every view, the same arrays.

    Goes through all voxels where they are floating point or masked (about a second for 315 MB), so a job that has loaded
    or made a volume calls it in its own thread before it hands the volume over; a view that is shown the volume later finds
    it done. It is forgotten with the volume.

    Raises
    ------
    RenderingError
        The values are of a type that has no grey values.
    """
    with _LOCK:
        known = _PREPARED.get(volume)
    if known is not None:
        return known
    valid = valid_voxels(volume)
    values = drawable_array(volume)
    made = PreparedVolume(values if volume.components > 1 else _filled(values, valid), valid)
    with _LOCK:
        return _PREPARED.setdefault(volume, made)


def import_drawing() -> None:
    """Import what draws, VTK above all, which takes a moment: in another thread than the one that paints."""
    from DICOMModule.views import slice_view, volume_view  # noqa: F401 (to have them)


def prepare_job(value: Volume | VolumeSequence) -> Job[None]:
    """Prepare a volume, or all of a sequence, its windows, and what draws them: what the first picture needs.

    Raises
    ------
    RenderingError
        The values are of a type that has no grey values.
    """
    import_drawing()
    volumes = value.volumes if isinstance(value, VolumeSequence) else (value,)
    for number, volume in enumerate(volumes):
        if len(volumes) > 1:
            yield Progress(number, len(volumes), "preparing the views")
        prepare_volume(volume)
    yield from window_presets_job(value)


def prepared_job(job: Job[Volume]) -> Job[Volume]:
    """Run a job that makes a volume, and prepare it, its windows too, in the same thread.

    A volume that cannot be shown is returned all the same: the view says why when it is shown.
    """
    volume = yield from job
    with contextlib.suppress(RenderingError):
        yield from prepare_job(volume)
    return volume


def grey_volume(volume: Volume) -> Volume:
    """Return the volume, one in colour as its brightness: what can be ray-cast. Made once, and forgotten with the volume."""
    if volume.components == 1:
        return volume
    with _LOCK:
        known = _GREY.get(volume)
    if known is not None:
        return known
    array = np.empty(volume.array.shape[:3], np.uint8)
    for k, plane in enumerate(volume.array):
        array[k] = np.rint(plane @ LUMA)
    made = replace(volume, array=array)
    with _LOCK:
        return _GREY.setdefault(volume, made)


def reduction_factors(volume: Volume, most_voxels: int) -> tuple[int, int, int]:
    """Return how many voxels along (i, j, k) become one, so that there are at most so many; 1, 1, 1: none do.

    Halved is the axis whose voxels are shortest, as often as it takes.
    """
    factors = [1, 1, 1]
    while np.prod(volume.dimensions) / np.prod(factors) > max(most_voxels, 1):
        shortest = min(
            (axis for axis in range(3) if volume.dimensions[axis] >= 2 * factors[axis]),
            key=lambda axis: volume.spacing_mm[axis] * factors[axis],
        )
        factors[shortest] *= 2
    return factors[0], factors[1], factors[2]


def reduced_volume(volume: Volume, most_voxels: int) -> ReducedVolume:
    """Return the volume with at most so many voxels; a small one as it is. Made once, and forgotten with the volume.

    Takes about half a second for 315 MB.

    Raises
    ------
    RenderingError
        The values are of a type that has no grey values.
    """
    factors = reduction_factors(volume, most_voxels)
    with _LOCK:
        known = _REDUCED.setdefault(volume, {}).get(factors)
    if known is not None:
        return known
    made = ReducedVolume(_block_means(prepare_volume(volume).values, factors), factors)
    with _LOCK:
        return _REDUCED[volume].setdefault(factors, made)


def _block_means(values: Voxels, factors: tuple[int, int, int]) -> Voxels:
    if factors == (1, 1, 1):
        return values
    steps = factors[::-1]  # numpy is [k, j, i]
    whole = values[tuple(slice(0, size // step * step) for size, step in zip(values.shape, steps, strict=True))]
    blocks = [
        whole[first :: steps[0], second :: steps[1], third :: steps[2]] for first, second, third in np.ndindex(steps)
    ]
    total = np.zeros(blocks[0].shape, np.float32 if values.dtype.itemsize <= 2 else np.float64)
    for block in blocks:
        total += block
    total /= len(blocks)
    return (np.rint(total) if values.dtype.kind in "iu" else total).astype(values.dtype)


def drawable_array(volume: Volume) -> Voxels:
    """Return the volume's values as an array that VTK can share: the same memory wherever that is possible.

    Raises
    ------
    RenderingError
        The values are of a type that has no grey values.
    """
    array = volume.array
    if array.dtype.kind not in "biuf":
        raise RenderingError(f"values of type {array.dtype} cannot be shown as grey values")
    return np.ascontiguousarray(array, dtype=_drawable_type(array.dtype))


def _drawable_type(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if (dtype.kind, dtype.itemsize) in DRAWABLE:
        return dtype.newbyteorder("=")
    return np.dtype(np.float32 if dtype.itemsize < 4 else np.float64)


def valid_voxels(volume: Volume) -> npt.NDArray[np.uint8] | None:
    """Return 0 where a voxel has no value of its own, else 1, shape (k, j, i); None where all have one.

    Padding, missing slices and values that are not finite count. The volume's own mask is shared where it says it all.
    """
    valid: npt.NDArray[np.bool_] | None = volume.valid
    missing = list(volume.missing_slices)
    if missing and (valid is None or valid[missing].any()):
        valid = np.ones(volume.array.shape[:3], bool) if valid is None else valid.copy()
        valid[missing] = False
    if volume.array.dtype.kind == "f":
        finite = np.isfinite(volume.array)
        if not finite.all():
            valid = finite if valid is None else finite & valid
    if valid is None or valid.all():
        return None
    return np.ascontiguousarray(valid).view(np.uint8)


def _filled(array: Voxels, valid: npt.NDArray[np.uint8] | None) -> Voxels:
    """Return the values with what is not valid at or below the smallest valid one, copied only where it is not so."""
    if valid is None:
        return array
    mask = valid.view(np.bool_)
    if not mask.any():
        return np.zeros_like(array)
    lowest = array.min(where=mask, initial=_largest(array.dtype))
    # NaN compares as False, and an infinity below is no value either.
    fine = mask | (np.isfinite(array) & (array <= lowest)) if array.dtype.kind == "f" else mask | (array <= lowest)
    return array if fine.all() else np.where(mask, array, lowest)


def _largest(dtype: np.dtype[Any]) -> float | int:
    return float(np.finfo(dtype.type).max) if dtype.kind == "f" else int(np.iinfo(dtype.type).max)
