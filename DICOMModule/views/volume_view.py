"""A volume view: an off-screen window in which a volume is ray-cast, and its pixels."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkPiecewiseFunction
from vtkmodules.vtkRenderingCore import (
    vtkColorTransferFunction,
    vtkRenderWindow,
    vtkVolume,
    vtkVolumeProperty,
)
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkOpenGLGPUVolumeRayCastMapper

from DICOMModule.errors import GeometryError
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.views import geometry as view_geometry
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.image_data import image_data, placing_matrix
from DICOMModule.views.offscreen import OffscreenView
from DICOMModule.views.opengl import is_software
from DICOMModule.views.orientation import Vector, box_corners
from DICOMModule.views.prepared import prepare_volume
from DICOMModule.views.presets import RenderingPreset, find_rendering_preset, value_scale
from DICOMModule.volume.volume import Volume, Voxels

Mapper: TypeAlias = vtkFixedPointVolumeRayCastMapper | vtkOpenGLGPUVolumeRayCastMapper

# Out of the screen: from the front, a little from the patient's left and from above, so that depth can be seen.
DEFAULT_DIRECTION_LPS: Vector = (0.42, -1.0, 0.28)
FINE_STEPS_PER_VOXEL = 2.0
MAX_STEPS = 1600  # along the diagonal; more of them are not seen


class VolumeView(OffscreenView):
    """A volume as light goes through it, seen in parallel projection, so that a pixel has one size in mm everywhere.

    The picture is not mirrored: seen from the front, the patient's left is on the right. May be made, used and closed in a
    thread of its own, where it shares nothing with other views but the arrays. Not for several threads.

    Parameters
    ----------
    width_px, height_px : int
        Size of the picture.
    """

    def __init__(self, width_px: int, height_px: int) -> None:
        right, up = screen_axes(DEFAULT_DIRECTION_LPS)
        super().__init__(ViewGeometry(width_px, height_px, 1.0, (0.0, 0.0, 0.0), right, up))
        self._node: VolumeNode | None = None
        self._prop: vtkVolume | None = None
        self._mapper: Mapper | None = None
        self._shown: tuple[Volume, str] | None = None

    @property
    def preset(self) -> RenderingPreset | None:
        """The preset that is used; None where nothing is shown."""
        return (
            None
            if self._node is None
            else find_rendering_preset(self._node.volume, self._node.display.rendering_preset)
        )

    def show(self, node: VolumeNode | None) -> None:
        """Draw this node from now on, by the preset that its display names; None or a hidden one: nothing.

        Raises
        ------
        SettingsError
            The display names a preset that there is not for this volume.
        """
        if node is not None and not node.visible:
            node = None
        was_empty = self._node is None
        if node is None:
            self._remove_prop()
            self._node = None
            return
        preset = find_rendering_preset(node.volume, node.display.rendering_preset)
        if self._prop is None or self._shown is None or self._shown[0] is not node.volume:
            self._remove_prop()
            self._prop = vtkVolume()
            self._mapper = _mapper(node.volume, self._window)
            self._prop.SetMapper(self._mapper)
            self._prop.SetUserMatrix(placing_matrix(node.volume))
            self._renderer.AddViewProp(self._prop)
            self._shown = None
        if self._mapper is not None and (self._shown is None or self._shown[1] != preset.name):
            _apply_preset(self._prop.GetProperty(), self._mapper, preset, node.volume)
        self._shown = (node.volume, preset.name)
        self._node = node
        if was_empty:
            self.fit()

    def fit(self) -> None:
        """Fit the volume's box into the view, seen from where it is seen now."""
        if self._node is not None:
            old = self._geometry
            self._geometry = view_geometry.fit(
                box_corners(self._node.volume), old.right_lps, old.up_lps, old.width_px, old.height_px
            )

    def look_from(self, direction_lps: Vector, up_lps: Vector = (0.0, 0.0, 1.0)) -> None:
        """Look from a direction (from the middle towards the eye), with `up_lps` upward on the screen; refit.

        Raises
        ------
        GeometryError
            The two directions are parallel, or one is zero.
        """
        right, up = screen_axes(direction_lps, up_lps)
        self._geometry = replace(self._geometry, right_lps=right, up_lps=up)
        self.fit()

    def pixels(self, coarseness: int = 1) -> Voxels:
        """Draw and return the picture, shape (height, width, 4), uint8 RGBA, the uppermost row first.

        Parameters
        ----------
        coarseness : int
            1 at rest; while turning, one ray for so many pixels along each axis.

        Raises
        ------
        RenderingError
            VTK reported an error.
        """
        if self._mapper is not None:
            self._mapper.SetImageSampleDistance(float(coarseness))
        radius_mm = 1.0
        if self._node is not None:
            corners = box_corners(self._node.volume)
            radius_mm += float(np.linalg.norm(corners - np.array(self._geometry.center_lps_mm), axis=1).max())
        return self._drawn("drawing the volume view", 3.0 * radius_mm, 2.0 * radius_mm)

    def close(self) -> None:
        """Give back the window and the images; the view draws no more."""
        self.show(None)
        super().close()

    def _remove_prop(self) -> None:
        if self._prop is not None:
            self._renderer.RemoveViewProp(self._prop)
            self._prop.ReleaseGraphicsResources(self._window)
            self._prop, self._mapper, self._shown = None, None, None


def screen_axes(direction_lps: Vector, up_lps: Vector = (0.0, 0.0, 1.0)) -> tuple[Vector, Vector]:
    """Return the unit vectors to the right and upward on the screen of an eye that looks from `direction_lps`.

    Raises
    ------
    GeometryError
        The two directions are parallel, or one is zero.
    """
    right = np.cross(up_lps, direction_lps)
    length = float(np.linalg.norm(right))
    if length <= 1e-6 * math.hypot(*direction_lps) * math.hypot(*up_lps):
        raise GeometryError("the eye cannot look along what is to be upward on the screen")
    right = right / length
    up = np.cross(np.array(direction_lps) / math.hypot(*direction_lps), right)
    return _vector(right), _vector(up)


def _vector(values: Voxels) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _mapper(volume: Volume, window: vtkRenderWindow) -> Mapper:
    """Return the mapper that is fast with this window's renderer."""
    # On a software renderer the processor's own ray caster is ten times as fast as one written for a GPU.
    mapper: Mapper = vtkFixedPointVolumeRayCastMapper() if is_software(window) else vtkOpenGLGPUVolumeRayCastMapper()
    mapper.SetInputData(image_data(prepare_volume(volume).values, volume.spacing_mm))
    mapper.SetAutoAdjustSampleDistances(0)
    diagonal_mm = float(np.linalg.norm(np.multiply(volume.dimensions, volume.spacing_mm)))
    mapper.SetSampleDistance(max(min(volume.spacing_mm) / FINE_STEPS_PER_VOXEL, diagonal_mm / MAX_STEPS))
    return mapper


def _apply_preset(shown: vtkVolumeProperty, mapper: Mapper, preset: RenderingPreset, volume: Volume) -> None:
    offset, factor = value_scale(preset, volume)
    opacity, gradient, color = vtkPiecewiseFunction(), vtkPiecewiseFunction(), vtkColorTransferFunction()
    for value, alpha in preset.opacity:
        opacity.AddPoint(offset + factor * value, alpha)
    for value, red, green, blue in preset.color:
        color.AddRGBPoint(offset + factor * value, red, green, blue)
    for change, alpha in preset.gradient:
        gradient.AddPoint(factor * change, alpha)
    shown.SetScalarOpacity(opacity)
    shown.SetColor(color)
    shown.SetScalarOpacityUnitDistance(preset.unit_distance_mm)
    shown.SetDisableGradientOpacity(0 if preset.gradient else 1)
    if preset.gradient:
        shown.SetGradientOpacity(gradient)
    shown.SetInterpolationTypeToLinear()
    shown.SetShade(preset.blend == "composite")
    shown.SetAmbient(preset.shade.ambient)
    shown.SetDiffuse(preset.shade.diffuse)
    shown.SetSpecular(preset.shade.specular)
    shown.SetSpecularPower(preset.shade.power)
    if preset.blend == "mip":
        mapper.SetBlendModeToMaximumIntensity()
    else:
        mapper.SetBlendModeToComposite()
