"""What servers answered to a query, as a tree: studies, and below each its series once they were asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.widgets.browser.anonymity import HIDDEN
from DICOMModule.widgets.exchange.result_node import (
    ACCESSION,
    BIRTH_DATE,
    COLUMNS,
    HERE,
    NAME,
    NUMBERS,
    PATIENT_ID,
    Answer,
    ResultNode,
)
from DICOMModule.widgets.qt import QAbstractItemModel, QModelIndex, QObject, QStandardItem, QStandardItemModel, Qt
from DICOMModule.widgets.theme import icon, theme
from DICOMModule.widgets.wording import plain_tooltip

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = QModelIndex()
NODE_ROLE: Final = Qt.UserRole
TELLING: Final = frozenset((NAME, PATIENT_ID, BIRTH_DATE, ACCESSION))
MOST_SINGLE_CHANGES: Final = 20


class ResultModel(QStandardItemModel):
    """Studies of several servers in one list; each row says which server it is of.

    A view that lays out its rows asks a model for each of them several times. With thousands of rows these must not be calls
    into Python: so the shape of the tree, and no more, is kept in items of Qt's own. An item is no study: when the studies are
    sorted, the items stay, and the nodes go to other rows.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self._studies: list[ResultNode] = []
        self._icons: dict[str, Any] = {}
        self._anonymous = False

    @property
    def studies(self) -> Sequence[ResultNode]:
        """The studies, in the order in which they are shown."""
        return self._studies

    def clear(self) -> None:
        """Show nothing."""
        self.removeRows(0, len(self._studies))
        self._studies = []

    def add(self, answers: Sequence[Answer]) -> None:
        """Put studies at the end."""
        self.add_nodes([ResultNode(one) for one in answers])

    def add_nodes(self, nodes: Sequence[ResultNode]) -> None:
        """Put studies at the end whose nodes are made; so many at once as one turn of the event loop bears."""
        if not nodes:
            return
        first = len(self._studies)
        for place, node in enumerate(nodes, first):
            node.place = place
        self._studies += nodes
        self.insertRows(first, len(nodes))
        with self._silent():  # items that Qt makes itself cost no collection of cycles anything
            for node in nodes:
                item = self.itemFromIndex(self.index(node.place, 0))
                item.setColumnCount(len(COLUMNS))
                item.setRowCount(1)  # it is taken to have series

    def set_children(self, node: ResultNode, answers: Sequence[Answer]) -> None:
        """Show the series of a study."""
        self.set_child_nodes(node, [ResultNode(one) for one in answers])

    def set_child_nodes(self, node: ResultNode, children: Sequence[ResultNode]) -> None:
        """Show the series of a study whose nodes are made."""
        self._exchange(node, list(children))

    def set_note(self, node: ResultNode, note: str) -> None:
        """Show a line below a study in the place of its series."""
        self._exchange(node, [ResultNode(None, note)])

    def forget_children(self, node: ResultNode) -> None:
        """Ask for the series of a study anew when it is unfolded again."""
        self._exchange(node, None)

    def set_local(self, node: ResultNode, local: str) -> None:
        """Say how much of a study or series is here now; see `set_locals`."""
        self.set_locals([node], local)

    def set_locals(self, nodes: Sequence[ResultNode], local: str) -> None:
        """Say how much of studies and series is here now; what lies below a study that is all here is, too."""
        above = list(dict.fromkeys(node.parent for node in nodes if node.parent is not None))
        for node in nodes:
            for one in (node, *(node.children or ())):
                if one is node or local == "all":
                    one.local = local
        for study in above:
            states = {child.local for child in study.children or ()}
            if study.local != "all" and states & {"all", "part"}:
                study.local = "all" if states == {"all"} else "part"
        self._tell_of_locals(list(dict.fromkeys((*nodes, *above))))

    def set_anonymous(self, anonymous: bool) -> None:
        """Hide who the patients are, or show it."""
        self._anonymous = anonymous
        self._tell_of_all(0, len(COLUMNS) - 1)

    def follow_theme(self) -> None:
        """Tint the icons anew."""
        self._icons.clear()

    def index_of(self, node: ResultNode, column: int = 0) -> QModelIndex:
        """Return the index of a row."""
        return self.index(node.place, column, ROOT if node.parent is None else self.index_of(node.parent))

    def node_of(self, index: QModelIndex) -> ResultNode:
        """Return what a valid index shows."""
        return self.nodes_below(index.parent())[index.row()]

    def nodes_below(self, parent: QModelIndex) -> Sequence[ResultNode]:
        """Return all rows below a study, or the studies."""
        return self._studies if not parent.isValid() else self._studies[parent.row()].children or ()

    def cell(self, index: QModelIndex) -> tuple[str, Any]:
        """Return the text and the icon of a cell; None for no icon."""
        node, column = self.node_of(index), index.column()
        return self._shown(node, column), self._decoration(node, column)

    # -- what Qt asks

    def rowCount(self, parent: QModelIndex = ROOT) -> int:
        """Return how many rows lie below; none below a study whose series were not asked for, though it may have some."""
        is_unasked = parent.isValid() and not parent.parent().isValid() and self._studies[parent.row()].children is None
        return 0 if is_unasked else super().rowCount(parent)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a cell."""
        if not index.isValid():
            return None
        node, column = self.node_of(index), index.column()
        if role == NODE_ROLE:
            return node
        if role == Qt.DisplayRole:
            return self._shown(node, column)
        if role == Qt.ToolTipRole:
            return plain_tooltip(self._shown(node, column))
        if role == Qt.TextAlignmentRole and column in NUMBERS:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        if role == Qt.DecorationRole:
            return self._decoration(node, column)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        if orientation != Qt.Horizontal:
            return None
        if role == Qt.TextAlignmentRole and section in NUMBERS:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        if role == Qt.ToolTipRole and section == HERE:
            return "How much of it the local database has"
        return COLUMNS[section] if role == Qt.DisplayRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.AscendingOrder) -> None:
        """Put the studies, and the series of each, in the order of a column; what was selected and unfolded stays so."""
        if column < 0:
            return
        self.layoutAboutToBeChanged.emit([], QAbstractItemModel.VerticalSortHint)
        before = self.persistentIndexList()
        nodes = [self.node_of(index) for index in before]
        asked = [node for node in self._studies if node.children is not None]
        shapes = {node.place for node in asked}
        descending = order == Qt.DescendingOrder
        for rows in (self._studies, *(node.children for node in asked if node.children)):
            rows.sort(key=lambda node: node.sort_key(column), reverse=descending)
            if descending and column != HERE:  # what does not say is last either way
                silent = bisect_left(rows, True, key=lambda node: bool(node.text(column)))
                rows[:] = rows[silent:] + rows[:silent]
            for place, node in enumerate(rows):
                node.place = place
        with self._silent():
            for node in asked:
                _make_room(self.item(node.place), len(node.children or ()))
            after = [self.index_of(node, index.column()) for node, index in zip(nodes, before, strict=True)]
            self.changePersistentIndexList(before, after)
            for place in shapes | {node.place for node in asked}:
                self._shape(place)
        self.layoutChanged.emit([], QAbstractItemModel.VerticalSortHint)

    # -- the shape of the tree

    @contextmanager
    def _silent(self) -> Iterator[None]:
        """Change the items within the block, but nothing that anybody sees of them."""
        was_silent = self.blockSignals(True)
        try:
            yield
        finally:
            self.blockSignals(was_silent)

    def _shape(self, place: int) -> None:
        """Have the item of a row as many rows as lie below the study that is there now."""
        item, children = self.item(place), self._studies[place].children
        if children is None:
            item.setRowCount(0)
            item.setRowCount(1)
            return
        item.setRowCount(len(children))
        if children:
            item.setChild(0, 0, _child_item(children[0]))

    def _exchange(self, node: ResultNode, children: list[ResultNode] | None) -> None:
        item = self.item(node.place)
        if node.children is None:
            with self._silent():
                item.setRowCount(0)
        else:
            item.removeRows(0, len(node.children))
        node.children = [] if children is None else children
        for place, child in enumerate(node.children):
            child.place, child.parent = place, node
        if children is None:
            node.children = None
            with self._silent():
                self._shape(node.place)
        elif children:
            item.appendRows([_child_item(child) for child in children])

    # -- how a row is told

    def _tell_of_locals(self, nodes: Sequence[ResultNode]) -> None:
        if len(nodes) > MOST_SINGLE_CHANGES:  # the view draws what it shows once, whatever it is told
            self._tell_of_all(HERE, HERE)
            parents = {node.place for node in nodes if node.children} | {
                node.parent.place for node in nodes if node.parent is not None
            }
        else:
            parents = {node.place for node in nodes if node.children}
            for node in nodes:
                index = self.index_of(node, HERE)
                self.dataChanged.emit(index, index)
        for place in parents:
            above = self.index(place, 0)
            last = self.rowCount(above) - 1
            self.dataChanged.emit(self.index(0, HERE, above), self.index(last, HERE, above))

    def _tell_of_all(self, first_column: int, last_column: int) -> None:
        if self._studies:
            last = len(self._studies) - 1
            self.dataChanged.emit(self.index(0, first_column), self.index(last, last_column))

    def _shown(self, node: ResultNode, column: int) -> str:
        text = node.text(column)
        is_telling = self._anonymous and column in TELLING and node.parent is None
        return HIDDEN if is_telling and text else text

    def _decoration(self, node: ResultNode, column: int) -> Any:
        if column == 0 and not node.is_line:
            name, color = ("series" if node.parent is not None else "study"), theme().dim
        elif column == HERE and node.local in {"all", "part"}:
            name, color = ("ok", theme().ok) if node.local == "all" else ("unequal", theme().warning)
        else:
            return None
        return self._icons.setdefault(name, icon(name, color))


def _child_item(node: ResultNode) -> QStandardItem:
    """Return the item of a series, or of a line that only says something and cannot be selected."""
    item = QStandardItem()
    if node.is_line:
        item.setFlags(Qt.ItemFlags(Qt.ItemIsEnabled))
    return item


def _make_room(item: QStandardItem, rows: int) -> None:
    item.setRowCount(max(item.rowCount(), rows))
