"""What is under the pointer in a slice view, and how the status bar says it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DICOMModule.errors import plain_text
from DICOMModule.scene import VolumeNode
from DICOMModule.views.orientation import Vector
from DICOMModule.volume.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class PointerReading:
    """A place that the pointer is over, and what is drawn there.

    Attributes
    ----------
    view : str
        Name of the view.
    position_lps_mm : tuple of float
        LPS mm, on the plane that is shown.
    nodes : tuple of VolumeNode
        Background and foreground, as far as they are there.
    """

    view: str
    position_lps_mm: Vector
    nodes: tuple[VolumeNode, ...]

    @property
    def value_text(self) -> str:
        """The voxels' own values with their unit, the background's first: ``-87 HU``."""
        texts = [value_text(node.volume, self.position_lps_mm) for node in self.nodes]
        if len(texts) < 2:
            return "".join(texts)
        return "   ".join(
            f"{plain_text(node.name)}: {text or 'nothing'}" for node, text in zip(self.nodes, texts, strict=True)
        )

    @property
    def place_text(self) -> str:
        """Where it is in the patient and in the background's grid."""
        text = position_text(self.position_lps_mm)
        index = voxel_at(self.nodes[0].volume, self.position_lps_mm) if self.nodes else None
        return text if index is None else f"{text}   voxel {index[0]}, {index[1]}, {index[2]}"

    @property
    def text(self) -> str:
        """All of it in one line."""
        return "   ".join(part for part in (self.value_text, self.place_text) if part)


def position_text(position_lps_mm: Vector) -> str:
    """Return a place with a letter for the side of each axis: ``L 12.5  P 3.0  S 40.1 mm``."""
    parts = []
    for positive, negative, value in zip("LPS", "RAI", position_lps_mm, strict=True):
        rounded = round(value, 1) + 0.0
        parts.append(f"{positive if rounded >= 0 else negative} {abs(rounded):.1f}")
    return "  ".join(parts) + " mm"


def voxel_at(volume: Volume, position_lps_mm: Vector) -> tuple[int, int, int] | None:
    """Return the (i, j, k) of the voxel in which a place lies; None outside of the volume."""
    place = np.linalg.solve(volume.ijk_to_lps, (*position_lps_mm, 1.0))[:3]
    i, j, k = (int(index) for index in np.floor(place + 0.5))
    inside = all(0 <= index < size for index, size in zip((i, j, k), volume.dimensions, strict=True))
    return (i, j, k) if inside else None


def value_text(volume: Volume, position_lps_mm: Vector) -> str:
    """Return the value of the voxel at a place with its unit; empty outside, ``no value`` for padding."""
    index = voxel_at(volume, position_lps_mm)
    if index is None:
        return ""
    i, j, k = index
    value = volume.array[k, j, i]
    hidden = k in volume.missing_slices or (volume.valid is not None and not volume.valid[k, j, i])
    if hidden or not np.isfinite(value):
        return "no value"
    number = f"{value:g}" if volume.array.dtype.kind in "biu" else f"{float(value):.5g}"
    return f"{number} {plain_text(volume.units)}" if volume.units else number
