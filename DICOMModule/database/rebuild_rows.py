"""The rows of a rebuilt index: written as an import writes them, under the numbers that they had before."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from DICOMModule.database.level_rows import keep_name
from DICOMModule.database.rebuild_sources import Source
from DICOMModule.database.rows import BatchWriter, NewRow
from DICOMModule.database.salvage import Row
from DICOMModule.database.tally import now_text

CARRIED: Final = (
    "trash",
    "import_event",
    "import_problem",
    "quarantine",
    "saved_search",
    "server",
    "label",
    "note",
    "reading",
)
"""Tables of which no file tells: their rows are taken over as they are."""

REBUILT: Final = ("patient", "study", "series", "instance", "functional_groups", "search_document", "total")
"""Tables that are made from headers, and from labels and notes; what FTS5 keeps of `search_document` is made with it."""

_LEVELS: Final = ("patient", "study", "series")


@dataclass(frozen=True, slots=True)
class RebuiltRow:
    """An instance to be registered anew.

    Attributes
    ----------
    new : NewRow
        What is registered.
    old : dict or None
        Its row in a source.
    source : Source or None
        Which one.
    state : str
        ``present``, ``missing`` or ``damaged``.
    from_file : bool
        Whether the header was read from the file, not from the old row.
    """

    new: NewRow
    old: Row | None
    source: Source | None
    state: str
    from_file: bool = False


class KnownNumbers:
    """The numbers by which patients, studies and series were known: users and their scripts have written them down.

    A row is known again by what makes it one. Where that was damaged in the old database, what was said of the row is
    handed to the row under which its instances stand now.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._known: dict[str, dict[tuple[Any, ...], int]] = {level: {} for level in _LEVELS}
        self._largest = dict.fromkeys(_LEVELS, 0)
        self._used: dict[str, set[int]] = {level: set() for level in _LEVELS}
        self._heirs: dict[str, dict[int, int]] = {level: {} for level in _LEVELS}
        for source in sources:
            for level in _LEVELS:
                taken = set(self._known[level].values())
                for row in source.salvage.rows(level):
                    if row["id"] not in taken:
                        self._known[level].setdefault(_key(level, row), row["id"])
                    self._largest[level] = max(self._largest[level], row["id"])

    def number_of(self, level: str, columns: Mapping[str, Any]) -> int:
        """Return the number for a new row: the one that it had, or one that nobody had."""
        number = self._known[level].get(_key(level, columns))
        if number is None or number in self._used[level]:
            self._largest[level] += 1
            number = self._largest[level]
        self._used[level].add(number)
        return number

    def inherit(self, level: str, old: object, new: int) -> None:
        """Note under which row an instance stands now that stood under another one."""
        if isinstance(old, int) and old != new:
            self._heirs[level].setdefault(old, new)

    def settle(self, connection: sqlite3.Connection) -> None:
        """Note which rows there are, once all are written."""
        for level in _LEVELS:
            rows = connection.execute(f"SELECT id FROM {level}")  # noqa: S608 (names are ours)
            self._used[level] = {row for (row,) in rows}

    def now(self, level: str, old: object) -> int | None:
        """Return the number of what had the number `old`; None where it is there no more."""
        if not isinstance(old, int):
            return None
        return old if old in self._used[level] else self._heirs[level].get(old)


class _NumberedWriter(BatchWriter):
    """Writes rows under the numbers that they had."""

    def __init__(self, connection: sqlite3.Connection, numbers: KnownNumbers) -> None:
        super().__init__(connection)
        self._numbers = numbers

    def _insert(self, table: str, **columns: Any) -> int:
        return super()._insert(table, id=self._numbers.number_of(table, columns), **columns)


def write_rebuilt(connection: sqlite3.Connection, rows: Sequence[RebuiltRow], numbers: KnownNumbers) -> None:
    """Register instances, and give them what their old rows say and no file does."""
    _NumberedWriter(connection, numbers).write([row.new for row in rows])
    for row in rows:
        number, series, study, patient = connection.execute(
            "SELECT instance.id, series.id, study.id, study.patient FROM instance JOIN series ON series.id = instance.series"
            " JOIN study ON study.id = series.study WHERE sop_instance_uid = ?",
            (row.new.header.sop_instance_uid,),
        ).fetchone()
        audited_at = (row.old or {}).get("audited_at")
        connection.execute(
            "UPDATE instance SET state = ?, audited_at = ? WHERE id = ?",
            (row.state, audited_at if isinstance(audited_at, int) else None, number),
        )
        if row.source is not None:
            _inherit(row, numbers, {"series": series, "study": study, "patient": patient})
            if not row.from_file:
                _take_functional_groups(connection, row, number)


def carry_over(
    connection: sqlite3.Connection,
    sources: Sequence[Source],
    tables: Sequence[str],
    numbers: KnownNumbers | None = None,
) -> None:
    """Take over rows of which no file tells, each once; of older sources only where the newer ones were not complete.

    Where `numbers` are given, what refers to a patient, study or series is made to refer to the row that it is now.
    """
    for table in tables:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        for source in sources:
            for old in source.salvage.rows(table):
                row = {name: old[name] for name in columns if name in old}
                if numbers is None or _refer_anew(row, numbers):
                    _insert(connection, table, row)
            _keep_sequence(connection, source, table)
            if source.is_complete:
                break


def put_in_trash(connection: sqlite3.Connection, trashed: Mapping[str, int]) -> None:
    """Let instances be deleted that were: SOP Instance UID → the act of deleting, be it that this cannot be read any more."""
    acts = [(act, now_text()) for act in sorted(set(trashed.values()))]
    connection.executemany("INSERT OR IGNORE INTO trash (id, deleted_at) VALUES (?, ?)", acts)
    connection.executemany(
        "UPDATE instance SET trash = ? WHERE sop_instance_uid = ?", [(act, uid) for uid, act in trashed.items()]
    )


def restore_names(connection: sqlite3.Connection, sources: Sequence[Source], numbers: KnownNumbers) -> None:
    """Let patients, studies and series be called as they were, where one of their instances says that still."""
    for source in reversed(sources):
        for level in _LEVELS:
            for old in source.salvage.rows(level):
                now = numbers.now(level, old["id"])
                if now is not None:
                    keep_name(connection, level, now, old)


def restore_health(connection: sqlite3.Connection, sources: Sequence[Source], numbers: KnownNumbers) -> None:
    """Let series that hold what they held before be known as what they were found to be."""
    for source in reversed(sources):
        connection.executemany(
            "UPDATE series SET health = ?, health_text = ? WHERE id = ? AND instances = ? AND frames = ? AND bytes = ?"
            " AND NOT EXISTS (SELECT 1 FROM instance WHERE series = series.id AND state != 'present' AND trash IS NULL)",
            [
                (
                    old["health"],
                    old["health_text"],
                    numbers.now("series", old["id"]),
                    old["instances"],
                    old["frames"],
                    old["bytes"],
                )
                for old in source.salvage.rows("series")
                if old["health"] in ("ok", "warned", "refused") and isinstance(old["health_text"], str)
            ],
        )


def _key(level: str, columns: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what makes a row the one that it is."""
    if level == "patient":
        return (columns["identity"],)
    if level == "study":
        return columns["patient"], columns["study_instance_uid"]
    return columns["study"], columns["series_instance_uid"]


def _inherit(row: RebuiltRow, numbers: KnownNumbers, now: Mapping[str, int]) -> None:
    """Note where the instance stood before."""
    salvage, old = row.source.salvage if row.source else None, row.old
    if salvage is None or old is None:
        return
    series = salvage.parent("series", old.get("series"))
    study = salvage.parent("study", series.get("study")) if series else None
    numbers.inherit("series", old.get("series"), now["series"])
    numbers.inherit("study", series.get("study") if series else None, now["study"])
    numbers.inherit("patient", study.get("patient") if study else None, now["patient"])


def _take_functional_groups(connection: sqlite3.Connection, row: RebuiltRow, number: int) -> None:
    if row.source is None or row.old is None:
        return
    groups = row.source.salvage.row("functional_groups", row.old["id"], "instance")
    if groups is not None and isinstance(groups["content"], bytes):
        statement = "INSERT OR IGNORE INTO functional_groups (instance, content) VALUES (?, ?)"
        connection.execute(statement, (number, groups["content"]))


def _refer_anew(row: Row, numbers: KnownNumbers) -> bool:
    """Make a row refer to what is there now; return whether anything it refers to is."""
    for level in _LEVELS:
        if row.get(level) is not None:
            row[level] = numbers.now(level, row[level])
    return any(row.get(level) is not None for level in _LEVELS)


def _insert(connection: sqlite3.Connection, table: str, row: Row) -> None:
    """Insert a row as it was; one that breaks the table's rules is damaged, or there already."""
    marks = ", ".join("?" * len(row))
    statement = f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 (names are ours)
    try:
        connection.execute(statement, tuple(row.values()))
    except sqlite3.IntegrityError:  # it refers to an import that could not be read
        return


def _keep_sequence(connection: sqlite3.Connection, source: Source, table: str) -> None:
    """Let no number be given twice that must never stand for two."""
    sequence = source.salvage.sequence(table)
    if sequence is not None:
        known = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        largest = max(sequence, known[0] if known else 0)
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, largest))
