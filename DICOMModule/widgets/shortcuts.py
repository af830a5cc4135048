"""Keys of the window: makes the shortcuts, and leaves to a field or a list the keys that it needs itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from DICOMModule.widgets.key_actions import KeyAction
from DICOMModule.widgets.key_table import KeyTable
from DICOMModule.widgets.qt import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QEvent,
    QKeyEvent,
    QKeySequence,
    QKeySequenceEdit,
    QLineEdit,
    QObject,
    QPlainTextEdit,
    QShortcut,
    Qt,
    QTabBar,
    QTextEdit,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.viewer import SettingsStore

LOG = logging.getLogger(__name__)
#: A widget inside the window with this property set closes itself on Escape: then Escape is not a shortcut.
CLOSES_ON_ESCAPE: Final = "closes_on_escape"
#: A widget with this property set scrolls by itself: arrows, Home, End and the page keys are not shortcuts.
KEEPS_KEYS: Final = "keeps_keys"

_ARROWS: Final = {
    Qt.Key_Up,
    Qt.Key_Down,
    Qt.Key_Left,
    Qt.Key_Right,
    Qt.Key_Home,
    Qt.Key_End,
    Qt.Key_PageUp,
    Qt.Key_PageDown,
}
_TAB: Final = {Qt.Key_Tab, Qt.Key_Backtab}
_PRESS: Final = {Qt.Key_Space, Qt.Key_Return, Qt.Key_Enter}
_OF_LISTS: Final = _ARROWS | _TAB | _PRESS | {Qt.Key_Delete, Qt.Key_Backspace, Qt.Key_Plus, Qt.Key_Minus}
_COMMANDING: Final = Qt.ControlModifier | Qt.AltModifier | Qt.MetaModifier
# Held down, these go on; a letter that is held starts its action once.
_REPEATING: Final = frozenset({"Up", "Down", "Left", "Right", "PgUp", "PgDown", "+", "-", ",", "."})


class KeyBinder(QObject):
    """Starts actions by keys while the window is the active one.

    Parameters
    ----------
    window : QWidget
        In which the keys work.
    actions : mapping of str to callable
        What each action does, by name; looked up when a key is pressed, so it may grow later.
    key_actions : sequence of KeyAction
        All actions that keys can start.
    settings : SettingsStore
        Where keys are bound anew; the shortcuts follow at once.

    Signals
    -------
    rebound
        Keys have changed: tooltips that name them are to be made anew.

    Attributes
    ----------
    table : KeyTable
        Which key starts which action, and how to change it.
    """

    rebound = pyqtSignal()

    def __init__(
        self,
        window: QWidget,
        actions: Mapping[str, Callable[[], object]],
        key_actions: Sequence[KeyAction],
        settings: SettingsStore,
    ) -> None:
        super().__init__(window)
        self.table = KeyTable(key_actions, settings)
        self._window = window
        self._actions = actions
        self._bound = dict(settings.value.keys)
        self._shortcuts: list[QShortcut] = []
        self._make()
        window.installEventFilter(self)
        self._disconnect = settings.changed.connect(lambda value: self._on_settings_changed(value.keys))

    def key_text(self, name: str) -> str:
        """Return the first key of an action as the platform writes it; empty where it has none."""
        return self.table.key_text(name)

    def tooltip(self, name: str, text: str) -> str:
        """Return a tooltip that names the key: ``Import… (Ctrl+I)``."""
        return self.table.tooltip(name, text)

    def release(self) -> None:
        """Let go of the settings and take every shortcut away; for a window that closes before the program ends."""
        self._disconnect()
        self._window.removeEventFilter(self)
        self._remove()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave a key to who has the focus where that is a field, a list or something that closes on Escape."""
        # Qt asks by this event, from the focus upwards, whether somebody wants the key before it is taken as a shortcut.
        if event.type() == QEvent.ShortcutOverride and isinstance(event, QKeyEvent):
            focus: QWidget | None = QApplication.focusWidget()
            if focus is not None and _keeps(focus, event):
                event.accept()
                return True
        return super().eventFilter(watched, event)

    def _make(self) -> None:
        taken: set[str] = set()
        for action in self.table.actions:
            for key in self.table.keys_of(action.name):
                if key in taken:  # two shortcuts of one key would both be mute
                    LOG.warning("the key %s is bound twice; %s does not get it", key, action.name)
                    continue
                taken.add(key)
                self._bind(action.name, key)

    def _bind(self, name: str, key: str) -> None:
        shortcut = QShortcut(QKeySequence(key, QKeySequence.PortableText), self._window)
        shortcut.setContext(Qt.WindowShortcut)
        shortcut.setAutoRepeat(key.rpartition("+")[2] in _REPEATING or key.endswith("+"))
        shortcut.activated.connect(lambda: self._start(name))
        self._shortcuts.append(shortcut)

    def _start(self, name: str) -> None:
        act = self._actions.get(name)
        if act is None:
            LOG.info("nothing answers to the action %s", name)
        else:
            act()

    def _remove(self) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts.clear()

    def _on_settings_changed(self, keys: dict[str, str]) -> None:
        if keys != self._bound:
            self._bound = dict(keys)
            self._remove()
            self._make()
            self.rebound.emit()


def _keeps(focus: QWidget, event: QKeyEvent) -> bool:
    """Return whether a key belongs to the widget that has the focus, and not to the window."""
    if event.key() == Qt.Key_Escape and int(event.modifiers()) == 0:
        return _closes_on_escape(focus)
    if event.modifiers() & _COMMANDING:
        return False
    key = event.key()
    if _takes_text(focus):
        return not Qt.Key_F1 <= key <= Qt.Key_F35
    if key == Qt.Key_F2:
        return isinstance(focus, QAbstractItemView) and bool(focus.currentIndex().flags() & Qt.ItemIsEditable)
    if isinstance(focus, (QAbstractItemView, QComboBox)):
        return key in _OF_LISTS or event.text().isalnum()
    if focus.property(KEEPS_KEYS):
        return key in _ARROWS
    if isinstance(focus, QAbstractSlider):
        return key in _ARROWS | _TAB
    if isinstance(focus, QTabBar):
        return key in _ARROWS | _TAB
    return isinstance(focus, QAbstractButton) and key in _TAB | _PRESS


def _takes_text(widget: QWidget) -> bool:
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, (QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox, QKeySequenceEdit))


def _closes_on_escape(focus: QWidget) -> bool:
    """Return whether the widget, or what it lies in, goes by itself on Escape; a field that is filled clears itself."""
    if isinstance(focus, QLineEdit) and focus.isClearButtonEnabled() and focus.text():
        return True
    widget: QWidget | None = focus
    while widget is not None and not widget.isWindow():
        if widget.property(CLOSES_ON_ESCAPE):
            return True
        widget = widget.parentWidget()
    return False
