"""A label of one line that cuts a long text in the middle and shows the whole in its tooltip."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.qt import QEvent, QLabel, QResizeEvent, QSize, QSizePolicy, Qt, QWidget
from DICOMModule.widgets.wording import plain_tooltip

FIGURE_SPACE: Final = "\u2007"  # as wide as a figure


class ElidedLabel(QLabel):
    """Plain text on one line, cut where there is no room for it.

    Parameters
    ----------
    text : str
        The whole text.
    mode : Qt.TextElideMode
        Where it is cut; in the middle, as paths and names want it.
    """

    def __init__(
        self, text: str = "", mode: Qt.TextElideMode = Qt.ElideMiddle, *, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._whole = text
        self._mode = mode
        self.setTextFormat(Qt.PlainText)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        self._elide()

    @property
    def whole_text(self) -> str:
        """The text before it was cut."""
        return self._whole

    def set_whole_text(self, text: str) -> None:
        """Show another text."""
        if text != self._whole:
            self._whole = text
            self._elide()
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the room that the whole text would take."""
        margins = self.contentsMargins()
        width = self.fontMetrics().horizontalAdvance(self._whole) + margins.left() + margins.right() + 2
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return a width that anything can be cut to."""
        return QSize(24, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the text anew."""
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """Cut the text anew with another font."""
        if event.type() in {QEvent.FontChange, QEvent.StyleChange}:
            self._elide()
        super().changeEvent(event)

    def _elide(self) -> None:
        one_line = " ".join(self._whole.splitlines())
        shown = self.fontMetrics().elidedText(one_line, self._mode, max(0, self.contentsRect().width()))
        if shown != self.text():
            self.setText(shown)
        told = self._whole.replace(FIGURE_SPACE, " ")  # room for figures that a tooltip has no need of
        self.setToolTip(plain_tooltip(told) if shown != self._whole else "")
        self.setAccessibleName(self._whole)
