"""Rows without files: headers that are written straight into the database, for tests of lists and of the search."""

from __future__ import annotations

from pathlib import Path

from factories import uid

from DICOMModule.database import DicomDatabase
from DICOMModule.database.rows import BatchWriter, NewRow
from DICOMModule.database.search_index import refresh_documents
from DICOMModule.dicom.instance_header import InstanceHeader

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def header(name: str, number: int = 1, **attributes) -> InstanceHeader:
    """Return the header of an instance whose UIDs come from `name`, a patient, study and series of its own by itself."""
    values = {
        "SOPClassUID": CT,
        "SOPInstanceUID": uid(name, "instance", number),
        "SeriesInstanceUID": uid(name, "series"),
        "StudyInstanceUID": uid(name, "study"),
        "PatientID": name,
        "PatientName": name,
        "StudyDate": "20260309",
        "Modality": "CT",
        "InstanceNumber": str(number),
    } | attributes
    kept = {keyword: value for keyword, value in values.items() if value is not None}
    return InstanceHeader(Path(f"/made/{name}/{number}.dcm"), 1000, 1, EXPLICIT, kept)


def write(database: DicomDatabase, *headers: InstanceHeader) -> None:
    """Register headers as an import does."""
    with database._catalogue.transaction() as connection:
        BatchWriter(connection).write([NewRow(one, one.path) for one in headers])


def names(rows) -> list[str]:
    """Return the names of patients or studies, sorted."""
    return sorted({row.patient_name for row in rows})


def assert_in_step(database: DicomDatabase) -> None:
    """Compare documents and index with what they would be, were they made anew; and the totals with a count."""
    before = database._catalogue.rows("SELECT * FROM search_document ORDER BY patient")
    with database._catalogue.transaction() as connection:
        connection.execute("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)")
        numbers = [row for (row,) in connection.execute("SELECT id FROM patient")]
        connection.execute("DELETE FROM search_document")
        connection.execute("INSERT INTO search_index (search_index) VALUES ('rebuild')")
        refresh_documents(connection, numbers)
    assert database._catalogue.rows("SELECT * FROM search_document ORDER BY patient") == before
    shown = [len(rows) for rows in (database.patients(), database.studies(), database.series(), database.instances())]
    assert list(database.counts()) == shown
