"""Copying for tests: what goes into a database, what comes out of it, and what lies there then."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from DICOMModule.export.copy_report import CopyOptions
from DICOMModule.jobs import run_to_end


def bring_in(logic, *series, copy=False):
    return run_to_end(logic.import_job([one.folder for one in series], copy=copy))


def copy_out(logic, targets, destination: Path, **options):
    names = [targets] if isinstance(targets, str) else targets
    return run_to_end(logic.copy_job(names, destination, CopyOptions(**options)))


def contents(folder: Path) -> dict[str, str]:
    """Return every file below a folder, hidden ones too, by its relative path, and its SHA-256."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()) for path in files}


def hashes_of(*series) -> list[str]:
    return sorted(sha256(file.read_bytes()) for one in series for file in one.files)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def flip_last_byte(path: Path) -> None:
    """Change a file where it lies, as a failing disk does."""
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        (last,) = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 1]))


def close_after(job, steps: int) -> bool:
    """Take that many steps of a job, then close it as a cancel does; return whether it was still running."""
    running = True
    try:
        for _ in range(steps):
            next(job)
    except StopIteration:
        running = False
    with contextlib.closing(job):
        return running
