"""The colours of a view and the values that they stand for: a bar from the upper to the lower end of the window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DICOMModule.errors import plain_text
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.views.color_tables import STEPS, Colors, color_table, curve_steps, has_curve, is_reversed
from DICOMModule.views.voxel_values import units_text

BAR_STEPS = 128


@dataclass(frozen=True, slots=True, eq=False)
class ColorBar:
    """What is painted of a bar.

    Attributes
    ----------
    colors : ndarray of uint8, shape (n, 3)
        From the upper end downward.
    high, low : str
        Values of both ends.
    caption : str
        The quantity and its unit.
    """

    colors: Colors
    high: str
    low: str
    caption: str


def color_bar(node: VolumeNode) -> ColorBar | None:
    """Return the bar of a node that is shown in colours or as another quantity; None where greys are what they always are."""
    display = node.display
    if node.volume.components > 1 or not (node.quantity or display.color_table != "grey"):
        return None
    low, high = display.grey_range
    places = np.linspace(1.0, 0.0, BAR_STEPS)
    steps = np.rint(places * (STEPS - 1)).astype(np.uint8)
    if has_curve(display):
        steps = curve_steps(low + places * (high - low), display)
    colors = color_table(display.color_table, is_reversed(node.volume, display))[steps]
    units = units_text(node.volume.units, node.volume.source)
    caption = " ".join(part for part in (plain_text(node.quantity), units) if part)
    return ColorBar(colors, f"{high:.4g}", f"{low:.4g}", caption)
