"""The three slice orientations in patient axes, their slices, and the letters at their edges."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from DICOMModule.errors import SettingsError
from DICOMModule.volume.volume import Floats, Volume

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a slice view lies in the patient, as radiologists hold it.

    Attributes
    ----------
    name : str
        ``axial``, ``sagittal`` or ``coronal``.
    right_lps, up_lps : tuple of float
        Unit vectors, LPS: where the right and the upper edge of the screen lie.
    scroll_lps : tuple of float
        Unit vector, LPS: where the next slice (wheel down) lies.
    """

    name: str
    right_lps: Vector
    up_lps: Vector
    scroll_lps: Vector


AXIAL = Orientation("axial", (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))
CORONAL = Orientation("coronal", (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))
SAGITTAL = Orientation("sagittal", (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
ORIENTATIONS = {orientation.name: orientation for orientation in (AXIAL, SAGITTAL, CORONAL)}
STACK = Orientation("stack", (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0))
"""Images without a place in the patient: rows to the right, columns down, the next image with the wheel."""

PLANES = {**ORIENTATIONS, STACK.name: STACK}
UPRIGHT = 1.0 - 1e-6  # cosine from which a plane lies as its name says


@dataclass(frozen=True, slots=True)
class SliceStack:
    """The parallel slices through which a view scrolls: numbers from 1 in the direction of the wheel.

    Attributes
    ----------
    first_mm : float
        Place of slice 1 along `scroll_lps`.
    spacing_mm : float
        Distance between neighbours, positive.
    count : int
        Number of slices.
    scroll_lps : tuple of float
        Unit vector, LPS.
    places_mm : tuple of float
        Of each slice along `scroll_lps`, where they are not evenly spaced; else empty.
    """

    first_mm: float
    spacing_mm: float
    count: int
    scroll_lps: Vector
    places_mm: tuple[float, ...] = ()

    def number_at(self, position_lps_mm: Vector) -> int:
        """Return the number of the slice nearest to a position; beyond the ends, the last slice there."""
        along = float(np.dot(self.scroll_lps, position_lps_mm))
        if self.places_mm:
            return int(np.argmin(np.abs(np.subtract(self.places_mm, along)))) + 1
        # Half-way between two slices is the later one, whatever the rounding of the position was.
        number = math.floor((along - self.first_mm) / self.spacing_mm + 0.5 + 1e-9) + 1
        return min(max(number, 1), self.count)

    def position_of(self, number: int, near_lps_mm: Vector) -> Vector:
        """Return the position of slice `number` on the line through `near_lps_mm` along the scroll direction.

        Raises
        ------
        SettingsError
            There is no slice of that number.
        """
        if not 1 <= number <= self.count:
            raise SettingsError(f"there is no slice {number}: the view has the slices 1 to {self.count}")
        wanted = self.places_mm[number - 1] if self.places_mm else self.first_mm + (number - 1) * self.spacing_mm
        step = wanted - float(np.dot(self.scroll_lps, near_lps_mm))
        x, y, z = (float(value) for value in np.add(near_lps_mm, np.multiply(self.scroll_lps, step)))
        return x, y, z


def is_oblique(orientation: Orientation) -> bool:
    """Return whether planes lie other than their name says, turned out of their own plane."""
    return abs(float(np.dot(orientation.scroll_lps, PLANES[orientation.name].scroll_lps))) < UPRIGHT


def box_corners(volume: Volume) -> Floats:
    """Return the eight corners of the volume's box, voxels being boxes and not points, shape (8, 3), LPS mm."""
    ends = [(-0.5, size - 0.5) for size in volume.dimensions]
    corners = np.array([(i, j, k, 1.0) for i, j, k in itertools.product(*ends)])
    placed: Floats = (corners @ volume.ijk_to_lps.T)[:, :3]
    if not volume.regular:
        half = volume.ijk_to_lps[:3, 2] / 2.0
        along = volume.slice_positions @ (half / np.linalg.norm(half))
        columns = volume.ijk_to_lps[:3, :2]
        placed = np.array(
            [
                volume.slice_positions[k] + side * half + columns @ (i, j)
                for k, side in ((int(np.argmin(along)), -1.0), (int(np.argmax(along)), 1.0))
                for i, j in itertools.product(*ends[:2])
            ]
        )
    return placed


def slice_stack(volume: Volume, orientation: Orientation) -> SliceStack:
    """Return the slices of `volume` in a view of this orientation.

    Where the volume lies along the view, they are its own planes of voxels, exactly. Where it is oblique or sheared, the
    step is that of the grid's axis which runs most along the view's normal, the planes go through its voxels in the
    middle of the volume, and there are as many as its box needs.
    """
    normal = np.array(orientation.scroll_lps)
    if not volume.regular and (places := _own_places(volume, normal)):
        step = float(np.median(np.diff(places))) if len(places) > 1 else volume.spacing_mm[2]
        return SliceStack(places[0], max(step, 1e-6), len(places), orientation.scroll_lps, places)
    columns = volume.ijk_to_lps[:3, :3]
    axis, step = _axis_along(volume, normal), normal_step_mm(volume, normal)
    middle = np.array([(size - 1) / 2.0 for size in volume.dimensions])
    middle[axis] = 0.0
    anchor = float(normal @ (columns @ middle + volume.ijk_to_lps[:3, 3]))
    edges = box_corners(volume) @ normal
    # A hair is taken off, so that planes that only touch the box do not count.
    first = math.ceil((float(edges.min()) - anchor) / step + 1e-6)
    last = math.floor((float(edges.max()) - anchor) / step - 1e-6)
    return SliceStack(anchor + first * step, step, last - first + 1, orientation.scroll_lps)


def _own_places(volume: Volume, normal: Floats) -> tuple[float, ...]:
    """Return the places of the slices along a normal that is theirs, in their order; empty where it is another one."""
    own = np.cross(volume.ijk_to_lps[:3, 0], volume.ijk_to_lps[:3, 1])
    if abs(float(own @ normal)) < UPRIGHT * float(np.linalg.norm(own)):
        return ()
    return tuple(sorted(float(place) for place in volume.slice_positions @ normal))


def normal_step_mm(volume: Volume, normal: Floats) -> float:
    """Return the distance along a unit normal, LPS, between planes of voxels: that of the grid's axis nearest to it."""
    return abs(float(normal @ volume.ijk_to_lps[:3, _axis_along(volume, normal)]))


def _axis_along(volume: Volume, normal: Floats) -> int:
    columns = volume.ijk_to_lps[:3, :3]
    # The axis is chosen by direction, not by length: thick slices must not win over a better-aligned short axis.
    return int(np.argmax(np.abs(normal @ columns) / np.linalg.norm(columns, axis=0)))


def acquisition_axes(volume: Volume, orientation: Orientation) -> Orientation:
    """Return the orientation turned to the grid's own axes: each of its directions becomes the axis nearest to it.

    The plane is one of the grid's own, also where that is sheared: in it, the axis to the right is kept and the one
    upward is made perpendicular to it. A volume that lies along the orientation gives the orientation itself.
    """
    columns = volume.ijk_to_lps[:3, :3] / volume.spacing_mm
    wanted = np.array((orientation.right_lps, orientation.up_lps, orientation.scroll_lps))
    closeness = wanted @ columns
    order = max(
        itertools.permutations(range(3)), key=lambda axes: sum(abs(closeness[row, axes[row]]) for row in range(3))
    )
    right, up, _ = (columns[:, axis] * np.copysign(1.0, closeness[row, axis]) for row, axis in enumerate(order))
    up = up - right * (up @ right)
    up = up / np.linalg.norm(up)
    return turned_orientation(orientation, vector(right), vector(up))


def turned_orientation(orientation: Orientation, right_lps: Vector, up_lps: Vector) -> Orientation:
    """Return the orientation with other directions on the screen; it scrolls along their normal, to the side as before.

    Raises
    ------
    SettingsError
        The directions are not two perpendicular unit vectors.
    """
    axes = np.array((right_lps, up_lps))
    if not np.allclose(axes @ axes.T, np.eye(2), atol=1e-6):
        raise SettingsError("the directions to the right and upward on the screen must be perpendicular unit vectors")
    normal = np.cross(right_lps, up_lps)
    side = -1.0 if normal @ np.array(orientation.scroll_lps) < 0 else 1.0
    return Orientation(orientation.name, right_lps, up_lps, vector(side * normal))


def vector(values: Floats) -> Vector:
    """Return an array of three numbers as a vector."""
    x, y, z = (float(value) + 0.0 for value in values)
    return x, y, z


def center_position(volume: Volume) -> Vector:
    """Return the centre of the voxel in the middle of the volume, LPS mm.

    Where a dimension is even, it is the voxel after the middle: a view that starts there shows values that were
    measured, not means of two slices.
    """
    index = np.array([*(size // 2 for size in volume.dimensions), 1.0])
    if not volume.regular:
        return vector(volume.slice_positions[int(index[2])] + volume.ijk_to_lps[:3, :2] @ index[:2])
    x, y, z = (float(value) for value in (volume.ijk_to_lps @ index)[:3])
    return x, y, z


def direction_letters(direction_lps: Vector, smallest: float = 0.1) -> str:
    """Return up to three letters for a direction, the strongest first: ``L``, ``PR``, ``SLA``.

    Parameters
    ----------
    direction_lps : tuple of float
        A direction in LPS, not zero.
    smallest : float
        A component below this share of the length has no letter (0.1 is about six degrees).

    Notes
    -----
    Letters as in Patient Orientation (0020,0020), PS3.3 C.7.6.1.1.1, but S and I for H and F, as the views say.
    """
    unit = np.asarray(direction_lps, dtype=np.float64)
    unit = unit / np.linalg.norm(unit)
    order = sorted(range(3), key=lambda axis: -abs(round(float(unit[axis]), 6)))
    letters = ["LPS"[axis] if unit[axis] > 0 else "RAI"[axis] for axis in order if abs(unit[axis]) >= smallest]
    return "".join(letters)
