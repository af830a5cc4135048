"""Reads for the tree what it shows: in quiet jobs, as a worker that is busy makes every row read in the window's thread wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from DICOMModule.database import DicomDatabase, PatientSummary, StudySummary
from DICOMModule.database.list_query import PatientOrder
from DICOMModule.jobs import Job, Progress
from DICOMModule.widgets.browser.selection import Summary
from DICOMModule.widgets.browser.tree_nodes import key_of

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class FirstPage:
    """The patients that a search finds, as many as a page holds; `more`: there are others."""

    search: str
    patients: tuple[PatientSummary, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A row of the tree whose children are shown; `number` is its node's, `parent` that of the row above."""

    number: int
    parent: int
    summary: Summary


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """What the tree shows, to be read again.

    Attributes
    ----------
    search : str
        The words it is filtered by.
    limit : int
        How many patients to read.
    patients : mapping of int to PatientSummary
        Those that are shown, by their numbers.
    rows : tuple of OpenRow
        Patients, then studies, whose children are shown.
    deep : bool
        Read below rows that have not changed themselves.
    """

    search: str
    limit: int
    patients: Mapping[int | str, Summary]
    rows: tuple[OpenRow, ...]
    deep: bool


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What was read for a plan: the patients, and by the numbers of their nodes the children of rows that may differ."""

    plan: RefreshPlan
    patients: tuple[PatientSummary, ...]
    children: Mapping[int, tuple[Summary, ...]]


def first_page_job(
    database: DicomDatabase, search: str, limit: int = PAGE, order: PatientOrder = "name"
) -> Job[FirstPage]:
    """Read the first page of a search."""
    yield Progress(0, 1)
    rows = database.patients(search=search, limit=limit, order=order)
    return FirstPage(search, tuple(rows), len(rows) == limit)


def refresh_job(database: DicomDatabase, plan: RefreshPlan, order: PatientOrder = "name") -> Job[Refreshed]:
    """Read again what a plan names; of rows that are open only those that have changed, unless the plan is deep."""
    yield Progress(0, len(plan.rows) + 1)
    patients = database.patients(search=plan.search, limit=plan.limit, order=order)
    now: dict[int | str, Summary] = {row.patient: row for row in patients}
    changed = {key for key, row in now.items() if plan.patients.get(key) != row}
    children: dict[int, tuple[Summary, ...]] = {}
    fresh: dict[tuple[int, int | str], Summary] = {}
    for done, row in enumerate(plan.rows, start=1):
        yield Progress(done, len(plan.rows) + 1)
        key = key_of(row.summary)
        if isinstance(row.summary, PatientSummary):
            differs, summary = key in changed, now.get(key)
        else:
            summary = fresh.get((row.parent, key), row.summary)
            differs = summary != row.summary
        if summary is not None and (differs or plan.deep):
            children[row.number] = found = tuple(children_of(database, summary, plan.search))
            fresh.update({(row.number, key_of(one)): one for one in found})
    return Refreshed(plan, tuple(patients), children)


def children_of(database: DicomDatabase, summary: Summary, search: str) -> Sequence[Summary]:
    """Return what is below a patient, newest study first, or a study.

    Words of a search may be spread over several studies or series, so that none holds them all: then all are shown.

    Raises
    ------
    DatabaseError
        The database cannot be read.
    """
    found: Sequence[Summary] = ()
    if isinstance(summary, PatientSummary):
        found = database.studies(patient=summary.patient, search=search)[::-1]
    elif isinstance(summary, StudySummary):
        found = database.series(patient=summary.patient, study=summary.study_instance_uid, search=search)
    return found if found or not search else children_of(database, summary, "")
