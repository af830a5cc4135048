"""Instances of many kinds in one study: compressed in several ways, segmentations, of radiotherapy, reports, a private class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from conftest import PYDICOM_DATA
from factories import base_dataset, set_pixels, uid, write
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from DICOMModule.dicom.header_reader import read_header

COMPRESSED = (
    "JPEG2000.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPGExtended.dcm",
)
PLAIN = ("CT_small.dcm", "MR_small_implicit.dcm", "image_dfl.dcm", "ExplVR_BigEnd.dcm")
OBJECTS = ("liver_1frame.dcm", "rtplan.dcm", "rtdose.dcm", "rtstruct.dcm", "test-SR.dcm", "waveform_ecg.dcm")
KINDS = (*COMPRESSED, *PLAIN, *OBJECTS)
PRIVATE_CLASS = "1.2.826.0.1.3680043.8.498.77.1"


def make_kinds(folder: Path, study: str, names=KINDS, *, series: str = "", has_private: bool = True) -> list[Path]:
    """Write instances of a study; each in a series of its own, or all in one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        made = pydicom.dcmread(PYDICOM_DATA / name, force=True)
        if "TransferSyntaxUID" not in made.file_meta:
            made.file_meta = FileMetaDataset()
            made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
            made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
        made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = UID(uid(study, name))
        made.StudyInstanceUID, made.SeriesInstanceUID = UID(uid(study)), UID(series or uid(study, name, "series"))
        made.PatientID, made.PatientName, made.StudyDate = "KINDS", "山田^太郎", "20260101"
        made.SpecificCharacterSet = "ISO_IR 192"
        made.save_as(folder / name, enforce_file_format=True)
    if has_private:
        private = base_dataset("private", SOPClassUID=UID(PRIVATE_CLASS), StudyInstanceUID=uid(study))
        private.SOPInstanceUID = UID(uid(study, "private"))
        private.PatientID, private.PatientName = "KINDS", "山田^太郎"
        if series:
            private.SeriesInstanceUID = UID(series)
        set_pixels(private, np.arange(16, dtype="int16").reshape(4, 4))
        write(private, folder / "private.dcm")
    return sorted(folder.iterdir())


def on_the_wire(path: Path) -> tuple[str, str, bytes]:
    """Return SOP class, transfer syntax and the data set of a file, byte for byte."""
    header = read_header(path)
    return header.sop_class_uid, header.transfer_syntax_uid, path.read_bytes()[header.dataset_offset :]


def all_on_the_wire(paths) -> dict[str, tuple[str, str, bytes]]:
    """Return these of files, by SOP Instance UID."""
    return {read_header(path).sop_instance_uid: on_the_wire(path) for path in paths}
