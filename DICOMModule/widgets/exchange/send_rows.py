"""What became of each instance that was sent, as a table that bears many rows."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.errors import plain_text
from DICOMModule.widgets.browser.anonymity import HIDDEN
from DICOMModule.widgets.qt import QAbstractTableModel, QModelIndex, QObject, Qt
from DICOMModule.widgets.theme import icon, theme
from DICOMModule.widgets.wording import plain_tooltip

if TYPE_CHECKING:
    from DICOMModule.network.sending import SentInstance

ROOT: Final = QModelIndex()
COLUMNS: Final = ("Outcome", "Image or object", "SOP Instance UID", "Status", "Reason")
SENT: Final = "sent"
WORDS: Final = {"sent": "Sent", "warned": "Sent, warned", "failed": "Failed"}
MARKS: Final = {"sent": ("ok", "ok"), "warned": ("warning", "warning"), "failed": ("error", "error")}


class SentRows(QAbstractTableModel):
    """One row an instance; one that is sent again keeps its row. Shows all of them, or only what needs a word.

    It leaves out itself what is not shown: a model between it and the view would ask it for each row again and again.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[SentInstance] = []
        self._places: dict[str, int] = {}
        self._states: Counter[str] = Counter()
        self._shown: list[int] = []  # places among all rows, ascending
        self._only = False
        self._icons: dict[str, Any] = {}
        self._anonymous = False

    @property
    def rows(self) -> Sequence[SentInstance]:
        """All of them, in the order in which they were sent first."""
        return self._rows

    def count(self, state: str) -> int:
        """Return how many are in a state."""
        return self._states[state]

    @property
    def failed_uids(self) -> tuple[str, ...]:
        """What was not taken and can be asked for by its UID."""
        return tuple(row.sop_instance_uid for row in self._rows if row.state == "failed" and row.sop_instance_uid)

    @property
    def has_failed(self) -> bool:
        """Whether something was not taken that can be asked for by its UID."""
        return self._states["failed"] > 0 and any(row.state == "failed" and row.sop_instance_uid for row in self._rows)

    def put(self, rows: Iterable[SentInstance]) -> None:
        """Show what became of some more, or now of some that have a row."""
        first, changed = len(self._rows), set()
        for row in rows:
            key = row.sop_instance_uid or row.name
            place = self._places.setdefault(key, len(self._rows))
            self._states[row.state] += 1
            if place == len(self._rows):
                self._rows.append(row)
                continue
            self._states[self._rows[place].state] -= 1
            if self._rows[place] != row:
                self._rows[place] = row
                if place < first:
                    changed.add(place)
        if changed:
            self._tell_changed(sorted(changed))
        self._insert([place for place in range(first, len(self._rows)) if self._is_shown(place)])

    def set_only(self, only: bool) -> None:
        """Show only what needs a word, or all."""
        self.beginResetModel()
        self._only = only
        self._shown = [place for place in range(len(self._rows)) if self._is_shown(place)]
        self.endResetModel()

    def _is_shown(self, place: int) -> bool:
        return not self._only or self._rows[place].state != SENT

    def _insert(self, places: Sequence[int]) -> None:
        if places:
            self.beginInsertRows(ROOT, len(self._shown), len(self._shown) + len(places) - 1)
            self._shown += places
            self.endInsertRows()

    def _tell_changed(self, places: Sequence[int]) -> None:
        """Show other rows anew; take out those that need no word any more, and put in those that need one now."""
        at = [(bisect_left(self._shown, place), place) for place in places]
        seen = [(row, place) for row, place in at if row < len(self._shown) and self._shown[row] == place]
        if seen:
            self.dataChanged.emit(self.index(seen[0][0], 0), self.index(seen[-1][0], len(COLUMNS) - 1))
        gone = [row for row, place in seen if not self._is_shown(place)]
        while gone:  # from the end, each run of rows at once
            last = first = gone.pop()
            while gone and gone[-1] == first - 1:
                first = gone.pop()
            self.beginRemoveRows(ROOT, first, last)
            del self._shown[first : last + 1]
            self.endRemoveRows()
        hidden = {place for _, place in at} - {place for _, place in seen}
        for place in sorted(place for place in hidden if self._is_shown(place)):
            row = bisect_left(self._shown, place)
            self.beginInsertRows(ROOT, row, row)
            self._shown.insert(row, place)
            self.endInsertRows()

    def set_anonymous(self, anonymous: bool) -> None:
        """Hide how files are called, which may tell the patient, or show it."""
        self._anonymous = anonymous
        if self._shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, len(COLUMNS) - 1))

    def follow_theme(self) -> None:
        """Tint the icons anew."""
        self._icons.clear()

    def rowCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of instances that are shown."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a cell."""
        if not index.isValid():
            return None
        row, column = self._rows[self._shown[index.row()]], index.column()
        if role == Qt.DecorationRole and column == 0:
            name, color = MARKS[row.state]
            return self._icons.setdefault(name, icon(name, getattr(theme(), color)))
        if role not in {Qt.DisplayRole, Qt.ToolTipRole}:
            return None
        is_tip = role == Qt.ToolTipRole
        what = row.name if is_tip else row.title or Path(row.name).name
        if self._anonymous and (is_tip or not row.title):
            what = HIDDEN  # a file's name may tell the patient
        cells = (WORDS[row.state], what, row.sop_instance_uid, row.status or "", row.reason)
        return plain_tooltip(cells[column]) if is_tip else plain_text(cells[column])

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        return COLUMNS[section] if orientation == Qt.Horizontal and role == Qt.DisplayRole else None
