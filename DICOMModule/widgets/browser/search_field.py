"""The search field of the browser: it searches as you type."""

from __future__ import annotations

from typing import Final

from DICOMModule.database.search_terms import SEARCH_HELP
from DICOMModule.widgets.qt import QEvent, QKeyEvent, QLineEdit, Qt, QTimer, QWidget, pyqtSignal
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.wording import plain_tooltip

PLACEHOLDER: Final = "Name, ID, words, mod:CT, date:7d…"


class SearchField(QLineEdit):
    """One line of words that are searched for.

    Signals
    -------
    search_changed : str
        Something was typed; the words without blanks around them. Keys that wait together are one change.
    left_downward
        Down or Enter: the list is wished for.
    """

    search_changed = pyqtSignal(str)
    left_downward = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(PLACEHOLDER)
        sentence = "Words that must all be in a name, ID, accession number, description or modality (Ctrl+F)."
        self.setToolTip(plain_tooltip(f"{sentence}\n{SEARCH_HELP}."))
        self.setAccessibleName("Search")
        self.setClearButtonEnabled(True)
        self._told = ""
        self._glass = self.addAction(icon("search"), QLineEdit.LeadingPosition)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)  # an answer takes a few milliseconds, and a newer wish overtakes it
        self._timer.timeout.connect(self._tell)
        self.textChanged.connect(self._on_text_changed)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Search at once with Enter, go to the list with Down, clear with Escape."""
        if event.key() in (Qt.Key_Return, Qt.Key_Enter, Qt.Key_Down):
            self._tell()
            self.left_downward.emit()
        elif event.key() == Qt.Key_Escape and self.text():
            self.clear()
            self._tell()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_glass"):
            self._glass.setIcon(icon("search"))
        super().changeEvent(event)

    def search_now(self) -> None:
        """Search at once for what stands there."""
        self._tell()

    def stop(self) -> None:
        """Tell of nothing any more."""
        self._timer.stop()

    def _on_text_changed(self, text: str) -> None:
        if text:
            self._timer.start()
        else:
            self._tell()  # who clears wants everything back, now

    def _tell(self) -> None:
        self._timer.stop()
        text = self.text().strip()
        if text != self._told:
            self._told = text
            self.search_changed.emit(text)
