"""What all series of the demo have in common: patient, study, equipment, place; and how a file of them is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from DICOMModule.demo.catalogue import Phantom, demo_uid
from DICOMModule.volume.volume import Floats

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

DATE = "20260101"
WEIGHT_KG = 70.0


def series_header(phantom: Phantom, sop_class_uid: str, modality: str, **attributes: Any) -> Dataset:
    """Return what all instances of a series share, with `attributes` by keyword besides."""
    from pydicom.dataset import Dataset

    columns, rows, _ = phantom.dimensions
    time = f"12{phantom.series_number:02d}00"
    header = Dataset()
    for keyword, value in {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": sop_class_uid,
        "StudyDate": DATE,
        "SeriesDate": DATE,
        "ContentDate": DATE,
        "StudyTime": "120000",
        "SeriesTime": time,
        "ContentTime": time,
        "AccessionNumber": "",
        "Modality": modality,
        "Manufacturer": "DICOMModule",
        "ManufacturerModelName": "Chest phantom",
        "ReferringPhysicianName": "",
        "StudyDescription": "DICOMModule demo data",
        "SeriesDescription": phantom.description,
        "PatientName": "Phantom^Chest",
        "PatientID": "DICOMMODULE-DEMO",
        "PatientBirthDate": "",
        "PatientSex": "O",
        "PatientWeight": decimal(WEIGHT_KG),
        "PatientSize": "1.75",
        "PatientPosition": "HFS",
        "StudyInstanceUID": demo_uid("study"),
        "SeriesInstanceUID": phantom.series_instance_uid,
        "StudyID": "DEMO",
        "SeriesNumber": phantom.series_number,
        "FrameOfReferenceUID": demo_uid("frame of reference"),
        "PositionReferenceIndicator": "",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "PixelRepresentation": 0,
        **attributes,
    }.items():
        setattr(header, keyword, value)
    return header


def plane_attributes(phantom: Phantom) -> dict[str, Any]:
    """Return the attributes of the Image Plane module that do not change from slice to slice (PS3.3 C.7.6.2)."""
    between_columns, between_rows, between_slices = phantom.spacing_mm
    return {
        "ImageOrientationPatient": orientation(phantom),
        "PixelSpacing": [decimal(between_rows), decimal(between_columns)],
        "SliceThickness": decimal(between_slices),
    }


def orientation(phantom: Phantom) -> list[str]:
    """Return Image Orientation (Patient)."""
    axes = phantom.ijk_to_lps[:3, :2] / phantom.spacing_mm[:2]
    return [decimal(value) for value in axes.T.ravel()]


def slice_positions(phantom: Phantom) -> Floats:
    """Return the centre of the first voxel of each slice, shape (k, 3), LPS mm."""
    steps = np.arange(phantom.dimensions[2])[:, None]
    positions: Floats = phantom.ijk_to_lps[:3, 3] + steps * phantom.ijk_to_lps[:3, 2]
    return positions


def decimal(value: float) -> str:
    """Return a number as a decimal string."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(round(float(value), 12) + 0.0)


def clock(seconds: float) -> str:
    """Return a time of the day (TM) so many seconds after midnight."""
    whole = int(seconds)
    return f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}.{round((seconds - whole) * 1e6):06d}"


class InstanceWriter:
    """Writes one instance after the other, with file meta information of its own (PS3.10 7.1).

    What an instance shares with the one before is encoded once: most of the time goes into that, not into pixels.
    """

    def __init__(self) -> None:
        self._encoded: dict[int, tuple[object, bytes]] = {}

    def __call__(self, header: Dataset, path: Path) -> Path:
        """Write `header` to `path`, explicit VR little endian."""
        from pydicom.dataset import FileMetaDataset
        from pydicom.filebase import DicomBytesIO
        from pydicom.filewriter import write_file_meta_info
        from pydicom.uid import UID, ExplicitVRLittleEndian

        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = UID(header.SOPClassUID)
        meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        with path.open("wb") as file:
            file.write(b"\0" * 128 + b"DICM")
            buffer = DicomBytesIO()
            write_file_meta_info(buffer, meta)
            file.write(buffer.getvalue())
            file.writelines(self._bytes_of(header))
        return path

    def _bytes_of(self, header: Dataset) -> Iterator[bytes]:
        for tag in sorted(header.keys()):
            value = header[tag].value
            known = self._encoded.get(tag)
            if known is None or known[0] is not value:
                known = self._encoded[tag] = value, _encoded(header, tag)
            yield known[1]


def _encoded(header: Dataset, tag: BaseTag) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_data_element(buffer, correct_ambiguous_vr_element(header[tag], header, is_little_endian=True))
    return buffer.getvalue()
