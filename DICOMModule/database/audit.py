"""The audit: whether what is registered is there, whole and unchanged, and whether anything lies about unregistered."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.counting import PURGING, wrong_counts
from DICOMModule.database.file_pool import FilePool, aside_job, result_job
from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.quarantine import quarantined_files
from DICOMModule.database.strays import orphans, unknown_quarantine
from DICOMModule.database.summaries import QuarantinedFile, VerifyReport
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import DatabaseCorruptError, DicomFileError, Problem
from DICOMModule.jobs import Job, Progress

ROWS_A_STEP: Final = 500
FILES_BETWEEN_PROGRESS: Final = 10
GONE_COPY: Final = (
    "the copy has gone. `verify --repair` brings it back where its source or another whole file of it is found."
)
GONE_REFERENCE: Final = "it has gone. Bring it back, or name the folder that it was moved to: `verify --relink FOLDER`."
CHANGED_REFERENCE: Final = "it has changed since it was imported. Import it again if that was meant."
DAMAGED_COPY: Final = (
    "its content is not what was registered. `verify --repair` replaces it where its source or another whole file of it"
    " is found."
)
NO_FILE: Final = "there is something else than a file at its place."
GONE_ASIDE: Final = "it was set aside and has gone from the quarantine. Discard it if it is not wanted any more."
ROTTEN: Final = "it was set aside and is not what it was then. Compare it with what it came from, or discard it."
STRAY: Final = "no row names it. `verify --repair` registers it where it is a whole instance."
BROKEN_COUNTS: Final = "{} counts of patients, studies and series are wrong; `verify --repair` counts anew"


@dataclass(frozen=True, slots=True)
class Registration:
    """What a row says of the file of its instance."""

    row: int
    uid: str
    path: Path
    size_bytes: int
    mtime_ns: int
    sha256: bytes | None
    copied: bool
    state: str
    source: Path | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found at the place of a file.

    Attributes
    ----------
    one : Registration
        What should be there.
    state : str
        ``present``, ``missing`` or ``damaged``.
    reason : str
        Why it is not present, and what to do.
    sha256 : bytes or None
        By which the file will be known from now on.
    mtime_ns : int
        The time of modification that goes with the content that was registered.
    audited : bool
        Whether its content was to be looked at.
    """

    one: Registration
    state: str
    reason: str
    sha256: bytes | None
    mtime_ns: int
    audited: bool = True


@dataclass(slots=True)
class Findings:
    """What has been found so far."""

    checked: int = 0
    bad: list[Checked] = field(default_factory=list)
    found_again: list[Registration] = field(default_factory=list)
    read_bytes: int = 0
    rotten: list[str] = field(default_factory=list)
    broken: str = ""


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


def findings_job(catalogue: Catalogue, store: FileStore, *, quick: bool = False) -> Job[Findings]:
    """Check every registered file, and write down what was found."""
    findings = Findings()
    try:
        (total,) = catalogue.rows("SELECT count(*) FROM instance")[0]
        with FilePool() as pool:
            last = 0
            while batch := registrations(catalogue, store, "id > ? ORDER BY id LIMIT ?", (last, ROWS_A_STEP)):
                last = batch[-1].row
                yield from check_batch_job(catalogue, pool, batch, findings, total=total, quick=quick)
            if not quick:
                yield from _check_quarantine_job(catalogue, store, pool, findings)
    except DatabaseCorruptError as error:  # what can be read of it has been checked, and the report says that
        findings.broken = str(error)
    return findings


def check_batch_job(
    catalogue: Catalogue,
    pool: FilePool,
    batch: Sequence[Registration],
    findings: Findings,
    *,
    total: int,
    quick: bool = False,
) -> Job[None]:
    """Check some registered files and write down what was found, in one transaction."""
    look = looked_at if quick else checked
    waiting = [pool.submit(look, one, pool.stopped) for one in batch]
    results = []
    for one, result in zip(batch, waiting, strict=True):
        progress = Progress(findings.checked, total, one.path.name)
        if findings.checked % FILES_BETWEEN_PROGRESS == 0:
            yield progress
        results.append((yield from result_job(result, progress)))
        findings.checked += 1
    _record(catalogue, results)
    for found in results:
        findings.read_bytes += found.one.size_bytes if found.audited and found.state != "missing" else 0
        if found.state != "present":
            findings.bad.append(found)
        elif found.one.state != "present":
            findings.found_again.append(found.one)


def _check_quarantine_job(catalogue: Catalogue, store: FileStore, pool: FilePool, findings: Findings) -> Job[None]:
    """Check what we hold of what was set aside: its name is the hash of its content."""
    for one in quarantined_files(catalogue, store):
        if one.held:
            path = Path(one.path)
            progress = Progress(findings.checked, findings.checked, path.name)
            try:
                found = yield from result_job(pool.submit(sha256_of, path, stopped=pool.stopped), progress)
            except DicomFileError:
                continue  # that it has gone is seen without reading
            if found.hex() != one.sha256:
                findings.rotten.append(one.path)


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
        advice += [Problem(os.fspath(path), STRAY) for path in strays]
        aside = quarantined_files(catalogue, store)
        if database == "ok" and (wrong := wrong_counts(catalogue)):
            database = BROKEN_COUNTS.format(wrong)
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
    return VerifyReport(
        checked=findings.checked,
        missing=tuple(sorted(_paths(findings, "missing"))),
        damaged=tuple(sorted(_paths(findings, "damaged"))),
        database=database,
        advice=tuple(Problem(os.fspath(bad.one.path), bad.reason) for bad in findings.bad),
        bytes_read=findings.read_bytes,
    )


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


def registrations(
    catalogue: Catalogue, store: FileStore, where: str, parameters: tuple[Any, ...]
) -> list[Registration]:
    """Return what rows say of their files, but for what is being purged; `where` is the rest of the statement."""
    rows = catalogue.rows(
        "SELECT id, sop_instance_uid, source_path, bytes, mtime_ns, sha256, copied, state FROM instance"  # noqa: S608
        f" WHERE (trash IS NULL OR trash NOT IN (SELECT id FROM trash WHERE {PURGING})) AND {where}",
        parameters,
    )
    return [_registration(store, *row) for row in rows]


def checked(one: Registration, stopped: Callable[[], bool]) -> Checked:
    """Look at a file, its content included."""
    status = _status(one)
    if isinstance(status, Checked):
        return status
    try:
        if one.sha256 is None:
            if status.st_mtime_ns != one.mtime_ns or read_header(one.path).sop_instance_uid != one.uid:
                return _damaged(one)
            return Checked(one, "present", "", sha256_of(one.path, stopped=stopped), one.mtime_ns)
        if sha256_of(one.path, stopped=stopped) != one.sha256:
            return _damaged(one)
        if status.st_mtime_ns == one.mtime_ns:
            return Checked(one, "present", "", one.sha256, one.mtime_ns)
        # the content is the one that was registered, whatever a backup or another disk has made of its time
        if one.copied:
            os.utime(one.path, ns=(one.mtime_ns, one.mtime_ns))
            return Checked(one, "present", "", one.sha256, one.mtime_ns)
        return Checked(one, "present", "", one.sha256, status.st_mtime_ns)
    except DicomFileError as error:
        return Checked(one, "damaged", error.reason, one.sha256, one.mtime_ns)


def looked_at(one: Registration, stopped: Callable[[], bool]) -> Checked:
    """Look at a file's name and size; at the content of one that was not as it should be the last time."""
    status = _status(one)
    if isinstance(status, Checked):
        return replace(status, audited=False)
    if one.state != "present":
        return checked(one, stopped)
    if one.sha256 is None and status.st_mtime_ns != one.mtime_ns:
        return replace(_damaged(one), audited=False)
    return Checked(one, "present", "", one.sha256, one.mtime_ns, audited=False)


def _status(one: Registration) -> os.stat_result | Checked:
    """Return what the system says of a file, or what is wrong with it already."""
    try:
        status = one.path.lstat()
    except (OSError, ValueError):
        return Checked(one, "missing", GONE_COPY if one.copied else GONE_REFERENCE, one.sha256, one.mtime_ns)
    if not stat.S_ISREG(status.st_mode):
        return Checked(one, "damaged", NO_FILE, one.sha256, one.mtime_ns)
    return status if status.st_size == one.size_bytes else _damaged(one)


def _damaged(one: Registration) -> Checked:
    return Checked(one, "damaged", DAMAGED_COPY if one.copied else CHANGED_REFERENCE, one.sha256, one.mtime_ns)


def _record(catalogue: Catalogue, results: Sequence[Checked]) -> None:
    if catalogue.read_only:
        return
    now = int(time.time())
    with catalogue.transaction() as connection:
        # only where the row is still what was looked at: another program may have written it anew meanwhile
        connection.executemany(
            "UPDATE instance SET state = ?, sha256 = ?, mtime_ns = ? WHERE id = ? AND sha256 IS ? AND mtime_ns = ?",
            [
                (found.state, found.sha256, found.mtime_ns, found.one.row, found.one.sha256, found.one.mtime_ns)
                for found in results
                if (found.state, found.sha256, found.mtime_ns)
                != (found.one.state, found.one.sha256, found.one.mtime_ns)
            ],
        )
        connection.executemany(
            "UPDATE instance SET audited_at = ? WHERE id = ?",
            [(now, found.one.row) for found in results if found.audited],
        )


def _registration(store: FileStore, row: int, uid: str, source: bytes | None, *rest: Any) -> Registration:
    size, mtime, sha256, copied, state = rest
    came_from = Path(os.fsdecode(source)) if source is not None else None
    path = store.place_of(uid) if copied else came_from or Path()
    return Registration(row, uid, path, size, mtime, sha256, bool(copied), state, came_from)


def _paths(findings: Findings, state: str) -> list[str]:
    return [os.fspath(bad.one.path) for bad in findings.bad if bad.state == state]
