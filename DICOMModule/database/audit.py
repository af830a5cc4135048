"""The audit: whether what is registered is there, whole and unchanged, and whether anything lies about unregistered."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.counting import PURGING
from DICOMModule.database.file_pool import FilePool, result_job
from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.quarantine import quarantined_files
from DICOMModule.database.written_rows import said_by, written_rows
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DatabaseCorruptError, DicomFileError
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
    header : InstanceHeader or None
        Of the file, where its content is what was registered and can be parsed.
    """

    one: Registration
    state: str
    reason: str
    sha256: bytes | None
    mtime_ns: int
    audited: bool = True
    header: InstanceHeader | None = None


@dataclass(slots=True)
class Findings:
    """What has been found so far."""

    quick: bool = False
    checked: int = 0
    bad: list[Checked] = field(default_factory=list)
    found_again: list[Registration] = field(default_factory=list)
    read_bytes: int = 0
    rotten: list[str] = field(default_factory=list)
    stale: list[Checked] = field(default_factory=list)
    broken: str = ""


def findings_job(catalogue: Catalogue, store: FileStore, *, quick: bool = False) -> Job[Findings]:
    """Check every registered file, and write down what was found."""
    findings = Findings(quick=quick)
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
    _compare_rows(catalogue, results, findings)
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
            header = read_header(one.path)
            if (status.st_size, status.st_mtime_ns) != (
                one.size_bytes,
                one.mtime_ns,
            ) or header.sop_instance_uid != one.uid:
                return _damaged(one)
            sha256 = sha256_of(one.path, stopped=stopped)
            return Checked(one, "present", "", sha256, one.mtime_ns, header=header)
        # of another size it can be the same only where the size in the row is damaged
        if sha256_of(one.path, stopped=stopped) != one.sha256:
            return _damaged(one)
    except DicomFileError as error:
        return Checked(one, "damaged", error.reason, one.sha256, one.mtime_ns)
    if one.copied and status.st_mtime_ns != one.mtime_ns:
        # the content is the one that was registered, whatever a backup or another disk has made of its time
        with suppress(OSError):
            os.utime(one.path, ns=(one.mtime_ns, one.mtime_ns))
    mtime_ns = one.mtime_ns if one.copied else status.st_mtime_ns
    found = Checked(one, "present", "", one.sha256, mtime_ns)
    with suppress(DicomFileError):  # what was taken once is not refused by a later version
        return replace(found, header=read_header(one.path))
    return found


def looked_at(one: Registration, stopped: Callable[[], bool]) -> Checked:
    """Look at a file's name and size; at the content of one that was not as it should be the last time."""
    status = _status(one)
    if isinstance(status, Checked):
        return replace(status, audited=False)
    if one.state != "present":
        return checked(one, stopped)
    if status.st_size != one.size_bytes:
        return replace(_damaged(one), audited=False)
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
    return status


def _damaged(one: Registration) -> Checked:
    return Checked(one, "damaged", DAMAGED_COPY if one.copied else CHANGED_REFERENCE, one.sha256, one.mtime_ns)


def _compare_rows(catalogue: Catalogue, results: Sequence[Checked], findings: Findings) -> None:
    """Note rows that do not say what their files say: SQLite does not notice a text in which a bit has changed."""
    found = {result.one.row: result for result in results if result.header is not None}
    if not found:
        return
    with catalogue.translated():
        written = written_rows(catalogue.connection, list(found))
    findings.stale += [
        result
        for row, result in found.items()
        if row in written and result.header is not None and written[row] != said_by(result.header)
    ]


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
