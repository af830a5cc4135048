"""What became of each instance that was sent, as a table that bears many rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.errors import plain_text
from DICOMModule.widgets.browser.anonymity import HIDDEN
from DICOMModule.widgets.qt import QAbstractTableModel, QModelIndex, QObject, QSortFilterProxyModel, Qt
from DICOMModule.widgets.theme import icon, theme
from DICOMModule.widgets.wording import plain_tooltip

if TYPE_CHECKING:
    from DICOMModule.network.sending import SentInstance

ROOT: Final = QModelIndex()
COLUMNS: Final = ("Outcome", "File", "SOP Instance UID", "Status", "Reason")
STATE_ROLE: Final = Qt.UserRole
WORDS: Final = {"sent": "Sent", "warned": "Sent, warned", "failed": "Failed"}
MARKS: Final = {"sent": ("ok", "ok"), "warned": ("warning", "warning"), "failed": ("error", "error")}


class SentRows(QAbstractTableModel):
    """One row an instance; one that is sent again keeps its row."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[SentInstance] = []
        self._places: dict[str, int] = {}
        self._icons: dict[str, Any] = {}
        self._anonymous = False

    @property
    def rows(self) -> Sequence[SentInstance]:
        """All of them, in the order in which they were sent first."""
        return self._rows

    def count(self, state: str) -> int:
        """Return how many are in a state."""
        return sum(row.state == state for row in self._rows)

    @property
    def failed_uids(self) -> tuple[str, ...]:
        """What was not taken and can be asked for by its UID."""
        return tuple(row.sop_instance_uid for row in self._rows if row.state == "failed" and row.sop_instance_uid)

    def put(self, rows: Iterable[SentInstance]) -> None:
        """Show what became of some more, or now of some that have a row."""
        new: list[SentInstance] = []
        for row in rows:
            key = row.sop_instance_uid or row.name
            place = self._places.get(key)
            if place is None:
                self._places[key] = len(self._rows) + len(new)
                new.append(row)
            elif place >= len(self._rows):
                new[place - len(self._rows)] = row
            else:
                self._rows[place] = row
                self.dataChanged.emit(self.index(place, 0), self.index(place, len(COLUMNS) - 1))
        if new:
            self.beginInsertRows(ROOT, len(self._rows), len(self._rows) + len(new) - 1)
            self._rows += new
            self.endInsertRows()

    def set_anonymous(self, anonymous: bool) -> None:
        """Hide how files are called, which may tell the patient, or show it."""
        self._anonymous = anonymous
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(COLUMNS) - 1))

    def follow_theme(self) -> None:
        """Tint the icons anew."""
        self._icons.clear()

    def rowCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of instances."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a cell."""
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == STATE_ROLE:
            return row.state
        if role == Qt.DecorationRole and column == 0:
            name, color = MARKS[row.state]
            return self._icons.setdefault(name, icon(name, getattr(theme(), color)))
        if role not in {Qt.DisplayRole, Qt.ToolTipRole}:
            return None
        is_tip = role == Qt.ToolTipRole
        file = HIDDEN if self._anonymous else row.name if is_tip else Path(row.name).name
        cells = (WORDS[row.state], file, row.sop_instance_uid, row.status or "", row.reason)
        return plain_tooltip(cells[column]) if is_tip else plain_text(cells[column])

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        return COLUMNS[section] if orientation == Qt.Horizontal and role == Qt.DisplayRole else None


class FailuresOnly(QSortFilterProxyModel):
    """Shows all rows, or only those that failed or were warned of."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._only = False
        self.setDynamicSortFilter(True)

    def set_only(self, only: bool) -> None:
        """Show only what needs a word, or all."""
        self._only = only
        self.invalidateFilter()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        """Return whether a row is shown."""
        return not self._only or self.sourceModel().index(row, 0, parent).data(STATE_ROLE) != "sent"
