"""The exception dialog: tells of a fault of the program, once, and lets the program go on."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from DICOMModule.errors import DICOMModuleError
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.faults import Fault, fault_of
from DICOMModule.widgets.qt import (
    QApplication,
    QDialog,
    QLabel,
    QObject,
    QPlainTextEdit,
    QPushButton,
    Qt,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form, sip_delete
from DICOMModule.widgets.theme import fixed_font, pixmap, theme
from DICOMModule.widgets.wording import counted

LOG = logging.getLogger(__name__)
MOST_FAULTS: Final = 20
PERSISTING_S: Final = 2.0


class ExceptionDialog(QDialog):
    """One dialog for all faults: it is not modal, equal ones are counted, and only the first of many are kept.

    Signals
    -------
    close_requested
        The user wants to close the program.
    """

    close_requested = pyqtSignal()

    icon_label: QLabel
    sentence: QLabel
    headline: QLabel
    details: QPlainTextEdit
    details_button: QPushButton
    copy_button: QPushButton
    go_on_button: QPushButton
    close_button: QPushButton

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        load_form("ExceptionDialog", self)
        self.setModal(False)
        self.setWindowFlag(Qt.WindowContextHelpButtonHint, False)
        self.setAttribute(Qt.WA_QuitOnClose, False)  # the window alone decides when the program ends
        self.icon_label.setPixmap(pixmap("error", theme().error))
        self.details.setFont(fixed_font(self.font()))
        self.details.hide()
        self.go_on_button.setFocus()
        self._counts: dict[Fault, int] = {}
        self._last_s: dict[Fault, float] = {}
        self._left_out = 0
        self.details_button.toggled.connect(self._on_details_toggled)
        self.copy_button.clicked.connect(lambda _checked: QApplication.clipboard().setText(self.report()))
        self.go_on_button.clicked.connect(lambda _checked: self.reject())
        self.close_button.clicked.connect(lambda _checked: self._on_close_clicked())

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that are told of."""
        return tuple(self._counts)

    def add(self, fault: Fault) -> None:
        """Tell of a fault; one that comes again at once after the dialog was closed, as from painting, is only counted."""
        now_s = time.monotonic()
        persists = now_s - self._last_s.get(fault, float("-inf")) < PERSISTING_S
        if fault in self._counts or len(self._counts) < MOST_FAULTS:
            self._counts[fault] = self._counts.get(fault, 0) + 1
            self._last_s[fault] = now_s
        else:
            self._left_out += 1
        self._show_texts()
        if not persists:
            self.show()

    def report(self) -> str:
        """Return all that is known, as text for a report."""
        parts = [f"{counted(count, 'time')}: {fault.details}" for fault, count in self._counts.items()]
        if self._left_out:
            parts.append(f"{counted(self._left_out, 'more fault')}, not kept.")
        return "\n".join(parts)

    def _show_texts(self) -> None:
        total = sum(self._counts.values()) + self._left_out
        first = next(iter(self._counts))
        text = first.headline if total == 1 else f"{counted(total, 'fault')}, the first: {first.headline}"
        self.headline.setText(text)
        bar = self.details.verticalScrollBar()
        value = bar.value()
        self.details.setPlainText(self.report())
        bar.setValue(value)

    def _on_details_toggled(self, shown: bool) -> None:
        self.details.setVisible(shown)
        self.resize(self.sizeHint())

    def _on_close_clicked(self) -> None:
        self.reject()
        self.close_requested.emit()


class _Catcher(QObject):
    """Takes exceptions from any thread, logs faults, and hands all to the thread of the window."""

    caught = pyqtSignal(object)  # DICOMModuleError or Fault

    def __init__(self, show: Callable[[DICOMModuleError | Fault], object]) -> None:
        super().__init__()
        self._seen: dict[Fault, int] = {}
        self._guard = threading.Lock()
        self.caught.connect(show, Qt.QueuedConnection)  # type: ignore[call-arg]

    def take(self, error: BaseException) -> None:
        """Note an exception; it is shown as soon as the event loop comes to it."""
        if isinstance(error, KeyboardInterrupt):
            QApplication.exit(130)
        elif isinstance(error, DICOMModuleError):
            LOG.info("an error reached the window: %s", type(error).__name__)
            self.caught.emit(error)
        else:
            fault = fault_of(error)
            self._log(fault)
            self.caught.emit(fault)

    def _log(self, fault: Fault) -> None:
        """Log a fault; one that comes again and again, as from painting, is logged ever more rarely."""
        with self._guard:
            if len(self._seen) > MOST_FAULTS:
                self._seen.clear()
            count = self._seen[fault] = self._seen.get(fault, 0) + 1
        if count & (count - 1) == 0:
            LOG.error("a fault of the program (%s):\n%s", counted(count, "time"), fault.details)


def install_exception_hook(show: Callable[[DICOMModuleError | Fault], object]) -> Callable[[], None]:
    """Let exceptions that nobody catches be logged and shown instead of ending the program.

    PyQt5 aborts the process where a slot raises and nobody has replaced ``sys.excepthook``.

    Parameters
    ----------
    show : callable
        Called in the thread of the window with a `DICOMModuleError`, whose text is for the user, or with a `Fault`.

    Returns
    -------
    callable
        Puts the hooks back that were there before.
    """
    catcher = _Catcher(show)
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)

    def on_exception(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
        catcher.take(error)

    def on_exception_in_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
            catcher.take(arguments.exc_value)

    def on_unraisable(arguments: sys.UnraisableHookArgs) -> None:
        if arguments.exc_value is not None:
            LOG.error("a fault while something was cleaned up:\n%s", fault_of(arguments.exc_value).details)

    def put_back() -> None:
        sys.excepthook, threading.excepthook, sys.unraisablehook = before
        sip_delete(catcher)

    sys.excepthook, threading.excepthook, sys.unraisablehook = on_exception, on_exception_in_thread, on_unraisable
    return put_back


@contextmanager
def exceptions_shown(banners: Banners) -> Iterator[ExceptionDialog]:
    """Show what nobody catches while the block runs: what a user can mend as a banner, faults in the one dialog."""
    dialog = ExceptionDialog()
    dialog.close_requested.connect(QApplication.closeAllWindows)

    def show(what: DICOMModuleError | Fault) -> None:
        if isinstance(what, Fault):
            dialog.add(what)
        else:
            banners.show_error(str(what))

    put_back = install_exception_hook(show)
    try:
        yield dialog
    finally:
        put_back()
        sip_delete(dialog)
