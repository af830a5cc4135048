"""Gaussian blur, isotropic in millimetres on any grid whose rows and columns are perpendicular, sheared ones included.

The kernel is the sampled three-dimensional Gaussian ``exp(-|A d|² / 2σ²)`` over the index offsets d, cut at four sigma
and normalised to 1, where A holds the columns of the matrix: filtering in index space with a sigma per axis would be
right for orthogonal grids alone. With rows perpendicular to columns it falls apart, for each offset between slices,
into a factor along i and one along j, whose centres move with the shear; without a shear it is fully separable.

Beyond the edges of the volume the nearest voxel goes on (beyond the ends of a sheared stack nothing is known, as the
nearest slice lies to the side). Missing slices and padding take no part: the weights of the others are normalised.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import SimpleITK

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Floats, Volume

STEP_WORK = 60_000_000
"""Voxels times weights worked on between two cancel points: well under half a second on one core."""

CUT_SIGMAS = 4.0


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
    kernel = _Kernel(volume.ijk_to_lps, sigma_mm)
    if kernel.sheared:
        blurred = yield from _sheared_job(volume.array, valid, kernel)
    else:
        blurred = yield from _orthogonal_job(volume.array, valid, kernel)
    return blurred


class _Kernel:
    """The factors of the kernel for one grid."""

    def __init__(self, matrix: Floats, sigma_mm: float) -> None:
        self.sigma_mm = sigma_mm
        step_i, step_j, step_k = (matrix[:3, axis] for axis in range(3))
        self.spacing_i, self.spacing_j = float(np.linalg.norm(step_i)), float(np.linalg.norm(step_j))
        if abs(step_i @ step_j) > 1e-6 * self.spacing_i * self.spacing_j:
            raise ProcessingError("rows and columns of this volume are not perpendicular; resample it first.")
        self.lean_i = float(step_k @ step_i) / self.spacing_i**2
        self.lean_j = float(step_k @ step_j) / self.spacing_j**2
        normal = step_k - self.lean_i * step_i - self.lean_j * step_j
        self.spacing_n = float(np.linalg.norm(normal))
        self.reach_k = int(np.ceil(CUT_SIGMAS * sigma_mm / self.spacing_n))
        # a lean that moves no voxel by a thousandth of its size within the kernel's reach is rounding
        self.sheared = max(abs(self.lean_i), abs(self.lean_j)) * self.reach_k > 1e-3

    def along_k(self) -> Floats:
        """Return the weights for slice offsets from -reach to +reach, not normalised."""
        offsets = np.arange(-self.reach_k, self.reach_k + 1)
        weights: Floats = np.exp(-0.5 * (offsets * self.spacing_n / self.sigma_mm) ** 2)
        return weights

    def in_plane(self, offset_k: int = 0) -> tuple[Floats, Floats]:
        """Return the weights along i and along j for the slice at k + `offset_k`, not normalised, of odd length."""
        return (
            self._weights(self.spacing_i, offset_k * self.lean_i),
            self._weights(self.spacing_j, offset_k * self.lean_j),
        )

    def _weights(self, spacing_mm: float, shift: float) -> Floats:
        # a voxel d steps away in a slice that leans by `shift` steps lies (d + shift) steps away in the plane
        reach = int(np.ceil(CUT_SIGMAS * self.sigma_mm / spacing_mm + abs(shift)))
        offsets = np.arange(-reach, reach + 1)
        weights: Floats = np.exp(-0.5 * ((offsets + shift) * spacing_mm / self.sigma_mm) ** 2)
        return weights


def _orthogonal_job(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None, kernel: _Kernel
) -> Job[npt.NDArray[np.floating]]:
    """Blur within the slices, a few at a time, then across them, a few rows at a time: no seams, no margins."""
    along_i, along_j = (weights / weights.sum() for weights in kernel.in_plane())
    along_k = kernel.along_k() / kernel.along_k().sum()
    result = np.empty(values.shape, _result_type(values))
    weights = None if valid is None else np.empty(values.shape, np.float32)
    slabs = list(_steps(len(values), values[0].size * (along_i.size + along_j.size)))
    rows = list(_steps(values.shape[1], values[:, 0].size * along_k.size))
    for number, slab in enumerate(slabs):
        yield Progress(number, len(slabs) + len(rows), "blurring")
        part, mask = _masked(values[slab], None if valid is None else valid[slab])
        result[slab] = _in_plane(part, along_i, along_j)
        if weights is not None:
            weights[slab] = 1.0 if mask is None else _in_plane(mask, along_i, along_j)
    for number, block in enumerate(rows, len(slabs)):
        yield Progress(number, len(slabs) + len(rows), "blurring")
        blurred = _across(result[:, block], along_k)
        if weights is not None:
            blurred = _divided(blurred, _across(weights[:, block], along_k))
        result[:, block] = blurred
    if valid is not None:
        np.copyto(result, values, where=~valid, casting="unsafe")
    return result


def _sheared_job(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None, kernel: _Kernel
) -> Job[npt.NDArray[np.floating]]:
    result = np.empty(values.shape, _result_type(values))
    along_k = kernel.along_k()
    for k in range(len(values)):
        total, weights = np.zeros(values.shape[1:]), np.zeros(values.shape[1:])
        for offset in range(-kernel.reach_k, kernel.reach_k + 1):
            if not 0 <= k + offset < len(values):
                continue
            yield Progress(k, len(values), "blurring")
            along_i, along_j = kernel.in_plane(offset)
            part, mask = _masked(values[k + offset, None], None if valid is None else valid[k + offset, None])
            share = along_k[offset + kernel.reach_k]
            total += share * _in_plane(part, along_i, along_j)[0]
            full = along_i.sum() * along_j.sum()
            weights += share * (full if mask is None else _in_plane(mask, along_i, along_j)[0])
        result[k] = _divided(total, weights)
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


def _masked(part: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None) -> tuple[Floats, Floats | None]:
    """Return the values as float64 with 0 where they do not count, and the weights (None: all 1)."""
    numbers = part.astype(np.float64)
    if valid is not None:
        numbers[~valid] = 0.0
    if not np.isfinite(numbers).all():
        raise ProcessingError(
            "the volume holds values that are not finite (NaN or infinite); a blur would spread them."
        )
    return (numbers, None) if valid is None or valid.all() else (numbers, valid.astype(np.float64))


def _divided(blurred: Floats, weight: Floats) -> Floats:
    # where the kernel reaches no valid voxel the value is one that does not count
    known = weight > 1e-12
    quotient: Floats = np.divide(blurred, weight, out=np.zeros_like(blurred), where=known)
    return quotient


def _steps(length: int, work: int) -> Iterator[slice]:
    """Yield slices of `length` items, `work` operations each, that together are about `STEP_WORK`."""
    step = max(1, STEP_WORK // work)
    for first in range(0, length, step):
        yield slice(first, min(first + step, length))


def _result_type(values: npt.NDArray[np.generic]) -> type[np.float32 | np.float64]:
    wide = values.dtype.itemsize > 4 or (values.dtype.kind in "iu" and values.dtype.itemsize > 2)
    return np.float64 if wide else np.float32
