"""Runs jobs in worker threads, so that the window never waits: progress, cancel, retry, and why a job failed.

A job is a generator (see `jobs`). It is made, stepped and closed in one worker thread; what it reports crosses to the
thread of the window as frozen values, at most ten times a second. Closing the generator is the cancel.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from DICOMModule.errors import DICOMModuleError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.widgets.qt import QObject, Qt, pyqtSignal

T = TypeVar("T")
WORKERS = 3
QUIET_WORKERS = 3  # of their own, so that a thumbnail never waits for an import
REPORT_INTERVAL_S = 0.1
RATE_WINDOW_S = 4.0


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
class _Report:
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
    """

    changed = pyqtSignal()
    ended = pyqtSignal()

    def __init__(self, title: str, make_job: Callable[[], Job[Any]], *, quiet: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.title = title
        self.quiet = quiet
        self.state = JobState.WAITING
        self.progress = Progress(0, 0)
        self.failure: Failure | None = None
        self.started_s = 0.0
        self.ended_s = 0.0
        self.make_job = make_job
        self.cancel_wished = threading.Event()
        self._marks: list[tuple[float, int]] = []

    def cancel(self) -> None:
        """Ask the job to end; it does so at its next step, `state` tells when."""
        if not self.state.is_over:
            self.cancel_wished.set()
            self.state = JobState.CANCELLING
            self.changed.emit()

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

    def take(self, report: _Report) -> None:
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


class JobRunner(QObject):
    """Runs jobs and knows those of this session. To be used from the thread of the window alone.

    Signals
    -------
    added : JobHandle
        A job that is not quiet was started.
    ended : JobHandle
        A job that is not quiet is over.
    """

    added = pyqtSignal(object)
    ended = pyqtSignal(object)
    _reported = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pools = {
            False: ThreadPoolExecutor(WORKERS, thread_name_prefix="job"),
            True: ThreadPoolExecutor(QUIET_WORKERS, thread_name_prefix="quiet-job"),
        }
        self._handles: list[JobHandle] = []
        self._successes: dict[JobHandle, Callable[[Any], object]] = {}
        self._failures: dict[JobHandle, Callable[[Failure], object]] = {}
        self._closed = False
        self._busy = 0
        self._idle = threading.Condition()
        self._reported.connect(self._on_reported, Qt.QueuedConnection)  # type: ignore[call-arg]

    @property
    def handles(self) -> tuple[JobHandle, ...]:
        """All jobs that are not quiet and not forgotten, oldest first."""
        return tuple(handle for handle in self._handles if not handle.quiet)

    @property
    def running(self) -> tuple[JobHandle, ...]:
        """The jobs that are not quiet and not over, oldest first."""
        return tuple(handle for handle in self.handles if not handle.state.is_over)

    @property
    def is_idle(self) -> bool:
        """Whether no job at all, quiet ones included, is waiting or running."""
        return all(handle.state.is_over for handle in self._handles)

    def run(
        self,
        title: str,
        make_job: Callable[[], Job[T]],
        *,
        on_success: Callable[[T], object] | None = None,
        on_failure: Callable[[Failure], object] | None = None,
        quiet: bool = False,
    ) -> JobHandle:
        """Run a job in a worker thread.

        Parameters
        ----------
        title : str
            What it does, for people: ``Importing 3 folders``.
        make_job : callable
            Makes the job; called in the worker thread, and again for a retry.
        on_success : callable, optional
            Called with the result, in the thread of the window.
        on_failure : callable, optional
            Called with the `Failure`, in the thread of the window; without it the jobs strip alone tells.
        quiet : bool
            Not shown among the jobs: small work of a moment, such as a thumbnail.
        """
        handle = JobHandle(title, make_job, quiet=quiet, parent=self)
        if on_success is not None:
            self._successes[handle] = on_success
        if on_failure is not None:
            self._failures[handle] = on_failure
        self._handles.append(handle)
        if not quiet:
            self.added.emit(handle)
        self._pools[quiet].submit(self._work, handle)
        return handle

    def retry(self, handle: JobHandle) -> JobHandle:
        """Run a job that failed or was cancelled once more, in a new handle that takes the old one's place."""
        success, failure = self._successes.get(handle), self._failures.get(handle)
        self.forget(handle)
        return self.run(handle.title, handle.make_job, on_success=success, on_failure=failure, quiet=handle.quiet)

    def forget(self, handle: JobHandle) -> None:
        """Take a job that is over out of the list."""
        if handle.state.is_over and handle in self._handles:
            self._handles.remove(handle)
            self._successes.pop(handle, None)
            self._failures.pop(handle, None)

    def settle(self) -> None:
        """Cancel everything and wait until no worker is busy: what they work on may then be closed."""
        for handle in self._handles:
            handle.cancel()
        with self._idle:
            self._idle.wait_for(lambda: self._busy == 0)

    def shut_down(self) -> None:
        """Cancel everything and wait for the threads; nothing can be run afterwards, and nothing is told any more."""
        self._closed = True
        for handle in self._handles:
            handle.cancel_wished.set()
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        with contextlib.suppress(TypeError):
            self._reported.disconnect()

    # -- in the worker's thread

    def _work(self, handle: JobHandle) -> None:
        with self._idle:
            self._busy += 1
        try:
            self._run_one(handle)
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _run_one(self, handle: JobHandle) -> None:
        if handle.cancel_wished.is_set():
            self._report(_Report(handle, JobState.CANCELLED))
            return
        self._report(_Report(handle, JobState.RUNNING))
        try:
            result, finished = self._stepped(handle)
        except BaseException as error:  # noqa: BLE001 - it is told, whatever it is; a thread must not end in silence
            self._report(_Report(handle, JobState.FAILED, error=error))
            return
        self._report(_Report(handle, JobState.FINISHED if finished else JobState.CANCELLED, result=result))

    def _stepped(self, handle: JobHandle) -> tuple[Any, bool]:
        """Step the job to its end, or close it where that is wished; return its result and whether it came to its end."""
        job = handle.make_job()
        last_s, late = 0.0, None
        try:
            while True:
                progress = next(job)
                if handle.cancel_wished.is_set():
                    return None, False
                now = time.monotonic()
                late = progress
                if now - last_s >= REPORT_INTERVAL_S:
                    last_s, late = now, None
                    self._report(_Report(handle, JobState.RUNNING, progress))
        except StopIteration as stop:
            if late is not None:
                self._report(_Report(handle, JobState.RUNNING, late))
            return stop.value, True
        finally:
            job.close()

    def _report(self, report: _Report) -> None:
        if not self._closed:
            self._reported.emit(report)

    # -- in the thread of the window

    def _on_reported(self, report: _Report) -> None:
        handle = report.handle
        if self._closed or handle.state.is_over:
            return
        handle.take(report)
        if not report.state.is_over:
            return
        if handle.quiet:
            self._handles.remove(handle)
        if report.error is not None and handle.failure is not None:
            self._tell_failure(handle, handle.failure, report.error)
        elif report.state is JobState.FINISHED and handle in self._successes:
            self._successes[handle](report.result)
        handle.ended.emit()
        if handle.quiet or handle.state is JobState.FINISHED:
            # what they hold, a volume perhaps, is to be free; only what failed may be tried again
            self._successes.pop(handle, None)
            self._failures.pop(handle, None)
            handle.make_job = _nothing_job
        if handle.quiet:
            handle.deleteLater()
        else:
            self.ended.emit(handle)

    def _tell_failure(self, handle: JobHandle, failure: Failure, error: BaseException) -> None:
        if handle in self._failures:
            self._failures[handle](failure)
        if failure.details:
            sys.excepthook(type(error), error, error.__traceback__)


def _nothing_job() -> Job[None]:
    """Stand for the job of a handle that has finished, so that it holds nothing."""
    yield from ()


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
