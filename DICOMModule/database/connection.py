"""The SQLite file: opened, migrated, written to in short transactions, and its errors in our words."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import peewee

from DICOMModule.database import migrations
from DICOMModule.database.backups import back_up
from DICOMModule.database.failures import SQL_ERRORS, corrupt_error, disk_full_error, is_full, translated_os_error
from DICOMModule.database.file_beginning import check_beginning
from DICOMModule.database.search_index import missing_in_sqlite
from DICOMModule.errors import (
    DatabaseBusyError,
    DatabaseError,
    DatabaseReadOnlyError,
    DatabaseTooNewError,
    plain_text,
)

__all__ = ["BUSY_WAIT_S", "FILE_NAME", "Catalogue", "disk_full_error", "translated_os_error"]

FILE_NAME: Final = "dicommodule.sqlite"
BUSY_WAIT_S: Final = 30.0
# secure_delete: what is deleted is overwritten at once, not when its page is used again (`purge` does the rest)
_PRAGMAS: Final = (
    "foreign_keys = ON",
    "synchronous = FULL",
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "secure_delete = ON",
    "cache_size = -65536",  # KiB: UIDs are inserted all over their index
    "wal_autocheckpoint = 4000",
)
_OPEN_HERE: dict[int, tuple[int, int] | None] = {}
"""The files that this process has open."""


class _Database(peewee.SqliteDatabase):
    """A peewee database that remembers its connections, one a thread, so that closing it closes all of them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.opened: list[sqlite3.Connection] = []
        super().__init__(*arguments, **options)

    def of_this_thread(self) -> sqlite3.Connection:
        """Return this thread's connection, opening it the first time."""
        connection: sqlite3.Connection = self.connection()  # type: ignore[no-untyped-call]
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._connect()  # type: ignore[misc]  # the stubs leave it out
        self.opened.append(connection)
        return connection

    def _add_conn_hooks(self, conn: sqlite3.Connection) -> None:
        super()._add_conn_hooks(conn)  # type: ignore[misc]  # the stubs leave it out
        for pragma in _PRAGMAS:
            conn.execute(f"PRAGMA {pragma}")


class Catalogue:
    """The open SQLite file.

    Parameters
    ----------
    folder : Path
        The database folder, existing.

    Attributes
    ----------
    read_only : bool
        Whether the folder cannot be written to, so that nothing but reading works.
    database : peewee.SqliteDatabase
        For queries; writing goes through `transaction`.
    before_first_write : callable or None
        Called before the first transaction begins.

    Raises
    ------
    DatabaseError
        It is damaged, too new, busy, or not ours; nothing has been changed then.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self.read_only = False
        self.before_first_write: Callable[[], None] | None = None
        self._first_write = threading.Lock()
        if not _is_open_here(self.path):  # closing a file drops the locks that this process has on it
            check_beginning(self.path)
        self.database, self._identity = self._opened_in_place()
        try:
            with self.translated():
                self._prepare(folder)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every thread's connection."""
        _close_all(self.database)
        _OPEN_HERE.pop(id(self), None)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this thread, for reading."""
        return self.database.of_this_thread()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Give errors of SQLite and of the disk in our words."""
        try:
            yield
        except (*SQL_ERRORS, peewee.PeeweeException) as error:
            raise self._translation(error) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write: all of it or nothing. It waits for other writers first, so keep what is inside short.

        A transaction that reads first and then wants to write fails at once when another one has written in between:
        hence IMMEDIATE.
        """
        if self.read_only:
            raise self._read_only_error()
        self._check_place()
        self._note_first_write()
        with self.translated():
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._check_place()  # again: it may have been replaced while we waited for another writer
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself after a full disk
                    connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of one reading statement."""
        with self.translated():
            return list(self.connection.execute(sql, parameters))

    def execute(self, query: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a peewee query as tuples."""
        with self.translated():
            rows: list[tuple[Any, ...]] = list(query.tuples().execute(self.database))
            return rows

    def integrity(self) -> str:
        """Return ``ok``, or what SQLite finds wrong with its own file."""
        try:
            found = [row[0] for row in self.connection.execute("PRAGMA integrity_check(5)")]
            found += [f"a row of {row[0]} refers to none" for row in self._foreign_key_rows()]
        except (*SQL_ERRORS, peewee.PeeweeException) as error:
            return str(error)
        return "ok" if found == ["ok"] else "; ".join(line for line in found if line != "ok")

    def quick_check(self) -> str:
        """Return ``ok``, or what SQLite finds wrong in a fraction of the time that `integrity` takes."""
        try:
            found = [row[0] for row in self.connection.execute("PRAGMA quick_check(5)")]
        except (*SQL_ERRORS, peewee.PeeweeException) as error:
            return str(error)
        return "; ".join(found)

    def _note_first_write(self) -> None:
        """Do once what has to be done before anything is written."""
        if self.before_first_write is not None:
            with self._first_write:
                if self.before_first_write is not None:
                    self.before_first_write()
                    self.before_first_write = None

    def _foreign_key_rows(self) -> list[tuple[Any, ...]]:
        return self.connection.execute("PRAGMA foreign_key_check").fetchmany(5)

    # --- opening

    def _opened_in_place(self) -> tuple[_Database, tuple[int, int] | None]:
        """Open the file that lies at its place, not one that has been replaced while we waited for its lock."""
        while True:
            _make_private(self.path)
            before = _identity(self.path)
            database = self._opened()
            if _identity(self.path) == before:
                _OPEN_HERE[id(self)] = before
                return database, before
            _close_all(database)

    def _opened(self) -> _Database:
        """Open for writing, or for reading where the system does not let us write."""
        database = _Database(os.fspath(self.path), timeout=BUSY_WAIT_S, check_same_thread=False)
        try:
            connection = database.of_this_thread()
            if _is_ours(connection):
                _set_wal(connection)
        except (*SQL_ERRORS, peewee.PeeweeException) as error:
            _close_all(database)
            if not isinstance(self._translation(error), DatabaseReadOnlyError) or not self.path.exists():
                raise self._translation(error) from error
            return self._opened_for_reading()
        return database

    def _opened_for_reading(self) -> _Database:
        self.read_only = True
        # without a log beside it the file cannot change under a reader that may not make lock files
        log = self.path.with_name(FILE_NAME + "-wal")
        immutable = "" if log.exists() and log.stat().st_size else "&immutable=1"
        uri = f"{self.path.absolute().as_uri()}?mode=ro{immutable}"
        database = _Database(uri, uri=True, timeout=BUSY_WAIT_S, check_same_thread=False)
        with self.translated():
            database.of_this_thread().execute("PRAGMA user_version")
        return database

    def _prepare(self, folder: Path) -> None:
        """Check the schema's version, and bring an older one up to ours."""
        if missing := missing_in_sqlite(self.connection):
            raise DatabaseError(
                f"the database in {plain_text(str(folder))} needs {missing}. It was not touched; use another Python."
            )
        newest = migrations.newest_version()
        version = self._version()
        if version > newest:
            raise DatabaseTooNewError(
                f"the database in {plain_text(str(folder))} has schema version {version}, this program knows {newest}:"
                " a newer version wrote it. It was not touched; use that version."
            )
        if version == newest:
            return
        if self.read_only:
            raise self._read_only_error()
        if version:
            try:
                back_up(self.path, folder / "backups", f"version{version}")
            except OSError as error:
                raise translated_os_error(error, folder) or error from error
        elif self._has_tables():
            raise DatabaseError(
                f"{plain_text(str(self.path))} is a database of another program. Choose another folder."
            )
        for step in range(version, newest):
            self._migrate(step)

    def _migrate(self, step: int) -> None:
        with self.transaction() as connection:
            if self._version() != step:  # another program was faster
                return
            migrations.MIGRATIONS[step](connection)
            connection.execute(f"PRAGMA user_version = {step + 1}")

    def _version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    def _has_tables(self) -> bool:
        # a database that another program is just making has its version set in the same transaction as its tables
        return _has_tables(self.connection) and not self._version()

    # --- errors

    def _check_place(self) -> None:
        """Refuse to write into a file that nobody will find again: SQLite would, without a word."""
        if _identity(self.path) != self._identity:
            raise DatabaseError(
                f"the database {plain_text(str(self.path))} has been removed or replaced since it was opened, so nothing"
                " is written to it. Bring its folder back or choose another one, and start the program again."
            )

    def _read_only_error(self) -> DatabaseReadOnlyError:
        return DatabaseReadOnlyError(
            f"the database folder {plain_text(str(self.path.parent))} cannot be written to, so it can only be read."
            " Check its permissions, or choose another folder."
        )

    def _translation(self, error: Exception) -> DatabaseError:
        """Return our error for one of SQLite's (peewee keeps it as `orig`)."""
        original = getattr(error, "orig", None) or error.__cause__ or error
        if not isinstance(original, sqlite3.Error):
            original = error
        name = getattr(original, "sqlite_errorname", "") or ""
        where = plain_text(str(self.path))
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return DatabaseBusyError(
                f"another program kept {where} locked for more than {BUSY_WAIT_S:.0f} s. Try again when it has finished."
            )
        if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and is_full(self.path.parent)):
            return disk_full_error(self.path.parent)
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return self._read_only_error()
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or "decode" in str(original):
            return corrupt_error(self.path, str(original))
        return DatabaseError(f"the database {where} cannot do this: {original}.")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells this file from another one at its place; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_open_here(path: Path) -> bool:
    identity = _identity(path)
    return identity is not None and identity in list(_OPEN_HERE.values())


def _make_private(path: Path) -> None:
    """Make the file before SQLite does, for its owner alone; its log and lock files take over the permissions."""
    with suppress(OSError):  # where this cannot be done, SQLite says why
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _set_wal(connection: sqlite3.Connection) -> None:
    """Choose the write-ahead log once for the file's life; SQLite does not wait for others when it changes that."""
    deadline = time.monotonic() + BUSY_WAIT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not (error.sqlite_errorname or "").startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Return whether we know the schema, or make it; the file of a newer version or another program is not touched."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    return version <= migrations.newest_version() if version else not _has_tables(connection)


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _close_all(database: _Database) -> None:
    database.close()
    while database.opened:
        database.opened.pop().close()
