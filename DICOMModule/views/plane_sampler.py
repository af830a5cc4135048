"""The values of a volume at the pixels of a view, by VTK's reslicing, exact also where the grid is oblique or sheared."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import VTK_DOUBLE, VTK_FLOAT
from vtkmodules.vtkImagingCore import vtkImageReslice

from DICOMModule.scene.display import Interpolation
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.image_data import image_data, image_to_lps, vtk_matrix
from DICOMModule.views.opengl import vtk_errors_raised
from DICOMModule.views.prepared import prepare_volume
from DICOMModule.views.sampled_plane import SampledPlane
from DICOMModule.views.slab import Slab, slab_planes
from DICOMModule.views.uneven_slices import UnevenSampler
from DICOMModule.volume.volume import Floats, Volume, Voxels

PLANES_AT_ONCE = 8  # of a slab: keeps the memory that they take small, and in the processor's cache
# A pixel is hidden where voxels without a value would have at least this share in it; less is rounding.
HIDDEN_SHARE = 1e-4


class PlaneSampler:
    """Samples one volume. Shares the volume's memory; keeps the last plane, so that the same again costs nothing.

    Parameters
    ----------
    volume : Volume
        See `prepare_volume` for what is done to it, once for all samplers.

    Raises
    ------
    RenderingError
        The values are of a type that has no grey values.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        prepared = prepare_volume(volume)
        wide = prepared.values.dtype.itemsize > 2 and prepared.values.dtype != np.float32
        self._values = _reslice(prepared.values, volume, VTK_DOUBLE if wide else VTK_FLOAT)
        self._valid = None if prepared.valid is None else _reslice(prepared.valid, volume, VTK_FLOAT)
        self._from_lps = np.linalg.inv(image_to_lps(volume))
        self._last: tuple[tuple[ViewGeometry, Slab, Interpolation], SampledPlane] | None = None

    def sample(self, view: ViewGeometry, slab: Slab, interpolation: Interpolation) -> SampledPlane:
        """Return the values at the centres of the view's pixels.

        Of a slab, the planes' values are compared or averaged pixel by pixel; those outside and hidden ones take no part.

        Raises
        ------
        RenderingError
            VTK reported an error.
        """
        wanted = (view, slab, interpolation)
        if self._last is None or self._last[0] != wanted:
            self._last = (wanted, self._sampled(view, slab, interpolation))
        return self._last[1]

    def _sampled(self, view: ViewGeometry, slab: Slab, interpolation: Interpolation) -> SampledPlane:
        normal = np.array(view.toward_viewer_lps)
        offsets, weights = slab_planes(slab, self.volume, normal, float(normal @ np.array(view.center_lps_mm)))
        if len(offsets) == 1:
            (plane,) = self._planes(view, offsets, interpolation)
            inside = ~np.isnan(plane if plane.ndim == 2 else plane[..., 0])
            # of colours, which are never negative, the greater of NaN and 0: a film has no time for more
            none = plane.dtype.type(0)
            return SampledPlane(np.where(inside, plane, none) if plane.ndim == 2 else np.fmax(plane, none), inside)
        mean = slab.mode == "mean"
        total, share = np.array(0.0 if mean else np.nan), np.array(0.0)  # NaN: no value
        for first in range(0, len(offsets), PLANES_AT_ONCE):
            some = slice(first, first + PLANES_AT_ONCE)
            planes = self._planes(view, offsets[some], interpolation)
            if mean:
                gone = np.isnan(planes)
                planes[gone] = 0.0
                counts = weights[some].astype(planes.dtype)
                total = total + np.tensordot(counts, planes, axes=1)
                share = share + np.tensordot(counts, (~gone).astype(planes.dtype), axes=1)
            else:  # fmax and fmin pass over what is not there
                choose = np.fmax if slab.mode == "mip" else np.fmin
                total = choose(total, choose.reduce(planes, axis=0))
        if mean:
            total = np.divide(total, share, out=np.full(share.shape, np.nan), where=share > 0)
        total = np.broadcast_to(total, (view.height_px, view.width_px, *self.volume.array.shape[3:]))
        inside = ~np.isnan(total if total.ndim == 2 else total[..., 0])
        shown = inside if total.ndim == 2 else inside[..., None]
        return SampledPlane(np.where(shown, total, total.dtype.type(0)), inside)

    def _planes(self, view: ViewGeometry, offsets: Floats, interpolation: Interpolation) -> Voxels:
        """Return the values on parallel, equally spaced planes, shape (n, height, width), NaN where there is none.

        The memory is used again by the next call.
        """
        step = float(offsets[1] - offsets[0]) if len(offsets) > 1 else 1.0
        axes = np.eye(4)
        axes[:3, 0] = view.right_lps
        axes[:3, 1] = -np.array(view.up_lps)  # rows go down the screen
        axes[:3, 2] = view.toward_viewer_lps
        axes[:3, 3] = np.array(view.lps_at(0.5, 0.5)) + offsets[0] * np.array(view.toward_viewer_lps)
        to_image = vtk_matrix(self._from_lps @ axes)
        sampled = []
        for reslice in (self._values, self._valid):
            if reslice is None:
                continue
            reslice.SetResliceAxes(to_image)
            reslice.SetOutputSpacing(view.mm_per_pixel, view.mm_per_pixel, step)
            reslice.SetOutputExtent(0, view.width_px - 1, 0, view.height_px - 1, 0, len(offsets) - 1)
            if interpolation == "nearest":
                reslice.SetInterpolationModeToNearestNeighbor()
            else:
                reslice.SetInterpolationModeToLinear()
            with vtk_errors_raised("sampling a slice"):
                reslice.Update()
            values: Voxels = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars())  # type: ignore[no-untyped-call]
            parts = values.shape[1:]  # of a colour
            sampled.append(values.reshape(len(offsets), view.height_px, view.width_px, *parts))
        planes = sampled[0]  # VTK's own memory, for the moment
        if len(sampled) > 1:
            planes[sampled[1] < 1.0 - HIDDEN_SHARE] = np.nan
        return planes


Sampler: TypeAlias = PlaneSampler | UnevenSampler


def sampler_of(volume: Volume) -> Sampler:
    """Return what samples a volume.

    Raises
    ------
    RenderingError
        The values are of a type that has no grey values.
    """
    return PlaneSampler(volume) if volume.regular else UnevenSampler(volume)


def _reslice(array: Voxels, volume: Volume, scalar_type: int) -> vtkImageReslice:
    reslice = vtkImageReslice()
    reslice.SetInputData(image_data(array, volume.spacing_mm))
    reslice.SetOutputScalarType(scalar_type)  # else values between two whole numbers would be rounded
    reslice.SetOutputOrigin(0.0, 0.0, 0.0)
    reslice.SetBackgroundLevel(float("nan"))
    reslice.BorderOn()  # voxels are boxes: half of one lies outside the outer centres
    return reslice
