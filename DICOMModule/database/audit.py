"""The audit: whether what is registered is there, whole and unchanged, and whether anything lies about unregistered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from DICOMModule.database.connection import Catalogue
from DICOMModule.database.file_store import FileStore, sha256_of
from DICOMModule.database.summaries import VerifyReport
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import Job, Progress

ROWS_A_STEP: Final = 500
FILES_BETWEEN_PROGRESS: Final = 10


@dataclass(frozen=True, slots=True)
class _Registered:
    row: int
    uid: str
    path: Path
    size_bytes: int
    mtime_ns: int
    sha256: bytes | None
    copied: bool
    state: str


@dataclass(slots=True)
class _Findings:
    checked: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    changes: list[tuple[str, bytes | None, int]] = field(default_factory=list)


def verify_job(catalogue: Catalogue, store: FileStore) -> Job[VerifyReport]:
    """Check every registered file: there, of its size, of its SHA-256.

    A referenced file has no SHA-256 from its import, so it must have its time of modification still, and the audit
    records the hash that it has now for the next one. States are written down; nothing is ever removed.
    """
    integrity = catalogue.integrity()
    findings = _Findings()
    (total,) = catalogue.rows("SELECT count(*) FROM instance")[0]
    for batch in _batches(catalogue, store):
        for one in batch:
            if findings.checked % FILES_BETWEEN_PROGRESS == 0:
                yield Progress(findings.checked, total, one.path.name)
            _check(one, findings)
        _record(catalogue, findings)
    yield Progress(findings.checked, total, "files without a row")
    return VerifyReport(
        checked=findings.checked,
        missing=tuple(sorted(findings.missing)),
        damaged=tuple(sorted(findings.damaged)),
        orphans=tuple(os.fspath(path) for path in orphans(catalogue, store)),
        quarantined=tuple(str(path) for path in _quarantined(catalogue)),
        database=integrity,
    )


def orphans(catalogue: Catalogue, store: FileStore) -> Iterator[Path]:
    """Return files in the store that no row names."""
    places = {
        store.place_of(uid).name for (uid,) in catalogue.rows("SELECT sop_instance_uid FROM instance WHERE copied = 1")
    }
    return (path for path in store.stored_files() if path.name not in places)


def _batches(catalogue: Catalogue, store: FileStore) -> Iterator[list[_Registered]]:
    last = 0
    while True:
        rows = catalogue.rows(
            "SELECT id, sop_instance_uid, source_path, bytes, mtime_ns, sha256, copied, state FROM instance"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (last, ROWS_A_STEP),
        )
        if not rows:
            return
        yield [_registered(store, *row) for row in rows]
        last = rows[-1][0]


def _registered(store: FileStore, row: int, uid: str, source: bytes | None, *rest: Any) -> _Registered:
    size, mtime, sha256, copied, state = rest
    path = store.place_of(uid) if copied else Path(os.fsdecode(source or b""))
    return _Registered(row, uid, path, size, mtime, sha256, bool(copied), state)


def _check(one: _Registered, findings: _Findings) -> None:
    findings.checked += 1
    state, sha256 = _state_of(one)
    if state == "missing":
        findings.missing.append(os.fspath(one.path))
    elif state == "damaged":
        findings.damaged.append(os.fspath(one.path))
    if state != one.state or sha256 != one.sha256:
        findings.changes.append((state, sha256, one.row))


def _state_of(one: _Registered) -> tuple[str, bytes | None]:
    """Return the state of a file now, and the hash by which it will be known from now on."""
    try:
        status = one.path.lstat()
    except OSError:
        return "missing", one.sha256
    try:
        if status.st_size != one.size_bytes:
            return "damaged", one.sha256
        if one.sha256 is not None:
            return ("present" if sha256_of(one.path) == one.sha256 else "damaged"), one.sha256
        if status.st_mtime_ns != one.mtime_ns or read_header(one.path).sop_instance_uid != one.uid:
            return "damaged", None
        return "present", sha256_of(one.path)
    except DicomFileError:
        return "damaged", one.sha256


def _record(catalogue: Catalogue, findings: _Findings) -> None:
    if findings.changes and not catalogue.read_only:
        with catalogue.transaction() as connection:
            connection.executemany("UPDATE instance SET state = ?, sha256 = ? WHERE id = ?", findings.changes)
    findings.changes.clear()


def _quarantined(catalogue: Catalogue) -> list[Path]:
    return [Path(os.fsdecode(path)) for (path,) in catalogue.rows("SELECT path FROM quarantine ORDER BY path")]
