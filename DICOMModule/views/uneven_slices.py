"""Volumes whose slices are not evenly spaced: every slice at its own place, and nothing where there is none.

A point shows the slice that is nearest to it, if it lies within that slice's thickness. What lies beyond is a gap.
"""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from DICOMModule.jobs import run_to_end
from DICOMModule.processing.even_grid import EvenGrid, even_grid_job
from DICOMModule.scene.display import Interpolation
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import vector
from DICOMModule.views.prepared import prepare_volume
from DICOMModule.views.sampled_plane import SampledPlane
from DICOMModule.views.slab import Slab, slab_planes
from DICOMModule.volume.slice_places import slice_places
from DICOMModule.volume.volume import Floats, Volume, Voxels

_LOCK = threading.Lock()
_EVENED: WeakKeyDictionary[Volume, Volume] = WeakKeyDictionary()
MOST_TIMES = 4  # as many slices as there are


def evened_volume(volume: Volume) -> Volume:
    """Return the volume on an even grid, what can be ray-cast: every plane shows the slice nearest to it, or a gap.

    Planes lie as close as the closest slices, as far as that takes no more than four times as many. Made once, and forgotten
    with the volume.
    """
    if volume.regular:
        return volume
    with _LOCK:
        known = _EVENED.get(volume)
    if known is not None:
        return known
    places = slice_places(volume)
    gaps = np.diff(places.sorted_mm)
    closest = float(gaps[gaps > 0].min()) if (gaps > 0).any() else volume.spacing_mm[2]
    step = max(closest, places.height_mm / (MOST_TIMES * len(gaps) + MOST_TIMES))
    grid = EvenGrid(round(places.height_mm / step) + 1, step, places.nearest_at)
    made = run_to_end(even_grid_job(volume, places, grid))
    with _LOCK:
        return _EVENED.setdefault(volume, made)


class UnevenSampler:
    """Samples a volume whose slices are not evenly spaced, at the centres of a view's pixels.

    Parameters
    ----------
    volume : Volume
        See `prepare_volume` for what is done to it.

    Raises
    ------
    RenderingError
        The values are of a type that has no grey values.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._prepared = prepare_volume(volume)
        self._places = slice_places(volume)
        self._last: tuple[tuple[ViewGeometry, Slab, Interpolation], SampledPlane] | None = None

    def sample(self, view: ViewGeometry, slab: Slab, interpolation: Interpolation) -> SampledPlane:
        """Return the values of the nearest slices, interpolated within a slice only; of a slab, planes in it are combined.

        Gaps take no part in a slab.
        """
        wanted = (view, slab, interpolation)
        if self._last is None or self._last[0] != wanted:
            self._last = (wanted, self._combined(view, slab, interpolation))
        return self._last[1]

    def _combined(self, view: ViewGeometry, slab: Slab, interpolation: Interpolation) -> SampledPlane:
        normal = np.array(view.toward_viewer_lps)
        middle = np.array(view.center_lps_mm)
        offsets, weights = slab_planes(slab, self.volume, normal, float(normal @ middle))
        if len(offsets) == 1:
            return self._sampled(view, interpolation)
        total, share = np.array(0.0 if slab.mode == "mean" else np.nan), np.array(0.0)
        for offset, weight in zip(offsets, weights, strict=True):
            plane = self._sampled(view.through(vector(middle + offset * normal)), interpolation)
            inside = plane.inside if plane.values.ndim == 2 else plane.inside[..., None]
            if slab.mode == "mean":
                total, share = total + weight * plane.values, share + weight * inside
            else:
                choose = np.fmax if slab.mode == "mip" else np.fmin
                total, share = choose(total, np.where(inside, plane.values, np.nan)), share + inside
        shape = (view.height_px, view.width_px, *self.volume.array.shape[3:])
        counts = np.broadcast_to(share, shape)
        values = total / np.maximum(counts, 1e-9) if slab.mode == "mean" else total
        values = np.where(counts > 0, values, 0.0)
        return SampledPlane(values, counts > 0 if len(shape) == 2 else counts[..., 0] > 0)

    def _sampled(self, view: ViewGeometry, interpolation: Interpolation) -> SampledPlane:
        k, ij = self._places.nearest(view.pixel_centers_lps())
        i, j = ij[..., 0], ij[..., 1]
        _, rows, columns = self.volume.array.shape[:3]
        inside = (k >= 0) & (i >= -0.5) & (i <= columns - 0.5) & (j >= -0.5) & (j <= rows - 0.5)
        place = np.nonzero(inside)
        found, hidden = self._values(k[place], i[place], j[place], interpolation)
        inside[place] &= ~hidden
        values = np.zeros((*inside.shape, *self.volume.array.shape[3:]), np.float64)
        values[place] = found
        values[~inside] = 0.0
        return SampledPlane(values, inside)

    def _values(
        self, k: npt.NDArray[np.intp], i: Floats, j: Floats, interpolation: Interpolation
    ) -> tuple[Voxels, npt.NDArray[np.bool_]]:
        """Return the values at places within slices, and where they are hidden."""
        array, valid = self._prepared.values, self._prepared.valid
        ends = np.array(array.shape[2:0:-1]) - 1
        if interpolation == "nearest":
            i, j = np.floor(i + 0.5), np.floor(j + 0.5)
        i, j = np.clip(i, 0, ends[0]), np.clip(j, 0, ends[1])
        low_i, low_j = np.floor(i).astype(np.intp), np.floor(j).astype(np.intp)
        part_i, part_j = i - low_i, j - low_j
        total: Voxels = np.zeros((len(k), *array.shape[3:]))
        hidden = np.zeros(len(k), bool)
        for step_j, step_i in ((0, 0), (0, 1), (1, 0), (1, 1)):
            share = (part_j if step_j else 1 - part_j) * (part_i if step_i else 1 - part_i)
            at = (k, np.minimum(low_j + step_j, ends[1]), np.minimum(low_i + step_i, ends[0]))
            total += (share if total.ndim == 1 else share[:, None]) * array[at]
            if valid is not None:
                hidden |= (share > 0) & (valid[at] == 0)
        return total, hidden
