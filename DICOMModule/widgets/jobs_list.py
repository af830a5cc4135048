"""The list of this session's jobs: how each stands, why it failed, and what can be done with it."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import JobHandle, JobRunner, JobState, duration_text, progress_text
from DICOMModule.widgets.qt import (
    QEvent,
    QFrame,
    QHBoxLayout,
    QKeyEvent,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    Qt,
    QTimer,
    QToolButton,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.shortcuts import CLOSES_ON_ESCAPE
from DICOMModule.widgets.theme import SPACING, icon, pixmap, theme
from DICOMModule.widgets.wording import breakable, plain_tooltip, shortened

MOST_KEPT: Final = 50
ICON_PX: Final = 16
BAR_STEPS: Final = 1000
TICK_MS: Final = 1000
PAUSE_TOOLTIP: Final = "Stop here; what is done stays, and “Go on” does the rest"

WORDS: Final = {
    JobState.WAITING: "Waiting",
    JobState.RUNNING: "Running",
    JobState.CANCELLING: "Cancelling",
    JobState.FINISHED: "Finished",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}
_ICONS: Final = {
    JobState.WAITING: "pause",
    JobState.RUNNING: "play",
    JobState.CANCELLING: "cancel",
    JobState.FINISHED: "ok",
    JobState.FAILED: "error",
    JobState.CANCELLED: "stop",
}


def state_word(handle: JobHandle) -> str:
    """Return the word for a job's state; one that ends to go on later is not called cancelled."""
    paused = {JobState.CANCELLING: "Pausing", JobState.CANCELLED: "Paused"} if handle.is_paused else {}
    return paused.get(handle.state, WORDS[handle.state])


def show_state(label: QLabel, handle: JobHandle) -> None:
    """Give `label` the icon of a job's state, in its colour, with the word as its tooltip; a note makes it a warning."""
    state, note, word = handle.state, handle.note, state_word(handle)
    used = theme()
    if note:
        label.setPixmap(pixmap("warning", used.warning, ICON_PX))
        label.setToolTip(plain_tooltip(f"{word}, {note}"))
        return
    colors = {JobState.RUNNING: used.accent, JobState.FINISHED: used.ok, JobState.FAILED: used.error}
    icon_name = "pause" if word == "Paused" else _ICONS[state]
    label.setPixmap(pixmap(icon_name, colors.get(state, used.dim), ICON_PX))
    label.setToolTip(word)


def show_fraction(bar: QProgressBar, fraction: float | None) -> None:
    """Let a bar say how much is done; it swings where that is not known."""
    if fraction is None:
        bar.setRange(0, 0)
    else:
        bar.setRange(0, BAR_STEPS)
        bar.setValue(round(fraction * BAR_STEPS))


class JobRow(QFrame):
    """One job of the list.

    Signals
    -------
    retry_requested, remove_requested
        Their buttons were clicked.
    """

    retry_requested = pyqtSignal()
    remove_requested = pyqtSignal()

    def __init__(self, handle: JobHandle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.handle = handle
        self._state_icon = QLabel()
        self._title = ElidedLabel(handle.title)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._caption = ElidedLabel(mode=Qt.ElideRight)
        self._caption.setProperty("caption", True)
        self._failure = QLabel()
        self._failure.setTextFormat(Qt.PlainText)
        self._failure.setWordWrap(True)
        self._failure.setTextInteractionFlags(Qt.TextSelectableByMouse | Qt.TextSelectableByKeyboard)
        self._failure.setProperty("role", "error")
        self._failure.setIndent(ICON_PX + SPACING)
        self._details = QPlainTextEdit()
        self._details.setReadOnly(True)
        self._details.setFixedHeight(140)
        self._details.hide()
        self._make_buttons()
        self._lay_out()
        handle.changed.connect(self.show_progress)
        self.show_progress()

    def show_progress(self) -> None:
        """Say how the job stands now."""
        handle = self.handle
        state = handle.state
        show_state(self._state_icon, handle)
        self._bar.setVisible(not state.is_over)
        if not state.is_over:
            show_fraction(self._bar, 0.0 if state is JobState.WAITING else handle.fraction)
        self._caption.set_whole_text(_caption(handle))
        failure = handle.failure
        self._failure.setVisible(failure is not None)
        self._details_button.setVisible(failure is not None and bool(failure.details))
        self._outcome.setVisible(handle.on_details is not None)
        if failure is not None:
            self._failure.setText(breakable(shortened(failure.text)))
        self._cancel.setVisible(not state.is_over)
        self._cancel.setEnabled(state is not JobState.CANCELLING)
        self._pause.setVisible(handle.can_pause)
        goes_on = handle.plan is not None and handle.plan.may_pause and state is JobState.CANCELLED
        self._retry.setText("Go on" if goes_on else "Try again")
        self._retry.setVisible(handle.can_retry)
        self._remove.setVisible(state.is_over)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_remove"):
            self._remove.setIcon(icon("close"))
            show_state(self._state_icon, self.handle)
        super().changeEvent(event)

    def _make_buttons(self) -> None:
        self._cancel = QPushButton("Cancel")
        self._cancel.clicked.connect(lambda _checked: self.handle.cancel())
        self._pause = QPushButton("Pause")
        self._pause.setToolTip(PAUSE_TOOLTIP)
        self._pause.clicked.connect(lambda _checked: self.handle.pause())
        self._retry = QPushButton("Try again")
        self._retry.clicked.connect(lambda _checked: self.retry_requested.emit())
        self._details_button = QPushButton("Details")
        self._details_button.setCheckable(True)
        self._details_button.toggled.connect(self._on_details_toggled)
        self._outcome = QPushButton("Show details")
        self._outcome.clicked.connect(lambda _checked: self._on_outcome_clicked())
        self._remove = QToolButton()
        self._remove.setIcon(icon("close"))
        self._remove.setToolTip("Remove from the list")
        self._remove.setAccessibleName("Remove from the list")
        self._remove.setFocusPolicy(Qt.StrongFocus)
        self._remove.clicked.connect(lambda _checked: self.remove_requested.emit())

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(4)
        texts.addWidget(self._title)
        texts.addWidget(self._bar)
        texts.addWidget(self._caption)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._state_icon, 0, Qt.AlignTop)
        row.addLayout(texts, 1)
        for button in (self._outcome, self._details_button, self._retry, self._pause, self._cancel, self._remove):
            row.addWidget(button, 0, Qt.AlignTop)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 8, 8, 8)
        whole.setSpacing(4)
        whole.addLayout(row)
        whole.addWidget(self._failure)
        whole.addWidget(self._details)

    def _on_outcome_clicked(self) -> None:
        if self.handle.on_details is not None:
            self.handle.on_details()

    def _on_details_toggled(self, shown: bool) -> None:
        if self.handle.failure is not None:
            self._details.setPlainText(self.handle.failure.details)
        self._details.setVisible(shown)


class JobsList(QFrame):
    """Every job of the session, newest first; Escape closes it.

    Parameters
    ----------
    runner : JobRunner
        Whose jobs are listed.

    Signals
    -------
    closed
        It was closed by its cross or by Escape.
    """

    closed = pyqtSignal()

    def __init__(self, runner: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._rows: list[JobRow] = []
        self.setProperty("card", True)
        self.setProperty(CLOSES_ON_ESCAPE, True)
        self.setAccessibleName("Jobs")
        self._make_head()
        self._empty = QLabel("Nothing has run yet. Imports, loads, exports and other long work are listed here.")
        self._empty.setProperty("caption", True)
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignCenter)
        self._lay_out()
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self._on_second_passed)
        for handle in runner.handles:
            self._insert(handle)
        runner.added.connect(self._on_job_added)
        runner.ended.connect(self._on_job_ended)
        self._show_counts()

    @property
    def rows(self) -> tuple[JobRow, ...]:
        """The rows, newest first."""
        return tuple(self._rows)

    def clear_finished(self) -> None:
        """Take every job that is over out of the list."""
        for row in self.rows:
            if row.handle.state.is_over:
                self._remove(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Escape."""
        if event.key() == Qt.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_cross"):
            self._cross.setIcon(icon("close"))
        super().changeEvent(event)

    def _make_head(self) -> None:
        self._clear = QPushButton("Clear finished")
        self._clear.setToolTip("Take every job that is over out of the list")
        self._clear.clicked.connect(lambda _checked: self.clear_finished())
        self._cross = QToolButton()
        self._cross.setIcon(icon("close"))
        self._cross.setToolTip("Close the list (Esc)")
        self._cross.setAccessibleName("Close the list")
        self._cross.clicked.connect(lambda _checked: self._close())

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 8, 8)
        title = QLabel("Jobs")
        head.addWidget(title, 1)
        head.addWidget(self._clear)
        head.addWidget(self._cross)
        content = QWidget()
        content.setSizePolicy(QSizePolicy.Preferred, QSizePolicy.Preferred)
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(4, 0, 4, 4)
        self._column.setSpacing(0)
        self._column.addWidget(self._empty)
        self._column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        area.setWidget(content)
        for ground in (area.viewport(), content):
            ground.setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(1, 1, 1, 1)
        whole.setSpacing(0)
        whole.addLayout(head)
        whole.addWidget(area, 1)

    def _insert(self, handle: JobHandle) -> None:
        row = JobRow(handle)
        row.retry_requested.connect(lambda: self._runner.retry(handle))
        row.remove_requested.connect(lambda: self._remove(row))
        self._rows.insert(0, row)
        self._column.insertWidget(0, row)

    def _remove(self, row: JobRow) -> None:
        self._runner.forget(row.handle)
        self._drop(row)
        self._show_counts()

    def _drop(self, row: JobRow) -> None:
        had_focus = row.isAncestorOf(self.focusWidget()) if self.focusWidget() is not None else False
        self._rows.remove(row)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        if had_focus:
            self._cross.setFocus()

    def _close(self) -> None:
        self.hide()
        self.closed.emit()

    def _on_job_added(self, handle: JobHandle) -> None:
        known = self._runner.handles
        for row in self.rows:
            if row.handle not in known:
                self._drop(row)  # a retry took its place
        self._insert(handle)
        self._tick.start()
        self._show_counts()

    def _on_job_ended(self, _handle: JobHandle) -> None:
        over = [row for row in self.rows if row.handle.state.is_over]
        for row in over[MOST_KEPT:]:
            self._remove(row)
        self._show_counts()

    def _on_second_passed(self) -> None:
        if not self._runner.running:
            self._tick.stop()
        if self.isVisible():
            for row in self._rows:
                if not row.handle.state.is_over:
                    row.show_progress()

    def _show_counts(self) -> None:
        self._empty.setVisible(not self._rows)
        self._clear.setEnabled(any(row.handle.state.is_over for row in self._rows))


def _caption(handle: JobHandle) -> str:
    """Return a job's second line: the word for its state, how far it is, and its time."""
    parts = [state_word(handle), *([handle.note] if handle.note else [])]
    if handle.state is JobState.RUNNING:
        parts += [text for text in (progress_text(handle), handle.progress.text) if text]
    if handle.started_s:
        parts.append(duration_text(handle.elapsed_s))
    return " · ".join(parts)
