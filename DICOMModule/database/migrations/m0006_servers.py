"""Version 6: the address book of servers, without secrets."""

from __future__ import annotations

import sqlite3


def migrate(connection: sqlite3.Connection) -> None:
    """Take the schema from version 5 to 6."""
    connection.execute(
        """CREATE TABLE server (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, folded_name TEXT NOT NULL UNIQUE, position INTEGER NOT NULL,
        entry TEXT NOT NULL, learnt TEXT NOT NULL DEFAULT '{}')"""
    )
