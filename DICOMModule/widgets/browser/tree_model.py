"""The local database as a tree for Qt: Patient → Study → Series, read page by page, refreshed without being reset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from DICOMModule.database import DicomDatabase, PatientSummary, StudySummary
from DICOMModule.errors import DatabaseError
from DICOMModule.widgets.browser import row_texts
from DICOMModule.widgets.browser.anonymity import anonymised
from DICOMModule.widgets.browser.selection import Summary, selection_of
from DICOMModule.widgets.browser.tree_nodes import SERIES_LEVEL, Node, Nodes, key_of, level_of, renumber
from DICOMModule.widgets.browser.tree_reader import PAGE, FirstPage, OpenRow, Refreshed, RefreshPlan, children_of
from DICOMModule.widgets.dragging import targets_mime
from DICOMModule.widgets.qt import QAbstractItemModel, QMimeData, QModelIndex, QObject, Qt, pyqtSignal

SUMMARY_ROLE: Final = Qt.UserRole + 1
ROOT: Final = QModelIndex()
NO_FLAGS: Final = Qt.ItemFlags(Qt.NoItemFlags)
ROW_FLAGS: Final = Qt.ItemIsEnabled | Qt.ItemIsSelectable | Qt.ItemIsDragEnabled
SERIES_FLAGS: Final = ROW_FLAGS | Qt.ItemNeverHasChildren


class DatabaseTreeModel(QAbstractItemModel):
    """Patients with their studies and series; a short page is read in the thread of the window when it is needed.

    Signals
    -------
    refreshing, refreshed
        Rows are about to change, have changed; between the two a view keeps its place.
    failed : str
        The database could not be read; the sentence says why. What is shown stays.
    more_wished
        The end of the patients that were read is in sight; `plan` reads a page more.
    """

    refreshing = pyqtSignal()
    refreshed = pyqtSignal()
    failed = pyqtSignal(str)
    more_wished = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._database: DicomDatabase | None = None
        self._search = ""
        self._nodes = Nodes()
        self._is_more_wished = False
        self._is_anonymous = False

    # -- what is shown

    def set_anonymous(self, anonymous: bool) -> None:
        """Hide who the patients are, or show it."""
        self._is_anonymous = anonymous
        for parent in (self._nodes.root, *self._nodes.open_rows()):
            if parent.children:
                first, last = parent.children[0], parent.children[-1]
                self.dataChanged.emit(self._index(first), self._index(last, len(row_texts.COLUMNS) - 1))

    @property
    def database(self) -> DicomDatabase | None:
        """What is shown; None: nothing."""
        return self._database

    @property
    def search(self) -> str:
        """Words that all levels are filtered by."""
        return self._search

    def set_database(self, database: DicomDatabase | None) -> None:
        """Show another database, or none; its first page is still to come."""
        self._database = database
        self.show_page(FirstPage("", (), more=False))

    def show_page(self, page: FirstPage) -> None:
        """Show the first page of a search in place of all there was."""
        self.beginResetModel()
        self._search = page.search
        self._is_more_wished = False
        self._nodes.clear()
        self._nodes.insert(self._nodes.root, 0, page.patients)
        self._nodes.root.more = page.more
        self.endResetModel()

    def plan(self, *, deep: bool = False) -> RefreshPlan:
        """Return what is to be read for the model to say what the database says; see `refresh_job`."""
        root = self._nodes.root
        shown = {child.key: child.summary for child in root.children or () if child.summary is not None}
        open_rows = sorted(self._nodes.open_rows(), key=lambda node: level_of(node.number))
        return RefreshPlan(
            search=self._search,
            limit=max(PAGE, len(shown) if root.more and not self._is_more_wished else len(shown) + PAGE),
            patients=shown,
            rows=tuple(
                OpenRow(node.number, node.parent.number, node.summary)
                for node in open_rows
                if node.parent is not None and node.summary is not None
            ),
            deep=deep,
        )

    def apply(self, refreshed: Refreshed) -> bool:
        """Change only the rows that differ from what was read.

        Returns
        -------
        bool
            False, and nothing is changed, where the model has read further meanwhile: the plan is out of date.
        """
        root, plan = self._nodes.root, refreshed.plan
        if plan.search != self._search or len(root.children or ()) > max(plan.limit, len(plan.patients)):
            return False
        self._is_more_wished = self._is_more_wished and plan.limit == len(root.children or ())
        self.refreshing.emit()
        self._adopt(root, refreshed.patients)
        root.more = len(refreshed.patients) == plan.limit
        for number, rows in refreshed.children.items():
            node = self._nodes.find(number)
            if node is not None:
                self._adopt(node, rows)
        self.refreshed.emit()
        return True

    def summary(self, index: QModelIndex) -> Summary | None:
        """Return what a row stands for."""
        node = self._node(index)
        return None if node is None or node.summary is None else self._shown(node.summary)

    def path(self, index: QModelIndex) -> tuple[Summary, ...]:
        """Return a row's patient, study and series, as far as its level goes."""
        found: list[Summary] = []
        node = self._node(index)
        while node is not None and node.summary is not None:
            found.append(self._shown(node.summary))
            node = node.parent
        return tuple(reversed(found))

    def find(self, keys: Sequence[int | str]) -> QModelIndex:
        """Return the row of a patient's number, a Study and a Series Instance UID below it; what is below is read.

        An index that is not valid where there is none, or where the patient is beyond the pages that were read.
        """
        node = self._nodes.root
        for key in keys:
            if not node.is_open:
                self._fetch(node)
            found = next((child for child in node.children or () if child.key == key), None)
            if found is None:
                return QModelIndex()
            node = found
        return self._index(node)

    def keys(self, index: QModelIndex) -> tuple[int | str, ...]:
        """Return what `find` finds a row by."""
        return tuple(map(key_of, self.path(index)))

    # -- QAbstractItemModel

    def index(self, row: int, column: int, parent: QModelIndex = ROOT) -> QModelIndex:
        """Return the index of a child."""
        node = self._node(parent)
        children = () if node is None or parent.column() > 0 else node.children or ()
        if not (0 <= row < len(children) and 0 <= column < len(row_texts.COLUMNS)):
            return QModelIndex()
        return self.createIndex(row, column, children[row].number)

    def parent(self, index: QModelIndex) -> QModelIndex:  # type: ignore[override]
        """Return the index of the row above."""
        node = self._node(index)
        return QModelIndex() if node is None or node.parent is None else self._index(node.parent)

    def rowCount(self, parent: QModelIndex = ROOT) -> int:
        """Return how many children have been read."""
        node = self._node(parent)
        return 0 if node is None or parent.column() > 0 else len(node.children or ())

    def columnCount(self, _parent: QModelIndex = ROOT) -> int:
        """Return the number of columns, the same everywhere."""
        return len(row_texts.COLUMNS)

    def hasChildren(self, parent: QModelIndex = ROOT) -> bool:
        """Return whether there is something below, read or not."""
        node = self._node(parent)
        if node is None or parent.column() > 0:
            return False
        if isinstance(node.summary, PatientSummary):
            return node.summary.studies > 0
        if isinstance(node.summary, StudySummary):
            return node.summary.series > 0
        return node.summary is None

    def canFetchMore(self, parent: QModelIndex) -> bool:
        """Return whether something is left to be read."""
        node = self._node(parent)
        if node is None or self._database is None:
            return False
        return node.more if node.is_open else self.hasChildren(parent)

    def fetchMore(self, parent: QModelIndex) -> None:
        """Read all of a patient or study; wish for the next page of patients, which is larger."""
        node = self._node(parent)
        if node is None or not self.canFetchMore(parent):
            return
        if node is not self._nodes.root:
            self._fetch(node)
        elif not self._is_more_wished:
            self._is_more_wished = True
            self.more_wished.emit()

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return what a cell says."""
        node = self._node(index)
        if node is None or node.summary is None:
            return None
        summary = self._shown(node.summary)
        if role == SUMMARY_ROLE:
            return summary
        if role == Qt.DisplayRole:
            return row_texts.cell_text(summary, index.column())
        if role == Qt.ToolTipRole:
            return row_texts.tool_tip(summary)
        if role == Qt.AccessibleTextRole:
            return row_texts.spoken_text(summary)
        return None

    def _shown(self, summary: Summary) -> Summary:
        return anonymised(summary) if self._is_anonymous else summary

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        if role == Qt.DisplayRole and orientation == Qt.Horizontal and 0 <= section < len(row_texts.COLUMNS):
            return row_texts.COLUMNS[section]
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        """Return that a row can be selected and dragged."""
        if not index.isValid():
            return NO_FLAGS
        return SERIES_FLAGS if level_of(int(index.internalId())) == SERIES_LEVEL else ROW_FLAGS

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # type: ignore[override]
        """Return the rows as dragged data."""
        return targets_mime(selection_of(self.path(index) for index in indexes if index.column() == 0).targets)

    # -- reading

    def _read(self, query: Callable[[DicomDatabase], Sequence[Summary]]) -> Sequence[Summary] | None:
        """Return what a query finds; None, and the signal `failed`, where the database cannot be read."""
        if self._database is None:
            return None
        try:
            return query(self._database)
        except DatabaseError as error:
            self.failed.emit(str(error))
            return None

    def _fetch(self, node: Node) -> None:
        summary = node.summary
        rows = self._read(lambda database: children_of(database, summary, self._search) if summary else ())
        if rows is not None:
            self._insert(node, 0, rows)

    # -- changing

    def _adopt(self, node: Node, rows: Sequence[Summary]) -> None:
        """Make the children of `node` those of `rows` by the fewest changes."""
        self._remove_others(node, {key_of(row) for row in rows})
        known = {child.key: child for child in node.children or ()}
        place = 0
        while place < len(rows):
            child = known.get(key_of(rows[place]))
            if child is None:
                end = place + 1
                while end < len(rows) and key_of(rows[end]) not in known:
                    end += 1
                self._insert(node, place, rows[place:end])
                place = end
                continue
            if child.row != place:
                self._move(node, child.row, place)
            if child.summary != rows[place]:
                child.summary = rows[place]
                self.dataChanged.emit(self._index(child), self._index(child, len(row_texts.COLUMNS) - 1))
            place += 1

    def _remove_others(self, node: Node, wanted: set[int | str]) -> None:
        children = node.children or []
        last = len(children) - 1
        while last >= 0:
            if children[last].key in wanted:
                last -= 1
                continue
            first = last
            while first > 0 and children[first - 1].key not in wanted:
                first -= 1
            self.beginRemoveRows(self._index(node), first, last)
            self._nodes.remove(node, first, last)
            self.endRemoveRows()
            last = first - 1

    def _insert(self, node: Node, place: int, rows: Sequence[Summary]) -> None:
        if rows:
            self.beginInsertRows(self._index(node), place, place + len(rows) - 1)
        self._nodes.insert(node, place, rows)
        if rows:
            self.endInsertRows()

    def _move(self, node: Node, source: int, place: int) -> None:
        children = node.children or []
        parent = self._index(node)
        self.beginMoveRows(parent, source, source, parent, place)
        children.insert(place, children.pop(source))
        renumber(children, place)
        self.endMoveRows()

    # -- nodes and indexes

    def _node(self, index: QModelIndex) -> Node | None:
        return self._nodes.find(int(index.internalId())) if index.isValid() else self._nodes.root

    def _index(self, node: Node, column: int = 0) -> QModelIndex:
        return QModelIndex() if node is self._nodes.root else self.createIndex(node.row, column, node.number)
