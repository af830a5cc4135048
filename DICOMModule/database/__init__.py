"""The local database: SQLite through peewee, the file store, and the one way in for every file."""

from DICOMModule.database.dicom_database import DicomDatabase
from DICOMModule.database.history import ImportEvent, ImportProblem
from DICOMModule.database.summaries import (
    DatabaseCounts,
    DeleteReport,
    Duplicate,
    ImportReport,
    InstanceSummary,
    PatientSummary,
    SeriesSummary,
    StudySummary,
    TrashedStudy,
    TrashEntry,
    VerifyReport,
)

__all__ = [
    "DatabaseCounts",
    "DeleteReport",
    "DicomDatabase",
    "Duplicate",
    "ImportEvent",
    "ImportProblem",
    "ImportReport",
    "InstanceSummary",
    "PatientSummary",
    "SeriesSummary",
    "StudySummary",
    "TrashEntry",
    "TrashedStudy",
    "VerifyReport",
]
