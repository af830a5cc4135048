"""What one who writes again and again remembers of patients, studies and series, for as long as nobody else has written."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final

from DICOMModule.dicom.instance_header import AttributeValue

MOST_SERIES: Final = 256


@dataclass(slots=True)
class KnownParents:
    """Rows above instances, by what headers say; each holds something that is shown.

    `begin` forgets all where another connection, or another user of this one, has written since `settle`, or where a
    transaction came to no end: what is remembered is what is there.

    Attributes
    ----------
    patients, studies, series : dict
        Identity → row; patient and UID → row; study and UID → row and attributes.
    series_by_names : dict
        What headers of one series have alike, or the number of an origin → row and attributes.
    origins : dict of int to dict
        Attributes that headers share, by `id`: kept, so that no other ones get the same.
    differences : dict
        Origin and series' attributes, by `id` → what of the origin is not the series'.
    parents : dict of int to tuple of int
        Series → study and patient.
    settled : frozenset of int
        Series that were there before this transaction.
    """

    patients: dict[str, int] = field(default_factory=dict)
    studies: dict[tuple[int, str], int] = field(default_factory=dict)
    series: dict[tuple[int, str], tuple[int, dict[str, Any]]] = field(default_factory=dict)
    series_by_names: dict[Any, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    origins: dict[int, dict[str, AttributeValue]] = field(default_factory=dict)
    differences: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    parents: dict[int, tuple[int, int]] = field(default_factory=dict)
    settled: frozenset[int] = frozenset()
    _seen: tuple[int, int] | None = None
    _version: int = -1

    def begin(self, connection: sqlite3.Connection) -> None:
        """Make sure, within a transaction and before its first change, that what is remembered still holds."""
        (self._version,) = connection.execute("PRAGMA data_version").fetchone()
        now = self._version, connection.total_changes
        if self._seen != now or max(len(self.series), len(self.origins)) > MOST_SERIES:
            for remembered in (self.patients, self.studies, self.series, self.series_by_names, self.parents):
                remembered.clear()
            self.differences.clear()
            self.origins.clear()
        self._seen = None
        self.settled = frozenset(self.parents)

    def settle(self, connection: sqlite3.Connection) -> None:
        """Remember after a commit how things were in its transaction, in which nobody else could write."""
        self._seen = self._version, connection.total_changes
