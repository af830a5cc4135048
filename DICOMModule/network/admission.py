"""Whom the listener lets in: by called and calling AE title and host, never by the title alone unless the user said so."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.ae_title import checked_ae_title
from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.network.association_request import AssociateRequest
from DICOMModule.network.hosts import plain_address

NAME_KEPT_S: Final = 60.0
FAILURE_KEPT_S: Final = 2.0
NAME_WAIT_S: Final = 5.0
_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
MOST_NAMES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Allowed:
    """One who may store: an AE title, and the host or network it calls from; an empty host is any."""

    ae_title: str
    host: str = ""

    @classmethod
    def from_text(cls, text: str) -> Allowed:
        """Return what ``AE`` or ``AE@HOST`` means; HOST is a name, an address, or a network such as 192.0.2.0/24.

        Raises
        ------
        SettingsError
            It means nothing.
        """
        title, _, host = text.partition("@")
        host = host.strip()
        if "@" in text and not host:
            raise SettingsError(f"{plain_text(text[:60])} names no host after the @; leave the @ out for any host.")
        if host and not _is_network(host) and not _NAME.fullmatch(host):
            raise SettingsError(
                f"{plain_text(host[:60])} is no host: name one, its address, or a network such as 192.0.2.0/24."
            )
        return cls(checked_ae_title(title, "AE title of who may store"), host)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody is not let in: result, source and reason of an A-ASSOCIATE-RJ (PS3.8 table 9-21), and in words."""

    result: int
    source: int
    reason: int
    text: str


class Admission:
    """Decides about one association request after another, in an event loop.

    Parameters
    ----------
    ae_title : str
        Ours.
    allowed : sequence of Allowed, optional
        Who may store; None: whoever `address_book` names now.
    allow_any : bool
        Whoever calls us by our title may.
    address_book : callable
        Returns the entries that may store.
    """

    def __init__(
        self,
        ae_title: str,
        allowed: Sequence[Allowed] | None,
        address_book: Callable[[], Sequence[Allowed]],
        *,
        allow_any: bool = False,
    ) -> None:
        self._ae_title = ae_title
        self._allowed = allowed
        self._allow_any = allow_any
        self._address_book = address_book
        self._names: dict[str, tuple[float, frozenset[str]]] = {}
        self._looking: dict[str, asyncio.Future[frozenset[str]]] = {}

    async def refusal(self, request: AssociateRequest, host: str) -> Refusal | None:
        """Return why `request` from the address `host` is refused, or None where it is not."""
        if not request.has_our_protocol:
            return Refusal(1, 2, 2, "it speaks another version of the protocol")
        if not request.has_our_application_context:
            return Refusal(1, 1, 2, "its application context is not DICOM's")
        if request.called != self._ae_title:
            return Refusal(1, 1, 7, f"it calls us by another AE title than {self._ae_title}")
        if self._allow_any:
            return None
        known = self._address_book() if self._allowed is None else self._allowed
        named = [one for one in known if one.ae_title == request.calling]
        for one in named:
            if not one.host or await self._is_at(host, one.host):
                return None
        if named:
            return Refusal(1, 1, 3, "its AE title is known, but not from that host")
        return Refusal(1, 1, 3, "its AE title is not known here")

    async def _is_at(self, address: str, host: str) -> bool:
        try:
            return ipaddress.ip_address(address) in ipaddress.ip_network(host, strict=False)
        except ValueError:
            pass  # a name
        return address in await self._addresses_of(host)

    async def _addresses_of(self, name: str) -> frozenset[str]:
        kept_until, found = self._names.get(name, (0.0, frozenset[str]()))
        if time.monotonic() < kept_until:
            return found
        kept_s = NAME_KEPT_S
        try:
            found = await asyncio.wait_for(asyncio.shield(self._look_up(name)), NAME_WAIT_S)
        except (OSError, UnicodeError, TimeoutError):  # what was last known of a name holds; of none, nobody is let in
            kept_s = FAILURE_KEPT_S
        if len(self._names) > MOST_NAMES:
            self._names.clear()
        self._names[name] = (time.monotonic() + kept_s, found)
        return found

    def _look_up(self, name: str) -> asyncio.Future[frozenset[str]]:
        """Return what a look-up will find that has begun: of each name there is one at a time, whoever asks for it."""
        looking = self._looking.get(name)
        if looking is None:
            looking = self._looking[name] = _looked_up(name)
            looking.add_done_callback(
                lambda done: (self._looking.pop(name, None), done.cancelled() or done.exception())
            )
        return looking


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _looked_up(name: str) -> asyncio.Future[frozenset[str]]:
    """Return what will be the addresses of a name; a name server that does not answer holds up nobody else, nor the end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[frozenset[str]] = loop.create_future()

    def tell(found: frozenset[str] | OSError | UnicodeError) -> None:
        if done.cancelled():
            return
        if isinstance(found, frozenset):
            done.set_result(found)
        else:
            done.set_exception(found)

    def look() -> None:
        found: frozenset[str] | OSError | UnicodeError
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found = frozenset(plain_address(str(answer[4][0])) for answer in answers)
        except (OSError, UnicodeError) as error:
            found = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=look, name="host name", daemon=True).start()
    return done
