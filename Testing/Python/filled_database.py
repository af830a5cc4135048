"""A database that holds three patients: made data for the tests of lists and of opening."""

from __future__ import annotations

import warnings

import factories

from DICOMModule.database import DicomDatabase
from DICOMModule.jobs import run_to_end


def fill(database: DicomDatabase, tmp_path) -> DicomDatabase:
    """Three patients with a study each; the second's study has two series."""
    make = factories.make_series
    common = {"rows": 2, "columns": 2}
    make(
        tmp_path / "d" / "1", "one", slices=2, **common,
        PatientID="P1", PatientName="Müller^Jürgen", StudyDate="20240229", StudyTime="0815",
        StudyDescription="Knee 100%", AccessionNumber="ACC-1",
    )  # fmt: skip
    two = make(
        tmp_path / "d" / "2", "two", slices=1, modality="MR", **common,
        PatientID="P2", PatientName="adams^Ann", StudyDate="20230101", StudyTime="235959.5", SeriesNumber="10",
        StudyID="", SeriesDescription="T1 sag", BodyPartExamined="HEAD",
    )  # fmt: skip
    make(
        tmp_path / "d" / "3", "two-b", slices=3, **common,
        PatientID="P2", PatientName="adams^Ann", StudyDate="20230101", StudyTime="235959.5", SeriesNumber="9",
        StudyInstanceUID=two.study_uid, SeriesDescription="CT head",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says what is wrong with these
        make(
            tmp_path / "d" / "4", "three", slices=1, **common,
            PatientID="P3", PatientName="Zoë^_x_", StudyDate="20241332", StudyTime="noon", SeriesNumber="1" + "0" * 22,
        )  # fmt: skip
    run_to_end(database.import_job([tmp_path / "d"]))
    return database
