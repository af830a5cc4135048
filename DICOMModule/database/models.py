"""The tables as peewee sees them; private to this package. The migrations make them, these only describe them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import peewee


class PathField(peewee.BlobField):
    """A path as the bytes that the system gives it: a file name need not be text in any encoding."""

    def db_value(self, value: Any) -> Any:
        """Return a path as bytes."""
        return None if value is None else os.fsencode(value)

    def python_value(self, value: Any) -> Any:
        """Return stored bytes as a Path."""
        return None if value is None else Path(os.fsdecode(bytes(value)))


class PatientRow(peewee.Model):
    """A patient: `identity` is what makes it one, see `dicom.patient`."""

    id = peewee.AutoField()
    identity = peewee.TextField(unique=True)
    patient_id = peewee.TextField()
    issuer_of_patient_id = peewee.TextField()
    patient_name = peewee.TextField()
    patient_birth_date = peewee.TextField()
    patient_sex = peewee.TextField()
    sort_name = peewee.TextField()
    search_text = peewee.TextField()
    annotation_text = peewee.TextField()
    studies = peewee.IntegerField()
    series = peewee.IntegerField()
    instances = peewee.IntegerField()

    class Meta:
        """peewee reads this."""

        table_name = "patient"


class StudyRow(peewee.Model):
    """A study of one patient: the same UID under two patients is two rows."""

    id = peewee.AutoField()
    patient = peewee.ForeignKeyField(PatientRow, column_name="patient", on_delete="CASCADE", index=False)
    study_instance_uid = peewee.TextField()
    study_date = peewee.TextField()
    study_time = peewee.TextField()
    study_id = peewee.TextField()
    accession_number = peewee.TextField()
    study_description = peewee.TextField()
    modalities = peewee.TextField()
    search_text = peewee.TextField()
    annotation_text = peewee.TextField()
    series = peewee.IntegerField()
    instances = peewee.IntegerField()

    class Meta:
        """peewee reads this."""

        table_name = "study"


class SeriesRow(peewee.Model):
    """A series of one study; `attributes` are its first instance's, from which the others' differ little."""

    id = peewee.AutoField()
    study = peewee.ForeignKeyField(StudyRow, column_name="study", on_delete="CASCADE", index=False)
    series_instance_uid = peewee.TextField()
    modality = peewee.TextField()
    series_number = peewee.IntegerField(null=True)
    series_description = peewee.TextField()
    series_date = peewee.TextField()
    body_part_examined = peewee.TextField()
    search_text = peewee.TextField()
    annotation_text = peewee.TextField()
    attributes = peewee.TextField()
    instances = peewee.IntegerField()
    frames = peewee.IntegerField()
    bytes = peewee.IntegerField()
    health = peewee.TextField()
    health_text = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "series"


class TrashRow(peewee.Model):
    """One act of deleting: when, and how many patients, studies and series it took away with its instances."""

    id = peewee.AutoField()
    deleted_at = peewee.TextField()
    patients = peewee.IntegerField()
    studies = peewee.IntegerField()
    series = peewee.IntegerField()
    instances = peewee.IntegerField()

    class Meta:
        """peewee reads this."""

        table_name = "trash"


class InstanceRow(peewee.Model):
    """An instance and the file that holds it.

    A referenced file lies at `source_path`; a copied one in the store, at a place that follows from its UID, and
    `source_path` is where it came from. One that refers to `trash` is deleted: nothing shows it until it is restored.
    """

    id = peewee.AutoField()
    series = peewee.ForeignKeyField(SeriesRow, column_name="series", on_delete="CASCADE", index=False)
    sop_instance_uid = peewee.TextField(unique=True)
    sop_class_uid = peewee.TextField()
    transfer_syntax_uid = peewee.TextField()
    instance_number = peewee.IntegerField(null=True)
    frames = peewee.IntegerField()
    bytes = peewee.IntegerField()
    mtime_ns = peewee.IntegerField()
    sha256 = peewee.BlobField(null=True)
    copied = peewee.BooleanField()
    source_path = PathField(null=True)
    state = peewee.TextField()
    attributes = peewee.TextField()
    attributes_version = peewee.IntegerField()
    dataset_offset = peewee.IntegerField()
    pixel_data_offset = peewee.IntegerField()
    pixel_data_bytes = peewee.IntegerField()
    trash = peewee.ForeignKeyField(TrashRow, column_name="trash", null=True, index=False)
    audited_at = peewee.IntegerField(null=True)

    class Meta:
        """peewee reads this."""

        table_name = "instance"


class FunctionalGroupsRow(peewee.Model):
    """What the frames of a multi-frame instance have of their own, compressed."""

    instance = peewee.ForeignKeyField(InstanceRow, column_name="instance", on_delete="CASCADE", primary_key=True)
    content = peewee.BlobField()

    class Meta:
        """peewee reads this."""

        table_name = "functional_groups"


class ImportEventRow(peewee.Model):
    """One import: when, and how it ended; `outcome` is empty until it does, and for ever where its process died."""

    id = peewee.AutoField()
    started_at = peewee.TextField()
    finished_at = peewee.TextField()
    copied = peewee.BooleanField()
    outcome = peewee.TextField()
    files_seen = peewee.IntegerField()
    added = peewee.IntegerField()
    updated = peewee.IntegerField()
    unchanged = peewee.IntegerField()
    not_dicom = peewee.IntegerField()
    roots = peewee.BlobField()
    source = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "import_event"


class ImportProblemRow(peewee.Model):
    """One file that an import rejected, found twice, or took with a warning."""

    id = peewee.AutoField()
    event = peewee.ForeignKeyField(ImportEventRow, column_name="event", on_delete="CASCADE", index=False)
    kind = peewee.TextField()
    path = PathField()
    sop_instance_uid = peewee.TextField()
    reason = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "import_problem"


class QuarantineRow(peewee.Model):
    """Content that could not be registered beside what was there first; `held` says whether it lies in our folder."""

    id = peewee.AutoField()
    path = PathField(unique=True)
    sop_instance_uid = peewee.TextField()
    sha256 = peewee.BlobField()
    held = peewee.BooleanField()
    source_path = PathField()
    reason = peewee.TextField()
    added_at = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "quarantine"


class LabelRow(peewee.Model):
    """A label of a patient, a study or a series: one of the three is filled; `folded` is what makes two labels one."""

    id = peewee.AutoField()
    patient = peewee.ForeignKeyField(PatientRow, column_name="patient", on_delete="CASCADE", null=True, index=False)
    study = peewee.ForeignKeyField(StudyRow, column_name="study", on_delete="CASCADE", null=True, index=False)
    series = peewee.ForeignKeyField(SeriesRow, column_name="series", on_delete="CASCADE", null=True, index=False)
    text = peewee.TextField()
    folded = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "label"


class NoteRow(peewee.Model):
    """The note of a patient, a study or a series: one of the three is filled."""

    id = peewee.AutoField()
    patient = peewee.ForeignKeyField(PatientRow, column_name="patient", on_delete="CASCADE", null=True, unique=True)
    study = peewee.ForeignKeyField(StudyRow, column_name="study", on_delete="CASCADE", null=True, unique=True)
    series = peewee.ForeignKeyField(SeriesRow, column_name="series", on_delete="CASCADE", null=True, unique=True)
    text = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "note"


class ReadingRow(peewee.Model):
    """How a user reads a series, see `readings`; series of the same `joined` are read as one."""

    id = peewee.AutoField()
    series = peewee.ForeignKeyField(SeriesRow, column_name="series", on_delete="CASCADE", unique=True)
    loadable = peewee.TextField()
    joined = peewee.IntegerField(null=True)

    class Meta:
        """peewee reads this."""

        table_name = "reading"


class SearchDocumentRow(peewee.Model):
    """What is searched of a patient, see `search_index`; the index itself, `search_index`, is FTS5's own affair."""

    patient = peewee.ForeignKeyField(PatientRow, column_name="patient", on_delete="CASCADE", primary_key=True)
    text = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "search_document"


class TotalRow(peewee.Model):
    """How much the database shows: one row, which triggers on `patient` keep."""

    id = peewee.IntegerField(primary_key=True)
    patients = peewee.IntegerField()
    studies = peewee.IntegerField()
    series = peewee.IntegerField()
    instances = peewee.IntegerField()

    class Meta:
        """peewee reads this."""

        table_name = "total"


class SavedSearchRow(peewee.Model):
    """A search that was kept under a name."""

    id = peewee.AutoField()
    name = peewee.TextField(unique=True)
    text = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "saved_search"


class ServerRow(peewee.Model):
    """A server of the address book, see `servers`: its entry and what a test learnt, as JSON."""

    id = peewee.AutoField()
    name = peewee.TextField()
    folded_name = peewee.TextField(unique=True)
    position = peewee.IntegerField()
    entry = peewee.TextField()
    learnt = peewee.TextField()

    class Meta:
        """peewee reads this."""

        table_name = "server"


MODELS = (
    PatientRow,
    StudyRow,
    SeriesRow,
    TrashRow,
    InstanceRow,
    FunctionalGroupsRow,
    ImportEventRow,
    ImportProblemRow,
    QuarantineRow,
    LabelRow,
    NoteRow,
    ReadingRow,
    SavedSearchRow,
    SearchDocumentRow,
    ServerRow,
    TotalRow,
)
