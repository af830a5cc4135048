"""Reading what can still be read of a database file that may be damaged: row by row, around what is broken."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from DICOMModule.database.failures import SQL_ERRORS
from DICOMModule.database.stored_attributes import load_attributes, merged_attributes
from DICOMModule.dicom.instance_header import InstanceHeader

Row: TypeAlias = dict[str, Any]

ROWS_A_STEP: Final = 500
FRUITLESS_STEPS: Final = 40
_WITNESSES: Final = {
    "sop_instance_uid": "sqlite_autoindex_instance_1",
    "source_path": "instance_source_path",
    "trash": "instance_trash",
}
# what has been there since the first version, and is read here
_CORE: Final = {
    "patient": {"id", "identity", "patient_id", "issuer_of_patient_id", "patient_name", "patient_birth_date"},
    "study": {"id", "patient", "study_instance_uid"},
    "series": {
        "id", "study", "series_instance_uid", "modality", "attributes", "instances", "frames", "bytes", "health",
        "health_text",
    },
    "instance": {
        "id", "series", "sop_instance_uid", "sop_class_uid", "transfer_syntax_uid", "bytes", "mtime_ns", "sha256", "copied",
        "source_path", "attributes", "dataset_offset", "pixel_data_offset", "pixel_data_bytes",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Witness:
    """What the indexes say of one instance, none of it certain."""

    sop_instance_uid: str
    source_path: object
    trash: object


class Salvage:
    """An open database file, for reading.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the file; it is not closed here.

    Attributes
    ----------
    complete : bool
        Whether everything that was asked for could be read so far.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.complete = True
        connection.text_factory = lenient_text
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON"):
            connection.execute(f"PRAGMA {pragma}")
        self._columns = {table: self._columns_of(table) for table in self._tables()}
        self._parents: dict[tuple[str, int], Row | None] = {}

    @property
    def is_ours(self) -> bool:
        """Whether the tables are those of this program."""
        return all(columns <= set(self._columns.get(table, ())) for table, columns in _CORE.items())

    @property
    def is_empty(self) -> bool:
        """Whether there are no tables at all."""
        return not self._columns

    @property
    def is_without_rows(self) -> bool:
        """Whether it tells of no instance at all."""
        return next(self.rows("instance"), None) is None

    def has_columns(self, columns: Mapping[str, set[str]]) -> bool:
        """Return whether the tables have these columns and no others."""
        return {table: set(names) for table, names in self._columns.items()} == columns

    def rows(self, table: str, key: str = "id") -> Iterator[Row]:
        """Return the rows of a table in the order of its numbers, as far as they can be read."""
        if key not in self._columns.get(table, ()):
            return
        last: Any = 0
        fruitless, largest = 0, self._largest(table, key)
        while fruitless < FRUITLESS_STEPS:
            statement = f"SELECT * FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?"  # noqa: S608 (names are ours)
            try:
                found = self._read(table, statement, (last, ROWS_A_STEP))
            except SQL_ERRORS:
                self.complete = False
                found = self._one_by_one(table, key, range(last + 1, last + 1 + ROWS_A_STEP))
                last += ROWS_A_STEP
                fruitless = 0 if found or (largest is not None and last < largest) else fruitless + 1
            else:
                if not found:
                    return
                last = found[-1][key]
            yield from found
            if not isinstance(last, int):  # a number that is none is damage, and nothing can be counted on from here
                self.complete = False
                return

    def row(self, table: str, value: int, key: str = "id") -> Row | None:
        """Return one row; None where there is none, or where it cannot be read."""
        if key not in self._columns.get(table, ()):
            return None
        found = self._one_by_one(table, key, (value,))
        return found[0] if found else None

    def parent(self, table: str, number: object) -> Row | None:
        """Return the row of a patient, study or series, which is likely to be asked for again."""
        if not isinstance(number, int):
            return None
        if len(self._parents) > 2000:
            self._parents.clear()
        key = (table, number)
        if key not in self._parents:
            self._parents[key] = self.row(table, number)
        return self._parents[key]

    def witnesses(self) -> dict[int, Witness]:
        """Return what the indexes say of instances, by row: they hold a second time what the table holds once."""
        found: dict[int, dict[str, Any]] = {}
        for column, index in _WITNESSES.items():
            statement = f"SELECT rowid, {column} FROM instance INDEXED BY {index} WHERE {column} IS NOT NULL"  # noqa: S608
            with suppress(*SQL_ERRORS):
                for row, value in self._connection.execute(statement):
                    found.setdefault(row, {})[column] = value
        return {
            row: Witness(str(said.get("sop_instance_uid", "")), said.get("source_path"), said.get("trash"))
            for row, said in found.items()
        }

    def sequence(self, table: str) -> int | None:
        """Return the largest number that a table ever gave; None where it keeps no account of that."""
        with suppress(*SQL_ERRORS):
            statement = "SELECT seq FROM sqlite_sequence WHERE name = ?"
            found = self._connection.execute(statement, (table,)).fetchone()
            return found[0] if found and isinstance(found[0], int) else None
        return None

    def _tables(self) -> list[str]:
        return [name for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]

    def _columns_of(self, table: str) -> list[str]:
        quoted = '"' + table.replace('"', '""') + '"'
        return [row[1] for row in self._connection.execute(f"PRAGMA table_info({quoted})")]

    def _largest(self, table: str, key: str) -> int | None:
        with suppress(*SQL_ERRORS):
            found = self._connection.execute(f"SELECT max({key}) FROM {table}").fetchone()[0]  # noqa: S608 (ours)
            return found if isinstance(found, int) else None
        return None

    def _one_by_one(self, table: str, key: str, values: range | tuple[int, ...]) -> list[Row]:
        found: list[Row] = []
        for value in values:
            try:
                found += self._read(table, f"SELECT * FROM {table} WHERE {key} = ?", (value,))  # noqa: S608 (ours)
            except SQL_ERRORS:
                self.complete = False
        return found

    def _read(self, table: str, statement: str, parameters: tuple[Any, ...]) -> list[Row]:
        names = self._columns[table]
        return [dict(zip(names, values, strict=True)) for values in self._connection.execute(statement, parameters)]


def header_of_row(salvage: Salvage, row: Row, path: Path) -> InstanceHeader | None:
    """Return the header of an instance from its row and those above it; None where they do not tell whose it is."""
    series = salvage.parent("series", row.get("series"))
    study = salvage.parent("study", series.get("study")) if series else None
    patient = salvage.parent("patient", study.get("patient")) if study else None
    if series is None or study is None or patient is None:
        return None
    columns = {
        "SOPClassUID": row["sop_class_uid"],
        "SeriesInstanceUID": series["series_instance_uid"],
        "StudyInstanceUID": study["study_instance_uid"],
        "PatientID": patient["patient_id"],
        "PatientName": patient["patient_name"],
        "PatientBirthDate": patient["patient_birth_date"],
        "IssuerOfPatientID": patient["issuer_of_patient_id"],
        "Modality": series["modality"],
    }
    try:
        attributes = merged_attributes(
            load_attributes(series["attributes"]), load_attributes(row["attributes"]), row["sop_instance_uid"]
        )
    except (ValueError, TypeError, AttributeError):  # their text is damaged: what stands in columns is what is left
        attributes = {keyword: value for keyword, value in columns.items() if value}
        attributes["SOPInstanceUID"] = row["sop_instance_uid"]
    for keyword in ("SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID"):
        attributes.setdefault(keyword, columns[keyword])
    numbers = [row[name] for name in ("bytes", "mtime_ns", "dataset_offset", "pixel_data_offset", "pixel_data_bytes")]
    if not all(isinstance(number, int) for number in numbers):
        return None
    size, mtime_ns, *offsets = numbers
    return InstanceHeader(os.fspath(path), size, mtime_ns, str(row["transfer_syntax_uid"]), attributes, *offsets)


def lenient_text(data: bytes) -> str:
    """Return text that may be damaged."""
    return data.decode("utf-8", "replace")
