"""The weights of the Gaussian blur on a grid, and what both ways of applying them share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import ProcessingError
from DICOMModule.volume.volume import Floats

CUT_SIGMAS = 4.0

LEAST_LEAN = 1e-3
"""Steps along a row or column that a shear moves the farthest slice within reach by: less is rounding."""


class Kernel:
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


def masked(part: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None) -> tuple[Floats, Floats | None]:
    """Return the values as float64 with 0 where they do not count, and the weights (None: all 1)."""
    numbers = part.astype(np.float64)
    if valid is not None:
        numbers[~valid] = 0.0
    if not np.isfinite(numbers).all():
        raise ProcessingError(
            "the volume holds values that are not finite (NaN or infinite); a blur would spread them."
        )
    return (numbers, None) if valid is None or valid.all() else (numbers, valid.astype(np.float64))


def divided(blurred: Floats, weight: Floats) -> Floats:
    """Return the blurred values over the blurred weights, 0 where the kernel reaches no voxel that counts."""
    known = weight > 1e-12
    quotient: Floats = np.divide(blurred, weight, out=np.zeros_like(blurred), where=known)
    return quotient


def result_type(values: npt.NDArray[np.generic]) -> type[np.float32 | np.float64]:
    """Return float32, or float64 for values that it does not hold."""
    wide = values.dtype.itemsize > 4 or (values.dtype.kind in "iu" and values.dtype.itemsize > 2)
    return np.float64 if wide else np.float32
