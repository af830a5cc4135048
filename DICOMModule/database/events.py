"""The account of an import in the database: an event that begins, goes on and ends, and what it says of single files.

An event whose process was killed never ends. So that it can be told from one that runs, be it in another process, a lock
is held for as long as the import lives; the system lets go of it for a process that dies.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from DICOMModule.database.connection import Catalogue, translated_os_error
from DICOMModule.database.sessions import held_lock, is_held, remove_dead_locks
from DICOMModule.database.tally import Tally, now_text
from DICOMModule.errors import DatabaseError

FINISHED: Final = "finished"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"
RUNNING: Final = "running"
INTERRUPTED: Final = "interrupted"
COUNTED: Final = ("files_seen", "added", "updated", "unchanged", "not_dicom")
KEEPS_ROOTS: Final = frozenset(("import", "retry", "inbox"))
_SEPARATOR: Final = b"\0"
_LOCK_SUFFIX: Final = ".running"
_SET_COUNTS: Final = (
    "UPDATE import_event SET files_seen = ?, added = ?, updated = ?, unchanged = ?, not_dicom = ? WHERE id = ?"
)


@contextmanager
def recorded_event(
    catalogue: Catalogue, incoming: Path, tally: Tally, *, roots: Sequence[Path], copy: bool, source: str
) -> Iterator[int]:
    """Note that an import begins, give its number, and note how it ended.

    Parameters
    ----------
    incoming : Path
        The database's folder for what is not whole yet; the lock lies there.
    tally : Tally
        What is counted while the import runs.
    roots : sequence of Path
        What it was asked for. It is kept where it can be asked for again: others than ``KEEPS_ROOTS`` put together what
        they bring, and take it away afterwards.
    copy : bool
        Whether it copies.
    source : str
        What brings the files: ``import``, ``retry``, ``inbox``, ``demo``, ``export``.
    """
    outcome = FAILED
    with ExitStack() as held:
        with catalogue.transaction() as connection:
            statement = "INSERT INTO import_event (started_at, copied, roots, source) VALUES (?, ?, ?, ?)"
            kept = [os.fsencode(os.path.abspath(root)) for root in roots if source in KEEPS_ROOTS]  # noqa: PTH100 (keeps links)
            values = (now_text(), copy, _SEPARATOR.join(kept), source)
            event = int(connection.execute(statement, values).lastrowid or 0)
            try:  # before anybody can see the event, lest it look like one whose process has died
                held.enter_context(held_lock(_lock_of(incoming, event)))
            except OSError as error:
                raise translated_os_error(error, incoming.parent) or error from error
        try:
            yield event
            outcome = FINISHED
        except (GeneratorExit, KeyboardInterrupt):
            outcome = CANCELLED
            raise
        finally:
            with suppress(DatabaseError):  # a full disk has been told already; without its end it counts as interrupted
                _end(catalogue, event, outcome, tally)


def note_counts(connection: sqlite3.Connection, event: int, counts: Mapping[str, int]) -> None:
    """Note within a batch's transaction how far an import has come, for the case that its process dies."""
    connection.execute(_SET_COUNTS, (*(counts.get(name, 0) for name in COUNTED), event))


def write_problems(connection: sqlite3.Connection, event: int, problems: Iterable[tuple[str, str, str, str]]) -> None:
    """Write what there is to say of files: kind, path, SOP Instance UID, reason."""
    connection.executemany(
        "INSERT INTO import_problem (event, kind, path, sop_instance_uid, reason) VALUES (?, ?, ?, ?, ?)",
        [(event, kind, os.fsencode(path), uid, reason) for kind, path, uid, reason in problems],
    )


def outcome_of(incoming: Path, event: int, outcome: str) -> str:
    """Return how an event ended, or else ``running`` or ``interrupted``: its process has died."""
    return outcome or (RUNNING if is_held(_lock_of(incoming, event)) else INTERRUPTED)


def roots_of(joined: bytes) -> tuple[Path, ...]:
    """Return what an import was asked for, from the column that keeps it."""
    return tuple(Path(os.fsdecode(root)) for root in joined.split(_SEPARATOR)) if joined else ()


def remove_dead_events(incoming: Path) -> None:
    """Remove the locks that killed imports have left; the events without an end say enough."""
    remove_dead_locks(incoming, _LOCK_SUFFIX)


def _lock_of(incoming: Path, event: int) -> Path:
    return incoming / f"import-{event}{_LOCK_SUFFIX}"


def _end(catalogue: Catalogue, event: int, outcome: str, tally: Tally) -> None:
    with catalogue.transaction() as connection:
        note_counts(connection, event, tally.counts)
        statement = "UPDATE import_event SET finished_at = ?, outcome = ? WHERE id = ?"
        connection.execute(statement, (now_text(), outcome, event))
