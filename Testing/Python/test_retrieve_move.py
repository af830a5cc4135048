"""Retrieve by C-MOVE to our own listener, and by the one way where the other does not lead there; the doctor tells of it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from functools import partial

import peers
import pytest
from dicom_bytes import element
from factories import make_series, uid
from importing import import_
from pynetdicom import AE
from scripted_peer import accept, command, entry_of, fragment, messages, raw_peer

from DICOMModule.commands.main import main
from DICOMModule.errors import NetworkError, PeerError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network.listener import ListenerOptions
from DICOMModule.network.listener_control import listening
from DICOMModule.network.retrieve_plan import RetrieveKey
from DICOMModule.settings import read_settings, write_settings

CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY = uid("moved", "study")


@pytest.fixture(scope="module")
def filled(tmp_path_factory, orthanc, dcmqrscp):
    """Both archives, with a study."""
    folder = tmp_path_factory.mktemp("moved")
    made = make_series(folder / "made", "moved", slices=6)
    with DICOMModuleLogic(folder / "database") as logic:
        for peer in (orthanc, dcmqrscp):
            assert run_to_end(logic.send_job(peer.entry(), [made.folder])).failed == ()
    return {"orthanc": orthanc, "dcmqrscp": dcmqrscp}


@pytest.mark.parametrize("server", ["orthanc", "dcmqrscp"])
def test_a_study_is_moved_to_a_listener_that_is_there_as_long_as_it_is_needed(logic, filled, server):
    peer = filled[server]
    logic.add_server(peer.entry(server, retrieve="move"))
    progress = []
    job = logic.retrieve_job(server, [RetrieveKey(STUDY)], listener_port=peer.move_port)
    try:
        while True:
            progress.append(next(job))
    except StopIteration as stop:
        report = stop.value
    assert (report.expected, report.received, report.failed, report.status) == (6, 6, (), "0x0000")
    assert logic.database().counts().instances == 6
    assert report.series_instance_uids == (uid("moved", "series"),)
    assert [one.copied for one in logic.database().instances()] == [True] * 6
    assert "retrieve_by" not in logic.database().servers.learnt(server)
    again = run_to_end(logic.retrieve_job(server, [RetrieveKey(STUDY)], listener_port=peer.move_port))
    assert (again.received, again.already_present) == (0, 6)


@pytest.mark.parametrize("server", ["orthanc", "dcmqrscp"])
def test_only_what_is_missing_is_moved(logic, filled, server, series_factory):
    import_(logic.database(create=True), *sorted(series_factory("moved", slices=6).files)[:4])
    logic.add_server(filled[server].entry(server, retrieve="move"))
    report = run_to_end(logic.retrieve_job(server, [RetrieveKey(STUDY)], listener_port=filled[server].move_port))
    assert (report.expected, report.received, report.already_present, report.failed) == (6, 2, 4, ())


def test_an_archive_that_cannot_be_queried_moves_a_study_as_a_whole(logic, series_factory):
    series = series_factory("unlisted", slices=3)
    ours = peers.free_port()

    def serve(connection):
        accept(connection, refused=["1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"])
        for context_id, fields, _ in messages(connection):
            sent = peers.ask("storescu", "-aet", "PEER", "-aec", fields[0x0600], "127.0.0.1", str(ours), *series.files)
            assert sent.returncode == 0, sent.stderr
            said = command(e0100=0x8021, e0120=fields[0x0110], e0800=0x0101, e0900=0, e1021=3)
            connection.sendall(fragment(context_id, 3, said))

    with raw_peer(serve) as port:
        logic.add_server(entry_of(port, retrieve="move"))
        report = run_to_end(logic.retrieve_job("peer", [RetrieveKey(series.study_uid)], listener_port=ours))
    assert (report.expected, report.received, report.failed, report.status) == (None, 3, (), "0x0000")
    assert report.series_instance_uids == (series.uid,)


def test_where_the_destination_is_not_known_it_is_got_and_that_is_remembered(logic, filled):
    logic.add_server(filled["dcmqrscp"].entry("archive", retrieve="move", calling_ae="STRANGER"))
    key = RetrieveKey(STUDY, uid("moved", "series"), uid("moved", "instance", 1))
    first = run_to_end(logic.retrieve_job("archive", [key], listener_port=peers.free_port()))
    assert (first.received, first.failed) == (1, ())
    learnt = logic.database().servers.learnt("archive")
    assert (learnt["retrieve_by"], learnt["retrieve_instead_of"]) == ("get", "move")


@pytest.mark.parametrize("more", [(), ("--require-find",)])
def test_where_c_get_is_not_offered_it_is_moved(logic, tmp_path, more):
    made = make_series(tmp_path / "made", "no get", slices=2)
    with peers.dcmqrscp(tmp_path / "archive", "--disable-get", *more) as peer:
        peers.store(peer, made.folder)
        logic.add_server(peer.entry("archive"))
        report = run_to_end(logic.retrieve_job("archive", [RetrieveKey(made.study_uid)], listener_port=peer.move_port))
        assert (report.received, report.failed) == (2, ())
        assert logic.database().servers.learnt("archive")["retrieve_by"] == "move"


def test_a_destination_that_nobody_knows_is_told_with_what_to_enter(logic, tmp_path):
    made = make_series(tmp_path / "made", "unknown", slices=2)
    with peers.dcmqrscp(tmp_path / "archive", "--disable-get") as peer:
        peers.store(peer, made.folder)
        logic.add_server(peer.entry("archive", calling_ae="STRANGER"))
        with pytest.raises(PeerError, match=r"destination of the move is not known .* STRANGER"):
            run_to_end(logic.retrieve_job("archive", [RetrieveKey(made.study_uid)], listener_port=peers.free_port()))
    assert logic.database().counts().instances == 0


def test_a_listener_port_that_is_taken_is_told(logic, filled, tmp_path):
    peer = filled["dcmqrscp"]
    logic.add_server(peer.entry("archive", retrieve="move"))
    with peers.storescp(tmp_path / "taken") as taken, peers.dcmqrscp(tmp_path / "archive", "--disable-get") as alone:
        peers.store(alone, make_series(tmp_path / "made", "taken", slices=1).folder)
        logic.add_server(alone.entry("alone"))
        key = RetrieveKey(uid("taken", "study"))
        with pytest.raises(NetworkError, match=str(taken.port)):
            run_to_end(logic.retrieve_job("alone", [key], listener_port=taken.port))


def test_a_move_that_is_closed_is_left_soon_whatever_the_server_does(logic, tmp_path):
    def serve(connection):
        accept(connection, refused=["1.2.840.10008.5.1.4.1.2.2.1"])
        for _ in messages(connection):
            asked.set()

    asked = threading.Event()
    with raw_peer(serve) as port:
        logic.add_server(entry_of(port, "silent", retrieve="move"))
        job = logic.retrieve_job("silent", [RetrieveKey("1.2.3")], listener_port=peers.free_port())
        while not asked.is_set():
            next(job)
        began = time.monotonic()
        job.close()
        assert time.monotonic() - began < 0.5


def test_the_verb_moves(logic, filled, capsys):
    peer = filled["orthanc"]
    logic.add_server(peer.entry("orthanc", retrieve="move"))
    words = ["retrieve", "orthanc", "--study", STUDY, "--listener-port", str(peer.move_port), "--json"]
    assert main(["--database", str(logic.database_folder), *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["expected"], document["received"], document["status"]) == (6, 6, "0x0000")


def diagnosed(logic, entry):
    logic.add_server(entry)
    diagnosis = run_to_end(logic.test_server_job(entry.name))
    return diagnosis, diagnosis.steps[-1]


@pytest.fixture
def free_listener(monkeypatch, tmp_path):
    """Settings of this test alone, whose listener has a port of its own; return it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    port = peers.free_port()
    use_port(port)
    return port


def use_port(port):
    write_settings(replace(read_settings(), listener_port=port))


@pytest.mark.parametrize("server", ["orthanc", "dcmqrscp"])
def test_the_doctor_hears_a_server_that_knows_us_and_lets_nothing_in(logic, filled, free_listener, server):
    use_port(filled[server].move_port)
    diagnosis, step = diagnosed(logic, filled[server].entry(server, retrieve="move"))
    assert (diagnosis.ok, len(diagnosis.steps), step.step, step.advice) == (True, 6, "c-move", "")
    assert f"sends to DICOMMODULE at 127.0.0.1:{filled[server].move_port}" in step.detail
    assert logic.database().counts().instances == 0


@pytest.mark.parametrize("server", ["orthanc", "dcmqrscp"])
def test_the_doctor_tells_that_nothing_reaches_us_and_what_must_be_entered(logic, filled, free_listener, server):
    diagnosis, step = diagnosed(logic, filled[server].entry(server, retrieve="move"))
    assert (diagnosis.ok, step.ok) == (False, False)
    assert f"nothing has reached 127.0.0.1:{free_listener}" in step.detail
    assert f"AE title DICOMMODULE, host 127.0.0.1, port {free_listener}" in step.advice


def test_the_doctor_tells_a_destination_that_a_real_archive_does_not_know(logic, filled, free_listener):
    diagnosis, step = diagnosed(logic, filled["dcmqrscp"].entry("archive", retrieve="move", calling_ae="STRANGER"))
    assert (diagnosis.ok, step.ok) == (False, False)
    assert "does not know where to send" in step.detail
    assert f"AE title STRANGER, host 127.0.0.1, port {free_listener}" in step.advice


@pytest.mark.parametrize(
    ("called", "calling", "words"),
    [
        ("OTHER", "PEER", "calls us OTHER, not DICOMMODULE"),
        ("DICOMMODULE", "SENDER", "calls itself SENDER when it sends"),
    ],
)
def test_the_doctor_tells_of_titles_that_our_listener_would_turn_away(logic, free_listener, called, calling, words):
    answers = {b"STUDY ": element(0x0020000D, "UI", "1.2.3"), b"SERIES": element(0x0020000E, "UI", "1.2.4")}

    def serve(connection):
        accept(connection)
        for context_id, fields, data in messages(connection):
            if fields[0x0100] == 0x0021:
                sender = AE(calling)
                sender.add_requested_context(CT)
                assert sender.associate("127.0.0.1", free_listener, ae_title=called).is_rejected
            elif fields[0x0100] == 0x0020:
                found = next(
                    (one for level, one in answers.items() if level in data), element(0x00080018, "UI", "1.2.5")
                )
                said = command(e0100=0x8020, e0120=fields[0x0110], e0800=1, e0900=0xFF00)
                connection.sendall(fragment(context_id, 3, said) + fragment(context_id, 2, found))
            said = command(e0100=fields[0x0100] | 0x8000, e0120=fields[0x0110], e0800=0x0101, e0900=0)
            connection.sendall(fragment(context_id, 3, said))

    with raw_peer(serve) as port:
        diagnosis, step = diagnosed(logic, entry_of(port, retrieve="move"))
    assert (diagnosis.ok, step.ok) == (False, False)
    assert words in step.detail


def test_the_doctor_asks_for_what_nobody_has_where_a_listener_runs_that_would_take_it(logic, filled, free_listener):
    peer = filled["dcmqrscp"]
    logic.add_server(peer.entry("archive"))
    with listening(logic.database_folder, ListenerOptions(port=peer.move_port)):
        diagnosis = run_to_end(logic.test_server_job("archive"))
    assert diagnosis.ok
    assert "a study that nobody has" in diagnosis.steps[-1].detail
    assert logic.database().counts().instances == 0


def archive(status, heard, connection):
    """Answer whatever is asked; a move with that status."""
    accept(connection)
    for context_id, fields, _ in messages(connection):
        kind = fields[0x0100]
        if kind == 0x0021:
            heard.append(fields[0x0600])
        said = command(e0100=kind | 0x8000, e0120=fields[0x0110], e0800=0x0101, e0900=status if kind == 0x0021 else 0)
        connection.sendall(fragment(context_id, 3, said))


@pytest.mark.parametrize(
    ("status", "retrieve", "expected"),
    [
        (0xA801, "move", (False, "does not know where to send")),
        (0xA801, "get", (True, "needed only if that fails")),
        (0x0124, "move", (False, "not authorised")),
        (0xA702, "move", (True, "images cannot be sent")),
        (0x0000, "move", (True, "success")),
    ],
)
def test_the_doctor_tells_an_unknown_destination_from_nothing_to_send(logic, free_listener, status, retrieve, expected):
    (ok, words), heard = expected, []
    with raw_peer(partial(archive, status, heard)) as port:
        diagnosis, step = diagnosed(logic, entry_of(port, retrieve=retrieve))
    assert (step.step, step.ok, diagnosis.ok, heard) == ("c-move", ok, ok, ["DICOMMODULE"])
    assert words in step.detail
    assert f"port {free_listener}" in step.advice


def test_the_doctor_tells_that_the_listeners_port_is_taken(logic, filled, free_listener, tmp_path):
    with peers.storescp(tmp_path / "taken") as taken:
        use_port(taken.port)
        diagnosis, step = diagnosed(logic, filled["dcmqrscp"].entry("archive", retrieve="move"))
    assert (diagnosis.ok, step.step, step.ok) == (False, "c-move", False)
    assert str(taken.port) in step.detail
    assert free_listener != taken.port
