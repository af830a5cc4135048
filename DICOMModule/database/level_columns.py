"""What patients, studies and series are called in lists and found by: columns that follow from an instance's header."""

from __future__ import annotations

from typing import Any, Final

from DICOMModule.database.search_index import patient_text, searched_text
from DICOMModule.dicom.folding import fold
from DICOMModule.dicom.instance_header import InstanceHeader

_LARGEST_INTEGER: Final = 2**63 - 1


def whole_number(header: InstanceHeader, keyword: str) -> int | None:
    """Return an IS value where it is a number that a database column holds, else None."""
    number = header.integer(keyword)
    return number if number is not None and abs(number) <= _LARGEST_INTEGER else None


def frames_of(header: InstanceHeader) -> int:
    """Return the number of frames as a column holds it."""
    return max(1, min(header.number_of_frames, 1 << 31)) if "NumberOfFrames" in header.attributes else 1


def series_columns(header: InstanceHeader) -> dict[str, Any]:
    """Return what a series row takes from one of its instances, but for its UID."""
    modality, description = header.text("Modality"), header.text("SeriesDescription")
    body_part = header.text("BodyPartExamined")
    return {
        "modality": modality,
        "series_number": whole_number(header, "SeriesNumber"),
        "series_description": description,
        "series_date": header.text("SeriesDate"),
        "body_part_examined": body_part,
        "search_text": searched_text(modality, description, body_part),
    }


def study_columns(header: InstanceHeader) -> dict[str, Any]:
    """Return what a study row takes from one of its instances, but for its UID."""
    accession, description = header.text("AccessionNumber"), header.text("StudyDescription")
    study_id = header.text("StudyID")
    return {
        "study_date": header.text("StudyDate"),
        "study_time": header.text("StudyTime"),
        "study_id": study_id,
        "accession_number": accession,
        "study_description": description,
        "search_text": searched_text(accession, description, study_id),
    }


def patient_columns(header: InstanceHeader) -> dict[str, Any]:
    """Return what a patient row takes from one of its instances, but for its identity."""
    patient_id, name = header.text("PatientID"), header.text("PatientName")
    return {
        "patient_id": patient_id,
        "issuer_of_patient_id": header.text("IssuerOfPatientID"),
        "patient_name": name,
        "patient_birth_date": header.text("PatientBirthDate"),
        "patient_sex": header.text("PatientSex"),
        "sort_name": fold(name),
        "search_text": patient_text(name, patient_id),
    }
