"""The Image Preview: scrolls through the images of what is selected, without loading anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from DICOMModule.errors import plain_text
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.picture_loader import PictureLoader
from DICOMModule.widgets.browser.pictures import Picture, paint_fitted
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import JobRunner
from DICOMModule.widgets.qt import (
    QColor,
    QHBoxLayout,
    QKeyEvent,
    QLabel,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRectF,
    QSize,
    QSizePolicy,
    QSlider,
    Qt,
    QTimer,
    QVBoxLayout,
    QWheelEvent,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.shortcuts import KEEPS_KEYS
from DICOMModule.widgets.theme import caption_font, pixmap, theme
from DICOMModule.widgets.views.view_widget import GROUND

if TYPE_CHECKING:
    from DICOMModule.previews import PreviewFrame

SETTLE_MS: Final = 120  # a selection that stays so long is shown: keys held down pass over many
NOTCH: Final = 120
PAGE_IMAGES: Final = 10
LEAST_STEP_PX: Final = 2.0
ON_BLACK: Final = QColor("#9aa5b0")
HINT: Final = "Select a patient, study or series to look through its images."


class PreviewCanvas(QWidget):
    """The near-black place of the picture; turns wheel, keys and drags into steps.

    Signals
    -------
    stepped : int
        So many images on or back.
    jumped : int
        To the first (-1) or last (1) image.
    """

    stepped = pyqtSignal(int)
    jumped = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture: Picture | None = None
        self.hint = HINT
        self.count = 0
        self._wheel = 0
        self._drag_y: float | None = None
        self._steps: Mapping[int, int] = {
            Qt.Key_Up: -1, Qt.Key_Down: 1, Qt.Key_PageUp: -PAGE_IMAGES, Qt.Key_PageDown: PAGE_IMAGES,
        }  # fmt: skip
        self.setFocusPolicy(Qt.StrongFocus)
        self.setProperty(KEEPS_KEYS, True)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Expanding)
        self.setMinimumHeight(96)
        self.setAccessibleName("Image Preview")
        self.setToolTip("Wheel, drag, Up and Down scroll through the images")

    def sizeHint(self) -> QSize:
        """Return a place for a small square picture."""
        return QSize(240, 200)

    def show_picture(self, picture: Picture | None, hint: str = "") -> None:
        """Show a picture, or why there is none, or a hint where there is neither."""
        self.picture, self.hint = picture, hint
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the picture as large as it fits, or a sentence."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), GROUND)
        if self.picture is not None and self.picture.image is not None:
            paint_fitted(painter, self.picture.image, QRectF(self.rect()), self.devicePixelRatioF())
        elif self.picture is not None:
            self._paint_sentence(painter, f"This image cannot be shown: {self.picture.problem}", "warning")
        else:
            self._paint_sentence(painter, self.hint, "")
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme().accent), 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with Up, Down and the page keys, jump with Home and End."""
        if event.key() in self._steps:
            self.stepped.emit(self._steps[event.key()])
        elif event.key() in (Qt.Key_Home, Qt.Key_End):
            self.jumped.emit(-1 if event.key() == Qt.Key_Home else 1)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step one image a notch, whatever the wheel's resolution."""
        self._wheel += event.angleDelta().y()
        notches = int(self._wheel / NOTCH)
        self._wheel -= notches * NOTCH
        if notches:
            self.stepped.emit(-notches)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to scroll by moving."""
        self._drag_y = event.localPos().y()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scroll by moving with a button held: the height of the picture is about all images."""
        if self._drag_y is None:
            return
        step_px = max(LEAST_STEP_PX, min(12.0, self.height() / max(1, self.count)))
        steps = int((event.localPos().y() - self._drag_y) / step_px)
        if steps:
            self._drag_y += steps * step_px
            self.stepped.emit(steps)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """End scrolling by moving."""
        self._drag_y = None

    def _paint_sentence(self, painter: QPainter, text: str, icon_name: str) -> None:
        room = QRectF(self.rect()).adjusted(16, 8, -16, -8)
        if icon_name:
            mark = pixmap(icon_name, "#f4c442")
            painter.drawPixmap(int(room.center().x()) - 10, max(4, int(room.center().y()) - 40), mark)
            room.setTop(room.center().y() - 12)
        painter.setPen(ON_BLACK)
        align = Qt.TextWordWrap | Qt.AlignHCenter | (Qt.AlignTop if icon_name else Qt.AlignVCenter)
        painter.drawText(room, int(align), plain_text(text))


class ImagePreview(QWidget):
    """Scrolls through the images of patients, studies or series; shows n/N and the series' description.

    The number tells which picture is seen; the slider, which one is wished. Until a picture is there, the last one stays.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Lists frames and makes pictures.
    jobs : JobRunner
        Where that is done, quietly.
    """

    def __init__(self, logic: DICOMModuleLogic, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loader = PictureLoader(logic, jobs, self)
        self.canvas = PreviewCanvas()
        self.slider = QSlider(Qt.Horizontal)
        self.slider.setAccessibleName("Image")
        self.slider.setEnabled(False)
        self.number = QLabel()
        self.title = ElidedLabel()
        self._targets: tuple[str, ...] = ()
        self._shown: PreviewFrame | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._on_selection_settled)
        self._lay_out()
        self.slider.valueChanged.connect(self._on_slider_moved)
        self.canvas.stepped.connect(self.step)
        self.canvas.jumped.connect(self._on_jumped)
        self.loader.listed.connect(self._on_listed)
        self.loader.arrived.connect(self._on_arrived)
        self.loader.failed.connect(self._on_list_failed)

    @property
    def index(self) -> int:
        """Which image is wished, from 0."""
        return int(self.slider.value())

    @property
    def count(self) -> int:
        """How many images can be scrolled through."""
        return len(self.loader.frames)

    def show_targets(self, targets: Sequence[str]) -> None:
        """Show the images of these, once the selection stays for a moment; of nothing, nothing."""
        self._targets = tuple(targets)
        if targets:
            self._timer.start()
        else:
            self._timer.stop()
            self.loader.show_targets(())
            self._show_nothing(HINT)

    def step(self, steps: int) -> None:
        """Go so many images on, or back."""
        self.slider.setValue(self.index + steps)

    def reload(self) -> None:
        """List the images of what is shown anew: files may have come or gone; the present image stays where it can."""
        if self._targets:
            self._timer.start()

    def set_logic(self, logic: DICOMModuleLogic) -> None:
        """Use another database."""
        self.show_targets(())
        self.loader.set_logic(logic)

    def stop(self) -> None:
        """Ask for nothing any more."""
        self._timer.stop()
        self.loader.stop()

    def _lay_out(self) -> None:
        for label in (self.title, self.number):
            label.setTextFormat(Qt.PlainText)
            label.setProperty("caption", True)
            label.setFont(caption_font(self.font()))
        self.number.setAlignment(Qt.AlignRight | Qt.AlignVCenter)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.title, 1)
        row.addWidget(self.number)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.slider)
        layout.addLayout(row)

    def _on_selection_settled(self) -> None:
        self.loader.show_targets(self._targets)

    def _on_listed(self) -> None:
        frames = self.loader.frames
        if not frames:
            self._show_nothing("There is no image in what is selected.")
            return
        self.canvas.count = len(frames)
        self._set_slider(_starting_index(frames, self._shown), len(frames))
        self.loader.go_to(self.index)
        self._show_if_there(self.index)

    def _on_list_failed(self, text: str) -> None:
        self._show_nothing(text)

    def _on_arrived(self, index: int) -> None:
        if index == self.index:
            self._show_if_there(index)

    def _on_slider_moved(self, index: int) -> None:
        self.loader.go_to(index)
        self._show_if_there(index)

    def _on_jumped(self, end: int) -> None:
        self.slider.setValue(0 if end < 0 else self.slider.maximum())

    def _show_if_there(self, index: int) -> None:
        picture = self.loader.picture(index)
        if picture is None:
            if self._shown is None:
                self.canvas.show_picture(None, "")
            return
        self._shown = self.loader.frames[index]
        self.canvas.show_picture(picture)
        self.number.setText(f"{index + 1}/{self.count}")
        self.title.set_whole_text(_title_of(self._shown))

    def _show_nothing(self, hint: str) -> None:
        self._shown = None
        self._set_slider(0, 0)
        self.canvas.show_picture(None, hint)
        self.number.setText("")
        self.title.set_whole_text("")

    def _set_slider(self, index: int, count: int) -> None:
        blocked = self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, count - 1))
        self.slider.setPageStep(PAGE_IMAGES)
        self.slider.setValue(index)
        self.slider.setEnabled(count > 1)
        self.slider.blockSignals(blocked)


def _title_of(frame: PreviewFrame) -> str:
    header = frame.header
    number, modality = header.integer("SeriesNumber"), header.text("Modality")
    description = plain_text(header.text("SeriesDescription") or header.text("BodyPartExamined") or modality)
    return description if number is None else f"{number}: {description}" if description else f"Series {number}"


def _starting_index(frames: Sequence[PreviewFrame], shown: PreviewFrame | None) -> int:
    """Return where to begin: at the image that is seen, else in the middle of the first series, as its thumbnail is."""
    if shown is not None:
        wanted = (shown.sop_instance_uid, shown.frame)
        for index, frame in enumerate(frames):
            if (frame.sop_instance_uid, frame.frame) == wanted:
                return index
    first = frames[0].series_instance_uid
    return sum(1 for frame in frames if frame.series_instance_uid == first) // 2
