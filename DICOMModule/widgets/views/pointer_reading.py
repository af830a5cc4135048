"""What is under the pointer in a slice view, and how the status bar says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from DICOMModule.errors import plain_text
from DICOMModule.scene import VolumeNode
from DICOMModule.views.orientation import Vector, box_corners
from DICOMModule.views.voxel_values import color_at, units_text, value_at, voxel_at
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.elided_label import FIGURE_SPACE

VALUE_PLACES: Final = 8  # for five figures with sign, point and exponent, as far as these are usual


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
        """The voxels' own values with their unit, the background's first: ``-87 HU``, with room for the longest."""
        texts = [value_text(node, self.position_lps_mm) for node in self.nodes]
        if len(texts) < 2:
            return "".join(texts)
        return "   ".join(
            f"{plain_text(node.name)}: {text or 'nothing'}" for node, text in zip(self.nodes, texts, strict=True)
        )

    @property
    def place_text(self) -> str:
        """Where it is in the patient and in the background's grid."""
        if not self.nodes:
            return position_text(self.position_lps_mm)
        volume = self.nodes[0].volume
        if not volume.placed:
            return self._pixel_text(volume)
        text = position_text(self.position_lps_mm, _place_widths(volume))
        index = voxel_at(volume, self.position_lps_mm)
        if index is None:
            return text
        i, j, k = (_padded(str(at), len(str(size - 1))) for at, size in zip(index, volume.dimensions, strict=True))
        return f"{text}   voxel {i}, {j}, {k}"

    def _pixel_text(self, volume: Volume) -> str:
        """Return which pixel of which image it is: there is no place in the patient to tell."""
        index = voxel_at(volume, self.position_lps_mm)
        if index is None:
            return ""
        i, j, k = (_padded(str(at), len(str(size - 1))) for at, size in zip(index, volume.dimensions, strict=True))
        image = _padded(str(index[2] + 1), len(k))
        return f"image {image}   pixel {i}, {j}"

    @property
    def text(self) -> str:
        """All of it in one line; numbers have the same room wherever in the volume the pointer is."""
        return "   ".join(part for part in (self.value_text, self.place_text) if part)


def position_text(position_lps_mm: Vector, widths: tuple[int, ...] = (0, 0, 0)) -> str:
    """Return a place with a letter for the side of each axis: ``L 12.5  P 3.0  S 40.1 mm``.

    Parameters
    ----------
    widths : tuple of int
        Of the numbers, in figures.
    """
    parts = []
    for positive, negative, value, width in zip("LPS", "RAI", position_lps_mm, widths, strict=True):
        rounded = round(value, 1) + 0.0
        parts.append(f"{positive if rounded >= 0 else negative} {_padded(f'{abs(rounded):.1f}', width)}")
    return "  ".join(parts) + " mm"


def value_text(node: VolumeNode, position_lps_mm: Vector) -> str:
    """Return the value of the voxel at a place with its unit; empty outside, ``no value`` where the voxel has none."""
    volume = node.volume
    if voxel_at(volume, position_lps_mm) is None:
        return ""
    color = color_at(node, position_lps_mm)
    if color is not None:
        return "  ".join(f"{name} {_padded(str(part), 3)}" for name, part in zip("RGB", color, strict=True))
    value = value_at(node, position_lps_mm)
    if value is None:
        return "no value"
    is_whole = volume.array.dtype.kind in "biu"
    number = _padded(f"{value:.0f}" if is_whole else f"{value:.5g}", _value_width(volume))
    units = units_text(volume.units, volume.source)
    text = f"{number} {units}" if units else number
    return f"{plain_text(node.quantity)} {text}" if node.quantity else text


def _value_width(volume: Volume) -> int:
    """Return how many figures a value may have; larger ones, which are rare, take more."""
    kind = volume.array.dtype
    if kind.kind not in "iu":
        return VALUE_PLACES
    ends = np.iinfo(kind)
    return min(max(len(str(ends.min)), len(str(ends.max))), VALUE_PLACES)


def _place_widths(volume: Volume) -> tuple[int, ...]:
    farthest = np.abs(box_corners(volume)).max(axis=0)
    return tuple(len(f"{value:.1f}") for value in farthest)


def _padded(number: str, width: int) -> str:
    return number.rjust(width, FIGURE_SPACE)
