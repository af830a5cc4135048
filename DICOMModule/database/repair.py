"""Mending what an audit found: only what is certain by its SHA-256, and nothing is deleted.

A damaged file goes to the quarantine before a whole one takes its place; what cannot be mended stays as it is and is named
in the report.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from DICOMModule.database.audit import Checked, Findings, Registration, findings_job
from DICOMModule.database.audit_report import report_job
from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_pool import FilePool, result_job
from DICOMModule.database.file_store import CopiedFile, FileStore, sha256_of
from DICOMModule.database.purge import LOCK
from DICOMModule.database.quarantine import DAMAGED, write_quarantine
from DICOMModule.database.reconcile import sweep
from DICOMModule.database.row_repair import repair_rows_job
from DICOMModule.database.sessions import dead_sessions, exclusive_job
from DICOMModule.database.stray_repair import StrayRepair
from DICOMModule.database.summaries import VerifyReport
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DatabaseCorruptError, DicomFileError
from DICOMModule.jobs import Job, Progress


def repair_job(catalogue: Catalogue, store: FileStore, *, quick: bool = False) -> Job[VerifyReport]:
    """Audit, and mend what can be mended with certainty.

    * A copy that is missing or damaged comes back from its source, from the quarantine or from a file without a row,
      where one of them still has the SHA-256 that was registered; so does a referenced file, which becomes a copy.
    * Whole copies without a row are registered; one at a wrong place is moved to its right one.
    * Rows of the quarantine are written for files that have none.
    * Rows that do not say what their files say are written anew; counts and the search's index are made anew where they
      are wrong; what dead processes left in ``incoming/`` is swept.

    Raises
    ------
    DatabaseReadOnlyError
        The folder cannot be written to.
    """
    with catalogue.transaction():
        pass  # says now, not after an hour of hashing, that nothing can be written
    with (yield from exclusive_job(store.folder / LOCK)):  # what is being purged must not be brought back
        report = yield from _repaired_job(catalogue, store, quick=quick)
    return report


def _repaired_job(catalogue: Catalogue, store: FileStore, *, quick: bool) -> Job[VerifyReport]:
    dead = dead_sessions(store.incoming)
    findings = yield from findings_job(catalogue, store, quick=quick)
    repaired = [os.fspath(one.path) for one in findings.found_again]
    if not findings.broken:
        try:
            with FilePool() as pool:
                repaired += yield from _restored_job(catalogue, store, pool, findings)
                strays = StrayRepair(catalogue, store, pool)
                repaired += yield from strays.repair_job()
            sweep(dead)
            # what strays gave back is found by looking again
            findings.bad = [bad for bad in findings.bad if not strays.has_healed(bad.one.row)]
            repaired += yield from repair_rows_job(catalogue, findings)
        except DatabaseCorruptError as error:
            findings.broken = str(error)
    report = yield from report_job(catalogue, store, findings, repaired)
    return report


def _restored_job(catalogue: Catalogue, store: FileStore, pool: FilePool, findings: Findings) -> Job[list[str]]:
    """Bring back files whose content lies elsewhere; take them out of the findings."""
    restored, left = [], []
    progress = Progress(findings.checked, findings.checked, "restoring")
    for bad in findings.bad:
        yield progress
        if (yield from _vouched_job(catalogue, pool, bad, progress)):
            restored.append(os.fspath(bad.one.path))
            continue
        source = yield from _whole_file_job(catalogue, store, pool, bad.one, progress)
        try:
            if source is not None and _restore(catalogue, store, bad, source):
                restored.append(os.fspath(store.place_of(bad.one.uid)))
                continue
        except DicomFileError:
            pass  # a folder or a link lies at its place, which is not ours to move
        left.append(bad)
    findings.bad = left
    return restored


def _whole_file_job(
    catalogue: Catalogue, store: FileStore, pool: FilePool, one: Registration, progress: Progress
) -> Job[Path | None]:
    """Find a file that still has the content that was registered."""
    if one.sha256 is None:
        return None
    for path in _candidates(catalogue, store, one):
        try:
            if path.lstat().st_size != one.size_bytes:
                continue
            found = yield from result_job(pool.submit(sha256_of, path, stopped=pool.stopped), progress)
        except (OSError, DicomFileError):
            continue
        if found == one.sha256:
            return path
    return None


def _vouched_job(catalogue: Catalogue, pool: FilePool, bad: Checked, progress: Progress) -> Job[bool]:
    """Mend a row's hash where the copy and what it was made from are the same: then it is the hash that is damaged."""
    one = bad.one
    if bad.state != "damaged" or not one.copied or one.sha256 is None or one.source in {None, one.path}:
        return False
    hashes = []
    for path in (one.path, one.source):
        try:
            hashes.append((yield from result_job(pool.submit(sha256_of, path, stopped=pool.stopped), progress)))
        except DicomFileError:
            return False
    if hashes[0] != hashes[1]:
        return False
    with catalogue.transaction() as connection:
        statement = "UPDATE instance SET sha256 = ?, state = 'present' WHERE id = ? AND sha256 = ?"
        return connection.execute(statement, (hashes[0], one.row, one.sha256)).rowcount == 1


def _candidates(catalogue: Catalogue, store: FileStore, one: Registration) -> Iterator[Path]:
    """Return where the content may lie: what it was copied from, what we hold of it, what the user has set aside."""
    place = store.place_of(one.uid)
    if one.source is not None and one.copied and one.source != place:
        yield one.source
    if one.sha256 is not None:
        yield store.quarantine_place_of(one.sha256)
    if not one.copied:
        yield place
    for (path,) in catalogue.rows("SELECT path FROM quarantine WHERE sha256 = ? AND held = 0", (one.sha256,)):
        yield Path(os.fsdecode(path))


def _restore(catalogue: Catalogue, store: FileStore, bad: Checked, source: Path) -> bool:
    """Put the content of `source` in its place, the damaged file into the quarantine, and mend the row."""
    one, place = bad.one, store.place_of(bad.one.uid)
    if one.sha256 is not None and source == store.quarantine_place_of(one.sha256):
        return _bring_back(catalogue, store, one, CopiedFile(source, one.sha256))
    with store.session() as session:
        copied = _copied(store, source, session, one)
        if copied is None:
            return False
        aside = store.move_aside(place, copied)
        if not store.put_in_place(copied, place):
            return False
        store.sync_folders([place])
        with catalogue.transaction() as connection:
            if aside is not None:
                path, sha256 = aside
                write_quarantine(connection, path, one.uid, sha256, held=True, source=place, reason=DAMAGED)
            return mend_row(connection, one)


def _bring_back(catalogue: Catalogue, store: FileStore, one: Registration, quarantined: CopiedFile) -> bool:
    """Put what was set aside in the place that is its own: it contradicts nothing."""
    place = store.place_of(one.uid)
    aside = store.move_aside(place, quarantined)
    os.utime(quarantined.path, ns=(one.mtime_ns, one.mtime_ns))
    if not store.move(quarantined.path, place):
        return False
    with catalogue.transaction() as connection:
        connection.execute("DELETE FROM quarantine WHERE sha256 = ? AND held = 1", (quarantined.sha256,))
        if aside is not None:
            path, sha256 = aside
            write_quarantine(connection, path, one.uid, sha256, held=True, source=place, reason=DAMAGED)
        return mend_row(connection, one)


def _copied(store: FileStore, source: Path, session: Path, one: Registration) -> CopiedFile | None:
    """Copy a file, with the time that goes with its content; None where it is not what it was a moment ago."""
    try:
        status = source.stat()
        copied = store.copy(
            InstanceHeader(os.fspath(source), status.st_size, status.st_mtime_ns, "", {}), session, one.mtime_ns
        )
    except (OSError, DicomFileError):
        return None
    return copied if copied.sha256 == one.sha256 else None


def mend_row(connection: sqlite3.Connection, one: Registration) -> bool:
    """Let a row be of a whole copy in its place, unless it was written anew since it was looked at."""
    cursor = connection.execute(
        "UPDATE instance SET state = 'present', copied = 1, mtime_ns = ? WHERE id = ? AND sha256 = ?",
        (one.mtime_ns, one.row, one.sha256),
    )
    return cursor.rowcount == 1
