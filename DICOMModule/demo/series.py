"""A phantom as a series on disk: CT, MR at several times, PET; one file for all slices stands in `multiframe`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from DICOMModule.demo.catalogue import Phantom, demo_uid
from DICOMModule.demo.drawing import TRACER, draw_job, draw_mr_job, draw_pet_job
from DICOMModule.demo.header import (
    DATE,
    InstanceWriter,
    clock,
    decimal,
    plane_attributes,
    series_header,
    slice_positions,
)
from DICOMModule.demo.multiframe import write_multiframe_job
from DICOMModule.jobs import Job, Progress

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
PET_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.128"
INTERCEPT = -1024
SCAN_S = 12 * 3600.0
LARGEST_STORED = 32767


def write_phantom_job(phantom: Phantom, folder: Path) -> Job[list[Path]]:
    """Draw `phantom` and write it to `folder`; returns the files."""
    files = yield from _WRITERS[phantom.kind](phantom, folder)
    return files


def _write_ct_job(phantom: Phantom, folder: Path) -> Job[list[Path]]:
    """Write a file a slice: 12-bit unsigned with Rescale Intercept -1024, as most CT scanners write them."""
    values = yield from draw_job(phantom)
    stored = np.clip(values, INTERCEPT, 4095 + INTERCEPT)
    stored -= np.int16(INTERCEPT)
    stored = stored.astype("<u2")
    header = _ct_header(phantom)
    own: dict[str, Any] = {}
    return (yield from _write_slices_job(phantom, folder, header, ((own, plane) for plane in stored)))


def _write_mr_job(phantom: Phantom, folder: Path) -> Job[list[Path]]:
    """Write a file a slice and time, time by time, as a scanner does that repeats the same volume."""
    volumes = yield from draw_mr_job(phantom)
    header = _mr_header(phantom)
    start_s = SCAN_S + 60.0 * phantom.series_number
    slices = (
        (
            {
                "TemporalPositionIdentifier": t + 1,
                "AcquisitionTime": clock(start_s + phantom.times_s[t]),
                "AcquisitionNumber": t + 1,
                "ContentTime": clock(start_s + phantom.times_s[t]),
            },
            np.rint(plane).astype("<u2"),
        )
        for t, volume in enumerate(volumes)
        for plane in volume
    )
    return (yield from _write_slices_job(phantom, folder, header, slices))


def _write_pet_job(phantom: Phantom, folder: Path) -> Job[list[Path]]:
    """Write a file a slice, each with a Rescale Slope of its own, as PET scanners do."""
    volume = yield from draw_pet_job(phantom)
    return (yield from _write_slices_job(phantom, folder, _pet_header(phantom), _pet_slices(volume)))


_WRITERS: Final[dict[str, Callable[[Phantom, Path], Job[list[Path]]]]] = {
    "ct": _write_ct_job,
    "mr": _write_mr_job,
    "pet": _write_pet_job,
    "ct-enhanced": write_multiframe_job,
}


def _write_slices_job(
    phantom: Phantom, folder: Path, header: Dataset, slices: Iterable[tuple[dict[str, Any], npt.NDArray[np.uint16]]]
) -> Job[list[Path]]:
    """Write planes with what each has of its own, in their order: through the slices, then through the times."""
    positions, write = slice_positions(phantom), InstanceWriter()
    files = []
    for number, (own, plane) in enumerate(slices):
        if number % 16 == 0:
            yield Progress(number, phantom.instances, f"writing {phantom.name}")
        header.SOPInstanceUID = demo_uid("instance", phantom.name, number)
        header.InstanceNumber = number + 1
        header.ImagePositionPatient = [decimal(value) for value in positions[number % len(positions)]]
        for keyword, value in own.items():
            setattr(header, keyword, value)
        header.PixelData = plane.tobytes()
        files.append(write(header, folder / f"{phantom.name}-{number + 1:04d}.dcm"))
    return files


def _pet_slices(volume: npt.NDArray[np.float32]) -> Iterable[tuple[dict[str, Any], npt.NDArray[np.uint16]]]:
    for k, plane in enumerate(volume):
        text = decimal(max(float(plane.max()), 1.0) / LARGEST_STORED)
        own = {"RescaleSlope": text, "ImageIndex": k + 1}
        yield own, np.rint(np.clip(plane / float(text), 0, LARGEST_STORED)).astype("<u2")


def _ct_header(phantom: Phantom) -> Dataset:
    """Return what all slices share: the CT Image IOD (PS3.3 A.3), with the scanner's own facts as a phantom has them."""
    return series_header(
        phantom,
        CT_IMAGE_STORAGE,
        "CT",
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        AcquisitionDate=DATE,
        AcquisitionTime=f"12{phantom.series_number:02d}00",
        AcquisitionNumber="1",
        BodyPartExamined="CHEST",
        KVP="120",
        BitsStored=12,
        HighBit=11,
        WindowCenter=["40", "-600"],
        WindowWidth=["400", "1500"],
        WindowCenterWidthExplanation=["Soft tissue", "Lung"],
        RescaleIntercept=str(INTERCEPT),
        RescaleSlope="1",
        RescaleType="HU",
        **plane_attributes(phantom),
    )


def _mr_header(phantom: Phantom) -> Dataset:
    """Return what all slices share: the MR Image IOD (PS3.3 A.4), repeated at Number of Temporal Positions."""
    times = phantom.times_s
    return series_header(
        phantom,
        MR_IMAGE_STORAGE,
        "MR",
        ImageType=["ORIGINAL", "PRIMARY", "OTHER"],
        AcquisitionDate=DATE,
        BodyPartExamined="CHEST",
        ScanningSequence="GR",
        SequenceVariant="SP",
        ScanOptions="",
        MRAcquisitionType="3D",
        RepetitionTime="3.2",
        EchoTime="1.1",
        EchoTrainLength="1",
        FlipAngle="20",
        MagneticFieldStrength="1.5",
        ContrastBolusAgent="Demo",
        NumberOfTemporalPositions=len(times),
        TemporalResolution=decimal(1000.0 * (times[1] - times[0]) if len(times) > 1 else 0.0),
        BitsStored=12,
        HighBit=11,
        WindowCenter="600",
        WindowWidth="1200",
        **plane_attributes(phantom),
    )


def _pet_header(phantom: Phantom) -> Dataset:
    """Return what all slices share: the PET Image IOD (PS3.3 A.21), with all that SUV is worked out from."""
    time = clock(SCAN_S + 60.0 * phantom.series_number)
    header = series_header(
        phantom,
        PET_IMAGE_STORAGE,
        "PT",
        ImageType=["ORIGINAL", "PRIMARY"],
        AcquisitionDate=DATE,
        AcquisitionTime=time,
        BodyPartExamined="CHEST",
        Units="BQML",
        CountsSource="EMISSION",
        SeriesType=["STATIC", "IMAGE"],
        NumberOfSlices=phantom.dimensions[2],
        CorrectedImage=["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
        DecayCorrection="START",
        DecayFactor="1",
        CollimatorType="NONE",
        FrameReferenceTime="0",
        ActualFrameDuration="180000",
        RescaleIntercept="0",
        BitsStored=16,
        HighBit=15,
        RadiopharmaceuticalInformationSequence=[_tracer_item(phantom)],
        PatientOrientationCodeSequence=[_code("102538003", "SCT", "recumbent")],
        PatientGantryRelationshipCodeSequence=[_code("102540008", "SCT", "headfirst")],
        **plane_attributes(phantom),
    )
    del header.PatientPosition  # not beside the codes that say the same (PS3.3 C.8.4.6)
    return header


def _tracer_item(phantom: Phantom) -> Dataset:
    from pydicom.dataset import Dataset

    injected = clock(SCAN_S + 60.0 * phantom.series_number - TRACER.uptake_s)
    item = Dataset()
    item.Radiopharmaceutical = "Fluorodeoxyglucose F^18^"
    item.RadiopharmaceuticalStartTime = injected
    item.RadiopharmaceuticalStartDateTime = f"{DATE}{injected}"
    item.RadionuclideTotalDose = decimal(TRACER.dose_bq)
    item.RadionuclideHalfLife = decimal(TRACER.half_life_s)
    item.RadionuclidePositronFraction = "0.967"
    item.RadionuclideCodeSequence = [_code("77004003", "SCT", "^18^Fluorine")]
    item.RadiopharmaceuticalCodeSequence = [_code("35321007", "SCT", "Fluorodeoxyglucose F^18^")]
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
