"""A slice view: an off-screen window in which a plane through one or several volumes is drawn, and its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from vtkmodules.vtkCommonCore import vtkLookupTable
from vtkmodules.vtkRenderingCore import vtkImageSlice
from vtkmodules.vtkRenderingImage import vtkImageResliceMapper, vtkImageStack

from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.views import geometry as view_geometry
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.image_data import drawable_array, hidden_voxels, image_data, placing_matrix, vtk_array
from DICOMModule.views.offscreen import BACKGROUND, OffscreenView
from DICOMModule.views.orientation import Orientation, SliceStack, Vector, box_corners, center_position, slice_stack
from DICOMModule.volume.volume import Volume, Voxels

INVERSE_STEPS = 4096  # of the inverted grey scale: its rounding is then far below a grey level


@dataclass(slots=True)
class _Layer:
    """What is drawn of one node: its values, and over them the background where there are none."""

    node: VolumeNode
    values: vtkImageSlice
    mask: vtkImageSlice | None


class SliceView(OffscreenView):
    """A plane through the volumes that it is given, in one of the three orientations.

    The view holds no scene: its owner hands it the nodes to draw, the lowest first, and asks for pixels. The first node
    gives the slices and the fit. Not for several threads.

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
        self.orientation = orientation
        self._stack = vtkImageStack()
        self._renderer.AddViewProp(self._stack)
        self._layers: list[_Layer] = []
        self._slices: SliceStack | None = None

    @property
    def slices(self) -> SliceStack | None:
        """The slices of the first node; None where nothing is shown."""
        return self._slices

    def show(self, nodes: Sequence[VolumeNode]) -> None:
        """Draw these nodes from now on, the lowest first; hidden ones are passed over.

        What is already there is kept, so that a change of a display costs no new image. A view that had no volume fits
        the first one and shows its middle.
        """
        shown = [node for node in nodes if node.visible]
        kept = {layer.node.id: layer for layer in self._layers}
        was_empty = self._slices is None
        for layer in self._layers:
            self._stack.RemoveImage(layer.values)
            if layer.mask is not None:
                self._stack.RemoveImage(layer.mask)
        self._layers = []
        for number, node in enumerate(shown):
            known = kept.get(node.id)
            layer = known if known is not None and known.node.volume is node.volume else _make_layer(node)
            layer.node = node
            _set_display(layer, number)
            self._stack.AddImage(layer.values)
            if layer.mask is not None:
                self._stack.AddImage(layer.mask)
            self._layers.append(layer)
        self._slices = slice_stack(shown[0].volume, self.orientation) if shown else None
        if was_empty and shown:
            self.fit()
            self.set_position_lps(center_position(shown[0].volume))

    def fit(self) -> None:
        """Fit the first volume's box into the view; the plane stays where it is."""
        if not self._layers:
            return
        old = self._geometry
        fitted = view_geometry.fit(
            box_corners(self._layers[0].node.volume), old.right_lps, old.up_lps, old.width_px, old.height_px
        )
        self._geometry = fitted.through(old.center_lps_mm)

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
        # the plane goes through the focal point: only what is near it has to be seen
        distance_mm = 1000.0 * self._geometry.mm_per_pixel + 1000.0
        return self._drawn(f"drawing the {self.orientation.name} view", distance_mm, distance_mm / 2.0)

    def close(self) -> None:
        """Give back the window and the images; the view draws no more."""
        self.show(())
        super().close()


def _make_layer(node: VolumeNode) -> _Layer:
    volume = node.volume
    values = _image_slice(drawable_array(volume), volume)
    hidden = hidden_voxels(volume)
    mask = None if hidden is None else _image_slice(hidden, volume)
    if mask is not None:
        mask.GetProperty().SetLookupTable(_mask_table())
        mask.GetProperty().UseLookupTableScalarRangeOn()
    return _Layer(node, values, mask)


def _image_slice(array: Voxels, volume: Volume) -> vtkImageSlice:
    mapper = vtkImageResliceMapper()
    mapper.SetInputData(image_data(array, volume.spacing_mm))
    mapper.SliceFacesCameraOn()
    mapper.SliceAtFocalPointOn()
    mapper.BorderOn()  # voxels are boxes: half of one lies outside the outer centres
    prop = vtkImageSlice()
    prop.SetMapper(mapper)
    prop.SetUserMatrix(placing_matrix(volume))
    return prop


def _set_display(layer: _Layer, number: int) -> None:
    display = layer.node.display
    shown = layer.values.GetProperty()
    low, high = display.grey_range
    shown.SetColorWindow(high - low)
    shown.SetColorLevel((low + high) / 2.0)
    # MONOCHROME1 and the user's wish are two things; both together give black on white again.
    if display.inverted != layer.node.volume.monochrome1:
        shown.SetLookupTable(_inverse_table(low, high))
        shown.UseLookupTableScalarRangeOn()
    else:
        shown.SetLookupTable(None)
        shown.UseLookupTableScalarRangeOff()
    _set_interpolation(layer, display)
    shown.SetOpacity(display.opacity)
    shown.SetLayerNumber(2 * number)
    if layer.mask is not None:
        layer.mask.GetProperty().SetLayerNumber(2 * number + 1)


def _set_interpolation(layer: _Layer, display: VolumeDisplay) -> None:
    for prop in (layer.values, layer.mask):
        if prop is not None and display.interpolation == "nearest":
            prop.GetProperty().SetInterpolationTypeToNearest()
        elif prop is not None:
            # With the mask interpolated too, a pixel is hidden as soon as one voxel without a value adds to it.
            prop.GetProperty().SetInterpolationTypeToLinear()


def _inverse_table(low: float, high: float) -> vtkLookupTable:
    greys = 255.0 * (1.0 - (np.arange(INVERSE_STEPS) + 0.5) / INVERSE_STEPS)
    return _table(
        np.repeat(np.rint(greys).astype(np.uint8)[:, None], 3, axis=1), np.full(INVERSE_STEPS, 255), low, high
    )


def _mask_table() -> vtkLookupTable:
    """Nothing where all voxels have a value, the background's colour wherever one has none."""
    alpha = np.full(256, 255)
    alpha[0] = 0
    return _table(np.tile(np.array(BACKGROUND, np.uint8), (256, 1)), alpha, -0.5, 255.5)


def _table(colors: Voxels, alpha: Voxels, low: float, high: float) -> vtkLookupTable:
    table = vtkLookupTable()
    rows: Any = vtk_array(np.column_stack([colors, alpha]).astype(np.uint8))
    table.SetTable(rows)
    table.SetRange(low, high)
    return table
