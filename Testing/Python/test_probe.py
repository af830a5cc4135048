"""Where the doctor hears a server that it had send something: strangers who dawdle keep nobody away, and hold nothing up."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress

import pytest
from scripted_peer import entry_of, take_pdu

from DICOMModule.network import probe
from DICOMModule.network.association_request import LONGEST_REQUEST_BYTES
from DICOMModule.network.doctor_move import _likeliest
from DICOMModule.network.pdus import Proposed, associate_request
from DICOMModule.network.probe import Caller, Probe

REQUEST = associate_request("OURS", "PEER", [Proposed("1.2.840.10008.1.1", ("1.2.840.10008.1.2",))], 16384)
BEGUN = [b"", b"\1", REQUEST[:6], REQUEST[:-1]]


def call(port, data=REQUEST):
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(data)
    return connection


def is_held(connection):
    """Send one byte more, and look for a while whether that was too much."""
    try:
        connection.sendall(b"x")
        return bool(connection.recv(1))
    except TimeoutError:
        return True
    except OSError:
        return False


def answer_to(port):
    with call(port) as connection:
        return take_pdu(connection)


@pytest.mark.parametrize("data", BEGUN)
def test_a_server_is_heard_while_strangers_dawdle_and_the_probe_ends_soon(data):
    with ExitStack() as strangers:
        with Probe("127.0.0.1", 0) as heard:
            for _ in range(40):  # more than are heard at once
                strangers.enter_context(call(heard.port, data))
            began = time.monotonic()
            assert answer_to(heard.port) == (3, b"\0\2\3\2")  # rejected, for now
            strangers.enter_context(call(heard.port, data))
            left_s = time.monotonic()
        assert left_s - began < 0.5
        assert time.monotonic() - left_s < 0.5
    assert heard.callers == [Caller("PEER", "OURS", "127.0.0.1")]


def test_who_trickles_has_one_deadline(monkeypatch):
    monkeypatch.setattr(probe, "_HEARD_WITHIN_S", 0.3)
    with Probe("127.0.0.1", 0) as heard, call(heard.port, REQUEST[:6]) as stranger:
        stranger.settimeout(0.05)
        began = time.monotonic()
        while time.monotonic() - began < 5 and is_held(stranger):
            pass
        assert 0.2 < time.monotonic() - began < 2
    assert heard.callers == []


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\1\0\xff\xff\xff\xff", b"\1\0\0\0\0\1", b"\4" + REQUEST[1:]]
)
def test_what_is_no_request_is_hung_up_on(data):
    with Probe("127.0.0.1", 0) as heard, call(heard.port, data) as stranger:
        with suppress(ConnectionResetError):
            assert stranger.recv(1) == b""
        assert answer_to(heard.port) is not None
    assert len(heard.callers) == 1


def test_the_server_is_told_from_strangers_who_came_before():
    entry, here = entry_of(104, calling_ae="OURS"), "192.0.2.1"
    stranger, half, server = (Caller(*titles, "192.0.2.9") for titles in (("A", "B"), ("PEER", "B"), ("PEER", "OURS")))
    assert _likeliest([], entry, here) is None
    assert _likeliest([stranger], entry, here) == stranger
    assert _likeliest([stranger, half], entry, here) == half
    assert _likeliest([stranger, half, server], entry, here) == server


def test_of_two_with_the_same_titles_the_one_at_the_servers_address_is_the_server():
    entry, here = entry_of(104, calling_ae="OURS"), "192.0.2.1"
    for titles in (("A", "B"), ("PEER", "B"), ("PEER", "OURS")):
        elsewhere, server = Caller(*titles, "192.0.2.9"), Caller(*titles, "::ffff:192.0.2.1")
        assert _likeliest([elsewhere, server], entry, here) == server
    wrong_name, elsewhere = Caller("SENDER", "OURS", here), Caller("PEER", "OURS", "192.0.2.9")
    assert _likeliest([elsewhere, wrong_name], entry, here) == wrong_name


def test_a_request_as_long_as_our_listener_takes_is_heard():
    long = [Proposed("1.2.840.10008.5.1.4.1.1.2", tuple(f"1.2.840.10008.1.2.4.{n:045d}" for n in range(60)))] * 24
    data = associate_request("OURS", "PEER", long, 16384)
    assert 1 << 16 < len(data) < LONGEST_REQUEST_BYTES
    with Probe("127.0.0.1", 0) as heard, call(heard.port, data) as stranger:
        assert take_pdu(stranger) == (3, b"\0\2\3\2")
    assert heard.callers == [Caller("PEER", "OURS", "127.0.0.1")]
