"""Chooses one of the instances of something: what it is called, a slider, its number, and a file in its place."""

from __future__ import annotations

from DICOMModule.widgets.dialogs.instance_list import Instance, Listed
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.qt import QGridLayout, QLabel, QObject, QSlider, QSpinBox, Qt, QToolButton, pyqtSignal
from DICOMModule.widgets.theme import icon

LEAST_SLIDER_PX = 160


class InstancePicker(QObject):
    """A row of controls in a grid; where there is only one instance, its slider and number rest.

    Parameters
    ----------
    title : str
        What is chosen: ``First``.
    grid : QGridLayout
        Where the row is put.
    row : int
        Which it is.

    Signals
    -------
    number_changed : int
        Another instance is wished, counted from 1.
    file_requested
        A file is to be looked for in its place.
    """

    number_changed = pyqtSignal(int)
    file_requested = pyqtSignal()

    def __init__(self, title: str, grid: QGridLayout, row: int, parent: QObject) -> None:
        super().__init__(parent)
        self.instances: tuple[Instance, ...] = ()
        self.caption = QLabel(title)
        self.name = ElidedLabel()
        self.slider = QSlider(Qt.Horizontal)
        self.slider.setMinimumWidth(LEAST_SLIDER_PX)
        self.slider.setAccessibleName(f"{title}: instance")
        self.spin = QSpinBox()
        self.spin.setKeyboardTracking(False)
        self.spin.setAccessibleName(f"{title}: number of the instance")
        self.count = QLabel()
        self.count.setProperty("caption", True)
        self.file_button = QToolButton()
        self.file_button.setToolTip(f"{title}: choose a file")
        self.file_button.setAccessibleName(f"{title}: choose a file")
        self.file_button.setFocusPolicy(Qt.StrongFocus)
        self.file_button.clicked.connect(lambda _checked: self.file_requested.emit())
        for column, widget in enumerate(
            (self.caption, self.name, self.slider, self.spin, self.count, self.file_button)
        ):
            grid.addWidget(widget, row, column)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 2)
        self.slider.valueChanged.connect(self.spin.setValue)
        self.spin.valueChanged.connect(self.slider.setValue)
        self.spin.valueChanged.connect(self.number_changed)
        self.set_icon()
        self.show_instances(Listed((), -1))

    @property
    def number(self) -> int:
        """Which instance is wished, counted from 1; 0 where there is none."""
        return int(self.spin.value()) if self.instances else 0

    @property
    def instance(self) -> Instance | None:
        """The instance that is wished."""
        return self.instances[self.number - 1] if self.instances else None

    def show_instances(self, listed: Listed) -> None:
        """Let one of these be chosen."""
        self.instances = listed.instances
        most = len(listed.instances)
        for widget in (self.spin, self.slider):
            widget.blockSignals(True)
            widget.setRange(min(1, most), most)
            widget.setValue(listed.first + 1)
            widget.setEnabled(most > 1)
            widget.blockSignals(False)
        self.count.setText(f"of {most:,}" if most else "")

    def set_name(self, text: str) -> None:
        """Say what the instance belongs to."""
        self.name.set_whole_text(text)

    def go_to(self, number: int) -> None:
        """Wish another instance, as far as there is one."""
        self.spin.setValue(number)

    def set_icon(self) -> None:
        """Tint the icon anew."""
        self.file_button.setIcon(icon("folder"))
