"""Rows that go and come back, as by Undo: they are unfolded and selected as they were."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from DICOMModule.database import DicomDatabase
from DICOMModule.widgets.browser.keyed_rows import selected_ranges
from DICOMModule.widgets.qt import QModelIndex, QObject

if TYPE_CHECKING:
    from DICOMModule.widgets.browser.tree_view import DatabaseTreeView

Keys: TypeAlias = tuple[int | str, ...]
MOST_REMEMBERED: Final = 2000
MOST_SELECTED: Final = 50  # each is looked for at every refresh
ROOT: Final = QModelIndex()


class Comings(QObject):
    """Knows what was unfolded in this session, and what was selected when it went.

    Parameters
    ----------
    view : DatabaseTreeView
        Whose rows come and go.
    """

    def __init__(self, view: DatabaseTreeView) -> None:
        super().__init__(view)
        self._view = view
        self._database: DicomDatabase | None = None
        self._open: dict[Keys, None] = {}
        self._selected: list[Keys] = []
        self._lost: list[Keys] = []
        self._new: list[Keys] | None = None

    def watch(self) -> None:
        """Begin, once the view has its model."""
        rows = self._view.rows
        self._view.expanded.connect(self._on_expanded)
        self._view.collapsed.connect(self._on_collapsed)
        rows.modelReset.connect(self._on_reset)
        rows.refreshing.connect(self._on_refreshing)
        rows.rowsInserted.connect(self._on_rows_inserted)
        rows.refreshed.connect(self._on_refreshed)

    def _on_expanded(self, index: QModelIndex) -> None:
        if not self._view.rows.search:  # which unfolds by itself
            keys = self._view.rows.keys(index)
            self._open.pop(keys, None)
            self._open[keys] = None
            if len(self._open) > MOST_REMEMBERED:
                del self._open[next(iter(self._open))]

    def _on_collapsed(self, index: QModelIndex) -> None:
        if not self._view.rows.search:
            self._open.pop(self._view.rows.keys(index), None)

    def _on_reset(self) -> None:
        if self._view.rows.database is not self._database:
            self._database = self._view.rows.database
            self._open.clear()  # a patient's number means another one there
            self._lost = []

    def _on_refreshing(self) -> None:
        rows = self._view.rows
        chosen = (
            rows.keys(rows.index(row, 0, one.parent()))
            for one in selected_ranges(self._view.selectionModel())
            for row in range(one.top(), one.bottom() + 1)
        )
        self._selected = list(islice(chosen, MOST_SELECTED))
        self._new = []

    def _on_rows_inserted(self, parent: QModelIndex, first: int, last: int) -> None:
        if self._new is not None:
            rows = self._view.rows
            self._new += [rows.keys(rows.index(row, 0, parent)) for row in range(first, last + 1)]

    def _on_refreshed(self) -> None:
        new, self._new = self._new or [], None
        rows = self._view.rows
        for keys in new:
            self._unfold(keys)
        gone = [keys for keys in self._selected if not rows.find(keys).isValid()]
        if gone:
            self._lost = gone
        elif new and self._lost:
            self._select_lost(set(new))

    def _unfold(self, keys: Keys) -> None:
        if keys in self._open:
            index = self._view.rows.find(keys)
            self._view.expand(index)
            for row in range(self._view.rows.rowCount(index)):
                self._unfold(self._view.rows.keys(self._view.rows.index(row, 0, index)))

    def _select_lost(self, new: set[Keys]) -> None:
        back = [keys for keys in self._lost if any(keys[:length] in new for length in range(1, len(keys) + 1))]
        if back and self._view.select_rows(back):
            self._lost = []
