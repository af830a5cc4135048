"""The form for a note on a patient, study or series."""

from __future__ import annotations

from DICOMModule.database.annotations import LONGEST_NOTE
from DICOMModule.errors import plain_text
from DICOMModule.widgets.qt import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QKeySequence,
    QLabel,
    QPlainTextEdit,
    QShortcut,
    Qt,
    QVBoxLayout,
    QWidget,
)


class NoteDialog(QDialog):
    """Shows the note in a field; an empty one takes it away.

    Parameters
    ----------
    text : str
        What it is about.
    note : str
        What is written there.
    """

    def __init__(self, text: str, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Note")
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)
        self.resize(420, 300)
        what = QLabel(plain_text(text))
        what.setTextFormat(Qt.PlainText)
        what.setWordWrap(True)
        what.setProperty("caption", True)
        self.field = QPlainTextEdit(note)
        self.field.setPlaceholderText("Write a note…")
        self.field.setAccessibleName("Note")
        self.field.setTabChangesFocus(True)
        self.count_label = QLabel()
        self.count_label.setProperty("caption", True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.Save | QDialogButtonBox.Cancel)
        self._save = self.buttons.button(QDialogButtonBox.Save)
        self._save.setProperty("primary", True)
        self._save.setToolTip("Keep the note (Ctrl+Enter)")
        row = QHBoxLayout()
        row.addWidget(self.count_label, 1)
        row.addWidget(self.buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(what)
        layout.addWidget(self.field, 1)
        layout.addLayout(row)
        self.field.textChanged.connect(self._on_text_changed)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(key), self).activated.connect(self._save.click)
        self._on_text_changed()
        self.field.setFocus()

    @property
    def note(self) -> str:
        """What is written now."""
        return str(self.field.toPlainText())

    def _on_text_changed(self) -> None:
        length = len(self.note)
        too_long = length > LONGEST_NOTE
        self.count_label.setText(f"{length:,} of {LONGEST_NOTE:,} characters" if length > LONGEST_NOTE // 2 else "")
        self.count_label.setProperty("role", "error" if too_long else "")
        self.count_label.style().unpolish(self.count_label)
        self.count_label.style().polish(self.count_label)
        self._save.setEnabled(not too_long)
