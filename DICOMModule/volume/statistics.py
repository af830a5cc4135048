"""Statistics of the values that count: padding and missing slices are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.volume import Volume


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of a volume's valid voxels, in its units; None where there is no valid voxel."""

    minimum: float | None
    maximum: float | None
    mean: float | None


def volume_statistics(volume: Volume) -> Statistics:
    """Return minimum, maximum and mean of the valid voxels, summed up in float64 slice by slice."""
    return _statistics((volume,))


def sequence_statistics(sequence: VolumeSequence) -> Statistics:
    """Return minimum, maximum and mean of the valid voxels of all volumes."""
    return _statistics(sequence.volumes)


def _statistics(volumes: Sequence[Volume]) -> Statistics:
    low, high, total, count = np.inf, -np.inf, 0.0, 0
    for whole, k in ((one, k) for one in volumes for k in range(len(one.array))):
        plane = whole.array[k]
        values = plane if whole.valid is None else plane[whole.valid[k]]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            total += float(values.sum(dtype=np.float64))
            count += values.size
    return Statistics(low, high, total / count) if count else Statistics(None, None, None)
