"""What an audit reports: findings about files, what lies about unregistered, and how the database itself is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from DICOMModule.database.audit import Findings, findings_job
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.counting import wrong_counts
from DICOMModule.database.file_pool import aside_job
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.level_rows import StaleRow, stale_rows
from DICOMModule.database.quarantine import quarantined_files
from DICOMModule.database.schema_check import schema_fault, search_fault
from DICOMModule.database.strays import lasting_job, orphans, unknown_quarantine
from DICOMModule.database.summaries import QuarantinedFile, VerifyReport
from DICOMModule.errors import DatabaseCorruptError, Problem
from DICOMModule.jobs import Job, Progress

GONE_ASIDE: Final = "it was set aside and has gone from the quarantine. Discard it if it is not wanted any more."
ROTTEN: Final = "it was set aside and is not what it was then. Compare it with what it came from, or discard it."
STRAY: Final = "no row names it. `verify --repair` registers it where it is a whole instance."
STALE_ROWS: Final = "{} rows do not say what their files say; `verify --repair` writes them anew"
STALE_LEVELS: Final = (
    "{} patients, studies and series do not say what any of their instances says; `verify --repair` mends them"
)
BROKEN_COUNTS: Final = "{} counts of patients, studies and series are wrong; `verify --repair` counts anew"
LEVEL_ROWS_A_STEP: Final = 100


def verify_job(catalogue: Catalogue, store: FileStore, *, quick: bool = False) -> Job[VerifyReport]:
    """Check every registered file: there, of its size, of its SHA-256.

    A referenced file has no SHA-256 from its import, so it must have its time of modification still, and the audit
    records the hash that it has now for the next one. States are written down; nothing is ever removed.

    Parameters
    ----------
    catalogue, store : Catalogue, FileStore
        Of an open database.
    quick : bool
        Look at names and sizes only, but for files that were missing or damaged the last time.
    """
    findings = yield from findings_job(catalogue, store, quick=quick)
    report = yield from report_job(catalogue, store, findings)
    return report


def report_job(
    catalogue: Catalogue, store: FileStore, findings: Findings, repaired: Sequence[str] = ()
) -> Job[VerifyReport]:
    """Add to findings about files what lies about unregistered, and how the database itself is."""
    progress = Progress(findings.checked, findings.checked, "the database itself")
    database = yield from integrity_job(catalogue, progress)
    yield Progress(findings.checked, findings.checked, "files without a row")
    advice = [Problem(os.fspath(bad.one.path), bad.reason) for bad in findings.bad]
    strays: list[Path] = []
    aside: list[QuarantinedFile] = []
    try:
        strays = [*orphans(catalogue, store), *unknown_quarantine(catalogue, store)]
        strays = yield from lasting_job(catalogue, store, strays, progress)
        advice += [Problem(os.fspath(path), STRAY) for path in strays]
        aside = quarantined_files(catalogue, store)
        if database == "ok":
            database = yield from _faults_job(catalogue, findings, progress)
    except DatabaseCorruptError as error:
        findings.broken = findings.broken or str(error)
    gone = [one.path for one in aside if one.held and not os.path.lexists(one.path)]
    advice += [Problem(path, GONE_ASIDE) for path in gone]
    advice += [Problem(path, ROTTEN) for path in findings.rotten]
    advice += [Problem(one.path, one.reason) for one in aside if one.conflict and one.path not in gone]
    return VerifyReport(
        checked=findings.checked,
        missing=tuple(sorted([*_paths(findings, "missing"), *gone])),
        damaged=tuple(sorted([*_paths(findings, "damaged"), *findings.rotten])),
        orphans=tuple(os.fspath(path) for path in strays),
        quarantined=tuple(one.path for one in aside if one.conflict and one.path not in gone),
        repaired=tuple(sorted(repaired)),
        database=findings.broken if findings.broken and database == "ok" else database,
        remnants=tuple(one.path for one in aside if not one.conflict and one.path not in gone),
        advice=tuple(advice),
        bytes_read=findings.read_bytes,
    )


def files_report(findings: Findings, database: str) -> VerifyReport:
    """Return findings about files alone."""
    if findings.stale and database == "ok":
        database = STALE_ROWS.format(len(findings.stale))
    return VerifyReport(
        checked=findings.checked,
        missing=tuple(sorted(_paths(findings, "missing"))),
        damaged=tuple(sorted(_paths(findings, "damaged"))),
        database=database,
        advice=tuple(Problem(os.fspath(bad.one.path), bad.reason) for bad in findings.bad),
        bytes_read=findings.read_bytes,
    )


def _faults_job(catalogue: Catalogue, findings: Findings, progress: Progress) -> Job[str]:
    """Return ``ok``, or what is wrong with a database in which SQLite finds nothing."""
    faults = [STALE_ROWS.format(len(findings.stale))] if findings.stale else []
    if wrong := wrong_counts(catalogue):
        faults.append(BROKEN_COUNTS.format(wrong))
    yield progress
    if not findings.quick:
        faults += filter(None, (schema_fault(catalogue), search_fault(catalogue)))
        stale = yield from stale_levels_job(catalogue, progress)
        if stale:
            faults.append(STALE_LEVELS.format(len(stale)))
    return "; ".join(faults) or "ok"


def stale_levels_job(catalogue: Catalogue, progress: Progress) -> Job[list[StaleRow]]:
    """Return the patients, studies and series that do not say what one of their instances says."""
    found: list[StaleRow] = []
    for level in ("series", "study", "patient"):
        rows = [row for (row,) in catalogue.rows(f"SELECT id FROM {level}")]  # noqa: S608 (names are ours)
        for first in range(0, len(rows), LEVEL_ROWS_A_STEP):
            yield progress
            with catalogue.translated():
                found += stale_rows(catalogue.connection, level, rows[first : first + LEVEL_ROWS_A_STEP])
    return found


def integrity_job(catalogue: Catalogue, progress: Progress) -> Job[str]:
    """Return ``ok``, or what SQLite finds wrong with its own file; closing the job interrupts SQLite."""
    connections: list[Any] = []

    def check() -> str:
        connections.append(catalogue.connection)
        return catalogue.integrity()

    def interrupt() -> None:
        for connection in connections:
            connection.interrupt()

    found = yield from aside_job(check, progress, interrupt)
    return found


def _paths(findings: Findings, state: str) -> list[str]:
    return [os.fspath(bad.one.path) for bad in findings.bad if bad.state == state]
