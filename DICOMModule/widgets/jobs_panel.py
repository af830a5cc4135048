"""The jobs strip: one line at the foot of the window that says what runs, and opens the list of all jobs."""

from __future__ import annotations

from typing import Final

from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import JobHandle, JobRunner, JobState, progress_text
from DICOMModule.widgets.jobs_list import PAUSE_TOOLTIP, JobsList, show_fraction, show_state
from DICOMModule.widgets.qt import (
    QEvent,
    QHBoxLayout,
    QLabel,
    QObject,
    QPoint,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    Qt,
    QTimer,
    QToolButton,
    QWidget,
)
from DICOMModule.widgets.theme import icon

STRIP_HEIGHT_PX: Final = 34
LIST_WIDTH_PX: Final = 560
LIST_HEIGHT_PX: Final = 360
GAP_PX: Final = 4
#: Room for this much is reserved, so that the bar does not move with each figure.
WIDEST_PROGRESS: Final = "88,888 of 88,888 · 8,888/s · 88 min 88 s left"


class JobsStrip(QWidget):
    """One line, always of the same height: the newest job that runs, else a failure nobody has looked at, else nothing.

    Parameters
    ----------
    runner : JobRunner
        Whose jobs are shown.

    Attributes
    ----------
    list : JobsList
        The list of all jobs; it lies over the window, above the strip.
    """

    def __init__(self, runner: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._shown: JobHandle | None = None
        self._unseen: list[JobHandle] = []
        self.list = JobsList(runner, self)
        self.list.hide()
        self.list.closed.connect(self._on_list_closed)
        self._placing = QTimer(self)
        self._placing.setSingleShot(True)
        self._placing.timeout.connect(self._place_list)
        self._make_widgets()
        self._lay_out()
        runner.added.connect(self._on_job_added)
        runner.ended.connect(self._on_job_ended)
        for handle in runner.running:
            handle.changed.connect(self._on_job_changed)
        self._show()

    @property
    def shown(self) -> JobHandle | None:
        """The job that the strip tells of."""
        return self._shown

    @property
    def is_open(self) -> bool:
        """Whether the list is seen."""
        return not self.list.isHidden()

    def set_open(self, is_open: bool) -> None:
        """Open or close the list of jobs; who opens it has seen what failed."""
        if is_open:
            self._unseen.clear()
            window = self.window()
            if self.list.parentWidget() is not window:
                self.list.setParent(window)
                window.installEventFilter(self)
            self._place_list()
            self.list.show()
            self.list.raise_()
            self.list.setFocus()
        else:
            self.list.hide()
        self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the list above the strip when the window changes its size."""
        if event.type() in {QEvent.Resize, QEvent.LayoutRequest} and self.is_open:
            self._placing.start()  # once the window's own layout has moved the strip
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_opener"):
            self._show()
        super().changeEvent(event)

    def _make_widgets(self) -> None:
        self._state_icon = QLabel()
        self._state_icon.setFixedWidth(16)
        self._title = ElidedLabel()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(160, 8)
        self._progress = ElidedLabel(mode=Qt.ElideRight)
        self._progress.setProperty("caption", True)
        self._progress.setFixedWidth(self._progress.fontMetrics().horizontalAdvance(WIDEST_PROGRESS))
        self._action = QPushButton("Cancel")
        self._action.clicked.connect(self._on_action_clicked)
        self._pause = QPushButton("Pause")
        self._pause.setToolTip(PAUSE_TOOLTIP)
        self._pause.clicked.connect(self._on_pause_clicked)
        self._opener = QToolButton()
        self._opener.setToolButtonStyle(Qt.ToolButtonTextBesideIcon)
        self._opener.setLayoutDirection(Qt.RightToLeft)
        self._opener.setFocusPolicy(Qt.StrongFocus)
        self._opener.setCheckable(True)
        self._opener.setToolTip("Show the jobs of this session")
        self._opener.clicked.connect(self.set_open)

    def _lay_out(self) -> None:
        self.setFixedHeight(STRIP_HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 4, 2)
        row.setSpacing(8)
        shown = (self._state_icon, self._title, self._bar, self._progress, self._pause, self._action, self._opener)
        for widget in shown:
            row.addWidget(widget)
        row.setStretchFactor(self._title, 1)

    def _show(self) -> None:
        """Choose which job is told of, and tell."""
        running = self._runner.running
        started = [handle for handle in running if handle.state is not JobState.WAITING]
        self._shown = next(reversed(started or running or self._unseen), None)
        count = len(running) or len(self._runner.handles)
        noun = "job" if count == 1 else "jobs"
        self._opener.setText(f"{count} {noun}" if count else "Jobs")
        self._opener.setIcon(icon("chevron-down" if self.is_open else "chevron-up"))
        self._opener.setChecked(self.is_open)
        self._show_shown()

    def _show_shown(self) -> None:
        handle = self._shown
        if handle is None:
            self._state_icon.clear()
            self._state_icon.setToolTip("")
            self._tell("No jobs running", "")
        else:
            show_state(self._state_icon, handle)
            if handle.failure is not None:
                self._tell(f"Failed: {handle.title}. {handle.failure.text}", "")
            else:
                self._tell(handle.title, _progress(handle))
        self._title.setProperty("caption", handle is None)
        self._title.style().polish(self._title)
        runs = handle is not None and not handle.state.is_over
        self._bar.setVisible(runs)
        if handle is not None and runs:
            show_fraction(self._bar, 0.0 if handle.state is JobState.WAITING else handle.fraction)
        self._pause.setVisible(handle is not None and handle.can_pause)
        self._action.setVisible(handle is not None)
        self._action.setText("Cancel" if runs else "Show")
        self._action.setEnabled(handle is None or handle.state is not JobState.CANCELLING)

    def _tell(self, title: str, progress: str) -> None:
        self._title.set_whole_text(title)
        self._progress.set_whole_text(progress)
        self._progress.setVisible(bool(progress))

    def _place_list(self) -> None:
        window = self.window()
        corner = self.mapTo(window, QPoint(self.width(), 0))
        width = min(LIST_WIDTH_PX, window.width() - 2 * GAP_PX)
        height = min(LIST_HEIGHT_PX, max(120, corner.y() - 2 * GAP_PX))
        self.list.setGeometry(corner.x() - width - GAP_PX, corner.y() - height - GAP_PX, width, height)

    def _on_job_added(self, handle: JobHandle) -> None:
        known = self._runner.handles
        self._unseen = [one for one in self._unseen if one in known]
        handle.changed.connect(self._on_job_changed)
        self._show()

    def _on_job_changed(self) -> None:
        self._show()

    def _on_job_ended(self, handle: JobHandle) -> None:
        if handle.state is JobState.FAILED and not self.is_open:
            self._unseen.append(handle)
        self._show()

    def _on_action_clicked(self) -> None:
        if self._shown is not None and not self._shown.state.is_over:
            self._shown.cancel()
        else:
            self.set_open(True)

    def _on_pause_clicked(self) -> None:
        if self._shown is not None:
            self._shown.pause()

    def _on_list_closed(self) -> None:
        self._opener.setFocus()
        self._show()


def _progress(handle: JobHandle) -> str:
    if handle.state is JobState.WAITING:
        return "waiting"
    if handle.state is JobState.CANCELLING:
        return "pausing" if handle.is_paused else "cancelling"
    return progress_text(handle)
