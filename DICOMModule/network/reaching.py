"""Reaching a server as far as TCP goes: its name, its port, and what stands in the way."""

from __future__ import annotations

import errno
import ipaddress
import os
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from typing import Final

from DICOMModule.errors import PeerUnreachableError, plain_text
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.sockets import send_at_once

_UNDER_WAY: Final = frozenset((errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EINTR))
_LOOK_EVERY_S: Final = 0.05
_NO_ROUTE: Final = frozenset((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN))


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a peer is waited for, in seconds.

    Attributes
    ----------
    connect_s, association_s, answer_s, silence_s : float
        To connect, to answer an association, a request, and to go on sending.
    fetch_s : float
        To find or fetch what was asked for, perhaps from an archive on tape.
    """

    connect_s: float = 10.0
    association_s: float = 15.0
    answer_s: float = 30.0
    silence_s: float = 60.0
    fetch_s: float = 300.0


def addresses_of(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """Return the addresses of a host, the preferred one first.

    Raises
    ------
    PeerUnreachableError
        The name is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no name"
        raise PeerUnreachableError(
            f"the name {plain_text(host)} leads to no address ({reason}).",
            "Check how it is spelt, or enter the server's IP address in its place.",
        ) from error
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def unreachable(host: str, port: int, error: OSError | None, limits: Limits) -> PeerUnreachableError:
    """Return the error that says why nobody could be reached, and what to change."""
    place = f"{plain_text(host)}:{port}"
    if isinstance(error, ConnectionRefusedError):
        return PeerUnreachableError(
            f"{place} refused the connection: the machine is there, and nobody listens on its port {port}.",
            "Check the port, and that the DICOM service runs there; a firewall may refuse in its place.",
        )
    if isinstance(error, TimeoutError):
        return PeerUnreachableError(
            f"nothing came back from {place} within {limits.connect_s:g} s.",
            f"Check the address; a firewall on the way may drop what is sent: ask for TCP port {port} to be opened.",
        )
    if error is not None and error.errno in _NO_ROUTE:
        return PeerUnreachableError(
            f"no way leads from here to {place}.",
            "Check the address, this machine's network, and a VPN that is needed.",
        )
    reason = error.strerror if error is not None and error.strerror else "it has no address"
    return PeerUnreachableError(f"{place} cannot be reached ({reason}).", "Check host and port.")


def open_connection(host: str, port: int, limits: Limits, interrupt: Interrupt) -> socket.socket:
    """Connect to a port, and have small messages sent at once.

    Raises
    ------
    PeerUnreachableError
        There is no such host, nobody listens, or nothing comes back.
    Interrupted
        It was not wanted any more.
    """
    refusal: OSError | None = None
    for family, address in addresses_soon(host, port, interrupt):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            _connect_soon(connection, (address, port), limits, interrupt)
            send_at_once(connection)
        except OSError as error:
            connection.close()
            refusal = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise unreachable(host, port, refusal, limits)


def _connect_soon(connection: socket.socket, address: tuple[str, int], limits: Limits, interrupt: Interrupt) -> None:
    """Connect, looking up now and then: a connection that is being made is woken by nothing."""
    connection.setblocking(False)
    code = connection.connect_ex(address)
    deadline = time.monotonic() + limits.connect_s
    with selectors.DefaultSelector() as selector:  # select() takes no descriptor beyond 1,023
        selector.register(connection, selectors.EVENT_WRITE)  # a failure counts as that too
        while code in _UNDER_WAY:
            interrupt.check()
            if selector.select(_LOOK_EVERY_S):
                code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                break
            if time.monotonic() > deadline:
                raise TimeoutError
    if code:
        raise OSError(code, os.strerror(code))
    connection.setblocking(True)


def addresses_soon(host: str, port: int, interrupt: Interrupt) -> list[tuple[socket.AddressFamily, str]]:
    """Look a name up as `addresses_of`; a resolver that takes its time is left alone where nobody waits any more."""
    if _is_address(host):
        return addresses_of(host, port)
    found: list[list[tuple[socket.AddressFamily, str]] | PeerUnreachableError] = []

    def look() -> None:
        try:
            found.append(addresses_of(host, port))
        except PeerUnreachableError as error:
            found.append(error)

    thread = threading.Thread(target=look, name="resolver", daemon=True)
    thread.start()
    while thread.is_alive():
        interrupt.check()
        thread.join(_LOOK_EVERY_S)
    if isinstance(found[0], PeerUnreachableError):
        raise found[0]
    return found[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
