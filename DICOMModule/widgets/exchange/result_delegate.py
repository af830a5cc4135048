"""Paints the cells of a query's answers, each with one call into Python: beside a busy job every call waits for its turn."""

from __future__ import annotations

from DICOMModule.widgets.exchange.result_model import ResultModel
from DICOMModule.widgets.exchange.result_node import NUMBERS
from DICOMModule.widgets.qt import QModelIndex, QSize, QStyledItemDelegate, QStyleOptionViewItem, Qt
from DICOMModule.widgets.theme import ICON_PX

LEFT = Qt.AlignLeft | Qt.AlignVCenter
RIGHT = Qt.AlignRight | Qt.AlignVCenter


class ResultDelegate(QStyledItemDelegate):
    """Takes what a cell shows from the model at once; Qt's own asks it for eight things one by one."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Say what a cell shows."""
        model = index.model()
        if not isinstance(model, ResultModel):
            super().initStyleOption(option, index)
            return
        option.index = index
        option.displayAlignment = RIGHT if index.column() in NUMBERS else LEFT
        option.text, picture = model.cell(index)
        option.features |= QStyleOptionViewItem.HasDisplay
        if picture is not None:
            option.features |= QStyleOptionViewItem.HasDecoration
            option.icon = picture
            option.decorationSize = (
                QSize(ICON_PX, ICON_PX) if option.decorationSize.isEmpty() else option.decorationSize
            )
