"""Query, towards peers that lie, stall, break off, or answer without end: bounded, told, and soon left."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from dataclasses import replace

import pytest
from dicom_bytes import element
from pynetdicom import evt
from scripted_peer import (
    SHORT,
    STUDY_FIND,
    accept,
    command,
    dataset,
    entry_of,
    find_answer,
    fragment,
    raw_peer,
    scripted,
    take_pdu,
)

from DICOMModule.errors import NetworkError, PeerError, PeerLostError, PeerTimeoutError
from DICOMModule.jobs import run_to_end
from DICOMModule.network.find_query import FindQuery
from DICOMModule.network.link import linked
from DICOMModule.network.pdus import Proposed
from DICOMModule.network.querying import query_job
from DICOMModule.network.services import PLAIN


def asked(database, port, **query):
    return run_to_end(query_job(database, [entry_of(port)], FindQuery(**query), SHORT))


def answering(*answers, then=0x0000):
    """Have a peer answer with these data sets."""

    def found(_event):
        for answer in answers:
            yield 0xFF00, answer
        yield then, None

    return scripted([STUDY_FIND], [(evt.EVT_C_FIND, found)])


def requested(connection, maximum=16384):
    """Accept, and take the request; return its context."""
    (context_id,) = accept(connection, maximum)
    take_pdu(connection)  # the command
    take_pdu(connection)  # the identifier
    return context_id


def study(number):
    return element(0x0020000D, "UI", f"1.2.3.{number}")


def test_a_hundred_thousand_answers_cost_bounded_memory_and_are_cut_with_a_cancel(database):
    heard = []

    def flood(connection):
        context_id = requested(connection)
        connection.setblocking(True)
        for first in range(0, 100_000, 100):
            connection.sendall(b"".join(find_answer(context_id, study(first + n)) for n in range(100)))
            if first == 2000:
                heard.append(take_pdu(connection))  # it stops only once it is told to
                break
        connection.sendall(find_answer(context_id, status=0xFE00))
        take_pdu(connection)

    with raw_peer(flood) as port:
        tracemalloc.start()
        result = asked(database, port, limit=1000)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (len(result.matches), result.truncated) == (1000, True)
    assert most < 16 << 20
    assert command(e0100=0x0FFF, e0120=1, e0800=0x0101) in heard[0][1]


def test_a_peer_that_does_not_stop_is_left(database):
    def flood(connection):
        context_id = requested(connection)
        while True:
            connection.sendall(b"".join(find_answer(context_id, study(n)) for n in range(500)))

    with raw_peer(flood) as port:
        began = time.monotonic()
        result = asked(database, port, limit=10)
        assert time.monotonic() - began < 3
    assert (len(result.matches), result.truncated) == (10, True)
    assert "did not stop" in result.problems[0].reason


@pytest.mark.parametrize("last", [b"\7\0\0\0\0\4\0\0\0\0", b"\5\0\0\0\0\4\0\0\0\0", b""])
def test_a_peer_that_breaks_off_when_it_is_to_stop_has_stopped(database, last):
    def serve(connection):
        context_id = requested(connection)
        connection.sendall(b"".join(find_answer(context_id, study(n)) for n in range(12)))
        take_pdu(connection)  # C-CANCEL
        connection.sendall(last)
        connection.shutdown(socket.SHUT_RDWR)

    with raw_peer(serve) as port:
        result = asked(database, port, limit=10)
    assert (len(result.matches), result.truncated, result.failed, result.problems) == (10, True, (), ())


@pytest.mark.parametrize(
    "stall", [lambda _n: b"\4\0\0\0\1\xf4", lambda n: fragment(n, 1, b"\0\0"), lambda n: find_answer(n, b"")[:-12]]
)
def test_a_peer_that_stalls_in_the_midst_when_it_is_to_stop_is_left_soon(database, stall):
    def serve(connection):
        context_id = requested(connection)
        connection.sendall(b"".join(find_answer(context_id, study(n)) for n in range(11)) + stall(context_id))
        while take_pdu(connection) is not None:
            pass

    with raw_peer(serve) as port:
        began = time.monotonic()
        limits = replace(SHORT, silence_s=20.0)
        result = run_to_end(query_job(database, [entry_of(port)], FindQuery(limit=10), limits))
        assert time.monotonic() - began < 3
    assert (len(result.matches), result.truncated, result.failed) == (10, True, ())
    assert "did not stop" in result.problems[0].reason


def test_an_association_is_released_soon_though_the_peer_stalls_in_the_midst():
    def serve(connection):
        accept(connection)
        take_pdu(connection)
        connection.sendall(b"\4\0\0\0\3\xe8")
        take_pdu(connection)

    with raw_peer(serve) as port:
        began = time.monotonic()
        with linked(entry_of(port), [Proposed(STUDY_FIND, PLAIN)], replace(SHORT, silence_s=20.0)):
            pass
        assert time.monotonic() - began < 1.5


def test_a_message_that_comes_late_is_taken_up_where_it_was_left():
    there = threading.Event()

    def serve(connection):
        (context_id,) = accept(connection)
        answer = find_answer(context_id, None, 0)
        connection.sendall(answer[:20])
        there.wait(5)
        connection.sendall(answer[20:])
        take_pdu(connection)

    with raw_peer(serve) as port, linked(entry_of(port), [Proposed(STUDY_FIND, PLAIN)], SHORT) as link:
        with pytest.raises(PeerTimeoutError):
            link.receive(0.1)
        there.set()
        assert link.receive(5).command.status == 0


def test_doubles_are_dropped_and_their_number_is_bounded(database):
    with answering(*[dataset(StudyInstanceUID="1.2.3")] * 5) as port:
        assert len(asked(database, port).matches) == 1


def test_answers_that_name_nothing_or_hold_garbage_are_problems_and_no_crash(database):
    answers = [
        b"",
        b"\x08\x00\x05",
        element(0x00100010, "PN", "Nobody"),
        element(0x0020000D, "UI", "../../etc"),
        element(0x00081110, "SQ", b"", 0xFFFFFFFF),
        element(0x00100010, "PN", b"x", 9000),
        study(7) + element(0x00100010, "PN", b"\xff\xfe\x1b$B\xff"),
        element(0x00080061, "CS", "CT\\MR") + study(8) + element(0x00201208, "IS", "many"),
    ]

    def odd(connection):
        context_id = requested(connection)
        for answer in answers:
            connection.sendall(find_answer(context_id, answer))
        connection.sendall(find_answer(context_id, status=0))
        take_pdu(connection)

    with raw_peer(odd) as port:
        result = asked(database, port)
    assert [match.values["study_instance_uid"] for match in result.matches] == ["1.2.3.7", "1.2.3.8"]
    assert result.matches[1].values["modalities_in_study"] == ["CT", "MR"]
    assert result.matches[1].values["instances"] is None
    assert len(result.problems) == 6
    assert all(one.reason.isprintable() for one in result.problems)


def test_what_was_not_asked_for_is_left_out_and_said(database):
    answers = [
        dataset(StudyInstanceUID="1.2.1", StudyDate="20200101", ModalitiesInStudy="CT"),
        dataset(StudyInstanceUID="1.2.2", StudyDate="20260101", ModalitiesInStudy="MR"),
    ]
    with answering(*answers) as port:
        result = asked(database, port, modalities=("MR",))
    assert [match.values["study_instance_uid"] for match in result.matches] == ["1.2.2"]
    assert "1 answers of peer are not what was asked for" in result.problems[0].reason


def test_series_of_another_study_are_left_out(database):
    answers = [dataset(StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1"), dataset(SeriesInstanceUID="1.2.1")]
    with answering(*answers) as port:
        result = asked(database, port, level="series", study_instance_uid="1.2")
    assert [match.values["series_instance_uid"] for match in result.matches] == ["1.2.1"]
    assert result.matches[0].values["study_instance_uid"] == "1.2"


@pytest.mark.parametrize(("status", "words"), [(0xA700, "out of resources"), (0xFE00, "cancelled")])
def test_the_peers_own_limit_is_said(database, status, words):
    with answering(dataset(StudyInstanceUID="1.2.1"), then=status) as port:
        result = asked(database, port)
    assert (len(result.matches), result.truncated) == (1, True)
    assert words in result.problems[0].reason


@pytest.mark.parametrize(
    ("status", "failed"), [(0xA900, ("peer",)), (0xC001, ("peer",)), (0x0122, ("peer",)), (0xB000, ()), (0xA700, ())]
)
def test_a_query_that_fails_in_its_midst_has_failed_whatever_came_before(database, status, failed):
    with answering(dataset(StudyInstanceUID="1.2.1"), then=status) as port:
        result = asked(database, port)
    assert (len(result.matches), result.truncated, result.failed) == (1, True, failed)


def test_a_query_that_is_refused_is_an_error_with_the_peers_words(database):
    refused = dataset(Status=0xA700, ErrorComment="too\nmany")
    with answering(then=refused) as port, pytest.raises(PeerError, match=r"out of resources .* too"):
        asked(database, port)


def test_a_peer_that_does_not_know_unicode_is_asked_without(database):
    heard = []

    def found(event):
        heard.append(event.identifier.get("SpecificCharacterSet"))
        if heard[-1]:
            yield 0xA900, None
        else:
            yield 0xFF00, dataset(StudyInstanceUID="1.2.1")
            yield 0x0000, None

    with scripted([STUDY_FIND], [(evt.EVT_C_FIND, found)]) as port:
        assert len(asked(database, port, patient_id="A").matches) == 1
    assert heard == ["ISO_IR 192", None]


def test_a_name_that_unicode_does_not_find_is_asked_for_in_the_set_of_its_script(database):
    heard = []

    def found(event):
        heard.append((event.identifier.get("SpecificCharacterSet"), str(event.identifier.PatientName)))
        if heard[-1][0] != "ISO_IR 192":
            yield 0xFF00, dataset(StudyInstanceUID="1.2.1")
        yield 0x0000, None

    with scripted([STUDY_FIND], [(evt.EVT_C_FIND, found)]) as port:
        assert len(asked(database, port, patient_name="김*").matches) == 1
        assert len(asked(database, port, patient_name="山田*").matches) == 1
        assert len(asked(database, port, patient_name="Иван*").matches) == 1
    assert [(sets if isinstance(sets, str) else list(sets), name) for sets, name in heard[1::2]] == [
        (["", "ISO 2022 IR 149"], "김*"),
        (["", "ISO 2022 IR 87"], "山田*"),
        ("ISO_IR 144", "Иван*"),
    ]


@pytest.mark.parametrize(
    ("misdeed", "error", "words"),
    [
        (lambda _c, _n: time.sleep(1.5), PeerTimeoutError, "stopped to answer"),
        (lambda c, _n: c.sendall(b"\7\0\0\0\0\4\0\0\0\0"), PeerLostError, "broke the association off"),
        (lambda c, _n: c.sendall(b"\5\0\0\0\0\4\0\0\0\0"), PeerLostError, "ended the association"),
        (lambda c, _n: c.sendall(b"\4\0\xff\xff\xff\xff"), PeerLostError, "more at once than was agreed"),
        (lambda c, n: c.sendall(fragment(n, 0, b"x" * 16)), PeerLostError, "a data set without a command"),
        (lambda c, n: c.sendall(fragment(n, 3, b"\0\0\0\1\xff\xff\0\0")), PeerLostError, "does not fit"),
        (lambda c, n: c.sendall(fragment(n, 3, command(e0100=0x8001, e0900=0))), PeerLostError, "no answer to it"),
        (lambda c, n: c.sendall(b"\4\0\0\0\0\x06\0\0\0\xff" + bytes((n, 3))), PeerLostError, "does not fit"),
        (lambda c, n: [c.sendall(fragment(n, 1, bytes(16000))) for _ in range(9)], PeerLostError, "without end"),
        (lambda c, _n: c.sendall(b"\x55" * 60), PeerLostError, "more at once"),
        (lambda c, n: c.sendall(fragment(n, 1, b"") * 3), PeerLostError, "a fragment of nothing"),
        (lambda c, n: c.sendall(find_answer(n, b"")[:-12] + fragment(n, 0, b"") * 3), PeerLostError, "of nothing"),
    ],
)
def test_peers_that_break_the_rules_are_told_apart_and_left(database, misdeed, error, words):
    def serve(connection):
        misdeed(connection, requested(connection))

    with raw_peer(serve) as port:
        began = time.monotonic()
        with pytest.raises(error, match=words):
            asked(database, port)
        assert time.monotonic() - began < 3


def test_what_came_before_a_peer_broke_off_is_kept(database):
    def serve(connection):
        context_id = requested(connection)
        connection.sendall(find_answer(context_id, study(1)))

    with raw_peer(serve) as port:
        result = asked(database, port)
    assert len(result.matches) == 1
    assert (result.truncated, result.failed) == (True, ("peer",))


@pytest.mark.parametrize("silence", ["connection", "association", "answer"])
def test_closing_the_job_ends_it_soon_wherever_it_waits(database, silence):
    there, done = threading.Event(), threading.Event()
    heard = []

    def serve(connection):
        if silence == "answer":
            requested(connection)
        there.set()
        while (pdu := take_pdu(connection)) is not None:
            heard.append(pdu)

    with raw_peer(serve) as port:
        entry = entry_of(
            port if silence != "connection" else 9, host="127.0.0.1" if silence != "connection" else "192.0.2.1"
        )
        job = query_job(database, [entry], FindQuery())
        next(job)
        if silence != "connection":
            assert there.wait(5)
        began = time.monotonic()
        job.close()
        assert time.monotonic() - began < 0.5
        done.set()
    if silence == "answer":
        assert any(command(e0100=0x0FFF, e0120=1, e0800=0x0101) in body for kind, body in heard if kind == 4)


def test_several_servers_that_are_all_down_are_one_error(database):
    entries = [entry_of(9, "one", host="192.0.2.1", tls=True), entry_of(9, "two", host="no-such-host.invalid")]
    with pytest.raises(NetworkError, match=r"TLS.*leads to no address"):
        run_to_end(query_job(database, entries, FindQuery(), SHORT))
