"""A slice view: a plane through one or several volumes, sampled at its pixels and coloured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.views import geometry as view_geometry
from DICOMModule.views.color_tables import STEPS, color_table, curve_steps, has_curve, is_reversed
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.graphics import paint_graphics
from DICOMModule.views.orientation import (
    Orientation,
    SliceStack,
    Vector,
    box_corners,
    center_position,
    slice_stack,
    turned_orientation,
)
from DICOMModule.views.plane_sampler import Sampler, sampler_of
from DICOMModule.views.sampled_plane import SampledPlane
from DICOMModule.views.slab import Slab, SlabMode
from DICOMModule.views.view import BACKGROUND, View
from DICOMModule.volume.volume import Voxels

OPAQUE = 255


@dataclass(slots=True)
class _Layer:
    """One node and what samples its volume."""

    node: VolumeNode
    sampler: Sampler


class SliceView(View):
    """A plane through the volumes that it is given, at first in one of the three orientations.

    The view holds no scene: its owner hands it the nodes to draw, the lowest first, and asks for pixels. The first node
    gives the slices and the fit. Needs no OpenGL. Not for several threads.

    Parameters
    ----------
    orientation : Orientation
        Axial, sagittal or coronal.
    width_px, height_px : int
        Size of the picture.
    """

    def __init__(self, orientation: Orientation, width_px: int, height_px: int) -> None:
        super().__init__(
            ViewGeometry(width_px, height_px, 1.0, (0.0, 0.0, 0.0), orientation.right_lps, orientation.up_lps)
        )
        self._orientation = orientation
        self._slab = Slab()
        self._graphics = True
        self._layers: list[_Layer] = []
        self._slices: SliceStack | None = None

    @property
    def orientation(self) -> Orientation:
        """The view's name, and its directions as they are now."""
        return self._orientation

    @property
    def slices(self) -> SliceStack | None:
        """The slices of the first node along the scroll direction as it is now; None where nothing is shown."""
        return self._slices

    @property
    def slab(self) -> Slab:
        """What is shown of the planes before and behind the view's own."""
        return self._slab

    def show(self, nodes: Sequence[VolumeNode]) -> None:
        """Draw these nodes from now on, the lowest first; hidden ones are passed over.

        What is already there is kept, so that a change of a display samples nothing anew. A view that had no volume fits
        the first one and shows its middle.

        Raises
        ------
        RenderingError
            A volume's values are of a type that has no grey values.
        """
        shown = [node for node in nodes if node.visible]
        kept = {layer.node.id: layer.sampler for layer in self._layers}
        was_empty = self._slices is None
        layers = []
        for node in shown:
            sampler = kept.get(node.id)
            if sampler is None or sampler.volume is not node.volume:
                sampler = sampler_of(node.volume)
            layers.append(_Layer(node, sampler))
        self._layers = layers
        self._slices = slice_stack(shown[0].volume, self._orientation) if shown else None
        if was_empty and shown:
            self.fit()
            self.set_position_lps(center_position(shown[0].volume))

    def fit(self) -> None:
        """Fit the first volume's box into the view; the plane and the directions on the screen stay."""
        if not self._layers:
            return
        old = self._geometry
        fitted = view_geometry.fit(
            box_corners(self._layers[0].node.volume), old.right_lps, old.up_lps, old.width_px, old.height_px
        )
        self._geometry = fitted.through(old.center_lps_mm)

    def set_geometry(self, geometry: ViewGeometry) -> None:
        """Show what `geometry` says: plane, turn, mirror, pan, zoom and size in one.

        Where it lies on another plane than a parallel one, the slices and the scroll direction follow: to the side that is
        nearer to the one before.

        Raises
        ------
        SettingsError
            Its directions are not two perpendicular unit vectors.
        """
        old = self._geometry
        if (geometry.right_lps, geometry.up_lps) != (old.right_lps, old.up_lps):
            self._follow(turned_orientation(self._orientation, geometry.right_lps, geometry.up_lps))
        self._geometry = geometry

    def set_axes(self, right_lps: Vector, up_lps: Vector) -> None:
        """Turn the plane about the middle of the view, to any directions; see `set_geometry`.

        Raises
        ------
        SettingsError
            The directions are not two perpendicular unit vectors.
        """
        self.set_geometry(replace(self._geometry, right_lps=right_lps, up_lps=up_lps))

    def set_orientation(self, orientation: Orientation) -> None:
        """Turn the plane about the middle of the view to an orientation, its scroll direction included."""
        self._follow(orientation)
        self._geometry = replace(self._geometry, right_lps=orientation.right_lps, up_lps=orientation.up_lps)

    def set_slab(self, thickness_mm: float, mode: SlabMode = "mip") -> None:
        """Show the largest (``mip``), smallest (``minip``) or mean value of a slab about the plane; 0 mm: the plane.

        Raises
        ------
        SettingsError
            There is no such mode, or the thickness is negative.
        """
        self._slab = Slab(thickness_mm, mode)

    def set_graphics(self, shown: bool) -> None:
        """Paint what the files of the first volume have drawn over its pixels, or leave it out."""
        self._graphics = shown

    def set_position_lps(self, position_lps_mm: Vector) -> None:
        """Show the plane through a position; the middle of the view stays where it is on the screen."""
        self._geometry = self._geometry.through(position_lps_mm)

    def set_slice(self, number: int) -> None:
        """Show slice `number`, counted from 1.

        Raises
        ------
        SettingsError
            There is no slice of that number.
        """
        if self._slices is not None:
            self.set_position_lps(self._slices.position_of(number, self._geometry.center_lps_mm))

    def pixels(self) -> Voxels:
        """Draw and return the picture, shape (height, width, 4), uint8 RGBA, the uppermost row first.

        Raises
        ------
        RenderingError
            VTK reported an error.
        """
        drawn = [
            (
                layer.sampler.sample(self._geometry, self._slab, layer.node.display.interpolation),
                layer.node.display,
                is_reversed(layer.node.volume, layer.node.display),
            )
            for layer in self._layers
            if layer.node.display.opacity > 0
        ]
        size = (self._geometry.height_px, self._geometry.width_px)
        pixels = _opaque(*drawn[0]) if len(drawn) == 1 and drawn[0][1].opacity == 1 else _blended(drawn, size)
        if self._graphics and self._layers:
            return paint_graphics(pixels, self._layers[0].node.volume, self._geometry)
        return pixels

    def close(self) -> None:
        """Give back the images; the view draws no more."""
        self.show(())

    def _follow(self, orientation: Orientation) -> None:
        self._orientation = orientation
        if self._layers:
            self._slices = slice_stack(self._layers[0].node.volume, orientation)


_BACKGROUND_PACKED = np.array([*BACKGROUND, OPAQUE], np.uint8).view(np.uint32)[0]


def _steps(plane: SampledPlane, display: VolumeDisplay) -> npt.NDArray[np.uint8]:
    """Return which of the 256 colours each value has."""
    if has_curve(display):
        return curve_steps(plane.values, display)
    low, high = display.grey_range
    steps = plane.values - low  # first of all, so that large values lose no digits
    steps *= (STEPS - 1) / (high - low)
    steps += 0.5
    np.clip(steps, 0.0, STEPS - 1, out=steps)
    return steps.astype(np.uint8)


def _colors(plane: SampledPlane, reverse: bool) -> npt.NDArray[np.uint8]:
    """Return the colours of a volume in colour: as they are, or each exchanged for its opposite."""
    colors: npt.NDArray[np.uint8] = np.rint(plane.values).astype(np.uint8)  # of bytes, and between bytes
    return np.bitwise_not(colors) if reverse else colors


def _opaque(plane: SampledPlane, display: VolumeDisplay, reverse: bool) -> Voxels:
    """Return the pixels of a layer that is alone; each is moved as one number of 32 bits."""
    if plane.values.ndim > 2:
        pixels = np.empty((*plane.inside.shape, 4), np.uint8)
        colors = _colors(plane, reverse)
        for channel in range(3):  # faster than all at once
            pixels[..., channel] = colors[..., channel]
        pixels[..., 3] = OPAQUE
        pixels.view(np.uint32)[~plane.inside] = _BACKGROUND_PACKED
        return pixels
    colors = np.full((STEPS, 4), OPAQUE, np.uint8)
    colors[:, :3] = color_table(display.color_table, reverse)
    packed = np.take(colors.view(np.uint32)[:, 0], _steps(plane, display))
    packed[~plane.inside] = _BACKGROUND_PACKED
    return packed.view(np.uint8).reshape(*packed.shape, 4)


def _blended(layers: Sequence[tuple[SampledPlane, VolumeDisplay, bool]], size: tuple[int, int]) -> Voxels:
    """Return the pixels of several layers: what lies beneath × (1 - opacity) + colour × opacity, where there is a value.

    A layer in colours over another is drawn above its window's lower end only: the rest would tint all that lies beneath.
    """
    mixed = np.empty((3, *size), np.float32)
    mixed[:] = np.array(BACKGROUND)[:, None, None]
    for number, (plane, display, reverse) in enumerate(layers):
        if plane.values.ndim > 2:
            shown = np.moveaxis(_colors(plane, reverse).astype(np.float32), -1, 0)
        else:
            table = color_table(display.color_table, reverse).astype(np.float32)
            shown = np.moveaxis(np.take(table, _steps(plane, display), axis=0), -1, 0)
        seen = plane.inside
        if number > 0 and display.color_table != "grey" and plane.values.ndim == 2:
            seen = seen & (plane.values > display.grey_range[0])
        alpha = seen * np.float32(display.opacity)
        for channel in range(3):
            mixed[channel] += (shown[channel] - mixed[channel]) * alpha
    pixels = np.full((*size, 4), OPAQUE, np.uint8)
    for channel in range(3):
        pixels[..., channel] = np.rint(mixed[channel])
    return pixels
