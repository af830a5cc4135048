"""A volume view: an off-screen window in which a volume is ray-cast, and its pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from vtkmodules.vtkCommonCore import vtkCommand
from vtkmodules.vtkRenderingCore import vtkVolumeProperty

from DICOMModule.errors import GeometryError, RenderingError, SettingsError
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.settings import VOLUME_RENDERERS
from DICOMModule.views import geometry as view_geometry
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.offscreen import OffscreenView
from DICOMModule.views.opengl import is_software
from DICOMModule.views.orientation import Vector, box_corners
from DICOMModule.views.prepared import MOVING_VOXELS, grey_volume
from DICOMModule.views.presets import RenderingPreset, find_rendering_preset
from DICOMModule.views.ray_caster import RayCaster
from DICOMModule.views.transfer_functions import apply_preset
from DICOMModule.views.uneven_slices import evened_volume
from DICOMModule.views.volume_camera import DEFAULT_DIRECTION_LPS, screen_axes
from DICOMModule.views.volume_choices import WHOLE, ClipBox, TransferShift, checked_clip, refusal_in_3d
from DICOMModule.volume.volume import Voxels

FINE_STEPS, RESTING_STEPS, COARSE_STEPS = 2.0, 1.25, 1.0  # a voxel; at rest, of a volume as it is or limited


class VolumeView(OffscreenView):
    """A volume as light goes through it, seen in parallel projection, so that a pixel has one size in mm everywhere.

    The picture is not mirrored: seen from the front, the patient's left is on the right. May be made, used and closed in a
    thread of its own, where it shares nothing with other views but the arrays. Not for several threads.

    Coarse pictures of a large volume show a reduced form of it: the first of them is there within a second, while the first
    fine one of 80 million voxels takes several, as VTK goes through all of them for the shading.

    Parameters
    ----------
    width_px, height_px : int
        Size of the picture.
    most_voxels : int or None
        A volume that has more is drawn in a reduced form at rest too; `volume_overlay` says so. None: as it is.
    """

    def __init__(self, width_px: int, height_px: int, most_voxels: int | None = None) -> None:
        right, up = screen_axes(DEFAULT_DIRECTION_LPS)
        super().__init__(ViewGeometry(width_px, height_px, 1.0, (0.0, 0.0, 0.0), right, up))
        self._node: VolumeNode | None = None
        self._property: vtkVolumeProperty = vtkVolumeProperty()
        self._most_voxels = most_voxels
        self._casters: dict[bool, RayCaster] = {}  # by whether they are for coarse pictures
        self._shift = TransferShift()
        self._clip = WHOLE
        self._renderer_choice = "auto"

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
        RenderingError
            The volume is none that can be seen from all sides; see `refusal_in_3d`.
        """
        if node is not None and not node.visible:
            node = None
        old = self._node
        if node is None:
            self._remove_casters()
            self._node = None
            return
        refusal = refusal_in_3d(node.volume)
        if refusal:
            raise RenderingError(refusal)
        node = replace(node, volume=evened_volume(grey_volume(node.volume)))
        preset = find_rendering_preset(node.volume, node.display.rendering_preset)
        if old is None or old.volume is not node.volume:
            self._remove_casters()
        self._node = node
        if (
            old is None
            or old.volume is not node.volume
            or old.display.rendering_preset != node.display.rendering_preset
        ):
            self._use_preset(preset)
        if old is None:
            self.fit()

    def set_renderer(self, choice: str) -> None:
        """Cast rays by the ``processor`` or the ``gpu``, or by whichever is faster on this machine (``auto``).

        Raises
        ------
        SettingsError
            It is none of these.
        """
        if choice not in VOLUME_RENDERERS:
            raise SettingsError(f"there is no volume renderer {choice!r}; there are {', '.join(VOLUME_RENDERERS)}")
        if choice != self._renderer_choice:
            self._renderer_choice = choice
            self._remove_casters()

    def set_shift(self, offset: float, scale: float = 1.0) -> None:
        """Move the preset's curves of opacity and colour along the values, and stretch them about their middle.

        Stays when the preset changes; 0 and 1 undo it.

        Parameters
        ----------
        offset : float
            In the volume's units; positive: higher values look as lower ones did.
        scale : float
            Greater than 0.

        Raises
        ------
        SettingsError
            A value is outside its range.
        """
        shift = TransferShift(offset, scale)
        if shift != self._shift:
            self._shift = shift
            if self.preset is not None:
                self._use_preset(self.preset)

    def set_clip(self, box: ClipBox | None) -> None:
        """Show what lies between planes along the volume's own axes, also where these are oblique or sheared.

        Parameters
        ----------
        box : tuple of three (float, float), or None
            Along i, j and k: from where to where, as shares of the volume's box, from 0 to 1. None: all of it.

        Raises
        ------
        SettingsError
            An end is not between 0 and 1, or the lower one not below the upper one.
        """
        self._clip = checked_clip(box)
        for caster in self._casters.values():
            caster.set_clip(self._clip)

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
            1 at rest; while turning, one ray for so many pixels along each axis, through the reduced form of the volume.

        Raises
        ------
        RenderingError
            VTK reported an error.
        """
        radius_mm = 1.0
        if self._node is not None:
            caster = self._caster(coarse=coarseness > 1)
            caster.mapper.SetImageSampleDistance(float(coarseness))
            corners = box_corners(self._node.volume)
            radius_mm += float(np.linalg.norm(corners - np.array(self._geometry.center_lps_mm), axis=1).max())
        return self._drawn("drawing the volume view", 3.0 * radius_mm, 2.0 * radius_mm)

    def pixels_unless(self, is_stale: Callable[[], bool], coarseness: int = 1) -> Voxels | None:
        """Draw and return the picture as `pixels`; None as soon as nobody wants it any more.

        Parameters
        ----------
        is_stale : callable
            Asked again and again while rays are cast, in the thread that draws; True: stop. Before the first picture of a
            volume VTK works for a while without asking.
        coarseness : int
            As in `pixels`.

        Raises
        ------
        RenderingError
            VTK reported an error.
        """
        stopped = False

        def check(*_event: object) -> None:
            nonlocal stopped
            if not stopped and is_stale():
                stopped = True
                self._window.SetAbortRender(1)

        observer = self._window.AddObserver(vtkCommand.AbortCheckEvent, check)
        try:
            pixels = self.pixels(coarseness)
        finally:
            self._window.RemoveObserver(observer)
        return None if stopped else pixels

    def close(self) -> None:
        """Give back the window and the images; the view draws no more."""
        self.show(None)
        super().close()

    def _use_preset(self, preset: RenderingPreset) -> None:
        if self._node is not None:
            apply_preset(self._property, preset, self._node.volume, self._shift)
        for caster in self._casters.values():
            caster.set_blend(preset.blend)

    def _caster(self, coarse: bool) -> RayCaster:
        """Return what draws coarse or fine pictures, and hide the other."""
        node, preset = self._node, self.preset
        if node is None or preset is None:
            raise GeometryError("there is no volume to draw")
        if coarse not in self._casters:
            most, steps = self._most_voxels, FINE_STEPS if self._most_voxels is None else RESTING_STEPS
            if coarse:
                most, steps = MOVING_VOXELS, COARSE_STEPS
            made = RayCaster(node.volume, self._property, most, steps, by_processor=self._by_processor())
            made.set_blend(preset.blend)
            made.set_clip(self._clip)
            self._renderer.AddViewProp(made.prop)
            self._casters[coarse] = made
        for is_coarse, caster in self._casters.items():
            caster.prop.SetVisibility(is_coarse == coarse)
        return self._casters[coarse]

    def _by_processor(self) -> bool:
        # On a software renderer the processor's own ray caster is ten times as fast as one written for a GPU.
        return self._renderer_choice == "processor" or (self._renderer_choice == "auto" and is_software(self._window))

    def _remove_casters(self) -> None:
        for caster in self._casters.values():
            self._renderer.RemoveViewProp(caster.prop)
            caster.prop.ReleaseGraphicsResources(self._window)
        self._casters = {}
