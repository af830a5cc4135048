"""What a listener tells: what it stored, whom and what it refused."""

from __future__ import annotations

from dataclasses import dataclass


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
