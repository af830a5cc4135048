"""Version 4: labels, notes, saved searches."""

from __future__ import annotations

import sqlite3
from typing import Final

_OF_ONE: Final = "CHECK ((patient IS NOT NULL) + (study IS NOT NULL) + (series IS NOT NULL) = 1)"
_STATEMENTS: Final = (
    f"""CREATE TABLE label (
        id INTEGER PRIMARY KEY, patient INTEGER REFERENCES patient (id) ON DELETE CASCADE,
        study INTEGER REFERENCES study (id) ON DELETE CASCADE, series INTEGER REFERENCES series (id) ON DELETE CASCADE,
        text TEXT NOT NULL, folded TEXT NOT NULL,
        UNIQUE (patient, folded), UNIQUE (study, folded), UNIQUE (series, folded), {_OF_ONE})""",
    "CREATE INDEX label_folded ON label (folded)",
    f"""CREATE TABLE note (
        id INTEGER PRIMARY KEY, patient INTEGER UNIQUE REFERENCES patient (id) ON DELETE CASCADE,
        study INTEGER UNIQUE REFERENCES study (id) ON DELETE CASCADE,
        series INTEGER UNIQUE REFERENCES series (id) ON DELETE CASCADE, text TEXT NOT NULL, {_OF_ONE})""",
    "CREATE TABLE saved_search (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, text TEXT NOT NULL)",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Add the tables."""
    for statement in _STATEMENTS:
        connection.execute(statement)
