"""The connection doctor, towards peers that are down, silent, refuse, break off or answer: each is told apart, in words."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset
from pynetdicom import DEFAULT_TRANSFER_SYNTAXES, evt
from scripted_peer import accept, command, find_answer, fragment, messages, raw_peer, scripted, take_pdu

from DICOMModule.commands.main import main
from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import NetworkError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.network.doctor import CT_IMAGE, diagnose_job
from DICOMModule.network.reaching import Limits
from DICOMModule.network.services import STUDY_FIND, STUDY_GET, VERIFICATION
from DICOMModule.network.statuses import status_words

SHORT = Limits(connect_s=2.0, association_s=1.0, answer_s=1.0, silence_s=2.0)
ALL = (VERIFICATION, STUDY_FIND, STUDY_GET, CT_IMAGE)


def peer(title="PEER", classes=ALL, handlers=(), **options):
    """Run a scripted peer; give its port. Whoever connects and leaves holds a thread of it for `acse_timeout`."""
    return scripted(classes, handlers, title, DEFAULT_TRANSFER_SYNTAXES, acse_timeout=0.5, **options)


@contextmanager
def listening(answer=b"", *, closes=False):
    """Listen without speaking DICOM: answer so, or not at all; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                if answer:
                    connection.sendall(answer)
                if closes:
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()
            for connection in held:
                connection.close()


def echoing(connection, found=lambda _connection, _context_id: None):
    """Accept what comes, answer C-ECHO, and C-FIND with `found`."""
    if not accept(connection):
        return
    for context_id, fields, _ in messages(connection):
        if fields[0x0100] == 0x0030:
            said = command(e0100=0x8030, e0120=fields[0x0110], e0800=0x0101, e0900=0)
            connection.sendall(fragment(context_id, 3, said))
        else:
            found(connection, context_id)


def entry(port, title="PEER", host="127.0.0.1"):
    return ServerEntry("peer", host=host, port=port, ae_title=title, calling_ae="OURS")


def diagnosed(port, learn=lambda _facts: None, **fields):
    return run_to_end(diagnose_job(entry(port, **fields), learn, SHORT))


def said(diagnosis):
    """Return which steps were made and how each went, and what the last one said."""
    last = diagnosis.steps[-1]
    return [(step.step, step.ok) for step in diagnosis.steps], f"{last.detail} {last.advice}"


def found_nothing(event):
    assert event.identifier.QueryRetrieveLevel == "STUDY"
    yield 0x0000, None


def test_a_sound_server_is_led_to_the_end_and_what_it_offers_is_learnt():
    learnt = []
    with peer(handlers=[(evt.EVT_C_FIND, found_nothing)]) as port:
        diagnosis = diagnosed(port, learnt.append)
    assert said(diagnosis)[0] == [(name, True) for name in ("name", "tcp", "association", "c-echo", "c-find")]
    assert diagnosis.ok
    assert not any(step.advice for step in diagnosis.steps)
    (facts,) = learnt
    assert (facts["services"], facts["c_get"]) == (["C-ECHO", "C-FIND", "C-GET"], True)
    assert facts["transfer_syntaxes"] == ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"]
    assert facts["maximum_pdu"] == 16382
    assert facts["implementation"].startswith("PYNETDICOM")


def test_a_name_that_is_not_known():
    steps, text = said(diagnosed(104, host="no-such-host.invalid"))
    assert steps == [("name", False)]
    assert "no-such-host.invalid leads to no address" in text
    assert "IP address" in text


def test_a_port_on_which_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        steps, text = said(diagnosed(free.getsockname()[1]))
    assert steps == [("name", True), ("tcp", False)]
    assert "nobody listens on its port" in text


def test_a_peer_that_takes_connections_and_says_nothing():
    with listening() as port:
        steps, text = said(diagnosed(port))
    assert steps[-1] == ("association", False)
    assert "no answer in DICOM within 1 s" in text


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x46"])
def test_a_port_of_something_else(answer):
    with listening(answer, closes=True) as port:
        steps, text = said(diagnosed(port))
    assert steps[-1] == ("association", False)
    assert "DICOM" in text


def test_an_acceptance_of_four_gigabytes_is_not_waited_for_nor_taken():
    begun = b"\2\0\xff\xff\xff\xff"
    taken = []

    def serve(connection):
        if take_pdu(connection) is None:
            return  # it only looked whether anybody is there
        connection.sendall(begun)
        while len(taken) < 64:
            connection.sendall(bytes(1 << 20))
            taken.append(1)

    with raw_peer(serve) as port:
        began = time.monotonic()
        steps, text = said(diagnosed(port))
        assert time.monotonic() - began < 1.5
    assert steps[-1] == ("association", False)
    assert "no answer to an association" in text
    assert len(taken) < 64


def test_a_peer_that_answers_pending_without_end_is_left_in_time():
    def pending(connection, context_id):
        while True:
            connection.sendall(find_answer(context_id, b"\x08\0\x52\0CS\x06\0STUDY "))

    with raw_peer(lambda connection: echoing(connection, pending)) as port:
        began = time.monotonic()
        steps, text = said(diagnosed(port))
        assert time.monotonic() - began < 3
    assert steps[-2:] == [("c-echo", True), ("c-find", False)]
    assert "gave no answer to C-FIND within 1 s" in text


def test_closing_a_diagnosis_ends_it_soon():
    with listening() as port:
        job = diagnose_job(entry(port))
        while next(job).running != "association":
            pass
        next(job)
        began = time.monotonic()
        job.close()
        assert time.monotonic() - began < 0.5


def test_a_called_title_that_is_not_the_peers():
    with peer(require_called_aet=True) as port:
        steps, text = said(diagnosed(port, title="WRONG"))
    assert steps[-1] == ("association", False)
    assert "does not go by the AE title WRONG" in text


def test_a_calling_title_that_the_peer_does_not_know_is_told_with_what_to_enter_there():
    with peer(require_calling_aet=["SOMEBODY"]) as port:
        steps, text = said(diagnosed(port))
    assert steps[-1] == ("association", False)
    assert "does not know our AE title OURS" in text
    assert "enter the AE title OURS" in text


def test_a_peer_without_a_free_association():
    def busy(event):
        event.assoc.acse.send_reject(2, 3, 2)
        event.assoc.kill()

    with peer(handlers=[(evt.EVT_REQUESTED, busy)]) as port:
        steps, text = said(diagnosed(port))
    assert steps[-1] == ("association", False)
    assert "no association free just now (local limit exceeded)" in text


def test_a_peer_that_offers_nothing_of_ours():
    with peer(classes=["1.2.840.10008.5.1.4.31"]) as port:
        steps, text = said(diagnosed(port))
    assert steps[-1] == ("association", False)
    assert "none of the services" in text


def test_a_peer_that_is_only_sent_to():
    with peer(classes=[VERIFICATION, CT_IMAGE]) as port:
        steps, text = said(diagnosed(port))
    assert steps[-2:] == [("c-echo", True), ("c-find", False)]
    assert "does not offer C-FIND" in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xA700, "out of resources (0xA700)"),
        (0x0124, "not authorised (0x0124)"),
        (0xC123, "it cannot be understood or processed (0xC123)"),
        (0x4444, "a status that the standard does not have (0x4444)"),
    ],
)
def test_a_query_that_is_refused_is_told_in_words_with_the_peers_comment(status, words):
    def refuse(_event):
        answer = Dataset()
        answer.Status, answer.ErrorComment = status, "ask\nthe <b>desk</b>"
        yield answer, None

    with peer(handlers=[(evt.EVT_C_FIND, refuse)]) as port:
        diagnosis = diagnosed(port)
    steps, text = said(diagnosis)
    assert steps[-1] == ("c-find", False)
    assert words in text
    assert "with the comment: ask" in text
    assert all(step.detail.isprintable() for step in diagnosis.steps)


def test_a_peer_that_breaks_off_when_it_is_queried():
    def break_off(event):
        event.assoc.abort()
        yield 0x0000, None

    with peer(handlers=[(evt.EVT_C_FIND, break_off)]) as port:
        steps, text = said(diagnosed(port))
    assert steps[-1] == ("c-find", False)
    assert "broke the association off when it was asked for C-FIND" in text


def test_a_peer_that_does_not_answer_a_query():
    with raw_peer(echoing) as port:
        steps, text = said(diagnosed(port))
    assert steps[-1] == ("c-find", False)
    assert "gave no answer to C-FIND within 1 s" in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "web", "url": "https://a/b"}, "DICOMweb"),
        ({"host": "no-such-host.invalid", "port": 104, "ae_title": "PEER", "tls": True}, "TLS"),
    ],
)
def test_what_cannot_be_spoken_with_is_told_before_anything_goes_out(fields, words):
    with pytest.raises(NetworkError, match=words):
        run_to_end(diagnose_job(ServerEntry("cloud", **fields)))


def test_the_verb_tells_the_steps_and_keeps_what_was_learnt(tmp_path, capsys):
    folder = tmp_path / "database"
    with DICOMModuleLogic(folder) as logic, peer(handlers=[(evt.EVT_C_FIND, found_nothing)]) as port:
        logic.add_server(entry(port))
        code = main(["--database", str(folder), "servers", "test", "peer", "--json"])
        document = json.loads(capsys.readouterr().out)
        assert logic.database().servers.learnt("peer")["services"] == ["C-ECHO", "C-FIND", "C-GET"]
    assert (code, document["ok"], len(document["steps"])) == (0, True, 5)
    assert set(document["steps"][0]) == {"step", "ok", "detail", "advice"}
    code = main(["--database", str(folder), "servers", "test", "peer"])
    assert code == 3
    assert "failed  tcp" in capsys.readouterr().out


def test_every_status_is_a_word():
    assert status_words(0) == "success (0x0000)"
    assert status_words(0xA801) == "the destination of the move is not known (0xA801)"
    assert status_words(0xA801, "x" * 200).endswith("x" * 64)
