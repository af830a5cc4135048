"""What a picture of the scene is asked to show, and a node and a position by it."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.scene.window_presets import find_window_preset, window_presets
from DICOMModule.views.layout import LAYOUTS
from DICOMModule.views.orientation import Vector, box_corners, center_position
from DICOMModule.views.presets import find_rendering_preset, presets_for
from DICOMModule.volume.volume import Window
from DICOMModule.widgets.qt import QColor

THEMES = {"dark": QColor(30, 34, 39), "light": QColor(222, 226, 231)}
MIN_SIZE_PX, MAX_SIZE_PX = 64, 8192


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """What the picture is to show.

    Attributes
    ----------
    layout : str
        ``four-up``, ``axial``, ``sagittal``, ``coronal`` or ``3d``.
    window, level : float or None
        Window Width and Center in the volume's units; one of them alone keeps the other as it would have been.
    preset : str
        Name of a window preset, a volume-rendering preset, or both (``CT lung``); empty: the volume's defaults.
    position_lps_mm : tuple of float or None
        Where the slices and the crosshair are, LPS mm; None: the voxel in the middle of the volume.
    overlays : bool
        False: nothing but the volume's own pixels in the views; the coloured edges above them are left out too.
    theme : str
        ``dark`` or ``light``: of what lies between the views, which are dark in both.
    size : tuple of int
        Width and height of the whole picture in pixels.

    Raises
    ------
    SettingsError
        A value is outside its range.
    """

    layout: str = "four-up"
    window: float | None = None
    level: float | None = None
    preset: str = ""
    position_lps_mm: Vector | None = None
    overlays: bool = True
    theme: str = "dark"
    size: tuple[int, int] = (1600, 1000)

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise SettingsError(f"there is no layout {self.layout!r}; there are {', '.join(LAYOUTS)}")
        if self.theme not in THEMES:
            raise SettingsError(f"there is no theme {self.theme!r}; there are {', '.join(THEMES)}")
        if not all(MIN_SIZE_PX <= size <= MAX_SIZE_PX for size in self.size):
            raise SettingsError(
                f"a picture of {self.size[0]} × {self.size[1]} pixels cannot be made;"
                f" each side must be between {MIN_SIZE_PX} and {MAX_SIZE_PX}"
            )
        if self.window is not None and not (math.isfinite(self.window) and self.window > 0):
            raise SettingsError(f"a window of {self.window:g} makes no grey scale; it must be greater than 0")
        if self.level is not None and not math.isfinite(self.level):
            raise SettingsError("the level must be a finite number")
        if self.position_lps_mm is not None and not all(map(math.isfinite, self.position_lps_mm)):
            raise SettingsError("the position must be three finite numbers, L, P and S in mm")


def node_with_options(node: VolumeNode, options: PictureOptions) -> VolumeNode:
    """Return the node shown as the options ask for: preset, window and level.

    Raises
    ------
    SettingsError
        The volume has no such preset.
    """
    display = _with_preset(node, options.preset) if options.preset else node.display
    if options.window is not None or options.level is not None:
        kept = display.window
        width = kept.width if options.window is None else options.window
        level = kept.level if options.level is None else options.level
        display = replace(display, window=Window(level, width), function="LINEAR")
    return replace(node, display=display)


def _with_preset(node: VolumeNode, name: str) -> VolumeDisplay:
    """Return the node's display with the window and the volume rendering of this name; there may be one or both."""
    display, found = node.display, False
    with contextlib.suppress(SettingsError):
        preset = find_window_preset(node.volume, name)
        display = replace(display, window=preset.window, function=preset.function, inverted=preset.inverted)
        found = True
    with contextlib.suppress(SettingsError):
        display = replace(display, rendering_preset=find_rendering_preset(node.volume, name).name)
        found = True
    if found:
        return display
    windows = ", ".join(known.name for known in window_presets(node.volume))
    renderings = ", ".join(known.name for known in presets_for(node.volume))
    raise SettingsError(
        f"there is no preset {plain_text(name)!r} for this volume."
        f" Window presets: {windows}. Volume-rendering presets: {renderings}."
    )


def position_in(node: VolumeNode, options: PictureOptions) -> Vector:
    """Return the position that the options ask for, LPS mm; without one, the voxel in the middle of the volume.

    Raises
    ------
    SettingsError
        It lies outside the volume.
    """
    position = options.position_lps_mm
    if position is None:
        return center_position(node.volume)
    corners = box_corners(node.volume)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if not all(low[axis] <= position[axis] <= high[axis] for axis in range(3)):
        ranges = ", ".join(f"{name} {low[axis]:.1f} to {high[axis]:.1f}" for axis, name in enumerate("LPS"))
        raise SettingsError(
            f"the position {position[0]:g},{position[1]:g},{position[2]:g} is outside the volume, which reaches over"
            f" {ranges} mm"
        )
    return position
