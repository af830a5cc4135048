"""A phantom as one Enhanced CT instance: every slice is a frame, and says where it lies in its functional groups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from DICOMModule.demo.catalogue import Phantom, demo_uid
from DICOMModule.demo.drawing import draw_job
from DICOMModule.demo.header import DATE, InstanceWriter, decimal, orientation, series_header, slice_positions
from DICOMModule.jobs import Job, Progress

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ENHANCED_CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2.1"
INTERCEPT = -1024
IMAGE_TYPE = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]


def write_multiframe_job(phantom: Phantom, folder: Path) -> Job[list[Path]]:
    """Draw `phantom` and write it to one file, the uppermost slice first; returns the file."""
    values = yield from draw_job(phantom)
    yield Progress(0, 1, f"writing {phantom.name}")
    stored = np.clip(values.astype(np.int32) - INTERCEPT, 0, 4095).astype("<u2")
    header = _header(phantom)
    header.PixelData = stored[::-1].tobytes()
    return [InstanceWriter()(header, folder / f"{phantom.name}.dcm")]


def _header(phantom: Phantom) -> Dataset:
    """Return all but the pixel data: the Enhanced CT Image IOD (PS3.3 A.38)."""
    slices = phantom.dimensions[2]
    time = f"12{phantom.series_number:02d}00"
    dimensions = demo_uid("dimensions", phantom.name)
    header = series_header(
        phantom,
        ENHANCED_CT_IMAGE_STORAGE,
        "CT",
        SOPInstanceUID=demo_uid("instance", phantom.name, 0),
        InstanceNumber=1,
        ImageType=IMAGE_TYPE,
        AcquisitionDateTime=f"{DATE}{time}",
        DeviceSerialNumber="0",
        SoftwareVersions="1",
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        MultienergyCTAcquisition="NO",
        ContentQualification="RESEARCH",
        BurnedInAnnotation="NO",
        LossyImageCompression="00",
        PresentationLUTShape="IDENTITY",
        AcquisitionContextSequence=[],
        NumberOfFrames=slices,
        BitsStored=12,
        HighBit=11,
        DimensionOrganizationSequence=[_item(DimensionOrganizationUID=dimensions)],
        DimensionIndexSequence=[
            _item(
                DimensionOrganizationUID=dimensions,
                DimensionIndexPointer=pointer,
                FunctionalGroupPointer=0x00209111,
                DimensionDescriptionLabel=label,
            )
            for pointer, label in ((0x00209056, "Stack ID"), (0x00209057, "In-Stack Position Number"))
        ],
        SharedFunctionalGroupsSequence=[_shared(phantom)],
    )
    positions = slice_positions(phantom)[::-1]
    header.PerFrameFunctionalGroupsSequence = [_frame(number, positions[number]) for number in range(slices)]
    return header


def _shared(phantom: Phantom) -> Dataset:
    between_columns, between_rows, between_slices = map(decimal, phantom.spacing_mm)
    anatomy = _item(CodeValue="816094009", CodingSchemeDesignator="SCT", CodeMeaning="Chest")
    return _item(
        PixelMeasuresSequence=[_item(PixelSpacing=[between_rows, between_columns], SliceThickness=between_slices)],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=orientation(phantom))],
        FrameAnatomySequence=[_item(AnatomicRegionSequence=[anatomy], FrameLaterality="U")],
        PixelValueTransformationSequence=[
            _item(RescaleIntercept=str(INTERCEPT), RescaleSlope="1", RescaleType="HU"),
        ],
        IrradiationEventIdentificationSequence=[_item(IrradiationEventUID=demo_uid("irradiation", phantom.name))],
        FrameVOILUTSequence=[
            _item(
                WindowCenter=["40", "-600"],
                WindowWidth=["400", "1500"],
                WindowCenterWidthExplanation=["Soft tissue", "Lung"],
            )
        ],
        CTImageFrameTypeSequence=[
            _item(
                FrameType=IMAGE_TYPE,
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
            )
        ],
    )


def _frame(number: int, position: Any) -> Dataset:
    content = _item(StackID="1", InStackPositionNumber=number + 1, DimensionIndexValues=[1, number + 1])
    place = _item(ImagePositionPatient=[decimal(value) for value in position])
    return _item(FrameContentSequence=[content], PlanePositionSequence=[place])


def _item(**attributes: Any) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item
