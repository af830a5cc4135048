"""The verb that listens: fills the database with what peers send, and finds out what it can be loaded as once it is quiet."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import Job, Progress
from DICOMModule.verbs.base import LogicBase

if TYPE_CHECKING:
    from DICOMModule.network.listener import Listener, ListenerLimits, ListenerOptions
    from DICOMModule.network.listener_events import RejectedEvent, StoredEvent
    from DICOMModule.network.listener_mark import Life

QUIET_S: Final = 2.0
AGAIN_S: Final = 30.0
_NAP_S: Final = 0.05

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListenProgress(Progress):
    """What has happened since the last one.

    Attributes
    ----------
    host, port, ae_title : str, int, str
        Where the listener listens, and as whom.
    events : tuple of StoredEvent or RejectedEvent
        What was stored and who was refused.
    associations : int
        How many there are now.
    """

    host: str = ""
    port: int = 0
    ae_title: str = ""
    events: tuple[StoredEvent | RejectedEvent, ...] = ()
    associations: int = 0


class ListeningVerbs(LogicBase):
    """Listen, and look at what others have received."""

    def note_arrivals_job(self) -> Job[None]:
        """Examine the series that have arrived and that nobody has looked at yet, as an import does."""
        return self._note_health_job(())

    def listen_job(
        self, options: ListenerOptions, limits: ListenerLimits | None = None, *, life: Life = "own"
    ) -> Job[None]:
        """Listen until the job is closed; the first progress says where.

        Once nothing has come for a moment, series to which something was added are examined by a child process.

        Parameters
        ----------
        life : str
            What ends it: with ``own`` and ``apart`` it also ends by itself when another program asks for that.

        Raises
        ------
        NetworkError
            The address or the port cannot be had.
        DatabaseError
            The database cannot be written to.
        """
        from DICOMModule.network.listener import Listener, ListenerLimits
        from DICOMModule.network.listener_events import Heard
        from DICOMModule.network.listener_mark import marked
        from DICOMModule.verbs.examining import examine_arrivals_job

        database = self.database(create=True)
        listener = Listener(database, options, limits or ListenerLimits())
        asked = {"bind": options.bind, "allow": options.allow, "allow_any": options.allow_any}
        with (
            listener,
            marked(database.folder, listener.host, listener.port, options.ae_title, life, **asked) as mark,
            closing(listener),  # before its mark goes: whoever has asked it to end waits until all is taken
        ):
            changed: set[str] = set()
            heard, last_s = Heard(), 0.0

            def news() -> ListenProgress:
                nonlocal last_s
                progress = _news(listener, options)
                if life != "parent":  # which its child's lines tell
                    heard.take(progress.events)
                    mark.tell(heard.arrivals)
                if arrived := _series_of(progress):
                    changed.update(arrived)
                    last_s = time.monotonic()
                return progress

            def is_to_end() -> bool:
                return life != "parent" and mark.asks_to_stop

            while not is_to_end():
                yield news()
                if changed and time.monotonic() - last_s > QUIET_S:
                    examining = set(changed)
                    changed.clear()
                    try:
                        with closing(examine_arrivals_job(database.folder)) as job:
                            for _ in job:
                                yield news()
                                if is_to_end():  # what it has not come to stays unexamined for the next one
                                    return
                    except DatabaseError as error:  # another program keeps it locked, or the disk is full: later, then
                        _LOG.warning("what arrived is not examined yet: %s", error)
                        changed.update(examining)
                        last_s = time.monotonic() + AGAIN_S
                time.sleep(_NAP_S)


def _news(listener: Listener, options: ListenerOptions) -> ListenProgress:
    events = tuple(listener.events())
    return ListenProgress(
        0, 0, "listening", listener.host, listener.port, options.ae_title, events, listener.associations
    )


def _series_of(progress: ListenProgress) -> set[str]:
    from DICOMModule.network.listener_events import StoredEvent

    return {event.series_instance_uid for event in progress.events if isinstance(event, StoredEvent)}
