"""Whether the schema is the one that the migrations make, and whether the search's index agrees with its documents."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.migrations import MIGRATIONS
from DICOMModule.errors import DatabaseError

_SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT GLOB 'sqlite_*'"


def schema_fault(catalogue: Catalogue) -> str:
    """Return what of the schema is not as it was made; empty where all is."""
    there = set(catalogue.rows(_SCHEMA))
    wrong = sorted({name for _, name, _ in there ^ _made()})
    return f"the schema is damaged at {', '.join(wrong)}; `verify --rebuild` makes it anew" if wrong else ""


def search_fault(catalogue: Catalogue) -> str:
    """Return what is wrong with the index of the search beside its documents; empty where nothing is."""
    if catalogue.read_only:  # FTS5 is asked by a statement that would write
        return ""
    try:
        with catalogue.transaction() as connection:
            connection.execute("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)")
    except DatabaseError as error:
        return f"the index of the search is damaged ({error}); `verify --repair` makes it anew"
    return ""


@cache
def _made() -> frozenset[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for migrate in MIGRATIONS:
            migrate(connection)
        return frozenset(connection.execute(_SCHEMA))
