"""A listener that goes on when its program ends: found by the next one, started again after a crash, ended by a request."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import factories
import peers
import pytest
from listener_kit import calling, store
from test_listen_process import ended, started, waited_for

from DICOMModule.database import DicomDatabase
from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import NetworkError
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network import listener_apart, listener_control
from DICOMModule.network.listener import ListenerOptions
from DICOMModule.network.listener_apart import ApartListener
from DICOMModule.network.listener_mark import ListenerState, ask_to_stop, find_apart, marked, running_listeners
from DICOMModule.widgets.qt import QWidget
from DICOMModule.widgets.servers.networking import Networking

WITHIN_MS = 30_000
ANYBODY = ListenerOptions(port=0, allow_any=True)
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@pytest.fixture
def folder(tmp_path):
    """Folder of a database; whatever still listens for it in the end is killed: it would outlive the tests."""
    folder = tmp_path / "database"
    yield folder
    for state in running_listeners(folder):
        if state.process:
            os.kill(state.process, KILL)


def listening(listener):
    listener.start()
    assert waited_for(lambda: listener.state.kind in {"listening", "failed"}, 30.0)
    assert listener.state.kind == "listening", listener.state.text
    return SimpleNamespace(port=listener.state.port)


def test_it_goes_on_without_its_program_is_found_again_and_ends_when_it_is_asked_to(folder, series_factory):
    first, second = series_factory(slices=2, rows=4, columns=4), series_factory(slices=2, rows=4, columns=4)
    one = ApartListener(folder, ANYBODY)
    at = listening(one)
    assert store(at, *first.files) == [0, 0]
    assert waited_for(lambda: one.arrivals.instances == 2)
    assert (one.arrivals.series, one.arrivals.last_from) == (1, "MODALITY at 127.0.0.1")
    with calling(at, called_ae="ANOTHER") as made:
        assert made.is_rejected
    assert waited_for(lambda: one.arrivals.refused == 1)
    assert one.arrivals.last_refusal.startswith("MODALITY at 127.0.0.1: ")
    one.close()
    found = find_apart(folder)
    assert (found.kind, found.port, found.life) == ("listening", at.port, "apart")
    assert found.process not in {0, os.getpid()}
    assert store(at, *second.files) == [0, 0]
    other = ApartListener(folder, ANYBODY, found)
    other.start()
    assert other.state == found
    other.stop()
    assert other.state.kind == "stopped"
    assert find_apart(folder) is None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", at.port)) != 0
    with DicomDatabase.open(folder) as database:
        assert len(database.instances()) == 4
    assert not list((folder / "incoming").iterdir())


def test_two_programs_that_wish_the_same_have_one(folder):
    one, two = ApartListener(folder, ANYBODY), ApartListener(folder, ANYBODY)
    listening(one)
    listening(two)
    assert two.state.process == one.state.process
    two.stop()
    assert waited_for(lambda: one.state.kind == "stopped")  # it was no crash: nobody starts it again
    assert "another program" in one.state.text
    one.close()


def test_one_that_crashed_is_started_again_by_who_watches_it(folder, monkeypatch):
    monkeypatch.setattr(listener_control, "BACK_OFF_S", (0.05,))
    one = ApartListener(folder, ANYBODY)
    listening(one)
    before = one.state.process
    os.kill(before, KILL)
    assert waited_for(lambda: one.state.kind == "listening" and one.state.process != before, 30.0)
    with calling(SimpleNamespace(port=one.state.port)) as made:
        assert made.is_established
    one.stop()
    assert running_listeners(folder) == []


@pytest.fixture
def faulty(monkeypatch):
    """Give what makes the next process that is started, and no other, do something a second after it has begun."""

    def faulty(deed):
        def words(*given):
            monkeypatch.setattr(listener_apart, "process_words", real)
            made = real(*given)
            made[2] = FAULTY.format(paths=sys.path, deed=deed) + made[2]
            return made

        real = listener_apart.process_words
        monkeypatch.setattr(listener_apart, "process_words", words)

    return faulty


FAULTY = """import sys; sys.path[:0] = {paths!r}
from DICOMModule.verbs import listening
news, calls = listening._news, []
def failing(*given):
    calls.append(1)
    if len(calls) > 20:
        {deed}
    return news(*given)
listening._news = failing
"""


def test_one_that_ended_with_an_exception_is_started_again(folder, faulty, monkeypatch):
    monkeypatch.setattr(listener_control, "BACK_OFF_S", (0.05,))
    faulty("raise RuntimeError")
    one = ApartListener(folder, ANYBODY)
    listening(one)
    before = one.state
    assert waited_for(lambda: one.state.kind == "stopped" or one.state.process not in {0, before.process}, 30.0)
    assert (one.state.kind, one.state.port) == ("listening", before.port), one.state.text
    one.stop()
    assert not list((folder / "incoming").iterdir())


def test_a_child_of_ours_that_failed_was_not_ended_by_another_program(folder, faulty):
    faulty("sys.exit(3)")
    one = ApartListener(folder, ANYBODY)
    listening(one)
    assert waited_for(lambda: one.state.kind in {"failed", "stopped"}, 30.0)
    assert one.state.kind == "failed"
    assert "exit code 3" in one.state.text
    one.stop()


def test_two_that_start_it_again_at_once_have_one(folder, monkeypatch):
    monkeypatch.setattr(listener_control, "BACK_OFF_S", (0.05,))
    one = ApartListener(folder, ANYBODY)
    listening(one)
    before = one.state
    other = ApartListener(folder, ListenerOptions(port=before.port), before)
    other.start()
    os.kill(before.process, KILL)
    both = (one, other)
    assert waited_for(
        lambda: all(each.state.kind == "listening" and each.state.process != before.process for each in both), 30.0
    ), [each.state for each in both]
    assert one.state.process == other.state.process
    assert one.state.port == before.port
    assert len(running_listeners(folder)) == 1
    one.stop()
    other.close()


def test_one_whose_port_another_program_was_quicker_to_take_is_that_program_s(folder, monkeypatch):
    folder.mkdir()
    real, looked = listener_apart.process_words, threading.Event()

    def words(*given):
        looked.set()  # and has found none
        return real(*given)

    monkeypatch.setattr(listener_apart, "process_words", words)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = ApartListener(folder, ListenerOptions(port=port))
        one.start()
        assert looked.wait(10.0)
        with marked(folder, "127.0.0.1", port, one.options.ae_title, "apart"):
            assert waited_for(lambda: one.state.kind in {"failed", "listening"}, 30.0)
            assert (one.state.kind, one.state.process) == ("listening", os.getpid())
            one.close()


def test_one_that_is_starting_is_left_alone_at_once_and_listens_then(folder):
    one = ApartListener(folder, ANYBODY)
    one.start()
    assert waited_for(lambda: any(thread.name == "what a listener says" for thread in threading.enumerate()))
    began_s = time.monotonic()
    one.close()
    assert time.monotonic() - began_s < 0.5
    assert one.state.kind == "starting"
    assert waited_for(lambda: find_apart(folder), 30.0)
    other = ApartListener(folder, ANYBODY)
    listening(other)
    other.stop()


def test_one_that_hangs_at_its_start_holds_up_nobody(folder, monkeypatch):
    folder.mkdir()
    ends = socket.create_server(("127.0.0.1", 0))
    program = f"import socket; socket.create_connection(('127.0.0.1', {ends.getsockname()[1]})).recv(1)"
    monkeypatch.setattr(listener_apart, "process_words", lambda *_: [sys.executable, "-c", program])
    one = ApartListener(folder, ANYBODY)
    one.start()
    with ends, ends.accept()[0]:  # which it waits for
        began_s = time.monotonic()
        one.close()
        assert time.monotonic() - began_s < 0.5
    for process in listener_apart._started:
        process.wait()


def test_one_that_nobody_hears_listens(folder):
    process = started(folder, "--apart")
    process.stdout.close()
    assert waited_for(lambda: find_apart(folder), 30.0)
    with calling(find_apart(folder)):
        pass
    assert process.poll() is None
    ask_to_stop(folder, find_apart(folder).process)
    process.stdout = None
    assert ended(process)[0] == 0


def test_a_child_that_lives_has_not_ended_though_its_mark_has_gone(folder, monkeypatch):
    folder.mkdir()
    monkeypatch.setattr(listener_apart, "STOP_S", 0.1)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        monkeypatch.setattr(listener_apart, "_started", [child])
        state = ListenerState("listening", process=child.pid, life="apart")
        with pytest.raises(NetworkError, match="does not end"):
            ApartListener(folder, ANYBODY, state).stop()
        child.communicate(b"end\n")
    ApartListener(folder, ANYBODY, state).stop()


def test_one_that_crashed_hears_afterwards_whom_it_heard_before(folder, monkeypatch):
    monkeypatch.setattr(listener_control, "BACK_OFF_S", (0.05,))
    options = ListenerOptions(port=0, bind="localhost", allow=("MODALITY@127.0.0.1",), allow_any=True)
    one = ApartListener(folder, options)
    listening(one)
    one.close()
    found = find_apart(folder)
    assert (found.bind, found.allow, found.allow_any) == (options.bind, options.allow, options.allow_any)
    other = ApartListener(folder, ListenerOptions(port=0), found)  # who knows of nobody
    other.start()
    os.kill(found.process, KILL)
    assert waited_for(lambda: other.state.kind == "listening" and other.state.process != found.process, 30.0)
    assert (other.state.allow, other.state.allow_any) == (options.allow, options.allow_any)
    other.stop()


def test_one_at_another_address_is_not_the_one_that_is_wished(folder):
    one, two = ApartListener(folder, ANYBODY), ApartListener(folder, replace(ANYBODY, bind="0.0.0.0"))
    listening(one)
    listening(two)
    assert two.state.process != one.state.process
    assert two.state.host == "0.0.0.0"
    one.stop()
    two.stop()


def test_one_that_cannot_listen_says_why(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = ApartListener(folder, ListenerOptions(port=port))
        one.start()
        assert waited_for(lambda: one.state.kind == "failed", 30.0)
        assert str(port) in one.state.text
        one.stop()


def test_one_that_does_not_end_is_said(folder, monkeypatch):
    monkeypatch.setattr("DICOMModule.network.listener_apart.STOP_S", 0.3)
    monkeypatch.setattr("DICOMModule.network.listener_apart.ask_to_stop", lambda *_: None)
    one = ApartListener(folder, ANYBODY)
    listening(one)
    with pytest.raises(NetworkError, match="does not end"):
        one.stop()
    monkeypatch.undo()
    again = ApartListener(folder, ANYBODY, find_apart(folder))
    again.start()
    again.stop()


def test_one_of_a_terminal_can_be_asked_to_end_and_one_with_a_parent_ends_with_that_alone(folder):
    alone, child = started(folder), started(folder, "--with-parent")
    for process in (alone, child):
        process.stdout.readline()
    assert [state.process for state in running_listeners(folder) if state.life == "own"] == [find_apart(folder).process]
    for state in running_listeners(folder):
        ask_to_stop(folder, state.process)
    assert ended(alone)[0] == 0
    assert [state.life for state in running_listeners(folder)] == ["parent"]
    assert ended(child)[0] == 0  # this closes its standard input
    assert not list((folder / "incoming").iterdir())


def test_the_verb_lets_go_of_what_it_prints_to(folder):
    process = started(folder, "--apart")
    assert b"listening" in process.stdout.readline()
    assert waited_for(lambda: process.stdout.read() == b"")  # its end, though it goes on
    assert process.poll() is None
    ask_to_stop(folder, find_apart(folder).process)
    assert ended(process)[0] == 0


# -- the window


@pytest.fixture
def windows(qtbot, viewer, logic, folder):
    """Open and close the network's part of windows on the database."""
    viewer.settings.change(listener_port=0)
    made = []

    def opened():
        window = QWidget()
        qtbot.addWidget(window)
        one = Networking(viewer, logic, window)
        qtbot.addWidget(one.section)
        made.append(one)
        return one

    def closed(one):
        made.remove(one)
        one.close()

    yield SimpleNamespace(opened=opened, closed=closed)
    for one in tuple(made):
        closed(one)


def told(networking):
    return networking.section.listener_state.whole_text


def test_the_window_starts_one_apart_and_the_next_window_finds_and_ends_it(qtbot, windows, logic, viewer, folder):
    tmp_path = folder.parent
    logic.add_server(ServerEntry("sender", host="127.0.0.1", port=104, ae_title=peers.OURS))
    first = windows.opened()
    first.section.listener_stays.click()
    assert viewer.settings.value.listener_stays
    first.section.listener_button.click()
    qtbot.waitUntil(lambda: first.listener.kind in {"listening", "failed"}, timeout=WITHIN_MS)
    process = find_apart(folder).process
    assert told(first) == "Listening, started apart"
    assert f"Started apart, process {process}: it goes on when the viewer ends" in first.section.listener_news.text()
    windows.closed(first)
    assert find_apart(folder).process == process

    second = windows.opened()
    grown = []
    second.listener.grown.connect(lambda: grown.append(1))
    qtbot.waitUntil(lambda: second.listener.kind == "listening", timeout=WITHIN_MS)
    assert told(second) == "Listening, started apart"
    assert f"process {process}" in second.section.listener_news.text()
    assert second.section.listener_button.text() == "Stop Listener"
    viewer.settings.change(theme="light")  # is no reason to start it anew
    title, _, port = second.listener.place
    made = factories.make_series(tmp_path / "made", "sent", slices=2)
    peers.store(peers.Peer(title, port, tmp_path, tmp_path / "log"), made.folder)
    qtbot.waitUntil(lambda: bool(grown), timeout=WITHIN_MS)
    assert len(logic.database().instances(series=made.uid)) == 2
    assert find_apart(folder).process == process

    second.section.listener_button.click()
    qtbot.waitUntil(lambda: second.listener.kind == "stopped", timeout=WITHIN_MS)
    assert find_apart(folder) is None
    assert second.section.listener_button.text() == "Start Listener"
    qtbot.waitUntil(lambda: viewer.jobs.is_idle, timeout=WITHIN_MS)


def test_a_tick_taken_back_lets_the_listener_end_with_the_window(qtbot, windows, viewer, folder):
    viewer.settings.change(listener_stays=True, listener_at_start=True)
    first = windows.opened()
    qtbot.waitUntil(lambda: first.listener.process_apart != 0, timeout=WITHIN_MS)
    first.section.listener_stays.click()
    qtbot.waitUntil(lambda: first.listener.kind == "listening" and not first.listener.process_apart, timeout=WITHIN_MS)
    assert [state.life for state in running_listeners(folder)] == ["parent"]
    windows.closed(first)
    assert running_listeners(folder) == []


def test_one_that_another_window_ends_is_shown_as_ended(qtbot, windows, viewer, folder):
    viewer.settings.change(listener_stays=True)
    first = windows.opened()
    first.listener.start()
    qtbot.waitUntil(lambda: first.listener.process_apart != 0, timeout=WITHIN_MS)
    second = windows.opened()
    qtbot.waitUntil(lambda: second.listener.process_apart != 0, timeout=WITHIN_MS)
    second.listener.stop()
    qtbot.waitUntil(lambda: first.listener.kind == second.listener.kind == "stopped", timeout=WITHIN_MS)
    assert told(first) == "Not running"


def test_one_of_a_terminal_is_shown_and_let_be_until_stop_is_clicked(qtbot, windows, viewer, folder, tmp_path):
    process = started(folder, "--allow-any")
    port = json.loads(process.stdout.readline())["listening"]["port"]
    one = windows.opened()
    qtbot.waitUntil(lambda: one.listener.process_apart == process.pid, timeout=WITHIN_MS)
    assert told(one) == "Listening, not started here"
    assert f"in a terminal or as a service, process {process.pid}: " in one.section.listener_news.text()

    viewer.settings.change(listener_ae_title="OTHER", listener_bind="0.0.0.0")
    one.section.listener_stays.click()
    one.listener.use(one.listener._logic)
    assert one.listener.kind == "listening"
    assert one.listener.place == ("DICOMMODULE", "127.0.0.1", port)

    with DICOMModuleLogic(tmp_path / "other") as other:
        one.listener.use(other)
        assert one.listener.process_apart == 0
        qtbot.waitUntil(lambda: viewer.jobs.is_idle, timeout=WITHIN_MS)
        assert one.listener.kind == "stopped"
        one.listener.use(one.book.logic)
    qtbot.waitUntil(lambda: one.listener.process_apart == process.pid, timeout=WITHIN_MS)
    assert process.poll() is None
    one.section.listener_button.click()
    qtbot.waitUntil(lambda: one.listener.kind == "stopped", timeout=WITHIN_MS)
    assert ended(process)[0] == 0


def test_another_setting_leaves_whom_one_apart_was_told_to_hear(qtbot, windows, viewer, folder):
    before = ApartListener(folder, ANYBODY)
    listening(before)
    before.close()
    viewer.settings.change(listener_stays=True)
    one = windows.opened()
    qtbot.waitUntil(lambda: one.listener.process_apart != 0, timeout=WITHIN_MS)
    viewer.settings.change(listener_ae_title="OTHER")
    qtbot.waitUntil(lambda: one.listener.place[0] == "OTHER", timeout=WITHIN_MS)
    assert [(state.life, state.allow_any) for state in running_listeners(folder)] == [("apart", True)]
    one.listener.stop()
    qtbot.waitUntil(lambda: one.listener.kind == "stopped", timeout=WITHIN_MS)


def test_the_window_does_not_wait_for_one_that_was_asked_to_end(qtbot, windows, viewer, folder, monkeypatch):
    viewer.settings.change(listener_stays=True)
    one = windows.opened()
    one.listener.start()
    qtbot.waitUntil(lambda: one.listener.process_apart != 0, timeout=WITHIN_MS)
    asked = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(listener_apart, "ask_to_stop", lambda *_: asked.set())
        one.listener.stop()
        assert asked.wait(10.0)
        began_s = time.monotonic()
        windows.closed(one)
        assert time.monotonic() - began_s < 0.5
        qtbot.waitUntil(lambda: viewer.jobs.is_idle, timeout=WITHIN_MS)
    ApartListener(folder, ANYBODY, find_apart(folder)).stop()


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed")
def test_a_crash_is_told_and_mended(qtbot, windows, viewer, folder):
    viewer.settings.change(listener_stays=True)
    one = windows.opened()
    kinds = []
    one.listener.changed.connect(lambda: kinds.append(one.listener.kind))
    one.listener.start()
    qtbot.waitUntil(lambda: one.listener.process_apart != 0, timeout=WITHIN_MS)
    before = one.listener.process_apart
    os.kill(before, signal.SIGKILL)
    qtbot.waitUntil(lambda: one.listener.process_apart not in {0, before}, timeout=WITHIN_MS)
    assert "restarting" in kinds
    one.listener.stop()
    qtbot.waitUntil(lambda: one.listener.kind == "stopped", timeout=WITHIN_MS)
