"""Importing for tests: the report whose sum is checked, its counts that are not 0, edited copies, hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydicom import dcmread

from DICOMModule.database import ImportReport
from DICOMModule.jobs import run_to_end


def import_(database, *roots, copy=False) -> ImportReport:
    report = run_to_end(database.import_job(list(roots), copy=copy))
    accounted = report.added + report.updated + report.unchanged + report.not_dicom
    assert accounted + len(report.rejected) + len(report.duplicates) == report.files_seen
    return report


def counts(report: ImportReport) -> dict[str, int]:
    names = ("files_seen", "added", "updated", "unchanged", "not_dicom")
    found = {name: getattr(report, name) for name in names if getattr(report, name)}
    return found | {name: len(getattr(report, name)) for name in ("rejected", "duplicates") if getattr(report, name)}


def edited(source: Path, target: Path, **attributes) -> Path:
    """Write a copy of a file with other attributes."""
    dataset = dcmread(source)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    target.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(target)
    return target


def hashes(folder: Path) -> dict[Path, str]:
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}
