"""The clip planes of the volume view: a small panel with two sliders for each axis of the volume's grid."""

from __future__ import annotations

from typing import Final

from DICOMModule.views.orientation import direction_letters, vector
from DICOMModule.views.volume_choices import WHOLE, ClipBox
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.qt import QFrame, QGridLayout, QLabel, QPoint, QPushButton, QSlider, Qt, QWidget
from DICOMModule.widgets.theme import SPACING, caption_font
from DICOMModule.widgets.views.volume_view_widget import VolumeViewWidget

STEPS: Final = 200
THINNEST: Final = 2  # steps that are always left


class ClipPanel(QFrame):
    """Sliders that cut the volume off from its six sides; nothing is cut while all stand at the ends.

    Parameters
    ----------
    view : VolumeViewWidget
        Whose volume is cut.
    """

    def __init__(self, view: VolumeViewWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.Popup)
        self._view = view
        self.setProperty("card", "true")
        self._names = [QLabel() for _axis in range(3)]
        self.sliders = [(self._slider(), self._slider()) for _axis in range(3)]
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 8, 12, 12)
        grid.setHorizontalSpacing(SPACING)
        grid.setVerticalSpacing(4)
        title = QLabel("Cut off")
        title.setProperty("caption", "true")
        title.setFont(caption_font(title.font()))
        grid.addWidget(title, 0, 0, 1, 2)
        for row, (name, (low, high)) in enumerate(zip(self._names, self.sliders, strict=True), start=1):
            grid.addWidget(name, row, 0)
            grid.addWidget(low, row, 1)
            grid.addWidget(high, row, 2)
            low.valueChanged.connect(self._on_slider_moved)
            high.valueChanged.connect(self._on_slider_moved)
        reset = QPushButton("Show all of it")
        reset.clicked.connect(self._on_reset_clicked)
        grid.addWidget(reset, 4, 1, 1, 2)
        self._show_clip(WHOLE)

    def open_under(self, button: QWidget) -> None:
        """Open below a button, with the sliders where the view cuts."""
        node = self._view.node
        for axis, name in enumerate(self._names):
            text = "" if node is None else axis_name(node.volume, axis)
            name.setText(text)
            for slider, end in zip(self.sliders[axis], ("first", "last"), strict=True):
                slider.setEnabled(node is not None)
                slider.setAccessibleName(f"{end} voxel along {text}")
        self._show_clip(self._view.clip or WHOLE)
        self.adjustSize()
        below = button.mapToGlobal(QPoint(button.width(), button.height() + 2))
        self.move(below.x() - self.width(), below.y())
        self.show()

    @property
    def clip(self) -> ClipBox | None:
        """What is left along i, j and k, as shares of the volume from 0 to 1; None: all of it."""
        i, j, k = ((low.value() / STEPS, 1.0 - (STEPS - high.value()) / STEPS) for low, high in self.sliders)
        return None if (i, j, k) == WHOLE else (i, j, k)

    def _slider(self) -> QSlider:
        slider = QSlider(Qt.Horizontal)
        slider.setRange(0, STEPS)
        slider.setMinimumWidth(96)
        return slider

    def _show_clip(self, clip: ClipBox) -> None:
        for (low, high), (first, last) in zip(self.sliders, clip, strict=True):
            for slider, value in ((low, first), (high, last)):
                slider.blockSignals(True)
                slider.setValue(round(value * STEPS))
                slider.blockSignals(False)

    def _on_slider_moved(self, _value: int) -> None:
        moved = self.sender()
        for low, high in self.sliders:
            if high.value() - low.value() < THINNEST:  # the one that was moved stops at the other
                if moved is low:
                    low.setValue(high.value() - THINNEST)
                else:
                    high.setValue(low.value() + THINNEST)
        self._view.set_clip(self.clip)

    def _on_reset_clicked(self, _checked: bool) -> None:
        self._show_clip(WHOLE)
        self._view.set_clip(None)


def axis_name(volume: Volume, axis: int) -> str:
    """Return which way an axis of the grid goes in the patient: ``R – L``."""
    column = volume.ijk_to_lps[:3, axis]
    return f"{direction_letters(vector(-column))} – {direction_letters(vector(column))}"
