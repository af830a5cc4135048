"""How users read series, where they decided it: the loadable that they chose, and series that are one acquisition.

It stands with the series' row: it goes with it into the trash and comes back with it, and vanishes when the row does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from DICOMModule.database.connection import Catalogue
from DICOMModule.errors import DatabaseError, UnknownUIDError, plain_text


class Readings:
    """What users decided about reading series, of an open database; reached as ``database.readings``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def chosen(self, series_instance_uid: str) -> str:
        """Return the id of the loadable that was chosen for a series; empty where none was."""
        statement = (
            "SELECT loadable FROM reading JOIN series ON series.id = reading.series WHERE series_instance_uid = ?"
        )
        rows = self._catalogue.rows(statement, (series_instance_uid,))
        return str(rows[0][0]) if len(rows) == 1 else ""

    def choose(self, series_instance_uid: str, loadable: str) -> None:
        """Remember which loadable of a series is to be selected; empty: what the readers select.

        Raises
        ------
        UnknownUIDError
            There is no such series.
        DatabaseError
            It stands under two studies; the folder cannot be written to.
        """
        with self._catalogue.transaction() as connection:
            row, _ = _series(connection, series_instance_uid)
            statement = (
                "INSERT INTO reading (series, loadable) VALUES (?, ?)"
                " ON CONFLICT (series) DO UPDATE SET loadable = excluded.loadable"
            )
            connection.execute(statement, (row, loadable))
            _forget_empty(connection)

    def joined_with(self, series_instance_uid: str) -> tuple[str, ...]:
        """Return the series that are read as one with this one, itself among them, by number and UID; else it alone."""
        statement = (
            "SELECT other.series_instance_uid FROM reading JOIN series ON series.id = reading.series"
            " JOIN reading AS beside ON beside.joined = reading.joined JOIN series AS other ON other.id = beside.series"
            " WHERE series.series_instance_uid = ? AND other.instances > 0"
            " ORDER BY other.series_number IS NULL, other.series_number, other.series_instance_uid"
        )
        found = tuple(row[0] for row in self._catalogue.rows(statement, (series_instance_uid,)))
        return found if len(found) > 1 and series_instance_uid in found else (series_instance_uid,)

    def join(self, series_instance_uids: Sequence[str]) -> None:
        """Read several series of one study as one from now on; those that were joined with others before bring them along.

        Raises
        ------
        UnknownUIDError
            One of them is not there.
        DatabaseError
            They are fewer than two, of different studies, or one stands under two studies; the folder cannot be written to.
        """
        with self._catalogue.transaction() as connection:
            found = dict.fromkeys(_series(connection, uid) for uid in series_instance_uids)
            if len(found) < 2:
                raise DatabaseError("one series alone cannot be read as one with others; name at least two.")
            if len({study for _, study in found}) > 1:
                raise DatabaseError(
                    "only series of one study can be read as one; these are of several. Choose series of one study."
                )
            rows = [row for row, _ in found]
            marks = ", ".join("?" * len(rows))
            before = [
                number
                for (number,) in connection.execute(
                    f"SELECT DISTINCT joined FROM reading WHERE series IN ({marks}) AND joined IS NOT NULL",  # noqa: S608
                    rows,
                )
            ]
            (free,) = connection.execute("SELECT coalesce(max(joined), 0) + 1 FROM reading").fetchone()
            statement = (
                "INSERT INTO reading (series, joined) VALUES (?, ?)"
                " ON CONFLICT (series) DO UPDATE SET joined = excluded.joined"
            )
            connection.executemany(statement, [(row, free) for row in rows])
            connection.executemany("UPDATE reading SET joined = ? WHERE joined = ?", [(free, one) for one in before])

    def part(self, series_instance_uid: str) -> None:
        """Read the series that are read as one with this one each by itself again; errors as `choose`."""
        with self._catalogue.transaction() as connection:
            row, _ = _series(connection, series_instance_uid)
            statement = "UPDATE reading SET joined = NULL WHERE joined = (SELECT joined FROM reading WHERE series = ?)"
            connection.execute(statement, (row,))
            _forget_empty(connection)


def _forget_empty(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM reading WHERE loadable = '' AND joined IS NULL")


def _series(connection: sqlite3.Connection, uid: str) -> tuple[int, int]:
    """Return the row of a series and that of its study."""
    statement = "SELECT id, study FROM series WHERE series_instance_uid = ? AND instances > 0"
    rows = connection.execute(statement, (uid,)).fetchall()
    if not rows:
        raise UnknownUIDError(f"the database holds no series {plain_text(uid)}. Import it, or list what there is.")
    if len(rows) > 1:
        raise DatabaseError(
            f"the series {plain_text(uid)} stands under two studies; which one is meant cannot be told."
        )
    return int(rows[0][0]), int(rows[0][1])
