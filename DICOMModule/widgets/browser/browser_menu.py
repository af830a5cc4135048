"""The menu of the browser: what concerns the database rather than what is selected."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.browser.requests import BrowserRequests
from DICOMModule.widgets.qt import (
    QAction,
    QActionGroup,
    QEvent,
    QMenu,
    Qt,
    QToolButton,
    QWidget,
    pyqtBoundSignal,
    pyqtSignal,
)
from DICOMModule.widgets.theme import icon

TITLE: Final = "Order, trash, import history"
ORDERS: Final = (
    ("name", "Name", "By name, then by ID"),
    ("study", "Latest study", "Whose latest study is the newest comes first"),
    ("arrival", "Arrival", "Whose study came into the database last comes first"),
)


class BrowserMenu(QToolButton):
    """A button with a menu.

    Parameters
    ----------
    requests : BrowserRequests
        Its signals are emitted.

    Signals
    -------
    order_chosen : str
        Patients are to be listed in this order: ``name``, ``study`` or ``arrival``.
    """

    order_chosen = pyqtSignal(str)

    def __init__(self, requests: BrowserRequests, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(TITLE)
        self.setAccessibleName(TITLE)
        self.setFocusPolicy(Qt.TabFocus)
        self.setPopupMode(QToolButton.InstantPopup)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.setMenu(menu)
        self._add_orders(menu)
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
        if event.type() == QEvent.PaletteChange and hasattr(self, "orders"):
            self._set_icons()
        super().changeEvent(event)

    def show_order(self, order: str) -> None:
        """Tick the order that is used."""
        for name, action in self.orders.items():
            action.setChecked(name == order)

    def _add_orders(self, menu: QMenu) -> None:
        below = menu.addMenu("Order patients by")
        below.setToolTipsVisible(True)
        below.menuAction().setObjectName("order")
        self.orders: dict[str, QAction] = {}
        group = QActionGroup(self)
        for name, title, tip in ORDERS:
            action = below.addAction(title)
            action.setToolTip(tip)
            action.setCheckable(True)
            group.addAction(action)
            action.triggered.connect(lambda _checked, name=name: self.order_chosen.emit(name))
            self.orders[name] = action
        menu.addSeparator()

    def _add(self, title: str, icon_name: str, tip: str, told: pyqtBoundSignal) -> None:
        action = self.menu().addAction(title)
        action.setToolTip(tip)
        action.setObjectName(icon_name)
        action.triggered.connect(lambda _checked: told.emit())

    def _set_icons(self) -> None:
        self.setIcon(icon("more"))
        for action in self.menu().actions():
            if action.objectName():
                action.setIcon(icon(action.objectName()))
