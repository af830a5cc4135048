"""The rolling audit: a part of the archive at a time, what was looked at longest ago first, so that all of it has its turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from DICOMModule.database.audit import Findings, Registration, check_batch_job, registrations
from DICOMModule.database.audit_report import files_report, integrity_job
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_pool import FilePool
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.summaries import VerifyReport
from DICOMModule.jobs import Job, Progress

MAX_BYTES: Final = 1 << 30
ROWS_A_STEP: Final = 100


def audit_job(catalogue: Catalogue, store: FileStore, max_bytes: int = MAX_BYTES) -> Job[VerifyReport]:
    """Check the content of the files that were audited longest ago, until `max_bytes` have been read.

    A referenced file gets its SHA-256 at its first audit. States are written down; nothing is ever removed. The database's
    own file is checked as a whole.

    Raises
    ------
    DatabaseReadOnlyError
        The folder cannot be written to, so that the next audit would begin with the same files.
    """
    with catalogue.transaction():
        pass  # says at once that nothing can be written
    findings = Findings()
    database = yield from integrity_job(catalogue, Progress(0, 0, "the database itself"))
    turns = [row for (row,) in catalogue.rows("SELECT id FROM instance ORDER BY audited_at, id")]  # null comes first
    with FilePool() as pool:
        for first in range(0, len(turns), ROWS_A_STEP):
            rows = turns[first : first + ROWS_A_STEP]
            batch = _within(_of_rows(catalogue, store, rows), max_bytes - findings.read_bytes)
            if batch:
                yield from check_batch_job(catalogue, pool, batch, findings, total=0)
            if findings.read_bytes >= max_bytes:
                break
    return files_report(findings, database)


def _of_rows(catalogue: Catalogue, store: FileStore, rows: Sequence[int]) -> list[Registration]:
    marks = ", ".join("?" * len(rows))
    found = {one.row: one for one in registrations(catalogue, store, f"id IN ({marks})", tuple(rows))}
    return [found[row] for row in rows if row in found]


def _within(batch: list[Registration], room_bytes: int) -> list[Registration]:
    """Return as many files as there is room for, one at least."""
    taken = 0
    for number, one in enumerate(batch):
        taken += one.size_bytes
        if taken >= room_bytes:
            return batch[: number + 1]
    return batch
