"""What a rebuild can ask beside the files: the old database as far as it can be read, and its backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.failures import SQL_ERRORS
from DICOMModule.database.file_pool import aside_job
from DICOMModule.database.migrations import newest_version
from DICOMModule.database.replacement import HeldDatabase
from DICOMModule.database.salvage import Salvage
from DICOMModule.database.salvage_copies import mended_copies
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
    if held.connection is not None:
        source = yield from _source_job(held.connection, is_whole=True)
        if source is not None and source.salvage.is_ours:
            _check_version(source.salvage, held.connection, held, new)
            found.append(source)
    if not (found and (found[0].is_complete or found[0].salvage.has_columns(_columns(new.rows)))):
        # its beginning or its list of tables is damaged, or it is an older one, or not ours at all
        for copy in mended_copies(held.path, new):
            with suppress(*SQL_ERRORS):
                source = yield from _source_job(_opened(copy, open_ones, tolerant=True), is_whole=False)
                if source is not None and source.salvage.is_ours and not source.salvage.is_without_rows:
                    found.append(source)
                    break
    if not found and held.connection is not None:
        _refuse_others(held)
    if not (found and found[0].is_complete):
        for path in sorted(backups.glob("*.sqlite"), reverse=True) if backups.is_dir() else ():
            with suppress(*SQL_ERRORS):
                source = yield from _source_job(_opened(path, open_ones), is_whole=True)
                if source is not None and source.salvage.is_ours:
                    found.append(source)
    return found


def _source_job(connection: sqlite3.Connection, *, is_whole: bool) -> Job[Source | None]:
    """Return a source; None where not even the list of its tables can be read."""

    def check() -> bool:
        with suppress(*SQL_ERRORS):
            return [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] == ["ok"]
        return False

    is_sound = yield from aside_job(check, Progress(0, 0, "what is left of the old database"), connection.interrupt)
    try:
        return Source(Salvage(connection), is_sound=is_sound and is_whole)
    except SQL_ERRORS:
        return None


def _opened(path: Path, open_ones: ExitStack, *, tolerant: bool = False) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    open_ones.callback(connection.close)
    if tolerant:  # tables that are listed before the first damage are there
        connection.execute("PRAGMA writable_schema = ON")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def _refuse_others(held: HeldDatabase) -> None:
    """Refuse a sound database of another program: it would be replaced by less than it holds."""
    with suppress(*SQL_ERRORS):
        if held.connection is not None and not Salvage(held.connection).is_empty:
            raise DatabaseError(
                f"{plain_text(str(held.path))} is a database of another program. Choose another folder."
            )


def _check_version(salvage: Salvage, connection: sqlite3.Connection, held: HeldDatabase, new: Catalogue) -> None:
    """Refuse what a newer version wrote: it would be replaced by less than it holds."""
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
