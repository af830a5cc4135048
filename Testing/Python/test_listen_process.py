"""The listener as a process: what `listen` prints, how it ends, and how it is watched, started again and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import peers
import pytest
from listener_kit import calling, store

from DICOMModule.database import DicomDatabase
from DICOMModule.errors import NetworkError
from DICOMModule.network import listener_control
from DICOMModule.network.listener import ListenerOptions
from DICOMModule.network.listener_control import ListenerControl, listening, running_listener


def at(port: int) -> SimpleNamespace:
    """Return where to call, for what takes a listener."""
    return SimpleNamespace(port=port)


def started(folder, *options):
    return subprocess.Popen(
        [sys.executable, "-m", "DICOMModule", "--database", str(folder), "--json", "listen", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )


def ended(process) -> tuple[int, bytes, bytes]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def waited_for(look, limit_s=20.0):
    deadline = time.monotonic() + limit_s
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


@pytest.fixture
def series(series_factory):
    return series_factory(slices=3, rows=4, columns=4)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_verb_says_where_it_listens_and_what_comes_and_ends_cleanly(tmp_path, series, number):
    process = started(tmp_path / "database", "--allow", "MODALITY", "--ae-title", "STATION")
    first = json.loads(process.stdout.readline())["listening"]
    assert (first["host"], first["ae_title"]) == ("127.0.0.1", "STATION")
    assert store(at(first["port"]), *series.files, called_ae="STATION") == [0, 0, 0]
    with calling(at(first["port"]), calling_ae="STRANGER", called_ae="STATION") as made:
        assert made.is_rejected
    lines = [json.loads(process.stdout.readline()) for _ in range(4)]
    stored = [line["stored"] for line in lines if "stored" in line]
    assert {one["series_instance_uid"] for one in stored} == {series.uid}
    assert [line["rejected"] for line in lines if "rejected" in line] == [
        {"reason": "its AE title is not known here", "calling_ae": "STRANGER", "host": "127.0.0.1"}
    ]
    process.send_signal(number)
    assert ended(process)[0] == 0
    with DicomDatabase.open(tmp_path / "database") as database:
        assert len(database.instances()) == 3
    assert not list((tmp_path / "database" / "incoming").iterdir())


def test_what_arrived_is_examined_once_it_is_quiet(tmp_path, series):
    process = started(tmp_path / "database", "--allow-any", "--with-parent")
    port = json.loads(process.stdout.readline())["listening"]["port"]
    store(at(port), *series.files)
    with DicomDatabase.open(tmp_path / "database") as database:
        assert waited_for(lambda: database.series()[0].health == "ok")
    process.stdin.close()
    process.stdin = None
    assert ended(process)[0] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the stream")
def test_without_standard_input_it_has_no_parent_and_ends(tmp_path):
    command = (
        f'exec "{sys.executable}" -m DICOMModule --database "{tmp_path}/database" listen --port 0 --with-parent <&-'
    )
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_lives_though_another_program_keeps_the_database_locked(tmp_path, series, monkeypatch):
    monkeypatch.setattr(listener_control, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(listener_control, "LONGEST_SILENCE_S", 2.0)
    control = ListenerControl(tmp_path / "database", ListenerOptions(port=0, allow=("MODALITY",)))
    control.start()
    try:
        state = control.wait_until_settled()
        store(at(state.port), *series.files)
        with DicomDatabase.open(tmp_path / "database") as database, database._catalogue.transaction():
            time.sleep(5)  # it examines what came, and cannot write what it finds
            assert control.state == state
        assert store(at(state.port), series.files[0]) == [0]
    finally:
        control.close()


def test_a_port_that_is_taken_makes_a_1_with_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = started(tmp_path / "database", "--port", str(port))
        code, out, err = ended(process)
    assert code == 1
    assert json.loads(out)["kind"] == "NetworkError"
    assert f"has port {port}".encode() in err


def test_it_is_started_and_ended_and_tells_what_came(tmp_path, series):
    control = ListenerControl(tmp_path / "database", ListenerOptions(port=0, allow=("MODALITY",)))
    assert control.state.kind == "stopped"
    control.start()
    state = control.wait_until_settled()
    assert (state.kind, state.ae_title) == ("listening", "DICOMMODULE")
    assert running_listener(tmp_path / "database") == state
    store(at(state.port), *series.files)
    with calling(at(state.port), calling_ae="STRANGER") as made:
        assert made.is_rejected
    assert waited_for(lambda: control.arrivals.instances == 3 and control.arrivals.refused == 1)
    assert control.arrivals.series == 1
    assert control.arrivals.last_from == "MODALITY at 127.0.0.1"
    assert control.arrivals.last_refusal.startswith("STRANGER at 127.0.0.1: ")
    control.close()
    assert control.state.kind == "stopped"
    assert running_listener(tmp_path / "database") is None


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill")
def test_it_is_started_again_when_it_dies(tmp_path, series, monkeypatch):
    monkeypatch.setattr(listener_control, "BACK_OFF_S", (0.05,))
    port = peers.free_port()
    control = ListenerControl(tmp_path / "database", ListenerOptions(port=port, allow=("MODALITY",)))
    control.start()
    try:
        assert control.wait_until_settled().kind == "listening"
        os.kill(the_child(), signal.SIGKILL)
        assert waited_for(lambda: control.state.kind == "restarting" or None)
        assert control.wait_until_settled().kind == "listening"
        assert store(at(port), series.files[0]) == [0]
    finally:
        control.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill")
def test_it_is_given_up_when_it_dies_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr(listener_control, "BACK_OFF_S", (0.01,))
    monkeypatch.setattr(listener_control, "MOST_RESTARTS", 1)
    control = ListenerControl(tmp_path / "database", ListenerOptions(port=0))
    control.start()
    try:
        for _ in range(2):
            assert waited_for(lambda: control.state.kind == "listening" or None)
            os.kill(the_child(), signal.SIGKILL)
            waited_for(lambda: control.state.kind != "listening")
        assert waited_for(lambda: control.state.kind == "failed" or None)
        assert "2 times" in control.state.text
    finally:
        control.close()


def test_one_that_cannot_begin_says_why_and_is_not_tried_again(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        control = ListenerControl(tmp_path / "database", ListenerOptions(port=taken.getsockname()[1]))
        control.start()
        state = control.wait_until_settled()
        control.close()
    assert state.kind == "failed"
    assert "another program" in state.text


def test_a_listener_for_a_while_and_one_that_runs_already(tmp_path):
    folder = tmp_path / "database"
    with listening(folder, ListenerOptions(port=0)) as first, listening(folder, ListenerOptions(port=0)) as second:
        assert first == second
    assert running_listener(folder) is None
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(NetworkError, match="another program"),
        listening(folder, ListenerOptions(port=taken.getsockname()[1])),
    ):
        pass


def the_child() -> int:
    """Return the one listener among the children of this process."""
    found = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _parent(entry) == os.getpid() and b"\0listen\0" in _text(entry / "cmdline")
    ]
    (pid,) = found
    return pid


def _parent(process: Path) -> int:
    return int((_text(process / "stat").rpartition(b")")[2].split() or [0, 0])[1])


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
