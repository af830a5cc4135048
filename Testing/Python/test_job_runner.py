"""Jobs of the window: in threads of their own, thinned progress, cancel, failure, retry."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import pytest

from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import Progress, call_job
from DICOMModule.widgets.job_runner import (
    Failure,
    JobRunner,
    JobState,
    Lane,
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
    qtbot.waitUntil(lambda: waiting.state is JobState.CANCELLED, timeout=5000)
    assert not any(one.state.is_over for one in blockers)
    hold.set()
    qtbot.waitUntil(lambda: all(one.state.is_over for one in blockers), timeout=5000)
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


def test_a_job_that_was_cancelled_hands_nothing_over_even_where_it_came_to_its_end(runner, qtbot):
    hold, started, told = threading.Event(), threading.Event(), []

    def work():
        started.set()
        return hold.wait(10)

    handle = runner.run(
        "Long", lambda: call_job(work), on_success=told.append, on_cancelled=lambda: told.append("cancelled")
    )
    assert started.wait(5)
    handle.cancel()
    hold.set()
    qtbot.waitUntil(lambda: handle.state.is_over, timeout=5000)
    assert handle.state is JobState.CANCELLED
    assert told == ["cancelled"]


def test_settling_cancels_the_jobs_of_one_owner_and_goes_on_without_waiting(runner, qtbot):
    hold, busy, told = threading.Event(), threading.Event(), []
    one, other = object(), object()

    def work():
        busy.set()
        return hold.wait(10)

    long = runner.run("Long", lambda: call_job(work), owner=one, on_cancelled=lambda: told.append("cancelled"))
    others = runner.run("Other", lambda: call_job(lambda: hold.wait(10)), owner=other, on_success=told.append)
    assert busy.wait(5)
    runner.when_settled(one, lambda: told.append("settled"))
    late = runner.run("Late", lambda: call_job(lambda: told.append("ran")), owner=one)
    qtbot.waitUntil(lambda: late.state is JobState.CANCELLED, timeout=5000)
    assert told == []
    assert long.state is JobState.CANCELLING
    hold.set()
    qtbot.waitUntil(lambda: others.state.is_over and long.state.is_over, timeout=5000)
    assert told.index("cancelled") < told.index("settled")
    assert others.state is JobState.FINISHED
    again = runner.run("Again", lambda: call_job(lambda: 7), owner=one, on_success=told.append)
    qtbot.waitUntil(lambda: again.state.is_over, timeout=5000)
    assert told[-1] == 7


def test_where_nothing_of_the_owner_runs_it_goes_on_at_once(runner):
    told = []
    runner.when_settled(object(), lambda: told.append("settled"))
    assert told == ["settled"]


def test_what_an_owner_did_that_is_closed_cannot_be_tried_again(runner, qtbot):
    attempts, owner = [], object()

    def job():
        attempts.append(1)
        yield Progress(0, 1)
        raise DatabaseError("busy")

    handle = runner.run("Trying", job, owner=owner)
    qtbot.waitUntil(lambda: handle.state.is_over, timeout=5000)
    assert handle.can_retry
    runner.forget_owner(owner)
    assert not handle.can_retry
    assert runner.retry(handle) is handle
    qtbot.waitUntil(lambda: runner.is_idle, timeout=5000)
    assert len(attempts) == 1
    assert handle in runner.handles


def test_what_may_not_be_tried_again_lets_go_of_what_it_held_when_it_is_cancelled(runner, qtbot):
    class Held:
        pass

    def start():
        held, started = Held(), threading.Event()

        def job():
            while held is not None:
                started.set()
                yield Progress(0, 0)

        made = runner.run("Filtering", job, may_retry=False, on_success=lambda _: held)
        assert started.wait(5)
        return weakref.ref(held), made

    reference, handle = start()
    handle.cancel()
    qtbot.waitUntil(lambda: handle.state.is_over, timeout=5000)
    assert not handle.can_retry

    def is_free():
        gc.collect()
        return reference() is None

    qtbot.waitUntil(is_free, timeout=5000)


@pytest.mark.parametrize("fails", [False, True])
def test_a_fault_of_who_waits_reaches_the_exception_hook_and_the_job_has_ended(runner, qtbot, monkeypatch, fails):
    def broken(_told):
        raise ZeroDivisionError

    def job():
        yield Progress(0, 1)
        if fails:
            raise DatabaseError("busy")

    caught, ended = [], []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_rest: caught.append(kind))
    runner.ended.connect(ended.append)
    handle = runner.run("Answering", job, on_success=broken, on_failure=broken)
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert caught == [ZeroDivisionError]
    assert ended == [handle]


def test_pictures_have_workers_of_their_own(runner, qtbot):
    hold = threading.Event()
    pictures = [
        runner.run("Picture", lambda: call_job(lambda: hold.wait(10)), quiet=True, lane=Lane.PICTURE) for _ in range(8)
    ]
    found = []
    runner.run("Searching", lambda: call_job(lambda: 7), quiet=True, on_success=found.append)
    qtbot.waitUntil(lambda: found == [7], timeout=5000)
    assert not any(one.state.is_over for one in pictures)
    hold.set()
    qtbot.waitUntil(lambda: runner.is_idle, timeout=5000)


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
