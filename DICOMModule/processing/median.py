"""Median filter over a box of voxels.

Voxels near missing slices or padding take the median of the valid voxels of their box alone; of an even number the
lower of the two middle ones, so that every result is a value that occurs and the data type stays. Beyond the edges of
the volume the nearest voxel goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import SimpleITK

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Volume, Voxels

TILE_WORK = 50_000_000
"""Voxels times voxels of the box worked on between two cancel points: well under half a second on one core."""


def median_job(volume: Volume, valid: npt.NDArray[np.bool_] | None, radius: int) -> Job[Voxels]:
    """Return the filtered values.

    Parameters
    ----------
    volume : Volume
        Its geometry is kept; the box is the same number of voxels along every axis.
    valid : ndarray of bool, shape (k, j, i), or None
        Voxels that take part; the others keep their value.
    radius : int
        The box has 2·radius + 1 voxels along each axis.

    Returns
    -------
    ndarray, shape (k, j, i)
        Of the data type of the volume.

    Raises
    ------
    ProcessingError
        A valid value is NaN, which has no place in an order.
    """
    values = volume.array
    result = np.empty_like(values)
    tiles = list(_tiles(values.shape, radius))
    for number, keep in enumerate(tiles):
        yield Progress(number, len(tiles), "median")
        margin = tuple(slice(max(one.start - radius, 0), one.stop + radius) for one in keep)
        inner = tuple(slice(one.start - at.start, one.stop - at.start) for one, at in zip(keep, margin, strict=True))
        part = values[margin]
        mask = None if valid is None or valid[margin].all() else valid[margin]
        if np.isnan(part if mask is None else part[mask]).any():
            raise ProcessingError("the volume holds values that are not a number; a median of them has no meaning.")
        image = SimpleITK.GetImageFromArray(np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("=")))
        # SimpleITK carries types for a part of its functions only
        image = SimpleITK.Median(image, [radius] * 3)  # type: ignore[no-untyped-call]
        result[keep] = SimpleITK.GetArrayFromImage(image)[inner]
        if mask is not None:
            yield from _mend_job(result[keep], part, mask, radius, inner)
    return result


def _tiles(shape: tuple[int, ...], radius: int) -> Iterator[tuple[slice, ...]]:
    """Yield the tiles of a volume: near cubes, so that little is filtered twice in their margins."""
    edge = max(8, int((TILE_WORK / (2 * radius + 1) ** 3) ** (1 / 3)) - 2 * radius)
    starts = [range(0, size, edge) for size in shape]
    for firsts in itertools.product(*starts):
        yield tuple(slice(first, min(first + edge, size)) for first, size in zip(firsts, shape, strict=True))


def _mend_job(
    result: Voxels, part: Voxels, valid: npt.NDArray[np.bool_], radius: int, inner: tuple[slice, ...]
) -> Job[None]:
    """Replace the median of each voxel whose box holds invalid voxels; `inner` is the place of `result` in `part`."""
    width = 2 * radius + 1
    gaps = SimpleITK.GetImageFromArray((~valid).astype(np.uint8))
    shape = SimpleITK.sitkBox
    box = SimpleITK.BinaryDilate(gaps, [radius] * 3, shape, 0.0, 1.0)  # type: ignore[no-untyped-call]
    near = SimpleITK.GetArrayFromImage(box).astype(bool) & valid
    padded = np.pad(part, radius, mode="edge")
    known = np.pad(valid, radius, mode="edge")
    boxes = np.lib.stride_tricks.sliding_window_view(padded, (width,) * 3)
    masks = np.lib.stride_tricks.sliding_window_view(known, (width,) * 3)
    places = np.argwhere(near[inner])
    chunk = max(1, TILE_WORK // 16 // width**3)
    for start in range(0, len(places), chunk):
        yield Progress(start, len(places), "median beside gaps and padding")
        k, j, i = places[start : start + chunk].T
        here = tuple(at + one.start for at, one in zip((k, j, i), inner, strict=True))
        numbers, counted = boxes[here].reshape(len(k), -1), masks[here].reshape(len(k), -1)
        # invalid ones sort last, whatever their value: by validity first, then by value
        order = np.lexsort((numbers, ~counted), axis=1)
        middle = (counted.sum(axis=1) - 1) // 2
        chosen = np.take_along_axis(order, middle[:, None], axis=1)
        result[k, j, i] = np.take_along_axis(numbers, chosen, axis=1)[:, 0]
    np.copyto(result, part[inner], where=~valid[inner])
