"""Reaching a server as far as TCP goes: its name, its port, and what stands in the way."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Final

from DICOMModule.errors import PeerUnreachableError, plain_text

_NO_ROUTE: Final = frozenset((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN))


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a peer is waited for, in seconds: to connect, to answer an association, a request, and to go on sending."""

    connect_s: float = 10.0
    association_s: float = 15.0
    answer_s: float = 30.0
    silence_s: float = 60.0


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


def connect(host: str, port: int, limits: Limits) -> str:
    """Connect to a port and leave at once; return the address that we have towards it.

    Raises
    ------
    PeerUnreachableError
        There is no such host, nobody listens, or nothing comes back.
    """
    refusal: OSError | None = None
    for _, address in addresses_of(host, port):
        try:
            with socket.create_connection((address, port), timeout=limits.connect_s) as connection:
                return str(connection.getsockname()[0])
        except OSError as error:
            refusal = error
    raise unreachable(host, port, refusal, limits)


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
