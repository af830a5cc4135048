"""Series as cards in a flow: a large thumbnail, and beside it what it is."""

from __future__ import annotations

from typing import Final

from DICOMModule.database import SeriesSummary
from DICOMModule.widgets.browser import row_texts
from DICOMModule.widgets.browser.label_chips import Chips, lay_out_chips, paint_chips
from DICOMModule.widgets.browser.row_delegate import (
    GAP,
    LEFT,
    MARK_PX,
    PAD,
    health_color,
    health_width,
    paint_thumbnail,
)
from DICOMModule.widgets.browser.row_view import RowKeys
from DICOMModule.widgets.browser.scrubbing import HoverScrub
from DICOMModule.widgets.browser.selection import images_text
from DICOMModule.widgets.browser.spread_models import SeriesList
from DICOMModule.widgets.browser.thumbnails import Thumbnails
from DICOMModule.widgets.browser.tree_model import SUMMARY_ROLE
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QColor,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QListView,
    QModelIndex,
    QMouseEvent,
    QObject,
    QPainter,
    QPoint,
    QRect,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
    QToolTip,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import caption_font, pixmap, theme
from DICOMModule.widgets.wording import bytes_text

THUMBNAIL_PX: Final = 96
CARD_WIDTH_PX: Final = 288


class CardDelegate(QStyledItemDelegate):
    """Paints a series as a card.

    Parameters
    ----------
    thumbnails : Thumbnails
        Lends the pictures.
    """

    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.thumbnails = thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        """Return the room of a card: a thumbnail's, or five lines'."""
        small = QFontMetrics(caption_font(option.font)).height()
        lines = 2 * QFontMetrics(option.font).height() + 3 * small + 2 * PAD
        return QSize(CARD_WIDTH_PX, max(THUMBNAIL_PX, lines) + 2 * GAP)

    @staticmethod
    def thumbnail_box(card: QRect) -> QRect:
        """Return where in a card the thumbnail lies."""
        return QRect(card.left() + GAP, card.top() + GAP, THUMBNAIL_PX, THUMBNAIL_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint a card."""
        series = index.data(SUMMARY_ROLE)
        if not isinstance(series, SeriesSummary):
            return
        widget = option.widget
        if widget is not None:
            widget.style().drawPrimitive(QStyle.PE_PanelItemViewItem, option, painter, widget)
        painter.save()
        paint_thumbnail(painter, self.thumbnail_box(option.rect), series, self.thumbnails)
        self._paint_texts(painter, option, self._text_room(option.rect), series)
        painter.restore()

    def helpEvent(
        self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: QModelIndex
    ) -> bool:
        """Say a series in full, and why its thumbnail is missing."""
        series = index.data(SUMMARY_ROLE)
        if event.type() != QHelpEvent.ToolTip or not isinstance(series, SeriesSummary):
            return bool(super().helpEvent(event, view, option, index))
        if self.thumbnails.scrubber.shown(series.series_instance_uid) is not None:
            return True  # a tooltip would lie over the picture
        problem = self.thumbnails.problem_of(series.series_instance_uid)
        QToolTip.showText(event.globalPos(), row_texts.tool_tip(series, problem), view)
        return True

    def label_at(self, card: QRect, font: QFont, series: SeriesSummary, place: QPoint) -> str:
        """Return the label whose chip lies at a point of a card; empty where there is none."""
        line = self._last_line(self._text_room(card), font)
        return self._chips(line, font, series).label_at(place.x(), place.y())

    @staticmethod
    def _text_room(card: QRect) -> QRect:
        room = card.adjusted(GAP, GAP, -GAP, -GAP)
        room.setLeft(room.left() + THUMBNAIL_PX + GAP)
        return room

    @staticmethod
    def _last_line(room: QRect, font: QFont) -> QRect:
        height = QFontMetrics(caption_font(font)).height()
        return QRect(room.left(), room.bottom() - height + 1, room.width(), height)

    @staticmethod
    def _chips(last: QRect, font: QFont, series: SeriesSummary) -> Chips:
        """Return the chips of a card's last line, after its health."""
        if not series.labels and not series.note:
            return Chips()
        metrics = QFontMetrics(caption_font(font))
        return lay_out_chips(last.adjusted(health_width(metrics, series), 0, 0, 0), series.labels, series.note, metrics)

    def _paint_texts(self, painter: QPainter, option: QStyleOptionViewItem, room: QRect, series: SeriesSummary) -> None:
        used, small = theme(), caption_font(option.font)
        metrics, small_metrics = QFontMetrics(option.font), QFontMetrics(small)
        painter.setFont(option.font)
        painter.setPen(QColor(used.text))
        lines = wrapped(row_texts.title(series), metrics, room.width(), 2)
        top = room.top()
        for line in lines:
            painter.drawText(QRect(room.left(), top, room.width(), metrics.height()), LEFT, line)
            top += metrics.height()
        painter.setFont(small)
        painter.setPen(QColor(used.dim))
        top += PAD
        for text in (row_texts.joined(series.modality or "", images_text(series)), _place_text(series)):
            shown = small_metrics.elidedText(text, Qt.ElideMiddle, room.width())
            painter.drawText(QRect(room.left(), top, room.width(), small_metrics.height()), LEFT, shown)
            top += small_metrics.height()
        health = row_texts.shown_health(series)
        color = health_color(health, used)
        last = self._last_line(room, option.font)
        mark = pixmap(row_texts.HEALTH_ICONS.get(health, "unknown"), color, MARK_PX)
        painter.drawPixmap(last.left(), last.center().y() - MARK_PX // 2 + 1, mark)
        painter.setPen(QColor(color))
        painter.drawText(last.adjusted(MARK_PX + PAD, 0, 0, 0), LEFT, health)
        paint_chips(painter, self._chips(last, option.font, series), small, used)


class SeriesCards(RowKeys, QListView):
    """The cards; a double click loads as Enter does.

    Signals
    -------
    label_chosen : str
        The chip of a label was clicked.
    """

    label_chosen = pyqtSignal(str)

    def __init__(self, model: SeriesList, delegate: CardDelegate, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(delegate)
        self.setViewMode(QListView.IconMode)
        self.setMovement(QListView.Static)
        self.setResizeMode(QListView.Adjust)
        self.setWrapping(True)
        self.setUniformItemSizes(True)
        self.setSpacing(PAD)
        self.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollPerPixel)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragOnly)
        self.setAccessibleName("Series")
        self._delegate = delegate
        HoverScrub(self, delegate.thumbnails.scrubber, self.thumbnail_at)

    def thumbnail_at(self, place: QPoint) -> tuple[SeriesSummary, QRect] | None:
        """Return the series whose thumbnail lies at a point of the viewport, and where it lies."""
        index = self.indexAt(place)
        series = index.data(SUMMARY_ROLE) if index.isValid() else None
        box = self._delegate.thumbnail_box(self.visualRect(index))
        return (series, box) if isinstance(series, SeriesSummary) and box.contains(place) else None

    def series_in_sight(self) -> set[str]:
        """Return the Series Instance UIDs of the cards that are in sight."""
        found: set[str] = set()
        model = self.model()
        if not self.isVisible() or model is None:
            return found
        for row in range(model.rowCount()):
            index = model.index(row, 0)
            if self.visualRect(index).intersects(self.viewport().rect()):
                found.add(index.data(SUMMARY_ROLE).series_instance_uid)
        return found

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell of a label that is clicked; else select."""
        index = self.indexAt(event.pos())
        series = index.data(SUMMARY_ROLE) if index.isValid() and event.button() == Qt.LeftButton else None
        if isinstance(series, SeriesSummary):
            label = self._delegate.label_at(self.visualRect(index), self.font(), series, event.pos())
            if label:
                self.label_chosen.emit(label)
                return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Load the series."""
        if event.button() == Qt.LeftButton and self.indexAt(event.pos()).isValid():
            self.load_requested.emit()
            return
        super().mouseDoubleClickEvent(event)


def wrapped(text: str, metrics: QFontMetrics, width_px: int, most: int) -> list[str]:
    """Return text in at most so many lines, broken between words where that can be, the last one cut in its middle."""
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most - 1 and metrics.horizontalAdvance(rest) > width_px:
        fitting = len(rest)
        while fitting > 1 and metrics.horizontalAdvance(rest[:fitting]) > width_px:
            fitting -= 1
        blank = max(rest.rfind(" ", 0, fitting + 1), rest.rfind("_", 0, fitting))
        end = blank + 1 if blank > fitting // 3 else fitting
        lines.append(rest[:end].rstrip())
        rest = rest[end:]
    return [*lines, metrics.elidedText(rest, Qt.ElideMiddle, width_px)] if rest else lines


def _place_text(series: SeriesSummary) -> str:
    return row_texts.joined(row_texts.date(series.series_date), bytes_text(series.bytes))
