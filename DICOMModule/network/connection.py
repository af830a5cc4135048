"""The bytes of one connection to a peer that we have called: PDUs as they come, waited for until a deadline, and what is sent."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import PeerLostError, PeerTimeoutError
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.pdus import HEADER_BYTES
from DICOMModule.network.reaching import Limits
from DICOMModule.network.sockets import acknowledge_at_once

_READ_BYTES: Final = 1 << 18


class Connection:
    """A connection that was made.

    Attributes
    ----------
    ours, theirs : str
        The addresses that we and the peer have on it; `theirs` is empty where it had gone at once.
    """

    def __init__(self, entry: ServerEntry, connection: socket.socket, limits: Limits, interrupt: Interrupt) -> None:
        self._entry, self._socket, self._limits, self._interrupt = entry, connection, limits, interrupt
        self._held = bytearray()
        self._sending = threading.Lock()
        self.ours, self.theirs = str(connection.getsockname()[0]), ""
        with suppress(OSError):
            self.theirs = str(connection.getpeername()[0])

    def header(self, deadline: float) -> tuple[int, int]:
        """Return type and length of the next PDU, which stays to be read; errors as `body`."""
        self._hold(HEADER_BYTES, deadline)
        kind, length = struct.unpack_from(">BxL", self._held)
        return kind, length

    def body(self, length: int, deadline: float) -> bytes:
        """Return the body of the next PDU, which is taken; what has come of one that is late is kept.

        Raises
        ------
        PeerTimeoutError
            It has not come in time.
        PeerLostError
            The peer has gone.
        """
        end = HEADER_BYTES + length
        self._hold(end, deadline)
        body = bytes(memoryview(self._held)[HEADER_BYTES:end])
        del self._held[:end]
        return body

    def send(self, data: bytes | bytearray) -> None:
        """Send all of it.

        Raises
        ------
        PeerTimeoutError, PeerLostError
            The peer takes nothing any more, or has gone.
        """
        with self._sending:
            try:
                self._socket.settimeout(self._limits.silence_s)
                self._socket.sendall(data)
            except TimeoutError as error:
                raise PeerTimeoutError(
                    f"{self._entry.ae_title} at {self._entry.host}:{self._entry.port} takes nothing any more.",
                    "It may be busy, stuck, or its disk full: its log says more.",
                ) from error
            except OSError as error:
                raise self.lost("cut the connection") from error

    def send_between(self, data: bytes) -> bool:
        """Send something from another thread, and return whether: not where a message is just going out."""
        if not self._sending.acquire(timeout=0.05):
            return False
        try:
            self._socket.sendall(data)
        except OSError:
            pass  # whoever waits for it will see
        finally:
            self._sending.release()
        return True

    def send_last(self, data: bytes) -> None:
        """Send something if it can be sent at once; nothing follows it."""
        with suppress(OSError):
            self._socket.settimeout(0.1)
            self._socket.sendall(data)

    def break_off(self, last: bytes) -> None:
        """End it from another thread, with a last word where no message is just going out."""
        if self._sending.acquire(timeout=0.05):
            try:
                self.send_last(last)
            finally:
                self._sending.release()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()

    def lost(self, what: str) -> PeerLostError:
        """Return the error of a peer that has gone; raises Interrupted where that was our wish."""
        self._interrupt.check()
        return PeerLostError(
            f"{self._entry.ae_title} at {self._entry.host}:{self._entry.port} {what}.",
            f"Its log says why; ask its administrator whether {self._entry.calling_ae} may do this, or try again.",
        )

    def _hold(self, count: int, deadline: float) -> None:
        """Have so many bytes."""
        while len(self._held) < count:
            left_s = deadline - time.monotonic()
            try:
                if left_s <= 0:
                    raise TimeoutError
                self._socket.settimeout(left_s)
                acknowledge_at_once(self._socket)
                piece = self._socket.recv(_READ_BYTES)
            except TimeoutError as error:
                self._interrupt.check()
                raise PeerTimeoutError(
                    f"{self._entry.ae_title} at {self._entry.host}:{self._entry.port} has stopped to answer.",
                    "It may be busy, or stuck: its log says more.",
                ) from error
            except OSError as error:
                raise self.lost("cut the connection") from error
            if not piece:
                raise self.lost("closed the connection")
            self._held += piece
