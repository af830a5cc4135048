"""The slider through the slices of a view: a click goes to its place, a notch of the wheel is one slice."""

from __future__ import annotations

from DICOMModule.widgets.qt import (
    QMouseEvent,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    Qt,
    QWheelEvent,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.views.gestures import Notches


class SliceSlider(QSlider):
    """A horizontal slider of whole numbers from 1.

    Signals
    -------
    turned : int
        The wheel went so many slices on.
    """

    turned = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Horizontal, parent)
        self._notches = Notches()
        self.setFocusPolicy(Qt.NoFocus)  # keys go to the view

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Go one slice on for each notch, as in the view."""
        if slices := self._notches.add(event.angleDelta().y()):
            self.turned.emit(slices)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the handle to the pointer, and hold it."""
        if event.button() == Qt.LeftButton:
            self.setSliderDown(True)
            self.setValue(self._value_at(event.localPos().x()))
            event.accept()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Let the handle follow the pointer."""
        if self.isSliderDown():
            self.setValue(self._value_at(event.localPos().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go of the handle."""
        if event.button() == Qt.LeftButton:
            self.setSliderDown(False)

    def _value_at(self, x_px: float) -> int:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        handle = self.style().subControlRect(QStyle.CC_Slider, option, QStyle.SC_SliderHandle, self)
        room = self.width() - handle.width()
        return QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), round(x_px - handle.width() / 2.0), room)
