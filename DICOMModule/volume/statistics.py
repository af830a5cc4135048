"""Statistics of the values that count: padding and missing slices are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DICOMModule.volume.volume import Volume


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of a volume's valid voxels, in its units; None where there is no valid voxel."""

    minimum: float | None
    maximum: float | None
    mean: float | None


def volume_statistics(volume: Volume) -> Statistics:
    """Return minimum, maximum and mean of the valid voxels, summed up in float64 slice by slice."""
    low, high, total, count = np.inf, -np.inf, 0.0, 0
    for k, plane in enumerate(volume.array):
        values = plane if volume.valid is None else plane[volume.valid[k]]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            total += float(values.sum(dtype=np.float64))
            count += values.size
    return Statistics(low, high, total / count) if count else Statistics(None, None, None)
