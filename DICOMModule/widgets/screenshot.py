"""A picture of the views alone, without a window: what `view --screenshot` writes."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from DICOMModule.errors import RenderingError, SettingsError, plain_text
from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.scene.window_presets import find_window_preset, window_presets
from DICOMModule.views.geometry import ViewGeometry, fit
from DICOMModule.views.layout import LAYOUTS, ViewRect, layout_rects
from DICOMModule.views.orientation import PLANES, STACK, Vector, box_corners, center_position
from DICOMModule.views.overlay import ViewOverlay, slice_overlay, volume_overlay
from DICOMModule.views.presets import find_rendering_preset, presets_for
from DICOMModule.views.slice_view import SliceView
from DICOMModule.views.view import BACKGROUND
from DICOMModule.views.volume_view import DEFAULT_DIRECTION_LPS, VolumeView, refusal_in_3d, screen_axes
from DICOMModule.volume.volume import Voxels, Window
from DICOMModule.widgets.overlay_painter import VIEW_COLORS, OverlayPainter
from DICOMModule.widgets.qt import QBuffer, QByteArray, QColor, QFontDatabase, QImage, QIODevice, QPainter, QRectF
from DICOMModule.widgets.qt_application import application

THEMES = {"dark": QColor(30, 34, 39), "light": QColor(222, 226, 231)}
MIN_SIZE_PX, MAX_SIZE_PX = 64, 8192
NOTICE = "Not for diagnosis"


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


@dataclass(frozen=True, slots=True, eq=False)
class DrawnView:
    """One view of a picture: where it is in it, where its pixels lie in the patient, and what is painted over it."""

    rect: ViewRect
    geometry: ViewGeometry
    pixels: Voxels
    overlay: ViewOverlay

    def description(self) -> dict[str, Any]:
        """Return the view's entry of the JSON document."""
        return {
            "name": self.rect.name,
            "rect_px": [self.rect.x, self.rect.y, self.rect.width, self.rect.height],
            "mm_per_pixel": self.geometry.mm_per_pixel,
            "center_lps_mm": list(self.geometry.center_lps_mm),
            "right_lps": list(self.geometry.right_lps),
            "up_lps": list(self.geometry.up_lps),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A painted picture and the facts about it.

    Attributes
    ----------
    image : QImage
        The picture.
    series : tuple of str
        Series Instance UIDs of what it shows.
    position_lps_mm : tuple of float
        Where slices and crosshair are.
    display : VolumeDisplay
        How the volume is shown.
    views : tuple of DrawnView
        In the order of the layout.
    warnings : tuple of str
        Of the volume, and of the picture.
    quantity, units : str
        What the values are shown as, in which unit window and level are.
    timepoint : int
        Which volume of a sequence it shows, from 1.
    """

    image: QImage
    series: tuple[str, ...]
    position_lps_mm: Vector
    display: VolumeDisplay
    views: tuple[DrawnView, ...]
    warnings: tuple[str, ...]
    quantity: str = ""
    units: str | None = None
    timepoint: int = 1

    def description(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Return the JSON document of ``view --screenshot``; `path` is where the picture was written."""
        return {
            "screenshot": os.fspath(path),
            "series": list(self.series),
            "position_lps_mm": list(self.position_lps_mm),
            "window": self.display.window.width,
            "level": self.display.window.level,
            "voi_function": self.display.function,
            "inverted": self.display.inverted,
            "quantity": self.quantity or None,
            "units": self.units,
            "timepoint": self.timepoint,
            "views": [view.description() for view in self.views],
            "warnings": list(self.warnings),
        }


def render_picture(nodes: Sequence[VolumeNode], options: PictureOptions | None = None) -> Picture:
    """Draw the views of a layout, each at its size, paint over them what the options ask for, and return the picture.

    The first visible node is shown; a further one is named among the warnings.

    Raises
    ------
    SettingsError
        There is nothing to show, the preset is unknown, or the position is outside the volume.
    RenderingError
        Nothing can be drawn on this machine.
    """
    options = options or PictureOptions()
    shown = [node for node in nodes if node.visible]
    if not shown:
        raise SettingsError("there is no volume to make a picture of")
    node = node_with_options(shown[0], options)
    position = position_in(node, options)
    rects = layout_rects(options.layout if node.volume.placed else STACK.name, *options.size)
    views = tuple(_drawn(node, rect, position, graphics=options.overlays) for rect in rects)
    warnings = [
        *node.volume.warnings,
        *(text for view in views for text in view.overlay.warnings if view.rect.name == "3d"),
    ]
    warnings += [f"not in the picture, which shows one volume: {other.name}" for other in shown[1:]]
    application()
    if options.overlays and not QFontDatabase().families():
        warnings.append("No font was found, so the picture has no text. Install one (Debian: fonts-dejavu-core).")
    image = _painted(views, options)
    series, told = node.volume.source_series_uids, tuple(warnings)
    units, number = node.volume.units, node.index + 1
    return Picture(image, series, position, node.display, views, told, node.quantity, units, number)


def save_picture(nodes: Sequence[VolumeNode], options: PictureOptions, path: Path) -> dict[str, Any]:
    """Render a picture, write it as PNG, and return the JSON document that describes it.

    Raises
    ------
    SettingsError
        As `render_picture`.
    RenderingError
        As `render_picture` and `write_image`.
    """
    picture = render_picture(nodes, options)
    write_image(picture.image, path)
    return picture.description(path)


def write_image(image: QImage, path: Path) -> None:
    """Write an image as PNG, all of it or nothing.

    Raises
    ------
    RenderingError
        The file cannot be written.
    """
    stored = QByteArray()
    buffer = QBuffer(stored)
    buffer.open(QIODevice.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise RenderingError(f"the picture for {plain_text(os.fspath(path))} could not be written as PNG")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(bytes(stored))
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # where nothing can be written nothing can be removed
            temporary.unlink()
        raise RenderingError(f"cannot write the picture {plain_text(os.fspath(path))}: {error.strerror}") from error


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


def _drawn(node: VolumeNode, rect: ViewRect, position: Vector, *, graphics: bool) -> DrawnView:
    refusal = refusal_in_3d(node.volume) if rect.name == "3d" else ""
    if refusal:
        right, up = screen_axes(DEFAULT_DIRECTION_LPS)
        geometry = fit(box_corners(node.volume), right, up, rect.width, rect.height)
        nothing = np.full((rect.height, rect.width, 4), (*BACKGROUND, 255), np.uint8)
        return DrawnView(rect, geometry, nothing, ViewOverlay("3d", warnings=(refusal,)))
    if rect.name == "3d":
        volume_view = VolumeView(rect.width, rect.height)
        try:
            volume_view.show(node)
            preset = find_rendering_preset(node.volume, node.display.rendering_preset)
            overlay = volume_overlay(node, volume_view.geometry, preset.name)
            return DrawnView(rect, volume_view.geometry, volume_view.pixels(), overlay)
        finally:
            volume_view.close()
    orientation = PLANES[rect.name]
    view = SliceView(orientation, rect.width, rect.height)
    try:
        view.show([node])
        view.set_graphics(graphics)
        view.set_position_lps(position)
        slices = view.slices
        if slices is None:
            raise RenderingError(f"the volume {node.name!r} has no slices to show")
        overlay = slice_overlay(node, orientation, view.geometry, slices, position)
        return DrawnView(rect, view.geometry, view.pixels(), overlay)
    finally:
        view.close()


def _painted(views: Sequence[DrawnView], options: PictureOptions) -> QImage:
    image = QImage(*options.size, QImage.Format_RGB32)
    image.fill(THEMES[options.theme])
    painter = QPainter(image)
    try:
        for number, view in enumerate(views):
            rect = view.rect
            pixels = view.pixels
            drawn = QImage(pixels.tobytes(), rect.width, rect.height, 4 * rect.width, QImage.Format_RGBX8888)
            painter.drawImage(rect.x, rect.y, drawn)
            if not options.overlays:
                continue
            painter.fillRect(rect.x, rect.y - rect.edge_px, rect.width, rect.edge_px, VIEW_COLORS[rect.name])
            overlay = view.overlay
            if number == len(views) - 1:  # once in a picture
                lines = (*overlay.text.bottom_right, NOTICE)
                overlay = replace(overlay, text=replace(overlay.text, bottom_right=lines))
            OverlayPainter(painter, QRectF(rect.x, rect.y, rect.width, rect.height)).paint(overlay)
    finally:
        painter.end()
    return image
