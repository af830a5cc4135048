"""The views in the window: cells in their layout, linked by the state, and what is told of them to the window."""

from __future__ import annotations

from typing import Final

from DICOMModule.errors import SettingsError
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.layout import ViewRect, layout_rects
from DICOMModule.widgets.dragging import dragged_targets
from DICOMModule.widgets.overlay_painter import TextPictures
from DICOMModule.widgets.qt import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QMenu,
    QPainter,
    QPaintEvent,
    QPen,
    QPoint,
    QRectF,
    QResizeEvent,
    Qt,
    QTimer,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.quantity_choice import QuantityChoice
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.views.cine import Cine
from DICOMModule.widgets.views.pointer_reading import PointerReading
from DICOMModule.widgets.views.slice_view_widget import SliceViewWidget
from DICOMModule.widgets.views.time_follower import TimeFollower
from DICOMModule.widgets.views.time_player import TimePlayer
from DICOMModule.widgets.views.view_cell import HEADER_PX, SliceCell, ViewCell, VolumeCell
from DICOMModule.widgets.views.view_menus import fill_context_menu
from DICOMModule.widgets.views.view_state import SLICE_VIEWS, STACK_VIEW, VIEW_NAMES
from DICOMModule.widgets.views.view_widget import ViewWidget, device_geometry
from DICOMModule.widgets.views.volume_view_widget import VolumeViewWidget

EMPTY: Final = "Drop files or folders here, or load a series.\nDropped with Alt held, they are only looked at: nothing of it is kept."
EMPTY_ICON_PX: Final = 40


class ViewArea(QWidget):
    """All views, laid out as the state says: slices and volume, or images without a place in the patient by themselves.

    Parameters
    ----------
    viewer : Viewer
        State of the views, settings and banners.

    Signals
    -------
    targets_dropped : str, tuple of str
        Something of the database was dropped: on which view (empty: on none in particular), and what.
    status_changed : str
        What is under the pointer: value and place; empty when it has left.
    """

    targets_dropped = pyqtSignal(str, object)
    status_changed = pyqtSignal(str)

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.state = viewer.views
        self.slice_views = {name: SliceViewWidget(name, self.state, viewer.settings) for name in SLICE_VIEWS}
        self.stack_view = SliceViewWidget(STACK_VIEW, self.state, viewer.settings)
        self.image_views = {**self.slice_views, STACK_VIEW: self.stack_view}
        self.volume_view = VolumeViewWidget(self.state, viewer.settings)
        self.cells: dict[str, ViewCell] = {
            **{name: SliceCell(view, self) for name, view in self.slice_views.items()},
            "3d": VolumeCell(self.volume_view, self),
        }
        self.stack_cell = SliceCell(self.stack_view, self)
        self.cine = Cine(self.state, self.image_views, parent=self)
        self.quantities = QuantityChoice(viewer, self)
        self._follower = TimeFollower(self.state, parent=self)
        self.player = TimePlayer(self.state, parent=self)
        self._told: set[str] = set()
        self._waiting: list[ViewCell] = []
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.setInterval(0)
        self._next.timeout.connect(self._show_next)
        self.setAcceptDrops(True)
        self.setMinimumSize(240, 160)
        texts = TextPictures()  # patient and study are the same text in all of them
        for view in self.views.values():
            view.texts = texts
            view.targets_dropped.connect(self.targets_dropped)
            view.pointed.connect(self._on_pointed)
            # queued: it is told while the view is painted, and a banner changes the layout
            view.failed.connect(self._on_view_failed, Qt.QueuedConnection)  # type: ignore[call-arg]
            view.menu_requested.connect(self._on_menu_requested)
        self.state.layout_changed.connect(self._lay_out)
        self.state.layers_changed.connect(self._on_layers_changed)
        self._is_empty = self._nothing_shown()
        self._lay_out()

    @property
    def views(self) -> dict[str, ViewWidget]:
        """All views by name."""
        return {**self.image_views, "3d": self.volume_view}

    @property
    def _all_cells(self) -> dict[str, ViewCell]:
        return {**self.cells, STACK_VIEW: self.stack_cell}

    @property
    def active_view(self) -> ViewWidget:
        """The view that keys go to."""
        return self.views[self.state.active_view]

    @property
    def active_slice_view(self) -> SliceViewWidget:
        """The active view, or the axial one while the volume view is active."""
        return self.image_views.get(self.state.active_view, self.slice_views[SLICE_VIEWS[0]])

    @property
    def shown_names(self) -> tuple[str, ...]:
        """Names of the views of the layout, in reading order."""
        return tuple(rect.name for rect in self._rects())

    @property
    def is_settled(self) -> bool:
        """Whether no picture is under way."""
        return self.volume_view.is_settled and not self._waiting

    def shown_views(self) -> tuple[tuple[str, ViewWidget, ViewGeometry], ...]:
        """Return name, widget and geometry, in pixels of the screen, of every view that is seen and shows something."""
        seen = []
        for name in () if self._is_empty else self.shown_names:
            view = self.views[name]
            if view.view_geometry is not None:
                seen.append((name, view, device_geometry(view.view_geometry, self.devicePixelRatioF())))
        return tuple(seen)

    def toggle_cine(self) -> None:
        """Run through the slices of the active view, through a film where there is but one, or stop."""
        if not self.cine.running and self.active_slice_view.slice_count == 1 and self.player.node is not None:
            self.player.toggle()
        else:
            self.cine.toggle()

    def close_views(self) -> None:
        """Stop what plays, end the thread of the volume view and give back what VTK holds."""
        self.cine.stop()
        self.player.stop()
        for view in self.image_views.values():
            view.shut_down()
        self.volume_view.shut_down()

    # -- events of Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the cells out anew."""
        super().resizeEvent(event)
        self._lay_out()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground between the cells; where nothing is shown, say what can be done."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme().window))
        if self._is_empty:
            self._paint_empty(painter)
        painter.end()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take what comes from the browser; files are for the window."""
        if dragged_targets(event.mimeData()):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell that something was dropped, on no view in particular."""
        if targets := dragged_targets(event.mimeData()):
            event.acceptProposedAction()
            self.targets_dropped.emit("", targets)

    # -- what is told

    def _on_pointed(self, reading: PointerReading | None) -> None:
        self.status_changed.emit("" if reading is None else reading.text)

    def _on_view_failed(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self.viewer.banners.show_error(sentence)

    def _on_menu_requested(self, place: QPoint) -> None:
        view = self.sender()
        if isinstance(view, ViewWidget):
            menu = QMenu(self)
            menu.setAttribute(Qt.WA_DeleteOnClose)
            fill_context_menu(menu, self.state, view.name, view.fit)
            cell = self._all_cells[view.name]
            if isinstance(cell, VolumeCell) and view.view_geometry is not None:
                cell.add_to_menu(menu)
            menu.popup(place)

    def _on_layers_changed(self) -> None:
        empty = self._nothing_shown()
        if empty != self._is_empty:
            self._is_empty = empty
            self._told.clear()
            self._lay_out(one_by_one=True)

    # -- layout

    def _nothing_shown(self) -> bool:
        return all(self.state.background_of(name) is None for name in VIEW_NAMES)

    def _rects(self) -> tuple[ViewRect, ...]:
        name, size = self.state.maximised or self.state.layout, (max(self.width(), 1), max(self.height(), 1))
        return layout_rects(name, *size, header_px=HEADER_PX, big=self.state.big_view)

    def _lay_out(self, *, one_by_one: bool = False) -> None:
        try:
            rects = {} if self._is_empty else {rect.name: rect for rect in self._rects()}
        except SettingsError:  # too small for the layout while the window is being made
            rects = {}
        for name, cell in self._all_cells.items():
            rect = rects.get(name)
            if rect is not None:
                cell.setGeometry(rect.x, rect.y - rect.edge_px, rect.width, rect.height + rect.edge_px)
            else:
                cell.hide()
        appearing = [self._all_cells[name] for name in rects if self._all_cells[name].isHidden()]
        self._waiting = appearing if one_by_one else []
        for cell in () if one_by_one else appearing:
            cell.show()
        self._show_next()
        if rects and self.state.active_view not in rects:
            self.state.set_active_view(next(iter(rects)))
        self.update()

    def _show_next(self) -> None:
        """Show the next cell that is to appear: each draws its first picture at once, and the window must not wait for all."""
        if self._waiting:
            self._waiting.pop(0).show()
        if self._waiting:
            self._next.start()

    def _paint_empty(self, painter: QPainter) -> None:
        room = QRectF(self.rect()).adjusted(16.5, 16.5, -16.5, -16.5)
        painter.setRenderHint(QPainter.Antialiasing)
        painter.setPen(QPen(QColor(theme().border), 1.0, Qt.DashLine))
        painter.drawRoundedRect(room, 8.0, 8.0)
        image = pixmap("import", theme().dim, EMPTY_ICON_PX)
        middle = self.rect().center()
        painter.drawPixmap(middle.x() - EMPTY_ICON_PX // 2, middle.y() - EMPTY_ICON_PX, image)
        painter.setPen(QColor(theme().dim))
        below = QRectF(room.left(), middle.y() + 12.0, room.width(), 40.0)
        painter.drawText(below, int(Qt.AlignHCenter | Qt.AlignTop | Qt.TextWordWrap), EMPTY)
