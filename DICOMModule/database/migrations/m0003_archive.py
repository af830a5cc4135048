"""Version 3: the frames of multi-frame instances, when a file was audited, where an import came from."""

from __future__ import annotations

import sqlite3
from typing import Final

_STATEMENTS: Final = (
    # functional groups, compressed; a table of its own, so that lists and counts never touch these pages
    """CREATE TABLE functional_groups (
        instance INTEGER PRIMARY KEY REFERENCES instance (id) ON DELETE CASCADE, content BLOB NOT NULL)""",
    # seconds since 1970, UTC; null: not yet
    "ALTER TABLE instance ADD COLUMN audited_at INTEGER",
    # the paths that were named, as the system's bytes, joined by NUL, which no path holds
    "ALTER TABLE import_event ADD COLUMN roots BLOB NOT NULL DEFAULT x''",
    # what brought the files: import, inbox, demo, export
    "ALTER TABLE import_event ADD COLUMN source TEXT NOT NULL DEFAULT 'import'",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Add the table and the columns."""
    for statement in _STATEMENTS:
        connection.execute(statement)
