"""Options of TCP without which small messages wait for each other."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

_AT_ONCE: Final = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it


def send_at_once(connection: socket.socket) -> None:
    """Have small messages sent as they are written; Nagle's algorithm holds each back until the one before is acknowledged."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def acknowledge_at_once(connection: socket.socket) -> None:
    """Have what comes next acknowledged as it comes; to be called before each wait, as the system forgets it.

    A peer that leaves Nagle's algorithm on, as DCMTK and what is built on it do, writes the header of a PDU and then the
    rest: without this, the rest of every message waits 40 ms for our acknowledgement of the header.
    """
    if _AT_ONCE is not None:
        with suppress(OSError):  # it has gone, as whoever waits will see
            connection.setsockopt(socket.IPPROTO_TCP, _AT_ONCE, 1)
