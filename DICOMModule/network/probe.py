"""A place where a server is heard that was asked to send something to us: it is recognised and turned away, nothing comes in."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from DICOMModule.errors import plain_text
from DICOMModule.network.association_request import LONGEST_REQUEST_BYTES, associate_reject
from DICOMModule.network.listening_socket import listening_socket
from DICOMModule.network.pdus import ASSOCIATE_RQ, HEADER_BYTES

_NOT_NOW: Final = associate_reject(2, 3, 2)  # transient, local limit exceeded
_PIECE: Final = 1 << 16
_HEARD_WITHIN_S: Final = 3.0
_LOOK_EVERY_S: Final = 0.1
_MOST_AT_ONCE: Final = 32
_MOST_CALLERS: Final = 256


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: what it calls itself and us, and from where."""

    calling_ae: str
    called_ae: str
    host: str


@dataclass(eq=False)
class _Call:
    """A connection under way, and what was heard on it so far."""

    connection: socket.socket
    host: str
    ends_s: float
    heard: bytearray = field(default_factory=bytearray)


class Probe:
    """Listens within the block; NetworkError where it cannot.

    Attributes
    ----------
    callers : list of Caller
        Who has called so far, each once.
    """

    def __init__(self, address: str, port: int) -> None:
        self._socket = listening_socket(address, port)
        self._socket.setblocking(False)
        self._calls: list[_Call] = []
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="probe", daemon=True)
        self.callers: list[Caller] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        """Hear all who call side by side, none for longer than its time: one that dawdles keeps nobody else away."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            try:
                while not self._left.is_set():
                    for key, _ in selector.select(_LOOK_EVERY_S):
                        if key.data is None:
                            self._take_up(selector)
                        elif key.data in self._calls and self._is_done(key.data):
                            self._let_go(selector, key.data)
                    for call in [one for one in self._calls if time.monotonic() > one.ends_s]:
                        self._let_go(selector, call)
            finally:
                for call in tuple(self._calls):
                    self._let_go(selector, call)

    def _take_up(self, selector: selectors.BaseSelector) -> None:
        try:
            connection, address = self._socket.accept()
        except OSError:  # it has gone
            return
        connection.setblocking(False)
        while len(self._calls) >= _MOST_AT_ONCE:
            self._let_go(selector, self._calls[0])
        call = _Call(connection, str(address[0]), time.monotonic() + _HEARD_WITHIN_S)
        self._calls.append(call)
        selector.register(connection, selectors.EVENT_READ, call)

    def _let_go(self, selector: selectors.BaseSelector, call: _Call) -> None:
        self._calls.remove(call)
        selector.unregister(call.connection)
        call.connection.close()

    def _is_done(self, call: _Call) -> bool:
        """Hear what is there; return whether nothing more is wanted."""
        try:
            piece = call.connection.recv(_PIECE)
        except BlockingIOError:
            return False
        except OSError:
            return True
        call.heard += piece
        if len(call.heard) < HEADER_BYTES:
            return not piece
        kind, length = struct.unpack_from(">BxL", call.heard)
        if kind != ASSOCIATE_RQ or not 68 <= length <= LONGEST_REQUEST_BYTES:
            return True
        if len(call.heard) < HEADER_BYTES + length:
            return not piece
        body = call.heard[HEADER_BYTES:]
        called, calling = (plain_text(body[at : at + 16].decode("latin_1").strip(" \0")) for at in (4, 20))
        caller = Caller(calling, called, call.host)
        if caller not in self.callers and len(self.callers) < _MOST_CALLERS:
            self.callers.append(caller)
        with suppress(OSError):
            call.connection.send(_NOT_NOW)
        return True
