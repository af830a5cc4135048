"""What a listener tells: what it stored, whom and what it refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

MOST_SERIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An instance is on disk and indexed, so its sender is told so."""

    sop_instance_uid: str
    series_instance_uid: str
    calling_ae: str
    host: str


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """Somebody was not let in, or an instance not taken as it is; `reason` says why, and names no patient.

    Nothing of it is kept, but of an instance whose UID another content has: that is acknowledged, and lies in quarantine.
    """

    reason: str
    calling_ae: str
    host: str


ListenerEvent: TypeAlias = StoredEvent | RejectedEvent


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What a listener has told since it was started.

    Attributes
    ----------
    instances, series, refused : int
        Instances that were stored, the series that they belong to (0: more than are counted), and what was refused.
    last_from : str
        Who sent the last instance: AE title and address.
    last_refusal : str
        Why the last of what was refused was, and whom; empty where nothing was.
    """

    instances: int = 0
    series: int = 0
    refused: int = 0
    last_from: str = ""
    last_refusal: str = ""


class Heard:
    """Counts what a listener tells.

    Attributes
    ----------
    arrivals : Arrivals
        All that it has told so far.
    """

    def __init__(self) -> None:
        self.arrivals = Arrivals()
        self._series: set[str] = set()

    def take(self, events: Iterable[ListenerEvent]) -> None:
        """Count some more."""
        told = self.arrivals
        for event in events:
            whose = f"{event.calling_ae or 'a caller without a title'} at {event.host}"
            if isinstance(event, StoredEvent):
                if len(self._series) <= MOST_SERIES:  # it may run for months
                    self._series.add(event.series_instance_uid)
                told = replace(told, instances=told.instances + 1, last_from=whose)
            else:
                told = replace(told, refused=told.refused + 1, last_refusal=f"{whose}: {event.reason}")
        self.arrivals = replace(told, series=len(self._series) if len(self._series) <= MOST_SERIES else 0)
