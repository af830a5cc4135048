"""A chest in Hounsfield units: what the demo's CT phantoms consist of.

Coordinates are LPS mm with the origin in the middle of the chest: +x to the patient's left, +y to the back, +z to the
head. Anatomy is simplified; what matters is that each tissue has its usual value, that left and right, front and back,
top and bottom cannot be confused, and that the landmarks are exactly where they are said to be.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from DICOMModule.demo.canvas import Canvas
from DICOMModule.demo.shapes import Capsule, Drum, Ellipsoid, Point, Trunk

AIR, LUNG, FAT, MUSCLE, BLOOD, LIVER, DISC = -1000.0, -830.0, -95.0, 50.0, 290.0, 105.0, 85.0
MARROW, CORTEX, MARKER, NODULE, CALCIUM = 220.0, 750.0, 1800.0, 60.0, 1100.0


@dataclass(frozen=True, slots=True)
class Landmark:
    """A ball at a known place.

    Attributes
    ----------
    name : str
        What it is.
    position_lps_mm : tuple of float
        Its centre.
    radius_mm, value_hu : float
        Its size and what fills it.
    """

    name: str
    position_lps_mm: Point
    radius_mm: float
    value_hu: float


LANDMARKS = (
    Landmark("skin marker anterior", (0.0, -113.0, 10.0), 4.0, MARKER),
    Landmark("skin marker left", (166.0, 0.0, 10.0), 4.0, MARKER),
    Landmark("skin marker right", (-166.0, 0.0, 30.0), 4.0, MARKER),
    Landmark("skin marker posterior left", (60.0, 108.0, -40.0), 4.0, MARKER),
    Landmark("nodule in the right upper lobe", (-78.0, -20.0, 55.0), 7.0, NODULE),
    Landmark("nodule in the left lower lobe", (92.0, 38.0, -30.0), 5.0, NODULE),
    Landmark("calcification of the aortic arch", (6.0, -12.0, 60.0), 3.0, CALCIUM),
    Landmark("calcification in the liver", (-70.0, -15.0, -88.0), 4.0, CALCIUM),
    Landmark("bead in the spinal canal", (0.0, 77.0, 0.0), 3.0, MARKER),
    Landmark("bead in the left ventricle", (46.0, -42.0, -36.0), 3.0, MARKER),
)


def paint_torso(canvas: Canvas) -> Iterator[str]:
    """Paint the chest, from outside to inside, on `canvas`; yield the name of each part when it is done."""
    for name, paint in (
        ("body", _paint_body),
        ("lungs", _paint_lungs),
        ("heart", _paint_heart),
        ("abdomen", _paint_abdomen),
        ("spine", _paint_spine),
        ("ribs", _paint_ribs),
        ("landmarks", _paint_landmarks),
    ):
        paint(canvas)
        yield name


def _paint_body(canvas: Canvas) -> None:
    canvas.paint(Trunk(166, 113, -1000, 1000, -10), FAT)
    canvas.paint(Trunk(152, 100, -1000, 1000, -10), MUSCLE)
    canvas.paint(Trunk(136, 86, -1000, 1000, -10), FAT / 2)  # what lies between the organs is mostly fat
    for side in (-1, 1):  # the muscles along the spine
        canvas.paint(Ellipsoid((side * 36.0, 84.0, 0.0), (27, 15, 400)), MUSCLE + 10)


def _paint_lungs(canvas: Canvas) -> None:
    for side in (-1, 1):
        canvas.paint(Ellipsoid((side * 72.0, 2.0, 0.0), (62, 80, 122), side * -6.0), LUNG)
    for side in (-1, 1):
        canvas.paint_all(_vessels(side), 60.0)
    canvas.paint(Ellipsoid((-62.0, 0.0, -130.0), (92, 84, 74)), LIVER)  # the dome of the liver lifts the right lung
    canvas.paint(Ellipsoid((70.0, 10.0, -138.0), (74, 70, 62)), MUSCLE)
    windpipe = [Capsule((0.0, 22.0, 30.0), (0.0, 14.0, 140.0), 9.0, 9.0)]
    windpipe += [Capsule((0.0, 22.0, 30.0), (side * 44.0, 18.0, 2.0), 8.0, 5.0) for side in (-1, 1)]
    walls = [Capsule(c.start, c.end, c.start_radius_mm + 2, c.end_radius_mm + 1.5) for c in windpipe]
    canvas.paint_all(walls, MUSCLE)
    canvas.paint_all(windpipe, AIR)


@functools.cache
def _vessels(side: int) -> tuple[Capsule, ...]:
    """Return the vessels of one lung: a tree from the hilum outwards, the same in every run."""
    return tuple(_grown_vessels(side))


def _grown_vessels(side: int) -> Iterator[Capsule]:
    chance = random.Random(7 + side)  # noqa: S311 - a picture, not a secret
    twigs = [((side * 26.0, 12.0, 8.0), np.array((side * 1.0, y, z)), 6.0) for y, z in _FANS]
    lung = Ellipsoid((side * 72.0, 2.0, 0.0), (57, 75, 116), side * -6.0)
    while twigs:
        start, direction, radius = twigs.pop()
        direction = direction / np.linalg.norm(direction)
        end = tuple(float(v) for v in np.array(start) + direction * (8 + 2.6 * radius))
        # LPS axes one by one: distance() takes arrays of coordinates
        outside = float(lung.distance(*(np.array([v]) for v in end))[0])
        if outside > -radius:
            continue
        yield Capsule(start, (end[0], end[1], end[2]), radius, radius * 0.8)
        if radius > 1.3:
            for share in (0.84, 0.74):
                sway = np.array([chance.uniform(-0.8, 0.8) for _ in range(3)])
                twigs.append(((end[0], end[1], end[2]), direction + sway, radius * share))


_FANS = ((-0.9, 0.5), (0.7, 0.6), (-0.5, 1.4), (0.6, -0.8), (-0.7, -0.9), (0.0, -1.6), (0.2, 1.9))


def _paint_heart(canvas: Canvas) -> None:
    canvas.paint(Ellipsoid((24.0, -34.0, -34.0), (62, 52, 58), 25.0), FAT)
    canvas.paint(Ellipsoid((25.0, -35.0, -34.0), (57, 47, 53), 25.0), MUSCLE + 20)
    canvas.paint(Ellipsoid((44.0, -30.0, -38.0), (28, 19, 30), 30.0), BLOOD)  # left ventricle
    canvas.paint(Ellipsoid((4.0, -52.0, -36.0), (26, 17, 30), 30.0), BLOOD - 90)  # right ventricle
    canvas.paint(Ellipsoid((22.0, -2.0, -12.0), (26, 15, 17), 10.0), BLOOD)  # left atrium
    canvas.paint(Ellipsoid((-24.0, -26.0, -16.0), (17, 20, 25)), BLOOD - 90)  # right atrium
    arch = [(22.0, -24.0, -8.0), (2.0, -34.0, 30.0), (2.0, -24.0, 50.0), (6.0, -8.0, 60.0), (14.0, 14.0, 60.0)]
    arch += [(22.0, 34.0, 48.0), (26.0, 46.0, 24.0), (25.0, 48.0, -40.0), (14.0, 50.0, -140.0)]
    canvas.paint_all(_rods(arch, 14.5), MUSCLE)
    canvas.paint_all(_rods(arch, 12.5), BLOOD)
    for foot, head in (((4.0, -16.0, 66.0), (-14.0, -16.0, 140.0)), ((14.0, 2.0, 66.0), (22.0, 0.0, 140.0))):
        canvas.paint(Capsule(foot, head, 6.0, 5.0), BLOOD)  # branches of the arch
    canvas.paint_all(
        _rods([(-26.0, -22.0, -10.0), (-24.0, -20.0, 60.0), (-34.0, -18.0, 140.0)], 9.0), BLOOD - 60
    )  # vena cava
    trunk = [(6.0, -48.0, -14.0), (14.0, -36.0, 14.0), (18.0, -12.0, 22.0)]
    canvas.paint_all(_rods(trunk, 12.0), BLOOD - 40)  # pulmonary trunk
    canvas.paint_all(_rods([(18.0, -12.0, 22.0), (44.0, 4.0, 16.0)], 9.0), BLOOD - 40)
    canvas.paint_all(_rods([(18.0, -12.0, 22.0), (-34.0, 4.0, 14.0)], 9.0), BLOOD - 40)


def _paint_abdomen(canvas: Canvas) -> None:
    canvas.paint(Ellipsoid((-64.0, -2.0, -132.0), (86, 78, 70)), LIVER)
    canvas.paint_all(_rods([(-20.0, 20.0, -130.0), (-52.0, 6.0, -110.0), (-90.0, 0.0, -100.0)], 5.0), LIVER + 65)
    canvas.paint(Ellipsoid((72.0, -28.0, -128.0), (46, 42, 40)), 35.0)  # stomach, with a bubble on top
    canvas.paint(Ellipsoid((70.0, -46.0, -116.0), (30, 22, 18)), AIR)
    canvas.paint(Ellipsoid((98.0, 42.0, -126.0), (26, 38, 40), 20.0), LIVER + 15)  # spleen


def _paint_spine(canvas: Canvas) -> None:
    canvas.paint(Capsule((0.0, 52.0, -400.0), (0.0, 52.0, 400.0), 16.0, 16.0), DISC)
    for level in range(-6, 7):
        z = level * 25.0
        canvas.paint(Drum((0.0, 52.0, z), 20.0, 17.0, 10.0), CORTEX)
        canvas.paint(Drum((0.0, 52.0, z), 18.0, 15.0, 8.0), MARROW)
        arms = [((side * 8.0, 66.0, z + 2), (side * 36.0, 78.0, z + 6)) for side in (-1, 1)]
        arms.append(((0.0, 86.0, z), (0.0, 102.0, z - 18)))
        canvas.paint_all([Capsule(a, b, 6.5, 4.5) for a, b in arms], CORTEX - 150)
        canvas.paint_all([Capsule(a, b, 4.0, 2.5) for a, b in arms], MARROW)
        canvas.paint(Ellipsoid((0.0, 78.0, z), (15, 13, 10)), CORTEX - 150)
    canvas.paint(Capsule((0.0, 77.0, -400.0), (0.0, 77.0, 400.0), 9.5, 9.5), 15.0)
    canvas.paint(Capsule((0.0, 77.0, -400.0), (0.0, 77.0, 400.0), 5.0, 5.0), 45.0)


def _paint_ribs(canvas: Canvas) -> None:
    bones = [_rib(level, side) for level in range(-5, 6) for side in (-1, 1)]
    bones += [
        [(side * 16.0, -90.0, 99.0), (side * 60.0, -84.0, 102.0), (side * 126.0, -24.0, 104.0)] for side in (-1, 1)
    ]
    sternum = [(0.0, -92.0, 102.0), (0.0, -97.0, 40.0), (0.0, -96.0, -30.0)]
    for bone in bones:
        canvas.paint_all(_rods(bone, 5.5), CORTEX)
        canvas.paint_all(_rods(bone, 3.2), MARROW)
    for shift in (-8.0, 0.0, 8.0):
        canvas.paint_all(_rods([(x + shift, y, z) for x, y, z in sternum], 5.5), CORTEX - 100)
    for shift in (-7.0, 0.0, 7.0):
        canvas.paint_all(_rods([(x + shift, y, z) for x, y, z in sternum], 3.5), MARROW)


@functools.cache
def _rib(level: int, side: int) -> list[Point]:
    """Return the course of a rib: from the spine around the chest, sinking as it goes, to the breastbone's height."""
    span = 1.0 - 0.012 * (level - 0.5) ** 2
    points: list[Point] = []
    for angle in np.linspace(np.radians(75), np.radians(-72 if level > -4 else -30), 40):
        x = side * (22.0 + 119.0 * span * np.cos(angle)) if np.cos(angle) > 0 else side * 22.0
        y = 4.0 + 90.0 * np.sin(angle) * (0.92 if angle > 0 else 1.0)
        z = level * 25.0 + 4.0 - 42.0 * (np.radians(75) - angle) / np.radians(147)
        points.append((float(x), float(y), float(z)))
    return points


def _paint_landmarks(canvas: Canvas) -> None:
    for landmark in LANDMARKS:
        radius = landmark.radius_mm
        canvas.paint(Ellipsoid(landmark.position_lps_mm, (radius, radius, radius)), landmark.value_hu)


def _rods(course: list[Point], radius_mm: float) -> list[Capsule]:
    """Return rods of one radius along `course`."""
    return [Capsule(a, b, radius_mm, radius_mm) for a, b in itertools.pairwise(course)]
