"""From where a volume view is looked at: directions by name, the axes of the screen, and turning by a drag."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from DICOMModule.errors import GeometryError
from DICOMModule.views.geometry import ViewGeometry, rotated
from DICOMModule.views.orientation import Vector, vector

# Out of the screen: from the front, a little from the patient's left and from above, so that depth can be seen.
DEFAULT_DIRECTION_LPS: Vector = (0.42, -1.0, 0.28)
# From where the buttons look, and what is upward then.
LOOK_FROM: dict[str, tuple[Vector, Vector]] = {
    "A": ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "P": ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "L": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "R": ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "S": ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
    "I": ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0)),
}
TURN_DEGREES = 180.0  # by a drag over the smaller side of the view


def turned_by_drag(
    view: ViewGeometry, right_px: float, down_px: float, pivot_lps_mm: Vector | None = None
) -> ViewGeometry:
    """Return the view after a drag that turns what is seen, as a ball would turn under the hand.

    A drag over the smaller side of the view is half a turn, about the axis on the screen that is perpendicular to it.

    Parameters
    ----------
    pivot_lps_mm : tuple of float, or None
        The point that stays where it is on the screen; None: the middle of the view.
    """
    length = math.hypot(right_px, down_px)
    if length == 0:
        return view
    axis = (down_px * np.array(view.right_lps) + right_px * np.array(view.up_lps)) / length
    # What is seen turns by the angle about the axis, so the screen turns by its opposite.
    degrees = -TURN_DEGREES * length / min(view.width_px, view.height_px)
    right, up = (rotated(direction, vector(axis), degrees) for direction in (view.right_lps, view.up_lps))
    turned = replace(view, right_lps=right, up_lps=up)
    if pivot_lps_mm is None:
        return turned
    (old_x, old_y), (new_x, new_y) = view.pixel_at(pivot_lps_mm), turned.pixel_at(pivot_lps_mm)
    return turned.panned(old_x - new_x, old_y - new_y)


def screen_axes(direction_lps: Vector, up_lps: Vector = (0.0, 0.0, 1.0)) -> tuple[Vector, Vector]:
    """Return the unit vectors to the right and upward on the screen of an eye that looks from `direction_lps`.

    Raises
    ------
    GeometryError
        The two directions are parallel, or one is zero.
    """
    right = np.cross(up_lps, direction_lps)
    length = float(np.linalg.norm(right))
    if length <= 1e-6 * math.hypot(*direction_lps) * math.hypot(*up_lps):
        raise GeometryError("the eye cannot look along what is to be upward on the screen")
    right = right / length
    up = np.cross(np.array(direction_lps) / math.hypot(*direction_lps), right)
    return vector(right), vector(up)
