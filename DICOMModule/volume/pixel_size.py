"""How large the pixels of an image without a place in the patient are (PS3.3 10.7): the best that its header says."""

from __future__ import annotations

from typing import Final, NamedTuple

from DICOMModule.dicom.instance_header import InstanceHeader

LARGEST_MM: Final = 1e4
_TISSUE: Final = 1
_CENTIMETRES: Final = 3
_ON_DETECTOR: Final = "Lengths are those on the detector (Imager Pixel Spacing); in the patient they are shorter."
_IN_REGION: Final = "Lengths hold within the ultrasound region."


class PixelSize(NamedTuple):
    """Distances between pixels.

    Attributes
    ----------
    along_i, along_j : float
        In mm, or in pixels where `calibrated` is False.
    calibrated : bool
        Whether they are known.
    note : str
        What they are the distances of, where that is not the patient.
    """

    along_i: float
    along_j: float
    calibrated: bool = True
    note: str = ""


def pixel_size_of(header: InstanceHeader) -> PixelSize:
    """Return the distances between the pixels of an image, 1 by its aspect ratio where they are unknown."""
    for keyword, note in (
        ("PixelSpacing", ""),
        ("ImagerPixelSpacing", _ON_DETECTOR),
        ("NominalScannedPixelSpacing", ""),
    ):
        pair = _pair(header, keyword)
        if pair is not None:  # between rows, then between columns (PS3.3 10.7.1.3)
            return PixelSize(pair[1], pair[0], note=note)
    region = _ultrasound(header)
    if region is not None:
        return region
    shape = _pair(header, "PixelAspectRatio")  # vertical, then horizontal size (PS3.3 C.7.6.3.1.7)
    return PixelSize(1.0, 1.0 if shape is None else shape[0] / shape[1], calibrated=False)


def _pair(header: InstanceHeader, keyword: str) -> tuple[float, float] | None:
    numbers = header.floats(keyword)
    if numbers is None or len(numbers) != 2 or not all(0 < number < LARGEST_MM for number in numbers):
        return None
    return numbers[0], numbers[1]


def _ultrasound(header: InstanceHeader) -> PixelSize | None:
    """Return the one size of the pixels of all regions that show tissue in centimetres (PS3.3 C.8.5.5)."""
    columns = [
        header.floats(keyword) or ()
        for keyword in (
            "RegionSpatialFormat", "PhysicalUnitsXDirection", "PhysicalUnitsYDirection", "PhysicalDeltaX", "PhysicalDeltaY",
        )
    ]  # fmt: skip
    if len({len(column) for column in columns}) != 1:
        return None
    sizes = {
        (round(abs(x) * 10, 9), round(abs(y) * 10, 9))
        for shape, unit_x, unit_y, x, y in zip(*columns, strict=True)
        if shape == _TISSUE and unit_x == unit_y == _CENTIMETRES
    }
    if len(sizes) != 1:
        return None
    along_i, along_j = sizes.pop()
    usable = 0 < along_i < LARGEST_MM and 0 < along_j < LARGEST_MM
    return PixelSize(along_i, along_j, note=_IN_REGION) if usable else None
