"""Two hands that use a window: one that sends Qt events, one that moves the pointer and presses the keys of an X server.

Both have the same gestures, in global logical pixels, so that one test can be done by either.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

from PyQt5.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt, QTimer
from PyQt5.QtGui import QMouseEvent, QWheelEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import QApplication, QWidget

X_BUTTONS = {Qt.LeftButton: "1", Qt.MiddleButton: "2", Qt.RightButton: "3"}
X_KEYS = {
    Qt.Key_Escape: "Escape", Qt.Key_Return: "Return", Qt.Key_Delete: "Delete", Qt.Key_Up: "Up", Qt.Key_Down: "Down",
    Qt.Key_Home: "Home", Qt.Key_End: "End", Qt.Key_Tab: "Tab", Qt.Key_Space: "space", Qt.Key_F2: "F2", Qt.Key_F9: "F9",
}  # fmt: skip
X_MODIFIERS = {Qt.ControlModifier: "ctrl", Qt.ShiftModifier: "shift", Qt.AltModifier: "alt"}


def wait_until(done: Callable[[], object], limit_s: float = 30.0, what: str = "") -> None:
    """Run the event loop until `done` is true; fail after `limit_s`."""
    if done():
        return
    loop, poll = QEventLoop(), QTimer()
    deadline_s = time.monotonic() + limit_s
    poll.timeout.connect(lambda: loop.quit() if done() or time.monotonic() > deadline_s else None)
    poll.start(10)
    while not done() and time.monotonic() < deadline_s:
        loop.exec_()  # what was done when the loop was ended may be undone by now: another thumbnail is asked for
    poll.stop()
    assert done(), f"waited {limit_s} s in vain{': ' + what if what else ''}"


def pause(seconds: float) -> None:
    """Run the event loop for a while."""
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec_()


def middle_of(widget: QWidget) -> QPoint:
    """Return the middle of a widget, global."""
    return widget.mapToGlobal(widget.rect().center())


class QtHand:
    """Sends events to what lies under the pointer, as Qt would."""

    def __init__(self) -> None:
        self._at = QPoint(0, 0)
        self._held: QWidget | None = None
        self._buttons = Qt.NoButton

    def move(self, at: QPoint, modifiers: Qt.KeyboardModifiers = Qt.NoModifier) -> None:
        self._at = at
        self._send(QEvent.MouseMove, Qt.NoButton, modifiers)

    def press(self, button: Qt.MouseButton = Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
        self._held = self._held or self._below()
        if QApplication.activeWindow() is None:  # no window manager gives the focus back after a dialog
            self._held.window().activateWindow()
        self._buttons |= button
        self._send(QEvent.MouseButtonPress, button, modifiers)

    def release(self, button: Qt.MouseButton = Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
        self._buttons &= ~button
        target = self._held
        if not self._buttons:
            self._held = None  # before it is sent: a dialog may open in the midst of it, and be used
        self._send(QEvent.MouseButtonRelease, button, modifiers, target)

    def click(self, at: QPoint, button=Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
        self.move(at)
        self.press(button, modifiers)
        self.release(button, modifiers)
        pause(0.02)

    def double_click(self, at: QPoint) -> None:
        self.click(at)
        self._held = self._below()
        self._buttons = Qt.LeftButton
        self._send(QEvent.MouseButtonDblClick, Qt.LeftButton, Qt.NoModifier)
        self.release()
        pause(0.02)

    def drag(self, start: QPoint, end: QPoint, button=Qt.LeftButton, modifiers=Qt.NoModifier, steps: int = 8) -> None:
        self.move(start)
        self.press(button, modifiers)
        for step in range(1, steps + 1):
            self.move(start + (end - start) * step / steps, modifiers)
            pause(0.01)
        self.release(button, modifiers)
        pause(0.02)

    def wheel(self, at: QPoint, notches: int, modifiers=Qt.NoModifier) -> None:
        """Turn the wheel; positive is towards the user (down)."""
        self.move(at)
        below = self._below()
        for _ in range(abs(notches)):
            angle = QPoint(0, -120 if notches > 0 else 120)
            where = QPointF(below.mapFromGlobal(at))
            event = QWheelEvent(where, QPointF(at), QPoint(), angle, Qt.NoButton, modifiers, Qt.NoScrollPhase, False)
            QApplication.sendEvent(below, event)
        pause(0.02)

    def key(self, key: Qt.Key | str, modifiers=Qt.NoModifier) -> None:
        target = QApplication.focusWidget() or QApplication.activeWindow()
        QTest.keyClick(target, key, modifiers)
        pause(0.02)

    def type(self, text: str) -> None:
        for character in text:
            QTest.keyClick(QApplication.focusWidget(), character)
        pause(0.02)

    def _below(self) -> QWidget:
        found = self._found()
        assert found is not None, f"nothing lies at {self._at}"
        return found

    def _found(self) -> QWidget | None:
        """Return the widget under the pointer; the screen that `offscreen` has may be smaller than the window."""
        first = [QApplication.activePopupWidget(), QApplication.activeModalWidget(), QApplication.activeWindow()]
        for top in (*first, *QApplication.topLevelWidgets()):
            if top is not None and top.isVisible() and top.geometry().contains(self._at):
                return top.childAt(top.mapFromGlobal(self._at)) or top
        return None

    def _send(self, kind: QEvent.Type, button: Qt.MouseButton, modifiers, target: QWidget | None = None) -> None:
        target = target or self._held or self._found()
        if target is None:
            return
        local = target.mapFromGlobal(self._at)
        # A click gives the focus only where it comes from outside of Qt, as QTest's does; a drag needs the buttons.
        pressing = {
            QEvent.MouseButtonPress: QTest.mousePress,
            QEvent.MouseButtonRelease: QTest.mouseRelease,
            QEvent.MouseButtonDblClick: QTest.mouseDClick,
        }
        if kind in pressing:
            pressing[kind](target, button, modifiers, local)
            return
        buttons = Qt.MouseButtons(self._buttons)
        event = QMouseEvent(kind, QPointF(local), QPointF(self._at), button, buttons, modifiers)
        QApplication.sendEvent(target, event)


class XHand:
    """Moves the pointer and presses keys of the X server by xdotool, while the event loop runs."""

    def move(self, at: QPoint, modifiers=Qt.NoModifier) -> None:
        with_keys = self._held_keys(modifiers)
        self._do(*self._down(with_keys), "mousemove", at.x(), at.y(), *self._up(with_keys))

    def press(self, button=Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
        self._do(*self._down(self._held_keys(modifiers)), "mousedown", X_BUTTONS[button])

    def release(self, button=Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
        self._do("mouseup", X_BUTTONS[button], *self._up(self._held_keys(modifiers)))

    def click(self, at: QPoint, button=Qt.LeftButton, modifiers=Qt.NoModifier) -> None:
        keys = self._held_keys(modifiers)
        self._do("mousemove", at.x(), at.y(), *self._down(keys), "click", X_BUTTONS[button], *self._up(keys))

    def double_click(self, at: QPoint) -> None:
        self._do("mousemove", at.x(), at.y(), "click", "--repeat", 2, "--delay", 60, 1)

    def drag(self, start: QPoint, end: QPoint, button=Qt.LeftButton, modifiers=Qt.NoModifier, steps: int = 8) -> None:
        keys = self._held_keys(modifiers)
        words: list[object] = ["mousemove", start.x(), start.y(), *self._down(keys), "mousedown", X_BUTTONS[button]]
        for step in range(1, steps + 1):
            at = start + (end - start) * step / steps
            words += ["sleep", 0.03, "mousemove", at.x(), at.y()]
        # in one command: while something is dragged to another place, Qt runs a loop of its own
        self._do(*words, "sleep", 0.05, "mouseup", X_BUTTONS[button], *self._up(keys))

    def wheel(self, at: QPoint, notches: int, modifiers=Qt.NoModifier) -> None:
        keys = self._held_keys(modifiers)
        clicks = ("click", "--repeat", abs(notches), "--delay", 20, 5 if notches > 0 else 4)
        self._do("mousemove", at.x(), at.y(), *self._down(keys), *clicks, *self._up(keys))

    def key(self, key: Qt.Key | str, modifiers=Qt.NoModifier) -> None:
        name = X_KEYS[key] if key in X_KEYS else key if isinstance(key, str) else chr(key).lower()
        self._do("key", "+".join([*self._held_keys(modifiers), name]))

    def type(self, text: str) -> None:
        self._do("type", "--delay", 15, text)

    @staticmethod
    def _held_keys(modifiers) -> list[str]:
        return [name for modifier, name in X_MODIFIERS.items() if int(modifiers) & int(modifier)]

    @staticmethod
    def _down(keys: list[str]) -> list[object]:
        return [word for key in keys for word in ("keydown", key)]

    @staticmethod
    def _up(keys: list[str]) -> list[object]:
        return [word for key in keys for word in ("keyup", key)]

    @staticmethod
    def _do(*words: object) -> None:
        process = subprocess.Popen(["xdotool", *map(str, words)])
        wait_until(lambda: process.poll() is not None, 20, "xdotool")
        assert process.returncode == 0
        pause(0.03)


def hand_of_this_platform():
    """Return the hand that fits: real X events under xcb, Qt's own elsewhere."""
    return XHand() if QApplication.platformName() == "xcb" and os.environ.get("WINDOW_HAND") == "x" else QtHand()
