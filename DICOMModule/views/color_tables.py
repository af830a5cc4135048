"""The colours in which values are shown: 256 of them from the window's lower to its upper end."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from DICOMModule.scene.display import ColorTable, VolumeDisplay
from DICOMModule.volume.volume import Volume

Colors = npt.NDArray[np.uint8]

STEPS = 256
_STEEPEST = 700.0
"""Beyond it exp is infinite."""


@cache
def color_table(name: ColorTable, reverse: bool = False) -> Colors:
    """Return the colours of a table, shape (256, 3), RGB, the lowest value's first; not to be written to.

    ``grey``: black to white. ``hot``: black, red, yellow, white, a third of the way each. ``rainbow``: the hues from blue
    over green to red, fully saturated. ``cool``: cyan to magenta.
    """
    place = np.linspace(0.0, 1.0, STEPS)
    shares = {"grey": _grey, "hot": _hot, "rainbow": _rainbow, "cool": _cool}[name](place)
    colors: Colors = np.rint(255.0 * np.clip(shares, 0.0, 1.0)).astype(np.uint8)
    if reverse:
        colors = colors[::-1].copy()
    colors.setflags(write=False)
    return colors


def is_reversed(volume: Volume, display: VolumeDisplay) -> bool:
    """Return whether the table of `display` runs from the upper to the lower end of the window.

    Greys follow MONOCHROME1 and the user's wish, which are two things: both together give black on white again. A table
    in colours keeps its order however the greys lie by default (PET is shown black on white), and follows the wish alone.
    """
    if display.color_table == "grey":
        return display.inverted != volume.monochrome1
    return display.inverted != (volume.modality == "PT")


def has_curve(display: VolumeDisplay) -> bool:
    """Return whether greys follow a curve: a VOI LUT or a sigmoid, no straight line."""
    return display.window.lut is not None or display.function == "SIGMOID"


def curve_steps(values: npt.NDArray[np.floating], display: VolumeDisplay) -> npt.NDArray[np.uint8]:
    """Return which of the 256 colours each value has by a VOI LUT (PS3.3 C.11.2.1.1) or a sigmoid (C.11.2.1.3.1)."""
    table = display.window.lut
    if table is not None:
        shares = table.applied(values).astype(np.float64) / ((1 << table.bits) - 1)
    else:
        steep = -4.0 * (values.astype(np.float64) - display.window.level) / display.window.width
        shares = 1.0 / (1.0 + np.exp(np.clip(steep, -_STEEPEST, _STEEPEST)))
    return np.rint(np.clip(shares, 0.0, 1.0) * (STEPS - 1)).astype(np.uint8)


def _grey(place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.column_stack([place, place, place])


def _hot(place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.column_stack([3.0 * place, 3.0 * place - 1.0, 3.0 * place - 2.0])


def _rainbow(place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    hue = 4.0 * (1.0 - place)  # in sixths of the circle: red 0, yellow 1, green 2, cyan 3, blue 4
    return np.column_stack([np.abs(hue - 3.0) - 1.0, 2.0 - np.abs(hue - 2.0), 2.0 - np.abs(hue - 4.0)])


def _cool(place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.column_stack([place, 1.0 - place, np.ones_like(place)])
