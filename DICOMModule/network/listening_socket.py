"""The socket that the listener listens on, and why there is none."""

from __future__ import annotations

import errno
import socket
import sys
from typing import Final

from DICOMModule.errors import NetworkError, plain_text

FIRST_FREE_PORT: Final = 1024
_BACKLOG: Final = 256
_DENIED: Final = frozenset((errno.EACCES, errno.EPERM))
_NOT_OURS: Final = frozenset((errno.EADDRNOTAVAIL, getattr(errno, "WSAEADDRNOTAVAIL", errno.EADDRNOTAVAIL)))
_IN_USE: Final = frozenset((errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)))


def listening_socket(address: str, port: int) -> socket.socket:
    """Return a socket that listens at an address of this machine; port 0 is any that is free.

    Raises
    ------
    NetworkError
        The port is in use, needs the rights of an administrator, or the address is not this machine's.
    """
    if not 0 <= port <= 65535:
        raise NetworkError(f"the listener's port must be 1 to 65535, or 0 for any that is free; it is {port}.")
    place = f"{plain_text(address)}:{port}"
    try:
        family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise NetworkError(
            f"the listener cannot listen at {plain_text(address)}, which is no address. Name one of this machine, such as"
            " 127.0.0.1 for itself alone, or 0.0.0.0 for all of its networks."
        ) from error
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # there SO_REUSEADDR would let two programs have one port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(where)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise NetworkError(_why(error, place, port)) from error
    return made


def _why(error: OSError, place: str, port: int) -> str:
    if error.errno in _IN_USE:
        return (
            f"the listener cannot listen at {place}: another program, perhaps another listener, has port {port}. End that"
            " program, or choose another port and tell the servers that send here."
        )
    if error.errno in _DENIED and port < FIRST_FREE_PORT:
        return (
            f"the listener may not listen at {place}: ports below {FIRST_FREE_PORT} need the rights of an administrator."
            " Choose another one, such as 11112, and tell the servers that send here."
        )
    if error.errno in _NOT_OURS:
        return (
            f"the listener cannot listen at {place}: this machine does not have that address. Name one that it has, or"
            " 0.0.0.0 for all of them."
        )
    return f"the listener cannot listen at {place}: {error.strerror}."
