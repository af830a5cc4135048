"""A field that takes one key, with its modifiers, instead of text."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.qt import QEvent, QKeyEvent, QKeySequence, QLineEdit, Qt, QWidget, pyqtSignal

_MODIFIERS: Final = {
    Qt.Key_Control,
    Qt.Key_Shift,
    Qt.Key_Alt,
    Qt.Key_Meta,
    Qt.Key_AltGr,
    Qt.Key_CapsLock,
    Qt.Key_NumLock,
    Qt.Key_unknown,
}
_KEPT: Final = Qt.ShiftModifier | Qt.ControlModifier | Qt.AltModifier | Qt.MetaModifier


class KeyEdit(QLineEdit):
    """Shows the key that was pressed last. Tab leaves the field; Escape is a key like others the first time.

    Signals
    -------
    key_changed : str
        Another key was pressed, in Qt's portable spelling; empty after `clear_key`.
    """

    key_changed = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = ""
        self.setReadOnly(True)
        self.setContextMenuPolicy(Qt.NoContextMenu)
        self.setPlaceholderText("Press the new key here")

    @property
    def key(self) -> str:
        """The key, in Qt's portable spelling; empty where none was pressed yet."""
        return self._key

    def clear_key(self) -> None:
        """Forget the key."""
        self._set_key("")

    def event(self, event: QEvent) -> bool:
        """Keep every key from being taken as a shortcut."""
        if event.type() == QEvent.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the key."""
        key = _portable(event)
        if key == "Esc" and self._key == "Esc":
            event.ignore()  # the second time it closes the dialog, as everywhere
        elif key:
            self._set_key(key)

    def _set_key(self, key: str) -> None:
        self._key = key
        shown = QKeySequence(key, QKeySequence.PortableText).toString(QKeySequence.NativeText)
        self.setText(shown)
        self.key_changed.emit(key)


def _portable(event: QKeyEvent) -> str:
    if event.key() in _MODIFIERS:
        return ""
    modifiers = event.modifiers() & _KEPT
    text = event.text()
    if text and text.isprintable() and not text.isalpha() and not text.isspace():
        modifiers = modifiers & ~Qt.ShiftModifier  # Shift is part of typing ? or +, on some keyboards
    return QKeySequence(int(modifiers) | event.key()).toString(QKeySequence.PortableText)
