"""What a rebuild can ask beside the files: the old database as far as it can be read, and its backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_pool import aside_job
from DICOMModule.database.migrations import newest_version
from DICOMModule.database.replacement import HeldDatabase
from DICOMModule.database.salvage import Salvage, copy_with_new_header
from DICOMModule.errors import DatabaseError, DatabaseTooNewError, plain_text
from DICOMModule.jobs import Job, Progress


class Source:
    """A database that tells of instances.

    Parameters
    ----------
    salvage : Salvage
        By which it is read.
    is_sound : bool
        Whether SQLite finds nothing wrong with it.
    """

    def __init__(self, salvage: Salvage, *, is_sound: bool) -> None:
        self.salvage = salvage
        self._is_sound = is_sound
        self._hashes: dict[str, bytes] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it was lost, as far as one can tell."""
        return self._is_sound and self.salvage.complete

    def hash_of(self, sop_instance_uid: str) -> bytes | None:
        """Return the SHA-256 that it has of an instance."""
        if self._hashes is None:
            self._hashes = {
                row["sop_instance_uid"]: row["sha256"]
                for row in self.salvage.rows("instance")
                if isinstance(row["sha256"], bytes)
            }
        return self._hashes.get(sop_instance_uid)


def sources_job(held: HeldDatabase, new: Catalogue, backups: Path, open_ones: ExitStack) -> Job[list[Source]]:
    """Return what there is, the best first: the old database, then its backups, the newest first.

    Parameters
    ----------
    held : HeldDatabase
        The old database.
    new : Catalogue
        The new one, still empty: what its beginning and its tables should look like.
    backups : Path
        The folder of the backups.
    open_ones : ExitStack
        Closes what was opened.

    Raises
    ------
    DatabaseTooNewError
        A newer version of the program wrote it.
    DatabaseError
        It is of another program.
    """
    found: list[Source] = []
    connection = held.connection
    if connection is None:
        connection = _with_new_header(held.path, new, open_ones)
    if connection is not None:
        # what had to be given another beginning may lack anything
        source = yield from _source_job(connection, is_whole=held.connection is not None)
        if source is not None:
            _check_whose_it_is(source.salvage, connection, held, new)
            if source.salvage.is_ours:
                found.append(source)
    if not (found and found[0].is_complete):
        for path in sorted(backups.glob("*.sqlite"), reverse=True) if backups.is_dir() else ():
            with suppress(sqlite3.Error):
                other = _opened(path, open_ones)
                source = yield from _source_job(other, is_whole=True)
                if source is not None and source.salvage.is_ours:
                    found.append(source)
    return found


def _source_job(connection: sqlite3.Connection, *, is_whole: bool) -> Job[Source | None]:
    """Return a source; None where not even the list of its tables can be read."""

    def check() -> bool:
        with suppress(sqlite3.Error):
            return [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] == ["ok"]
        return False

    is_sound = yield from aside_job(check, Progress(0, 0, "what is left of the old database"), connection.interrupt)
    try:
        return Source(Salvage(connection), is_sound=is_sound and is_whole)
    except sqlite3.Error:
        return None


def _with_new_header(path: Path, new: Catalogue, open_ones: ExitStack) -> sqlite3.Connection | None:
    """Open a copy of a file that has lost its beginning, with another beginning."""
    copy = new.path.with_name("headless.sqlite")
    template = new.path.with_name("template.sqlite")
    with closing(sqlite3.connect(template)) as made:
        new.connection.backup(made)
    with suppress(sqlite3.Error, OSError):
        copy_with_new_header(path, copy, template)
        return _opened(copy, open_ones, options="mode=rw")  # its log is folded in by that
    return None


def _opened(path: Path, open_ones: ExitStack, options: str = "mode=ro&immutable=1") -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    open_ones.callback(connection.close)
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def _check_whose_it_is(salvage: Salvage, connection: sqlite3.Connection, held: HeldDatabase, new: Catalogue) -> None:
    """Refuse what another program or a newer version wrote: it would be replaced by less than it holds."""
    if salvage.is_empty:
        return
    if not salvage.is_ours:
        raise DatabaseError(f"{plain_text(str(held.path))} is a database of another program. Choose another folder.")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    # a version beyond ours with tables that are exactly ours is a damaged number
    if version > newest_version() and not salvage.has_columns(_columns(new.rows)):
        raise DatabaseTooNewError(
            f"the database {plain_text(str(held.path))} has schema version {version}, this program knows"
            f" {newest_version()}: a newer version wrote it. It was not touched; rebuild it with that version."
        )


def _columns(rows: Callable[[str], list[tuple[Any, ...]]]) -> dict[str, set[str]]:
    tables = [name for (name,) in rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {table: {row[1] for row in rows(f"PRAGMA table_info({table})")} for table in tables}
