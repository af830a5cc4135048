"""Median filter over a box of voxels.

Voxels near missing slices or padding take the median of the valid voxels of their box alone; of an even number the
lower of the two middle ones, so that every result is a value that occurs and the data type stays. Beyond the edges of
the volume the nearest voxel goes on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Volume, Voxels

SLAB_WORK = 40_000_000
"""Voxels times voxels of the box filtered between two cancel points."""


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
    depth = max(1, SLAB_WORK // (values[0].size * (2 * radius + 1) ** 3))
    for first in range(0, len(values), depth):
        yield Progress(first, len(values), "median")
        last = min(first + depth, len(values))
        low, high = max(first - radius, 0), min(last + radius, len(values))
        part = values[low:high]
        mask = None if valid is None else valid[low:high]
        if np.isnan(part if mask is None else part[mask]).any():
            raise ProcessingError("the volume holds values that are not a number; a median of them has no meaning.")
        image = SimpleITK.GetImageFromArray(np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("=")))
        # SimpleITK carries types for a part of its functions only
        image = SimpleITK.Median(image, [radius] * 3)  # type: ignore[no-untyped-call]
        keep = slice(first - low, last - low)
        result[first:last] = SimpleITK.GetArrayFromImage(image)[keep]
        if mask is not None and not mask.all():
            yield from _mend_job(result[first:last], part, mask, radius, keep)
    return result


def _mend_job(result: Voxels, part: Voxels, valid: npt.NDArray[np.bool_], radius: int, keep: slice) -> Job[None]:
    """Replace the median of each voxel whose box holds invalid voxels; `keep` is the place of `result` in `part`."""
    width = 2 * radius + 1
    gaps = SimpleITK.GetImageFromArray((~valid).astype(np.uint8))
    shape = SimpleITK.sitkBox
    box = SimpleITK.BinaryDilate(gaps, [radius] * 3, shape, 0.0, 1.0)  # type: ignore[no-untyped-call]
    near = SimpleITK.GetArrayFromImage(box).astype(bool) & valid
    padded = np.pad(part, radius, mode="edge")
    known = np.pad(valid, radius, mode="edge")
    boxes = np.lib.stride_tricks.sliding_window_view(padded, (width,) * 3)
    masks = np.lib.stride_tricks.sliding_window_view(known, (width,) * 3)
    places = np.argwhere(near[keep])
    chunk = max(1, SLAB_WORK // 8 // width**3)
    for start in range(0, len(places), chunk):
        yield Progress(start, len(places), "median beside gaps and padding")
        k, j, i = places[start : start + chunk].T
        here = (k + keep.start, j, i)
        numbers, counted = boxes[here].reshape(len(k), -1), masks[here].reshape(len(k), -1)
        # invalid ones sort last, whatever their value: by validity first, then by value
        order = np.lexsort((numbers, ~counted), axis=1)
        middle = (counted.sum(axis=1) - 1) // 2
        chosen = np.take_along_axis(order, middle[:, None], axis=1)
        result[k, j, i] = np.take_along_axis(numbers, chosen, axis=1)[:, 0]
    np.copyto(result, part[keep], where=~valid[keep])
