"""The Gaussian blur on a sheared grid (gantry tilt), which no filter of SimpleITK knows.

With rows perpendicular to columns the kernel falls apart, for each offset between slices, into a factor along i and one
along j, whose centres move with the shear. A factor is a product with a banded matrix in double precision: exact as a
plain sum is, and thirty times as fast as a convolution for each pair of slices. Beyond the ends of a sheared stack
nothing is known, as the nearest slice lies to the side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DICOMModule.jobs import Job, Progress
from DICOMModule.processing.gaussian_kernel import LEAST_LEAN, Kernel, divided, masked, result_type
from DICOMModule.volume.volume import Floats

STEP_WORK = 1_500_000_000
"""Multiplications between two cancel points: well under half a second on one core."""

LEAST_BLOCK = 64
"""Voxels of a line that are worked out together, at least: less is slow, more multiplies by zeros."""


def sheared_gaussian_job(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None, kernel: Kernel
) -> Job[npt.NDArray[np.floating]]:
    """Add the share of every slice to the results of its neighbours; a result is ready when its last neighbour is."""
    depth, rows, columns = values.shape
    result = np.empty(values.shape, result_type(values))
    shares = _Shares(kernel, values.shape)
    sums: dict[int, tuple[Floats, Floats]] = {}
    masks = 1 if valid is None else 2
    several = max(1, STEP_WORK // (masks * shares.work * rows * columns))
    for source in range(depth):
        part, mask = masked(values[source, None], None if valid is None else valid[source, None])
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
                result[k] = divided(*sums.pop(k))[0]
    if valid is not None:
        np.copyto(result, values, where=~valid, casting="unsafe")
    return result


class _Shares:
    """What one slice at a time adds to its neighbours; where the shear leaves a row in place, that row is done once."""

    def __init__(self, kernel: Kernel, shape: tuple[int, ...]) -> None:
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
