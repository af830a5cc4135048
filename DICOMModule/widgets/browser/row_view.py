"""What the browser's views of rows have in common: whole events, and the keys that load, delete and copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from DICOMModule.widgets.qt import QAbstractItemView, QEvent, QKeyEvent, QKeySequence, Qt, pyqtSignal

# A class of Python may stand on one class of Qt only, which is the view itself; these two come before it.
if TYPE_CHECKING:
    _View = QAbstractItemView
else:
    _View = object


class WholeEvents(_View):
    """Keeps the interpreter for a whole event; to be named before a view of Qt.

    Laying out and painting ask the model and the delegate for every row. From Qt's own code, each of these calls would
    have to win the interpreter anew from a worker that is busy: seconds, where an import runs.
    """

    def event(self, event: QEvent) -> bool:
        """Handle an event of the view."""
        return bool(super().event(event))

    def viewportEvent(self, event: QEvent) -> bool:
        """Handle an event of the viewport."""
        return bool(super().viewportEvent(event))


class RowKeys(WholeEvents):
    """Answers the keys for what is selected; to be named before a view of Qt.

    Signals
    -------
    load_requested, delete_requested, copy_uid_requested
        Enter, Delete, Ctrl+C.
    """

    load_requested = pyqtSignal()
    delete_requested = pyqtSignal()
    copy_uid_requested = pyqtSignal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Load with Enter, delete with Delete, copy the UID with Ctrl+C; leave all other keys to the view."""
        if event.key() in (Qt.Key_Return, Qt.Key_Enter) and not event.modifiers() & Qt.ControlModifier:
            self.load_requested.emit()
        elif event.key() == Qt.Key_Delete:
            self.delete_requested.emit()
        elif event.matches(QKeySequence.Copy):
            self.copy_uid_requested.emit()
        else:
            super().keyPressEvent(event)
