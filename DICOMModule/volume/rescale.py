"""From stored values to values with a meaning: rescale, units, and the number type that holds them exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import VolumeError

LARGEST = 1e30
"""Slopes and intercepts beyond are rubbish in a header; their values would overflow in the sums that follow."""


def decimal_of(text: str) -> float:
    """Return the number that a decimal string holds (PS3.5 6.2).

    Raises
    ------
    ValueError
        It holds none. Python reads more than the standard allows, digits parted by underscores for one.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{text!r} is not a decimal string")
    return float(text)


@dataclass(frozen=True, slots=True)
class Rescale:
    """Rescale Slope and Intercept of one frame: value = slope * stored + intercept (PS3.3 C.11.1)."""

    slope: float = 1.0
    intercept: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether whole stored values stay whole, so that no float is needed."""
        return self.slope == 1.0 and self.intercept == int(self.intercept) and abs(self.intercept) < 2**31


@lru_cache(maxsize=4096)
def _rescale_of_texts(slope: str, intercept: str) -> Rescale:
    numbers = []
    for name, text in (("Slope", slope), ("Intercept", intercept)):
        try:
            number = decimal_of(text)
        except ValueError:
            number = np.nan
        if not np.isfinite(number):
            raise VolumeError(f"Rescale {name} {text!r} is not a finite number")
        if abs(number) > LARGEST:
            raise VolumeError(f"Rescale {name} {text!r} is larger than any that can be meant")
        numbers.append(number)
    if numbers[0] == 0:
        raise VolumeError("Rescale Slope is 0")
    if abs(numbers[0]) < 1 / LARGEST:
        raise VolumeError(f"Rescale Slope {slope!r} is smaller than any that can be meant")
    return Rescale(numbers[0], numbers[1])


@asked_once("RescaleSlope", "RescaleIntercept")
def rescale_of(header: InstanceHeader) -> Rescale:
    """Return the rescale of a frame; identity where the header states none.

    Where there is a Modality LUT, that counts (`modality_transform_of`).

    Raises
    ------
    VolumeError
        It is stated by halves, is not finite, or its slope is 0.
    """
    slope, intercept = header.text("RescaleSlope"), header.text("RescaleIntercept")
    if not slope and not intercept:
        return Rescale()
    if not slope or not intercept:
        has, lacks = ("Slope", "Intercept") if slope else ("Intercept", "Slope")
        raise VolumeError(f"it has a Rescale {has} without a Rescale {lacks}")
    return _rescale_of_texts(slope, intercept)


@asked_once("Modality", "Units", "ModalityLUTSequence", "RescaleSlope", "RescaleType")
def units_of(header: InstanceHeader) -> str | None:
    """Return the unit of the values after rescale, None where it is unknown.

    CT without a Rescale Type is in HU (PS3.3 C.8.2.1); ``US`` means unspecified (PS3.3 C.11.1.1.2). PET has Units of
    its own (PS3.3 C.8.9.1).
    """
    modality = header.text("Modality")
    if modality == "PT":
        return header.text("Units") or None
    if header.attributes.get("ModalityLUTSequence"):
        return None  # the table's item says it
    if modality == "MR" or not header.text("RescaleSlope"):
        return None
    default = "HU" if modality == "CT" else "US"
    unit = header.text("RescaleType") or default
    return None if unit == "US" else unit
