"""Runs jobs in worker threads, so that the window never waits: progress, cancel, retry, and why a job failed.

A job is a generator (see `jobs`). It is made, stepped and closed in one worker thread; what it reports crosses to the
thread of the window as frozen values, at most ten times a second. Closing the generator is the cancel.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from DICOMModule.jobs import Job
from DICOMModule.widgets.job_handle import (
    Failure,
    JobHandle,
    JobPlan,
    JobReport,
    JobState,
    Lane,
    duration_text,
    failure_of,
    progress_text,
)
from DICOMModule.widgets.qt import QObject, Qt, pyqtSignal

__all__ = (
    "Failure",
    "JobHandle",
    "JobRunner",
    "JobState",
    "Lane",
    "duration_text",
    "failure_of",
    "progress_text",
)

T = TypeVar("T")
WORKERS: Final = {Lane.WORK: 3, Lane.QUIET: 3, Lane.PICTURE: 3, Lane.NETWORK: 4}
REPORT_INTERVAL_S = 0.1


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
        self._pools = {lane: ThreadPoolExecutor(most, thread_name_prefix=lane.value) for lane, most in WORKERS.items()}
        self._handles: list[JobHandle] = []
        self._settling: list[tuple[object, Callable[[], object]]] = []
        self._closed = False
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

    @property
    def is_shut_down(self) -> bool:
        """Whether nothing runs any more, and nothing can be run."""
        return self._closed

    def run(
        self,
        title: str,
        make_job: Callable[[], Job[T]],
        *,
        on_success: Callable[[T], object] | None = None,
        on_failure: Callable[[Failure], object] | None = None,
        on_cancelled: Callable[[], object] | None = None,
        quiet: bool = False,
        lane: Lane | None = None,
        owner: object | None = None,
        may_retry: bool = True,
        may_pause: bool = False,
    ) -> JobHandle:
        """Run a job in a worker thread; one of the three functions is called in the end, in the thread of the window.

        Parameters
        ----------
        title : str
            What it does, for people: ``Importing 3 folders``.
        make_job : callable
            Makes the job; called in the worker thread, and again for a retry.
        on_success : callable, optional
            Called with the result, unless the job was asked to end before it was handed over.
        on_failure : callable, optional
            Called with the `Failure`; without it the jobs strip alone tells.
        on_cancelled : callable, optional
            Called with nothing where it was cancelled, by whomever.
        quiet : bool
            Not shown among the jobs: small work of a moment.
        lane : Lane, optional
            Whose workers run it; by itself as `quiet` says.
        owner : object, optional
            What it works on and what closes; while its owner is being settled a job is cancelled before it begins.
        may_retry : bool
            Whether it may be tried again; False where what it holds, a volume perhaps, should rather be let go.
        may_pause : bool
            Whether Pause is offered beside Cancel: what was done stays, and another try goes on from there.
        """
        lane = lane or (Lane.QUIET if quiet else Lane.WORK)
        plan = JobPlan(make_job, on_success, on_failure, on_cancelled, owner, lane, may_retry and not quiet, may_pause)
        return self._start(title, plan, quiet=quiet)

    def retry(self, handle: JobHandle) -> JobHandle:
        """Run a job that failed or was cancelled once more, in a new handle that takes the old one's place.

        The same handle is returned where what it worked on is closed, so that it cannot be tried again.
        """
        plan = handle.plan
        if plan is None or not handle.can_retry:
            return handle
        self.forget(handle)
        again = self._start(handle.title, plan, quiet=handle.quiet)
        handle.retried.emit(again)
        return again

    def forget(self, handle: JobHandle) -> None:
        """Take a job that is over out of the list."""
        if handle.state.is_over and handle in self._handles:
            self._handles.remove(handle)
            handle.plan = None

    def forget_owner(self, owner: object) -> None:
        """Let the jobs of an owner that closes stay in the list, but not be tried again: they would work on nothing."""
        for handle in self._handles:
            if handle.owner is owner and handle.state.is_over:
                handle.plan = None
                handle.changed.emit()

    def when_settled(self, owner: object, then: Callable[[], object]) -> None:
        """Cancel the jobs of an owner, and go on once the last of them is over: it may then be closed.

        Parameters
        ----------
        owner : object
            Whose jobs; those of others go on.
        then : callable
            Called in the thread of the window, at once where nothing of the owner runs; never after `shut_down`.
        """
        self._settling.append((owner, then))
        for handle in tuple(self._handles):
            if handle.owner is owner:
                handle.cancel()
        self._go_on_settled()

    def shut_down(self) -> None:
        """Cancel everything and wait for the threads; nothing can be run afterwards, and nothing is told any more."""
        self._closed = True
        self._settling.clear()
        for handle in self._handles:
            handle.cancel_wished.set()
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        with contextlib.suppress(TypeError):
            self._reported.disconnect()

    def _start(self, title: str, plan: JobPlan, *, quiet: bool) -> JobHandle:
        handle = JobHandle(title, plan, quiet=quiet, parent=self)
        handle.withdrawn.connect(lambda: self._report(JobReport(handle, JobState.CANCELLED)))
        self._handles.append(handle)
        if not quiet:
            self.added.emit(handle)
        if any(plan.owner is owner for owner, _then in self._settling):
            handle.cancel()
        if handle.cancel_wished.is_set():
            handle.withdrawn.emit()
        else:
            handle.future = self._pools[plan.lane].submit(self._run_one, handle, plan.make_job)
        return handle

    # -- in the worker's thread

    def _run_one(self, handle: JobHandle, make_job: Callable[[], Job[Any]]) -> None:
        if handle.cancel_wished.is_set():
            self._report(JobReport(handle, JobState.CANCELLED))
            return
        self._report(JobReport(handle, JobState.RUNNING))
        try:
            result, finished = self._stepped(handle, make_job)
        except BaseException as error:  # noqa: BLE001 - it is told, whatever it is; a thread must not end in silence
            self._report(JobReport(handle, JobState.FAILED, error=error))
            return
        self._report(JobReport(handle, JobState.FINISHED if finished else JobState.CANCELLED, result=result))

    def _stepped(self, handle: JobHandle, make_job: Callable[[], Job[Any]]) -> tuple[Any, bool]:
        """Step the job to its end, or close it where that is wished; return its result and whether it came to its end."""
        job = make_job()
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
                    self._report(JobReport(handle, JobState.RUNNING, progress))
        except StopIteration as stop:
            if late is not None:
                self._report(JobReport(handle, JobState.RUNNING, late))
            return stop.value, True
        finally:
            job.close()

    def _report(self, report: JobReport) -> None:
        if not self._closed:
            self._reported.emit(report)

    # -- in the thread of the window

    def _on_reported(self, report: JobReport) -> None:
        handle = report.handle
        if self._closed or handle.state.is_over:
            return
        if report.state is JobState.FINISHED and handle.cancel_wished.is_set():
            report = JobReport(handle, JobState.CANCELLED)  # nobody waits for its result any more
        handle.take(report)
        if report.state.is_over:
            self._end(handle, report)
            self._go_on_settled()

    def _end(self, handle: JobHandle, report: JobReport) -> None:
        plan = handle.plan
        if handle.quiet:
            self._handles.remove(handle)
        if handle.state is JobState.FINISHED or plan is None or not plan.may_retry:
            handle.plan = None  # what it holds, a volume perhaps, is to be free
        if plan is not None:
            _tell(plan, handle, report)
        if report.error is not None and handle.failure is not None and handle.failure.details:
            sys.excepthook(type(report.error), report.error, report.error.__traceback__)
        handle.ended.emit()
        if handle.quiet:
            handle.deleteLater()
        else:
            self.ended.emit(handle)

    def _go_on_settled(self) -> None:
        for entry in tuple(self._settling):
            owner, then = entry
            busy = any(handle.owner is owner and not handle.state.is_over for handle in self._handles)
            if not busy and entry in self._settling:
                self._settling.remove(entry)
                _call(then)


def _tell(plan: JobPlan, handle: JobHandle, report: JobReport) -> None:
    """Call what waits for the end of a job."""
    if handle.failure is not None:
        if plan.on_failure is not None:
            _call(plan.on_failure, handle.failure)
    elif handle.state is JobState.FINISHED:
        if plan.on_success is not None:
            _call(plan.on_success, report.result)
    elif plan.on_cancelled is not None:
        _call(plan.on_cancelled)


def _call(function: Callable[..., object], *arguments: Any) -> None:
    """Call what waits; a bug of it goes where those of the slots go, and everybody else is told nevertheless."""
    try:
        function(*arguments)
    except Exception as error:  # noqa: BLE001 - as a slot's: the exception hook tells it
        sys.excepthook(type(error), error, error.__traceback__)
