"""Deleting with undo: instances go to the trash and come back; no file is touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final, TypeAlias

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.counting import PURGE_MARK, PURGING, drop_empty_trash, recount
from DICOMModule.database.summaries import DeleteReport, TrashedStudy, TrashEntry
from DICOMModule.database.tally import now_text
from DICOMModule.dicom.values import iso_date
from DICOMModule.errors import DatabaseError, UnknownUIDError, plain_text

Name: TypeAlias = int | str
"""A patient by its number, a study, series or instance by its UID."""

_LIVE: Final = "trash IS NULL"
_IN_AN_ACT: Final = "trash IS NOT NULL"
_TRASHED: Final = f"trash IN (SELECT id FROM trash WHERE NOT {PURGING})"  # noqa: S608 (ours)
_THERE: Final = f"ifnull(trash NOT IN (SELECT id FROM trash WHERE {PURGING}), 1)"  # noqa: S608 (ours)
_NOTHING_LEFT: Final = "nothing of what was deleted is in the trash any more: it has come back already, or was purged."
_OF_SERIES: Final = "series = ?"
_OF_STUDY: Final = "series IN (SELECT series.id FROM series WHERE series.study = ?)"
_OF_PATIENT: Final = (
    "series IN (SELECT series.id FROM series JOIN study ON study.id = series.study WHERE study.patient = ?)"
)


@dataclass(frozen=True, slots=True)
class _Branch:
    """Instances that belong together: a condition on `instance`, and its one value."""

    condition: str
    value: int


@dataclass(frozen=True, slots=True)
class _Touched:
    """A series of which something is deleted or restored, as it was before."""

    series: int
    study: int
    patient: int
    uid: str


def delete(catalogue: Catalogue, names: Sequence[Name]) -> DeleteReport:
    """Put what is named into the trash, as one act: all of it or nothing.

    Raises
    ------
    UnknownUIDError
        One of them is not there.
    DatabaseError
        One UID stands under two patients or studies; the folder cannot be written to.
    """
    with catalogue.transaction() as connection:
        branches = [branch for name in names for branch in _found(connection, name, _LIVE)]
        act = int(connection.execute("INSERT INTO trash (deleted_at) VALUES (?)", (now_text(),)).lastrowid or 0)
        instances = 0
        for branch in branches:
            statement = f"UPDATE instance SET trash = ? WHERE {_LIVE} AND {branch.condition}"  # noqa: S608 (ours)
            instances += connection.execute(statement, (act, branch.value)).rowcount
        touched = _touched(connection, _Branch("trash = ?", act))
        recount(connection, [one.series for one in touched])
        left = [one for one in touched if not _is_hidden(connection, "series", one.series)]
        _forget_health(connection, left)
        report = _report(connection, touched, instances, trash_id=act, examine=left)
        counts = (report.patients, report.studies, report.series, report.instances, act)
        connection.execute("UPDATE trash SET patients = ?, studies = ?, series = ?, instances = ? WHERE id = ?", counts)
    return report


def restore(catalogue: Catalogue, names: Sequence[Name]) -> DeleteReport:
    """Bring back what of the named lies in the trash, whichever act put it there: all of it or nothing.

    Raises
    ------
    UnknownUIDError
        Nothing of one of them is in the trash.
    """
    with catalogue.transaction() as connection:
        return _restored(connection, [branch for name in names for branch in _found(connection, name, _TRASHED)])


def restore_act(catalogue: Catalogue, trash_id: int) -> DeleteReport:
    """Bring back what one act of deleting put into the trash, as far as it is still there.

    Raises
    ------
    UnknownUIDError
        Nothing of it is.
    """
    with catalogue.transaction() as connection:
        branch = _Branch("trash = ?", trash_id)
        if not _touched(connection, branch):
            raise UnknownUIDError(_NOTHING_LEFT)
        return _restored(connection, [branch])


def mark_for_purge(catalogue: Catalogue, names: Sequence[Name]) -> tuple[str, ...]:
    """Mark what is named, shown or in the trash, as what `purge` takes away: all of it or nothing.

    Returns
    -------
    tuple of str
        The Series Instance UIDs of series that are shown and have become less, sorted.

    Raises
    ------
    UnknownUIDError
        One of them is not there.
    DatabaseError
        One UID stands under two patients or studies; the folder cannot be written to.
    """
    with catalogue.transaction() as connection:
        branches = [branch for name in names for branch in _found(connection, name, _THERE)]
        act = _new_purge(connection)
        for branch in branches:
            statement = f"UPDATE instance SET trash = ? WHERE {_LIVE} AND {branch.condition}"  # noqa: S608 (ours)
            connection.execute(statement, (act, branch.value))
        touched = _touched(connection, _Branch("trash = ?", act), _IN_AN_ACT)
        recount(connection, [one.series for one in touched])
        left = [one for one in touched if not _is_hidden(connection, "series", one.series)]
        _forget_health(connection, left)
        for branch in branches:
            statement = f"UPDATE instance SET trash = ? WHERE {_TRASHED} AND {branch.condition}"  # noqa: S608 (ours)
            connection.execute(statement, (act, branch.value))
        drop_empty_trash(connection)
    return _uids(left)


def mark_acts_for_purge(
    catalogue: Catalogue, trash_ids: Sequence[int] | None = None, older_than_days: float | None = None
) -> tuple[str, ...]:
    """Mark what acts of deleting, all where none are named, have put into the trash; what is shown is not touched.

    Raises
    ------
    UnknownUIDError
        Nothing of one of `trash_ids` is in the trash.
    """
    before = _before(older_than_days)
    with catalogue.transaction() as connection:
        acts = dict(connection.execute(f"SELECT id, deleted_at FROM trash WHERE NOT {PURGING}"))  # noqa: S608 (ours)
        if trash_ids is not None and set(trash_ids) - acts.keys():
            raise UnknownUIDError(_NOTHING_LEFT)
        chosen = [
            act for act, deleted_at in acts.items() if (trash_ids is None or act in trash_ids) and deleted_at <= before
        ]
        if chosen:
            purge = _new_purge(connection)
            connection.executemany("UPDATE instance SET trash = ? WHERE trash = ?", [(purge, act) for act in chosen])
            drop_empty_trash(connection)
    return ()


def _before(days: float | None) -> str:
    """Return the time so many days ago as the database writes it, or one that is later than all."""
    if days is None:
        return "9999"
    try:
        return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    except OverflowError:  # longer ago than the calendar begins
        return ""


def _new_purge(connection: sqlite3.Connection) -> int:
    statement = "INSERT INTO trash (deleted_at) VALUES (?)"
    return int(connection.execute(statement, (PURGE_MARK + now_text(),)).lastrowid or 0)


def is_being_purged(connection: sqlite3.Connection, instance: int | None) -> bool:
    """Return whether a row of an instance waits for `purge` to take it away."""
    statement = (
        "SELECT EXISTS (SELECT 1 FROM instance JOIN trash ON trash.id = instance.trash"  # noqa: S608 (ours)
        f" WHERE instance.id = ? AND {PURGING})"
    )
    return bool(connection.execute(statement, (instance,)).fetchone()[0])


def entries(catalogue: Catalogue, older_than_days: float | None = None) -> list[TrashEntry]:
    """Return what is in the trash, the newest act of deleting first; what is being purged is not in it any more."""
    before = _before(older_than_days)
    rows = catalogue.rows(
        "SELECT held.trash, deleted_at, patient.id, patient_id, patient_name, study_instance_uid, study_date,"  # noqa: S608 (ours)
        " study_description, group_concat(DISTINCT nullif(modality, '')), count(*), sum(held.instances), sum(held.bytes)"
        " FROM (SELECT trash, series, count(*) AS instances, sum(bytes) AS bytes FROM instance"
        " WHERE trash IS NOT NULL GROUP BY trash, series) AS held"
        " JOIN trash ON trash.id = held.trash JOIN series ON series.id = held.series"
        " JOIN study ON study.id = series.study JOIN patient ON patient.id = study.patient"
        f" WHERE NOT {PURGING} GROUP BY held.trash, study.id"
        " ORDER BY held.trash DESC, sort_name, patient.id, study_date, study_instance_uid"
    )
    found = []
    for (act, deleted_at), group in groupby(rows, lambda row: row[:2]):
        if deleted_at > before:
            continue
        contents = tuple(_trashed_study(*row[2:]) for row in group)
        found.append(
            TrashEntry(
                act,
                deleted_at,
                len({study.patient for study in contents}),
                len(contents),
                sum(study.series for study in contents),
                sum(study.instances for study in contents),
                sum(study.bytes for study in contents),
                contents,
            )
        )
    return found


def _trashed_study(patient: int, *columns: Any) -> TrashedStudy:
    patient_id, name, uid, date, description, modalities, *counts = columns
    return TrashedStudy(
        patient,
        patient_id or None,
        name or None,
        uid,
        iso_date(date),
        description or None,
        tuple(sorted((modalities or "").split(","))) if modalities else (),
        *counts,
    )


def _restored(connection: sqlite3.Connection, branches: Sequence[_Branch]) -> DeleteReport:
    touched = list(dict.fromkeys(one for branch in branches for one in _touched(connection, branch)))
    shown_before = [one for one in touched if not _is_hidden(connection, "series", one.series)]
    hidden = [{row for row in rows if _is_hidden(connection, table, row)} for table, rows in _levels(touched)]
    in_one_act = {one for one in touched if _is_of_one_act(connection, one.series)}
    instances = 0
    for branch in branches:
        statement = f"UPDATE instance SET trash = NULL WHERE {_TRASHED} AND {branch.condition}"  # noqa: S608 (ours)
        instances += connection.execute(statement, (branch.value,)).rowcount
    recount(connection, [one.series for one in touched])
    drop_empty_trash(connection)
    # a series that went as a whole and comes back as a whole is what it was
    whole = in_one_act - {one for one in touched if _has_trash(connection, one.series)}
    changed = [one for one in touched if one not in whole or one in shown_before]
    _forget_health(connection, changed)
    patients, studies, series = (len(rows) for rows in hidden)
    return DeleteReport(patients, studies, series, instances, series_instance_uids=_uids(changed))


# --- finding


def _found(connection: sqlite3.Connection, name: Name, where: str) -> list[_Branch]:
    """Return what a name means among what is live, or in the trash."""
    branches = _looked_up(connection, name, where)
    if not branches:
        in_trash = where == _LIVE and bool(_looked_up(connection, name, _TRASHED))
        raise UnknownUIDError(_unknown(name, where, in_trash=in_trash))
    if len(branches) > 1 and where != _TRASHED:
        raise DatabaseError(
            f"{plain_text(str(name))} stands under two patients or studies in the database; which one is meant cannot be"
            " told, so nothing is deleted. Name the patient (patient:N), or what is below it."
        )
    return branches


def _looked_up(connection: sqlite3.Connection, name: Name, where: str) -> list[_Branch]:
    """Return the branches of a name; a series wins over a study of the same UID."""
    if isinstance(name, int):
        return _existing(connection, [_Branch(_OF_PATIENT, name)], where)
    for table, column, condition in _PLACES:
        statement = f"SELECT id FROM {table} WHERE {column} = ?"  # noqa: S608 (names are ours)
        rows = [_Branch(condition, row) for (row,) in connection.execute(statement, (name,))]
        if branches := _existing(connection, rows, where):
            return branches
    return []


_PLACES: Final = (
    ("series", "series_instance_uid", _OF_SERIES),
    ("study", "study_instance_uid", _OF_STUDY),
    ("instance", "sop_instance_uid", "id = ?"),
)


def _existing(connection: sqlite3.Connection, branches: Sequence[_Branch], where: str) -> list[_Branch]:
    """Return the branches that hold an instance."""
    found = []
    for branch in branches:
        statement = f"SELECT EXISTS (SELECT 1 FROM instance WHERE {where} AND {branch.condition})"  # noqa: S608 (ours)
        if connection.execute(statement, (branch.value,)).fetchone()[0]:
            found.append(branch)
    return found


def _unknown(name: Name, where: str, *, in_trash: bool) -> str:
    what = f"patient {name}" if isinstance(name, int) else plain_text(name)
    if where == _TRASHED:
        return f"nothing of {what} is in the trash."
    if where == _THERE:
        return f"the database holds no {_kinds(name)}{what}, nor does its trash."
    if in_trash:
        return f"{what} is in the trash already; `restore` brings it back."
    if isinstance(name, int):
        return f"the database holds no {what}; `list patients` shows their numbers."
    return f"the database holds no study, series or instance {what}. Import it, or list what there is."


def _kinds(name: Name) -> str:
    return "" if isinstance(name, int) else "study, series or instance "


# --- what is touched


def _touched(connection: sqlite3.Connection, branch: _Branch, where: str = _TRASHED) -> list[_Touched]:
    """Return the series that have something of the branch in the trash."""
    statement = (
        "SELECT series.id, study.id, study.patient, series_instance_uid FROM series"  # noqa: S608 (ours)
        " JOIN study ON study.id = series.study WHERE series.id IN"
        f" (SELECT DISTINCT series FROM instance WHERE {where} AND {branch.condition}) ORDER BY series.id"
    )
    return [_Touched(*row) for row in connection.execute(statement, (branch.value,))]


def _levels(touched: Sequence[_Touched]) -> tuple[tuple[str, set[int]], ...]:
    """Return the tables above instances, each with its rows."""
    return (
        ("patient", {one.patient for one in touched}),
        ("study", {one.study for one in touched}),
        ("series", {one.series for one in touched}),
    )


def _is_hidden(connection: sqlite3.Connection, table: str, row: int) -> bool:
    """Return whether a row holds nothing but the trash."""
    statement = f"SELECT instances = 0 FROM {table} WHERE id = ?"  # noqa: S608 (names are ours)
    return bool(connection.execute(statement, (row,)).fetchone()[0])


def _is_of_one_act(connection: sqlite3.Connection, series: int) -> bool:
    """Return whether all that a series holds was deleted at once."""
    statement = "SELECT count(DISTINCT ifnull(trash, 0)) FROM instance WHERE series = ?"
    return bool(connection.execute(statement, (series,)).fetchone()[0] == 1)


def _has_trash(connection: sqlite3.Connection, series: int) -> bool:
    statement = f"SELECT EXISTS (SELECT 1 FROM instance WHERE series = ? AND {_TRASHED})"  # noqa: S608 (ours)
    return bool(connection.execute(statement, (series,)).fetchone()[0])


def _forget_health(connection: sqlite3.Connection, changed: Sequence[_Touched]) -> None:
    """Have series examined anew of which there is more or less than before."""
    statement = "UPDATE series SET health = 'unknown', health_text = '' WHERE id = ?"
    connection.executemany(statement, [(one.series,) for one in changed])


def _uids(touched: Sequence[_Touched]) -> tuple[str, ...]:
    return tuple(sorted({one.uid for one in touched}))


def _report(
    connection: sqlite3.Connection,
    touched: Sequence[_Touched],
    instances: int,
    *,
    trash_id: int,
    examine: Sequence[_Touched],
) -> DeleteReport:
    """Return what is shown no more."""
    patients, studies, series = (
        sum(_is_hidden(connection, table, row) for row in rows) for table, rows in _levels(touched)
    )
    return DeleteReport(patients, studies, series, instances, trash_id=trash_id, series_instance_uids=_uids(examine))
