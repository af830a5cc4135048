"""A slice view as a widget: draws lazily off the screen, paints its pixels, and lets the mouse do its work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from DICOMModule.errors import DICOMModuleError, plain_text
from DICOMModule.scene import VolumeNode
from DICOMModule.views.color_tables import is_reversed
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import SliceStack, turned_orientation
from DICOMModule.volume.volume import Voxels, Window
from DICOMModule.widgets.overlay_painter import OverlayPainter
from DICOMModule.widgets.qt import (
    QEvent,
    QHelpEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPointF,
    QRectF,
    QResizeEvent,
    QToolTip,
    QWheelEvent,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.viewer import SettingsStore
from DICOMModule.widgets.views.crosshair_drag import begin_crosshair_drag
from DICOMModule.widgets.views.gestures import SliceGestures, Step, window_and_level
from DICOMModule.widgets.views.pointer_reading import PointerReading
from DICOMModule.widgets.views.slice_overlays import notes_of, overlay_of
from DICOMModule.widgets.views.slice_plane import SlicePlane, has_grown
from DICOMModule.widgets.views.view_state import ViewState
from DICOMModule.widgets.views.view_widget import GROUND, PROBLEM_COLOR, ViewWidget, device_geometry, image_of
from DICOMModule.widgets.wording import plain_tooltip

if TYPE_CHECKING:
    from DICOMModule.views.slice_view import SliceView

# As thick as a person asks for; 0 is a plain slice.
SLAB_STEPS_MM = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 80.0, 100.0)
EMPTY = "Drop a series here"


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """What was drawn, and from what: the picture stays as long as that is the same."""

    key: tuple[Any, ...]
    pixels: Voxels
    image: QImage


class SliceViewWidget(ViewWidget):
    """A plane through the volumes that the state names for this view.

    Geometry is kept in Qt's pixels and in numpy alone; VTK is asked for a picture when Qt wants to paint and something has
    changed since.

    Parameters
    ----------
    name : str
        ``axial``, ``sagittal`` or ``coronal``.
    state : ViewState
        What the views share.
    settings : SettingsStore
        Whether an upward drag makes the picture darker.

    Signals
    -------
    slice_changed
        Number or count of the slices is another one.
    """

    slice_changed = pyqtSignal()

    def __init__(self, name: str, state: ViewState, settings: SettingsStore, parent: QWidget | None = None) -> None:
        super().__init__(name, state, parent)
        self._settings = settings
        self._gestures = SliceGestures(self)
        self._view: SliceView | None = None
        self._drawn: _Drawn | None = None
        self._held: tuple[VolumeNode, ...] = ()
        self._node: VolumeNode | None = None
        self._plane = SlicePlane(state.orientation_of(name))
        self._pointer: tuple[float, float] | None = None
        self._has_pointed = False
        self._told_slice = (0, 0)
        self._warning_box = QRectF()
        state.layers_changed.connect(self._on_layers_changed)
        state.position_changed.connect(self._on_position_changed)
        state.orientations_changed.connect(self._on_orientations_changed)
        for changed in (state.overlays_changed, state.crosshair_changed, state.slab_changed, state.active_view_changed):
            changed.connect(self.update)
        state.tool_changed.connect(self._on_tool_changed)
        self._on_layers_changed()

    # -- what is shown

    @property
    def node(self) -> VolumeNode | None:
        """The background; None where nothing is shown."""
        return self._node

    @property
    def view_geometry(self) -> ViewGeometry | None:
        """Where Qt's pixels lie in the patient; None where nothing is shown."""
        return self._plane.geometry

    @property
    def slices(self) -> SliceStack | None:
        """The slices through which the view scrolls; None where nothing is shown."""
        return self._plane.slices

    @property
    def slice_count(self) -> int:
        """How many slices there are."""
        return 0 if self.slices is None else self.slices.count

    @property
    def slice_number(self) -> int:
        """Number of the slice that is shown, from 1; 0 where nothing is shown."""
        return self._plane.slice_number

    @property
    def tool(self) -> str:
        """What a drag with the left button does."""
        return self.state.tool_of(self.name)

    # -- what gestures, keys and sliders do

    def show_slice(self, number: int) -> None:
        """Go to a slice, or to the last one in that direction; the crosshair goes along."""
        position = self.state.position_of(self.name)
        if self.slices is not None and position is not None:
            wanted = min(max(number, 1), self.slices.count)
            self.state.set_position_lps(self.slices.position_of(wanted, position), self.name)

    def scroll_by(self, slices: int) -> None:
        """Go so many slices on; the crosshair goes along. Where there is but one, through a sequence, as through a film."""
        if self._node is not None and self.slice_count == 1 and self._node.count > 1:
            self.state.scene.set_index(self._node.id, self._node.index + slices)
        elif self.slice_count:
            self.show_slice(self.slice_number + slices)

    def fit(self) -> None:
        """Fit the volume into the view."""
        self._plane.fit(self.state.position_of(self.name))
        self._on_plane_changed()

    def reset(self) -> None:
        """Show the whole volume; how the plane lies is the state's."""
        self.fit()

    def move_geometry(self, geometry: ViewGeometry) -> None:
        """Pan or zoom."""
        self._plane.move(geometry)
        self._on_plane_changed()

    def zoom_by(self, factor: float) -> None:
        """Magnify about the middle."""
        view = self.view_geometry
        if view is not None:
            self.move_geometry(view.zoomed(factor, view.width_px / 2.0, view.height_px / 2.0))

    def step_slab(self, steps: int) -> None:
        """Make the slab so many steps thicker."""
        at = min(range(len(SLAB_STEPS_MM)), key=lambda index: abs(SLAB_STEPS_MM[index] - self.state.slab_mm))
        self.state.set_slab(SLAB_STEPS_MM[min(max(at + steps, 0), len(SLAB_STEPS_MM) - 1)])

    def turn_by(self, degrees: float) -> None:
        """Turn the picture in its plane, anticlockwise as seen."""
        if self.view_geometry is not None:
            self._set_axes(self.view_geometry.turned(-degrees))

    def flip(self) -> None:
        """Mirror the picture, left for right."""
        if self.view_geometry is not None:
            self._set_axes(self.view_geometry.flipped_horizontally())

    def window_drag(self) -> Step:
        """Begin to change window and level of the background."""
        node = self._node
        if node is None or node.volume.components > 1:
            return lambda _right, _down: None
        start, is_inverse = node.display.window, is_reversed(node.volume, node.display)

        def step(right_px: float, down_px: float) -> None:
            darker = self._settings.value.invert_level_drag != is_inverse
            width, level = window_and_level(start.width, start.level, right_px, down_px, darker_upward=darker)
            current = self._node
            if current is not None and current.id == node.id:
                display = replace(current.display, window=Window(level, max(width, 1e-6)))
                self.state.scene.set_display(node.id, display)

        return step

    def crosshair_drag(self, x_px: float, y_px: float) -> Step:
        """Begin to move what of the crosshair is at a place."""
        geometry = self.view_geometry
        if geometry is None:
            return lambda _x, _y: None
        return begin_crosshair_drag(self.state, self.name, geometry, (x_px, y_px), self.move_crosshair)

    def move_crosshair(self, x_px: float, y_px: float) -> None:
        """Bring the crosshair to a place of the view."""
        if self.view_geometry is not None:
            self.state.set_position_lps(self.view_geometry.lps_at(x_px, y_px), self.name)

    def point_at(self, x_px: float, y_px: float) -> None:
        """Tell what is under the pointer."""
        inside = 0 <= x_px < self.width() and 0 <= y_px < self.height()
        self._pointer = (x_px, y_px) if inside else None
        self._tell_pointed()

    def shut_down(self) -> None:
        """Give back the picture and VTK's window; the view draws no more."""
        if self._view is not None:
            self._view.close()
            self._view = None
        self._held = ()
        self._drawn, self._node = None, None
        self._plane.show(None, None)

    # -- what the state tells

    def _on_layers_changed(self) -> None:
        before, self._node = self._node, self.state.background_of(self.name)
        self._forget_gone()
        self._plane.show(None if self._node is None else self._node.volume, self.state.position_of(self.name))
        if has_grown(before, self._node):
            self._plane.fit_grown(self.state.position_of(self.name))
        self._on_plane_changed()

    def _on_position_changed(self) -> None:
        position = self.state.position_of(self.name)
        if position is not None:
            self._plane.go_to(position)
            self._on_plane_changed()

    def _on_orientations_changed(self) -> None:
        orientation = self.state.orientation_of(self.name)
        if orientation != self._plane.orientation:
            self._plane.turn(orientation, self.state.position_of(self.name))
        self._on_plane_changed()

    def _on_plane_changed(self) -> None:
        slice_now = (self.slice_number, self.slice_count)
        if slice_now != self._told_slice:
            self._told_slice = slice_now
            self.slice_changed.emit()
        self._tell_pointed()
        self.update()

    def _on_tool_changed(self) -> None:
        self._gestures.cancel()
        self.update()

    # -- events of Qt

    def event(self, event: QEvent) -> bool:
        """Tell all warnings of the volume where the pointer rests over the triangle or its text."""
        if event.type() != QEvent.ToolTip or not isinstance(event, QHelpEvent):
            return super().event(event)
        warnings = () if self._node is None else self._node.volume.warnings
        if warnings and self._warning_box.contains(QPointF(event.pos())):
            QToolTip.showText(event.globalPos(), plain_tooltip("\n".join(map(plain_text, warnings))), self)
        else:
            QToolTip.hideText()
            event.ignore()
        return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again, or keep what a person zoomed to."""
        super().resizeEvent(event)
        self._plane.resize(self.width(), self.height())
        self._on_plane_changed()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw if something has changed, and paint."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Make the view the active one, and begin a drag."""
        super().mousePressEvent(event)
        self._gestures.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a drag, or tell what is under the pointer."""
        self._gestures.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self._gestures.release(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll, zoom or change the slab."""
        self._gestures.wheel(event)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that nothing is under the pointer."""
        self._pointer = None
        self._tell_pointed()
        super().leaveEvent(event)

    # -- drawing

    def _draw(self) -> None:
        """Make a new picture unless the last one shows all that it should."""
        if self.view_geometry is None:
            return
        ratio = self.devicePixelRatioF()
        geometry = device_geometry(self.view_geometry, ratio)
        nodes = self._nodes()
        layers = tuple((node.id, id(node.volume), node.display, node.visible) for node in nodes)
        graphics = self.state.overlays != "none"
        key = (layers, geometry, self._plane.orientation, self.state.slab_mm, self.state.slab_mode, graphics)
        if self._drawn is not None and self._drawn.key == key and not self.problem:
            return
        if self._view is None:
            from DICOMModule.views.slice_view import SliceView  # VTK, which an empty view does without

            self._view = SliceView(self._plane.orientation, geometry.width_px, geometry.height_px)
        self._show(self._view, nodes)
        self._view.set_orientation(self._plane.orientation)
        self._view.set_geometry(geometry)
        self._view.set_slab(self.state.slab_mm, self.state.slab_mode)
        self._view.set_graphics(graphics)
        pixels = self._view.pixels()
        self._drawn = _Drawn(key, pixels, image_of(pixels, ratio))

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), GROUND)
        self._warning_box = QRectF()
        geometry = self.view_geometry
        if geometry is None:
            self._paint_message(painter, EMPTY)
        else:
            self._try(self._draw, DICOMModuleError)
            if self.problem:
                self._paint_message(painter, self.problem, PROBLEM_COLOR)
            elif self._drawn is not None:
                painter.drawImage(0, 0, self._drawn.image)
                self._paint_overlay(painter, geometry)
        self._paint_drop_frame(painter)

    def _paint_overlay(self, painter: QPainter, geometry: ViewGeometry) -> None:
        if self.slices is not None:
            overlay = overlay_of(self.state, self.name, geometry, self.slices)
            over = OverlayPainter(painter, QRectF(self.rect()), self.texts)
            over.paint(overlay, handles=self.tool == "crosshair")
            self._warning_box = over.warning_box
            if self.state.overlays != "none":
                lines = max(len(overlay.text.bottom_left), len(overlay.text.bottom_right))
                self._paint_notes(painter, notes_of(self.state, self.name), lines)

    def _nodes(self) -> tuple[VolumeNode, ...]:
        """Return what is drawn, the lowest first."""
        if self._node is None:
            return ()
        above, opacity = self.state.foreground, self.state.foreground_opacity
        hidden = above is None or above.id == self._node.id or opacity <= 0.0 or not above.visible
        if above is None or hidden or not self._node.volume.placed:
            return (self._node,)
        return self._node, replace(above, display=replace(above.display, opacity=opacity))

    def _show(self, view: SliceView, nodes: tuple[VolumeNode, ...]) -> None:
        view.show(nodes)
        self._held = nodes

    def _forget_gone(self) -> None:
        """Let go of volumes that are not to be seen any more, also while nothing is painted."""
        wanted = self._nodes()
        kept = tuple(node for node in wanted if any(node.volume is held.volume for held in self._held))
        if self._view is not None and len(kept) < len(self._held):
            self._show(self._view, kept)
            self._drawn = None

    def _set_axes(self, geometry: ViewGeometry) -> None:
        turned = turned_orientation(self._plane.orientation, geometry.right_lps, geometry.up_lps)
        self.state.set_orientations({self.name: turned})

    def _tell_pointed(self) -> None:
        reading = None
        if self.view_geometry is not None and self._pointer is not None:
            reading = PointerReading(self.name, self.view_geometry.lps_at(*self._pointer), self._nodes())
        if reading is not None or self._has_pointed:
            self.pointed.emit(reading)
        self._has_pointed = reading is not None
