"""Volumes whose slices are not evenly spaced: every slice at its own place, and nothing where there is none.

The slices are parallel. Each is as thick as its Slice Thickness says, or as it is far from one slice to the next mostly; a
point shows the slice that is nearest to it, if it lies within that slice's thickness. What lies beyond is a gap.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from DICOMModule.scene.display import Interpolation
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import vector
from DICOMModule.views.prepared import PreparedVolume, prepare_volume
from DICOMModule.views.sampled_plane import SampledPlane
from DICOMModule.views.slab import Slab, slab_planes
from DICOMModule.volume.volume import Floats, Volume, Voxels


@dataclass(frozen=True, slots=True, eq=False)
class SlicePlaces:
    """Where the slices of a volume lie.

    Attributes
    ----------
    normal : ndarray, shape (3,)
        Unit normal of the slices, LPS, towards growing places.
    along_mm : ndarray, shape (k,)
        Place of each slice along it, in the order of k.
    order : ndarray of int, shape (k,)
        The slices from the lowest place on.
    half_mm : ndarray, shape (k,)
        Half the thickness of each.
    positions : ndarray, shape (k, 3)
        Centre of voxel (0, 0, k), LPS mm.
    to_ij : ndarray, shape (2, 3)
        From LPS mm within a slice, from its first voxel on, to (i, j).
    """

    normal: Floats
    along_mm: Floats
    order: npt.NDArray[np.intp]
    half_mm: Floats
    positions: Floats
    to_ij: Floats

    @property
    def sorted_mm(self) -> Floats:
        """Places of the slices from the lowest on."""
        ordered: Floats = self.along_mm[self.order]
        return ordered

    def nearest(self, points: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
        """Return the slice nearest to each point, shape (..., 3), and (i, j) in it; k is -1 where there is a gap."""
        along = points @ self.normal
        ordered = self.sorted_mm
        between = (ordered[1:] + ordered[:-1]) / 2.0
        k = self.order[np.searchsorted(between, along)]
        ij: Floats = (points - self.positions[k]) @ self.to_ij.T
        return np.where(np.abs(along - self.along_mm[k]) <= self.half_mm[k] + 1e-6, k, -1), ij


_LOCK = threading.Lock()
_PLACES: WeakKeyDictionary[Volume, SlicePlaces] = WeakKeyDictionary()
_EVENED: WeakKeyDictionary[Volume, Volume] = WeakKeyDictionary()


def slice_places(volume: Volume) -> SlicePlaces:
    """Return where the slices of a volume lie; worked out once."""
    with _LOCK:
        known = _PLACES.get(volume)
    if known is None:
        known = _places(volume)
        with _LOCK:
            _PLACES[volume] = known
    return known


def _places(volume: Volume) -> SlicePlaces:
    columns = volume.ijk_to_lps[:3, :2]
    normal = np.cross(columns[:, 0], columns[:, 1])
    normal /= np.linalg.norm(normal)
    positions = np.asarray(volume.slice_positions, np.float64)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    usual = float(np.median(gaps)) if gaps.size else volume.spacing_mm[2]
    thickness = np.full(len(along), usual)
    for k, frame in enumerate(volume.frames):
        stated = frame.header.number("SliceThickness") if frame is not None else None
        if stated is not None and np.isfinite(stated) and stated > 0:
            thickness[k] = max(stated, min(usual, stated * 1.5))
    to_ij = np.asarray(np.linalg.pinv(columns), np.float64)
    return SlicePlaces(normal, along, order, thickness / 2.0, positions, to_ij)


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
    made = _evened(volume, slice_places(volume))
    with _LOCK:
        return _EVENED.setdefault(volume, made)


def _evened(volume: Volume, places: SlicePlaces) -> Volume:
    ordered, first = places.sorted_mm, int(places.order[0])
    reach = float(ordered[-1] - ordered[0])
    gaps = np.diff(ordered)
    closest = float(gaps[gaps > 0].min()) if (gaps > 0).any() else volume.spacing_mm[2]
    step = max(closest, reach / (MOST_TIMES * len(ordered)))
    count = round(reach / step) + 1
    matrix = np.eye(4)
    matrix[:3, :2], matrix[:3, 2] = volume.ijk_to_lps[:3, :2], places.normal * step
    matrix[:3, 3] = places.positions[first]
    prepared = prepare_volume(volume)
    shape = (count, *volume.array.shape[1:])
    array = np.full(shape, prepared.values.min(), prepared.values.dtype)
    valid = np.zeros(shape[:3], bool)
    starts = matrix[:3, 3] + np.arange(count)[:, None] * matrix[:3, 2]
    slices, shifts = places.nearest(starts)
    for plane, (k, shift) in enumerate(zip(slices, np.rint(shifts).astype(int), strict=True)):
        if k >= 0:
            own = _valid_of(prepared, int(k))
            to, source = _overlap(shape[1:3], int(shift[0]), int(shift[1]))
            array[plane][to], valid[plane][to] = prepared.values[k][source], own[source]
    array.flags.writeable = False
    return replace(
        volume,
        array=array,
        ijk_to_lps=matrix,
        valid=None if valid.all() else valid,
        slice_positions_lps_mm=None,
        regular=True,
        missing_slices=(),
        frames=(),
        overlays=(),
    )


def _valid_of(prepared: PreparedVolume, k: int) -> npt.NDArray[np.bool_]:
    """Return which voxels of a slice have a value of their own."""
    if prepared.valid is None:
        return np.ones(prepared.values.shape[1:3], bool)
    shown: npt.NDArray[np.bool_] = prepared.valid[k].view(np.bool_)
    return shown


def _overlap(shape: tuple[int, ...], i: int, j: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return which rows and columns of a plane show which of a slice whose voxel (i, j) lies at the plane's first one."""

    def along(size: int, shift: int) -> tuple[slice, slice]:
        low, high = max(0, -shift), max(0, min(size, size - shift))
        return slice(low, max(low, high)), slice(low + shift, max(low, high) + shift)

    (to_j, from_j), (to_i, from_i) = along(shape[0], j), along(shape[1], i)
    return (to_j, to_i), (from_j, from_i)


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
        self._prepared: PreparedVolume = prepare_volume(volume)
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
