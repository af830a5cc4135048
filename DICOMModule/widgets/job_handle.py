"""One job as the window sees it: its state, how far it has come, why it failed, and how all that is told."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Any

from DICOMModule.errors import DICOMModuleError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.widgets.qt import QObject, pyqtSignal

RATE_WINDOW_S = 4.0


class Lane(Enum):
    """Whose workers run a job; no lane waits for another."""

    WORK = "job"
    QUIET = "quiet-job"
    PICTURE = "picture-job"
    NETWORK = "network-job"


class JobState(Enum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self in {JobState.FINISHED, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed.

    Attributes
    ----------
    text : str
        A sentence for the user.
    details : str
        The traceback where the program itself is at fault; empty where the user or the surroundings can mend it.
    """

    text: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """How a job is made and whom it tells.

    Attributes
    ----------
    make_job : callable
        Makes the job, in the worker's thread.
    on_success, on_failure, on_cancelled : callable or None
        Called with the result, with the `Failure`, or with nothing, in the thread of the window.
    owner : object or None
        What it works on, so that its jobs can be settled before it is closed.
    lane : Lane
        Whose workers run it.
    may_retry : bool
        Whether the plan is kept, and with it all that it holds, where the job fails or is cancelled.
    may_pause : bool
        Whether a job that is cancelled has left behind what it did, so that another try goes on from there.
    """

    make_job: Callable[[], Job[Any]]
    on_success: Callable[[Any], object] | None
    on_failure: Callable[[Failure], object] | None
    on_cancelled: Callable[[], object] | None
    owner: object | None
    lane: Lane
    may_retry: bool
    may_pause: bool = False


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a worker reports of a job; frozen, as it crosses to the thread of the window."""

    handle: JobHandle
    state: JobState
    progress: Progress | None = None
    result: Any = None
    error: BaseException | None = None


class JobHandle(QObject):
    """One job as the window sees it.

    Signals
    -------
    changed
        Its state or progress changed; in the thread of the window.
    ended
        It is over; `state` says how. After `changed`, in the thread of the window.
    withdrawn
        It was cancelled before a worker had taken it.
    retried : JobHandle
        It was tried again, or went on, in another handle.
    """

    changed = pyqtSignal()
    ended = pyqtSignal()
    withdrawn = pyqtSignal()
    retried = pyqtSignal(object)

    def __init__(self, title: str, plan: JobPlan, *, quiet: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.title = title
        self.quiet = quiet
        self.state = JobState.WAITING
        self.progress = Progress(0, 0)
        self.failure: Failure | None = None
        self.started_s = 0.0
        self.ended_s = 0.0
        self.plan: JobPlan | None = plan  # none any more once nothing can come of it
        self.future: Future[None] | None = None
        self.cancel_wished = threading.Event()
        self.is_paused = False  # it ends, or has ended, to go on later
        self._marks: list[tuple[float, int]] = []
        self.note = ""  # what a user must know of a job that finished: "14 files rejected"
        self.on_details: Callable[[], object] | None = None  # shows more of its outcome

    @property
    def owner(self) -> object | None:
        """What it works on; None where nobody has to wait for it, or nobody can any more."""
        return None if self.plan is None else self.plan.owner

    @property
    def can_retry(self) -> bool:
        """Whether it failed or was cancelled, and what it needs to be tried once more is still there."""
        if self.plan is None or not self.plan.may_retry:
            return False
        return self.state in {JobState.FAILED, JobState.CANCELLED}

    @property
    def can_pause(self) -> bool:
        """Whether it is at work and may be ended so that it goes on later from where it was."""
        if self.plan is None or not (self.plan.may_pause and self.plan.may_retry):
            return False
        return not self.state.is_over and not self.cancel_wished.is_set()

    def pause(self) -> None:
        """End the job as `cancel` does, where it can go on later: in another handle, by `JobRunner.retry`."""
        if self.can_pause:
            self.is_paused = True
            self.cancel()

    def cancel(self) -> None:
        """Ask the job to end; it does so at its next step, at once where it has not begun; `state` tells when."""
        if self.state.is_over or self.cancel_wished.is_set():
            return
        self.cancel_wished.set()
        self.state = JobState.CANCELLING
        self.changed.emit()
        if self.future is not None and self.future.cancel():
            self.withdrawn.emit()

    @property
    def fraction(self) -> float | None:
        """Share that is done, 0 to 1; None where the total is not known."""
        return min(1.0, self.progress.done / self.progress.total) if self.progress.total else None

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was started."""
        if not self.started_s:
            return 0.0
        return (self.ended_s or time.monotonic()) - self.started_s

    @property
    def rate(self) -> float | None:
        """Items a second over the last seconds; None before that can be told."""
        if len(self._marks) < 2:
            return None
        (first_s, first), (last_s, last) = self._marks[0], self._marks[-1]
        return (last - first) / (last_s - first_s) if last_s - first_s > 0.3 and last > first else None

    @property
    def remaining_s(self) -> float | None:
        """Seconds that are left at the present rate; None where that cannot be told."""
        rate = self.rate
        return (self.progress.total - self.progress.done) / rate if rate and self.progress.total else None

    def take(self, report: JobReport) -> None:
        """Take over what the worker reports."""
        if self.state is JobState.CANCELLING and report.state is JobState.RUNNING:
            return
        now = time.monotonic()
        self.state = report.state
        self.started_s = self.started_s or now
        if report.progress is not None:
            if report.progress.done < self.progress.done:
                self._marks.clear()  # another stage, with items of its own
            self.progress = report.progress
            self._marks.append((now, report.progress.done))
            while len(self._marks) > 2 and now - self._marks[0][0] > RATE_WINDOW_S:
                self._marks.pop(0)
        if report.state.is_over:
            self.ended_s = now
            self.failure = failure_of(report.error) if report.error is not None else None
        self.changed.emit()


def failure_of(error: BaseException) -> Failure:
    """Return what a user is told of an error: its own sentence where it can be mended, else that it is a bug."""
    if isinstance(error, DICOMModuleError):
        return Failure(str(error))
    if isinstance(error, MemoryError):
        return Failure("There is not enough free memory for this. Close what is not needed, then try again.")
    if isinstance(error, OSError):
        where = f"{plain_text(str(error.filename))}: " if error.filename else ""
        return Failure(f"{where}{error.strerror or plain_text(str(error))}")
    details = "".join(traceback.format_exception(error))
    return Failure(f"A fault of the program: {type(error).__name__}: {plain_text(str(error))}", details)


def duration_text(seconds: float) -> str:
    """Return a span of time for people: ``8 s``, ``2 min 5 s``, ``1 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def progress_text(handle: JobHandle, unit: str = "") -> str:
    """Return how far a job has come, its rate and the time left: ``1,200 of 10,000 files · 900/s · 10 s left``."""
    parts = []
    progress, noun = handle.progress, f" {unit}" if unit else ""
    if progress.total:
        parts.append(f"{progress.done:,} of {progress.total:,}{noun}")
    elif progress.done:
        parts.append(f"{progress.done:,}{noun}")
    rate, remaining = handle.rate, handle.remaining_s
    if rate is not None:
        parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
    if remaining is not None:
        parts.append(f"{duration_text(remaining)} left")
    return " · ".join(parts)
