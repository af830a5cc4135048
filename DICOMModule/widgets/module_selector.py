"""The module menu: a button that names the module that is shown, with all of them by category below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from DICOMModule.widgets.qt import (
    QAction,
    QActionGroup,
    QEvent,
    QMenu,
    QSizePolicy,
    Qt,
    QToolButton,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import icon

UNCATEGORISED: Final = "Others"
HINT: Final = "Modules of your own: name their folder in the settings"


class ModuleSelector(QToolButton):
    """A button with the menu of the modules.

    Signals
    -------
    chosen : str
        The name of the module that is to be shown.
    """

    chosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPopupMode(QToolButton.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        self.setSizePolicy(QSizePolicy.Preferred, QSizePolicy.Fixed)
        self.setFocusPolicy(Qt.StrongFocus)
        self.setToolTip("Show another module")
        self.setAccessibleName("Module")
        self.setIcon(icon("module"))
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self.setMenu(self._menu)

    def show_modules(self, entries: Sequence[tuple[str, str, str]], current: str) -> None:
        """List modules, each as name, title and category, by category and title; `current` is the name of one."""
        self._menu.clear()
        group = QActionGroup(self._menu)
        categories: dict[str, list[tuple[str, str]]] = {}
        for name, title, category in entries:
            categories.setdefault(category or UNCATEGORISED, []).append((title, name))
        for category in sorted(categories, key=lambda one: (one == UNCATEGORISED, one.casefold())):
            self._add_heading(category)
            for title, name in sorted(categories[category], key=lambda pair: pair[0].casefold()):
                action = self._add_module(name, title)
                action.setChecked(name == current)
                group.addAction(action)
        if len(entries) < 2:
            self._menu.addSeparator()
            self._add_heading(HINT)
        self.setText(_label(next((title for name, title, _category in entries if name == current), "Modules")))

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange:
            self.setIcon(icon("module"))
        super().changeEvent(event)

    def _add_heading(self, text: str) -> None:
        heading = QAction(_label(text), self._menu)
        heading.setEnabled(False)
        self._menu.addAction(heading)

    def _add_module(self, name: str, title: str) -> QAction:
        action = QAction(_label(title), self._menu)
        action.setCheckable(True)
        action.setData(name)
        action.triggered.connect(lambda _checked: self.chosen.emit(name))
        self._menu.addAction(action)
        return action


def _label(text: str) -> str:
    return " ".join(text.split()).replace("&", "&&")
