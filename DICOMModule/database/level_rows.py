"""Patients, studies and series say in lists what one of their instances says: found where they do not, and put right."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from DICOMModule.database.level_columns import patient_columns, series_columns, study_columns
from DICOMModule.database.search_index import refresh_documents
from DICOMModule.database.stored_attributes import load_attributes, merged_attributes
from DICOMModule.dicom.instance_header import InstanceHeader

_COLUMNS: Final[dict[str, Callable[[InstanceHeader], dict[str, Any]]]] = {
    "series": series_columns,
    "study": study_columns,
    "patient": patient_columns,
}
_PATIENT_OF: Final = {
    "series": "SELECT study.patient FROM series JOIN study ON study.id = series.study WHERE series.id = ?",
    "study": "SELECT patient FROM study WHERE id = ?",
    "patient": "SELECT ?",
}
_BELOW: Final = {
    "series": "series.id = ?",
    "study": "series.study = ?",
    "patient": "series.study IN (SELECT study.id FROM study WHERE study.patient = ?)",
}
# what is shown comes first; but a row may say what only the trash says, which comes back as it was
_INSTANCES: Final = (
    "SELECT series.attributes, instance.attributes, sop_instance_uid, series.id FROM instance"
    " JOIN series ON series.id = instance.series WHERE {} ORDER BY instance.trash IS NOT NULL, instance.id"
)


@dataclass(frozen=True, slots=True)
class StaleRow:
    """A row of a patient, study or series that says what none of its instances says, and what it should say."""

    level: str
    row: int
    columns: dict[str, Any]


def stale_rows(connection: sqlite3.Connection, level: str, rows: Iterable[int]) -> Iterator[StaleRow]:
    """Return those of some rows of a level that say what none of their instances says."""
    names = list(_COLUMNS[level](_header({}, {}, "")))
    for row in rows:
        statement = f"SELECT {', '.join(names)} FROM {level} WHERE id = ?"  # noqa: S608 (names are ours)
        written = connection.execute(statement, (row,)).fetchone()
        if written is None:
            continue
        first: dict[str, Any] | None = None
        for header in _headers(connection, level, row):
            columns = _COLUMNS[level](header)
            if tuple(columns.values()) == written:
                break
            first = first or columns
        else:
            if first is not None:
                yield StaleRow(level, row, first)


def keep_name(connection: sqlite3.Connection, level: str, row: int, before: Mapping[str, Any]) -> None:
    """Let a row say what it said before, where one of its instances says that."""
    names = list(_COLUMNS[level](_header({}, {}, "")))
    if not all(name in before for name in names):
        return
    values = tuple(before[name] for name in names)
    statement = f"SELECT {', '.join(names)} FROM {level} WHERE id = ?"  # noqa: S608 (names are ours)
    if connection.execute(statement, (row,)).fetchone() in {None, values}:
        return
    if any(tuple(_COLUMNS[level](header).values()) == values for header in _headers(connection, level, row)):
        refresh(connection, [StaleRow(level, row, dict(zip(names, values, strict=True)))])


def refresh(connection: sqlite3.Connection, stale: Sequence[StaleRow]) -> None:
    """Let rows say what the first of their instances says, and be found by it, within a transaction."""
    patients: set[int] = set()
    for one in stale:
        changes = ", ".join(f"{name} = ?" for name in one.columns)
        statement = f"UPDATE {one.level} SET {changes} WHERE id = ?"  # noqa: S608 (names are ours)
        connection.execute(statement, (*one.columns.values(), one.row))
        patients.update(patient for (patient,) in connection.execute(_PATIENT_OF[one.level], (one.row,)))
    refresh_documents(connection, patients)


def refresh_above(connection: sqlite3.Connection, series: Iterable[int]) -> None:
    """Let series, and what stands above them, say what one of their instances says; to be followed by `recount`."""
    rows = sorted(set(series))
    studies, patients = set(), set()
    for one in rows:
        statement = (
            "SELECT study.id, study.patient FROM series JOIN study ON study.id = series.study WHERE series.id = ?"
        )
        for study, patient in connection.execute(statement, (one,)):
            studies.add(study)
            patients.add(patient)
    for level, touched in (("series", rows), ("study", sorted(studies)), ("patient", sorted(patients))):
        refresh(connection, list(stale_rows(connection, level, touched)))


def _headers(connection: sqlite3.Connection, level: str, row: int) -> Iterator[InstanceHeader]:
    """Return the headers of the instances below a row, as far as names of levels need them, from rows alone."""
    bases: dict[int, dict[str, Any]] = {}
    for base, changed, uid, series in connection.execute(_INSTANCES.format(_BELOW[level]), (row,)):
        with suppress(
            ValueError, TypeError, AttributeError
        ):  # what is damaged is told by whoever compares it with files
            if series not in bases:
                bases[series] = load_attributes(base)
            yield _header(bases[series], load_attributes(changed), uid)


def _header(base: dict[str, Any], changed: dict[str, Any], uid: str) -> InstanceHeader:
    return InstanceHeader("", 0, 0, "", merged_attributes(base, changed, uid))
