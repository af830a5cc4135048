"""DICOM made for the tests: series whose every voxel encodes where it is, so that a wrong order or place shows.

Nothing here is shared with the package: pydicom writes what the tests read, and the geometry is worked out afresh.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
}
ROOT = "1.2.826.0.1.3680043.8.498"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def uid(*parts: object) -> str:
    """Return a UID that depends on `parts` alone, so that a made series is the same in every run."""
    digits = random.Random("|".join(map(str, parts))).randrange(10**30)
    return f"{ROOT}.{digits + 1}"


def oblique(angle_deg: float = 25.0, tip_deg: float = 10.0) -> tuple[float, ...]:
    """Return an Image Orientation (Patient) turned about z, then tipped about the row."""
    a, t = np.radians((angle_deg, tip_deg))
    row = np.array((np.cos(a), np.sin(a), 0.0))
    column = np.array((-np.sin(a) * np.cos(t), np.cos(a) * np.cos(t), np.sin(t)))
    return (*row, *column)


def ds(value: float) -> str:
    """Return a decimal string of at most 16 characters (PS3.5 6.2)."""
    for digits in range(16, 0, -1):
        text = f"{float(value):.{digits}g}"
        if len(text) <= 16:
            return text
    raise ValueError(value)


@dataclass
class MadeSeries:
    """A series on disk and what is true of it.

    `array[k, j, i]` holds the values after rescale, k along the normal (row x column); `positions[k]` the centre of voxel
    (0, 0, k) in LPS mm as written; `files[k]` its file.
    """

    folder: Path
    uid: str
    study_uid: str
    files: list[Path]
    datasets: list[Dataset]
    array: np.ndarray
    positions: np.ndarray
    ijk_to_lps: np.ndarray
    extra: dict[str, Any] = field(default_factory=dict)

    def position_of(self, i: float, j: float, k: int) -> np.ndarray:
        """Return the LPS position of voxel (i, j) of slice k, from that slice's own header."""
        return self.positions[k] + self.ijk_to_lps[:3, :2] @ (i, j)


def base_dataset(name: str, modality: str = "CT", **attributes: Any) -> FileDataset:
    """Return a data set with patient, study, series and file meta, whose UIDs are made from `name`."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(CLASSES[modality])
    meta.MediaStorageSOPInstanceUID = UID(uid(name, "instance"))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = uid(name, "study")
    dataset.SeriesInstanceUID = uid(name, "series")
    dataset.FrameOfReferenceUID = uid(name, "frame of reference")
    dataset.PatientName = "Phantom^Factory"
    dataset.PatientID = "MADE-1"
    dataset.PatientBirthDate = "19700101"
    dataset.PatientSex = "O"
    dataset.StudyDate = "20260309"
    dataset.StudyTime = "101500"
    dataset.SeriesDate, dataset.SeriesTime = "20260309", "101530"
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20260309", "101600"
    dataset.ContentDate, dataset.ContentTime = "20260309", "101600"
    dataset.AccessionNumber = "A1"
    dataset.StudyID = "S1"
    dataset.StudyDescription = "Made study"
    dataset.ReferringPhysicianName = ""
    dataset.Modality = "OT" if modality == "SC" else modality
    dataset.Manufacturer = "Factory"
    dataset.SeriesNumber = "1"
    dataset.SeriesDescription = f"Made {name}"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PositionReferenceIndicator = ""
    if modality == "CT":
        dataset.KVP, dataset.AcquisitionNumber, dataset.PatientPosition = "120", "1", "HFS"
    elif modality == "MR":
        dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "GR", "SP", ""
        dataset.MRAcquisitionType, dataset.EchoTime, dataset.RepetitionTime = "3D", "3.1", "9"
        dataset.EchoTrainLength, dataset.AcquisitionNumber, dataset.PatientPosition = "1", "1", "HFS"
    elif modality == "PT":
        dataset.Units, dataset.DecayCorrection, dataset.SeriesType = "BQML", "START", ["STATIC", "IMAGE"]
    for keyword, value in attributes.items():
        if value is None:
            dataset.pop(keyword, None) if keyword in dataset else None
        else:
            setattr(dataset, keyword, value)
    return dataset


def set_pixels(dataset: Dataset, stored: np.ndarray, bits_stored: int = 16, photometric: str = "MONOCHROME2") -> None:
    """Put a (rows, columns) array of stored values into `dataset` as uncompressed Pixel Data."""
    signed = stored.dtype.kind == "i"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric
    dataset.BitsAllocated = stored.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits_stored, bits_stored - 1, int(signed)
    data = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"


def write(dataset: FileDataset, path: Path) -> Path:
    """Write `dataset` to `path` with its own file meta information."""
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def make_series(
    folder: Path,
    name: str = "series",
    *,
    modality: str = "CT",
    slices: int = 5,
    rows: int = 8,
    columns: int = 10,
    spacing_mm: tuple[float, float, float] = (0.7, 0.5, 2.5),
    orientation: Sequence[float] = AXIAL,
    origin_mm: Sequence[float] = (-20.0, -30.0, 40.0),
    tilt_deg: float = 0.0,
    along_normal_mm: Sequence[float] | None = None,
    drop: Sequence[int] = (),
    dtype: str = "int16",
    bits_stored: int = 16,
    photometric: str = "MONOCHROME2",
    slope: float | Callable[[int], float] | None = 1.0,
    intercept: float = 0.0,
    rle: bool = False,
    shuffle: bool = True,
    edit: Callable[[FileDataset, int], None] | None = None,
    **attributes: Any,
) -> MadeSeries:
    """Write a series of single-frame images and return what is true of it.

    The stored value of voxel (i, j, k) is ``(k * rows + j) * columns + i`` (modulo the bits stored), k counted along the
    normal before any slice is dropped, so a value tells its true place. File names and instance numbers are shuffled:
    they say nothing about the order.

    Parameters
    ----------
    spacing_mm : (between rows, between columns, between slices along the normal)
    tilt_deg : gantry tilt: the step between slices leans by this angle from the normal towards the column direction
    along_normal_mm : place of each slice along the normal, in place of a constant spacing
    drop : indices of slices that are not written
    slope : Rescale Slope, or a function of the slice index; None writes no rescale at all
    edit : called with each data set and its slice index before it is written
    attributes : further attributes by keyword; None removes one
    """
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    normal = np.cross(row, column)
    between_rows, between_columns, between_slices = spacing_mm
    places = np.arange(slices) * between_slices if along_normal_mm is None else np.array(along_normal_mm, float)
    lean = normal + np.tan(np.radians(tilt_deg)) * column
    positions = np.array(origin_mm, float) + places[:, None] * lean
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = row * between_columns, column * between_rows
    matrix[:3, 2], matrix[:3, 3] = lean * between_slices, origin_mm

    code = np.arange(slices * rows * columns).reshape(slices, rows, columns) % (1 << (bits_stored - (dtype[0] == "i")))
    stored = code.astype(dtype)
    kept = [k for k in range(slices) if k not in set(drop)]
    numbers = list(range(1, len(kept) + 1))
    if shuffle:
        random.Random(name).shuffle(numbers)
    files, datasets, arrays = [], [], []
    for number, k in zip(numbers, kept, strict=True):
        dataset = base_dataset(name, modality, **attributes)
        dataset.SOPInstanceUID = uid(name, "instance", k)
        dataset.InstanceNumber = str(number)
        dataset.ImageOrientationPatient = [ds(v) for v in orientation]
        dataset.ImagePositionPatient = [ds(v) for v in positions[k]]
        dataset.PixelSpacing = [ds(between_rows), ds(between_columns)]
        dataset.SliceThickness = ds(between_slices)
        set_pixels(dataset, stored[k], bits_stored, photometric)
        frame_slope = slope(k) if callable(slope) else slope
        if frame_slope is not None:
            dataset.RescaleSlope, dataset.RescaleIntercept = ds(frame_slope), ds(intercept)
            if modality == "CT":
                dataset.RescaleType = "HU"
            arrays.append(stored[k] * float(ds(frame_slope)) + float(ds(intercept)))
        else:
            arrays.append(stored[k])
        if rle:
            dataset.compress(RLELossless, generate_instance_uid=False)
        if edit is not None:
            edit(dataset, k)
        files.append(write(dataset, folder / f"{number:04d}.dcm"))
        datasets.append(dataset)
    return MadeSeries(
        folder=folder,
        uid=str(datasets[0].SeriesInstanceUID),
        study_uid=str(datasets[0].StudyInstanceUID),
        files=files,
        datasets=datasets,
        array=np.stack(arrays),
        positions=positions[kept],
        ijk_to_lps=matrix,
    )
