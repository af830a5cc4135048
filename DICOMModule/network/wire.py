"""One connection with a peer, read PDU by PDU: no length is believed beyond what was agreed on, and nothing waits for ever."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from typing import Final

from DICOMModule.network.pdus import DATA, HEADER_BYTES, PduError
from DICOMModule.network.sockets import acknowledge_at_once

LONGEST_CONTROL_PDU: Final = 1024  # releases and aborts have four bytes


class ClosedError(Exception):
    """The peer has closed the connection, or reset it."""


class SilenceError(Exception):
    """The peer did not send what was due in time."""


class Wire:
    """A connected socket, and what of its bytes was received and not yet taken.

    Parameters
    ----------
    connection : socket
        It becomes the wire's own.
    longest : int
        The longest P-DATA-TF that we have announced to take, in bytes.
    """

    def __init__(self, connection: socket.socket, longest: int) -> None:
        self._socket = connection
        self._longest = longest
        self._buffer = bytearray(longest + HEADER_BYTES)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0

    def read_pdu(self, idle_s: float, pdu_s: float) -> tuple[int, memoryview]:
        """Return type and body of the next PDU; the body is valid until the next call.

        Parameters
        ----------
        idle_s, pdu_s : float
            How long its first byte is waited for, and then all of it.

        Raises
        ------
        ClosedError, SilenceError
            As their names say.
        PduError
            It is longer than agreed on.
        """
        if self._begin == self._end:
            self._begin = self._end = 0
            self._receive(time.monotonic() + idle_s)
        deadline = time.monotonic() + pdu_s
        self._need(HEADER_BYTES, deadline)
        kind, length = struct.unpack_from(">BxL", self._buffer, self._begin)
        if length > (self._longest if kind == DATA else LONGEST_CONTROL_PDU):
            raise PduError("a PDU that is longer than agreed on")
        self._need(HEADER_BYTES + length, deadline)
        first = self._begin + HEADER_BYTES
        self._begin = first + length
        return kind, self._view[first : self._begin]

    def send(self, message: bytes, within_s: float) -> None:
        """Send all of a message.

        Raises
        ------
        ClosedError, SilenceError
            The peer has closed the connection, or does not take it.
        """
        try:
            self._socket.settimeout(within_s)
            self._socket.sendall(message)
        except TimeoutError as error:
            raise SilenceError from error
        except OSError as error:
            raise ClosedError from error

    def end_reading(self) -> None:
        """Let whoever reads meet the end of what the peer sends; another thread may call this."""
        with suppress(OSError):  # it has gone already
            self._socket.shutdown(socket.SHUT_RD)

    def break_off(self) -> None:
        """Let whoever reads or sends meet the end of the connection; another thread may call this."""
        with suppress(OSError):  # it has gone already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):  # it has gone already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _need(self, count: int, deadline: float) -> None:
        """Have so many bytes, from `_begin` on, in the buffer."""
        if self._begin + count > len(self._buffer):
            held = self._end - self._begin
            self._buffer[:held] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, held
        while self._end - self._begin < count:
            self._receive(deadline)

    def _receive(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise SilenceError
        try:
            self._socket.settimeout(left)
            acknowledge_at_once(self._socket)
            count = self._socket.recv_into(self._view[self._end :])
        except TimeoutError as error:
            raise SilenceError from error
        except OSError as error:
            raise ClosedError from error
        if not count:
            raise ClosedError
        self._end += count
