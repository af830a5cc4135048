"""Our listener, as a server must be able to reach it: for C-MOVE, and for the connection doctor."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import PeerError
from DICOMModule.network.aside import Interrupt
from DICOMModule.network.hosts import is_loopback

if TYPE_CHECKING:
    from DICOMModule.network.listener_mark import ListenerState

_LOOK_EVERY_S: Final = 0.05
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 (what the user may have set)


@dataclass(frozen=True, slots=True)
class OurListener:
    """Where our listener is to be for C-MOVE, if none runs; the server must know it.

    Attributes
    ----------
    port, bind : int, str
        0.0.0.0 is all addresses of this machine; any other is taken as the one by which the server is reached.
    is_asked_for : bool
        The port was asked for: a listener that runs elsewhere is none.
    """

    port: int = 11112
    bind: str = ""
    is_asked_for: bool = False


@contextmanager
def our_listener(folder: Path, entry: ServerEntry, wish: OurListener, our_address: str) -> Iterator[ListenerState]:
    """Have the listener of a database that runs, or one within the block, where a server can reach it.

    Parameters
    ----------
    our_address : str
        The address that we have towards the server.

    Raises
    ------
    PeerError
        The one that runs takes connections of this machine only, and the server is another.
    NetworkError
        There can be none.
    """
    from DICOMModule.network.listener import ListenerOptions
    from DICOMModule.network.listener_control import listening, running_listener

    running = running_listener(folder)
    if running is not None and (not wish.is_asked_for or wish.port == running.port):
        if is_loopback(running.host) and not is_loopback(our_address):
            raise PeerError(
                f"our listener runs on {running.host}:{running.port}, which {entry.name} cannot reach: only this machine can.",
                f"Have it listen on {our_address} or {ANY_ADDRESS}, then start it again.",
            )
        yield running
        return
    bind = wish.bind if wish.bind == ANY_ADDRESS else our_address
    with listening(folder, ListenerOptions(port=wish.port, ae_title=entry.calling_ae, bind=bind)) as state:
        yield state


@contextmanager
def left_aside(listener: AbstractContextManager[ListenerState], interrupt: Interrupt) -> Iterator[ListenerState]:
    """Have a listener within the block, begun and ended in a thread of its own: who is interrupted waits for neither."""
    come: queue.SimpleQueue[ListenerState | BaseException] = queue.SimpleQueue()
    leave = threading.Event()

    def hold() -> None:
        try:
            with listener as state:
                come.put(state)
                leave.wait()
        except BaseException as error:  # noqa: BLE001 (raised where it is waited for)
            come.put(error)

    thread = threading.Thread(target=hold, name="our listener", daemon=True)
    thread.start()
    try:
        found: ListenerState | BaseException | None = None
        while found is None:
            interrupt.check()
            with suppress(queue.Empty):
                found = come.get(timeout=_LOOK_EVERY_S)
        if isinstance(found, BaseException):
            raise found
        yield found
    finally:
        leave.set()
        while thread.is_alive() and not interrupt.is_asked:
            thread.join(_LOOK_EVERY_S)
