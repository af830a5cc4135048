"""The mark of a listener that runs: other programs on the same database see where it listens, and that it lives."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from DICOMModule.database.sessions import held_lock, is_held, remove_dead_locks

_LOCK_SUFFIX: Final = ".listening"
_FACTS_SUFFIX: Final = ".listener.json"

StateKind = Literal["stopped", "starting", "listening", "restarting", "failed"]


@dataclass(frozen=True, slots=True)
class ListenerState:
    """How it is with a listener.

    Attributes
    ----------
    kind : str
        ``stopped``, ``starting``, ``listening``, ``restarting`` or ``failed``.
    host, port, ae_title : str, int, str
        Where it listens, and as whom.
    text : str
        Why it does not, or what is being done about it; a sentence.
    """

    kind: StateKind
    host: str = ""
    port: int = 0
    ae_title: str = ""
    text: str = ""


@contextmanager
def marked(database_folder: Path, host: str, port: int, ae_title: str) -> Iterator[None]:
    """Say within the block that a listener of this process listens there."""
    incoming = database_folder / "incoming"
    _sweep(incoming)
    lock = incoming / f"{uuid.uuid4().hex}{_LOCK_SUFFIX}"
    facts = lock.with_suffix(_FACTS_SUFFIX)
    with held_lock(lock):
        facts.write_text(json.dumps({"host": host, "port": port, "ae_title": ae_title}), encoding="utf-8")
        try:
            yield
        finally:
            facts.unlink(missing_ok=True)


def running_listeners(database_folder: Path) -> list[ListenerState]:
    """Return the listeners that fill a database now, whatever processes they are."""
    found = []
    for lock in sorted((database_folder / "incoming").glob(f"*{_LOCK_SUFFIX}")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # it has just ended, or is just beginning
            facts = json.loads(lock.with_suffix(_FACTS_SUFFIX).read_text(encoding="utf-8"))
            if is_held(lock):
                state = ListenerState("listening", str(facts["host"]), int(facts["port"]), str(facts["ae_title"]))
                found.append(state)
    return found


def _sweep(incoming: Path) -> None:
    """Remove what listeners have left that were killed."""
    if not incoming.is_dir():
        return
    remove_dead_locks(incoming, _LOCK_SUFFIX)
    for facts in incoming.glob(f"*{_FACTS_SUFFIX}"):
        lock = facts.with_name(facts.name.removesuffix(_FACTS_SUFFIX) + _LOCK_SUFFIX)
        if not lock.exists():
            with suppress(OSError):
                os.remove(facts)  # noqa: PTH107 (where it has gone meanwhile, the same)
