"""The files that the benches of the database import: many, small, with headers as long as real ones."""

from __future__ import annotations

import random
from pathlib import Path

import factories
import numpy as np
from pydicom.dataset import Dataset, FileDataset

NOT_DICOM_EVERY = 50
SERIES_SLICES = 50


def make_files(folder: Path, files: int = 10_000) -> None:
    """Write `files` CT images of 16 × 16 in nested folders, and beside them a text for every fiftieth.

    Each header has more than 100 elements, four sequences and a private block with a binary value of 4 kB, as scanners
    write them. One series is 50 files; a study has two series, a patient two studies.
    """
    chance = random.Random(20261126)
    pixels = np.arange(256, dtype=np.int16).reshape(16, 16)
    for series in range(-(-files // SERIES_SLICES)):
        study, patient = series // 2, series // 4
        dataset = _dataset(f"bench{study}", patient, chance)
        dataset.SeriesInstanceUID = factories.uid("bench", "series", series)
        dataset.SeriesNumber, dataset.SeriesDescription = str(series % 2 + 1), f"Thorax {series % 2 + 1}.0 B30f"
        factories.set_pixels(dataset, pixels)
        place = folder / f"patient{patient:04d}" / f"study{study:04d}" / f"series{series:04d}"
        for number in range(min(SERIES_SLICES, files - series * SERIES_SLICES)):
            dataset.SOPInstanceUID = factories.uid("bench", series, number)
            dataset.InstanceNumber = str(number + 1)
            dataset.ImagePositionPatient = ["-180.5", "-170.25", factories.ds(100 + 2.5 * number)]
            dataset.SliceLocation = factories.ds(100 + 2.5 * number)
            dataset.ContentTime = f"1016{number:02d}.250000"
            factories.write(dataset, place / f"IM{number:05d}.dcm")
            if number % NOT_DICOM_EVERY == 0:
                (place / f"note{number:05d}.txt").write_text("not an image\n" * 20)


def _dataset(name: str, patient: int, chance: random.Random) -> FileDataset:
    dataset = factories.base_dataset(
        name, PatientID=f"P{patient:06d}", PatientName=f"Family{patient}^Given{chance.randrange(100)}"
    )
    texts = {
        "InstitutionName": "University Hospital",
        "StationName": "CT01",
        "ManufacturerModelName": "Sensation 64",
        "SoftwareVersions": "syngo CT 2012B",
        "DeviceSerialNumber": "54321",
        "ProtocolName": "ThoraxRoutine",
        "BodyPartExamined": "CHEST",
        "ConvolutionKernel": "B30f",
        "FilterType": "FLAT",
        "OperatorsName": "Operator^One",
        "ReferringPhysicianName": "Physician^Two",
        "PerformingPhysicianName": "Physician^Three",
        "InstitutionAddress": "Street 1, City",
        "InstitutionalDepartmentName": "Radiology",
        "RequestedProcedureDescription": "CT thorax with contrast",
        "PerformedProcedureStepID": "PPS1",
        "PerformedProcedureStepDescription": "Thorax",
        "PerformedProcedureStepStartDate": "20260309",
        "PerformedProcedureStepStartTime": "101500",
        "ContrastBolusAgent": "APPLIED",
        "ContrastBolusRoute": "IV",
        "PatientComments": "none",
        "ImageComments": "axial",
        "AdditionalPatientHistory": "none",
        "ScanOptions": "HELIX",
        "RotationDirection": "CW",
        "ExposureModulationType": "Z_EC",
        "EstimatedDoseSaving": 25.5,
        "SpiralPitchFactor": 0.9,
        "TableSpeed": 46.0,
        "TableFeedPerRotation": 23.0,
        "SingleCollimationWidth": 0.6,
        "TotalCollimationWidth": 38.4,
        "CTDIvol": 7.5,
        "RevolutionTime": 0.5,
    }
    numbers = {
        "DataCollectionDiameter": "500",
        "ReconstructionDiameter": "360",
        "DistanceSourceToDetector": "1085.6",
        "DistanceSourceToPatient": "595",
        "GantryDetectorTilt": "0",
        "TableHeight": "150",
        "ExposureTime": "500",
        "XRayTubeCurrent": "200",
        "Exposure": "100",
        "GeneratorPower": "40",
        "FocalSpots": "1.2",
        "PatientAge": "056Y",
        "PatientWeight": "75",
        "PatientSize": "1.75",
        "SliceThickness": "2.5",
        "WindowCenter": "40",
        "WindowWidth": "400",
        "RescaleIntercept": "-1024",
        "RescaleSlope": "1",
        "RescaleType": "HU",
        "TemporalPositionIndex": None,
        "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
        "PixelSpacing": ["0.703125", "0.703125"],
        "SmallestImagePixelValue": 0,
        "LargestImagePixelValue": 255,
        "DateOfLastCalibration": "20260301",
        "TimeOfLastCalibration": "080000",
    }
    for keyword, value in (texts | numbers).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.ProcedureCodeSequence = [_code("CTTHX", "CT thorax")]
    dataset.RequestAttributesSequence = [_request()]
    dataset.ReferencedStudySequence = [_reference("study")]
    dataset.ReferencedImageSequence = [_reference(f"image {number}") for number in range(3)]
    for group, creator in ((0x0019, "SIEMENS CT VA0  COAD"), (0x0029, "SIEMENS CSA HEADER")):
        block = dataset.private_block(group, creator, create=True)
        for element in range(0x10, 0x1C):
            block.add_new(element, "LO", f"private value {element}")
        block.add_new(0x20, "OB", bytes(chance.randrange(256) for _ in range(4096 if group == 0x0029 else 64)))
    return dataset


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "99BENCH", meaning
    return item


def _request() -> Dataset:
    item = Dataset()
    item.RequestedProcedureID, item.ScheduledProcedureStepID = "RP1", "SPS1"
    item.ScheduledProtocolCodeSequence = [_code("THX", "thorax protocol")]
    return item


def _reference(name: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = factories.CLASSES["CT"]
    item.ReferencedSOPInstanceUID = factories.uid("referenced", name)
    return item
