"""Version 2: the trash, and indexes by which a search reads no row."""

from __future__ import annotations

import sqlite3
from typing import Final

_STATEMENTS: Final = (
    # AUTOINCREMENT: the number of an act of deleting is what its undo knows, so none may stand for two
    """CREATE TABLE trash (
        id INTEGER PRIMARY KEY AUTOINCREMENT, deleted_at TEXT NOT NULL,
        patients INTEGER NOT NULL DEFAULT 0, studies INTEGER NOT NULL DEFAULT 0,
        series INTEGER NOT NULL DEFAULT 0, instances INTEGER NOT NULL DEFAULT 0)""",
    "ALTER TABLE instance ADD COLUMN trash INTEGER REFERENCES trash (id)",
    "CREATE INDEX instance_trash ON instance (trash) WHERE trash IS NOT NULL",
    "CREATE INDEX series_unexamined ON series (series_instance_uid) WHERE health = 'unknown'",
    "CREATE INDEX study_search ON study (patient, instances, search_text)",
    "CREATE INDEX series_search ON series (study, instances, search_text)",
    # the order in which series are listed, and what a search looks at, so that only what is shown is read
    """CREATE INDEX series_order ON series
        (series_number IS NULL, series_number, series_instance_uid, id, study, instances, search_text)""",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Add the table, the column that refers to it, and the indexes."""
    for statement in _STATEMENTS:
        connection.execute(statement)
