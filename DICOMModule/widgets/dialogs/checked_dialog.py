"""A form that says as one fills it in whether what it asks for can be done."""

from __future__ import annotations

from DICOMModule.widgets.dialogs.state_line import show_state
from DICOMModule.widgets.qt import QDialog, QEvent, QLabel, QWidget


class CheckedDialog(QDialog):
    """A dialog whose form has a line with an icon and a sentence."""

    state_icon: QLabel
    state_text: QLabel

    def __init__(self, parent: QWidget | None = None) -> None:
        self._state = ""  # before Qt asks for anything
        super().__init__(parent)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange and self._state:
            self._show_state(self._state, self.state_text.text())
        super().changeEvent(event)

    def _show_state(self, kind: str, text: str) -> None:
        self._state = kind
        show_state(self.state_icon, self.state_text, kind, text)
