"""Small messages do not wait for each other: each is sent, and acknowledged, at once."""

from __future__ import annotations

import socket
import time
from contextlib import closing, contextmanager

import pytest

from DICOMModule.database.servers import ServerEntry
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.connection import Connection
from DICOMModule.network.pdus import RELEASE_REPLY
from DICOMModule.network.reaching import Limits, open_connection
from DICOMModule.network.wire import Wire

QUICK = getattr(socket, "TCP_QUICKACK", None)
EXCHANGES = 8  # after three the system takes it for a conversation, in which acknowledgements may go with answers
ENTRY = ServerEntry("peer", host="127.0.0.1", port=104, ae_title="PEER")


class Noted(socket.socket):
    """A socket that notes, whenever it waits for something, whether the system would acknowledge that at once."""

    def recv(self, *arguments):
        self.noted.append(self.getsockopt(socket.IPPROTO_TCP, QUICK))
        return super().recv(*arguments)

    def recv_into(self, *arguments):
        self.noted.append(self.getsockopt(socket.IPPROTO_TCP, QUICK))
        return super().recv_into(*arguments)


@contextmanager
def connected():
    """Give both ends of a connection, the first of which notes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = socket.create_connection(server.getsockname())
        here, _ = server.accept()
        noted = Noted(fileno=here.detach())
        noted.noted = []
        with there, noted:
            yield noted, there


def talk(read, answer, peer):
    for _ in range(EXCHANGES):
        peer.sendall(RELEASE_REPLY)
        read()
        answer()
        assert peer.recv(len(RELEASE_REPLY)) == RELEASE_REPLY


@pytest.mark.skipif(QUICK is None, reason="this system has no such option")
def test_the_system_lets_acknowledgements_wait_in_a_conversation_unless_it_is_told():
    """The control: without being told so each time, the system waits for an answer that could take them along."""
    with connected() as (here, there):
        talk(lambda: here.recv(100), lambda: here.sendall(RELEASE_REPLY), there)
        assert 0 in here.noted


@pytest.mark.skipif(QUICK is None, reason="this system has no such option")
def test_what_a_caller_sends_is_acknowledged_as_it_comes():
    with connected() as (here, there):
        wire = Wire(here, 1000)
        talk(lambda: wire.read_pdu(5, 5), lambda: wire.send(RELEASE_REPLY, 5), there)
        assert set(here.noted) == {1}


@pytest.mark.skipif(QUICK is None, reason="this system has no such option")
def test_what_a_server_answers_is_acknowledged_as_it_comes():
    with connected() as (here, there), closing(Connection(ENTRY, here, Limits(), Interrupt())) as connection:

        def read():
            deadline = time.monotonic() + 5
            _, length = connection.header(deadline)
            connection.body(length, deadline)

        talk(read, lambda: connection.send(RELEASE_REPLY), there)
        assert set(here.noted) == {1}


def test_what_we_send_to_a_server_waits_for_no_acknowledgement():
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = open_connection("127.0.0.1", server.getsockname()[1], Limits(), Interrupt())
        with closing(made):
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
