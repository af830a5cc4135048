"""The rows that a purge takes out of a catalogue: of the open one, and of its copies in ``backups/``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from DICOMModule.database.counting import PURGING, drop_empty_trash, recount
from DICOMModule.database.naming_words import NamingWords
from DICOMModule.database.purge_scope import Scope, whole_levels
from DICOMModule.database.search_index import scrub_search
from DICOMModule.database.stored_attributes import load_attributes
from DICOMModule.jobs import Job, Progress

_LEVELS: Final = (
    ("series", "instance", "series"),
    ("study", "series", "study"),
    ("patient", "study", "patient"),
)
REWRITING: Final = Progress(0, 0, "rewriting backups")
ROWS_A_STEP: Final = 2000
SERIES_A_STEP: Final = 50
_NEXT_GOING: Final = "SELECT id FROM temp.going WHERE id > ? ORDER BY id LIMIT ?"
_HAS_TRASH: Final = 2
_HAS_ROOTS: Final = 3


def drop_empty(connection: sqlite3.Connection, series: Iterable[int]) -> tuple[int, int, int]:
    """Drop those of these series, and of what is above them, that hold nothing; return patients, studies, series."""
    rows = [(one,) for one in sorted(set(series))]
    counts = []
    for table, below, column in _LEVELS:
        above = "study" if table == "series" else "patient"
        parents: set[tuple[int]] = set()
        dropped = 0
        for row in rows:
            if table != "patient":
                parents.update(connection.execute(f"SELECT {above} FROM {table} WHERE id = ?", row))  # noqa: S608 (ours)
            statement = (
                f"DELETE FROM {table} WHERE id = ? AND NOT EXISTS (SELECT 1 FROM {below} WHERE {column} = {table}.id)"  # noqa: S608
            )
            dropped += connection.execute(statement, row).rowcount
        counts.append(dropped)
        rows = sorted(parents)
    return counts[2], counts[1], counts[0]


def report_rows(connection: sqlite3.Connection, scope: Scope) -> tuple[list[int], list[tuple[bytes, int]]]:
    """Return the rows of import reports that go, and the events whose roots change, as (roots, event)."""
    gone = [
        row
        for row, path, uid, reason in connection.execute(
            "SELECT id, path, sop_instance_uid, reason FROM import_problem"
        )
        if uid in scope.sop_uids or scope.names(bytes(path)) or scope.words.are_in(reason)
    ]
    return gone, [] if _version(connection) < _HAS_ROOTS else _changed_roots(connection, scope)


def _changed_roots(connection: sqlite3.Connection, scope: Scope) -> list[tuple[bytes, int]]:
    changed = []
    for event, roots in connection.execute("SELECT id, roots FROM import_event"):
        before = bytes(roots)
        after = b"\0".join(
            root
            for root in before.split(b"\0")
            if not (root in scope.roots or root in scope.sources or scope.words.are_in(root))
        )
        if after != before:
            changed.append((after, event))
    return changed


def delete_reports(connection: sqlite3.Connection, rows: Sequence[int], roots: Sequence[tuple[bytes, int]]) -> None:
    """Delete what `report_rows` found."""
    connection.executemany("DELETE FROM import_problem WHERE id = ?", [(row,) for row in rows])
    if roots:  # older schemas have no such column
        connection.executemany("UPDATE import_event SET roots = ? WHERE id = ?", roots)


def rebase(connection: sqlite3.Connection, series: int, going: str) -> None:
    """Let a series of which a part stays rest on an instance that stays: what only the others said goes with them."""
    base = load_attributes(connection.execute("SELECT attributes FROM series WHERE id = ?", (series,)).fetchone()[0])
    statement = f"SELECT id, attributes, {going} FROM instance WHERE series = ? ORDER BY id"  # noqa: S608 (ours)
    merged: list[tuple[int, dict[str, Any], bool]] = []
    for row, text, goes in connection.execute(statement, (series,)):
        attributes = {key: value for key, value in {**base, **load_attributes(text)}.items() if value is not None}
        merged.append((row, attributes, bool(goes)))
    new = next(attributes for _, attributes, goes in merged if not goes)
    connection.execute("UPDATE series SET attributes = ? WHERE id = ?", (_dump(new), series))
    changes = [(_dump(_difference(attributes, new)), row) for row, attributes, _ in merged]
    connection.executemany("UPDATE instance SET attributes = ? WHERE id = ?", changes)


def _difference(attributes: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    changed = {key: value for key, value in attributes.items() if base.get(key) != value}
    return changed | dict.fromkeys(base.keys() - attributes.keys())


def _dump(attributes: dict[str, Any]) -> str:
    return json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))


# --- a backup


def delete_from_backup_job(connection: sqlite3.Connection, scope: Scope) -> Job[None]:
    """Take out of the copy of a catalogue, of whatever version up to ours, all that a purge of ours takes.

    The copy may hold more of it than there is now, and under an earlier name. One that was made while a purge was not
    finished holds its mark too, and what it marks goes with it.
    """
    with_trash = _version(connection) >= _HAS_TRASH
    connection.execute("CREATE TEMP TABLE going (id INTEGER PRIMARY KEY)")
    yield from _collect_job(connection, scope, with_trash=with_trash)
    going = "instance.id IN (SELECT id FROM temp.going)"
    found = whole_levels(connection, going, f"NOT {going}")
    words = NamingWords(found.names, found.numbers)
    series = [row for (row,) in connection.execute(f"SELECT DISTINCT series FROM instance WHERE {going}")]  # noqa: S608
    for one in series:
        yield REWRITING
        statement = f"SELECT EXISTS (SELECT 1 FROM instance WHERE series = ? AND NOT ({going}))"  # noqa: S608 (ours)
        if connection.execute(statement, (one,)).fetchone()[0]:
            rebase(connection, one, going)
    sources = {
        bytes(source)
        for (source,) in connection.execute(f"SELECT source_path FROM instance WHERE {going}")  # noqa: S608 (ours)
        if source is not None
    }
    some = "id IN (SELECT id FROM temp.going WHERE id > ? ORDER BY id LIMIT ?)"
    last = 0
    while chunk := connection.execute(_NEXT_GOING, (last, ROWS_A_STEP)).fetchall():
        yield REWRITING
        connection.execute(f"DELETE FROM instance WHERE {some}", (last, ROWS_A_STEP))  # noqa: S608 (ours)
        last = chunk[-1][0]
    for first in range(0, len(series), SERIES_A_STEP):
        yield REWRITING
        live = "trash IS NULL" if with_trash else "TRUE"
        recount(connection, series[first : first + SERIES_A_STEP], live=live)
    yield REWRITING
    if with_trash:
        connection.execute(f"DELETE FROM trash WHERE {PURGING}")  # noqa: S608 (ours)
        drop_empty_trash(connection)
    _delete_backup_reports(connection, scope, words, sources)
    connection.execute("DROP TABLE temp.going")
    scrub_search(connection)


def _collect_job(connection: sqlite3.Connection, scope: Scope, *, with_trash: bool) -> Job[None]:
    """Note the instances that go: by UID, below what goes as a whole, and what a purge in the copy itself has marked."""
    insert = "INSERT OR IGNORE INTO temp.going SELECT instance.id FROM instance"
    levels = (
        " JOIN series ON series.id = instance.series JOIN study ON study.id = series.study"
        " JOIN patient ON patient.id = study.patient"
    )
    of_series = " WHERE series_instance_uid = ? AND study_instance_uid = ? AND identity = ?"
    of_study = " WHERE study_instance_uid = ? AND identity = ?"
    uids = sorted(scope.sop_uids)
    for first in range(0, len(uids), ROWS_A_STEP):
        yield REWRITING
        some = [(uid,) for uid in uids[first : first + ROWS_A_STEP]]
        connection.executemany(f"{insert} WHERE sop_instance_uid = ?", some)
    connection.executemany(insert + levels + of_series, sorted(scope.series))
    connection.executemany(insert + levels + of_study, sorted(scope.studies))
    connection.executemany(f"{insert}{levels} WHERE identity = ?", [(one,) for one in sorted(scope.patients)])
    if with_trash:
        connection.execute(f"{insert} WHERE trash IN (SELECT id FROM trash WHERE {PURGING})")  # noqa: S608 (ours)


def _delete_backup_reports(
    connection: sqlite3.Connection, scope: Scope, words: NamingWords, sources: set[bytes]
) -> None:
    rows, roots = report_rows(connection, scope)
    rows += [
        row
        for row, path in connection.execute("SELECT id, path FROM import_problem")
        if bytes(path) in sources or words.are_in(bytes(path))
    ]
    delete_reports(connection, rows, roots)
    set_aside = {one.stored for one in scope.quarantined}
    quarantine = connection.execute("SELECT id, path, sop_instance_uid, source_path FROM quarantine").fetchall()
    gone = [
        (row,)
        for row, path, uid, source in quarantine
        if uid in scope.sop_uids
        or bytes(path) in set_aside
        or any(scope.names(bytes(one)) or words.are_in(bytes(one)) for one in (path, source))
    ]
    connection.executemany("DELETE FROM quarantine WHERE id = ?", gone)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
