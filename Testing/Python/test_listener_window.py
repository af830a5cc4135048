"""The listener in the window: started, stopped, refused a port, filled by a real sender; what comes is in the list at once."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import peers
import pytest
from factories import make_series

from DICOMModule.database.servers import ServerEntry
from DICOMModule.network.listener_events import Arrivals
from DICOMModule.widgets.qt import QWidget
from DICOMModule.widgets.servers.listener_row import arrivals_lines
from DICOMModule.widgets.servers.networking import Networking

WITHIN_MS = 30_000


@pytest.fixture(autouse=True)
def any_port(viewer):
    """Let the listener take a port that is free."""
    viewer.settings.change(listener_port=0)


def listening(qtbot, networking):
    networking.section.listener_button.click()
    qtbot.waitUntil(lambda: networking.listener.kind in {"listening", "failed"}, timeout=WITHIN_MS)
    assert networking.listener.kind == "listening", networking.listener.text
    return networking.listener.place


def news(section):
    return section.listener_news.text().replace("\u200b", "")


def as_peer(place, folder):
    title, _, port = place
    return peers.Peer(title, port, folder, folder / "log")


def test_it_is_started_filled_by_a_known_sender_refuses_a_stranger_and_is_stopped(qtbot, networking, logic, tmp_path):
    logic.add_server(ServerEntry("sender", host="127.0.0.1", port=104, ae_title=peers.OURS))
    grown = []
    networking.listener.grown.connect(lambda: grown.append(1))
    section = networking.section
    assert section.listener_state.whole_text == "Not running"
    place = listening(qtbot, networking)
    assert section.listener_button.text() == "Stop Listener"
    assert section.listener_state.whole_text == "Listening"
    assert news(section) == f"As DICOMMODULE on port {place[2]}, for this machine only."
    made = make_series(tmp_path / "made", "sent", slices=3)
    peers.store(as_peer(place, tmp_path), made.folder)
    qtbot.waitUntil(lambda: networking.listener.arrivals.instances == 3, timeout=WITHIN_MS)
    assert len(logic.database().instances(series=made.uid)) == 3
    qtbot.waitUntil(lambda: bool(grown))
    assert "Received 3 images and objects of 1 series; the last from DICOMMODULE at 127.0.0.1." in news(section)

    done = peers.ask("echoscu", "-aet", "STRANGER", "-aec", place[0], "127.0.0.1", str(place[2]))
    assert done.returncode != 0
    qtbot.waitUntil(lambda: networking.listener.arrivals.refused == 1, timeout=WITHIN_MS)
    assert "Refused 1 time; the last was STRANGER at 127.0.0.1: " in news(section)

    section.listener_button.click()
    qtbot.waitUntil(lambda: networking.listener.kind == "stopped", timeout=WITHIN_MS)
    assert section.listener_button.text() == "Start Listener"
    assert news(section) == ""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", place[2])) != 0


def test_a_port_that_is_taken_is_explained_and_another_one_is_tried_at_once(qtbot, networking, viewer):
    section = networking.section
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        viewer.settings.change(listener_port=port)
        section.listener_button.click()
        qtbot.waitUntil(lambda: networking.listener.kind == "failed", timeout=WITHIN_MS)
        assert str(port) in news(section)
        assert section.listener_news.property("role") == "error"
        assert section.listener_button.text() == "Start Listener"
        viewer.settings.change(listener_port=0)
        before = listening(qtbot, networking)[2]
        assert before != port
    viewer.settings.change(listener_port=port, listener_ae_title="OTHER")  # one that runs moves
    qtbot.waitUntil(lambda: networking.listener.place[2] == port, timeout=WITHIN_MS)
    assert networking.listener.place[0] == "OTHER"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", before)) != 0


def test_it_starts_with_the_program_where_that_is_ticked_and_closing_ends_it_in_the_midst(
    qtbot, logic, viewer, networking
):
    networking.section.listener_at_start.click()
    assert viewer.settings.value.listener_at_start
    window = QWidget()
    qtbot.addWidget(window)
    other = Networking(viewer, logic, window)
    qtbot.addWidget(other.section)
    try:
        assert other.section.listener_at_start.isChecked()
        qtbot.waitUntil(lambda: other.listener.kind == "starting", timeout=WITHIN_MS)
    finally:
        other.close()  # the fixtures fail the test where a process or thread is left
    assert other.listener.kind == "stopped"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found in /proc")
def test_one_that_dies_is_said_to_be_started_again_and_is(qtbot, networking):
    states = []
    networking.listener.changed.connect(
        lambda: states.append((networking.listener.kind, networking.section.listener_state.whole_text))
    )
    listening(qtbot, networking)
    for tasks in Path("/proc/self/task").glob("*/children"):
        for number in tasks.read_text().split():
            if int(number) not in peers.running:
                os.kill(int(number), signal.SIGKILL)
    qtbot.waitUntil(lambda: ("restarting", "Restarting…") in states, timeout=WITHIN_MS)
    assert "started again" in news(networking.section)
    assert networking.section.listener_button.text() == "Stop Listener"
    qtbot.waitUntil(lambda: networking.listener.kind == "listening", timeout=WITHIN_MS)


def test_what_is_told_of_arrivals():
    assert arrivals_lines(Arrivals()) == []
    told = Arrivals(1, 1, 2, "<b>AE</b> at 192.0.2.7", "X at 192.0.2.8: not known.")
    assert arrivals_lines(told) == [
        "Received 1 image or object of 1 series; the last from <b>AE</b> at 192.0.2.7.",
        "Refused 2 times; the last was X at 192.0.2.8: not known.",
    ]
    stranger = Arrivals(refused=1, last_refusal="X at 192.0.2.8: its AE title is not known here")
    (line,) = arrivals_lines(stranger)
    assert line.startswith(
        "Refused 1 time; the last was X at 192.0.2.8: its AE title is not known here. Who may store is"
    )
