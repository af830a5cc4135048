"""The line of a dialog that says how things are: an icon and a sentence."""

from __future__ import annotations

from DICOMModule.widgets.qt import QLabel
from DICOMModule.widgets.theme import pixmap, theme


def show_state(icon: QLabel, label: QLabel, kind: str, text: str) -> None:
    """Show a sentence with its icon: ``ok``, ``warning``, ``error``, or another one in the colour of captions."""
    colors: dict[str, str] = {"ok": theme().ok, "warning": theme().warning, "error": theme().error}
    icon.setPixmap(pixmap(kind, colors.get(kind, theme().dim)))
    label.setText(text[:1].upper() + text[1:])
