"""The section Servers of the panel: the listener, and the address book as a list with what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from DICOMModule.widgets.dialogs.file_dialogs import ask_new_file, dress_file_dialog
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.qt import (
    QAction,
    QCheckBox,
    QDialog,
    QEvent,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QKeyEvent,
    QKeySequence,
    QLabel,
    QListView,
    QMenu,
    QObject,
    QPushButton,
    QShortcut,
    QShowEvent,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.servers.server_book import ServerBook
from DICOMModule.widgets.servers.server_list import ROW_ROLE, ServerDelegate, ServerListModel
from DICOMModule.widgets.servers.server_rows import ServerRow
from DICOMModule.widgets.theme import icon

ROWS_SHOWN: Final = 4
LIST_KEYS: Final[dict[int, str]] = {Qt.Key_Return: "Edit…", Qt.Key_Enter: "Edit…", Qt.Key_Delete: "Remove"}
JSON_KIND: Final = "Address book (*.json)"


class ServersSection(QWidget):
    """Shows the address book, and asks for what is to be done with it.

    Parameters
    ----------
    book : ServerBook
        Has the servers, and writes them.

    Signals
    -------
    edit_requested : ServerEntry or None
        An entry is to be changed; None: a new one is to be added.
    test_requested : ServerEntry
        A server is to be tested.
    """

    edit_requested = pyqtSignal(object)
    test_requested = pyqtSignal(object)

    whole: QVBoxLayout
    listener_row: QHBoxLayout
    listener_button: QPushButton
    listener_icon: QLabel
    listener_at_start: QCheckBox
    listener_stays: QCheckBox
    listener_news: QLabel
    line: QFrame
    empty_label: QLabel
    servers_view: QListView
    add_button: QPushButton
    test_button: QPushButton
    more_button: QToolButton

    def __init__(self, book: ServerBook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        load_form("Servers", self)
        self._book = book
        self._wished = ""
        self.listener_state = ElidedLabel("Not running")
        self.listener_state.setProperty("caption", True)
        self.listener_row.insertWidget(2, self.listener_state, 1)
        self._model = ServerListModel()
        self.servers_view.setModel(self._model)
        self.servers_view.setItemDelegate(ServerDelegate(self.servers_view))
        self._make_actions()
        book.changed.connect(self._on_book_changed)
        self.servers_view.selectionModel().currentChanged.connect(lambda _now, _before: self._show_actions())
        self.servers_view.doubleClicked.connect(lambda _index: self._ask_edit())
        self.add_button.clicked.connect(lambda _checked: self.edit_requested.emit(None))
        self.test_button.clicked.connect(lambda _checked: self._ask_test())
        self._on_book_changed()

    @property
    def current(self) -> ServerRow | None:
        """The server that is selected."""
        row = self.servers_view.currentIndex().data(ROW_ROLE)
        return row if isinstance(row, ServerRow) else None

    def show_when_read(self, name: str) -> None:
        """Select a server that has just been written, once the address book has been read again."""
        self._wished = name
        self.select(name)

    def select(self, name: str) -> None:
        """Select a server by its name, where it is there."""
        for place, row in enumerate(self._book.rows):
            if row.entry.name == name:
                self.servers_view.setCurrentIndex(self._model.index(place, 0))

    def showEvent(self, event: QShowEvent) -> None:
        """Read the address book when it is first looked at."""
        super().showEvent(event)
        self._book.read_once()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_icons"):
            self._set_icons()
        super().changeEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the keys of the list that the window leaves to who has the focus."""
        if watched is self.servers_view and event.type() == QEvent.KeyPress and isinstance(event, QKeyEvent):
            title = LIST_KEYS.get(event.key(), "")
            is_plain = not int(event.modifiers()) & ~int(Qt.KeypadModifier)
            if title and is_plain and self.actions_by_title[title].isEnabled():
                self.actions_by_title[title].trigger()
                return True
        return super().eventFilter(watched, event)

    # -- what can be done

    def _make_actions(self) -> None:
        acts: tuple[tuple[str, str, str, Callable[[], object]], ...] = (
            ("Edit…", "edit", "Return", self._ask_edit),
            ("Remove", "delete", "Delete", self._remove),
            ("", "", "", list),
            ("Move up", "chevron-up", "Ctrl+Up", lambda: self._move(-1)),
            ("Move down", "chevron-down", "Ctrl+Down", lambda: self._move(1)),
            ("", "", "", list),
            ("Import…", "import", "", self.ask_import),
            ("Export…", "export", "", self.ask_export),
        )
        menu = QMenu(self.more_button)
        self._icons: dict[QAction, str] = {}
        self.actions_by_title: dict[str, QAction] = {}
        for title, name, key, act in acts:
            if not title:
                menu.addSeparator()
                continue
            action = menu.addAction(title)
            action.triggered.connect(lambda _checked, act=act: act())
            if key:
                action.setShortcut(QKeySequence(key))
                action.setShortcutContext(Qt.WidgetShortcut)
                self.servers_view.addAction(action)
            self._icons[action] = name
            self.actions_by_title[title] = action
        self.more_button.setMenu(menu)
        self.servers_view.setContextMenuPolicy(Qt.CustomContextMenu)
        self.servers_view.customContextMenuRequested.connect(
            lambda at: menu.popup(self.servers_view.viewport().mapToGlobal(at))
        )
        keys: tuple[tuple[str, Callable[[], object]], ...] = (
            ("F5", self._ask_test),
            ("Insert", lambda: self.edit_requested.emit(None)),
        )
        for key, act in keys:
            shortcut = QShortcut(QKeySequence(key), self.servers_view)
            shortcut.setContext(Qt.WidgetShortcut)
            shortcut.activated.connect(act)
        self.servers_view.installEventFilter(self)
        self._set_icons()

    def _set_icons(self) -> None:
        for action, name in self._icons.items():
            action.setIcon(icon(name))
        self.more_button.setIcon(icon("more"))

    def _ask_edit(self) -> None:
        if self.current is not None:
            self.edit_requested.emit(self.current.entry)

    def _ask_test(self) -> None:
        if self.current is not None and self.test_button.isEnabled():
            self.test_requested.emit(self.current.entry)

    def _remove(self) -> None:
        if self.current is not None:
            self._book.remove(self.current.entry)

    def _move(self, steps: int) -> None:
        if self.current is not None:
            self._book.move(self.current.entry.name, steps)

    def ask_import(self) -> None:
        """Ask for the file of an address book, and take it in."""
        dialog = QFileDialog(self.window(), "Import servers", str(Path.home()), JSON_KIND)
        dialog.setOption(QFileDialog.DontUseNativeDialog, True)
        dialog.setFileMode(QFileDialog.ExistingFile)
        dress_file_dialog(dialog)
        accepted, chosen = dialog.exec() == QDialog.Accepted, dialog.selectedFiles()
        dialog.deleteLater()
        if accepted and chosen:
            self._book.import_file(Path(chosen[0]))

    def ask_export(self) -> None:
        """Ask for the name of a file, and write the address book to it."""
        note = "Addresses, ports and AE titles; no passwords or tokens, of which the address book holds none."
        path = ask_new_file(self.window(), self._book.viewer, "Export servers", "servers.json", (JSON_KIND,), note=note)
        if path is not None:
            self._book.export_file(path)

    # -- what is shown

    def _on_book_changed(self) -> None:
        current = self.current
        name = self._wished or (current.entry.name if current is not None else "")
        self._wished = ""
        place = self.servers_view.currentIndex().row()
        rows = self._book.rows
        self._model.set_rows(rows)
        self.empty_label.setVisible(not rows)
        self.servers_view.setVisible(bool(rows))
        if rows:
            height = self.servers_view.sizeHintForRow(0) * min(len(rows), ROWS_SHOWN)
            self.servers_view.setFixedHeight(height + 2 * self.servers_view.frameWidth() + 2)
            self.servers_view.setCurrentIndex(self._model.index(max(0, min(place, len(rows) - 1)), 0))
            self.select(name)
        self._show_actions()

    def _show_actions(self) -> None:
        row = self.current
        place, last = self.servers_view.currentIndex().row(), self._model.rowCount() - 1
        self.test_button.setEnabled(row is not None and row.entry.kind == "dimse")
        enabled = {
            "Edit…": row is not None,
            "Remove": row is not None,
            "Move up": row is not None and place > 0,
            "Move down": row is not None and place < last,
            "Export…": last >= 0,
        }
        for title, is_on in enabled.items():
            self.actions_by_title[title].setEnabled(is_on)
