"""What is under the pointer in a slice view, and how the status bar says it."""

from __future__ import annotations

from dataclasses import dataclass

from DICOMModule.errors import plain_text
from DICOMModule.scene import VolumeNode
from DICOMModule.views.orientation import Vector
from DICOMModule.views.voxel_values import value_at, voxel_at


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
        texts = [value_text(node, self.position_lps_mm) for node in self.nodes]
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


def value_text(node: VolumeNode, position_lps_mm: Vector) -> str:
    """Return the value of the voxel at a place with its unit; empty outside, ``no value`` where the voxel has none."""
    volume = node.volume
    if voxel_at(volume, position_lps_mm) is None:
        return ""
    value = value_at(node, position_lps_mm)
    if value is None:
        return "no value"
    number = f"{value:.0f}" if volume.array.dtype.kind in "biu" else f"{value:.5g}"
    return f"{number} {plain_text(volume.units)}" if volume.units else number
