"""A tree view of data elements: search, hits, copy; what is open and where it is scrolled to stay from file to file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.widgets.dialogs.tag_model import VR_COLUMN, TagModel
from DICOMModule.widgets.dialogs.tag_nodes import Key, TagNode, searched
from DICOMModule.widgets.qt import (
    QAction,
    QApplication,
    QHeaderView,
    QKeySequence,
    QMenu,
    QModelIndex,
    QObject,
    QPoint,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
    QTreeView,
)

MOST_OPENED: Final = 500
INDENTATION_PX: Final = 14  # sequences are nested deeply


class ValueDelegate(QStyledItemDelegate):
    """Draws values; UIDs, which begin alike, are cut in the middle."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Say where a value is cut."""
        super().initStyleOption(option, index)
        if index.siblingAtColumn(VR_COLUMN).data() == "UI":
            option.textElideMode = Qt.ElideMiddle


class TagTree(QObject):
    """Drives a tree view that shows a `TagNode`.

    Parameters
    ----------
    view : QTreeView
        Where it is shown.
    model : TagModel, optional
        What of a node its columns say; tag, name, VR and value.
    widths : sequence of int
        Of the columns but the last, in px.
    """

    def __init__(self, view: QTreeView, model: TagModel | None = None, widths: Sequence[int] = (210, 280, 44)) -> None:
        super().__init__(view)
        self._view = view
        self._model = model or TagModel(view.font(), view)
        self._whole = self._model.root
        self._text = ""
        self._open: set[Key] = set()
        self._is_placing = False
        self.hits: tuple[TagNode, ...] = ()
        self.count = 0
        view.setModel(self._model)
        for column in self._model.value_columns:
            view.setItemDelegateForColumn(column, ValueDelegate(view))
        view.setIndentation(INDENTATION_PX)
        header = view.header()
        header.setStretchLastSection(True)
        header.setSectionsMovable(False)
        for column, width in enumerate(widths):
            header.setSectionResizeMode(column, QHeaderView.Interactive)
            view.setColumnWidth(column, width)
        view.expanded.connect(self._on_expanded)
        view.collapsed.connect(self._on_collapsed)
        view.customContextMenuRequested.connect(self._on_menu_requested)
        self.copy_action = self._action("Copy rows", self.copy_rows)
        self.copy_action.setShortcut(QKeySequence.Copy)
        self.copy_action.setShortcutContext(Qt.WidgetShortcut)
        self.copy_value_action = self._action("Copy value", self.copy_value)
        self.copy_tag_action = self._action("Copy tag", self.copy_tag)
        self.open_action = self._action("Open all below", self._on_open_all_wished)
        self.close_action = self._action("Close all", self._on_close_all_wished)

    @property
    def current(self) -> TagNode | None:
        """The node that the cursor is on."""
        index = self._view.currentIndex()
        return self._model.node_of(index) if index.isValid() else None

    @property
    def selected(self) -> tuple[TagNode, ...]:
        """The nodes that are selected, in the order in which they are read."""
        chosen = {id(self._model.node_of(index)) for index in self._view.selectionModel().selectedRows()}
        return tuple(node for node in self._model.root.walk() if id(node) in chosen)

    def show_root(self, root: TagNode) -> None:
        """Show another file's elements; search, what is open, cursor and scroll place stay."""
        self._whole = root
        self.count = sum(1 for node in root.walk() if node.vr)
        self._place()

    def search(self, text: str) -> None:
        """Show what holds a text, and what that lies in; empty: everything."""
        self._text = text
        self._place()

    def go_to_hit(self, *, forward: bool) -> None:
        """Put the cursor on the next hit, or the one before; after the last comes the first."""
        if not self.hits:
            return
        order = {id(node): place for place, node in enumerate(self._model.root.walk())}
        current = self.current
        here = order[id(current)] if current is not None else -1 if forward else len(order)
        places = [order[id(hit)] for hit in self.hits]
        if forward:
            place = next((number for number, at in enumerate(places) if at > here), 0)
        else:
            place = next((number for number in reversed(range(len(places))) if places[number] < here), -1)
        index = self._model.index_of(self.hits[place])
        self._view.setCurrentIndex(index)
        self._view.scrollTo(index)

    def copy_rows(self) -> None:
        """Copy the selected rows, else all that are shown: tag, name, VR and whole value, indented by depth."""
        nodes = self.selected or tuple(self._model.root.walk())
        self._copy("\n".join(row_text(node) for node in nodes))

    def copy_value(self) -> None:
        """Copy the whole value of the row that the cursor is on."""
        if self.current is not None:
            self._copy(self.current.value)

    def copy_tag(self) -> None:
        """Copy the tag of the row that the cursor is on, as ``GGGG,EEEE``."""
        if self.current is not None:
            self._copy(self.current.tag.strip("()"))

    def context_menu(self) -> QMenu:
        """Return the menu for the row that the cursor is on; it goes when it is closed."""
        current = self.current
        self.copy_value_action.setEnabled(current is not None and bool(current.value))
        self.copy_tag_action.setEnabled(current is not None and bool(current.vr))
        self.open_action.setEnabled(current is not None and bool(current.children))
        menu = QMenu(self._view)
        menu.setAttribute(Qt.WA_DeleteOnClose)
        menu.addActions([self.copy_action, self.copy_value_action, self.copy_tag_action])
        menu.addSeparator()
        menu.addActions([self.open_action, self.close_action])
        return menu

    def _place(self) -> None:
        """Put the tree into the view, with what was open, current and at the top before."""
        current, top = self.current, self._view.indexAt(QPoint(0, 0))
        top_key = self._model.node_of(top).key if top.isValid() else ()
        current_key = current.key if current is not None else ()
        root = searched(self._whole, self._text) if self._text else self._whole
        self.hits = tuple(node for node in root.walk() if node.is_hit) if self._text else ()
        self._is_placing = True
        self._model.set_root(root, is_searched=bool(self._text))
        if self._text:
            self._open_hits()
        else:
            self._open_keys(self._open)
        self._is_placing = False
        if (node := root.find(current_key)) is not None and current_key:
            self._view.setCurrentIndex(self._model.index_of(node))
        if (node := root.find(top_key)) is not None and top_key:
            self._view.scrollTo(self._model.index_of(node), QTreeView.PositionAtTop)

    def _open_keys(self, keys: set[Key]) -> None:
        for key in sorted(keys, key=len):
            if (node := self._model.root.find(key)) is not None:
                self._view.expand(self._model.index_of(node))

    def _open_hits(self) -> None:
        above = {hit.key[:length] for hit in self.hits[:MOST_OPENED] for length in range(1, len(hit.key))}
        self._open_keys(above)

    def _on_expanded(self, index: QModelIndex) -> None:
        if not self._is_placing and not self._text:
            self._open.add(self._model.node_of(index).key)

    def _on_collapsed(self, index: QModelIndex) -> None:
        if not self._is_placing and not self._text:
            self._open.discard(self._model.node_of(index).key)

    def _on_menu_requested(self, position: QPoint) -> None:
        self.context_menu().popup(self._view.viewport().mapToGlobal(position))

    def _on_open_all_wished(self) -> None:
        current = self.current
        if current is not None:
            nodes = [current, *(node for node in current.walk() if node.children)]
            self._open_one_by_one(nodes[:MOST_OPENED])

    def _open_one_by_one(self, nodes: list[TagNode]) -> None:
        for node in nodes:
            self._view.expand(self._model.index_of(node))

    def _on_close_all_wished(self) -> None:
        self._view.collapseAll()
        if not self._text:
            self._open.clear()

    def _action(self, title: str, act: object) -> QAction:
        action = QAction(title, self._view)
        action.triggered.connect(lambda _checked: act())  # type: ignore[operator]
        self._view.addAction(action)
        return action

    def _copy(self, text: str) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)


def row_text(node: TagNode) -> str:
    """Return a node as a line of text: cells with tabs between, indented by its depth."""
    values = (node.value, node.second) if node.state else (node.value,)
    cells = (node.tag, plain_text(node.name), node.vr, *map(plain_text, values), node.state)
    return "  " * node.depth + "\t".join(cells).rstrip("\t")
