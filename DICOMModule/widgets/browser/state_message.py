"""What stands in the place of an empty list: what that means, and the one thing to do about it."""

from __future__ import annotations

from DICOMModule.widgets.qt import QEvent, QLabel, QPushButton, QSizePolicy, Qt, QVBoxLayout, QWidget, pyqtSignal
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.wording import plain_tooltip, shortened

ICON_PX = 32
LEAST_PX = 80
LONGEST_WORD = 36


class StateMessage(QWidget):
    """An icon, a title, a sentence and perhaps a button, in the middle of the place.

    Signals
    -------
    acted
        The button was clicked.
    """

    acted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name, self._color_name = "database", "dim"
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignCenter)
        self.title = _label()
        self.sentence = _label()
        self.sentence.setProperty("caption", True)
        self.sentence.setTextInteractionFlags(Qt.TextSelectableByMouse)
        self.button = QPushButton()
        self.button.clicked.connect(lambda _checked: self.acted.emit())
        self.setAttribute(Qt.WA_StyledBackground)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addStretch(1)
        for widget in (self._icon, self.title, self.sentence):
            layout.addWidget(widget)
        layout.addSpacing(8)
        layout.addWidget(self.button, 0, Qt.AlignHCenter)
        layout.addStretch(2)

    def show_message(
        self, icon_name: str, title: str, sentence: str, button: str = "", *, primary: bool = False, color: str = "dim"
    ) -> None:
        """Say something.

        Parameters
        ----------
        button : str
            Its title; empty for none.
        primary : bool
            Whether it is the section's main button.
        color : str
            Which of the theme's colours the icon has.
        """
        self._icon_name, self._color_name = icon_name, color
        self._set_icon()
        for label, text in ((self.title, title), (self.sentence, sentence)):
            label.setText(shortened(text, LONGEST_WORD))
            label.setToolTip(plain_tooltip(text) if label.text() != text else "")
        self.sentence.setVisible(bool(sentence))
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.button.setProperty("primary", "true" if primary else "false")
        self.button.style().unpolish(self.button)
        self.button.style().polish(self.button)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange:
            self._set_icon()
        super().changeEvent(event)

    def _set_icon(self) -> None:
        self._icon.setPixmap(pixmap(self._icon_name, getattr(theme(), self._color_name), ICON_PX))


def _label() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.PlainText)
    label.setWordWrap(True)
    label.setMinimumWidth(LEAST_PX)  # not that of its longest word: the panel would grow with it
    label.setAlignment(Qt.AlignCenter)
    label.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
    return label
