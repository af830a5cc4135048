"""The keys dialog: every action with its keys, by group; each can be bound anew, and who has a key already is said."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.dialogs.key_edit import KeyEdit
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.key_actions import KeyAction
from DICOMModule.widgets.key_table import KeyTable, native
from DICOMModule.widgets.qt import (
    QFont,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    Qt,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.viewer import Viewer

ACTION_ROLE: Final = Qt.UserRole
NO_KEY: Final = "–"


class ShortcutsDialog(PanelDialog):
    """Lists all keys of the window and binds them anew; what is changed is taken at once.

    Parameters
    ----------
    table : KeyTable
        Which key starts which action; `KeyBinder.table`.
    viewer : Viewer
        Has the settings in which bindings are kept.
    """

    search_field: QLineEdit
    tree: QTreeWidget
    action_label: QLabel
    key_edit: KeyEdit
    use_button: QPushButton
    add_button: QPushButton
    clear_button: QPushButton
    reset_button: QPushButton
    note_icon: QLabel
    note_label: QLabel
    reset_all_button: QPushButton
    close_button: QPushButton

    def __init__(self, table: KeyTable, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("shortcuts", viewer, parent)
        load_form("ShortcutsDialog", self)
        self._table = table
        self._items: dict[str, QTreeWidgetItem] = {}
        self._fill()
        self._connect()
        self._show_keys()
        self._on_action_chosen()
        self._disconnect = viewer.settings.changed.connect(lambda _settings: self._show_keys())
        self.destroyed.connect(self._disconnect)

    def choose(self, name: str) -> None:
        """Select an action, so that its keys can be changed."""
        self.tree.setCurrentItem(self._items[name])

    def _fill(self) -> None:
        self.tree.setHeaderLabels(["Action", "Keys"])
        self.tree.header().setSectionResizeMode(0, QHeaderView.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeToContents)
        self.tree.header().setStretchLastSection(False)
        self.tree.setIndentation(12)
        groups: dict[str, QTreeWidgetItem] = {}
        for action in self._table.actions:
            if action.group not in groups:
                groups[action.group] = self._add_group(action.group)
            item = QTreeWidgetItem(groups[action.group], [action.title, ""])
            item.setData(0, ACTION_ROLE, action.name)
            self._items[action.name] = item
        self.tree.expandAll()

    def _add_group(self, name: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self.tree, [name])
        item.setFlags(Qt.ItemIsEnabled)
        item.setFirstColumnSpanned(True)
        font = QFont(self.font())
        font.setBold(True)
        item.setFont(0, font)
        return item

    def _connect(self) -> None:
        self.search_field.textChanged.connect(self._on_search_changed)
        self.tree.currentItemChanged.connect(lambda _now, _before: self._on_action_chosen())
        self.tree.itemActivated.connect(lambda _item, _column: self.key_edit.setFocus())
        self.key_edit.key_changed.connect(lambda _key: self._show_buttons())
        self.use_button.clicked.connect(lambda _checked: self._bind(()))
        self.add_button.clicked.connect(lambda _checked: self._bind(self._table.keys_of(self._chosen_name())))
        self.clear_button.clicked.connect(lambda _checked: self._table.bind(self._chosen_name(), ()))
        self.reset_button.clicked.connect(lambda _checked: self._on_reset_clicked())
        self.reset_all_button.clicked.connect(lambda _checked: self._table.reset_all())
        self.close_button.clicked.connect(lambda _checked: self.close())

    def _chosen(self) -> KeyAction | None:
        item: QTreeWidgetItem | None = self.tree.currentItem()
        name = item.data(0, ACTION_ROLE) if item is not None else None
        return next((action for action in self._table.actions if action.name == name), None)

    def _chosen_name(self) -> str:
        action = self._chosen()
        return action.name if action is not None else ""

    def _bind(self, others: tuple[str, ...]) -> None:
        self._table.bind(self._chosen_name(), [*others, self.key_edit.key])
        self.key_edit.clear_key()
        self.tree.setFocus()

    def _show_keys(self) -> None:
        """Write the keys into the rows, which stay where they are."""
        for name, item in self._items.items():
            item.setText(1, ", ".join(map(native, self._table.keys_of(name))) or NO_KEY)
        self.reset_all_button.setEnabled(any(map(self._table.is_bound_anew, self._items)))
        self._show_buttons()

    def _show_buttons(self) -> None:
        action, key = self._chosen(), self.key_edit.key
        name = action.name if action is not None else ""
        owner = self._table.owner_of(key)
        is_new = action is not None and bool(key) and (owner is None or owner.name != name)
        taken = is_new and owner is not None
        for button in (self.use_button, self.add_button):
            button.setEnabled(is_new)
        self.use_button.setText("Take over" if taken else "Use")
        self.key_edit.setEnabled(action is not None)
        self.clear_button.setEnabled(bool(self._table.keys_of(name)))
        self.reset_button.setEnabled(self._table.is_bound_anew(name))
        if taken and owner is not None:
            self._note(f"{native(key)} is the key of “{owner.title}”, which loses it.", warns=True)
        elif action is not None and key and owner is action:
            self._note(f"{native(key)} starts it already.", warns=False)
        else:
            self._note("", warns=False)

    def _note(self, text: str, *, warns: bool) -> None:
        """Say something below the field; its room is there also when there is nothing to say."""
        self.note_label.setText(text or " ")
        kind, color = ("warning", theme().warning) if warns else ("info", theme().dim)
        self.note_icon.setPixmap(pixmap(kind, color, 16))
        self.note_icon.setVisible(bool(text))

    def _on_search_changed(self, text: str) -> None:
        words = text.casefold().split()
        for row in range(self.tree.topLevelItemCount()):
            group: QTreeWidgetItem | None = self.tree.topLevelItem(row)
            if group is None:
                continue
            hits = 0
            for item in (group.child(index) for index in range(group.childCount())):
                searched = f"{group.text(0)} {item.text(0)} {item.text(1)}".casefold()
                item.setHidden(not all(word in searched for word in words))
                hits += not item.isHidden()
            group.setHidden(not hits)

    def _on_action_chosen(self) -> None:
        action = self._chosen()
        self.action_label.setText(f"New key for “{action.title}”:" if action is not None else "Choose an action.")
        self.key_edit.clear_key()
        self._show_buttons()

    def _on_reset_clicked(self) -> None:
        action = self._chosen()
        if action is None:
            return
        owners = {owner.title for key in action.keys if (owner := self._table.owner_of(key)) and owner is not action}
        self._table.reset(action.name)
        if owners:
            self._note(f"Taken back from {', '.join(f'“{title}”' for title in sorted(owners))}.", warns=True)
