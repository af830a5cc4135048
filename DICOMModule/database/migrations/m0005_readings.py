"""Version 5: how users read series: which of several readings they chose, and which series they read as one."""

from __future__ import annotations

import sqlite3


def migrate(connection: sqlite3.Connection) -> None:
    """Take the schema from version 4 to 5."""
    connection.execute(
        """CREATE TABLE reading (
        id INTEGER PRIMARY KEY, series INTEGER NOT NULL UNIQUE REFERENCES series (id) ON DELETE CASCADE,
        loadable TEXT NOT NULL DEFAULT '', joined INTEGER)"""
    )
    connection.execute("CREATE INDEX reading_joined ON reading (joined) WHERE joined IS NOT NULL")
