"""The listener: a guard who lets callers in, a thread for each association, one thread that takes what they bring.

It runs in a process of its own (`listen`, or what the window starts): see `verbs.listening` and `network.listener_control`.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from DICOMModule.database import DicomDatabase
from DICOMModule.database.servers import OUR_AE_TITLE
from DICOMModule.dicom.ae_title import checked_ae_title
from DICOMModule.errors import DatabaseError, SettingsError
from DICOMModule.network.admission import Admission, Allowed
from DICOMModule.network.association_request import AssociateRequest
from DICOMModule.network.guard import Guard, GuardLimits
from DICOMModule.network.incoming import Intake, StorageLimits
from DICOMModule.network.listener_events import RejectedEvent, StoredEvent
from DICOMModule.network.listening_socket import listening_socket
from DICOMModule.network.receiving import IncomingAssociation, Patience
from DICOMModule.network.storing import Peer

DEFAULT_PORT: Final = 11112
LOOPBACK: Final = "127.0.0.1"
MOST_EVENTS: Final = 100_000
MOST_REFUSALS_A_SECOND: Final = 100
_ENDING_S: Final = 5.0

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """Where a listener listens, and whom it lets in.

    Attributes
    ----------
    port : int
        0 is any that is free.
    ae_title : str
        Ours, by which callers must call us.
    bind : str
        The address of this machine on which it listens; 0.0.0.0 is all of them.
    allow : tuple of str
        Who may store, as ``AE`` or ``AE@HOST``; where it is empty, the DIMSE entries of the address book.
    allow_any : bool
        Whoever calls us by our title may store.

    Raises
    ------
    SettingsError
        One of them makes no sense.
    """

    port: int = DEFAULT_PORT
    ae_title: str = OUR_AE_TITLE
    bind: str = LOOPBACK
    allow: tuple[str, ...] = ()
    allow_any: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "ae_title", checked_ae_title(self.ae_title, "AE title of the listener"))
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"the listener's port must be 1 to 65535, or 0 for any; it is {self.port}.")
        if not self.bind.strip():
            raise SettingsError(
                "the listener's address is empty; 127.0.0.1 is this machine alone, 0.0.0.0 all networks."
            )
        for text in self.allow:
            Allowed.from_text(text)


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """What callers may cost.

    Attributes
    ----------
    associations, associations_of_host, associations_each : int
        At once: in all, of one host, and of one AE title at one host.
    idle_s : float
        Where there are as many as there may be, one that has waited so long for its next message gives way.
    guard, storage, patience : GuardLimits, StorageLimits, Patience
        Before an association, of a data set, and in time.
    """

    associations: int = 48
    associations_of_host: int = 32
    associations_each: int = 16
    idle_s: float = 20.0
    guard: GuardLimits = field(default_factory=GuardLimits)
    storage: StorageLimits = field(default_factory=StorageLimits)
    patience: Patience = field(default_factory=Patience)


class Listener:
    """Listens and fills a database, from `start` to `close`; a context manager that does both.

    Parameters
    ----------
    database : DicomDatabase
        Open for writing.
    options : ListenerOptions
        Where, and for whom.

    Attributes
    ----------
    host, port : str, int
        Where it listens, once it was started.
    """

    def __init__(
        self, database: DicomDatabase, options: ListenerOptions, limits: ListenerLimits = ListenerLimits()
    ) -> None:
        self._database = database
        self._options = options
        self._limits = limits
        self._events: deque[StoredEvent | RejectedEvent] = deque(maxlen=MOST_EVENTS)
        self._refusals = _Thinned(self._events.append)
        self._lock = threading.Lock()
        self._associations: dict[threading.Thread, tuple[IncomingAssociation, Peer]] = {}
        self._is_closing = False
        self._opened = ExitStack()
        self.host, self.port = options.bind, options.port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to listen.

        Raises
        ------
        NetworkError
            The address or port cannot be had.
        DatabaseError
            The database cannot be written to.
        """
        options = self._options
        allowed = [Allowed.from_text(text) for text in options.allow] if options.allow else None
        admission = Admission(options.ae_title, allowed, self._address_book, allow_any=options.allow_any)
        with ExitStack() as opened:
            listening = listening_socket(options.bind, options.port)
            opened.callback(listening.close)
            self.host, self.port = listening.getsockname()[:2]
            self._intake = Intake(opened.enter_context(self._database.reception("listener")))
            self._intake.start()
            opened.callback(self._intake.close)
            opened.callback(self._end_associations)
            guard = Guard(listening, admission, self._admit, self._tell, self._limits.guard)
            guard.start()
            opened.callback(guard.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Let nobody in any more, let messages that are under way come to their end, and take what has arrived."""
        self._opened.close()

    def events(self) -> list[StoredEvent | RejectedEvent]:
        """Return what has happened since the last call; of very much, what happened last."""
        self._refusals.flush()
        found = []
        while self._events:
            found.append(self._events.popleft())
        return found

    @property
    def associations(self) -> int:
        """How many there are now."""
        return len(self._associations)

    def _tell(self, event: StoredEvent | RejectedEvent) -> None:
        if isinstance(event, StoredEvent):
            self._events.append(event)
        else:
            self._refusals.tell(event)

    def _address_book(self) -> Sequence[Allowed]:
        try:
            entries = self._database.servers.sound_entries()
        except DatabaseError as error:
            _LOG.warning("nobody is let in, as the address book cannot be read: %s", error)
            return ()
        return [Allowed(entry.ae_title, entry.host) for entry in entries if entry.kind == "dimse"]

    def _admit(self, connection: socket.socket, request: AssociateRequest, host: str) -> bool:
        """Begin an association in a thread of its own, where there is room for one."""
        peer = Peer(request.calling, host)
        with self._lock:
            if self._is_closing or not self._has_room(peer):
                return False
            association = IncomingAssociation(
                connection,
                request,
                peer,
                intake=self._intake,
                tell=self._tell,
                limits=self._limits.storage,
                patience=self._limits.patience,
            )
            thread = threading.Thread(target=self._run, args=(association,), name="association", daemon=True)
            self._associations[thread] = (association, peer)
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads for us
                del self._associations[thread]
                return False
        return True

    def _has_room(self, peer: Peer) -> bool:
        """Return whether another association may begin; one that has waited long for its next message gives way."""
        limits = self._limits
        for most, mine in (
            (limits.associations_each, [one for one, who in self._associations.values() if who == peer]),
            (limits.associations_of_host, [one for one, who in self._associations.values() if who.host == peer.host]),
            (limits.associations, [one for one, _ in self._associations.values()]),
        ):
            if len(mine) >= most:
                idlest = max(mine, key=lambda one: one.idle_s)
                if idlest.idle_s < limits.idle_s:
                    return False
                idlest.end_soon()
        return True

    def _run(self, association: IncomingAssociation) -> None:
        try:
            association.run()
        except Exception:  # noqa: BLE001 (a bug of ours must not end the listener)
            _LOG.exception("an association ended because of a fault of this program")
        finally:
            with self._lock:
                self._associations.pop(threading.current_thread(), None)

    def _end_associations(self) -> None:
        with self._lock:
            self._is_closing = True
            left = dict(self._associations)
        for association, _ in left.values():
            association.end_soon()
        deadline = time.monotonic() + _ENDING_S
        for thread, (association, _) in left.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                association.end_now()
                thread.join()


class _Thinned:
    """Refusals, so many a second and no more; the others are counted and told as one."""

    def __init__(self, tell: Callable[[RejectedEvent], None]) -> None:
        self._tell = tell
        self._second = 0
        self._told = 0
        self._more: Counter[str] = Counter()
        self._lock = threading.Lock()

    def tell(self, event: RejectedEvent) -> None:
        """Tell a refusal, or count it."""
        with self._lock:
            self._turn()
            if self._told < MOST_REFUSALS_A_SECOND:
                self._told += 1
                self._tell(event)
            else:
                self._more[event.host] += 1

    def flush(self) -> None:
        """Tell of those that were counted, once their second has passed."""
        with self._lock:
            self._turn()

    def _turn(self) -> None:
        second = int(time.monotonic())
        if second != self._second:
            for host, count in self._more.most_common(10):
                self._tell(RejectedEvent(f"{count} more were refused within a second", "", host))
            self._more.clear()
            self._second, self._told = second, 0
