"""What a drag of the crosshair does: its centre moves the position, a line slides a plane, a handle turns two planes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from DICOMModule.views.crosshair import (
    Crosshair,
    CrosshairLine,
    crosshair,
    crosshair_angle,
    crosshair_part_at,
    rotated_axes,
)
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.widgets.views.view_state import ViewState

TOLERANCE_PX: Final = 6.0


def crosshair_of(state: ViewState, view: str, geometry: ViewGeometry) -> Crosshair | None:
    """Return the crosshair of a slice view, with the lines of the views that are linked with it."""
    position = state.position_of(view)
    if position is None:
        return None
    others = {name: state.orientation_of(name) for name in state.linked_views(view)}
    return crosshair(view, geometry, position, others)


def begin_crosshair_drag(
    state: ViewState,
    view: str,
    geometry: ViewGeometry,
    place_px: tuple[float, float],
    move_to: Callable[[float, float], None],
) -> Callable[[float, float], None]:
    """Begin to drag what of the crosshair is at a place; where nothing is, the crosshair comes there.

    Parameters
    ----------
    move_to : callable
        Brings the crosshair to a place of the view.

    Returns
    -------
    callable
        Takes where the pointer is, in the view's pixels.
    """
    x_px, y_px = place_px
    shown = crosshair_of(state, view, geometry)
    part = None if shown is None or not state.crosshair_shown else crosshair_part_at(shown, x_px, y_px, TOLERANCE_PX)
    if shown is None or part is None:
        move_to(x_px, y_px)
        return move_to
    if part == "center":
        return lambda to_x, to_y: move_to(shown.x_px + to_x - x_px, shown.y_px + to_y - y_px)
    kind, other = part
    if kind == "handle":
        return _turner(state, view, geometry, shown, place_px)
    return _slider(shown, next(line for line in shown.lines if line.view == other), move_to, place_px)


def _slider(
    shown: Crosshair, line: CrosshairLine, move_to: Callable[[float, float], None], start_px: tuple[float, float]
) -> Callable[[float, float], None]:
    def slide(to_x: float, to_y: float) -> None:
        right, down = line.across(to_x - start_px[0], to_y - start_px[1])
        move_to(shown.x_px + right, shown.y_px + down)

    return slide


def _turner(
    state: ViewState, view: str, geometry: ViewGeometry, shown: Crosshair, start_px: tuple[float, float]
) -> Callable[[float, float], None]:
    others = {name: state.orientation_of(name) for name in state.linked_views(view) if name != view}

    def turn(to_x: float, to_y: float) -> None:
        degrees = crosshair_angle(shown, start_px, (to_x, to_y))
        state.set_orientations(rotated_axes(others, geometry.toward_viewer_lps, degrees))

    return turn
