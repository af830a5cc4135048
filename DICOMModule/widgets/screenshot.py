"""A picture of the views alone, without a window: what `view --screenshot` writes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from DICOMModule.errors import RenderingError, SettingsError
from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.views.geometry import ViewGeometry, fit
from DICOMModule.views.layout import ViewRect, layout_rects
from DICOMModule.views.orientation import PLANES, STACK, Vector, box_corners
from DICOMModule.views.overlay import ViewOverlay, slice_overlay, volume_overlay
from DICOMModule.views.presets import find_rendering_preset
from DICOMModule.views.slice_view import SliceView
from DICOMModule.views.view import BACKGROUND
from DICOMModule.views.volume_camera import DEFAULT_DIRECTION_LPS, screen_axes
from DICOMModule.views.volume_choices import refusal_in_3d
from DICOMModule.views.volume_view import VolumeView
from DICOMModule.volume.slice_places import warnings_seen
from DICOMModule.volume.volume import Voxels
from DICOMModule.widgets.image_file import write_image
from DICOMModule.widgets.overlay_painter import VIEW_COLORS, OverlayPainter
from DICOMModule.widgets.picture_options import THEMES, PictureOptions, node_with_options, position_in
from DICOMModule.widgets.qt import QFontDatabase, QImage, QPainter, QRectF
from DICOMModule.widgets.qt_application import application

NOTICE = "Not for diagnosis"


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
    in_3d = [view.overlay.warnings for view in views if view.rect.name == "3d"]
    warnings = list(dict.fromkeys((*warnings_seen(node.volume, in_3d=bool(in_3d)), *sum(in_3d, ()))))
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
