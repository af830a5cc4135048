"""Copies of a damaged database file whose beginning or whose list of tables is put right, so that the rest can be read.

The list of tables is a table itself: what stands in it is the text of the statements that made the tables. One damaged word
there, and SQLite reads nothing any more. What it should say is known.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.failures import SQL_ERRORS
from DICOMModule.database.salvage import lenient_text

MOST_TABLES: Final = 300
_PAGE_BYTES: Final = 4096
_HEADER_BYTES: Final = 100
_LIST: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"


def mended_copies(path: Path, new: Catalogue) -> Iterator[Path]:
    """Return copies of the file at `path`, beside the new database: with its own beginning, then with that of ours."""
    template = new.path.with_name("template.sqlite")
    with closing(sqlite3.connect(template)) as made:
        new.connection.backup(made)
    expected = [row for row in new.rows(_LIST) if not row[1].startswith("search_index")]
    for name, with_own in (("own.sqlite", True), ("headless.sqlite", False)):
        copy = new.path.with_name(name)
        with suppress(*SQL_ERRORS, OSError):
            if with_own:
                if not path.exists() or path.stat().st_size < 2 * _PAGE_BYTES:
                    continue
                _copy_with_log(path, copy)
            else:
                _copy_with_new_header(path, copy, template)
            _mend_list(copy, expected)
            yield copy


def _mend_list(path: Path, expected: list[tuple[Any, ...]]) -> None:
    """Let the list of tables say what it should, and no more than is needed to read rows by their numbers."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.text_factory = lenient_text
        connection.execute("PRAGMA writable_schema = ON")  # SQLite then puts up with what it cannot make out
        there = _list_of(connection)
        names = {name for _, name, _, _ in expected}
        unknown = [row for row in there if row[2] not in names]
        for kind, name, table, sql in expected:
            rows = [row for row in there if row[2] == name] or [row for row in unknown if _is_like(row[4], sql)]
            if len(rows) == 1:
                _change(connection, (kind, name, table, sql, rows[0][0]))
        # the indexes that tables make of themselves must be there under their names, all others need not be
        made: Counter[str] = Counter()
        for row, kind, name, table, sql in unknown:
            if kind == "index" and sql is None:
                made[table] += 1
                _change(connection, (kind, f"sqlite_autoindex_{table}_{made[table]}", table, None, row))
            elif not name.startswith("sqlite_") and not any(_is_like(sql, one[3]) for one in expected):
                with suppress(*SQL_ERRORS):
                    connection.execute("DELETE FROM sqlite_master WHERE rowid = ?", (row,))


def _list_of(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Return the rows of the list of tables that can be read."""
    found = []
    for row in range(1, MOST_TABLES):
        with suppress(*SQL_ERRORS):
            statement = "SELECT rowid, type, name, tbl_name, sql FROM sqlite_master WHERE rowid = ?"
            found += connection.execute(statement, (row,)).fetchall()
    return [row for row in found if isinstance(row[2], str) and isinstance(row[3], str)]


def _change(connection: sqlite3.Connection, values: tuple[Any, ...]) -> None:
    with suppress(*SQL_ERRORS):
        statement = "UPDATE sqlite_master SET type = ?, name = ?, tbl_name = ?, sql = ? WHERE rowid = ?"
        connection.execute(statement, values)


def _is_like(damaged: object, sql: str) -> bool:
    """Return whether a damaged statement is this one, but for a few characters."""
    return isinstance(damaged, str) and len(damaged) == len(sql) and sum(map(str.__ne__, damaged, sql)) <= 4


def _copy_with_log(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    log = source.with_name(f"{source.name}-wal")
    if log.exists() and log.stat().st_size:
        shutil.copyfile(log, target.with_name(f"{target.name}-wal"))


def _copy_with_new_header(source: Path, target: Path, template: Path) -> None:
    """Copy a database whose first bytes are lost, with those of another one of ours in their place, and its log.

    The rest of such a file is often whole: behind the header, which is the same for all but a few numbers, the first page
    lists the tables. Where nothing is left of the file itself its log may still hold all of it.
    """
    content = template.read_bytes()
    header = bytearray(content[:_HEADER_BYTES])
    size = source.stat().st_size if source.exists() else 0
    log = source.with_name(f"{source.name}-wal")
    has_log = log.exists() and log.stat().st_size > 0
    header[18:20] = b"\2\2" if has_log else b"\1\1"
    with target.open("wb") as new:
        if size < 2 * _PAGE_BYTES:
            new.write(bytes(header) + content[_HEADER_BYTES:])
        else:
            header[28:32] = (size // _PAGE_BYTES).to_bytes(4, "big")
            header[32:40] = bytes(8)  # no free pages: which they were is lost, and nothing is written
            header[92:96] = header[24:28]  # the number of pages counts for the state of the file that stands there
            new.write(header)
            with source.open("rb") as old:
                old.seek(_HEADER_BYTES)
                while piece := old.read(1 << 20):
                    new.write(piece)
            new.truncate(size // _PAGE_BYTES * _PAGE_BYTES)
    if has_log:
        shutil.copyfile(log, target.with_name(f"{target.name}-wal"))
