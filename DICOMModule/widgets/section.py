"""A section of a panel: a title that folds and unfolds what is below it."""

from __future__ import annotations

from DICOMModule.widgets.qt import QEvent, QSizePolicy, Qt, QToolButton, QVBoxLayout, QWidget, pyqtSignal
from DICOMModule.widgets.theme import icon


class Section(QWidget):
    """A titled part of a panel.

    Parameters
    ----------
    title : str
        Its name.
    content : QWidget
        What is folded.
    folded : bool
        Whether it starts folded.

    Signals
    -------
    folded_changed : bool
        It was folded (True) or unfolded, by whomever.
    """

    folded_changed = pyqtSignal(bool)

    def __init__(self, title: str, content: QWidget, *, folded: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.content = content
        self._title = QToolButton()
        self._title.setText(title)
        self._title.setProperty("section", True)
        self._title.setCheckable(True)
        self._title.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        self._title.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self._title.setFocusPolicy(Qt.StrongFocus)
        self._title.setChecked(not folded)
        self._title.toggled.connect(self._on_title_toggled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(content, 1)
        content.setVisible(not folded)
        self._set_policy()
        self._set_icon()

    @property
    def folded(self) -> bool:
        """Whether only the title is seen."""
        return not self._title.isChecked()

    def set_folded(self, folded: bool) -> None:
        """Fold or unfold it."""
        self._title.setChecked(not folded)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange:
            self._set_icon()
        super().changeEvent(event)

    def _on_title_toggled(self, shown: bool) -> None:
        self.content.setVisible(shown)
        self._set_policy()
        self._set_icon()
        self.folded_changed.emit(not shown)

    def _set_policy(self) -> None:
        vertical = self.content.sizePolicy().verticalPolicy() if not self.folded else QSizePolicy.Fixed
        self.setSizePolicy(QSizePolicy.Preferred, vertical)

    def _set_icon(self) -> None:
        self._title.setIcon(icon("chevron-right" if self.folded else "chevron-down"))
