"""The list of servers: a model of rows, and rows of two lines with the mark of the last test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from DICOMModule.errors import plain_text
from DICOMModule.widgets.qt import (
    QAbstractListModel,
    QColor,
    QFontMetrics,
    QModelIndex,
    QPainter,
    QRect,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
)
from DICOMModule.widgets.servers.server_rows import ServerRow, place_text
from DICOMModule.widgets.theme import caption_font, pixmap, theme
from DICOMModule.widgets.wording import plain_tooltip

ROW_ROLE: Final = Qt.UserRole
MARK_PX: Final = 16
PAD: Final = 4
GAP: Final = 8
ROOT: Final = QModelIndex()
LEFT: Final = int(Qt.AlignLeft | Qt.AlignVCenter)
RIGHT: Final = int(Qt.AlignRight | Qt.AlignVCenter)


class ServerListModel(QAbstractListModel):
    """The rows of an address book."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[ServerRow, ...] = ()

    def set_rows(self, rows: Sequence[ServerRow]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of servers."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a server's name, all of it as a row, or what is to be said of it."""
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.DisplayRole:
            return plain_text(row.entry.name)
        if role == Qt.AccessibleTextRole:
            return f"{plain_text(row.entry.name)}, {place_text(row.entry)}, {row.mark.word}"
        if role == Qt.ToolTipRole:
            return plain_tooltip(f"{row.entry.name}\n{place_text(row.entry)}\n{row.mark.sentence}")
        return None


class ServerDelegate(QStyledItemDelegate):
    """Paints a server: mark, name and a word on the first line; AE title and address below."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        """Return the room of two lines."""
        lines = QFontMetrics(option.font).height() + QFontMetrics(caption_font(option.font)).height()
        return QSize(120, lines + 2 * PAD)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint a row."""
        row = index.data(ROW_ROLE)
        if not isinstance(row, ServerRow):
            return
        if option.widget is not None:
            option.widget.style().drawPrimitive(QStyle.PE_PanelItemViewItem, option, painter, option.widget)
        used, mark = theme(), row.mark
        painter.save()
        room = option.rect.adjusted(PAD + 2, PAD, -PAD - 2, -PAD)
        painter.drawPixmap(
            room.left(), room.center().y() - MARK_PX // 2, pixmap(mark.icon, getattr(used, mark.color), MARK_PX)
        )
        text = room.adjusted(MARK_PX + GAP, 0, 0, 0)
        first = QRect(text.left(), text.top(), text.width(), QFontMetrics(option.font).height())
        below = QRect(text.left(), first.bottom() + 1, text.width(), text.bottom() - first.bottom())
        small = caption_font(option.font)
        word_px = QFontMetrics(small).horizontalAdvance(mark.word)
        painter.setPen(QColor(used.text))
        painter.setFont(option.font)
        _draw(painter, first.adjusted(0, 0, -word_px - GAP, 0), LEFT, row.entry.name)
        painter.setFont(small)
        painter.setPen(QColor(used.dim if mark.color == "ok" else getattr(used, mark.color)))
        painter.drawText(first, RIGHT, mark.word)
        painter.setPen(QColor(used.dim))
        _draw(painter, below, LEFT, place_text(row.entry))
        painter.restore()


def _draw(painter: QPainter, room: QRect, align: int, text: str) -> None:
    shown = painter.fontMetrics().elidedText(plain_text(text), Qt.ElideMiddle, room.width())
    painter.drawText(room, align, shown)
