"""What the writers of volume files are given: one array, its grid, and the axis along which a 4D one goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from DICOMModule.errors import ExportError
from DICOMModule.export.carried import Carried, carried_of
from DICOMModule.export.volume_facts import VolumeFacts, facts_of
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume, Voxels

STEP_TOLERANCE = 1e-3
"""Share of a step by which the steps of an axis that is called even may differ."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeImage:
    """A volume or a sequence as a file holds it.

    Attributes
    ----------
    array : ndarray
        C-contiguous and little-endian; shape (k, j, i), (t, k, j, i), or either with 3 colours besides.
    volume : Volume
        The grid: that of the volume, or of the first of the sequence.
    axis : Axis or None
        Of a sequence.
    missing_by_volume
        Of a sequence, as in `VolumeFacts`.
    carried : Carried
        What goes with it.
    """

    array: Voxels
    volume: Volume
    axis: Axis | None = None
    missing_by_volume: tuple[tuple[int, ...], ...] = ()
    carried: Carried = field(default_factory=Carried)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of voxels along i, j, k, and t where there is a sequence."""
        sizes = self.volume.dimensions
        return sizes if self.axis is None else (*sizes, len(self.axis.values))

    @property
    def components(self) -> int:
        """Values a voxel."""
        return self.volume.components

    @property
    def step(self) -> tuple[float, float]:
        """Start and step along t where the axis is even and ascending; else 0 and 1, as no file can say more."""
        values = self.axis.values if self.axis is not None else ()
        return even_step(values) or (0.0, 1.0)

    @property
    def facts(self) -> VolumeFacts:
        """What the file carries besides."""
        carried = self.carried
        facts = replace(
            facts_of(self.volume),
            padding_value=carried.padding_value,
            paddings=carried.paddings,
            quantities=carried.quantities,
            not_carried=carried.not_carried,
        )
        return facts if self.axis is None else replace(facts, axis=self.axis, missing_by_volume=self.missing_by_volume)


def image_of(value: Volume | VolumeSequence) -> VolumeImage:
    """Return what is written of a volume or a sequence; the array is copied only where it is not as a file needs it.

    Raises
    ------
    ExportError
        The volumes of the sequence lie in different places, which no file can say.
    """
    if isinstance(value, VolumeSequence):
        if not value.shares_grid:
            raise ExportError(
                f"the images of {value.name!r} lie in different places in space, which no volume file can say."
                " Write them one by one."
            )
        missing = tuple(volume.missing_slices for volume in value.volumes)
        return VolumeImage(
            _little(value.array),
            value.first,
            value.axis,
            missing if len(set(missing)) > 1 else (),
            carried_of(value.volumes),
        )
    return VolumeImage(_little(value.array), value, carried=carried_of([value]))


def even_step(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the first of `values` and the distance between neighbours; None where it is not one, and positive."""
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    steps = np.diff(values)
    mean = float(steps.mean())
    if mean <= 0 or float(np.abs(steps - mean).max()) > STEP_TOLERANCE * mean:
        return None
    return float(values[0]), mean


def _little(array: Voxels) -> Voxels:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
