"""A place where a server is heard that was asked to send something to us: it is recognised and turned away, nothing comes in."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from DICOMModule.errors import plain_text
from DICOMModule.network.listening_socket import listening_socket
from DICOMModule.network.pdus import ASSOCIATE_RJ, ASSOCIATE_RQ, HEADER_BYTES

_NOT_NOW: Final = struct.pack(">BxLxBBB", ASSOCIATE_RJ, 4, 2, 3, 2)  # transient, local limit exceeded
_LONGEST_REQUEST_BYTES: Final = 1 << 16
_HEARD_WITHIN_S: Final = 3.0
_LOOK_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: what it calls itself and us, and from where."""

    calling_ae: str
    called_ae: str
    host: str


class Probe:
    """Listens within the block; NetworkError where it cannot.

    Attributes
    ----------
    callers : list of Caller
        Who has called so far.
    """

    def __init__(self, address: str, port: int) -> None:
        self._socket = listening_socket(address, port)
        self._socket.settimeout(_LOOK_EVERY_S)
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
        while not self._left.is_set():
            try:
                connection, address = self._socket.accept()
            except OSError:  # nobody has called
                continue
            with connection, suppress(OSError):
                connection.settimeout(_HEARD_WITHIN_S)
                self._hear(connection, str(address[0]))

    def _hear(self, connection: socket.socket, host: str) -> None:
        kind, length = struct.unpack(">BxL", _exactly(connection, HEADER_BYTES))
        if kind != ASSOCIATE_RQ or not 68 <= length <= _LONGEST_REQUEST_BYTES:
            return
        body = _exactly(connection, length)
        called, calling = (plain_text(body[at : at + 16].decode("latin_1").strip(" \0")) for at in (4, 20))
        self.callers.append(Caller(calling, called, host))
        connection.sendall(_NOT_NOW)


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = connection.recv(count - len(found))
        if not piece:
            raise OSError("it has gone")
        found += piece
    return found
