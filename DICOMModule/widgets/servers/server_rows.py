"""A server as the window shows it: where it is, and how its last test went, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from DICOMModule.database.servers import ServerEntry
from DICOMModule.errors import plain_text


@dataclass(frozen=True, slots=True)
class Mark:
    """How a server stands: an icon, its colour's name in the theme, a word or two, and a sentence."""

    icon: str
    color: str
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A server of the address book.

    Attributes
    ----------
    entry : ServerEntry
        As the address book has it.
    learnt : mapping
        What the last test that came to an association found out; empty where there was none.
    failure : str
        What went wrong in the last test since the window was opened; empty where nothing did.
    """

    entry: ServerEntry
    learnt: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def mark(self) -> Mark:
        """How the last test went."""
        if self.entry.kind != "dimse":
            return Mark(
                "info", "dim", "not usable yet", "A DICOMweb service, which this version keeps but cannot use yet."
            )
        if self.failure:
            return Mark("error", "error", "test failed", f"The last test failed: {self.failure}")
        if not self.learnt:
            return Mark("unknown", "dim", "not tested", "It has not been tested yet.")
        services = self.learnt.get("services")
        offered = ", ".join(str(one) for one in services) if isinstance(services, list) else ""
        when = _local_time(self.learnt.get("tested_at"))
        tested = f"Tested {when}" if when else "Tested"
        if "C-FIND" not in offered:
            return Mark("warning", "warning", "in part", f"{tested}: it offers {offered or 'none of our services'}.")
        return Mark("ok", "ok", "answered", f"{tested}: it offers {offered}.")


def place_text(entry: ServerEntry) -> str:
    """Return where a server is: ``ORTHANC · 192.0.2.7:4242``, or its URL."""
    if entry.kind != "dimse":
        return plain_text(entry.url)
    host = f"[{entry.host}]" if ":" in entry.host else entry.host
    return plain_text(f"{entry.ae_title} · {host}:{entry.port}")


def _local_time(text: object) -> str:
    """Return a time of the address book as the clock on the wall has it; empty where it is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone().strftime("%Y-%m-%d %H:%M")
