"""What a rendering preset makes of a volume: VTK's curves of opacity and colour, and the shift that a drag gives them."""

from __future__ import annotations

from vtkmodules.vtkCommonDataModel import vtkPiecewiseFunction
from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkVolumeProperty

from DICOMModule.views.presets import RenderingPreset, value_scale
from DICOMModule.views.volume_choices import TransferShift
from DICOMModule.volume.volume import Volume


class Curves:
    """The values of a preset as the volume's own, the shift included."""

    def __init__(self, preset: RenderingPreset, volume: Volume, shift: TransferShift) -> None:
        self._offset, self._factor = value_scale(preset, volume)
        self._shift = shift
        first, last = (self._offset + self._factor * preset.opacity[end][0] for end in (0, -1))
        self._middle = (first + last) / 2.0

    def value(self, preset_value: float) -> float:
        """Return the volume's value at which a point of a curve lies."""
        value = self._offset + self._factor * preset_value
        return self._middle + (value - self._middle) * self._shift.scale + self._shift.offset

    def change(self, preset_change: float) -> float:
        """Return the change of the volume's values per mm at which a point of the gradient curve lies."""
        return self._factor * preset_change


def apply_preset(shown: vtkVolumeProperty, preset: RenderingPreset, volume: Volume, shift: TransferShift) -> None:
    """Show a volume by a preset."""
    curves = Curves(preset, volume, shift)
    opacity, gradient, color = vtkPiecewiseFunction(), vtkPiecewiseFunction(), vtkColorTransferFunction()
    for value, alpha in preset.opacity:
        opacity.AddPoint(curves.value(value), alpha)
    for value, red, green, blue in preset.color:
        color.AddRGBPoint(curves.value(value), red, green, blue)
    for change, alpha in preset.gradient:
        gradient.AddPoint(curves.change(change), alpha)
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
