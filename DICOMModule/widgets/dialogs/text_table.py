"""A table of texts for Qt: lists in dialogs that are read, searched and copied from."""

from __future__ import annotations

from typing import Any, Final

from DICOMModule.widgets.dialogs.tag_model import one_line
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QAbstractTableModel,
    QFont,
    QHeaderView,
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
    """Rows of texts under titles; whole texts in tooltips, the first column in figures of one width.

    Parameters
    ----------
    columns : tuple of str
        The titles.
    font : QFont
        Of the view.
    """

    def __init__(self, columns: tuple[str, ...], font: QFont, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns = columns
        self._font = fixed_font(font)
        self._rows: tuple[tuple[str, ...], ...] = ()

    def set_rows(self, rows: tuple[tuple[str, ...], ...]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = rows
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
        return self._font if role == Qt.FontRole and index.column() == 0 else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        return self._columns[section] if orientation == Qt.Horizontal and role == Qt.DisplayRole else None


def text_table(name: str) -> QTableView:
    """Return a view of such a table: whole rows are selected, lines are those of the list."""
    table = QTableView()
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectRows)
    table.setSelectionMode(QAbstractItemView.ExtendedSelection)
    table.setAlternatingRowColors(True)
    table.setWordWrap(False)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW_PX)
    header = table.horizontalHeader()
    header.setStretchLastSection(True)
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.Interactive)
    return table
