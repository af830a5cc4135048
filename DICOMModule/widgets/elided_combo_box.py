"""A combo box that cuts a long choice in the middle, as `ElidedLabel` does: Qt's own lets its end run out of the field."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.qt import QComboBox, QPaintEvent, QStyle, QStyleOptionComboBox, QStylePainter, Qt

INSET_PX: Final = 2  # that a style sheet keeps free between the field and its text, both sides


class ElidedComboBox(QComboBox):
    """A combo box whose chosen text keeps its beginning and its end."""

    def shown_text(self, option: QStyleOptionComboBox) -> str:
        """Return the chosen text as it fits into the field."""
        field = self.style().subControlRect(QStyle.CC_ComboBox, option, QStyle.SC_ComboBoxEditField, self)
        return option.fontMetrics.elidedText(option.currentText, Qt.ElideMiddle, field.width() - INSET_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the box with the text cut."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.CC_ComboBox, option)
        painter.drawControl(QStyle.CE_ComboBoxLabel, option)
