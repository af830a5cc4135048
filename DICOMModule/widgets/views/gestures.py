"""What the mouse does in a slice view: each drag and each notch of the wheel becomes one call of the view."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.widgets.qt import QMouseEvent, QPoint, Qt, QWheelEvent

NOTCH: Final = 120  # eighths of a degree, as Qt counts
CLICK_PX: Final = 4.0  # a right button that moved less is a click, and asks for the menu
ZOOM_PX: Final = 150.0  # a drag of so many pixels zooms by e
WINDOW_PX: Final = 160.0  # and a drag of so many makes the window e times as wide, or moves the level by a width
WHEEL_ZOOM: Final = 1.15  # a notch
SLICE_PX: Final = (3.0, 16.0)  # least and most of a drag that is one slice

Step: TypeAlias = Callable[[float, float], None]


class SliceCanvas(Protocol):
    """What gestures ask of a slice view; all places are in logical pixels."""

    @property
    def view_geometry(self) -> ViewGeometry | None:
        """Where the pixels lie; None where nothing is shown."""

    @property
    def slice_count(self) -> int:
        """How many slices there are."""

    @property
    def tool(self) -> str:
        """What a drag with the left button does."""

    def move_geometry(self, geometry: ViewGeometry) -> None:
        """Pan or zoom."""

    def scroll_by(self, slices: int) -> None:
        """Go so many slices on."""

    def step_slab(self, steps: int) -> None:
        """Make the slab thicker or thinner."""

    def window_drag(self) -> Step:
        """Begin to change window and level; the step takes the whole way to the right and downward."""

    def crosshair_drag(self, x_px: float, y_px: float) -> Step:
        """Begin to move what of the crosshair is there; the step takes where the pointer is."""

    def turn_by(self, degrees: float) -> None:
        """Turn the picture in its plane, anticlockwise as seen."""

    def point_at(self, x_px: float, y_px: float) -> None:
        """Tell what is under the pointer."""

    def move_crosshair(self, x_px: float, y_px: float) -> None:
        """Bring the crosshair to the pointer."""

    def ask_menu(self, place: QPoint) -> None:
        """Show the context menu at a place of the screen."""


@dataclass(slots=True)
class Notches:
    """Counts whole notches of a wheel; wheels of finer steps add up to them, and a turn back begins anew."""

    _rest: int = 0

    def add(self, delta: int) -> int:
        """Return how many notches are full, those towards the hand positive."""
        if self._rest * delta < 0:
            self._rest = 0
        self._rest += delta
        full = int(self._rest / NOTCH)
        self._rest -= full * NOTCH
        return -full


@dataclass(slots=True)
class _Press:
    """A button that is held down: where it went down and was last seen, and what its moves do."""

    button: Qt.MouseButton
    x: float
    y: float
    step: Callable[[float, float], None]
    last_x: float = 0.0
    last_y: float = 0.0
    moved: bool = False


@dataclass(slots=True)
class SliceGestures:
    """Turns the mouse events of one slice view into calls of it.

    Left drag is the active tool, middle drag pans, right drag zooms about the click point, the wheel goes one slice a
    notch; Shift and Ctrl with the left button pan and zoom in every tool.

    Parameters
    ----------
    canvas : SliceCanvas
        The view.
    """

    canvas: SliceCanvas
    _press: _Press | None = None
    _slices: Notches = field(default_factory=Notches)
    _slabs: Notches = field(default_factory=Notches)

    @property
    def dragging(self) -> bool:
        """Whether a button is held down."""
        return self._press is not None

    def press(self, event: QMouseEvent) -> None:
        """Begin a drag; a second button changes nothing as long as the first is down."""
        if self._press is not None or self.canvas.view_geometry is None:
            return
        x, y = event.localPos().x(), event.localPos().y()
        step = self._step_for(event.button(), event.modifiers(), x, y)
        if step is not None:
            self._press = _Press(event.button(), x, y, step, x, y)

    def move(self, event: QMouseEvent) -> None:
        """Go on with a drag, or tell what is under the pointer."""
        x, y = event.localPos().x(), event.localPos().y()
        press = self._press
        if press is None:
            if event.modifiers() & Qt.ShiftModifier and not event.buttons():
                self.canvas.move_crosshair(x, y)
        elif press.moved or press.button != Qt.RightButton or math.hypot(x - press.x, y - press.y) >= CLICK_PX:
            press.moved = True
            press.step(x, y)
            press.last_x, press.last_y = x, y
        self.canvas.point_at(x, y)

    def release(self, event: QMouseEvent) -> None:
        """End a drag; a right button that hardly moved asks for the menu."""
        press = self._press
        if press is None or event.button() != press.button:
            return
        self._press = None
        if press.button == Qt.RightButton and not press.moved:
            self.canvas.ask_menu(event.globalPos())

    def cancel(self) -> None:
        """Forget a drag whose end will not be seen."""
        self._press = None

    def wheel(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl zoom at the pointer, with Alt change the slab."""
        # Qt gives a wheel that is turned with Alt as a horizontal one
        delta = event.angleDelta().y() or event.angleDelta().x()
        geometry = self.canvas.view_geometry
        if geometry is None or not delta:
            return
        if event.modifiers() & Qt.ControlModifier:
            place = event.position()
            self.canvas.move_geometry(geometry.zoomed(WHEEL_ZOOM ** (delta / NOTCH), place.x(), place.y()))
        elif event.modifiers() & Qt.AltModifier:
            if steps := self._slabs.add(delta):
                self.canvas.step_slab(-steps)
        elif slices := self._slices.add(delta):
            self.canvas.scroll_by(slices)

    def _step_for(
        self, button: Qt.MouseButton, modifiers: Qt.KeyboardModifiers, x: float, y: float
    ) -> Callable[[float, float], None] | None:
        if button == Qt.MiddleButton:
            return self._pan
        if button == Qt.RightButton:
            return self._zoom
        if button != Qt.LeftButton:
            return None
        if modifiers & Qt.ShiftModifier:
            return self._pan
        if modifiers & Qt.ControlModifier:
            return self._zoom
        tool = self.canvas.tool
        if tool == "window":
            change = self.canvas.window_drag()
            return lambda to_x, to_y: change(to_x - x, to_y - y)
        if tool == "crosshair":
            return self.canvas.crosshair_drag(x, y)
        return {"pan": self._pan, "zoom": self._zoom, "scroll": self._scroller(), "rotate": self._turn}[tool]

    def _pan(self, x: float, y: float) -> None:
        geometry, press = self.canvas.view_geometry, self._press
        if geometry is not None and press is not None:
            self.canvas.move_geometry(geometry.panned(x - press.last_x, y - press.last_y))

    def _zoom(self, _x: float, y: float) -> None:
        geometry, press = self.canvas.view_geometry, self._press
        if geometry is not None and press is not None:
            factor = math.exp((press.last_y - y) / ZOOM_PX)
            self.canvas.move_geometry(geometry.zoomed(factor, press.x, press.y))

    def _scroller(self) -> Step:
        """Return a step for which the height of the view is about all slices."""
        geometry = self.canvas.view_geometry
        height = 1 if geometry is None else geometry.height_px
        per_slice = min(max(height / max(self.canvas.slice_count, 1), SLICE_PX[0]), SLICE_PX[1])
        gone = 0

        def step(_x: float, y: float) -> None:
            nonlocal gone
            wanted = int((y - self._press.y) / per_slice) if self._press is not None else gone
            if wanted != gone:
                self.canvas.scroll_by(wanted - gone)
                gone = wanted

        return step

    def _turn(self, x: float, y: float) -> None:
        geometry, press = self.canvas.view_geometry, self._press
        if geometry is None or press is None:
            return
        middle_x, middle_y = geometry.width_px / 2.0, geometry.height_px / 2.0
        before = math.atan2(middle_y - press.last_y, press.last_x - middle_x)
        after = math.atan2(middle_y - y, x - middle_x)
        self.canvas.turn_by(math.degrees(after - before))


def volume_drag_kind(button: Qt.MouseButton, modifiers: Qt.KeyboardModifiers, tool: str) -> str:
    """Return what a drag does in the volume view: ``turn``, ``roll``, ``pan``, ``zoom`` or ``window``."""
    if button == Qt.MiddleButton:
        return "pan"
    if button == Qt.RightButton:
        return "zoom"
    if modifiers & Qt.ShiftModifier:
        return "pan"
    if modifiers & Qt.ControlModifier:
        return "roll"
    return tool if tool in {"pan", "zoom", "window"} else "turn"


def window_and_level(
    width: float, level: float, right_px: float, down_px: float, *, darker_upward: bool
) -> tuple[float, float]:
    """Return width and level after a drag: to the right wider, by a gain in proportion to the width.

    Parameters
    ----------
    width, level : float
        Where the drag began, in the volume's units.
    right_px, down_px : float
        The way of the pointer.
    darker_upward : bool
        Whether an upward drag raises the level; else it lowers it, which makes a picture brighter that is not inverted.
    """
    down = -down_px if darker_upward else down_px
    return width * math.exp(right_px / WINDOW_PX), level + width * down / WINDOW_PX
