"""The tree itself: keys, drags, and a place that stays when rows come and go above it."""

from __future__ import annotations

from typing import Final

from DICOMModule.database import SeriesSummary
from DICOMModule.widgets.browser.comings import Comings
from DICOMModule.widgets.browser.keyed_rows import selected_ranges
from DICOMModule.widgets.browser.row_delegate import RowDelegate
from DICOMModule.widgets.browser.row_view import WholeEvents
from DICOMModule.widgets.browser.scrubbing import HoverScrub
from DICOMModule.widgets.browser.selection import Selection, selection_of
from DICOMModule.widgets.browser.thumbnails import Thumbnails
from DICOMModule.widgets.browser.tree_model import DatabaseTreeModel
from DICOMModule.widgets.browser.tree_nodes import SERIES_LEVEL, level_of
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QItemSelection,
    QItemSelectionModel,
    QKeyEvent,
    QKeySequence,
    QModelIndex,
    QMouseEvent,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QResizeEvent,
    Qt,
    QTreeView,
    QWidget,
    pyqtSignal,
)

INDENTATION_PX: Final = 16
VERY_FEW: Final = 3  # patients whose studies are unfolded too
MOST_EXPANDED: Final = 500  # as many places as are remembered across a search


class DatabaseTreeView(WholeEvents, QTreeView):
    """Patients, studies and series in one narrow column.

    Signals
    -------
    selection_changed
        Something else is selected.
    load_requested, delete_requested, copy_uid_requested : Selection
        Enter or a double click on a series; Delete; Ctrl+C.
    label_chosen : str
        The chip of a label was clicked.
    """

    selection_changed = pyqtSignal()
    label_chosen = pyqtSignal(str)
    load_requested = pyqtSignal(object)
    delete_requested = pyqtSignal(object)
    copy_uid_requested = pyqtSignal(object)

    def __init__(self, model: DatabaseTreeModel, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = model
        self._anchor = QPersistentModelIndex()
        self._anchor_top = 0
        self._height_px = 0
        self._expanded: tuple[tuple[int | str, ...], ...] = ()
        self._comings = Comings(self)
        self.setModel(model)
        self._delegate = RowDelegate(thumbnails, self)
        self.setItemDelegate(self._delegate)
        self.setHeaderHidden(True)
        for column in range(1, model.columnCount()):
            self.hideColumn(column)
        self.header().setStretchLastSection(True)
        self.setIndentation(INDENTATION_PX)
        self.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(28)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragOnly)
        self.setAccessibleName("Patients, studies and series")
        thumbnails.add_sight(self.series_in_sight)
        thumbnails.arrived.connect(lambda _uid: self.viewport().update())
        model.refreshing.connect(self._on_refreshing)
        model.refreshed.connect(self._on_refreshed)
        self._comings.watch()
        HoverScrub(self, thumbnails.scrubber, self.thumbnail_at)

    @property
    def selection(self) -> Selection:
        """What is selected, in the order of the tree."""
        places = {
            (*_place(chosen.parent()), row): self.rows.index(row, 0, chosen.parent())
            for chosen in selected_ranges(self.selectionModel())
            for row in range(chosen.top(), chosen.bottom() + 1)
        }
        return selection_of(self.rows.path(places[place]) for place in sorted(places))

    def series_in_sight(self) -> set[str]:
        """Return the Series Instance UIDs of the rows that are in sight."""
        found: set[str] = set()
        if not self.isVisible():
            return found
        bottom = self.viewport().height()
        index = self.indexAt(QPoint(0, 0))
        while index.isValid() and self.visualRect(index).top() <= bottom:
            summary = self.rows.summary(index)
            if isinstance(summary, SeriesSummary):
                found.add(summary.series_instance_uid)
            index = self.indexBelow(index)
        return found

    def thumbnail_at(self, place: QPoint) -> tuple[SeriesSummary, QRect] | None:
        """Return the series whose thumbnail lies at a point of the viewport, and where it lies."""
        index = self.indexAt(place)
        if not index.isValid() or level_of(int(index.internalId())) != SERIES_LEVEL:
            return None
        series, box = self.rows.summary(index), self._delegate.thumbnail_box(self.visualRect(index))
        return (series, box) if isinstance(series, SeriesSummary) and box.contains(place) else None

    def select_rows(self, keys: list[tuple[int | str, ...]]) -> bool:
        """Select rows by the keys of `DatabaseTreeModel.find` and bring the first into sight; False where none is there."""
        found = [index for index in map(self.rows.find, keys) if index.isValid()]
        if not found:
            return False
        chosen = QItemSelection()
        for index in found:
            chosen.select(index, index)
            parent = index.parent()
            while parent.isValid():
                self.expand(parent)
                parent = parent.parent()
        self.selectionModel().setCurrentIndex(found[0], QItemSelectionModel.NoUpdate)
        self.selectionModel().select(chosen, QItemSelectionModel.ClearAndSelect | QItemSelectionModel.Rows)
        self.scrollTo(found[0])
        return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the current row in sight if it was: the view shrinks when the browser folds and when the preview grows."""
        current = self.currentIndex()
        was_in_sight = current.isValid() and 0 <= self.visualRect(current).top() < self._height_px
        super().resizeEvent(event)
        self._height_px = event.size().height()  # the event forgets the old one where the view was hidden between
        if was_in_sight:
            self.scrollTo(current)

    def expand(self, index: QModelIndex) -> None:
        """Expand a row; what is below it is read before."""
        self._read_below(index)
        super().expand(index)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell of a label that is clicked; read what is below a row before its branch may open."""
        index = self.indexAt(event.pos())
        summary = self.rows.summary(index) if event.button() == Qt.LeftButton else None
        if summary is not None and summary.labels:
            label = self._delegate.label_at(self.visualRect(index), self.font(), summary, event.pos())
            if label:
                self.label_chosen.emit(label)
                return
        self._read_below(index)
        super().mousePressEvent(event)

    def expand_few(self, most: int) -> None:
        """Unfold what is so little that it can be seen at once: at most so many patients, of very few their studies."""
        patients = self.rows.rowCount()
        for row in range(patients if patients <= most else 0):
            patient = self.rows.index(row, 0)
            self.expand(patient)
            for place in range(self.rows.rowCount(patient) if patients <= VERY_FEW else 0):
                self.expand(self.rows.index(place, 0, patient))

    def remember_expanded(self) -> None:
        """Keep in mind what is expanded, before a search hides it."""
        found: list[tuple[int | str, ...]] = []
        waiting = [self.rows.index(row, 0) for row in range(self.rows.rowCount())]
        while waiting and len(found) < MOST_EXPANDED:
            index = waiting.pop()
            if self.isExpanded(index):
                found.append(self.rows.keys(index))
                waiting += [self.rows.index(row, 0, index) for row in range(self.rows.rowCount(index))]
        self._expanded = tuple(found)

    def rows_in_use(self) -> int:
        """Return how many rows of the first level there are down to the last that is expanded, or selected in part."""
        used = {-1}
        for index in self.selectionModel().selectedRows():
            top = index
            while top.parent().isValid():
                top = top.parent()
            used.add(top.row())
        used |= {row for row in range(self.rows.rowCount()) if self.isExpanded(self.rows.index(row, 0))}
        return max(used) + 1

    def restore_expanded(self) -> None:
        """Expand again what was before the search."""
        for keys in self._expanded:
            index = self.rows.find(keys)
            if index.isValid():
                self.expand(index)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Tell what is selected."""
        super().selectionChanged(selected, deselected)
        self.selection_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Load with Enter, delete with Delete, copy the UID with Ctrl+C; letters find a row by its beginning."""
        if event.key() in (Qt.Key_Right, Qt.Key_Plus):
            self._read_below(self.currentIndex())
        if event.key() in (Qt.Key_Return, Qt.Key_Enter) and not event.modifiers() & Qt.ControlModifier:
            self.load_requested.emit(self.selection)
        elif event.key() == Qt.Key_Delete:
            self.delete_requested.emit(self.selection)
        elif event.matches(QKeySequence.Copy):
            self.copy_uid_requested.emit(self.selection)
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Load a series; expand or fold what lies above one."""
        index = self.indexAt(event.pos())
        if event.button() == Qt.LeftButton and isinstance(self.rows.summary(index), SeriesSummary):
            self.load_requested.emit(selection_of([self.rows.path(index)]))
            return
        super().mouseDoubleClickEvent(event)

    def _read_below(self, index: QModelIndex) -> None:
        """Read the children of a row while it is folded: rows that come into an open one make Qt lay out all rows anew."""
        if index.isValid() and not self.isExpanded(index) and self.rows.canFetchMore(index):
            self.rows.fetchMore(index)

    def _on_refreshing(self) -> None:
        self._anchor = QPersistentModelIndex(self.indexAt(QPoint(0, 0)))
        self._anchor_top = self.visualRect(QModelIndex(self._anchor)).top() if self._anchor.isValid() else 0

    def _on_refreshed(self) -> None:
        bar = self.verticalScrollBar()
        if self._anchor.isValid() and bar.value() > 0:
            moved = self.visualRect(QModelIndex(self._anchor)).top() - self._anchor_top
            if moved:
                self.executeDelayedItemsLayout()
                self.updateGeometries()
                bar.setValue(bar.value() + moved)
        self._anchor = QPersistentModelIndex()


def _place(index: QModelIndex) -> tuple[int, ...]:
    """Return the rows from the top level down to an index: how indexes of a tree are put in order."""
    rows: list[int] = []
    while index.isValid():
        rows.append(index.row())
        index = index.parent()
    return tuple(reversed(rows))
