"""The menu of the browser: what concerns the database rather than what is selected."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.browser.requests import BrowserRequests
from DICOMModule.widgets.qt import QEvent, QMenu, Qt, QToolButton, QWidget, pyqtBoundSignal
from DICOMModule.widgets.theme import icon

TITLE: Final = "Trash, import history"


class BrowserMenu(QToolButton):
    """A button with a menu.

    Parameters
    ----------
    requests : BrowserRequests
        Its signals are emitted.
    """

    def __init__(self, requests: BrowserRequests, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(TITLE)
        self.setAccessibleName(TITLE)
        self.setFocusPolicy(Qt.TabFocus)
        self.setPopupMode(QToolButton.InstantPopup)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.setMenu(menu)
        self._icons: dict[str, str] = {}
        self._add(
            "Trash…\tCtrl+T",
            "delete",
            "What was deleted: bring it back, or delete it for good",
            requests.trash_requested,
        )
        self._add(
            "Import history…\tCtrl+H",
            "history",
            "Which imports there were, and what they said of files",
            requests.history_requested,
        )
        self._set_icons()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_icons"):
            self._set_icons()
        super().changeEvent(event)

    def _add(self, title: str, icon_name: str, tip: str, told: pyqtBoundSignal) -> None:
        action = self.menu().addAction(title)
        action.setToolTip(tip)
        action.setObjectName(icon_name)
        action.triggered.connect(lambda _checked: told.emit())

    def _set_icons(self) -> None:
        self.setIcon(icon("more"))
        for action in self.menu().actions():
            action.setIcon(icon(action.objectName()))
