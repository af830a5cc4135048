"""The schema's history: one step a version, each run in a transaction of its own, never edited once released."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from DICOMModule.database.migrations import (
    m0001_first_floor,
    m0002_trash,
    m0003_archive,
    m0004_search,
    m0005_readings,
    m0006_servers,
)

MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (
    m0001_first_floor.migrate,
    m0002_trash.migrate,
    m0003_archive.migrate,
    m0004_search.migrate,
    m0005_readings.migrate,
    m0006_servers.migrate,
)
"""Step n takes the schema from version n to n + 1."""


def newest_version() -> int:
    """Return the schema version that this program writes."""
    return len(MIGRATIONS)
