"""The mark of a listener: others on the same database see where it listens and what came, and may ask it to end."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from DICOMModule.database.sessions import held_lock, is_held, remove_dead_locks
from DICOMModule.network.listener_events import Arrivals

_LOCK_SUFFIX: Final = ".listening"
_FACTS_SUFFIX: Final = ".listener.json"
_STOP_SUFFIX: Final = ".listener.stop"
_NEW_SUFFIX: Final = ".listener.new"
_SUFFIXES: Final = (_FACTS_SUFFIX, _NEW_SUFFIX, _STOP_SUFFIX)
_EVERY_S: Final = 1.0

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
    arrivals : Arrivals
        What it had told shortly before, of one that needs no parent.
    bind, allow, allow_any : str, tuple of str, bool
        How it was asked to listen, and for whom: see `ListenerOptions`.
    """

    kind: StateKind
    host: str = ""
    port: int = 0
    ae_title: str = ""
    text: str = ""
    process: int = field(default=0, compare=False)
    life: Life = field(default="parent", compare=False)
    arrivals: Arrivals = field(default=Arrivals(), compare=False)
    bind: str = field(default="", compare=False)
    allow: tuple[str, ...] = field(default=(), compare=False)
    allow_any: bool = field(default=False, compare=False)


class Mark:
    """The mark of this process's listener: what it says of itself, and whether somebody has asked it to end.

    That is asked by a file beside the mark: signals would not do it on every system.
    """

    def __init__(self, lock: Path, said: dict[str, Any]) -> None:
        self._lock, self._said = lock, said
        self._looked_s = self._told_s = 0.0
        self._asks_to_stop = False
        self._told = Arrivals()

    @property
    def asks_to_stop(self) -> bool:
        """Whether it was asked to end; looked for once a second."""
        now_s = time.monotonic()
        if not self._asks_to_stop and now_s - self._looked_s >= _EVERY_S:
            self._looked_s = now_s
            self._asks_to_stop = self._lock.with_suffix(_STOP_SUFFIX).exists()
        return self._asks_to_stop

    def tell(self, arrivals: Arrivals) -> None:
        """Say what came so far, once a second at most; where that cannot be written the next time will do."""
        now_s = time.monotonic()
        if arrivals == self._told or now_s - self._told_s < _EVERY_S:
            return
        self._told_s = now_s
        with suppress(OSError):
            self.write(arrivals)
            self._told = arrivals

    def write(self, arrivals: Arrivals) -> None:
        """Write the mark whole, so that nobody reads half of one."""
        new = self._lock.with_suffix(_NEW_SUFFIX)
        new.write_text(json.dumps({**self._said, "arrivals": asdict(arrivals)}), encoding="utf-8")
        new.replace(self._lock.with_suffix(_FACTS_SUFFIX))

    def remove(self) -> None:
        """Take away what was written."""
        for suffix in _SUFFIXES:
            # Windows removes nothing that another program reads at that moment: then the next start sweeps it
            with suppress(OSError):
                self._lock.with_suffix(suffix).unlink()


@contextmanager
def marked(
    database_folder: Path, host: str, port: int, ae_title: str, life: Life = "parent", **asked: Any
) -> Iterator[Mark]:
    """Say within the block that a listener of this process listens there; gives its mark.

    After an error the mark stays behind, held by nobody: others see that the listener has crashed. The next one sweeps it.

    Parameters
    ----------
    database_folder, host, port, ae_title, life
        See `ListenerState`.
    **asked
        Its `bind`, `allow` and `allow_any`.
    """
    incoming = database_folder / "incoming"
    _sweep(incoming)
    lock = incoming / f"{uuid.uuid4().hex}{_LOCK_SUFFIX}"
    said = {"host": host, "port": port, "ae_title": ae_title, "process": os.getpid(), "life": life, **asked}
    with held_lock(lock, tells_errors=True):
        mark = Mark(lock, said)
        has_failed = False
        try:
            mark.write(Arrivals())
            yield mark
        except Exception:
            has_failed = True
            raise
        finally:
            if not has_failed:
                mark.remove()


def running_listeners(database_folder: Path) -> list[ListenerState]:
    """Return the listeners that fill a database now, whatever processes they are."""
    return [state for lock, state in _marks(database_folder) if is_held(lock)]


def find_apart(database_folder: Path) -> ListenerState | None:
    """Return a listener of a database that needs no parent and can be asked to end; None where there is none.

    One that was started apart comes before one of a terminal or a service.
    """
    found = [state for state in running_listeners(database_folder) if state.life != "parent"]
    return min(found, key=lambda state: state.life != "apart", default=None)


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
    """Return whether a listener has ended without a word: its mark is there, and nobody holds it or has asked it to end."""
    return any(
        state.process == process and not is_held(lock) and not lock.with_suffix(_STOP_SUFFIX).exists()
        for lock, state in _marks(database_folder)
    )


def _marks(database_folder: Path) -> Iterator[tuple[Path, ListenerState]]:
    for lock in sorted((database_folder / "incoming").glob(f"*{_LOCK_SUFFIX}")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # it has just ended, or is just beginning
            facts = json.loads(lock.with_suffix(_FACTS_SUFFIX).read_text(encoding="utf-8"))
            where = str(facts["host"]), int(facts["port"]), str(facts["ae_title"])
            life: Life = facts["life"] if facts.get("life") in {"own", "apart"} else "parent"
            state = ListenerState(
                "listening",
                *where,
                process=int(facts.get("process", 0)),
                life=life,
                arrivals=Arrivals(**facts.get("arrivals", {})),
                bind=str(facts.get("bind", facts["host"])),
                allow=tuple(map(str, facts.get("allow", ()))),
                allow_any=facts.get("allow_any") is True,
            )
            yield lock, state


def _sweep(incoming: Path) -> None:
    """Remove what listeners have left that were killed."""
    if not incoming.is_dir():
        return
    remove_dead_locks(incoming, _LOCK_SUFFIX)
    for suffix in _SUFFIXES:
        for left in incoming.glob(f"*{suffix}"):
            lock = left.with_name(left.name.removesuffix(suffix) + _LOCK_SUFFIX)
            if not lock.exists():
                with suppress(OSError):
                    os.remove(left)  # noqa: PTH107 (where it has gone meanwhile, the same)
