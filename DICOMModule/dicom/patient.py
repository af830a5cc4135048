"""What makes a patient one: two hospitals' number 1 are two people."""

from __future__ import annotations

import json

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.folding import fold
from DICOMModule.dicom.instance_header import InstanceHeader


@asked_once("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID")
def patient_identity(header: InstanceHeader) -> str:
    """Return what makes a patient one: ID, issuer, name without case and accents, and birth date.

    An empty Patient ID (0010,0020) identifies nobody: then the study takes its place, so that the nameless of two
    studies are never made one.
    """
    patient_id = header.text("PatientID")
    parts = [
        patient_id,
        header.text("IssuerOfPatientID"),
        fold(header.text("PatientName")),
        header.text("PatientBirthDate"),
    ]
    if not patient_id:
        parts.append(header.study_instance_uid)
    return json.dumps(parts, ensure_ascii=False)
