"""The form for labels: which of them the selection bears, new ones, completed from those there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from DICOMModule.database.annotations import LONGEST_LABEL
from DICOMModule.dicom.search_folding import fold_search
from DICOMModule.errors import plain_text
from DICOMModule.widgets.qt import (
    QCompleter,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    Qt,
    QVBoxLayout,
    QWidget,
)

LABEL_ROLE: Final = Qt.UserRole


class LabelDialog(QDialog):
    """Shows all labels as boxes: ticked where all that is selected bears one, half where a part does.

    Parameters
    ----------
    text : str
        What is selected.
    borne : sequence of tuple of str
        The labels of each thing that is selected.
    known : sequence of str
        All labels there are.
    """

    def __init__(
        self, text: str, borne: Sequence[tuple[str, ...]], known: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Labels")
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)
        self.resize(360, 380)
        self._before: dict[str, Qt.CheckState] = {}
        self.field = QLineEdit()
        self.field.setPlaceholderText("New label…")
        self.field.setAccessibleName("New label")
        self.field.setMaxLength(LONGEST_LABEL)
        completer = QCompleter(list(known), self)
        completer.setCaseSensitivity(Qt.CaseInsensitive)
        completer.setFilterMode(Qt.MatchContains)
        self.field.setCompleter(completer)
        self.add_button = QPushButton("Add")
        self.add_button.setToolTip("Put it on the list, ticked (Enter)")
        self.add_button.setAutoDefault(False)
        self.add_button.setEnabled(False)
        self.list = QListWidget()
        self.list.setAccessibleName("Labels")
        self._fill(borne, known)
        self._lay_out(text)
        self.field.returnPressed.connect(self._on_return_pressed)
        self.field.textChanged.connect(lambda typed: self.add_button.setEnabled(bool(fold_search(typed))))
        self.add_button.clicked.connect(lambda _checked: self.add_typed())
        self.field.setFocus()

    def _lay_out(self, text: str) -> None:
        what = QLabel(plain_text(text))
        what.setTextFormat(Qt.PlainText)
        what.setWordWrap(True)
        what.setProperty("caption", True)
        save, cancel = QPushButton("Save"), QPushButton("Cancel")
        save.setProperty("primary", True)
        save.setToolTip("Keep it so (Enter in the empty field)")
        cancel.setToolTip("Change nothing (Esc)")
        row, last = QHBoxLayout(), QHBoxLayout()
        for line in (row, last):
            line.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.add_button)
        last.addStretch(1)
        for button, act in ((save, self.accept), (cancel, self.reject)):
            button.setAutoDefault(False)  # Enter in the field adds what is typed
            button.clicked.connect(act)
            last.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(what)
        layout.addLayout(row)
        layout.addWidget(self.list, 1)
        layout.addLayout(last)

    @property
    def changes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The labels that are to be put on all of it, and those that are to be taken off."""
        now = {item.data(LABEL_ROLE): item.checkState() for item in self._items()}
        changed = {label: state for label, state in now.items() if state != self._before.get(label, Qt.Unchecked)}
        return (
            tuple(label for label, state in changed.items() if state == Qt.Checked),
            tuple(label for label, state in changed.items() if state == Qt.Unchecked),
        )

    def add_typed(self) -> None:
        """Tick the label that is typed, and put it on the list if it is a new one."""
        text = " ".join(self.field.text().split())
        folded = fold_search(text)
        if not folded:
            return
        item = next((one for one in self._items() if fold_search(one.data(LABEL_ROLE)) == folded), None)
        if item is None:
            item = self._add(text, Qt.Checked)
        item.setCheckState(Qt.Checked)
        self.list.setCurrentItem(item)
        self.field.clear()

    def accept(self) -> None:
        """Take what is typed too: who types and saves means it."""
        self.add_typed()
        super().accept()

    def _fill(self, borne: Sequence[tuple[str, ...]], known: Sequence[str]) -> None:
        every = dict.fromkeys((*(label for labels in borne for label in labels), *known))
        for label in sorted(every, key=fold_search):
            bearing = sum(label in labels for labels in borne)
            state = Qt.Checked if bearing == len(borne) else Qt.PartiallyChecked if bearing else Qt.Unchecked
            self._before[label] = state
            self._add(label, state)

    def _add(self, label: str, state: Qt.CheckState) -> QListWidgetItem:
        item = QListWidgetItem(plain_text(label))
        item.setData(LABEL_ROLE, label)
        item.setFlags(Qt.ItemIsEnabled | Qt.ItemIsSelectable | Qt.ItemIsUserCheckable)
        item.setCheckState(state)
        self.list.addItem(item)
        return item

    def _items(self) -> list[QListWidgetItem]:
        items = (self.list.item(row) for row in range(self.list.count()))
        return [item for item in items if item is not None]

    def _on_return_pressed(self) -> None:
        if fold_search(self.field.text()):
            self.add_typed()
        else:
            self.accept()
