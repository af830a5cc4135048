"""The local database: SQLite through peewee, the file store, and the one way in for every file."""

from DICOMModule.database.annotations import Annotations, LabelCount, SavedSearch
from DICOMModule.database.dicom_database import DicomDatabase
from DICOMModule.database.history import ImportEvent, ImportProblem
from DICOMModule.database.summaries import (
    DatabaseCounts,
    DeleteReport,
    Duplicate,
    ImportReport,
    InstanceSummary,
    PatientSummary,
    PurgeReport,
    QuarantinedFile,
    RebuildReport,
    RelinkReport,
    SeriesSummary,
    StudySummary,
    TrashedStudy,
    TrashEntry,
    VerifyReport,
)

__all__ = [
    "Annotations",
    "DatabaseCounts",
    "DeleteReport",
    "DicomDatabase",
    "Duplicate",
    "ImportEvent",
    "ImportProblem",
    "ImportReport",
    "InstanceSummary",
    "LabelCount",
    "PatientSummary",
    "PurgeReport",
    "QuarantinedFile",
    "RebuildReport",
    "RelinkReport",
    "SavedSearch",
    "SeriesSummary",
    "StudySummary",
    "TrashEntry",
    "TrashedStudy",
    "VerifyReport",
]
