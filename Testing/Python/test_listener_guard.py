"""Nobody costs anything before a whole, well-formed request of somebody who is allowed: strangers, idlers, floods and garbage."""

from __future__ import annotations

import random
import socket
import struct
import time
from contextlib import ExitStack, suppress

import pytest
from listener_kit import (
    CT_IMAGE,
    EXPLICIT,
    IMPLICIT,
    QUICK,
    TITLE,
    a_listener,
    answer,
    calling,
    connected,
    context,
    item,
    pdu,
    request,
    store,
)

from DICOMModule.network.association_request import parse_associate_request
from DICOMModule.network.guard import GuardLimits
from DICOMModule.network.listener import ListenerLimits
from DICOMModule.network.listener_events import RejectedEvent
from DICOMModule.network.pdus import PduError


@pytest.fixture
def listener(tmp_path):
    with a_listener(tmp_path / "database", allow=("MODALITY",)) as made:
        yield made


def reasons(listener) -> list[str]:
    return [event.reason for event in listener.events() if isinstance(event, RejectedEvent)]


GOOD = item(0x51, struct.pack(">L", 16384))
MALFORMED = {
    "too short": pdu(0x01, bytes(40)),
    "no contexts": request(contexts=b""),
    "no user information": pdu(0x01, struct.pack(">HH", 1, 0) + b"A".ljust(16) * 2 + bytes(32) + item(0x10, b"1.2")),
    "an item that is cut": request(contexts=context(1, CT_IMAGE, EXPLICIT)[:-3]),
    "an item longer than the request": request(contexts=b"\x20\0\xff\xff1234"),
    "an even number": request(contexts=context(2, CT_IMAGE, EXPLICIT)),
    "a number twice": request(contexts=context(1, CT_IMAGE, EXPLICIT) * 2),
    "no transfer syntax": request(contexts=context(1, CT_IMAGE)),
    "no abstract syntax": request(contexts=item(0x20, b"\1\0\0\0" + item(0x40, EXPLICIT.encode()))),
    "two abstract syntaxes": request(
        contexts=item(0x20, b"\1\0\0\0" + item(0x30, b"1.2") * 2 + item(0x40, EXPLICIT.encode()))
    ),
    "a context of no length": request(contexts=item(0x20, b"")),
    "a UID not of ASCII": request(contexts=context(1, CT_IMAGE, "1.2.\u00e9")),
    "a UID of 4,000 signs": request(contexts=context(1, "1" * 4000, EXPLICIT)),
    "a maximum length of two bytes": request(user=item(0x51, b"12")),
    "a role selection that is cut": request(user=GOOD + item(0x54, b"\0\x09" + b"1.2\1\1")),
    "user information twice": pdu(0x01, request()[6:] + item(0x50, GOOD)),
    "an empty calling title": request(calling_ae=b""),
    "a title with a control character": request(calling_ae=b"MODA\nLITY"),
    "a title with a backslash": request(calling_ae=b"..\\evil"),
    "a title not of ASCII": request(calling_ae=b"MOD\xff"),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_request_is_aborted(listener, sent):
    with connected(listener) as connection:
        connection.sendall(sent)
        kind, body = answer(connection)
        assert (kind, body[2:]) == (0x07, b"\x02\x06")
    assert len(reasons(listener)) == 1


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 1),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 1),  # TLS
        (b"\x04\0\0\0\0\4data", 2),
        (b"\x05\0\0\0\0\4\0\0\0\0", 2),
        (b"\x00\0\0\0\0\0", 1),
        (b"\x01\0\xff\xff\xff\xff", 6),
        (b"\x01\0\x00\x20\x00\x00", 6),
    ],
)
def test_what_is_no_association_at_all_is_aborted(listener, sent, reason):
    with connected(listener) as connection:
        connection.sendall(sent)
        kind, body = answer(connection)
        assert (kind, body[2:]) == (0x07, bytes((2, reason)))


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS is to be turned off"),
        (b"GET / HTTP/1.1\r\n\r\n", "web server"),
        (b"\x04\0\0\0\0\4data", "something else than an association request"),
    ],
)
def test_who_is_set_up_wrongly_is_told_as_what_it_is(listener, sent, words):
    with connected(listener) as connection:
        connection.sendall(sent)
        answer(connection)
    (reason,) = reasons(listener)
    assert words in reason


@pytest.mark.parametrize("rest", [b"", b"\0", b"\0\xfe\x07x"])
def test_a_title_that_ends_as_in_c_is_read_to_its_end(listener, rest):
    with connected(listener) as connection:
        connection.sendall(request(called=TITLE.encode() + rest, calling_ae=b"MODALITY" + rest))
        assert answer(connection)[0] == 0x02


@pytest.mark.parametrize(
    ("options", "told"),
    [({"version": 2}, (1, 2, 2)), ({"application": "1.2.3"}, (1, 1, 2))],
)
def test_another_protocol_is_refused(listener, options, told):
    with connected(listener) as connection:
        connection.sendall(request(**options))
        kind, body = answer(connection)
        assert (kind, tuple(body[1:])) == (0x03, told)


def test_more_contexts_than_there_are_numbers():
    contexts = b"".join(context(1 + 2 * (n % 128), CT_IMAGE, EXPLICIT) for n in range(129))
    with pytest.raises(PduError, match="more presentation contexts"):
        parse_associate_request(request(contexts=contexts)[6:])


def test_all_the_contexts_that_there_may_be(listener):
    contexts = b"".join(context(1 + 2 * n, CT_IMAGE, EXPLICIT, IMPLICIT) for n in range(128))
    with connected(listener) as connection:
        connection.sendall(request(contexts=contexts))
        assert answer(connection)[0] == 0x02


def test_random_requests_are_answered_or_cut_off_and_nobody_gets_in(listener):
    """Mutated requests of somebody who is not allowed: whatever they break, none is accepted, and the listener lives."""
    made = random.Random(3)
    for _ in range(30):
        sent = bytearray(request(calling_ae=b"STRANGER"))
        for _ in range(made.randint(0, 6)):
            sent[made.randrange(74, len(sent))] = made.randrange(256)
        with connected(listener) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            told = answer(connection)
            assert told is None or told[0] in {0x03, 0x07}
    with calling(listener) as made_association:
        assert made_association.is_established


def test_one_that_says_nothing_is_let_go(listener):
    with connected(listener) as connection:
        began_s = time.monotonic()
        assert answer(connection) is None
        assert 0.5 < time.monotonic() - began_s < 3
    assert "no whole association request came" in reasons(listener)[0]


def test_one_that_says_it_little_by_little_is_let_go(listener):
    with connected(listener) as connection:
        began_s = time.monotonic()
        with suppress(OSError):
            for byte in request():
                connection.sendall(bytes((byte,)))
                time.sleep(0.05)
        assert time.monotonic() - began_s < 4
    assert "no whole association request came" in reasons(listener)[0]


def test_an_honest_sender_is_served_whoever_else_is_there(tmp_path, series_factory):
    """200 who say nothing, 20 who say it little by little, and 300 who connect and close."""
    series = series_factory(slices=2, rows=2, columns=2)
    limits = ListenerLimits(guard=GuardLimits(request_s=30.0), patience=QUICK.patience, storage=QUICK.storage)
    with a_listener(tmp_path / "database", limits, allow=("MODALITY",)) as listener, ExitStack() as open_:
        for _ in range(200):
            open_.enter_context(connected(listener))
        slow = [open_.enter_context(connected(listener)) for _ in range(20)]
        for turn in range(3):
            for connection in slow:
                connection.sendall(request()[turn : turn + 1])
            for _ in range(100):
                with connected(listener):
                    pass
            began_s = time.monotonic()
            assert store(listener, series.files[0]) == [0]
            assert time.monotonic() - began_s < 2


def test_beyond_so_many_the_one_that_waits_longest_goes(tmp_path):
    limits = ListenerLimits(guard=GuardLimits(request_s=30.0, pending=5), patience=QUICK.patience)
    with a_listener(tmp_path / "database", limits, allow=("MODALITY",)) as listener, ExitStack() as open_:
        idle = [open_.enter_context(connected(listener)) for _ in range(5)]
        with calling(listener) as made:
            assert made.is_established
        assert answer(idle[0]) is None


def test_what_all_send_at_once_is_bounded(tmp_path):
    limits = ListenerLimits(
        guard=GuardLimits(request_s=30.0, pending_bytes=200_000, farewell_s=0.2), patience=QUICK.patience
    )
    with a_listener(tmp_path / "database", limits, allow=("MODALITY",)) as listener, ExitStack() as open_:
        for _ in range(8):
            connection = open_.enter_context(connected(listener))
            with suppress(OSError):
                connection.sendall(b"\x01\0\x00\x07\x00\x00" + bytes(60_000))
        deadline = time.monotonic() + 5
        told: list[str] = []
        while not told and time.monotonic() < deadline:
            told += reasons(listener)
            time.sleep(0.02)
        assert "more than is held" in told[0]


def test_who_hoards_gives_way_to_an_honest_caller(tmp_path):
    limits = ListenerLimits(guard=GuardLimits(request_s=30.0, pending_bytes=200_000), patience=QUICK.patience)
    with a_listener(tmp_path / "database", limits, allow=("MODALITY",)) as listener, ExitStack() as open_:
        for _ in range(4):
            open_.enter_context(connected(listener)).sendall(b"\x01\0\x00\x07\x00\x00" + bytes(49_900))
        time.sleep(0.2)
        for _ in range(3):
            with calling(listener) as made:
                assert made.is_established


def test_refusals_are_thinned(listener):
    from DICOMModule.network.listener import MOST_REFUSALS_A_SECOND

    for number in range(3 * MOST_REFUSALS_A_SECOND):
        listener._tell(RejectedEvent("a reason", f"S{number}", "192.0.2.1"))
    told = reasons(listener)
    assert MOST_REFUSALS_A_SECOND <= len(told) <= 2 * MOST_REFUSALS_A_SECOND + 2
    deadline = time.monotonic() + 3
    while not any("more were refused" in one for one in told) and time.monotonic() < deadline:
        told += reasons(listener)
        time.sleep(0.02)
    assert any("more were refused" in one for one in told)
