"""A flat list for Qt whose rows are known by keys, so that new contents change only the rows that differ."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

from DICOMModule.widgets.browser.tree_model import NO_FLAGS, ROOT, SERIES_FLAGS
from DICOMModule.widgets.qt import (
    QAbstractTableModel,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    QObject,
    Qt,
)

T = TypeVar("T")


class KeyedRows(QAbstractTableModel, Generic[T]):
    """Rows of frozen values.

    Parameters
    ----------
    key : callable
        Returns what a row is known by.
    """

    def __init__(self, key: Callable[[T], Hashable], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._key = key
        self.rows: list[T] = []

    def set_rows(self, wanted: Sequence[T]) -> None:
        """Show these rows in this order; indexes of rows that stay stay valid."""
        order = {self._key(row): row for row in wanted}
        self._remove_others(order)
        for place, row in enumerate(self.rows):
            if order[self._key(row)] != row:
                self.rows[place] = order[self._key(row)]
                self.dataChanged.emit(self.index(place, 0), self.index(place, self.columnCount() - 1))
        known = {self._key(row) for row in self.rows}
        new = [row for key, row in order.items() if key not in known]
        if new:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(new) - 1)
            self.rows += new
            self.endInsertRows()
        self.reorder(list(order.values()))

    def reorder(self, ordered: list[T]) -> None:
        """Put the rows into another order."""
        if ordered == self.rows:
            return
        self.layoutAboutToBeChanged.emit()
        places = {self._key(row): place for place, row in enumerate(ordered)}
        before = self.persistentIndexList()
        after = [self.index(places[self._key(self.rows[index.row()])], index.column()) for index in before]
        self.rows = ordered
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def row_of(self, key: Hashable) -> int:
        """Return the place of a key; -1 where it is not there."""
        return next((place for place, row in enumerate(self.rows) if self._key(row) == key), -1)

    def rowCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of columns; one, where a subclass says nothing else."""
        return 0 if parent.isValid() else 1

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        """Return that a row can be selected and dragged."""
        return SERIES_FLAGS if index.isValid() else NO_FLAGS

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return what a cell says; subclasses know."""
        raise NotImplementedError

    def _remove_others(self, wanted: dict[Hashable, T]) -> None:
        last = len(self.rows) - 1
        while last >= 0:
            if self._key(self.rows[last]) in wanted:
                last -= 1
                continue
            first = last
            while first > 0 and self._key(self.rows[first - 1]) not in wanted:
                first -= 1
            self.beginRemoveRows(QModelIndex(), first, last)
            del self.rows[first : last + 1]
            self.endRemoveRows()
            last = first - 1


def selected_places(selected: QItemSelectionModel) -> list[int]:
    """Return the rows of a flat list that are selected, in order."""
    return sorted({row for chosen in selected_ranges(selected) for row in range(chosen.top(), chosen.bottom() + 1)})


def selected_ranges(selected: QItemSelectionModel) -> list[QItemSelectionRange]:
    """Return what is selected as ranges: asked for single rows, Qt looks every one of them up several times."""
    chosen = selected.selection()
    return [chosen[place] for place in range(len(chosen))]
