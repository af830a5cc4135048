"""A table of texts for Qt: lists in dialogs that are read, searched and copied from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from DICOMModule.widgets.dialogs.tag_model import one_line
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QAbstractTableModel,
    QFont,
    QHeaderView,
    QIcon,
    QModelIndex,
    QObject,
    Qt,
    QTableView,
)
from DICOMModule.widgets.theme import fixed_font
from DICOMModule.widgets.wording import plain_tooltip

ROW_PX: Final = 26
ROOT: Final = QModelIndex()


class TextTable(QAbstractTableModel):
    """Rows of texts under titles; whole texts in tooltips.

    Parameters
    ----------
    columns : tuple of str
        The titles.
    font : QFont
        Of the view.
    numbers : set of int
        Columns of numbers, which stand at the right.
    fixed : bool
        Whether the first column is in figures of one width.
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        font: QFont,
        parent: QObject | None = None,
        *,
        numbers: frozenset[int] = frozenset(),
        fixed: bool = True,
    ) -> None:
        super().__init__(parent)
        self._columns = columns
        self._numbers = numbers
        self._marks: tuple[int, Sequence[QIcon]] = (0, ())
        self._font = fixed_font(font) if fixed else None
        self._rows: tuple[tuple[str, ...], ...] = ()

    def set_rows(self, rows: tuple[tuple[str, ...], ...], marks: tuple[int, Sequence[QIcon]] = (0, ())) -> None:
        """Show other rows; `marks` are icons of one of the columns, one a row."""
        self.beginResetModel()
        self._rows = rows
        self._marks = marks
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a cell."""
        if not index.isValid():
            return None
        text = self._rows[index.row()][index.column()]
        if role == Qt.DisplayRole:
            return one_line(text)
        if role == Qt.ToolTipRole:
            return plain_tooltip(text)
        if role == Qt.TextAlignmentRole and index.column() in self._numbers:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        if role == Qt.DecorationRole and index.column() == self._marks[0] and index.row() < len(self._marks[1]):
            return self._marks[1][index.row()]
        return self._font if role == Qt.FontRole and index.column() == 0 else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        if orientation != Qt.Horizontal:
            return None
        if role == Qt.TextAlignmentRole and section in self._numbers:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        return self._columns[section] if role == Qt.DisplayRole else None


def text_table(name: str, model: TextTable, widths_px: Sequence[int], stretched: int = -1) -> QTableView:
    """Return a view of such a table, in which whole rows are selected.

    Parameters
    ----------
    name : str
        For screen readers.
    model : TextTable
        What it shows.
    widths_px : sequence of int
        Of its columns, from the first one on.
    stretched : int
        Which column takes the room that there is; the last one.
    """
    table = QTableView()
    table.setModel(model)
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectRows)
    table.setSelectionMode(QAbstractItemView.ExtendedSelection)
    table.setAlternatingRowColors(True)
    table.setWordWrap(False)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setTextElideMode(Qt.ElideMiddle)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW_PX)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.Interactive)
    header.setStretchLastSection(stretched < 0)
    if stretched >= 0:
        header.setSectionResizeMode(stretched, QHeaderView.Stretch)
    for column, width in enumerate(widths_px):
        table.setColumnWidth(column, width)
    return table
