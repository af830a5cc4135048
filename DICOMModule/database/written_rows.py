"""What rows say of instances, in a form in which it can be compared with what their files say."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from DICOMModule.database.level_columns import frames_of, whole_number
from DICOMModule.database.stored_attributes import comparable, load_attributes, merged_attributes
from DICOMModule.dicom.attributes import TABLE_VERSION
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.patient import patient_identity

UNREADABLE: Final = ""
"""Stands for a row that cannot be read as what it should be."""

_ROW: Final = (
    "SELECT instance.id, attributes_version, sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number,"
    " instance.frames, instance.bytes, dataset_offset, pixel_data_offset, pixel_data_bytes, series_instance_uid,"
    " study_instance_uid, patient.identity, functional_groups.content, instance.attributes, instance.series"
    " FROM instance LEFT JOIN series ON series.id = instance.series LEFT JOIN study ON study.id = series.study"
    " LEFT JOIN patient ON patient.id = study.patient"
    " LEFT JOIN functional_groups ON functional_groups.instance = instance.id WHERE instance.id IN ({})"
)


def written_rows(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, str]:
    """Return what rows say, as `said_by` a header; those that an older table of attributes was used for are left out."""
    bases: dict[int, dict[str, Any] | None] = {}
    found: dict[int, str] = {}
    marks = ", ".join("?" * len(rows))
    for row, version, uid, *columns, groups, own, series in connection.execute(_ROW.format(marks), tuple(rows)):
        if version != TABLE_VERSION:
            continue
        if series not in bases:
            bases[series] = _base(connection, series)
        found[row] = UNREADABLE
        base = bases[series]
        with suppress(ValueError, TypeError, AttributeError):
            if base is not None:
                attributes = comparable(merged_attributes(base, load_attributes(own), uid))
                found[row] = _said(uid, columns, groups, attributes)
    return found


def said_by(header: InstanceHeader) -> str:
    """Return what the row of an instance should say."""
    columns = [
        header.sop_class_uid,
        header.transfer_syntax_uid,
        whole_number(header, "InstanceNumber"),
        frames_of(header),
        header.size_bytes,
        header.dataset_offset,
        header.pixel_data_offset,
        header.pixel_data_bytes,
        header.series_instance_uid,
        header.study_instance_uid,
        patient_identity(header),
    ]
    groups = header.functional_groups.packed if header.functional_groups is not None else None
    return _said(header.sop_instance_uid, columns, groups, comparable(header.attributes))


def written_attributes(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, str]:
    """Return what the database has of instances' attributes, by row, `comparable`; what is damaged is left out."""
    found = {}
    for row in rows:
        statement = "SELECT series, attributes, sop_instance_uid FROM instance WHERE id = ?"
        for series, own, uid in connection.execute(statement, (row,)).fetchall():
            base = _base(connection, series)
            with suppress(ValueError, TypeError, AttributeError):
                if base is not None:
                    found[row] = comparable(merged_attributes(base, load_attributes(own), uid))
    return found


def has_base(connection: sqlite3.Connection, row: int) -> bool:
    """Return whether the series of an instance keeps attributes that can be read."""
    found = connection.execute("SELECT series FROM instance WHERE id = ?", (row,)).fetchone()
    return found is not None and (_base(connection, found[0]) is not None or not _exists(connection, found[0]))


def _exists(connection: sqlite3.Connection, series: int) -> bool:
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM series WHERE id = ?)", (series,)).fetchone()[0])


def _base(connection: sqlite3.Connection, series: int) -> dict[str, Any] | None:
    """Return the attributes that a series keeps; None where there are none that can be read."""
    with suppress(ValueError, TypeError, AttributeError):
        found = connection.execute("SELECT attributes FROM series WHERE id = ?", (series,)).fetchone()
        return load_attributes(found[0]) if found else None
    return None


def _said(uid: str, columns: Sequence[Any], groups: bytes | None, attributes: str) -> str:
    return json.dumps([uid, *columns, groups.hex() if groups is not None else None, attributes], ensure_ascii=False)
