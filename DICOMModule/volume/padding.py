"""Pixels that are no part of the image (PS3.3 C.7.5.1.1.2), found among stored values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import PixelFormat
from DICOMModule.volume.volume import Voxels


@dataclass(frozen=True, slots=True)
class Padding:
    """Stored values that stand for "no pixel here": Pixel Padding Value, or the range to its Range Limit.

    Attributes
    ----------
    value : int or float
        Pixel Padding Value (0028,0120), or that of floating-point pixel data.
    lowest, highest : int or float
        The range of padding, both ends included.
    """

    value: float
    lowest: float
    highest: float

    def mask(self, stored: Voxels) -> npt.NDArray[np.bool_]:
        """Return where `stored` is padding."""
        if self.value != self.value:
            return np.isnan(stored)
        if self.lowest == self.highest:
            single: npt.NDArray[np.bool_] = stored == self.value
            return single
        inside: npt.NDArray[np.bool_] = (stored >= self.lowest) & (stored <= self.highest)
        return inside


def padding_of(header: InstanceHeader, pixel_format: PixelFormat) -> Padding | None:
    """Return the padding of an image, None where it has none that its stored values could have."""
    if pixel_format.cells == "floats":
        return _float_padding(header, "Double" if pixel_format.bits_allocated == 64 else "")
    if pixel_format.cells != "integers":
        return None
    value = _as_stored(header.integer("PixelPaddingValue"), pixel_format)
    if value is None:
        return None
    limit = _as_stored(header.integer("PixelPaddingRangeLimit"), pixel_format)
    limit = value if limit is None else limit
    return Padding(value, min(value, limit), max(value, limit))


def _float_padding(header: InstanceHeader, prefix: str) -> Padding | None:
    """Return the padding of floating-point pixel data (PS3.3 C.7.6.24.1), which may be NaN."""
    keyword = f"{prefix}FloatPixelPadding"
    value, limit = (header.attributes.get(f"{keyword}{end}") for end in ("Value", "RangeLimit"))
    if not isinstance(value, int | float):
        return None
    other = limit if isinstance(limit, int | float) else value
    return Padding(value, min(value, other), max(value, other))


def _as_stored(value: int | None, pixel_format: PixelFormat) -> int | None:
    """Return the number that a padding value has as a stored value, None where it can have none.

    Writers mix up US and SS: the same 16 bits then read as 63536 or -2000. The bits decide.
    """
    if value is None:
        return None
    cell = 1 << pixel_format.bits_allocated
    value %= cell
    if pixel_format.signed and value >= cell >> 1:
        value -= cell
    sign = int(pixel_format.signed)
    lowest = -(1 << (pixel_format.bits_stored - 1)) * sign
    highest = (1 << (pixel_format.bits_stored - sign)) - 1
    return value if lowest <= value <= highest else None
