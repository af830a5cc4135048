"""The counts above instances, kept by the transaction that changes what they count. The trash does not count."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.search_index import refresh_documents, scrub_search, update_documents, wrong_documents

PURGE_MARK: Final = "purging since "
"""How the time begins of a row of `trash` that is no act of deleting but a purge that is not finished."""
PURGING: Final = f"deleted_at GLOB '{PURGE_MARK}*'"


def recount(connection: sqlite3.Connection, series: Iterable[int], *, live: str = "trash IS NULL") -> None:
    """Bring the counts of these series and of what stands above them up to date, and drop what holds nothing any more.

    So is the search's document of each patient, where the schema has them.

    What holds instances in the trash alone stays, with counts of 0, so that they can come back to it; lists do not show
    it.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    series : iterable of int
        Of which something has changed.
    live : str
        The condition on `instance` by which one counts; the first schema knew no trash.
    """
    execute = connection.executemany
    touched = [(one,) for one in sorted(set(series))]
    parents = {
        one: row
        for one in touched
        for row in connection.execute(
            "SELECT study.id, study.patient FROM series JOIN study ON study.id = series.study WHERE series.id = ?", one
        )
    }
    execute(
        "UPDATE series SET (instances, frames, bytes) ="  # noqa: S608 (ours)
        " (SELECT count(*), coalesce(sum(frames), 0), coalesce(sum(bytes), 0) FROM instance"
        f" WHERE instance.series = series.id AND {live}) WHERE id = ?",
        touched,
    )
    execute(
        "DELETE FROM series WHERE id = ? AND instances = 0"
        " AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.series = series.id)",
        touched,
    )
    studies = sorted({(study,) for study, _ in parents.values()})
    execute(
        "UPDATE study SET (series, instances, modalities) ="
        " (SELECT count(*), coalesce(sum(instances), 0), coalesce(group_concat(DISTINCT nullif(modality, '')), '')"
        " FROM series WHERE series.study = study.id AND series.instances > 0) WHERE id = ?",
        studies,
    )
    execute(
        "DELETE FROM study WHERE id = ? AND instances = 0"
        " AND NOT EXISTS (SELECT 1 FROM series WHERE series.study = study.id)",
        studies,
    )
    patients = sorted({(patient,) for _, patient in parents.values()})
    execute(
        "UPDATE patient SET (studies, series, instances) ="
        " (SELECT count(*), coalesce(sum(series), 0), coalesce(sum(instances), 0) FROM study"
        " WHERE study.patient = patient.id AND study.instances > 0) WHERE id = ?",
        patients,
    )
    update_documents(connection, {series: patient for (series,), (_, patient) in parents.items()})
    execute(
        "DELETE FROM patient WHERE id = ? AND instances = 0"
        " AND NOT EXISTS (SELECT 1 FROM study WHERE study.patient = patient.id)",
        patients,
    )


_TOTAL: Final = """SELECT count(*), coalesce(sum(studies), 0), coalesce(sum(series), 0), coalesce(sum(instances), 0)
        FROM patient WHERE instances > 0"""
_WRONG: Final = (
    """SELECT id FROM series WHERE (instances, frames, bytes) IS NOT
        (SELECT count(*), coalesce(sum(frames), 0), coalesce(sum(bytes), 0) FROM instance
        WHERE instance.series = series.id AND instance.trash IS NULL)""",
    """SELECT id FROM study WHERE (series, instances) IS NOT
        (SELECT count(*), coalesce(sum(instances), 0) FROM series
        WHERE series.study = study.id AND series.instances > 0)""",
    """SELECT id FROM patient WHERE (studies, series, instances) IS NOT
        (SELECT count(*), coalesce(sum(series), 0), coalesce(sum(instances), 0) FROM study
        WHERE study.patient = patient.id AND study.instances > 0)""",
    f"SELECT id FROM total WHERE (patients, studies, series, instances) IS NOT ({_TOTAL})",  # noqa: S608 (ours)
)


def wrong_counts(catalogue: Catalogue) -> int:
    """Return how many series, studies, patients and totals say other numbers, modalities or texts than there are."""
    wrong = sum(len(catalogue.rows(statement)) for statement in _WRONG)
    with catalogue.translated():
        wrong += wrong_documents(catalogue.connection)
    there: dict[int, set[str]] = {}
    for study, modality in catalogue.rows("SELECT DISTINCT study, modality FROM series WHERE instances > 0"):
        there.setdefault(study, set()).add(modality)
    for study, modalities in catalogue.rows("SELECT id, modalities FROM study"):
        # no order is kept between them, and none of them is empty
        wrong += set(filter(None, modalities.split(","))) != {
            part for modality in there.get(study, ()) for part in modality.split(",") if part
        }
    return wrong


def recount_all(connection: sqlite3.Connection) -> None:
    """Bring every count up to date, and every document of the search with its index, within a transaction."""
    recount(connection, [row for (row,) in connection.execute("SELECT id FROM series")])
    refresh_documents(connection, [row for (row,) in connection.execute("SELECT id FROM patient")])
    scrub_search(connection)
    connection.execute(f"UPDATE total SET (patients, studies, series, instances) = ({_TOTAL})")  # noqa: S608 (ours)


def drop_empty_trash(connection: sqlite3.Connection) -> None:
    """Forget acts of deleting of which nothing is left in the trash; a purge is an act until it says that it is done."""
    connection.execute(
        f"DELETE FROM trash WHERE NOT {PURGING}"  # noqa: S608 (ours)
        " AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.trash = trash.id)"
    )


def open_purges(catalogue: Catalogue) -> list[str]:
    """Return the marks of purges that are not finished."""
    return [str(mark) for (mark,) in catalogue.rows(f"SELECT deleted_at FROM trash WHERE {PURGING}")]  # noqa: S608 (ours)
