"""Where the keys go: from one part of a window to the next, as F6 does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from DICOMModule.widgets.qt import QApplication, Qt, QWidget


@dataclass(frozen=True, eq=False, slots=True)
class WindowPart:
    """A part of the window.

    Attributes
    ----------
    widget : QWidget
        All of it.
    first : callable, optional
        Returns who gets the focus in it; without one, who had it there last, else the first that takes it.
    """

    widget: QWidget
    first: Callable[[], QWidget] | None = None


def step_part(parts: Sequence[WindowPart], steps: int) -> None:
    """Move the focus so many parts on, over those that are hidden or take no keys."""
    focus = QApplication.focusWidget()
    at = next((number for number, part in enumerate(parts) if _holds(part.widget, focus)), -1 if steps > 0 else 0)
    for _part in parts:
        at = (at + steps) % len(parts)
        target = _target(parts[at])
        if target is not None:
            target.setFocus(Qt.TabFocusReason)
            return


def _holds(part: QWidget, widget: QWidget | None) -> bool:
    return widget is not None and (part is widget or part.isAncestorOf(widget))


def _target(part: WindowPart) -> QWidget | None:
    if not part.widget.isVisible():
        return None
    if part.first is not None:
        return part.first()
    last: QWidget | None = part.widget.focusWidget()
    if last is not None and _takes_keys(last):
        return last
    widget = part.widget.nextInFocusChain()
    while widget is not part.widget:
        if part.widget.isAncestorOf(widget) and _takes_keys(widget):
            return widget
        widget = widget.nextInFocusChain()
    return None


def _takes_keys(widget: QWidget) -> bool:
    takes = int(widget.focusPolicy()) & int(Qt.TabFocus)
    return bool(takes) and widget.isVisible() and widget.isEnabled() and widget.focusProxy() is None
