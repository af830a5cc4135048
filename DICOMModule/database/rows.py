"""From headers to rows and back: what is stored of an instance, and the transaction that stores a batch of them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from DICOMModule.database.annotation_rows import hand_on
from DICOMModule.database.counting import drop_empty_trash, recount
from DICOMModule.database.known_parents import KnownParents
from DICOMModule.database.level_columns import frames_of, patient_columns, series_columns, study_columns, whole_number
from DICOMModule.database.level_rows import refresh_above
from DICOMModule.database.stored_attributes import UID as _UID
from DICOMModule.database.stored_attributes import load_attributes
from DICOMModule.dicom.attributes import TABLE_VERSION
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader, SharedAttributes
from DICOMModule.dicom.patient import patient_identity

# what `patient_identity` looks at, and the UIDs: headers that have these alike are of one series
_NAMES: Final = (
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "StudyInstanceUID",
    "SeriesInstanceUID",
)
_INSERT: Final = (
    "INSERT INTO instance (series, sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number, frames,"
    " bytes, mtime_ns, sha256, copied, source_path, attributes, attributes_version, dataset_offset,"
    " pixel_data_offset, pixel_data_bytes) VALUES "
)
_MARKS: Final = f"({', '.join('?' * 16)})"
ROWS_A_STATEMENT: Final = 50  # a statement's start takes as long as a row
_PLURALS: Final = {"patient": "patients", "study": "studies", "series": "series"}


class NewRow(NamedTuple):
    """An instance to be registered.

    Attributes
    ----------
    header : InstanceHeader
        Of the file.
    source : str or Path or None
        Where the file lies or, of a copy, where it came from, if that is known.
    copied : bool
        Whether its copy lies in the store.
    sha256 : bytes or None
        Of the whole file, where it is known.
    replaces : int or None
        The row that it takes the place of.
    """

    header: InstanceHeader
    source: str | Path | None
    copied: bool = False
    sha256: bytes | None = None
    replaces: int | None = None


@dataclass(slots=True)
class Written:
    """What a batch added to the upper levels, and what it touched; what comes back from the trash is new again."""

    patients: int = 0
    studies: int = 0
    series: int = 0
    series_uids: set[str] = field(default_factory=set)
    shared_study_uids: set[str] = field(default_factory=set)


def differences(attributes: Mapping[str, AttributeValue], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes as far as they differ from those of the series' first instance.

    An attribute that the first instance has and this one has not is None.
    """
    changed: dict[str, Any] = {
        keyword: value for keyword, value in attributes.items() if base.get(keyword) != value and keyword != _UID
    }
    changed.update((keyword, None) for keyword in base.keys() - attributes.keys())
    return changed


_dumped: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class BatchWriter:
    """Writes rows within one transaction.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    known : KnownParents, optional
        What is remembered from one transaction to the next; otherwise parents are remembered for as long as this lasts, no
        longer: another program may change them after it.
    """

    def __init__(self, connection: sqlite3.Connection, known: KnownParents | None = None) -> None:
        self._connection = connection
        self.written = Written()
        self._known = KnownParents() if known is None else known
        self._known.begin(connection)
        self._patients, self._studies, self._series = self._known.patients, self._known.studies, self._known.series
        self._series_by_names, self._differences = self._known.series_by_names, self._known.differences
        self._touched: set[int] = set()
        self._shown: set[tuple[str, int]] = set()

    def write(self, rows: Sequence[NewRow], restored: Sequence[int] = ()) -> None:
        """Register instances with all that stands above them, and bring the counts up to date.

        Parameters
        ----------
        rows : sequence of NewRow
            What is new, or takes the place of a row.
        restored : sequence of int
            Rows that come back from the trash as they are.
        """
        stood = {row.header.sop_instance_uid: self._remove(row.replaces) for row in rows if row.replaces is not None}
        for instance in restored:
            self._restore(instance)
        for first in range(0, len(rows), ROWS_A_STATEMENT):
            values = [self._instance(row) for row in rows[first : first + ROWS_A_STATEMENT]]
            self._connection.execute(_INSERT + ", ".join([_MARKS] * len(values)), tuple(chain.from_iterable(values)))
        self._connection.executemany(
            "INSERT INTO functional_groups (instance, content) SELECT id, ? FROM instance WHERE sop_instance_uid = ?",
            [
                (row.header.functional_groups.packed, row.header.sop_instance_uid)
                for row in rows
                if row.header.functional_groups is not None
            ],
        )
        self._hand_on(stood)
        if stood:  # what they said may be said by nobody any more
            refresh_above(self._connection, self._touched)
        if stood or restored or not self._touched <= self._known.settled:
            self._count()
        else:
            self._count_added(rows)

    # --- levels

    def _instance(self, row: NewRow) -> tuple[Any, ...]:
        header = row.header
        series, base = self._series_of(header)
        return (
            series,
            header.sop_instance_uid,
            header.sop_class_uid,
            header.transfer_syntax_uid,
            whole_number(header, "InstanceNumber"),
            frames_of(header),
            header.size_bytes,
            header.mtime_ns,
            row.sha256,
            row.copied,
            os.fsencode(row.source) if row.source is not None else None,
            _dumped(self._differences_of(header, base)),
            TABLE_VERSION,
            header.dataset_offset,
            header.pixel_data_offset,
            header.pixel_data_bytes,
        )

    def _differences_of(self, header: InstanceHeader, base: dict[str, Any]) -> dict[str, Any]:
        """Return what of a header is not its series', looking only at what it does not share with others like it."""
        attributes = header.attributes
        if not isinstance(attributes, SharedAttributes):
            return differences(attributes, base)
        key = self._number_of(attributes.origin), id(base)
        if key not in self._differences:
            self._differences[key] = differences(attributes.origin, base)
        found = dict(self._differences[key])
        for keyword, value in attributes.changed.items():
            if base.get(keyword) == value:
                found.pop(keyword, None)
            elif keyword != _UID:
                found[keyword] = value
        return found

    def _number_of(self, origin: dict[str, AttributeValue]) -> int:
        number = id(origin)
        self._known.origins[number] = origin
        return number

    def _series_of(self, header: InstanceHeader) -> tuple[int, dict[str, Any]]:
        """Return the row of a header's series and the attributes that it keeps; make what is not there."""
        attributes, names = header.attributes, _NAMES
        key: (
            Any  # headers of one origin that do not differ in these are of one series; the batch keeps the origin alive
        )
        if isinstance(attributes, SharedAttributes) and attributes.changed.keys().isdisjoint(names):
            key = self._number_of(attributes.origin)
        else:
            key = tuple(map(attributes.get, names))
        found = self._series_by_names.get(key)
        if found is None:
            by_names, said = self._series_by_names, tuple(map(attributes.get, names))
            found = by_names[said] = by_names[key] = by_names.get(said) or self._found_series(header)
        self._touched.add(found[0])
        self.written.series_uids.add(header.series_instance_uid)
        return found

    def _found_series(self, header: InstanceHeader) -> tuple[int, dict[str, Any]]:
        study = self._study_of(header)
        key = (study, header.series_instance_uid)
        if key in self._series:
            return self._series[key]
        found = self._connection.execute(
            "SELECT id, attributes FROM series WHERE study = ? AND series_instance_uid = ?", key
        ).fetchone()
        columns = series_columns(header)
        if found:
            self._show("series", found[0], columns)
            self._series[key] = (found[0], load_attributes(found[1]))
        else:
            base = {keyword: value for keyword, value in header.attributes.items() if keyword != _UID}
            attributes = json.dumps(base, ensure_ascii=False, separators=(",", ":"))
            row = self._insert("series", study=study, series_instance_uid=key[1], attributes=attributes, **columns)
            self._series[key] = (row, base)
        self._known.parents[self._series[key][0]] = (study, self._known.patients[patient_identity(header)])
        return self._series[key]

    def _study_of(self, header: InstanceHeader) -> int:
        patient = self._patient_of(header)
        key = (patient, header.study_instance_uid)
        if key in self._studies:
            return self._studies[key]
        found = self._connection.execute(
            "SELECT patient, id, instances FROM study WHERE study_instance_uid = ?", (key[1],)
        ).fetchall()
        columns = study_columns(header)
        here = {owner: row for owner, row, _ in found}
        if patient in here:
            self._studies[key] = here[patient]
            is_new = self._show("study", here[patient], columns)
        else:
            self._studies[key] = self._insert("study", patient=patient, study_instance_uid=key[1], **columns)
            is_new = True
        others = [
            row for owner, row, instances in found if owner != patient and (instances or ("study", row) in self._shown)
        ]
        if is_new and others:
            self.written.shared_study_uids.add(key[1])
        return self._studies[key]

    def _patient_of(self, header: InstanceHeader) -> int:
        identity = patient_identity(header)
        if identity in self._patients:
            return self._patients[identity]
        found = self._connection.execute("SELECT id FROM patient WHERE identity = ?", (identity,)).fetchone()
        columns = patient_columns(header)
        if found:
            self._patients[identity] = found[0]
            self._show("patient", found[0], columns)
        else:
            self._patients[identity] = self._insert("patient", identity=identity, **columns)
        return self._patients[identity]

    def _insert(self, table: str, **columns: Any) -> int:
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 (names are ours)
        row = int(self._connection.execute(statement, tuple(columns.values())).lastrowid or 0)
        self._shown.add((table, row))
        self._count_new(table)
        return row

    def _show(self, table: str, row: int, columns: Mapping[str, Any]) -> bool:
        """Make a row as good as new that has held nothing but the trash so far, and say whether it was one."""
        if (table, row) in self._shown:
            return False
        self._shown.add((table, row))
        statement = f"SELECT instances FROM {table} WHERE id = ?"  # noqa: S608 (names are ours)
        if self._connection.execute(statement, (row,)).fetchone()[0]:
            return False
        self._count_new(table)
        if columns:
            changes = ", ".join(f"{name} = ?" for name in columns)
            statement = f"UPDATE {table} SET {changes} WHERE id = ?"  # noqa: S608 (names are ours)
            self._connection.execute(statement, (*columns.values(), row))
        return True

    def _count_new(self, table: str) -> None:
        field_name = _PLURALS[table]
        setattr(self.written, field_name, getattr(self.written, field_name) + 1)

    # --- what changes above an instance

    def _restore(self, instance: int) -> None:
        """Take an instance out of the trash, whose file has been found to be what it was."""
        patient, study, series, uid = self._connection.execute(
            "SELECT study.patient, study.id, series.id, series_instance_uid FROM instance"
            " JOIN series ON series.id = instance.series JOIN study ON study.id = series.study WHERE instance.id = ?",
            (instance,),
        ).fetchone()
        self._connection.execute("UPDATE instance SET trash = NULL, state = 'present' WHERE id = ?", (instance,))
        for table, row in (("patient", patient), ("study", study), ("series", series)):
            self._show(table, row, {})
        self._touched.add(series)
        self.written.series_uids.add(uid)

    def _remove(self, instance: int) -> int:
        """Take an instance out, whose newer content follows; return its series, which goes with the last of them."""
        (series,) = self._connection.execute("SELECT series FROM instance WHERE id = ?", (instance,)).fetchone()
        self._connection.execute("DELETE FROM instance WHERE id = ?", (instance,))
        self._touched.add(series)
        return int(series)

    def _hand_on(self, stood: Mapping[str, int]) -> None:
        """Let labels and notes go where instances have gone that stood in other series: by UID, the series before."""
        moves: dict[int, int] = {}
        for uid, series in stood.items():
            statement = "SELECT series FROM instance WHERE sop_instance_uid = ?"
            (now,) = self._connection.execute(statement, (uid,)).fetchone()
            if now != series:
                moves.setdefault(series, now)
        hand_on(self._connection, moves)

    def _count_added(self, rows: Sequence[NewRow]) -> None:
        """Add to the counts above rows of series that are shown already: nothing else of them changes."""
        added: dict[tuple[str, int], list[int]] = {}
        for row in rows:
            series, _ = self._series_of(row.header)
            study, patient = self._known.parents[series]
            for place in (("series", series), ("study", study), ("patient", patient)):
                counts = added.setdefault(place, [0, 0, 0])
                counts[0] += 1
                counts[1] += frames_of(row.header)
                counts[2] += row.header.size_bytes
        for (table, number), (instances, frames, size_bytes) in added.items():
            if table == "series":
                self._connection.execute(
                    "UPDATE series SET instances = instances + ?, frames = frames + ?, bytes = bytes + ?,"
                    " health = 'unknown', health_text = '' WHERE id = ?",
                    (instances, frames, size_bytes, number),
                )
            else:
                statement = f"UPDATE {table} SET instances = instances + ? WHERE id = ?"  # noqa: S608 (names are ours)
                self._connection.execute(statement, (instances, number))

    def _count(self) -> None:
        """Bring the counts above the touched series up to date; what they can be loaded as has to be found out anew."""
        unknown = "UPDATE series SET health = 'unknown', health_text = '' WHERE id = ?"
        self._connection.executemany(unknown, [(series,) for series in sorted(self._touched)])
        recount(self._connection, self._touched)
        drop_empty_trash(self._connection)
