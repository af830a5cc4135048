"""Databases of earlier schema versions, made by the migrations of then and filled as then."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from DICOMModule.database import migrations

# What a migration may write anew, and what it adds, is left out when rows are compared.
TABLES = {
    "patient": "id, identity, patient_id, patient_name, patient_birth_date, patient_sex, sort_name, studies, series, instances",
    "study": "id, patient, study_instance_uid, study_date, study_time, accession_number, study_description, modalities,"
    " series, instances",
    "series": "id, study, series_instance_uid, modality, series_number, series_description, attributes, instances, frames,"
    " bytes, health",
    "instance": "id, series, sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number, frames, bytes,"
    " mtime_ns, sha256, copied, source_path, state, attributes, dataset_offset, pixel_data_offset, pixel_data_bytes",
    "import_event": "id, started_at, finished_at, copied, outcome, files_seen, added",
    "quarantine": "id, path, sop_instance_uid, sha256, held, source_path, reason, added_at",
}
INSTANCES = 5


def make_old_database(folder: Path, version: int, patients: int) -> Path:
    """Make a database of an early version with `patients` patients of two studies of two series of five instances."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "dicommodule.sqlite", isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("BEGIN IMMEDIATE")
        for step in range(version):
            migrations.MIGRATIONS[step](raw)
        raw.execute(f"PRAGMA user_version = {version}")
        for patient in range(1, patients + 1):
            _fill(raw, patient)
        raw.execute("COMMIT")
    return folder


def _fill(raw: sqlite3.Connection, patient: int) -> None:
    name = f"Müller^Person {patient}"
    below = 4 * INSTANCES
    raw.execute(
        "INSERT INTO patient VALUES (?, ?, ?, '', ?, '19700101', 'O', ?, ?, 2, 4, ?)",
        (patient, json.dumps([f"P{patient}", name]), f"P{patient}", name, name.lower(), name.lower(), below),
    )
    for study in (2 * patient - 1, 2 * patient):
        raw.execute(
            "INSERT INTO study VALUES (?, ?, ?, '20260309', '1015', 'S1', ?, 'Kopf', 'CT', 'kopf', 2, ?)",
            (study, patient, f"1.2.{study}", f"A{study}", below // 2),
        )
        for series in (2 * study - 1, 2 * study):
            attributes = json.dumps({"Modality": "CT", "PatientName": name, "Rows": 512, "Columns": 512})
            raw.execute(
                "INSERT INTO series (id, study, series_instance_uid, modality, series_number, series_description,"
                " series_date, body_part_examined, search_text, attributes, instances, frames, bytes)"
                " VALUES (?, ?, ?, 'CT', 1, 'Achsial', '20260309', 'HEAD', 'ct', ?, ?, ?, 5000)",
                (series, study, f"1.2.3.{series}", attributes, INSTANCES, INSTANCES),
            )
            raw.executemany(
                "INSERT INTO instance (series, sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number,"
                " frames, bytes, mtime_ns, sha256, copied, source_path, attributes, attributes_version, dataset_offset,"
                " pixel_data_offset, pixel_data_bytes) VALUES (?, ?, '1.2', '1.2.840.10008.1.2.1', ?, 1, 1000, ?, NULL,"
                " 0, ?, ?, 1, 300, 400, 600)",
                [
                    (
                        series,
                        f"1.2.3.{series}.{n}",
                        n,
                        n,
                        f"/nowhere/{series}/{n}".encode(),
                        json.dumps({"InstanceNumber": n}),
                    )
                    for n in range(INSTANCES)
                ],
            )
    raw.execute("INSERT INTO import_event (started_at, copied, outcome, files_seen) VALUES ('2026', 0, 'finished', 20)")
    raw.execute(
        "INSERT INTO quarantine VALUES (NULL, ?, '1.2', x'00', 0, x'2f', 'why', '2026')", (f"/q/{patient}".encode(),)
    )


def rows_of(place: Path) -> dict[str, bytes]:
    """Return a digest of what each table holds, of a database folder or of an SQLite file; no schema is needed."""
    file = place / "dicommodule.sqlite" if place.is_dir() else place
    with closing(sqlite3.connect(file)) as raw:
        return {
            table: b"".join(
                hashlib.sha256(repr(row).encode()).digest()[:8]
                for row in raw.execute(f"SELECT {columns} FROM {table} ORDER BY id")
            )
            for table, columns in TABLES.items()
        }
