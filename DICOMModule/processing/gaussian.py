"""Gaussian blur, isotropic in millimetres on any grid whose rows and columns are perpendicular, sheared ones included.

The kernel is the sampled three-dimensional Gaussian ``exp(-|A d|² / 2σ²)`` over the index offsets d, cut at four sigma
and normalised to 1, where A holds the columns of the matrix. On an orthogonal grid it falls apart into a factor along
each axis, and SimpleITK convolves with one after the other. (Its own Gaussians approximate the kernel, and weights that
are not all positive cannot be normalised where voxels are missing.) `sheared_gaussian` has what SimpleITK has not.

Beyond the edges of the volume the nearest voxel goes on. Missing slices and padding take no part: the weights of the
others are normalised.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import SimpleITK

from DICOMModule.jobs import Job, Progress
from DICOMModule.processing.gaussian_kernel import Kernel, divided, masked, result_type
from DICOMModule.processing.sheared_gaussian import sheared_gaussian_job
from DICOMModule.volume.volume import Floats, Volume

STEP_WORK = 60_000_000
"""Voxels times weights worked on between two cancel points: well under half a second on one core."""


def gaussian_job(volume: Volume, valid: npt.NDArray[np.bool_] | None, sigma_mm: float) -> Job[npt.NDArray[np.floating]]:
    """Return the blurred values.

    Parameters
    ----------
    volume : Volume
        Its geometry is kept.
    valid : ndarray of bool, shape (k, j, i), or None
        Voxels that take part; the others keep their value.
    sigma_mm : float
        Standard deviation in patient space.

    Returns
    -------
    ndarray, shape (k, j, i)
        float32, or float64 where the values need it (float64, or whole numbers beyond 24 bits).

    Raises
    ------
    ProcessingError
        Rows and columns are not perpendicular, or a value is not finite.
    """
    kernel = Kernel(volume.ijk_to_lps, sigma_mm)
    if kernel.sheared:
        blurred = yield from sheared_gaussian_job(volume.array, valid, kernel)
    else:
        blurred = yield from _orthogonal_job(volume.array, valid, kernel)
    return blurred


def _orthogonal_job(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None, kernel: Kernel
) -> Job[npt.NDArray[np.floating]]:
    """Blur within the slices, a few at a time, then across them, a few rows at a time: no seams, no margins."""
    along_i, along_j = (weights / weights.sum() for weights in kernel.in_plane())
    along_k = kernel.along_k() / kernel.along_k().sum()
    result = np.empty(values.shape, result_type(values))
    weights = None if valid is None else np.empty(values.shape, np.float32)
    slabs = list(_steps(len(values), values[0].size * (along_i.size + along_j.size)))
    rows = list(_steps(values.shape[1], values[:, 0].size * along_k.size))
    for number, slab in enumerate(slabs):
        yield Progress(number, len(slabs) + len(rows), "blurring")
        part, mask = masked(values[slab], None if valid is None else valid[slab])
        result[slab] = _in_plane(part, along_i, along_j)
        if weights is not None:
            weights[slab] = 1.0 if mask is None else _in_plane(mask, along_i, along_j)
    for number, block in enumerate(rows, len(slabs)):
        yield Progress(number, len(slabs) + len(rows), "blurring")
        blurred = _across(result[:, block], along_k)
        if weights is not None:
            blurred = divided(blurred, _across(weights[:, block], along_k))
        result[:, block] = blurred
    if valid is not None:
        np.copyto(result, values, where=~valid, casting="unsafe")
    return result


def _in_plane(part: Floats, along_i: Floats, along_j: Floats) -> Floats:
    image = _convolved(SimpleITK.GetImageFromArray(part), along_i.reshape(1, 1, -1))
    image = _convolved(image, along_j.reshape(1, -1, 1))
    blurred: Floats = SimpleITK.GetArrayFromImage(image)
    return blurred


def _across(part: npt.NDArray[np.floating], along_k: Floats) -> Floats:
    image = SimpleITK.GetImageFromArray(part.astype(np.float64))
    blurred: Floats = SimpleITK.GetArrayFromImage(_convolved(image, along_k.reshape(-1, 1, 1)))
    return blurred


def _convolved(image: SimpleITK.Image, weights: Floats) -> SimpleITK.Image:
    # a convolution turns the kernel round; ours is meant as weights of the neighbours at those offsets
    kernel = SimpleITK.GetImageFromArray(np.ascontiguousarray(weights[::-1, ::-1, ::-1]))
    # SimpleITK carries types for a part of its functions only
    edge = SimpleITK.ConvolutionImageFilter.ZERO_FLUX_NEUMANN_PAD
    convolved: SimpleITK.Image = SimpleITK.Convolution(image, kernel, False, edge)  # type: ignore[no-untyped-call]
    return convolved


def _steps(length: int, work: int) -> Iterator[slice]:
    """Yield slices of `length` items, `work` operations each, that together are about `STEP_WORK`."""
    step = max(1, STEP_WORK // work)
    for first in range(0, length, step):
        yield slice(first, min(first + step, length))
