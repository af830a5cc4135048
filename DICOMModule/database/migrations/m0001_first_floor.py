"""Version 1: patients, studies, series, instances, imports and the quarantine."""

from __future__ import annotations

import sqlite3
from typing import Final

_STATEMENTS: Final = (
    """CREATE TABLE patient (
        id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE,
        patient_id TEXT NOT NULL, issuer_of_patient_id TEXT NOT NULL, patient_name TEXT NOT NULL,
        patient_birth_date TEXT NOT NULL, patient_sex TEXT NOT NULL,
        sort_name TEXT NOT NULL, search_text TEXT NOT NULL,
        studies INTEGER NOT NULL DEFAULT 0, series INTEGER NOT NULL DEFAULT 0, instances INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX patient_sort_name ON patient (sort_name)",
    """CREATE TABLE study (
        id INTEGER PRIMARY KEY, patient INTEGER NOT NULL REFERENCES patient (id) ON DELETE CASCADE,
        study_instance_uid TEXT NOT NULL, study_date TEXT NOT NULL, study_time TEXT NOT NULL, study_id TEXT NOT NULL,
        accession_number TEXT NOT NULL, study_description TEXT NOT NULL,
        modalities TEXT NOT NULL DEFAULT '', search_text TEXT NOT NULL,
        series INTEGER NOT NULL DEFAULT 0, instances INTEGER NOT NULL DEFAULT 0,
        UNIQUE (study_instance_uid, patient))""",
    "CREATE INDEX study_patient ON study (patient, study_date)",
    "CREATE INDEX study_date ON study (study_date, study_time)",
    "CREATE INDEX study_accession ON study (accession_number)",
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY, study INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
        series_instance_uid TEXT NOT NULL, modality TEXT NOT NULL, series_number INTEGER,
        series_description TEXT NOT NULL, series_date TEXT NOT NULL, body_part_examined TEXT NOT NULL,
        search_text TEXT NOT NULL, attributes TEXT NOT NULL,
        instances INTEGER NOT NULL DEFAULT 0, frames INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
        health TEXT NOT NULL DEFAULT 'unknown', health_text TEXT NOT NULL DEFAULT '',
        UNIQUE (series_instance_uid, study))""",
    "CREATE INDEX series_study ON series (study, series_number)",
    """CREATE TABLE instance (
        id INTEGER PRIMARY KEY, series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
        sop_instance_uid TEXT NOT NULL UNIQUE, sop_class_uid TEXT NOT NULL, transfer_syntax_uid TEXT NOT NULL,
        instance_number INTEGER, frames INTEGER NOT NULL, bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        sha256 BLOB, copied INTEGER NOT NULL, source_path BLOB,
        state TEXT NOT NULL DEFAULT 'present' CHECK (state IN ('present', 'missing', 'damaged')),
        attributes TEXT NOT NULL, attributes_version INTEGER NOT NULL,
        dataset_offset INTEGER NOT NULL, pixel_data_offset INTEGER NOT NULL, pixel_data_bytes INTEGER NOT NULL)""",
    "CREATE INDEX instance_series ON instance (series, instance_number)",
    "CREATE INDEX instance_source_path ON instance (source_path)",
    """CREATE TABLE import_event (
        id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, finished_at TEXT NOT NULL DEFAULT '',
        copied INTEGER NOT NULL, outcome TEXT NOT NULL DEFAULT '',
        files_seen INTEGER NOT NULL DEFAULT 0, added INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL DEFAULT 0,
        unchanged INTEGER NOT NULL DEFAULT 0, not_dicom INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE import_problem (
        id INTEGER PRIMARY KEY, event INTEGER NOT NULL REFERENCES import_event (id) ON DELETE CASCADE,
        kind TEXT NOT NULL, path BLOB NOT NULL, sop_instance_uid TEXT NOT NULL, reason TEXT NOT NULL)""",
    "CREATE INDEX import_problem_event ON import_problem (event)",
    """CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, sop_instance_uid TEXT NOT NULL, sha256 BLOB NOT NULL,
        held INTEGER NOT NULL, source_path BLOB NOT NULL, reason TEXT NOT NULL, added_at TEXT NOT NULL)""",
)


def migrate(connection: sqlite3.Connection) -> None:
    """Make the first tables in an empty database."""
    for statement in _STATEMENTS:
        connection.execute(statement)
