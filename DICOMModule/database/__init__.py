"""The local database: SQLite through peewee, the file store, and the one way in for every file."""

from DICOMModule.database.dicom_database import DicomDatabase
from DICOMModule.database.summaries import (
    Duplicate,
    ImportReport,
    InstanceSummary,
    PatientSummary,
    SeriesSummary,
    StudySummary,
    VerifyReport,
)

__all__ = [
    "DicomDatabase",
    "Duplicate",
    "ImportReport",
    "InstanceSummary",
    "PatientSummary",
    "SeriesSummary",
    "StudySummary",
    "VerifyReport",
]
