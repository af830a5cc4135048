"""The rows of labels and notes: read for many rows at once, searched with them, and handed on when what bore them is another.

Each refers to one row of `patient`, `study` or `series`; the name of that table is the level, and the column that refers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from DICOMModule.database.search_index import annotation_text, refresh_documents
from DICOMModule.dicom.search_folding import fold_search

ROWS_A_QUERY: Final = 500
_PATIENTS: Final = {
    "patient": "SELECT id FROM patient WHERE id = ?",
    "study": "SELECT patient FROM study WHERE id = ?",
    "series": "SELECT study.patient FROM series JOIN study ON study.id = series.study WHERE series.id = ?",
}
_INSTANCES: Final = {
    "patient": "SELECT 1 FROM study JOIN series ON series.study = study.id JOIN instance ON instance.series = series.id"
    " WHERE study.patient = ?",
    "study": "SELECT 1 FROM series JOIN instance ON instance.series = series.id WHERE series.study = ?",
    "series": "SELECT 1 FROM instance WHERE series = ?",
}


def labels_of_rows(connection: sqlite3.Connection, level: str, rows: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the labels of rows of a table, sorted; rows without any are left out."""
    found: dict[int, list[str]] = {}
    for row, text in _of_rows(connection, "label", level, rows):
        found.setdefault(row, []).append(text)
    return {row: tuple(sorted(texts, key=lambda text: (fold_search(text), text))) for row, texts in found.items()}


def notes_of_rows(connection: sqlite3.Connection, level: str, rows: Sequence[int]) -> dict[int, str]:
    """Return the notes of rows of a table; rows without one are left out."""
    return dict(_of_rows(connection, "note", level, rows))


def _of_rows(connection: sqlite3.Connection, table: str, level: str, rows: Sequence[int]) -> list[tuple[int, str]]:
    if not connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0]:  # noqa: S608 (names are ours)
        return []
    found: list[tuple[int, str]] = []
    for first in range(0, len(rows), ROWS_A_QUERY):
        page = rows[first : first + ROWS_A_QUERY]
        marks = ", ".join("?" * len(page))
        statement = f"SELECT {level}, text FROM {table} WHERE {level} IN ({marks})"  # noqa: S608 (names are ours)
        found += connection.execute(statement, tuple(page))
    return found


def write_note(connection: sqlite3.Connection, level: str, row: int, text: str) -> None:
    """Write the note of a row in place of the one before; an empty one takes it away."""
    connection.execute(f"DELETE FROM note WHERE {level} = ?", (row,))  # noqa: S608 (names are ours)
    if text:
        connection.execute(f"INSERT INTO note ({level}, text) VALUES (?, ?)", (row, text))  # noqa: S608 (names are ours)


def note_for_search(connection: sqlite3.Connection, rows: Iterable[tuple[str, int]]) -> None:
    """Have rows, each with its level, found by the labels and the note that they have now."""
    patients = set()
    for level, row in sorted(set(rows)):
        labels = labels_of_rows(connection, level, [row]).get(row, ())
        text = annotation_text(labels, notes_of_rows(connection, level, [row]).get(row, ""))
        statement = f"UPDATE {level} SET annotation_text = ? WHERE id = ?"  # noqa: S608 (names are ours)
        connection.execute(statement, (text, row))
        patients.update(connection.execute(_PATIENTS[level], (row,)).fetchone())
    refresh_documents(connection, patients)


def note_all_for_search(connection: sqlite3.Connection) -> None:
    """Have everything found by its labels and its note that has any, whatever was noted of them before."""
    rows = [
        (level, row)
        for level in _PATIENTS
        for (row,) in connection.execute(
            f"SELECT {level} FROM label WHERE {level} IS NOT NULL UNION"  # noqa: S608 (names are ours)
            f" SELECT {level} FROM note WHERE {level} IS NOT NULL"
        )
    ]
    note_for_search(connection, rows)


def hand_on(connection: sqlite3.Connection, moves: Mapping[int, int]) -> None:
    """Hand labels and notes of what holds nothing any more on to where its instances stand now.

    A file whose patient has been corrected is another patient's when it is imported again, and the rows that held it go;
    what the user has written about them must not go with them.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction, before the rows go.
    moves : mapping of int to int
        Series to the series that an instance of it has gone to.
    """
    parents = "SELECT study.patient, study.id, series.id FROM series JOIN study ON study.id = series.study WHERE series.id = ?"
    changed: set[tuple[str, int]] = set()
    for series, other in moves.items():
        before, now = (connection.execute(parents, (one,)).fetchone() for one in (series, other))
        for level, old, new in zip(("patient", "study", "series"), before, now, strict=True):
            if old != new and not connection.execute(f"{_INSTANCES[level]} LIMIT 1", (old,)).fetchone():
                _hand_on(connection, level, old, new)
                changed |= {(level, old), (level, new)}
    note_for_search(connection, changed)


def _hand_on(connection: sqlite3.Connection, level: str, old: int, new: int) -> None:
    connection.execute(f"UPDATE OR IGNORE label SET {level} = ? WHERE {level} = ?", (new, old))  # noqa: S608 (names are ours)
    notes = notes_of_rows(connection, level, [old, new])
    if old in notes:
        write_note(connection, level, new, "\n".join(dict.fromkeys(notes[row] for row in (new, old) if row in notes)))
        write_note(connection, level, old, "")
