"""The crosshair of a slice view: where the other views' planes cut this one, and what is at a place of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from DICOMModule.views.geometry import ViewGeometry, rotated
from DICOMModule.views.orientation import ORIENTATIONS, Orientation, Vector

GAP_PX = 9.0  # about the position nothing is drawn, so that it can be seen
HANDLE_RADIUS_PX = 4.0
HANDLE_SHARE = 0.3  # of the smaller side of the view: distance of the handles from the position
PARALLEL = 1e-6  # sine of the angle below which two planes have no line in common

CrosshairPart: TypeAlias = Literal["center"] | tuple[Literal["line", "handle"], str]


@dataclass(frozen=True, slots=True)
class CrosshairLine:
    """The line in which another view's plane cuts this one; it goes through the position.

    Attributes
    ----------
    view : str
        Name of the other view.
    right, down : float
        Unit vector on the screen; down for a line that is vertical, else to the right.
    """

    view: str
    right: float
    down: float

    def across(self, right_px: float, down_px: float) -> tuple[float, float]:
        """Return the part of a movement that is perpendicular to the line: how far it slides the other view's plane."""
        along = right_px * self.right + down_px * self.down
        return right_px - along * self.right, down_px - along * self.down


@dataclass(frozen=True, slots=True)
class Crosshair:
    """Where the position lies in the view, and the lines through it.

    Attributes
    ----------
    x_px, y_px : float
        The position.
    lines : tuple of CrosshairLine
        One for each other view whose plane is not parallel.
    handle_px : float
        Distance from the position to the handles on each line, by which it is turned.
    """

    x_px: float
    y_px: float
    lines: tuple[CrosshairLine, ...] = ()
    handle_px: float = 0.0

    def handles(self, line: CrosshairLine) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the places of the two handles on a line."""
        x, y = self.handle_px * line.right, self.handle_px * line.down
        return (self.x_px - x, self.y_px - y), (self.x_px + x, self.y_px + y)


def crosshair(
    name: str, view: ViewGeometry, position_lps_mm: Vector, others: Mapping[str, Orientation] | None = None
) -> Crosshair:
    """Return the crosshair of the view called `name`.

    Parameters
    ----------
    others : mapping of str to Orientation, or None
        How the other views lie now, by their names; the view itself may be among them. None: as they lie at first.
    """
    x_px, y_px = view.pixel_at(position_lps_mm)
    lines = []
    for other, orientation in (ORIENTATIONS if others is None else others).items():
        along = np.cross(orientation.scroll_lps, view.toward_viewer_lps)
        length = float(np.linalg.norm(along))
        if other == name or length < PARALLEL:
            continue
        # Rounded, so that a line is vertical or horizontal where it is meant to be.
        right = round(float(along @ np.array(view.right_lps)) / length, 12)
        down = round(-float(along @ np.array(view.up_lps)) / length, 12)
        sign = -1.0 if (right, down) < (0.0, 0.0) else 1.0
        lines.append(CrosshairLine(other, sign * right + 0.0, sign * down + 0.0))
    lines.sort(key=lambda line: abs(line.right))  # the steeper one first
    return Crosshair(x_px, y_px, tuple(lines), HANDLE_SHARE * min(view.width_px, view.height_px))


def crosshair_part_at(shown: Crosshair, x_px: float, y_px: float, tolerance_px: float) -> CrosshairPart | None:
    """Return what of the crosshair is within the tolerance of a place: a handle, the centre, a line, or nothing.

    Returns
    -------
    "center", ("line", view), ("handle", view) or None
        With the name of the other view.
    """
    right, down = x_px - shown.x_px, y_px - shown.y_px
    for line in shown.lines:
        if any(math.hypot(x_px - x, y_px - y) <= HANDLE_RADIUS_PX + tolerance_px for x, y in shown.handles(line)):
            return "handle", line.view
    if math.hypot(right, down) <= max(GAP_PX, tolerance_px):
        return "center"
    distances = {line.view: math.hypot(*line.across(right, down)) for line in shown.lines}
    near = [view for view in distances if distances[view] <= tolerance_px]
    return ("line", min(near, key=distances.__getitem__)) if near else None


def crosshair_angle(shown: Crosshair, start_px: tuple[float, float], end_px: tuple[float, float]) -> float:
    """Return by how many degrees a drag turns about the position, anticlockwise as seen, from -180 to 180.

    It is the angle that `rotated_axes` takes, with the view's `toward_viewer_lps`.
    """
    first, last = (math.atan2(shown.y_px - y, x - shown.x_px) for x, y in (start_px, end_px))
    return math.degrees(math.remainder(last - first, 2.0 * math.pi))


def rotated_axes(others: Mapping[str, Orientation], normal_lps: Vector, degrees: float) -> dict[str, Orientation]:
    """Return the orientations of other views turned together about the normal of the view in which they are dragged.

    Parameters
    ----------
    normal_lps : tuple of float
        Unit vector, LPS: the view's `toward_viewer_lps`.
    degrees : float
        Right-handed about the normal, which is anticlockwise on the screen.
    """
    return {
        name: replace(
            axes,
            right_lps=rotated(axes.right_lps, normal_lps, degrees),
            up_lps=rotated(axes.up_lps, normal_lps, degrees),
            scroll_lps=rotated(axes.scroll_lps, normal_lps, degrees),
        )
        for name, axes in others.items()
    }
