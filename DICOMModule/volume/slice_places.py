"""Where the slices of a volume lie: the one description for views, which draw them there, and for even grids made of them.

The slices are parallel. Each is as thick as its Slice Thickness says, or as it is far from one slice to the next mostly.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from DICOMModule.volume.volume import Floats, Volume

ON_A_VOXEL: Final = 1e-4
"""Distances from a voxel, in voxels, up to which its value is taken as it is."""

RESAMPLED_IN_3D: Final = "; resampled for 3D display"
"""What a warning on uneven slices says of the volume view; where that is not seen, it is not said."""

Shares = tuple[tuple[int, float], ...]
"""Which slices make a plane, and how much of it each."""


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

    @property
    def height_mm(self) -> float:
        """From the lowest slice to the highest."""
        ordered = self.sorted_mm
        return float(ordered[-1] - ordered[0])

    @property
    def aside(self) -> Floats:
        """How far the first voxel of each slice lies aside of that of the lowest one, in voxels along (i, j); shape (k, 2)."""
        offsets: Floats = (self.positions - self.positions[self.order[0]]) @ self.to_ij.T
        return offsets

    @property
    def leans(self) -> bool:
        """Whether slices lie aside of each other."""
        return bool(np.abs(self.aside).max() > ON_A_VOXEL)

    def nearest_at(self, height_mm: float) -> Shares:
        """Return the slice whose thickness reaches so far above the lowest slice, whole; none in a gap."""
        ordered = self.sorted_mm
        at = ordered[0] + height_mm
        k = int(self.order[np.searchsorted((ordered[1:] + ordered[:-1]) / 2.0, at)])
        return ((k, 1.0),) if abs(at - self.along_mm[k]) <= self.half_mm[k] + 1e-6 else ()

    def linear_at(self, height_mm: float) -> Shares:
        """Return the slices on both sides of a place so far above the lowest slice, by how near they are to it."""
        ordered = self.sorted_mm
        at = ordered[0] + height_mm
        above = int(np.clip(np.searchsorted(ordered, at), 1, len(ordered) - 1))
        weight = float(np.clip((at - ordered[above - 1]) / (ordered[above] - ordered[above - 1]), 0.0, 1.0))
        weight = 0.0 if weight < ON_A_VOXEL else 1.0 if weight > 1 - ON_A_VOXEL else weight
        shares = ((int(self.order[above - 1]), 1 - weight), (int(self.order[above]), weight))
        return tuple((k, share) for k, share in shares if share)

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
    # Of a regular grid the matrix counts, as for everything else that is done with it.
    steps = volume.ijk_to_lps[:3, 3] + np.arange(len(volume.array))[:, None] * volume.ijk_to_lps[:3, 2]
    positions = steps if volume.regular else np.asarray(volume.slice_positions, np.float64)
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


def warnings_seen(volume: Volume, *, in_3d: bool) -> tuple[str, ...]:
    """Return the warnings of a volume as they hold of what is seen of it: of slices, or in the volume view besides."""
    return volume.warnings if in_3d else tuple(text.replace(f"{RESAMPLED_IN_3D}.", ".") for text in volume.warnings)
