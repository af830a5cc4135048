"""Solids in LPS millimetres that know how far a point is outside of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.volume.volume import Floats

Point: TypeAlias = tuple[float, float, float]
Coordinates: TypeAlias = npt.NDArray[np.floating[Any]]
"""LPS mm of many points along one axis; single precision where it is enough."""


class Shape(Protocol):
    """A solid: a box that holds it, and the signed distance of points from its surface."""

    def bounds(self) -> tuple[Floats, Floats]:
        """Return the lowest and the highest corner of a box around the solid, LPS mm."""
        ...

    def distance(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the distance of points from the surface in mm, negative inside; approximate far from the surface."""
        ...


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid, turned about the S axis by `turn_deg` (from L towards P).

    Attributes
    ----------
    centre, radii_mm : tuple of float
        LPS mm.
    """

    centre: Point
    radii_mm: Point
    turn_deg: float = 0.0

    def bounds(self) -> tuple[Floats, Floats]:
        """Return a box that holds the ellipsoid however it is turned."""
        centre = np.array(self.centre)
        a, b, c = self.radii_mm
        reach = np.array((max(a, b), max(a, b), c)) if self.turn_deg else np.array(self.radii_mm)
        return centre - reach, centre + reach

    def distance(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the distance to first order: exact on the surface, and for a sphere everywhere."""
        turn = math.radians(self.turn_deg)
        dx, dy, dz = x - self.centre[0], y - self.centre[1], z - self.centre[2]
        u = dx * math.cos(turn) + dy * math.sin(turn)
        v = dy * math.cos(turn) - dx * math.sin(turn)
        a, b, c = self.radii_mm
        scaled = np.sqrt((u / a) ** 2 + (v / b) ** 2 + (dz / c) ** 2)
        slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2 + (dz / c**2) ** 2)
        # f / |grad f| of f = |p/r| - 1; at the very centre both vanish, where the nearest surface is the least radius
        far: Coordinates = (scaled - 1) * scaled / np.maximum(slope, 1e-9)
        distance: Coordinates = np.where(scaled < 1e-6, -min(a, b, c), far)
        return distance


@dataclass(frozen=True, slots=True)
class Capsule:
    """A round rod from `start` to `end` whose radius runs evenly from one end to the other."""

    start: Point
    end: Point
    start_radius_mm: float
    end_radius_mm: float

    def bounds(self) -> tuple[Floats, Floats]:
        """Return the box around both ends."""
        ends = np.array((self.start, self.end))
        reach = max(self.start_radius_mm, self.end_radius_mm)
        return ends.min(axis=0) - reach, ends.max(axis=0) + reach

    def distance(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the distance from the axis less the radius beside the nearest point of it."""
        return _capsule_distance(x, y, z, (*self.start, *self.end, self.start_radius_mm, self.end_radius_mm))


@dataclass(frozen=True, slots=True)
class Bundle:
    """Many capsules, each asked about points of its own: hundreds of small ones cost little more than one large one."""

    capsules: Sequence[Capsule]

    def distance(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the distance of each capsule from its points, along the first axis of all three."""
        rows = [(*one.start, *one.end, one.start_radius_mm, one.end_radius_mm) for one in self.capsules]
        columns = np.array(rows, np.float32).T[..., None, None, None]
        return _capsule_distance(x, y, z, columns)


def _capsule_distance(x: Coordinates, y: Coordinates, z: Coordinates, capsule: Iterable[Any]) -> Coordinates:
    ax, ay, az, bx, by, bz, start_radius_mm, end_radius_mm = capsule
    ux, uy, uz = bx - ax, by - ay, bz - az
    length2 = np.maximum(ux * ux + uy * uy + uz * uz, np.float32(1e-12))
    x, y, z = x - ax, y - ay, z - az
    t = np.clip((x * ux + y * uy + z * uz) / length2, 0, 1)
    x, y, z = x - t * ux, y - t * uy, z - t * uz
    distance: Coordinates = np.sqrt(x * x + y * y + z * z) - (start_radius_mm + t * (end_radius_mm - start_radius_mm))
    return distance


@dataclass(frozen=True, slots=True)
class Drum:
    """An upright drum with flat ends, elliptical in cross-section.

    Attributes
    ----------
    centre : tuple of float
        LPS mm.
    half_width_mm, half_depth_mm, half_height_mm : float
        Along L, P and S.
    """

    centre: Point
    half_width_mm: float
    half_depth_mm: float
    half_height_mm: float

    def bounds(self) -> tuple[Floats, Floats]:
        """Return the box around the drum."""
        reach = np.array((self.half_width_mm, self.half_depth_mm, self.half_height_mm))
        return np.array(self.centre) - reach, np.array(self.centre) + reach

    def distance(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the greater of the distances from the side and from the ends."""
        across = np.hypot((x - self.centre[0]) / self.half_width_mm, (y - self.centre[1]) / self.half_depth_mm) - 1
        along = np.abs(z - self.centre[2]) - self.half_height_mm
        distance: Coordinates = np.maximum(across * min(self.half_width_mm, self.half_depth_mm), along)
        return distance


@dataclass(frozen=True, slots=True)
class Trunk:
    """An upright body with a rounded-rectangular cross-section that narrows towards shoulders and waist.

    Attributes
    ----------
    half_width_mm, half_depth_mm : float
        Of the widest cross-section, at `z_mm`.
    bottom_mm, top_mm : float
        Ends along S.
    z_mm : float
        Height of the widest cross-section.
    """

    half_width_mm: float
    half_depth_mm: float
    bottom_mm: float
    top_mm: float
    z_mm: float = 0.0

    def bounds(self) -> tuple[Floats, Floats]:
        """Return the box around the widest cross-section."""
        return (
            np.array((-self.half_width_mm, -self.half_depth_mm, self.bottom_mm)),
            np.array((self.half_width_mm, self.half_depth_mm, self.top_mm)),
        )

    def distance(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
        """Return the distance across the body to first order, and along S beyond its ends."""
        narrow = 1 - 0.10 * ((z - self.z_mm) / 120.0) ** 2
        u, v = np.abs(x) / (self.half_width_mm * narrow), np.abs(y) / (self.half_depth_mm * narrow)
        u2, v2 = u * u, v * v
        scaled = np.sqrt(np.sqrt(u2 * u2 + v2 * v2) + u2 * v2 * 0.7)  # between an ellipse and a rectangle
        across = (scaled - 1) * np.minimum(self.half_width_mm, self.half_depth_mm) * narrow
        distance: Coordinates = np.maximum(across, np.maximum(self.bottom_mm - z, z - self.top_mm))
        return distance
