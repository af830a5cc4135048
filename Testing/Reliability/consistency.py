"""Whether what a database says agrees with itself and with the files: counts, totals, the search's index, copies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DICOMModuleError
from DICOMModule.jobs import run_to_end

_LIVE = "SELECT count(*) FROM instance WHERE trash IS NULL AND "
_COUNTED = (
    ("series", f"{_LIVE} series = series.id"),
    ("study", f"{_LIVE} series IN (SELECT id FROM series AS s WHERE s.study = study.id)"),
    (
        "patient",
        f"{_LIVE} series IN (SELECT s.id FROM series AS s JOIN study ON study.id = s.study WHERE study.patient = patient.id)",
    ),
)


def inconsistencies(database: DicomDatabase) -> list[str]:
    """Return where the rows of an open database contradict each other."""
    catalogue = database._catalogue
    found = [] if catalogue.integrity() == "ok" else [f"integrity: {catalogue.integrity()}"]
    for table, counted in _COUNTED:
        wrong = catalogue.rows(
            f"SELECT id, instances, ({counted}) AS there FROM {table} WHERE instances <> there LIMIT 3"
        )
        found += [f"{table} {row} says {said} instances, there are {there}" for row, said, there in wrong]
    below = "SELECT (SELECT count(*) FROM {0} WHERE instances > 0), {1} FROM total"
    for table, column in (("patient", "patients"), ("study", "studies"), ("series", "series")):
        ((there, said),) = catalogue.rows(below.format(table, column))
        found += [f"total says {said} {column}, there are {there}"] if there != said else []
    ((there, said),) = catalogue.rows(
        "SELECT (SELECT count(*) FROM instance WHERE trash IS NULL), instances FROM total"
    )
    found += [f"total says {said} instances, there are {there}"] if there != said else []
    try:
        with catalogue.transaction() as connection:  # SQLite compares the index with the documents
            connection.execute("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)")
    except DICOMModuleError as error:
        found.append(f"the search's index: {error}")
    documents = catalogue.rows("SELECT count(*) FROM patient WHERE instances > 0 AND id NOT IN (SELECT patient FROM"
                               " search_document)")  # fmt: skip
    return found + (["a patient is not in the search"] if documents != [(0,)] else [])


def disagreements(database: DicomDatabase, originals: set[bytes]) -> list[str]:
    """Return where files and rows disagree, whether a copy is none of `originals` (SHA-256), and what is left over."""
    report = run_to_end(database.verify_job())
    kinds = ("missing", "damaged", "orphans")
    found = [f"{kind}: {getattr(report, kind)[:3]}" for kind in kinds if getattr(report, kind)]
    stored = [path for path in (database.folder / "dicom").rglob("*") if path.is_file()]
    found += [f"torn: {path.name}" for path in stored if hash_of(path) not in originals]
    left = list((database.folder / "incoming").glob("*"))
    return found + ([f"left in incoming: {[path.name for path in left][:3]}"] if left else [])


def hash_of(path: Path) -> bytes:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).digest()
