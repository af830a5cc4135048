"""What a dialog says of how things are: a sentence with an icon, and what went wrong."""

from __future__ import annotations

from DICOMModule.widgets.qt import QLabel, Qt
from DICOMModule.widgets.theme import pixmap, theme


def show_state(icon: QLabel, label: QLabel, kind: str, text: str) -> None:
    """Show a sentence with its icon: ``ok``, ``warning``, ``error``, or another one in the colour of captions."""
    colors: dict[str, str] = {"ok": theme().ok, "warning": theme().warning, "error": theme().error}
    icon.setPixmap(pixmap(kind, colors.get(kind, theme().dim)))
    label.setText(text[:1].upper() + text[1:])


def error_label() -> QLabel:
    """Return the label, hidden as yet, in which a dialog says what went wrong."""
    label = QLabel()
    label.setTextFormat(Qt.PlainText)
    label.setWordWrap(True)
    label.setProperty("role", "error")
    label.setTextInteractionFlags(Qt.TextSelectableByMouse)
    label.hide()
    return label
