"""A tree of data elements for Qt: four columns, whole values in tooltips."""

from __future__ import annotations

from typing import Any, Final

from DICOMModule.errors import plain_text
from DICOMModule.widgets.dialogs.tag_nodes import LINE_END, TagNode
from DICOMModule.widgets.qt import QAbstractItemModel, QColor, QFont, QModelIndex, QObject, Qt
from DICOMModule.widgets.theme import fixed_font, theme
from DICOMModule.widgets.wording import plain_tooltip

COLUMNS: Final = ("Tag", "Name", "VR", "Value")
VR_COLUMN: Final = 2
VALUE_COLUMN: Final = 3
LONGEST_CELL: Final = 240


class TagModel(QAbstractItemModel):
    """Shows a `TagNode` and all below it.

    Attributes
    ----------
    is_searched : bool
        The tree holds hits, and what they lie in, which is dim.
    columns : tuple of str
        Their titles.
    value_columns : tuple of int
        Which of them hold values.
    """

    columns: tuple[str, ...] = COLUMNS
    value_columns: tuple[int, ...] = (VALUE_COLUMN,)

    def __init__(self, font: QFont, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.root = TagNode((), "", "")
        self.is_searched = False
        self._font = fixed_font(font)

    def set_root(self, root: TagNode, *, is_searched: bool) -> None:
        """Show another tree."""
        self.beginResetModel()
        self.is_searched = is_searched
        self.root = root
        self.endResetModel()

    def node_of(self, index: QModelIndex) -> TagNode:
        """Return the node of an index; the root for one that is not valid."""
        node = index.internalPointer() if index.isValid() else None
        return node if isinstance(node, TagNode) else self.root

    def index_of(self, node: TagNode, column: int = 0) -> QModelIndex:
        """Return the index of a node of this tree."""
        return QModelIndex() if node.parent is None else self.createIndex(node.place, column, node)

    def index(self, row: int, column: int, parent: QModelIndex = QModelIndex()) -> QModelIndex:  # noqa: B008 - Qt's own signature
        """Return the index of a child."""
        children = self.node_of(parent).children
        return self.createIndex(row, column, children[row]) if 0 <= row < len(children) else QModelIndex()

    def parent(self, index: QModelIndex) -> QModelIndex:  # type: ignore[override]  # Qt has two of that name
        """Return the index of what a node lies in."""
        above = self.node_of(index).parent
        return QModelIndex() if above is None else self.index_of(above)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return how many children there are."""
        return len(self.node_of(parent).children) if parent.column() <= 0 else 0

    def columnCount(self, _parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of columns."""
        return len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        return self.columns[section] if orientation == Qt.Horizontal and role == Qt.DisplayRole else None

    def texts(self, node: TagNode) -> tuple[str, ...]:
        """Return what the columns say of a node."""
        return node.tag, node.name, node.vr, node.value

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a cell; items are dim, and in a search what is only there because of what is inside it."""
        if not index.isValid():
            return None
        node = self.node_of(index)
        if role == Qt.DisplayRole:
            return one_line(self.texts(node)[index.column()])
        if role == Qt.ToolTipRole:
            heading = " ".join(part for part in (node.tag, node.name, node.keyword and f"[{node.keyword}]") if part)
            values = "\n".join(self.texts(node)[column] for column in self.value_columns)
            return plain_tooltip(f"{heading}\n{values}".strip())
        if role == Qt.FontRole and (index.column() == 0 or (index.column() in self.value_columns and node.vr == "UI")):
            return self._font
        if role == Qt.ForegroundRole and (not node.vr or (self.is_searched and not node.is_hit)):
            return QColor(theme().dim)
        return None


def one_line(text: str) -> str:
    """Return a text on one line, and cut where it is very long."""
    cut = text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"
    return plain_text(LINE_END.join(cut.splitlines()))
