"""A phantom as a CT series on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from DICOMModule.demo.canvas import Canvas
from DICOMModule.demo.catalogue import Phantom, demo_uid
from DICOMModule.demo.torso import AIR, paint_torso
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Voxels

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
INTERCEPT = -1024
PARTS = 7


def draw_job(phantom: Phantom) -> Job[Voxels]:
    """Draw `phantom`; returns its values in HU, int16, shape (k, j, i)."""
    canvas = Canvas(phantom.dimensions, phantom.ijk_to_lps, AIR)
    for done, part in enumerate(paint_torso(canvas), start=1):
        yield Progress(done, PARTS, f"drawing {phantom.name}: {part}")
    return np.rint(canvas.values).astype(np.int16)


def write_phantom_job(phantom: Phantom, folder: Path) -> Job[list[Path]]:
    """Draw `phantom` and write it to `folder`, a file a slice; returns the files.

    The pixel data are 12-bit unsigned with Rescale Intercept -1024, as most CT scanners write them.
    """
    values = yield from draw_job(phantom)
    stored = np.clip(values.astype(np.int32) - INTERCEPT, 0, 4095).astype("<u2")
    header = _header(phantom)
    positions = phantom.ijk_to_lps[:3, 3] + np.arange(len(stored))[:, None] * phantom.ijk_to_lps[:3, 2]
    files = []
    for k, plane in enumerate(stored):
        header.SOPInstanceUID = demo_uid("instance", phantom.name, k)
        header.InstanceNumber = k + 1
        header.ImagePositionPatient = [_decimal(value) for value in positions[k]]
        header.PixelData = plane.tobytes()
        files.append(_write(header, folder / f"{phantom.name}-{k + 1:04d}.dcm"))
        if k % 16 == 0:
            yield Progress(k, len(stored), f"writing {phantom.name}")
    return files


def _write(header: Dataset, path: Path) -> Path:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(CT_IMAGE_STORAGE)
    meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    FileDataset(path, header, file_meta=meta, preamble=b"\0" * 128).save_as(path, enforce_file_format=True)
    return path


def _decimal(value: float) -> str:
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(round(float(value), 12) + 0.0)


def _header(phantom: Phantom) -> Dataset:
    """Return what all slices share: the CT Image IOD (PS3.3 A.3), with the scanner's own facts as a phantom has them."""
    from pydicom.dataset import Dataset

    columns, rows, _ = phantom.dimensions
    between_columns, between_rows, between_slices = phantom.spacing_mm
    axes = phantom.ijk_to_lps[:3, :2] / phantom.spacing_mm[:2]
    header = Dataset()
    for keyword, value in {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CT_IMAGE_STORAGE,
        "StudyDate": "20260101",
        "SeriesDate": "20260101",
        "AcquisitionDate": "20260101",
        "ContentDate": "20260101",
        "StudyTime": "120000",
        "SeriesTime": f"12{phantom.series_number:02d}00",
        "AcquisitionTime": f"12{phantom.series_number:02d}00",
        "ContentTime": f"12{phantom.series_number:02d}00",
        "AccessionNumber": "",
        "Modality": "CT",
        "Manufacturer": "DICOMModule",
        "ManufacturerModelName": "Chest phantom",
        "ReferringPhysicianName": "",
        "StudyDescription": "DICOMModule demo data",
        "SeriesDescription": phantom.description,
        "PatientName": "Phantom^Chest",
        "PatientID": "DICOMMODULE-DEMO",
        "PatientBirthDate": "",
        "PatientSex": "O",
        "BodyPartExamined": "CHEST",
        "KVP": "120",
        "PatientPosition": "HFS",
        "StudyInstanceUID": demo_uid("study"),
        "SeriesInstanceUID": phantom.series_instance_uid,
        "StudyID": "DEMO",
        "SeriesNumber": phantom.series_number,
        "AcquisitionNumber": "1",
        "FrameOfReferenceUID": demo_uid("frame of reference"),
        "PositionReferenceIndicator": "",
        "ImageOrientationPatient": [_decimal(value) for value in axes.T.ravel()],
        "PixelSpacing": [_decimal(between_rows), _decimal(between_columns)],
        "SliceThickness": _decimal(between_slices),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "WindowCenter": ["40", "-600"],
        "WindowWidth": ["400", "1500"],
        "WindowCenterWidthExplanation": ["Soft tissue", "Lung"],
        "RescaleIntercept": str(INTERCEPT),
        "RescaleSlope": "1",
        "RescaleType": "HU",
    }.items():
        setattr(header, keyword, value)
    return header
