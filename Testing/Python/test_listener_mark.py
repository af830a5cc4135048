"""What the mark of a listener tells others: that it listens until all is taken, that it was asked to end, that it crashed."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing, suppress

import pytest
from listener_kit import answer, connected, status_of, store, store_command, values
from test_listen_process import waited_for
from test_listener import associated, data_set_of, uid_of

from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import Progress
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network.listener import ListenerOptions
from DICOMModule.network.listener_mark import ask_to_stop, has_crashed, marked, running_listeners
from DICOMModule.verbs import listening

ANYBODY = ListenerOptions(port=0, allow_any=True)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "database"


@pytest.fixture
def a_mark(folder):
    """Give what marks a listener in the database's folder."""
    folder.mkdir()
    return lambda: marked(folder, "127.0.0.1", 104, "STATION", "apart")


def left_in(folder):
    return [path.name for path in (folder / "incoming").iterdir()]


@pytest.mark.parametrize("error", [RuntimeError, DatabaseError, MemoryError])
def test_an_error_leaves_the_mark_as_a_crash_does_and_the_next_one_sweeps_it(folder, a_mark, error):
    with pytest.raises(error), a_mark():
        raise error
    assert running_listeners(folder) == []
    assert has_crashed(folder, os.getpid())
    with a_mark():
        assert not has_crashed(folder, os.getpid())
        assert [state.port for state in running_listeners(folder)] == [104]
    assert left_in(folder) == []


@pytest.mark.parametrize("end", [GeneratorExit, KeyboardInterrupt, SystemExit])
def test_an_end_that_was_wished_takes_the_mark_away(folder, a_mark, end):
    with pytest.raises(end), a_mark():
        raise end
    assert left_in(folder) == []
    assert not has_crashed(folder, os.getpid())


def test_one_that_was_asked_to_end_and_failed_at_it_has_not_crashed(folder, a_mark):
    with suppress(RuntimeError), a_mark():
        ask_to_stop(folder, os.getpid())
        raise RuntimeError
    assert left_in(folder)
    assert not has_crashed(folder, os.getpid())


@pytest.mark.parametrize("suffix", [".listening", ".listener.json"])
def test_a_mark_that_the_system_does_not_let_go_of_hides_no_end(folder, a_mark, suffix):
    with a_mark():
        (held,) = (folder / "incoming").glob(f"*{suffix}")
        held.unlink()
        held.mkdir()  # as what Windows does not remove while another program reads it
    assert left_in(folder) == [held.name]


def test_it_is_there_until_all_that_is_under_way_is_taken(folder, series_factory):
    (path,) = series_factory(slices=1, rows=4, columns=4).files
    with DICOMModuleLogic(folder) as logic:
        job = logic.listen_job(ANYBODY, life="apart")
        with connected(next(job)) as connection:
            associated(connection)
            whole = data_set_of(path)
            connection.sendall(values(3, 3, store_command(uid_of(path))) + values(3, 0, whole[:50]))
            ending = threading.Thread(target=job.close)
            ending.start()
            try:
                assert waited_for(lambda: "guard" not in [thread.name for thread in threading.enumerate()])
                assert [state.process for state in running_listeners(folder)] == [os.getpid()]
            finally:
                connection.sendall(values(3, 2, whole[50:]))
                assert status_of(answer(connection)[1]) == 0
                ending.join()
    assert left_in(folder) == []


def test_one_that_is_asked_to_end_leaves_off_examining(folder, series_factory, monkeypatch):
    began, closed = threading.Event(), threading.Event()

    def endless_job(*_given):
        try:
            while True:
                began.set()
                time.sleep(0.01)
                yield Progress(0, 0)
        finally:
            closed.set()

    monkeypatch.setattr("DICOMModule.verbs.examining.examine_arrivals_job", endless_job)
    monkeypatch.setattr(listening, "QUIET_S", 0.0)
    with DICOMModuleLogic(folder) as logic, closing(logic.listen_job(ANYBODY, life="apart")) as job:
        store(next(job), *series_factory(slices=1, rows=4, columns=4).files)
        assert waited_for(lambda: next(job) and began.is_set())
        ask_to_stop(folder, os.getpid())
        assert waited_for(lambda: next(job, None) is None, 4.0)
        assert closed.is_set()
    assert left_in(folder) == []
