"""Volumes on one grid that differ along a fourth axis: time, echo, diffusion weighting, cardiac phase."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from DICOMModule.errors import GeometryError
from DICOMModule.volume.volume import Volume, Voxels


@dataclass(frozen=True, slots=True)
class Axis:
    """What changes from one volume of a sequence to the next.

    Attributes
    ----------
    name : str
        For people: ``"TriggerTime"``, ``"EchoTime"``, ``"b-value"``.
    unit : str
        Of the values: ``"ms"``, ``"s"``, ``"s/mm2"``, ``"%"``; empty where they have none.
    values : tuple of float
        One a volume, in order.
    labels : tuple of str
        What else tells the volumes apart, one a volume (the direction of diffusion); or none.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class VolumeSequence:
    """Volumes of one shape, number type and unit, mostly of one grid, in the order of `axis`.

    Attributes
    ----------
    volumes : tuple of Volume
        At least one.
    axis : Axis
        As many values as there are volumes.
    name : str
        For people.
    whole : ndarray, shape (t, k, j, i) or (t, k, j, i, 3), or None
        The array that the volumes' arrays are views of, where there is one.

    Raises
    ------
    GeometryError
        There is no volume, the shapes differ, or the axis has another length.
    """

    volumes: tuple[Volume, ...]
    axis: Axis
    name: str = ""
    whole: Voxels | None = None

    def __post_init__(self) -> None:
        shapes = {(volume.array.shape, volume.array.dtype) for volume in self.volumes}
        if len(shapes) != 1:
            raise GeometryError(f"the sequence {self.name!r} needs volumes of one shape and number type")
        if len(self.axis.values) != len(self.volumes):
            raise GeometryError(
                f"the sequence {self.name!r} has {len(self.volumes)} volumes, its axis {len(self.axis.values)} values"
            )

    @cached_property
    def array(self) -> Voxels:
        """All values, shape (t, k, j, i), or (t, k, j, i, 3) for colour; shared with the volumes where they share one."""
        return np.stack([volume.array for volume in self.volumes]) if self.whole is None else self.whole

    @property
    def first(self) -> Volume:
        """The first volume, whose geometry is that of all where they share a grid."""
        return self.volumes[0]

    @property
    def shares_grid(self) -> bool:
        """Whether all volumes lie in one place; single images of a rotation or a sweep lie each in its own."""
        return all(np.allclose(one.ijk_to_lps, self.first.ijk_to_lps, atol=0.02) for one in self.volumes)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not as one would expect, each sentence once."""
        return tuple(dict.fromkeys(sentence for volume in self.volumes for sentence in volume.warnings))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is merely worth knowing, each sentence once."""
        return tuple(dict.fromkeys(sentence for volume in self.volumes for sentence in volume.notes))
