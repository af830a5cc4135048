"""The searches that were kept: the form that keeps one, and the list in which they are renamed and removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from DICOMModule.database import SavedSearch
from DICOMModule.database.annotations import LONGEST_SEARCH_NAME
from DICOMModule.errors import plain_text
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.qt import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QKeySequence,
    QLabel,
    QLineEdit,
    QPushButton,
    QShortcut,
    Qt,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.viewer import Viewer

NAME_ROLE: Final = Qt.UserRole


class SaveSearchDialog(QDialog):
    """Asks for the name of a search.

    Parameters
    ----------
    text : str
        What is searched for.
    names : sequence of str
        Those that are taken: one of them is replaced.
    """

    def __init__(self, text: str, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save search")
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)
        self.resize(380, 150)
        self._names = frozenset(names)
        what = QLabel(f"Search: {plain_text(text)}")
        what.setTextFormat(Qt.PlainText)
        what.setWordWrap(True)
        what.setProperty("caption", True)
        self.field = QLineEdit(text[:LONGEST_SEARCH_NAME])
        self.field.setMaxLength(LONGEST_SEARCH_NAME)
        self.field.setPlaceholderText("Name of the search")
        self.field.setAccessibleName("Name of the search")
        self.field.selectAll()
        self.warning_label = QLabel()
        self.warning_label.setProperty("role", "warning")
        self.buttons = QDialogButtonBox(QDialogButtonBox.Save | QDialogButtonBox.Cancel)
        self.buttons.button(QDialogButtonBox.Save).setProperty("primary", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        for widget in (what, self.field, self.warning_label, self.buttons):
            layout.addWidget(widget)
        self.field.textChanged.connect(lambda _text: self._on_text_changed())
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._on_text_changed()
        self.field.setFocus()

    @property
    def name(self) -> str:
        """The name that is typed."""
        return " ".join(self.field.text().split())

    def _on_text_changed(self) -> None:
        self.warning_label.setText(
            "There is a search of this name; it will be replaced." if self.name in self._names else ""
        )
        self.buttons.button(QDialogButtonBox.Save).setEnabled(bool(self.name))


class SavedSearches(PanelDialog):
    """Lists the searches; a name is changed in its place.

    Parameters
    ----------
    viewer : Viewer
        Keeps the dialog's size.

    Signals
    -------
    search_chosen : str
        What is to be searched for.
    renamed : SavedSearch, str
        A search is to be called so.
    removed : SavedSearch
        It is to be forgotten.
    """

    search_chosen = pyqtSignal(str)
    renamed = pyqtSignal(object, str)
    removed = pyqtSignal(object)

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("searches", viewer, parent)
        self.setWindowTitle("Saved searches")
        self.resize(560, 340)
        self._searches: tuple[SavedSearch, ...] = ()
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Name", "Search"])
        self.tree.setRootIsDecorated(False)
        self.tree.setAccessibleName("Saved searches")
        self.tree.header().setSectionResizeMode(0, QHeaderView.Interactive)
        self.tree.setColumnWidth(0, 220)
        self.search_button = _button("Search", "Search for it (Enter)")
        self.rename_button = _button("Rename", "Give it another name (F2)")
        self.remove_button = _button("Remove", "Forget it (Del)")
        self.close_button = _button("Close", "Close this list (Esc)")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.rename_button)
        row.addWidget(self.remove_button)
        row.addStretch(1)
        row.addWidget(self.search_button)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.tree, 1)
        layout.addLayout(row)
        self._connect()
        self.show_searches(())

    def show_searches(self, searches: Sequence[SavedSearch]) -> None:
        """List these; the one that was current stays so."""
        current = self.current
        self._searches = tuple(searches)
        self.tree.blockSignals(True)
        self.tree.clear()
        for search in searches:
            item = QTreeWidgetItem(self.tree, [plain_text(search.name), plain_text(search.text)])
            item.setData(0, NAME_ROLE, search.name)
            item.setFlags(Qt.ItemIsEnabled | Qt.ItemIsSelectable | Qt.ItemIsEditable)
            if current is not None and search.name == current.name:
                self.tree.setCurrentItem(item)
        if self.tree.currentItem() is None and searches:
            self.tree.setCurrentItem(self.tree.topLevelItem(0))
        self.tree.blockSignals(False)
        self._show_buttons()

    @property
    def current(self) -> SavedSearch | None:
        """The search that the cursor is on."""
        item: QTreeWidgetItem | None = self.tree.currentItem()
        name = item.data(0, NAME_ROLE) if item is not None else None
        return next((search for search in self._searches if search.name == name), None)

    def _connect(self) -> None:
        self.tree.setEditTriggers(QTreeWidget.EditKeyPressed)
        self.tree.currentItemChanged.connect(lambda _now, _before: self._show_buttons())
        self.tree.itemChanged.connect(self._on_item_changed)
        self.tree.itemDoubleClicked.connect(lambda _item, _column: self._on_search_clicked())
        self.search_button.clicked.connect(lambda _checked: self._on_search_clicked())
        self.rename_button.clicked.connect(lambda _checked: self._on_rename_clicked())
        self.remove_button.clicked.connect(lambda _checked: self._on_remove_clicked())
        self.close_button.clicked.connect(lambda _checked: self.close())
        keys: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Return", self._on_search_clicked),
            ("Delete", self._on_remove_clicked),
        )
        for key, act in keys:
            shortcut = QShortcut(QKeySequence(key), self.tree)
            shortcut.setContext(Qt.WidgetShortcut)
            shortcut.activated.connect(act)

    def _show_buttons(self) -> None:
        for button in (self.search_button, self.rename_button, self.remove_button):
            button.setEnabled(self.current is not None)

    def _on_search_clicked(self) -> None:
        if self.current is not None:
            self.search_chosen.emit(self.current.text)

    def _on_rename_clicked(self) -> None:
        self.tree.setFocus()
        self.tree.editItem(self.tree.currentItem(), 0)

    def _on_remove_clicked(self) -> None:
        if self.current is not None:
            self.removed.emit(self.current)

    def _on_item_changed(self, item: QTreeWidgetItem, column: int) -> None:
        old = item.data(0, NAME_ROLE)
        search = next((one for one in self._searches if one.name == old), None)
        name = " ".join(item.text(0).split())
        taken = {one.name for one in self._searches}
        if search is None or column != 0 or not name or name == plain_text(search.name) or name in taken:
            self.show_searches(self._searches)  # a name of another one, or none, is no new name
            return
        self.renamed.emit(search, name)


def _button(title: str, tip: str) -> QPushButton:
    button = QPushButton(title)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    return button
