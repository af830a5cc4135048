"""Paints the rows of the tree: two lines with a picture or an icon, so that they fit into a narrow panel."""

from __future__ import annotations

from typing import Final

from DICOMModule.database import PatientSummary, SeriesSummary
from DICOMModule.widgets.browser import row_texts
from DICOMModule.widgets.browser.label_chips import Chips, lay_out_chips, paint_chips
from DICOMModule.widgets.browser.pictures import paint_fitted
from DICOMModule.widgets.browser.scrubbing import Scrubbed
from DICOMModule.widgets.browser.selection import Summary
from DICOMModule.widgets.browser.thumbnails import Thumbnails
from DICOMModule.widgets.browser.tree_model import SUMMARY_ROLE
from DICOMModule.widgets.browser.tree_nodes import SERIES_LEVEL, level_of
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QColor,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QModelIndex,
    QObject,
    QPainter,
    QPoint,
    QRect,
    QRectF,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
    QToolTip,
)
from DICOMModule.widgets.theme import DARK, ICON_PX, Theme, caption_font, pixmap, theme
from DICOMModule.widgets.views.view_widget import GROUND

THUMBNAIL_PX: Final = 48
MARK_PX: Final = 14
PAD: Final = 4
BAR_PX: Final = 3
GAP: Final = 8
SAID_PART: Final = 0.6  # of a line that labels leave to what it says
LEFT: Final = int(Qt.AlignLeft | Qt.AlignVCenter)
RIGHT: Final = int(Qt.AlignRight | Qt.AlignVCenter)
DOCUMENTS: Final = frozenset({"SR", "KO", "PR", "DOC"})


class RowDelegate(QStyledItemDelegate):
    """Paints patients and studies with an icon, series with their thumbnail; health as icon and word.

    Parameters
    ----------
    thumbnails : Thumbnails
        Lends the pictures.
    """

    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._measured = QFont()
        self._row_size = self._series_size = QSize()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the room of two lines, or of a thumbnail."""
        if self._row_size.isEmpty() or option.font != self._measured:
            self._measured = QFont(option.font)
            lines = QFontMetrics(option.font).height() + QFontMetrics(caption_font(option.font)).height() + 2 * PAD
            self._row_size = QSize(160, max(lines, 40))
            self._series_size = QSize(160, max(lines, THUMBNAIL_PX + 2 * PAD))
        # asked of every row whenever one is added, so neither fonts nor summaries are looked at
        return self._series_size if level_of(int(index.internalId())) == SERIES_LEVEL else self._row_size

    @staticmethod
    def thumbnail_box(row: QRect) -> QRect:
        """Return where in the row of a series its thumbnail lies."""
        return QRect(row.left() + PAD, row.center().y() - THUMBNAIL_PX // 2, THUMBNAIL_PX, THUMBNAIL_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint a row."""
        summary = index.data(SUMMARY_ROLE)
        if summary is None:
            return
        widget = option.widget
        if widget is not None:
            widget.style().drawPrimitive(QStyle.PE_PanelItemViewItem, option, painter, widget)
        painter.save()
        used = theme()
        if isinstance(summary, SeriesSummary):
            box = self.thumbnail_box(option.rect)
            paint_thumbnail(painter, box, summary, self._thumbnails)
        else:
            box = QRect(option.rect.left() + PAD, option.rect.center().y() - ICON_PX // 2, ICON_PX, ICON_PX)
            name = "patient" if isinstance(summary, PatientSummary) else "study"
            painter.drawPixmap(box.topLeft(), pixmap(name, used.dim))
        self._paint_lines(painter, option, self._text_room(option.rect, summary), summary, used)
        painter.restore()

    def helpEvent(
        self, event: QHelpEvent, view: QAbstractItemView, option: QStyleOptionViewItem, index: QModelIndex
    ) -> bool:
        """Say a row in full, and why its thumbnail is missing."""
        summary = index.data(SUMMARY_ROLE)
        if event.type() != QHelpEvent.ToolTip or summary is None:
            return bool(super().helpEvent(event, view, option, index))
        problem = ""
        if isinstance(summary, SeriesSummary):
            if self._thumbnails.scrubber.shown(summary.series_instance_uid) is not None:
                return True  # a tooltip would lie over the picture
            problem = self._thumbnails.problem_of(summary.series_instance_uid)
        QToolTip.showText(event.globalPos(), row_texts.tool_tip(summary, problem), view)
        return True

    def label_at(self, row: QRect, font: QFont, summary: Summary, place: QPoint) -> str:
        """Return the label whose chip lies at a point of a row; empty where there is none."""
        chips = self._chips(self._lines(self._text_room(row, summary), font)[1], font, summary)
        return chips.label_at(place.x(), place.y())

    @classmethod
    def _text_room(cls, row: QRect, summary: Summary) -> QRect:
        room = row.adjusted(PAD, PAD, -GAP, -PAD)
        if isinstance(summary, SeriesSummary):
            room.setLeft(cls.thumbnail_box(row).right() + GAP)
        else:
            room.setLeft(room.left() + ICON_PX - 1 + GAP)
        return room

    @staticmethod
    def _lines(room: QRect, font: QFont) -> tuple[QRect, QRect]:
        height, small_height = QFontMetrics(font).height(), QFontMetrics(caption_font(font)).height()
        top = room.center().y() - (height + small_height) // 2
        return (
            QRect(room.left(), top, room.width(), height),
            QRect(room.left(), top + height, room.width(), small_height),
        )

    @staticmethod
    def _chips(second: QRect, font: QFont, summary: Summary) -> Chips:
        """Return the chips of a row's second line: after what it says, of which little is cut."""
        if not summary.labels and not summary.note:
            return Chips()
        metrics = QFontMetrics(caption_font(font))
        line = QRect(second)
        if isinstance(summary, SeriesSummary):
            line.setRight(line.right() - health_width(metrics, summary))
        said = metrics.horizontalAdvance(row_texts.caption(summary)) + GAP
        line.setLeft(line.left() + min(said, round(SAID_PART * line.width())))
        return lay_out_chips(line, summary.labels, summary.note, metrics)

    def _paint_lines(
        self, painter: QPainter, option: QStyleOptionViewItem, room: QRect, summary: Summary, used: Theme
    ) -> None:
        metrics, small = QFontMetrics(option.font), caption_font(option.font)
        small_metrics = QFontMetrics(small)
        first, second = self._lines(room, option.font)
        chips = self._chips(second, option.font, summary)
        painter.setFont(small)
        painter.setPen(QColor(used.dim))
        side = row_texts.side_text(summary)
        side_width = small_metrics.horizontalAdvance(side) + GAP if side else 0
        painter.drawText(first, RIGHT, side)
        if isinstance(summary, SeriesSummary):
            self._paint_health(painter, second, summary, used)
            second.setRight(second.right() - health_width(small_metrics, summary))
        if chips.left is not None:
            paint_chips(painter, chips, small, used)
            second.setRight(chips.left - GAP)
        painter.setFont(small)
        painter.setPen(QColor(used.dim))
        caption = small_metrics.elidedText(row_texts.caption(summary), Qt.ElideMiddle, second.width())
        painter.drawText(second, LEFT, caption)
        painter.setFont(option.font)
        painter.setPen(QColor(used.text))
        title = metrics.elidedText(row_texts.title(summary), Qt.ElideMiddle, first.width() - side_width)
        painter.drawText(first, LEFT, title)

    def _paint_health(self, painter: QPainter, line: QRect, series: SeriesSummary, used: Theme) -> None:
        health = row_texts.shown_health(series)
        color = health_color(health, used)
        painter.setPen(QColor(color))
        painter.drawText(line, RIGHT, health)
        left = line.right() - QFontMetrics(painter.font()).horizontalAdvance(health) - MARK_PX - PAD
        mark = pixmap(row_texts.HEALTH_ICONS.get(health, "unknown"), color, MARK_PX)
        painter.drawPixmap(left, line.center().y() - MARK_PX // 2 + 1, mark)


def health_width(metrics: QFontMetrics, series: SeriesSummary) -> int:
    """Return the room of a health's icon and word, in logical pixels."""
    return int(metrics.horizontalAdvance(row_texts.shown_health(series))) + MARK_PX + PAD + GAP


def health_color(health: str, used: Theme) -> str:
    """Return the colour of a health."""
    return {"ok": used.dim, "warned": used.warning, "refused": used.error}.get(health, used.dim)


def paint_thumbnail(painter: QPainter, box: QRect, series: SeriesSummary, thumbnails: Thumbnails) -> None:
    """Paint a series' thumbnail, or the frame in its place, into a near-black square; an icon where there is none."""
    painter.fillRect(box, GROUND)
    ratio = painter.device().devicePixelRatioF()
    scrubbed = thumbnails.scrubber.shown(series.series_instance_uid)
    if scrubbed is not None:
        _paint_scrubbed(painter, box, scrubbed, ratio)
        return
    known = thumbnails.look_up(series)
    if known is not None and known.pixmap is not None:
        paint_fitted(painter, known.pixmap.toImage(), QRectF(box), ratio)
        return
    name = "metadata" if series.modality in DOCUMENTS else "label" if series.modality == "RTSTRUCT" else "image"
    _paint_mark(painter, box, name, "#9aa5b0" if known is not None else "#3a4149")


def _paint_scrubbed(painter: QPainter, box: QRect, scrubbed: Scrubbed, ratio: float) -> None:
    """Paint a frame and, as a bar along the lower edge, how far on in the series it is."""
    if scrubbed.picture.image is not None:
        paint_fitted(painter, scrubbed.picture.image, QRectF(box), ratio)
    else:
        _paint_mark(painter, box, "warning", "#f4c442")
    bar = QRect(box.left(), box.bottom() - BAR_PX + 1, box.width(), BAR_PX)
    painter.fillRect(bar, QColor("#3a4149"))
    bar.setWidth(max(BAR_PX, round(bar.width() * (scrubbed.index + 1) / scrubbed.count)))
    painter.fillRect(bar, QColor(DARK.accent))


def _paint_mark(painter: QPainter, box: QRect, name: str, color: str) -> None:
    mark = pixmap(name, color, ICON_PX)
    painter.drawPixmap(box.center().x() - ICON_PX // 2 + 1, box.center().y() - ICON_PX // 2 + 1, mark)
