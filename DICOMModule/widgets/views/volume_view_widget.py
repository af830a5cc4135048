"""The volume view as a widget: shows the frames of its render thread, coarse while it moves and fine at rest."""

from __future__ import annotations

import math
from typing import Final

from DICOMModule.errors import DICOMModuleError
from DICOMModule.scene import VolumeNode
from DICOMModule.settings import Settings
from DICOMModule.views.geometry import ViewGeometry, fit
from DICOMModule.views.orientation import Vector, box_corners, vector
from DICOMModule.views.overlay import ViewOverlay, volume_overlay
from DICOMModule.views.prepared import RESTING_VOXELS
from DICOMModule.views.presets import find_rendering_preset, value_scale
from DICOMModule.views.volume_camera import DEFAULT_DIRECTION_LPS, LOOK_FROM, screen_axes, turned_by_drag
from DICOMModule.views.volume_choices import ClipBox, TransferShift, not_in_3d
from DICOMModule.widgets.overlay_painter import OverlayPainter
from DICOMModule.widgets.qt import (
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRectF,
    QResizeEvent,
    QShowEvent,
    Qt,
    QTimer,
    QWheelEvent,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.viewer import SettingsStore
from DICOMModule.widgets.views.gestures import CLICK_PX, NOTCH, WHEEL_ZOOM, ZOOM_PX, volume_drag_kind
from DICOMModule.widgets.views.slice_overlays import reduced
from DICOMModule.widgets.views.slice_plane import has_grown
from DICOMModule.widgets.views.view_state import ViewState, frame_of_reference
from DICOMModule.widgets.views.view_widget import GROUND, PROBLEM_COLOR, ViewWidget, device_geometry, image_of
from DICOMModule.widgets.views.volume_render_thread import NO_SHIFT, RenderedFrame, RenderRequest, VolumeRenderThread

REST_MS: Final = 250
FIRST_MS: Final = 40
EMPTY: Final = "Drop a series here"
OFF: Final = "Volume rendering is off. Press V to show it."
SHIFT_PX: Final = 400.0  # a drag of so many pixels moves the curves by their own length
WAITING: Final = "Rendering…"
HIDDEN: Final = "Hidden in the scene list"


class VolumeViewWidget(ViewWidget):
    """The volume as light goes through it.

    Left drag turns, middle or Shift with left pans, right drag and wheel zoom, Ctrl with left rolls.

    Parameters
    ----------
    state : ViewState
        What the views share.
    settings : SettingsStore
        Says who casts the rays.

    Signals
    -------
    frame_shown : RenderedFrame
        A frame of the render thread has arrived and is about to be painted.
    """

    frame_shown = pyqtSignal(object)
    _arrived = pyqtSignal(object)

    def __init__(self, state: ViewState, settings: SettingsStore, parent: QWidget | None = None) -> None:
        super().__init__("3d", state, parent)
        self._renderer = settings.value.volume_renderer
        self._node: VolumeNode | None = None
        self._geometry: ViewGeometry | None = None
        self._image: QImage | None = None
        self._frame: RenderedFrame | None = None
        self._is_fitted = True
        self.clip: ClipBox | None = None
        self.shift = NO_SHIFT
        self._shift_before, self._values_per_pixel = NO_SHIFT, 0.0
        self._wished = self._answered = self._first = 0
        self._seen: tuple[object, ...] = ()
        self._press: tuple[Qt.MouseButton, float, float, bool] | None = None
        self._last = (0.0, 0.0)
        self._arrived.connect(self._on_frame_arrived, Qt.QueuedConnection)  # type: ignore[call-arg]
        self._thread = VolumeRenderThread(self._arrived.emit)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._on_rested)
        state.layers_changed.connect(self._on_layers_changed)
        state.rendering_changed.connect(self._on_layers_changed)
        for changed in (state.overlays_changed, state.active_view_changed):
            changed.connect(self.update)
        self._disconnect = settings.changed.connect(self._on_settings_changed)
        self._on_layers_changed()

    # -- what is shown

    @property
    def node(self) -> VolumeNode | None:
        """The volume; None where nothing is shown."""
        return self._node

    @property
    def view_geometry(self) -> ViewGeometry | None:
        """Where Qt's pixels lie, on the plane through the middle of what is seen; None where nothing is shown."""
        return self._geometry

    @property
    def frame(self) -> RenderedFrame | None:
        """The frame that is on the screen; None before the first."""
        return self._frame

    @property
    def is_settled(self) -> bool:
        """Whether nothing moves and the last frame that was wished for is there."""
        return self._answered == self._wished and not self._rest.isActive()

    # -- what gestures, keys and buttons do

    def fit(self) -> None:
        """Fit the volume into the view, seen from where it is seen now."""
        if self._node is not None:
            right, up = screen_axes(DEFAULT_DIRECTION_LPS)
            if self._geometry is not None:
                right, up = self._geometry.right_lps, self._geometry.up_lps
            self._is_fitted = True
            self._set_geometry(self._fitted(right, up), moving=False)

    def reset(self) -> None:
        """Look from where one looks at first, at the whole volume, with nothing cut off or shifted."""
        self.clip, self.shift = None, NO_SHIFT
        self._turn_to(*screen_axes(DEFAULT_DIRECTION_LPS))

    def look_from(self, side: str) -> None:
        """Look from ``A``, ``P``, ``L``, ``R``, ``S`` or ``I`` at the whole volume."""
        self._turn_to(*screen_axes(*LOOK_FROM[side]))

    def set_clip(self, clip: ClipBox | None) -> None:
        """Cut the volume off; shares of it from 0 to 1 that are left along i, j and k, or None for all of it."""
        self.clip = clip
        self._request(self._node, moving=True)

    def zoom_by(self, factor: float) -> None:
        """Magnify about the middle."""
        if self._geometry is not None:
            self._zoom(factor, self.width() / 2.0, self.height() / 2.0)

    def turn_by(self, degrees: float) -> None:
        """Turn the picture about the middle of the view, anticlockwise as seen."""
        if self._geometry is not None:
            self._set_geometry(self._geometry.turned(-degrees), moving=False)

    def shut_down(self) -> None:
        """End the thread and wait for it; the view draws no more."""
        self._rest.stop()
        self._disconnect()
        self._thread.close()
        self._node, self._geometry, self._frame, self._image = None, None, None, None

    # -- what the state and the thread tell

    def _on_settings_changed(self, settings: Settings) -> None:
        if settings.volume_renderer != self._renderer:
            self._renderer = settings.volume_renderer
            self._request(self._node, moving=False)

    def _on_layers_changed(self) -> None:
        old, new = self._node, self.state.background_of(self.name)
        if (old and old.volume) is not (new and new.volume):
            if not (
                old and new and old.id == new.id and (new.count > 1 or old.quantity == new.quantity)
            ):  # else it stays until the next time point's is there, or that of the volume which has grown
                self._frame, self._image, self.clip, self.shift = None, None, None, NO_SHIFT
            self._first = self._wished + 1
        self._node = new
        is_unfit = self._geometry is None or (self._is_fitted and has_grown(old, new))
        if new is None:
            self._geometry = None
            self._request(None, moving=False)
        elif is_unfit or old is None or frame_of_reference(old.volume) != frame_of_reference(new.volume):
            self.fit()
        elif self._seen != self._what_is_seen():
            self._request(new, moving=False)
        if self._seen != self._what_is_seen():
            self._seen = self._what_is_seen()
            self.update()

    def _what_is_seen(self) -> tuple[object, ...]:
        """Return all on which a frame depends but for where one looks from; window and level are not among it."""
        node = self._node
        if node is None:
            return ()
        return node.id, node.visible, node.display.rendering_preset, self.state.rendering_shown, self._first

    def _on_frame_arrived(self, frame: RenderedFrame) -> None:
        if frame.is_last:
            self._answered = frame.number
        if frame.number < self._first:
            return  # of a volume that is not shown any more
        if frame.problem and frame.problem != self.problem:
            self.failed.emit(frame.problem)
        self.problem = frame.problem
        if frame.pixels is not None and self._node is not None:
            self._frame, self._image = frame, image_of(frame.pixels, self.devicePixelRatioF())
            self.frame_shown.emit(frame)
        elif frame.pixels is None:
            self._frame, self._image = None, None
        self.update()

    def _on_rested(self) -> None:
        if self._press is None:
            self._request(self._node, moving=False)

    # -- events of Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again, or keep the scale that a person chose."""
        super().resizeEvent(event)
        if self._geometry is None or self._node is None:
            return
        if self._is_fitted:
            self.fit()
        else:
            sized = self._geometry.resized(max(self.width(), 1), max(self.height(), 1))
            self._set_geometry(sized, moving=False)

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for the frame that nobody would have seen before."""
        super().showEvent(event)
        if self._node is not None:
            self._request(self._node, moving=False)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the last frame, and over it what is written."""
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Make the view the active one, and begin a drag."""
        super().mousePressEvent(event)
        if self._press is None and self._geometry is not None:
            x, y = event.localPos().x(), event.localPos().y()
            self._press = (event.button(), x, y, False)
            self._last = (x, y)
            self._shift_before, self._values_per_pixel = self.shift, self._value_length() / SHIFT_PX

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a drag."""
        if self._press is None or self._geometry is None:
            return
        button, from_x, from_y, moved = self._press
        x, y = event.localPos().x(), event.localPos().y()
        if not moved and button == Qt.RightButton and math.hypot(x - from_x, y - from_y) < CLICK_PX:
            return
        self._press = (button, from_x, from_y, True)
        self._drag(button, event.modifiers(), x, y)
        self._last = (x, y)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag; a right button that hardly moved asks for the menu."""
        press = self._press
        if press is None or event.button() != press[0]:
            return
        self._press = None
        if press[0] == Qt.RightButton and not press[3]:
            self.ask_menu(event.globalPos())
        elif press[3]:
            self._rest.start(REST_MS)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        delta = event.angleDelta().y() or event.angleDelta().x()
        if self._geometry is not None and delta:
            self._zoom(WHEEL_ZOOM ** (delta / NOTCH), event.position().x(), event.position().y())
        event.accept()

    # -- moving

    def _drag(self, button: Qt.MouseButton, modifiers: Qt.KeyboardModifiers, x: float, y: float) -> None:
        kind = volume_drag_kind(button, modifiers, self.state.tool_of(self.name))
        geometry, press = self._geometry, self._press
        if geometry is None or press is None:
            return
        right, down = x - self._last[0], y - self._last[1]
        if kind == "pan":
            self._is_fitted = False
            self._set_geometry(geometry.panned(right, down), moving=True)
        elif kind == "zoom":
            self._zoom(math.exp(-down / ZOOM_PX), press[1], press[2])
        elif kind == "turn":
            pivot = vector(box_corners(self._node.volume).mean(axis=0)) if self._node is not None else None
            self._set_geometry(turned_by_drag(geometry, right, down, pivot), moving=True)
        elif kind == "roll":
            self._roll(x, y)
        elif kind == "window":
            self._shift_by(x - press[1], y - press[2])

    def _zoom(self, factor: float, x_px: float, y_px: float) -> None:
        if self._geometry is not None:
            self._is_fitted = False
            self._set_geometry(self._geometry.zoomed(factor, x_px, y_px), moving=True)

    def _roll(self, x: float, y: float) -> None:
        """Turn about the middle of the view, with the pointer."""
        middle_x, middle_y = self.width() / 2.0, self.height() / 2.0
        before = math.atan2(self._last[1] - middle_y, self._last[0] - middle_x)
        after = math.atan2(y - middle_y, x - middle_x)
        if self._geometry is not None:
            self._set_geometry(self._geometry.turned(math.degrees(after - before)), moving=True)

    def _shift_by(self, right_px: float, down_px: float) -> None:
        """Move the transfer function: upward shows more, to the right stretches it."""
        before = self._shift_before
        offset = before.offset + down_px * self._values_per_pixel
        self.shift = TransferShift(offset, before.scale * math.exp(right_px / SHIFT_PX))
        self._request(self._node, moving=True)

    def _value_length(self) -> float:
        """Return how long the curves of the preset are, in the volume's values."""
        if self._node is None or self.problem:
            return 0.0
        preset = find_rendering_preset(self._node.volume, self._node.display.rendering_preset)
        return value_scale(preset, self._node.volume)[1] * (preset.opacity[-1][0] - preset.opacity[0][0])

    def _turn_to(self, right_lps: Vector, up_lps: Vector) -> None:
        if self._node is not None:
            self._is_fitted = True
            self._set_geometry(self._fitted(right_lps, up_lps), moving=False)

    def _set_geometry(self, geometry: ViewGeometry, *, moving: bool) -> None:
        self._geometry = geometry
        self._request(self._node, moving=moving)
        self.update()

    def _request(self, node: VolumeNode | None, *, moving: bool) -> None:
        """Wish for a frame; after one that moves, a fine one follows when nothing has moved for a while."""
        if node and (not_in_3d(node.volume) or not (node.visible and self.state.rendering_shown)):
            node = None
        is_new, pause_ms = self._wished < self._first, REST_MS if moving else 0
        if node is not None and (is_new or not self.isVisible()):
            if not is_new:
                return  # asked for when the view is shown
            # let go of the volume before; the slices are drawn first, as they are there at once
            node, pause_ms = None, FIRST_MS
        geometry = self._geometry
        if geometry is None:
            right, up = screen_axes(DEFAULT_DIRECTION_LPS)
            geometry = ViewGeometry(max(self.width(), 1), max(self.height(), 1), 1.0, (0.0, 0.0, 0.0), right, up)
        self._wished += 1
        geometry = device_geometry(geometry, self.devicePixelRatioF())
        self._thread.request(RenderRequest(self._wished, node, geometry, moving, self.clip, self.shift, self._renderer))
        if pause_ms:
            self._rest.start(pause_ms)
        else:
            self._rest.stop()

    # -- what is painted

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), GROUND)
        if self._node is None or self._geometry is None:
            self._paint_message(painter, EMPTY)
        elif not self.state.rendering_shown:
            self._paint_message(painter, OFF)
        elif not self._node.visible:
            self._paint_message(painter, HIDDEN)
        elif reason := not_in_3d(self._node.volume):
            self._paint_message(painter, reason)
        elif self.problem:
            self._paint_message(painter, self.problem, PROBLEM_COLOR)
        elif self._image is None:
            self._paint_message(painter, WAITING)
        else:
            size = self._image.size() / self._image.devicePixelRatio()
            painter.drawImage((self.width() - size.width()) // 2, (self.height() - size.height()) // 2, self._image)
            OverlayPainter(painter, QRectF(self.rect()), self.texts).paint(self._overlay(self._node, self._geometry))
        self._paint_drop_frame(painter)

    def _overlay(self, node: VolumeNode, geometry: ViewGeometry) -> ViewOverlay:
        if self.state.overlays == "none":
            return ViewOverlay(self.name)
        try:
            name = find_rendering_preset(node.volume, node.display.rendering_preset).name
        except DICOMModuleError:
            name = ""  # the frame says so
        overlay = volume_overlay(node, geometry, name, RESTING_VOXELS)
        return reduced(overlay, self.state.overlays, anonymous=self.state.anonymous)

    def _fitted(self, right_lps: Vector, up_lps: Vector) -> ViewGeometry:
        if self._node is None:
            return ViewGeometry(1, 1, 1.0, (0.0, 0.0, 0.0), right_lps, up_lps)
        corners = box_corners(self._node.volume)
        return fit(corners, right_lps, up_lps, max(self.width(), 1), max(self.height(), 1))
