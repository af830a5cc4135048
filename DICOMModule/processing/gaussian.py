"""Gaussian blur, isotropic in millimetres on any grid whose rows and columns are perpendicular, sheared ones included.

The kernel is the sampled three-dimensional Gaussian ``exp(-|A d|² / 2σ²)`` over the index offsets d, cut at four sigma
and normalised to 1, where A holds the columns of the matrix: filtering in index space with a sigma per axis would be
right for orthogonal grids alone. With rows perpendicular to columns it falls apart, for each offset between slices,
into a factor along i and one along j, whose centres move with the shear; without a shear it is fully separable. A
factor is a product with a banded matrix in double precision: exact as a plain sum is, and several times faster than
SimpleITK's convolution, whose own Gaussians approximate the kernel and do not know of shears.

Beyond the edges of the volume the nearest voxel goes on (beyond the ends of a sheared stack nothing is known, as the
nearest slice lies to the side). Missing slices and padding take no part: the weights of the others are normalised.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Floats, Volume

STEP_WORK = 1_500_000_000
"""Multiplications between two cancel points: well under half a second on one core."""

LEAST_BLOCK = 64
"""Voxels of a line that are worked out together, at least: less is slow, more multiplies by zeros."""

CUT_SIGMAS = 4.0

LEAST_LEAN = 1e-3
"""Steps along a row or column that a shear moves the farthest slice within reach by: less is rounding."""


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
        self.sheared = max(abs(self.lean_i), abs(self.lean_j)) * self.reach_k > LEAST_LEAN

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


class _Band:
    """The weights along one axis as a banded matrix, cut into blocks: products of matrices run on all cores.

    Where a neighbour lies beyond the ends, the last voxel stands for it: its weight is added to that voxel's.

    Attributes
    ----------
    total : float
        Sum of the weights.
    work : int
        Multiplications a voxel.
    """

    def __init__(self, weights: Floats, size: int) -> None:
        reach = weights.size // 2
        self.total = float(weights.sum())
        self._size = size
        self._blocks: list[tuple[slice, slice, Floats]] = []
        step = max(LEAST_BLOCK, reach)
        self.work = 0
        for first in range(0, size, step):
            last = min(first + step, size)
            low, high = max(0, first - reach), min(size, last + reach)
            block = np.zeros((last - first, high - low))
            places = np.arange(first, last)
            for offset, weight in zip(range(-reach, reach + 1), weights, strict=True):
                block[places - first, np.clip(places + offset, 0, size - 1) - low] += weight
            self._blocks.append((slice(first, last), slice(low, high), block))
            self.work = max(self.work, high - low)

    def along_columns(self, part: Floats) -> Floats:
        """Return `part`, shape (k, j, i), filtered along i."""
        lines = part.reshape(-1, self._size)
        filtered = np.empty_like(lines)
        for to, by, block in self._blocks:
            np.matmul(lines[:, by], block.T, out=filtered[:, to])
        return filtered.reshape(part.shape)

    def along_rows(self, part: Floats) -> Floats:
        """Return `part`, shape (k, j, i), filtered along j."""
        filtered = np.empty_like(part)
        for to, by, block in self._blocks:
            np.matmul(block, part[:, by], out=filtered[:, to])
        return filtered

    def along_slices(self, part: npt.NDArray[np.floating]) -> Floats:
        """Return `part`, shape (k, j, i), filtered along k."""
        lines = part.reshape(self._size, -1).astype(np.float64)
        filtered = np.empty_like(lines)
        for to, by, block in self._blocks:
            np.matmul(block, lines[by], out=filtered[to])
        return filtered.reshape(part.shape)


def _orthogonal_job(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None, kernel: _Kernel
) -> Job[npt.NDArray[np.floating]]:
    """Blur within the slices, a few at a time, then across them, a few rows at a time: no seams, no margins."""
    depth, rows, columns = values.shape
    in_plane = kernel.in_plane()
    along_i, along_j = (_Band(one / one.sum(), size) for one, size in zip(in_plane, (columns, rows), strict=True))
    along_k = _Band(kernel.along_k() / kernel.along_k().sum(), depth)
    result = np.empty(values.shape, _result_type(values))
    weights = None if valid is None else np.empty(values.shape, np.float32)
    masks = 1 if weights is None else 2
    slabs = list(_steps(depth, masks * values[0].size * (along_i.work + along_j.work)))
    blocks = list(_steps(rows, masks * values[:, 0].size * along_k.work))
    for number, slab in enumerate(slabs):
        yield Progress(number, len(slabs) + len(blocks), "blurring")
        part, mask = _masked(values[slab], None if valid is None else valid[slab])
        result[slab] = along_j.along_rows(along_i.along_columns(part))
        if weights is not None:
            weights[slab] = 1.0 if mask is None else along_j.along_rows(along_i.along_columns(mask))
    for number, block in enumerate(blocks, len(slabs)):
        yield Progress(number, len(slabs) + len(blocks), "blurring")
        blurred = along_k.along_slices(result[:, block])
        if weights is not None:
            blurred = _divided(blurred, along_k.along_slices(weights[:, block]))
        result[:, block] = blurred
    if valid is not None:
        np.copyto(result, values, where=~valid, casting="unsafe")
    return result


def _sheared_job(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None, kernel: _Kernel
) -> Job[npt.NDArray[np.floating]]:
    """Add the share of every slice to the results of its neighbours; a result is ready when its last neighbour is."""
    depth, rows, columns = values.shape
    result = np.empty(values.shape, _result_type(values))
    shares = _Shares(kernel, values.shape)
    sums: dict[int, tuple[Floats, Floats]] = {}
    masks = 1 if valid is None else 2
    several = max(1, STEP_WORK // (masks * shares.work * rows * columns))
    for source in range(depth):
        part, mask = _masked(values[source, None], None if valid is None else valid[source, None])
        shares.take(part, mask)
        near = [k for k in range(source - kernel.reach_k, source + kernel.reach_k + 1) if 0 <= k < depth]
        for turn, k in enumerate(near):
            if turn % several == 0:
                yield Progress(source, depth, "blurring")
            if k not in sums:
                sums[k] = np.zeros((1, rows, columns)), np.zeros((1, rows, columns))
            shares.add(source - k, *sums[k])
        for k in near if source == depth - 1 else near[:1]:
            if source in {depth - 1, k + kernel.reach_k}:
                result[k] = _divided(*sums.pop(k))[0]
    if valid is not None:
        np.copyto(result, values, where=~valid, casting="unsafe")
    return result


class _Shares:
    """What one slice at a time adds to its neighbours; where the shear leaves a row in place, that row is done once."""

    def __init__(self, kernel: _Kernel, shape: tuple[int, ...]) -> None:
        depth, rows, columns = shape
        offsets = [o for o in range(-kernel.reach_k, kernel.reach_k + 1) if abs(o) < depth]
        factors = {offset: kernel.in_plane(offset) for offset in offsets}
        self._along_k = {offset: float(kernel.along_k()[offset + kernel.reach_k]) for offset in offsets}
        self._once = abs(kernel.lean_i) * kernel.reach_k <= LEAST_LEAN
        whole = _Band(kernel.in_plane(0)[0], columns)
        self._columns = {o: whole if self._once else _Band(along_i, columns) for o, (along_i, _) in factors.items()}
        self._rows = {offset: _Band(along_j, rows) for offset, (_, along_j) in factors.items()}
        self.work = max(self._columns[offset].work + self._rows[offset].work for offset in offsets)
        self._part: Floats = np.empty(0)
        self._mask: Floats | None = None

    def take(self, part: Floats, mask: Floats | None) -> None:
        """Take the next slice, shape (1, j, i), and the weights of its voxels (None: all 1)."""
        columns = self._columns[0]
        self._part = columns.along_columns(part) if self._once else part
        self._mask = mask if mask is None or not self._once else columns.along_columns(mask)

    def add(self, offset: int, total: Floats, weights: Floats) -> None:
        """Add its share to the sums of the slice that it lies `offset` slices above."""
        share, columns, rows = self._along_k[offset], self._columns[offset], self._rows[offset]

        def blurred(part: Floats) -> Floats:
            return rows.along_rows(part if self._once else columns.along_columns(part))

        total += share * blurred(self._part)
        weights += share * (columns.total * rows.total if self._mask is None else blurred(self._mask))


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
