"""What is kept of private elements, and of sequences and binary headers that are not kept whole, in tables.

The keywords of this file stand in a header's attributes beside the standard's. Whoever needs a fact that each maker
writes in a place of its own asks `vendor_values`, which knows these keywords and the units and frames of reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PRIVATE_BLOCKS: Final = tuple(range(0x10, 0x20))
"""Blocks in which a private creator is looked for; a writer takes the first free one (PS3.5 7.8.1)."""

LONGEST_PRIVATE_BYTES: Final = 4096
"""A longer value of a private element is not kept: slice times of a mosaic need 2 KB."""

_SIEMENS_MR: Final = "SIEMENS MR HEADER"
_SIEMENS_XA: Final = "SIEMENS MR SDI 02"
_GE_ACQUISITION: Final = "GEMS_ACQU_01"
_GE_PARAMETERS: Final = "GEMS_PARM_01"
_PHILIPS: Final = "Philips Imaging DD 001"
_PHILIPS_MR: Final = "Philips MR Imaging DD 001"
_PHILIPS_PET: Final = "Philips PET Private Group"
_UIH: Final = "Image Private Header"

PRIVATE_ATTRIBUTES: Final[dict[tuple[int, str, int], tuple[str, str]]] = {
    (0x0019, _SIEMENS_MR, 0x0A): ("SiemensNumberOfImagesInMosaic", "US"),
    (0x0019, _SIEMENS_MR, 0x0C): ("SiemensBValue", "IS"),
    (0x0019, _SIEMENS_MR, 0x0D): ("SiemensDiffusionDirectionality", "CS"),
    (0x0019, _SIEMENS_MR, 0x0E): ("SiemensGradientDirection", "FD"),
    (0x0019, _SIEMENS_MR, 0x29): ("SiemensMosaicTimes", "FD"),  # ms after the volume's first slice
    (0x0021, _SIEMENS_XA, 0x06): ("SiemensICEDims", "LO"),
    (0x0009, "GEMS_PETD_01", 0x0D): ("GEPETScanDateTime", "DT"),
    (0x0019, _GE_ACQUISITION, 0x17): ("GESeriesPlane", "SS"),
    (0x0019, _GE_ACQUISITION, 0xBB): ("GEGradientFrequency", "DS"),
    (0x0019, _GE_ACQUISITION, 0xBC): ("GEGradientPhase", "DS"),
    (0x0019, _GE_ACQUISITION, 0xBD): ("GEGradientSlice", "DS"),
    (0x0043, _GE_PARAMETERS, 0x1E): ("GEDeltaStartTime", "DS"),
    (0x0043, _GE_PARAMETERS, 0x2F): ("GEComplexKind", "SS"),
    (0x0043, _GE_PARAMETERS, 0x39): ("GEBValue", "IS"),
    (0x2001, _PHILIPS, 0x03): ("PhilipsBValue", "FL"),
    (0x2001, _PHILIPS, 0x04): ("PhilipsDiffusionDirection", "CS"),
    (0x2001, _PHILIPS, 0x0A): ("PhilipsSliceNumber", "IS"),
    (0x2001, _PHILIPS, 0x18): ("PhilipsNumberOfSlices", "SL"),
    (0x2005, _PHILIPS_MR, 0x0D): ("PhilipsScaleIntercept", "FL"),
    (0x2005, _PHILIPS_MR, 0x0E): ("PhilipsScaleSlope", "FL"),
    (0x2005, _PHILIPS_MR, 0x11): ("PhilipsComplexKind", "CS"),
    (0x2005, _PHILIPS_MR, 0xA0): ("PhilipsDynamicTime", "FL"),  # s
    (0x2005, _PHILIPS_MR, 0xB0): ("PhilipsGradientRL", "FL"),
    (0x2005, _PHILIPS_MR, 0xB1): ("PhilipsGradientAP", "FL"),
    (0x2005, _PHILIPS_MR, 0xB2): ("PhilipsGradientFH", "FL"),
    (0x7053, _PHILIPS_PET, 0x00): ("PhilipsSUVScaleFactor", "DS"),
    (0x7053, _PHILIPS_PET, 0x09): ("PhilipsActivityScaleFactor", "DS"),
    (0x0065, _UIH, 0x09): ("UIHBValue", "FD"),
    (0x0065, _UIH, 0x37): ("UIHGradientDirection", "FD"),
    (0x0065, _UIH, 0x50): ("UIHNumberOfImagesInGrid", "DS"),
}
"""(group, private creator, last byte of the element) → (our keyword, value representation)."""

CSA_IMAGE: Final = (0x0029, "SIEMENS CSA HEADER", 0x10)
CSA_SERIES: Final = (0x0029, "SIEMENS CSA HEADER", 0x20)
UIH_FRAMES: Final = (0x0065, _UIH, 0x51)
PHILIPS_FRAME: Final = (0x2005, "Philips MR Imaging DD 005", 0x0F)
PRIVATE_PLACES: Final = (CSA_IMAGE, CSA_SERIES, UIH_FRAMES, PHILIPS_FRAME)
"""Private elements of which a walk notes only where they lie: sequences, and binary headers that are long."""

CONDITIONAL_PLACES: Final = (CSA_SERIES, PHILIPS_FRAME)
"""Those of them that are looked into only where a header lacks something."""

FRAME_SEQUENCES: Final = frozenset(((0x2005, 0x0F), (0x0021, 0xFE)))
"""(group, last byte) of private sequences within functional groups in which private elements of the frame stand."""


@dataclass(frozen=True, slots=True)
class Nested:
    """What is kept of the items of a sequence of the first level.

    Attributes
    ----------
    attributes : dict
        Tag → (our keyword, value representation).
    every : bool
        Whether values of all items are kept, one after the other, or those of the first item only. Where an item lacks a
        number, that attribute is kept of none.
    """

    attributes: dict[int, tuple[str, str]]
    every: bool = False


NESTED: Final[dict[str, Nested]] = {
    "RadiopharmaceuticalInformationSequence": Nested(
        {
            0x00180031: ("Radiopharmaceutical", "LO"),
            0x00181072: ("RadiopharmaceuticalStartTime", "TM"),
            0x00181074: ("RadionuclideTotalDose", "DS"),
            0x00181075: ("RadionuclideHalfLife", "DS"),
            0x00181076: ("RadionuclidePositronFraction", "DS"),
            0x00181078: ("RadiopharmaceuticalStartDateTime", "DT"),
        }
    ),
    "SequenceOfUltrasoundRegions": Nested(
        {
            0x00186012: ("RegionSpatialFormat", "US"),
            0x00186014: ("RegionDataType", "US"),
            0x00186016: ("RegionFlags", "UL"),
            0x00186018: ("RegionLocationMinX0", "UL"),
            0x0018601A: ("RegionLocationMinY0", "UL"),
            0x0018601C: ("RegionLocationMaxX1", "UL"),
            0x0018601E: ("RegionLocationMaxY1", "UL"),
            0x00186024: ("PhysicalUnitsXDirection", "US"),
            0x00186026: ("PhysicalUnitsYDirection", "US"),
            0x0018602C: ("PhysicalDeltaX", "FD"),
            0x0018602E: ("PhysicalDeltaY", "FD"),
        },
        every=True,
    ),
    "DetectorInformationSequence": Nested(
        {
            0x00200032: ("DetectorImagePositionPatient", "DS"),
            0x00200037: ("DetectorImageOrientationPatient", "DS"),
        }
    ),
    "EnergyWindowInformationSequence": Nested(
        {
            0x00540018: ("EnergyWindowName", "SH"),
            0x00540014: ("EnergyWindowLowerLimit", "DS"),
            0x00540015: ("EnergyWindowUpperLimit", "DS"),
        },
        every=True,
    ),
    "PhaseInformationSequence": Nested(
        {
            0x00540036: ("PhaseDelay", "IS"),
            0x00181242: ("PhaseFrameDuration", "IS"),
            0x00540038: ("PauseBetweenFrames", "IS"),
            0x00540033: ("NumberOfFramesInPhase", "US"),
        },
        every=True,
    ),
    "RotationInformationSequence": Nested(
        {
            0x00540200: ("StartAngle", "DS"),
            0x00181144: ("AngularStep", "DS"),
            0x00181140: ("RotationDirection", "CS"),
            0x00540053: ("NumberOfFramesInRotation", "US"),
        },
        every=True,
    ),
    "GatedInformationSequence": Nested({0x00181063: ("GatedFrameTime", "DS")}),
}
"""Keyword of a sequence of the first level → what is kept of its items, sequences within them included."""

UIH_NESTED: Final = Nested({0x00200032: ("UIHGridPositions", "DS")}, every=True)
PHILIPS_NESTED: Final = Nested({0x00200032: ("PhilipsImagePositionPatient", "DS")})

CSA_KEYWORDS: Final = (
    "SiemensCSANumberOfImagesInMosaic",
    "SiemensCSASliceNormal",
    "SiemensCSABValue",
    "SiemensCSAGradientDirection",
)
"""What is kept of Siemens' binary header of an image (0029,xx10)."""

SLICE_NORMAL: Final = "SiemensProtocolSliceNormal"
"""What is kept of Siemens' protocol (0029,xx20) of a mosaic whose image header does not have it."""
