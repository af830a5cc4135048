"""The mark of a listener that runs: other programs on the same database see where it listens, that it lives, and may ask it to end."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from DICOMModule.database.sessions import held_lock, is_held, remove_dead_locks

_LOCK_SUFFIX: Final = ".listening"
_FACTS_SUFFIX: Final = ".listener.json"
_STOP_SUFFIX: Final = ".listener.stop"
_LOOK_EVERY_S: Final = 1.0

Life = Literal["parent", "own", "apart"]
"""What ends a listener: the end of its parent; or a request, too. One that was started apart is started again after a crash."""
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
    process : int
        The process that listens; 0 where that is not known.
    life : str
        What ends it: see `Life`.
    """

    kind: StateKind
    host: str = ""
    port: int = 0
    ae_title: str = ""
    text: str = ""
    process: int = field(default=0, compare=False)
    life: Life = field(default="parent", compare=False)


class StopRequest:
    """Whether somebody has asked a listener to end, by a file beside its mark: signals would not do it on every system."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked_s = 0.0

    @property
    def is_there(self) -> bool:
        """Whether it was asked; looked for once a second."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_EVERY_S:
            return False
        self._looked_s = now_s
        return self._path.exists()


@contextmanager
def marked(database_folder: Path, host: str, port: int, ae_title: str, life: Life = "parent") -> Iterator[StopRequest]:
    """Say within the block that a listener of this process listens there; gives what tells that it is asked to end."""
    incoming = database_folder / "incoming"
    _sweep(incoming)
    lock = incoming / f"{uuid.uuid4().hex}{_LOCK_SUFFIX}"
    facts, stop = lock.with_suffix(_FACTS_SUFFIX), lock.with_suffix(_STOP_SUFFIX)
    told = {"host": host, "port": port, "ae_title": ae_title, "process": os.getpid(), "life": life}
    with held_lock(lock):
        facts.write_text(json.dumps(told), encoding="utf-8")
        try:
            yield StopRequest(stop)
        finally:
            facts.unlink(missing_ok=True)
            stop.unlink(missing_ok=True)


def running_listeners(database_folder: Path) -> list[ListenerState]:
    """Return the listeners that fill a database now, whatever processes they are."""
    return [state for lock, state in _marks(database_folder) if is_held(lock)]


def find_apart(database_folder: Path) -> ListenerState | None:
    """Return a listener of a database that needs no parent and can be asked to end; None where there is none."""
    return next((state for state in running_listeners(database_folder) if state.life != "parent"), None)


def ask_to_stop(database_folder: Path, process: int) -> None:
    """Ask a listener that is no child of a parent to end; it does within a second or two, and takes what is under way.

    Raises
    ------
    OSError
        The request cannot be written.
    """
    for lock, state in _marks(database_folder):
        if state.process == process and is_held(lock):
            lock.with_suffix(_STOP_SUFFIX).touch(mode=0o600)


def has_crashed(database_folder: Path, process: int) -> bool:
    """Return whether a listener has ended without a word: its mark is there, and nobody holds it."""
    return any(state.process == process and not is_held(lock) for lock, state in _marks(database_folder))


def _marks(database_folder: Path) -> Iterator[tuple[Path, ListenerState]]:
    for lock in sorted((database_folder / "incoming").glob(f"*{_LOCK_SUFFIX}")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # it has just ended, or is just beginning
            facts = json.loads(lock.with_suffix(_FACTS_SUFFIX).read_text(encoding="utf-8"))
            where = str(facts["host"]), int(facts["port"]), str(facts["ae_title"])
            life: Life = facts["life"] if facts.get("life") in {"own", "apart"} else "parent"
            yield lock, ListenerState("listening", *where, process=int(facts.get("process", 0)), life=life)


def _sweep(incoming: Path) -> None:
    """Remove what listeners have left that were killed."""
    if not incoming.is_dir():
        return
    remove_dead_locks(incoming, _LOCK_SUFFIX)
    for suffix in (_FACTS_SUFFIX, _STOP_SUFFIX):
        for left in incoming.glob(f"*{suffix}"):
            lock = left.with_name(left.name.removesuffix(suffix) + _LOCK_SUFFIX)
            if not lock.exists():
                with suppress(OSError):
                    os.remove(left)  # noqa: PTH107 (where it has gone meanwhile, the same)
