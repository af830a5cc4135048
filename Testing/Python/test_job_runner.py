"""Jobs of the window: in threads of their own, thinned progress, cancel, failure, retry."""

from __future__ import annotations

import sys
import threading

import pytest

from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import Progress, call_job
from DICOMModule.widgets.job_runner import (
    Failure,
    JobRunner,
    JobState,
    duration_text,
    failure_of,
    progress_text,
)


@pytest.fixture
def runner(qapp):
    made = JobRunner()
    yield made
    made.shut_down()


def counting_job(count, seen=None):
    for number in range(count):
        if seen is not None:
            seen.append(number)
        yield Progress(number, count, f"step {number}")
    return count


def test_a_job_runs_outside_the_thread_of_the_window_and_its_result_comes_back_to_it(runner, qtbot):
    threads, results = [], []

    def job():
        threads.append(threading.current_thread())
        yield Progress(1, 2)
        return 42

    handle = runner.run("Answering", job, on_success=lambda value: results.append((value, threading.current_thread())))
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert results == [(42, threading.main_thread())]
    assert threads[0] is not threading.main_thread()
    assert handle.state is JobState.FINISHED


def test_progress_is_thinned_and_the_last_step_is_told(runner, qtbot):
    handle = runner.run("Counting", lambda: counting_job(20_000))
    changes = []
    handle.changed.connect(lambda: changes.append(handle.progress.done))
    qtbot.waitSignal(handle.ended, timeout=10_000).wait()
    assert handle.progress == Progress(19_999, 20_000, "step 19999")
    assert len(changes) < 200


def test_cancel_closes_the_job_and_its_clean_up_runs(runner, qtbot):
    cleaned, started, go_on = threading.Event(), threading.Event(), threading.Event()

    def job():
        try:
            started.set()
            while True:
                go_on.wait(0.01)
                yield Progress(0, 0)
        finally:
            cleaned.set()

    handle = runner.run("Endless", job, on_success=lambda _: pytest.fail("it was cancelled"))
    assert started.wait(5)
    handle.cancel()
    assert handle.state is JobState.CANCELLING
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert handle.state is JobState.CANCELLED
    assert cleaned.is_set()


def test_a_job_that_waits_for_a_worker_can_be_cancelled_and_never_starts(runner, qtbot):
    hold = threading.Event()
    blockers = [runner.run("Blocking", lambda: call_job(lambda: hold.wait(10))) for _ in range(3)]
    seen = []
    waiting = runner.run("Waiting", lambda: counting_job(3, seen))
    waiting.cancel()
    hold.set()
    qtbot.waitUntil(lambda: waiting.state.is_over and all(one.state.is_over for one in blockers), timeout=5000)
    assert waiting.state is JobState.CANCELLED
    assert seen == []


def test_an_error_that_can_be_mended_is_told_by_its_own_sentence(runner, qtbot):
    def job():
        yield Progress(0, 1)
        raise DatabaseError("the disk is full; make room")

    failures = []
    handle = runner.run("Failing", job, on_failure=failures.append)
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert failures == [Failure("the disk is full; make room")]
    assert handle.state is JobState.FAILED


def test_a_bug_reaches_the_exception_hook_with_its_traceback(runner, qtbot, monkeypatch):
    caught = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, _error, traceback: caught.append((kind, traceback)))
    handle = runner.run("Buggy", lambda: call_job(lambda: 1 / 0))
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert handle.failure.text.startswith("A fault of the program: ZeroDivisionError")
    assert "1 / 0" in handle.failure.details
    assert caught[0][0] is ZeroDivisionError
    assert caught[0][1] is not None


def test_a_retry_makes_the_job_anew(runner, qtbot):
    attempts = []

    def job():
        attempts.append(1)
        yield Progress(0, 1)
        if len(attempts) == 1:
            raise DatabaseError("busy")
        return "done"

    results = []
    handle = runner.run("Trying", job, on_success=results.append)
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    again = runner.retry(handle)
    qtbot.waitSignal(again.ended, timeout=5000).wait()
    assert results == ["done"]
    assert handle not in runner.handles
    assert again in runner.handles


def test_quiet_jobs_are_not_listed_and_do_not_wait_for_long_ones(runner, qtbot):
    hold = threading.Event()
    for _ in range(3):
        runner.run("Long", lambda: call_job(lambda: hold.wait(10)))
    quiet = runner.run("Thumbnail", lambda: call_job(lambda: 1), quiet=True)
    qtbot.waitSignal(quiet.ended, timeout=5000).wait()
    assert quiet not in runner.handles
    assert len(runner.running) == 3
    hold.set()


def test_settling_cancels_and_waits_until_nobody_works(runner, qtbot):
    busy, left = threading.Event(), threading.Event()

    def job():
        busy.set()
        try:
            while True:
                yield Progress(0, 0)
        finally:
            left.set()

    runner.run("Endless", job)
    assert busy.wait(5)
    runner.settle()
    assert left.is_set()
    answered = runner.run("Afterwards", lambda: call_job(lambda: 7))
    qtbot.waitSignal(answered.ended, timeout=5000).wait()


def test_after_the_shut_down_nothing_is_told(qtbot):
    runner = JobRunner()
    told = []
    runner.run("Late", lambda: counting_job(1000), on_success=told.append)
    runner.shut_down()
    qtbot.wait(50)
    assert told == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (PermissionError(13, "Permission denied", "file.dcm"), "file.dcm: Permission denied"),
        (MemoryError(), "There is not enough free memory for this. Close what is not needed, then try again."),
    ],
)
def test_errors_of_the_system_become_sentences(error, text):
    assert failure_of(error) == Failure(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (4200, "1 h 10 min")]
)
def test_spans_of_time_for_people(seconds, text):
    assert duration_text(seconds) == text


def test_progress_for_people(runner, qtbot):
    handle = runner.run("Counting", lambda: counting_job(3))
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert progress_text(handle, "files") == "2 of 3 files"
