"""The guard before the listener: whole association requests are read and judged in one thread before any costs more than that.

Whoever connects and says nothing, little by little, or what is no DICOM holds one socket for a short while and no more; an
honest caller is let through meanwhile, however many of those there are.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from DICOMModule.errors import NetworkError
from DICOMModule.network.admission import Admission
from DICOMModule.network.association_request import (
    INVALID_PARAMETER,
    LONGEST_REQUEST_BYTES,
    UNEXPECTED_PDU,
    UNRECOGNIZED_PDU,
    AssociateRequest,
    abort,
    associate_reject,
    parse_associate_request,
)
from DICOMModule.network.hosts import plain_address
from DICOMModule.network.listener_events import RejectedEvent
from DICOMModule.network.pdus import ASSOCIATE_RQ, HEADER_BYTES, PduError
from DICOMModule.network.sockets import send_at_once

_PIECE: Final = 65_536
_TLS_HANDSHAKE: Final = b"\x16\x03"  # RFC 8446 5.1
_HTTP_METHODS: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"OPTI", b"CONN"})
_THINKING_S: Final = 0.1
"""How long a refusal takes at least: guessing costs time, and callers whose threads are not ready yet can hear it."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """How much those may cost who have not been let in yet.

    Attributes
    ----------
    request_s : float
        Within which an association request must be whole, from the connection on.
    pending : int
        Connections at once; beyond it the one that waits longest goes.
    pending_bytes : int
        What all of them have sent so far.
    farewell_s : float
        How long one that was refused has to close.
    """

    request_s: float = 15.0
    pending: int = 400
    pending_bytes: int = 16 << 20
    farewell_s: float = 1.0


@dataclass(eq=False, slots=True)
class _Visitor:
    connection: socket.socket
    host: str
    received: int = 0
    task: asyncio.Task[None] | None = None


Admit = Callable[[socket.socket, AssociateRequest, str], bool]


class Guard:
    """Accepts connections on a listening socket, in a thread of its own.

    Parameters
    ----------
    listening : socket
        Bound and listening; it becomes the guard's own.
    admission : Admission
        Who is let in.
    admit : callable
        Is given a connection, its request and its host; returns False where there is no room for another association.
    tell : callable
        Is given who was refused.
    """

    def __init__(
        self,
        listening: socket.socket,
        admission: Admission,
        admit: Admit,
        tell: Callable[[RejectedEvent], None],
        limits: GuardLimits = GuardLimits(),
    ) -> None:
        self._listening = listening
        self._admission = admission
        self._admit = admit
        self._tell = tell
        self._limits = limits
        self._visitors: dict[_Visitor, None] = {}  # the one that waits longest first
        self._bytes = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._live, name="guard", daemon=True)

    def start(self) -> None:
        """Begin to accept.

        Raises
        ------
        NetworkError
            The system has nothing left to wait with.
        """
        self._thread.start()
        self._begun.wait()
        if self._loop is None:
            self._thread.join()
            raise NetworkError(
                "the listener cannot wait for callers: the system has no descriptors left. Close programs."
            )

    def close(self) -> None:
        """Accept no more, and let go of whoever is not in yet."""
        if self._loop is not None and self._stopped is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()
        self._listening.close()

    def _live(self) -> None:
        try:
            asyncio.run(self._run())
        except OSError as error:
            _LOG.error("the guard of the listener cannot begin: %s", error.strerror)
        finally:
            self._begun.set()

    async def _run(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        self._listening.setblocking(False)
        accepting = asyncio.create_task(self._accept())
        await self._stopped.wait()
        tasks = [accepting, *(visitor.task for visitor in self._visitors if visitor.task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._listening)
            except OSError:  # no descriptors left, or a caller that has gone: others may come
                self._drop_oldest()
                await asyncio.sleep(0.05)
                continue
            connection.setblocking(False)
            with suppress(OSError):
                send_at_once(connection)
            if len(self._visitors) >= self._limits.pending:
                self._drop_oldest()
            visitor = _Visitor(connection, plain_address(str(address[0])))
            self._visitors[visitor] = None
            visitor.task = asyncio.create_task(self._receive(visitor))

    def _drop_oldest(self) -> None:
        for visitor in self._visitors:
            if visitor.task is not None:
                visitor.task.cancel()
            self._forget(visitor)
            return

    def _drop_largest(self) -> None:
        """Let go of the one that has sent most: an honest request is small."""
        largest = max(self._visitors, key=lambda visitor: visitor.received)
        self._refused(largest, "all that callers send at once is more than is held, and it has sent most of it", "")
        if largest.task is not None:
            largest.task.cancel()
        self._forget(largest)

    def _forget(self, visitor: _Visitor) -> None:
        if visitor in self._visitors:
            del self._visitors[visitor]
            self._bytes -= visitor.received

    async def _receive(self, visitor: _Visitor) -> None:
        """Read one's request and let it in, refuse it, or let go of it."""
        is_in = False
        try:
            async with asyncio.timeout(self._limits.request_s):
                request = await self._request(visitor)
            if request is None:
                return
            refusal = await self._admission.refusal(request, visitor.host)
            if refusal is not None:
                self._refused(visitor, refusal.text, request.calling)
                await self._part(visitor, associate_reject(refusal.result, refusal.source, refusal.reason))
                return
            visitor.connection.setblocking(True)
            is_in = self._admit(visitor.connection, request, visitor.host)
            if not is_in:
                self._refused(visitor, "there are as many associations as there may be", request.calling)
                visitor.connection.setblocking(False)
                await self._part(visitor, associate_reject(2, 3, 2))  # local limit exceeded, for now
        except _UnwantedError as error:
            self._refused(visitor, error.text, "")
            await self._part(visitor, abort(error.reason))
        except TimeoutError:
            self._refused(visitor, f"no whole association request came within {self._limits.request_s:g} s", "")
        except OSError:
            pass  # it has gone
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 (a bug of ours must not end the guard)
            _LOG.exception("a caller was turned away because of a fault of this program")
        finally:
            self._forget(visitor)
            if not is_in:
                visitor.connection.close()

    async def _request(self, visitor: _Visitor) -> AssociateRequest | None:
        """Return the association request, or None where the caller leaves before it is whole."""
        loop = asyncio.get_running_loop()
        body = bytearray()
        length = HEADER_BYTES
        while len(body) < length:
            piece = await loop.sock_recv(visitor.connection, min(_PIECE, length - len(body)))
            if not piece:
                return None
            body += piece
            visitor.received += len(piece)
            self._bytes += len(piece)
            if self._bytes > self._limits.pending_bytes:
                self._drop_largest()
            if length == HEADER_BYTES and len(body) == HEADER_BYTES:
                kind, claimed = struct.unpack(">BxL", body)
                if kind != ASSOCIATE_RQ:
                    is_known = 1 <= kind <= 7
                    raise _UnwantedError(_said_instead(bytes(body)), UNEXPECTED_PDU if is_known else UNRECOGNIZED_PDU)
                if claimed > LONGEST_REQUEST_BYTES:
                    raise _UnwantedError("its association request is longer than any may be", INVALID_PARAMETER)
                length += claimed
        try:
            return parse_associate_request(bytes(body[HEADER_BYTES:]))
        except PduError as error:
            raise _UnwantedError(f"it sent no association request ({error})", INVALID_PARAMETER) from error

    async def _part(self, visitor: _Visitor, message: bytes) -> None:
        """Say why, and wait a moment for the caller to close (PS3.8 9.2.3, Sta13): closing first may take the answer away."""
        loop = asyncio.get_running_loop()
        left = 4 * LONGEST_REQUEST_BYTES
        with suppress(OSError, TimeoutError):
            await asyncio.sleep(_THINKING_S)
            async with asyncio.timeout(self._limits.farewell_s):
                await loop.sock_sendall(visitor.connection, message)
                while left > 0 and (piece := await loop.sock_recv(visitor.connection, _PIECE)):
                    left -= len(piece)

    def _refused(self, visitor: _Visitor, reason: str, calling_ae: str) -> None:
        self._tell(RejectedEvent(reason, calling_ae, visitor.host))


def _said_instead(beginning: bytes) -> str:
    """Return what somebody says who asks for no association; what is often set up wrongly is told by its name."""
    if beginning.startswith(_TLS_HANDSHAKE):
        return "it wants to speak by TLS, which this listener does not: TLS is to be turned off at the sender"
    if beginning[:4].rstrip() in _HTTP_METHODS:
        return "it takes the listener for a web server"
    return "it began with something else than an association request"


class _UnwantedError(Exception):
    """A caller that is no DICOM application, or a hostile one; `reason` is that of an A-ABORT by the provider."""

    def __init__(self, text: str, reason: int) -> None:
        self.text = text
        self.reason = reason
        super().__init__(text)
