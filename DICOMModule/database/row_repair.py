"""Rows written anew from files that are what was registered, and what follows from them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from DICOMModule.database.audit import Checked, Findings
from DICOMModule.database.audit_report import stale_levels_job
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.counting import recount_all, wrong_counts
from DICOMModule.database.level_rows import refresh
from DICOMModule.database.rows import BatchWriter, NewRow
from DICOMModule.database.schema_check import schema_fault, search_fault
from DICOMModule.database.written_rows import has_base
from DICOMModule.jobs import Job, Progress

ROWS_A_STEP = 100


def repair_rows_job(catalogue: Catalogue, findings: Findings) -> Job[list[str]]:
    """Write rows anew that do not say what their files say, then what patients, studies and series say, then counts.

    Returns
    -------
    list of str
        The database file, where anything in it was mended.
    """
    progress = Progress(findings.checked, findings.checked, "rows")
    if schema_fault(catalogue):  # a schema that is not ours is not written to
        return []
    mended = bool(wrong_counts(catalogue))
    left: list[Checked] = []
    for first in range(0, len(findings.stale), ROWS_A_STEP):
        yield progress
        batch = findings.stale[first : first + ROWS_A_STEP]
        with catalogue.transaction() as connection:
            # where what a series keeps is lost, its missing files cannot be told any more: that is for the rebuild
            able = [found for found in batch if has_base(connection, found.one.row)]
            _write_anew(connection, able)
        left += [found for found in batch if found not in able]
        mended = mended or bool(able)
    findings.stale = left
    stale = yield from stale_levels_job(catalogue, progress)
    broken = bool(search_fault(catalogue))
    if mended or stale or broken:
        with catalogue.transaction() as connection:
            refresh(connection, stale)
            recount_all(connection)
    return [os.fspath(catalogue.path)] if mended or stale or broken else []


def _write_anew(connection: sqlite3.Connection, batch: Sequence[Checked]) -> None:
    """Replace rows by what their files say; what no file says stays."""
    kept = {}
    rows = []
    for found in batch:
        one, header = found.one, found.header
        statement = "SELECT trash, audited_at, sha256 FROM instance WHERE id = ?"
        known = connection.execute(statement, (one.row,)).fetchone()
        if header is None or known is None or known[2] != found.sha256:
            continue  # it was written anew meanwhile
        kept[one.uid] = known[:2]
        rows.append(NewRow(header, one.source, one.copied, found.sha256, one.row))
    acts = connection.execute("SELECT * FROM trash").fetchall()
    BatchWriter(connection).write(rows)
    # acts of deleting have gone with the last of their rows, and these come back to them
    marks = ", ".join("?" * len(acts[0])) if acts else ""
    connection.executemany(f"INSERT OR IGNORE INTO trash VALUES ({marks})", acts)  # noqa: S608 (ours)
    connection.executemany(
        "UPDATE instance SET trash = ?, audited_at = ? WHERE sop_instance_uid = ?",
        [(*values, uid) for uid, values in kept.items()],
    )
