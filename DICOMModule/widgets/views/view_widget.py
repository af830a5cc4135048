"""What slice and volume views have in common as widgets: pixels on the screen, a message, drops, and who is active."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.view import BACKGROUND
from DICOMModule.volume.volume import Voxels
from DICOMModule.widgets.dragging import dragged_targets
from DICOMModule.widgets.overlay_painter import MARGIN_PX, TEXT_PX, WARNING_COLOR, TextPictures
from DICOMModule.widgets.qt import (
    QColor,
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QFocusEvent,
    QFont,
    QImage,
    QMouseEvent,
    QPainter,
    QPen,
    QPoint,
    QRectF,
    Qt,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import theme
from DICOMModule.widgets.views.view_state import ViewState

GROUND: Final = QColor(*BACKGROUND)
MESSAGE_COLOR: Final = QColor(138, 148, 158)
NOTE_GROUND: Final = QColor(0, 0, 0, 170)
NOTE_FOOT_PX: Final = 52.0
NOTE_SHARE: Final = 0.9
PROBLEM_COLOR: Final = QColor(239, 125, 116)


class ViewWidget(QWidget):
    """One view of the window. The picture is drawn off the screen and painted here, with what is written over it.

    Parameters
    ----------
    name : str
        ``axial``, ``sagittal``, ``coronal`` or ``3d``.
    state : ViewState
        What the views share.

    Signals
    -------
    failed : str
        The picture could not be drawn: a sentence.
    menu_requested : QPoint
        A context menu is wished at this place of the screen.
    targets_dropped : str, tuple of str
        Something of the database was dropped: on which view, and what.
    pointed : PointerReading or None
        What is under the pointer; None when it has left.
    """

    failed = pyqtSignal(str)
    menu_requested = pyqtSignal(QPoint)
    targets_dropped = pyqtSignal(str, object)
    pointed = pyqtSignal(object)

    def __init__(self, name: str, state: ViewState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.state = state
        self.problem = ""
        self._drop_over = False
        self.texts = TextPictures()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.StrongFocus)
        self.setAcceptDrops(True)
        self.setAttribute(Qt.WA_OpaquePaintEvent)
        self.setMinimumSize(48, 48)

    def ask_menu(self, place: QPoint) -> None:
        """Ask for the context menu at a place of the screen."""
        self.menu_requested.emit(place)

    @property
    def view_geometry(self) -> ViewGeometry | None:
        """Where Qt's pixels lie in the patient; None where nothing is shown."""
        raise NotImplementedError

    def fit(self) -> None:
        """Fit the volume into the view."""
        raise NotImplementedError

    def reset(self) -> None:
        """Show the whole volume as at first."""
        raise NotImplementedError

    def zoom_by(self, factor: float) -> None:
        """Magnify about the middle."""
        raise NotImplementedError

    def turn_by(self, degrees: float) -> None:
        """Turn the picture in its plane, anticlockwise as seen."""
        raise NotImplementedError

    # -- events of Qt

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Make the view the active one."""
        self.state.set_active_view(self.name)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fill the place of all views, or give it back."""
        if event.button() == Qt.LeftButton:
            self.state.toggle_maximised(self.name)
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Make the view the active one."""
        self.state.set_active_view(self.name)
        super().focusInEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Show the menu that the keyboard asks for; the mouse's comes with the release of the button."""
        if event.reason() == QContextMenuEvent.Keyboard:
            self.ask_menu(self.mapToGlobal(self.rect().center()))
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take what comes from the browser; files are for the window."""
        if dragged_targets(event.mimeData()):
            event.acceptProposedAction()
            self._set_drop_over(True)
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Show no more that a drop would be taken."""
        self._set_drop_over(False)
        event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Make the view the active one, and tell what was dropped."""
        self._set_drop_over(False)
        if targets := dragged_targets(event.mimeData()):
            event.acceptProposedAction()
            self.state.set_active_view(self.name)
            self.targets_dropped.emit(self.name, targets)

    # -- painting

    def _try(self, draw: Callable[[], None], *expected: type[Exception]) -> None:
        """Draw; what is expected to go wrong becomes a sentence in the view, and a signal the first time."""
        try:
            draw()
        except expected as error:
            sentence = str(error)
            if sentence != self.problem:
                self.problem = sentence
                self.failed.emit(sentence)
        else:
            self.problem = ""

    def _paint_message(self, painter: QPainter, text: str, color: QColor = MESSAGE_COLOR) -> None:
        margin = 16.0
        room = QRectF(self.rect()).adjusted(margin, margin, -margin, -margin)
        painter.setPen(color)
        painter.drawText(room, int(Qt.AlignCenter | Qt.TextWordWrap), text)

    def _paint_notes(self, painter: QPainter, notes: Sequence[str], lines_below: int) -> None:
        """Paint short notes above ruler, letter and lines of text at the bottom, on a ground of their own."""
        font = QFont(self.font())
        font.setPixelSize(TEXT_PX)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        foot_px = max(NOTE_FOOT_PX, MARGIN_PX + (lines_below + 0.5) * metrics.height())
        for number, note in enumerate(notes):
            text = metrics.elidedText(note, Qt.ElideMiddle, round(NOTE_SHARE * self.width()))
            width, height = metrics.horizontalAdvance(text) + 12.0, metrics.height() + 4.0
            top = self.height() - foot_px - (number + 1) * (height + 2.0)
            box = QRectF((self.width() - width) / 2.0, top, width, height)
            painter.fillRect(box, NOTE_GROUND)
            painter.setPen(WARNING_COLOR)
            painter.drawText(box, int(Qt.AlignCenter), text)

    def _paint_drop_frame(self, painter: QPainter) -> None:
        if self._drop_over:
            painter.setPen(QPen(QColor(theme().accent), 2.0, Qt.DashLine))
            painter.drawRect(QRectF(self.rect()).adjusted(3.0, 3.0, -3.0, -3.0))

    def _set_drop_over(self, over: bool) -> None:
        self._drop_over = over
        self.update()


def device_geometry(logical: ViewGeometry, ratio: float) -> ViewGeometry:
    """Return a view in the pixels of the screen; `logical` is in Qt's, of which one is `ratio` wide.

    The picture covers the widget, with up to half a pixel of the screen to spare, and every place keeps its point.
    """
    width, height = max(1, round(logical.width_px * ratio)), max(1, round(logical.height_px * ratio))
    center = logical.lps_at(width / ratio / 2.0, height / ratio / 2.0)
    return replace(
        logical, width_px=width, height_px=height, mm_per_pixel=logical.mm_per_pixel / ratio, center_lps_mm=center
    )


def image_of(pixels: Voxels, ratio: float) -> QImage:
    """Return RGBA pixels, shape (height, width, 4), as an image that shares their memory: the caller keeps them."""
    height, width = pixels.shape[:2]
    data: Any = pixels.data
    image: QImage = QImage(data, width, height, 4 * width, QImage.Format_RGBX8888)
    image.setDevicePixelRatio(ratio)
    return image
