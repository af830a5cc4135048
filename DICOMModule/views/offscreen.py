"""A view that VTK draws: an off-screen window, a parallel camera, and the pixels."""

from __future__ import annotations

import numpy as np
from vtkmodules.vtkRenderingCore import vtkRenderer

from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.opengl import make_render_window, read_pixels, vtk_errors_raised
from DICOMModule.views.view import BACKGROUND, View
from DICOMModule.volume.volume import Voxels

__all__ = ["BACKGROUND", "OffscreenView"]


class OffscreenView(View):
    """A window of its own that nobody sees, and its pixels. Not for several threads.

    Parameters
    ----------
    geometry : ViewGeometry
        Size of the picture, and where its pixels lie at first.
    """

    def __init__(self, geometry: ViewGeometry) -> None:
        super().__init__(geometry)
        self._window = make_render_window(geometry.width_px, geometry.height_px)
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(*(value / 255.0 for value in BACKGROUND))
        self._renderer.SetBackgroundAlpha(1.0)  # else alpha is 0 where nothing is drawn, and Qt shows it white
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        self._window.AddRenderer(self._renderer)

    def close(self) -> None:
        """Give back the window and the images; the view draws no more."""
        self._renderer.RemoveAllViewProps()
        self._window.RemoveRenderer(self._renderer)
        self._window.Finalize()

    def _drawn(self, what: str, distance_mm: float, depth_mm: float) -> Voxels:
        """Draw what lies within `depth_mm` of the focal point, and return the pixels.

        Parameters
        ----------
        what : str
            For an error: what was being done.
        distance_mm : float
            Of the camera from the focal point; in a parallel view it only has to be outside of everything.
        """
        view = self._geometry
        self._window.SetSize(view.width_px, view.height_px)
        toward_viewer = np.cross(view.right_lps, view.up_lps)
        camera = self._renderer.GetActiveCamera()
        camera.SetFocalPoint(*view.center_lps_mm)
        camera.SetPosition(*(np.array(view.center_lps_mm) + distance_mm * toward_viewer))
        camera.SetViewUp(*view.up_lps)
        camera.SetParallelScale(view.height_px * view.mm_per_pixel / 2.0)
        camera.SetClippingRange(distance_mm - depth_mm, distance_mm + depth_mm)
        with vtk_errors_raised(what):
            self._window.Render()
            return read_pixels(self._window)
