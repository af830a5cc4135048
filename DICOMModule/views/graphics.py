"""What files have drawn over their pixels (Overlay Planes, PS3.3 C.9.2, colours of a palette), painted over a slice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.volume.slice_places import slice_places
from DICOMModule.volume.volume import Volume, Voxels

GRAPHICS_COLOR = np.array((255, 214, 70), np.float32)
REGION_COLOR = np.array((90, 205, 235), np.float32)
REGION_OPACITY = 0.4
"""A region of interest is seen through; graphics are not."""


def paint_graphics(pixels: Voxels, volume: Volume, view: ViewGeometry) -> Voxels:
    """Return the picture of a slice with the overlays of its volume painted over it, each voxel as a box.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 4)
        Stays as it is.
    volume : Volume
        Whose overlays are painted; where it has none, the picture itself is returned.
    view : ViewGeometry
        Where its pixels lie.
    """
    if not volume.overlays:
        return pixels
    inside, place = _voxels(volume, view)
    painted = pixels.copy()
    for overlay in volume.overlays:
        drawn = inside.copy()
        drawn[inside] = overlay.mask[tuple(part[inside] for part in place)]
        if overlay.colours is not None:
            painted[drawn, :3] = overlay.colours[tuple(part[drawn] for part in place)]
        elif overlay.is_region:
            below = painted[drawn, :3].astype(np.float32)
            painted[drawn, :3] = np.rint(below + (REGION_COLOR - below) * REGION_OPACITY)
        else:
            painted[drawn, :3] = GRAPHICS_COLOR
    return painted


def _voxels(
    volume: Volume, view: ViewGeometry
) -> tuple[npt.NDArray[np.bool_], tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return which pixels lie in the volume, and [k, j, i] of the voxel at each; of those outside, of none in particular."""
    points = view.pixel_centers_lps()
    if volume.regular:
        index = (points - volume.ijk_to_lps[:3, 3]) @ np.linalg.inv(volume.ijk_to_lps[:3, :3]).T
        place = np.floor(index + 0.5).astype(np.intp)
    else:
        k, ij = slice_places(volume).nearest(points)
        place = np.concatenate((np.floor(ij + 0.5).astype(np.intp), k[..., None]), axis=-1)
    inside = np.all((place >= 0) & (place < volume.dimensions), axis=-1)
    return inside, (place[..., 2], place[..., 1], place[..., 0])
