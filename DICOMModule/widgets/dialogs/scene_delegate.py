"""Paints a node of the scene in two lines with its eye, and takes clicks on the eye."""

from __future__ import annotations

from typing import Final

from DICOMModule.scene import VolumeNode
from DICOMModule.widgets.dialogs.scene_model import CAPTION_ROLE, NODE_ROLE, PLACE_ROLE
from DICOMModule.widgets.qt import (
    QAbstractItemModel,
    QColor,
    QEvent,
    QFontMetrics,
    QModelIndex,
    QMouseEvent,
    QPainter,
    QPen,
    QRect,
    QRectF,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import ICON_PX, caption_font, pixmap, theme

MARGIN: Final = 8
GAP: Final = 4
ICON_ROOM: Final = ICON_PX + MARGIN


class SceneDelegate(QStyledItemDelegate):
    """Draws rows of a `SceneModel`.

    Signals
    -------
    eye_clicked : VolumeNode
        The eye of a node was clicked.
    """

    eye_clicked = pyqtSignal(object)

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex) -> QSize:
        """Return room for two lines."""
        name, caption = QFontMetrics(option.font), QFontMetrics(caption_font(option.font))
        return QSize(120, name.height() + caption.height() + GAP + 2 * GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw the eye, the name, a sign for warnings, the caption and the place in the views."""
        node: VolumeNode = index.data(NODE_ROLE)
        style = option.widget.style()
        style.drawPrimitive(QStyle.PE_PanelItemViewItem, option, painter, option.widget)
        painter.save()
        used = theme()
        eye = self.eye_rect(option)
        painter.drawPixmap(eye, pixmap("eye" if node.visible else "eye-off", used.text if node.visible else used.dim))
        name = self.name_rect(option)
        if node.volume.warnings:
            sign = QRect(name.right() + GAP, name.top() + (name.height() - 16) // 2, 16, 16)
            painter.drawPixmap(sign, pixmap("warning", used.warning, 16))
        painter.setFont(option.font)
        painter.setPen(QColor(used.text if node.visible else used.dim))
        metrics = QFontMetrics(option.font)
        painter.drawText(name, _LINE, metrics.elidedText(index.data(), Qt.ElideMiddle, name.width()))
        self._paint_caption(painter, option, index, name)
        painter.restore()

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _index: QModelIndex) -> None:
        """Put the field for a new name where the name stands."""
        name = self.name_rect(option)
        editor.setGeometry(name.adjusted(-GAP, -GAP, GAP, GAP))

    def editorEvent(
        self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: QModelIndex
    ) -> bool:
        """Take a click on the eye."""
        kinds = {QEvent.MouseButtonPress, QEvent.MouseButtonRelease, QEvent.MouseButtonDblClick}
        eye = self.eye_rect(option).adjusted(-GAP, -GAP, GAP, GAP)
        is_click = isinstance(event, QMouseEvent) and event.button() == Qt.LeftButton and eye.contains(event.pos())
        if is_click and event.type() in kinds:
            if event.type() == QEvent.MouseButtonRelease:
                self.eye_clicked.emit(index.data(NODE_ROLE))
            return True
        return super().editorEvent(event, model, option, index)

    def eye_rect(self, option: QStyleOptionViewItem) -> QRect:
        """Return where the eye is."""
        row = option.rect
        return QRect(row.left() + MARGIN, row.center().y() - ICON_PX // 2 + 1, ICON_PX, ICON_PX)

    def name_rect(self, option: QStyleOptionViewItem) -> QRect:
        """Return where the name is."""
        row = option.rect.adjusted(MARGIN + ICON_ROOM, GAP, -MARGIN - ICON_ROOM + MARGIN, 0)
        return QRect(row.left(), row.top(), row.width(), QFontMetrics(option.font).height())

    def _paint_caption(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex, name: QRect) -> None:
        used, font = theme(), caption_font(option.font)
        metrics = QFontMetrics(font)
        line = QRect(name.left(), name.bottom() + GAP, option.rect.right() - MARGIN - name.left(), metrics.height())
        painter.setFont(font)
        place, caption = index.data(PLACE_ROLE), index.data(CAPTION_ROLE)
        if place:
            needed = metrics.horizontalAdvance(caption + place) + 12 + MARGIN
            word = (
                place if needed <= line.width() else place[:1].upper()
            )  # a dock may be narrow; the tooltip has the word
            width = metrics.horizontalAdvance(word) + 12
            pill = QRectF(line.right() - width, line.top() + 0.5, width, line.height() - 1)
            painter.setRenderHint(QPainter.Antialiasing)
            painter.setPen(QPen(QColor(used.accent if place == "background" else used.dim), 1.0))
            painter.drawRoundedRect(pill, pill.height() / 2, pill.height() / 2)
            painter.drawText(pill, Qt.AlignCenter, word)
            line.setRight(round(pill.left()) - MARGIN)
        painter.setPen(QColor(used.dim))
        painter.drawText(line, _LINE, metrics.elidedText(caption, Qt.ElideRight, line.width()))


_LINE: Final = int(Qt.AlignLeft | Qt.AlignVCenter | Qt.TextSingleLine)
