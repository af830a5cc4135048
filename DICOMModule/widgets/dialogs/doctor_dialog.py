"""The connection doctor in the window: the steps towards a server appear as they are made, with what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import plain_text
from DICOMModule.network.hosts import is_loopback
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.dialogs.state_line import show_state
from DICOMModule.widgets.job_runner import Failure, JobHandle, Lane
from DICOMModule.widgets.qt import (
    QApplication,
    QEvent,
    QFrame,
    QHBoxLayout,
    QKeySequence,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QShortcut,
    QSizePolicy,
    Qt,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.servers.server_book import ServerBook
from DICOMModule.widgets.servers.server_rows import place_text
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

if TYPE_CHECKING:
    from DICOMModule.network.doctor import Diagnosis, Step
    from DICOMModule.network.listener_mark import ListenerState

TITLES: Final = {
    "name": "Name",
    "tcp": "TCP connection",
    "association": "Association",
    "c-echo": "Verification (C-ECHO)",
    "c-find": "Query (C-FIND)",
    "c-move": "Retrieve to our listener (C-MOVE)",
}
MARK_PX: Final = 16
MARKS: Final = {True: ("ok", "ok", "Passed"), False: ("error", "error", "Failed"), None: ("play", "accent", "Running")}


class StepRow(QWidget):
    """One step: a mark, what it is, what was answered, and what to change."""

    def __init__(self, title: str, ok: bool | None, detail: str, advice: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ok = ok
        self._mark = QLabel()
        self._mark.setFixedWidth(MARK_PX)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addWidget(_label(title))
        for text, kind in ((detail, "caption"), (advice, "advice")):
            if text:
                label = _label(text)
                label.setProperty("caption", kind == "caption")
                column.addWidget(label)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._mark, 0, Qt.AlignTop)
        row.addLayout(column, 1)
        self.setAccessibleName(f"{title}: {MARKS[ok][2]}. {detail} {advice}".strip())
        self._show_mark()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the mark anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_mark"):
            self._show_mark()
        super().changeEvent(event)

    def _show_mark(self) -> None:
        name, color, word = MARKS[self._ok]
        self._mark.setPixmap(pixmap(name, getattr(theme(), color), MARK_PX))
        self._mark.setToolTip(word)


class DoctorDialog(PanelDialog):
    """Tests a server, and tells it step by step.

    Parameters
    ----------
    book : ServerBook
        Has the server, and keeps what the test found.

    Signals
    -------
    edit_requested : ServerEntry
        The entry is to be changed.
    """

    edit_requested = pyqtSignal(object)

    state_icon: QLabel
    state_text: QLabel
    bar: QProgressBar
    place_label: QLabel
    steps_area: QScrollArea
    steps_content: QWidget
    steps: QVBoxLayout
    ours: QFrame
    ours_text: QLabel
    copy_button: QPushButton
    edit_button: QPushButton
    again_button: QPushButton
    close_button: QPushButton

    def __init__(self, book: ServerBook, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("doctor", viewer, parent)
        load_form("ServerTest", self)
        self.resize(580, 640)
        self._book = book
        self._entry: ServerEntry | None = None
        self._running: JobHandle | None = None
        self._kind = "info"
        self._listener: ListenerState | None = None
        self.shown: tuple[Step, ...] = ()
        book.changed.connect(self._on_book_changed)
        self.bar.setRange(0, 0)
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keep)
        self.copy_button.clicked.connect(lambda _checked: self.copy())
        self.again_button.clicked.connect(lambda _checked: self._again())
        self.edit_button.clicked.connect(lambda _checked: self._on_edit_clicked())
        self.close_button.clicked.connect(lambda _checked: self.close())
        for key, act in (("F5", self._again), ("Ctrl+Shift+C", self.copy)):
            QShortcut(QKeySequence(key), self).activated.connect(act)

    @property
    def is_running(self) -> bool:
        """Whether a test is under way."""
        return self._running is not None

    @property
    def text(self) -> str:
        """All that is shown, to be sent to somebody."""
        lines = [self.windowTitle(), self.place_label.text(), "", self.state_text.text(), ""]
        for step in self.shown:
            lines.append(f"{'passed' if step.ok else 'FAILED'}  {TITLES.get(step.step, step.step)}")
            lines += [f"        {part}" for part in (step.detail, step.advice) if part]
        if not self.ours.isHidden():
            lines += ["", "For the server's administrator:", self.ours_text.text()]
        return "\n".join(lines)

    def test(self, entry: ServerEntry) -> None:
        """Test a server, and show it."""
        self.stop()
        self._entry = entry
        name, logic = entry.name, self._book.logic
        self.setWindowTitle(f"Connection test: {plain_text(name)}")
        self.place_label.setText(f"{place_text(entry)}, called by {plain_text(entry.calling_ae)}")
        self.shown, self._listener = (), None
        self._show_ours({})
        handle = self.viewer.jobs.run(
            f"Testing {plain_text(name)}",
            lambda: logic.test_server_job(name),
            on_success=lambda diagnosis: self._on_finished(handle, diagnosis),
            on_failure=lambda failure: self._on_failed(handle, failure),
            on_cancelled=lambda: self._on_cancelled(handle),
            quiet=True,
            lane=Lane.NETWORK,
            owner=logic,
        )
        self._running = handle
        handle.changed.connect(lambda: self._on_changed(handle))
        self._show_head("info", "Testing…")
        self._show_steps((), "")
        self.present()

    def stop(self) -> None:
        """End a test that runs."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def let_go(self) -> None:
        """Listen to no job any more: the dialog is about to go."""
        self.stop()

    def copy(self) -> None:
        """Copy all that was found out."""
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text)

    def done(self, result: int) -> None:
        """End a test that nobody looks at any more."""
        self.stop()
        super().done(result)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the mark anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_kind"):
            self._show_head(self._kind, self.state_text.text())
        super().changeEvent(event)

    # -- how the test goes

    def _again(self) -> None:
        if self._entry is not None and not self.is_running:
            now = [row.entry for row in self._book.rows if row.entry.name == self._entry.name]
            self.test(now[0] if now else self._entry)

    def _on_edit_clicked(self) -> None:
        if self._entry is not None:
            entry = self._entry
            self.close()
            self.edit_requested.emit(entry)

    def _on_changed(self, handle: JobHandle) -> None:
        if handle is self._running and not handle.state.is_over:
            progress = handle.progress
            self._listener = getattr(progress, "listener", None)
            self._show_steps(getattr(progress, "steps", ()), getattr(progress, "running", ""))

    def _on_finished(self, handle: JobHandle, diagnosis: Diagnosis) -> None:
        failed = next((step for step in diagnosis.steps if not step.ok), None)
        if self._entry is not None and handle is self._running:
            self._book.note_test(self._entry.name, "" if failed is None else f"{failed.detail} {failed.advice}".strip())
            self._running, self._listener = None, diagnosis.listener
            self._show_steps(diagnosis.steps, "")
            self._show_ours(self._facts())
            if failed is None:
                self._show_head("ok", f"All is well: {counted(len(diagnosis.steps), 'step')} passed.")
            else:
                self._show_head("error", f"It does not get past “{TITLES.get(failed.step, failed.step)}”.")

    def _on_failed(self, handle: JobHandle, failure: Failure) -> None:
        if self._entry is not None and handle is self._running:
            self._book.note_test(self._entry.name, failure.text)
            self._running = None
            self._show_steps(self.shown, "")
            self._show_head("error", failure.text)

    def _on_cancelled(self, handle: JobHandle) -> None:
        if handle is self._running:
            self._running = None
            self._show_head("info", "The test was cancelled.")

    def _on_book_changed(self) -> None:
        """Say what the test has found out, once the address book has it."""
        self._show_ours(self._facts())

    def _facts(self) -> Mapping[str, Any]:
        name = self._entry.name if self._entry is not None else ""
        return next((row.learnt for row in self._book.rows if row.entry.name == name), {})

    # -- what is shown

    def _show_head(self, kind: str, text: str) -> None:
        self._kind = kind
        show_state(self.state_icon, self.state_text, kind, text)
        self.bar.setVisible(self.is_running)
        self.again_button.setEnabled(not self.is_running)

    def _show_steps(self, made: Sequence[Step], running: str) -> None:
        self.shown = tuple(made)
        while self.steps.count():
            widget = self.steps.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        rows = [StepRow(TITLES.get(step.step, step.step), step.ok, step.detail, step.advice) for step in made]
        if running:
            rows.append(StepRow(TITLES.get(running, running), None, "Waiting for an answer…", ""))
        for row in rows:
            self.steps.addWidget(row)
            row.show()  # now, not when the layout comes to it: those before have gone already
        self.steps.addStretch(1)

    def _show_ours(self, learnt: Mapping[str, Any]) -> None:
        """Say what is to be entered at the server, unless the last step has said it already, from what it found."""
        self.ours.setVisible(all(step.step != "c-move" for step in self.shown))
        if self._entry is None:
            return
        settings, running = self.viewer.settings.value, self._listener
        title, port, bind = self._entry.calling_ae, settings.listener_port, settings.listener_bind
        if running is not None:
            title, port, bind = running.ae_title, running.port, running.host
        address = str(learnt.get("our_address") or "")
        host = plain_text(address) if address else "this machine's name or IP address"
        text = f"AE title {plain_text(title)}, host {host}, port {port}"
        if is_loopback(bind) and address and not is_loopback(address):
            text += ". It hears this machine only as yet: let it hear all networks, in the Query dialog"
        self.ours_text.setText(f"{text}.")


def _label(text: str) -> QLabel:
    label = QLabel(plain_text(text))
    label.setTextFormat(Qt.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextSelectableByMouse | Qt.TextSelectableByKeyboard)
    label.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
    return label
