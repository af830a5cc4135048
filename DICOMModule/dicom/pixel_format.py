"""How the cells of Pixel Data are laid out, as a header says it, and whether that can be true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DICOMModule.dicom.frame_header import FrameHeader
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import PixelDataError

MOST_DECODED_BYTES = 1 << 30
"""What one decoded frame may take: 23,000 × 23,000 pixels of 16 bits; a header that asks for more is a lie or a bomb."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the cells of a single-frame grey image are laid out (PS3.5 8.1.1).

    Attributes
    ----------
    rows, columns : int
        Size of the frame.
    bits_allocated, bits_stored, high_bit : int
        Of a cell; 8, 16 or 32 bits are allocated.
    signed : bool
        Whether stored values are two's complement.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Number type of stored values: that of the cell, in this machine's byte order."""
        return np.dtype(f"{'i' if self.signed else 'u'}{self.bits_allocated // 8}")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.rows * self.columns * (self.bits_allocated // 8)

    @property
    def whole_cell(self) -> bool:
        """Whether a cell holds the value and nothing else."""
        return self.bits_stored == self.bits_allocated


def pixel_format_of(header: InstanceHeader) -> PixelFormat:
    """Return the layout of a single-frame grey image.

    Raises
    ------
    PixelDataError
        An attribute is missing, or they contradict each other or the data that are there.
    """
    numbers = {}
    for keyword in ("Rows", "Columns", "BitsAllocated", "PixelRepresentation"):
        number = header.integer(keyword)
        if number is None:
            raise PixelDataError(header.path, f"{keyword} is missing or not a whole number")
        numbers[keyword] = number
    rows, columns, allocated = numbers["Rows"], numbers["Columns"], numbers["BitsAllocated"]
    stored = _integer_or(header, "BitsStored", allocated)
    high_bit = _integer_or(header, "HighBit", stored - 1)
    if not (0 < rows <= 0xFFFF and 0 < columns <= 0xFFFF):
        raise PixelDataError(header.path, f"an image of {rows} rows and {columns} columns cannot be")
    if allocated not in (8, 16, 32):
        raise PixelDataError(header.path, f"pixels of {allocated} bits are not read yet")
    if not 0 < stored <= allocated or not stored - 1 <= high_bit < allocated:
        raise PixelDataError(
            header.path,
            f"Bits Allocated {allocated}, Bits Stored {stored} and High Bit {high_bit} contradict each other",
        )
    if numbers["PixelRepresentation"] not in (0, 1):
        raise PixelDataError(header.path, f"Pixel Representation {numbers['PixelRepresentation']} has no meaning")
    if header.integer("SamplesPerPixel") not in (None, 1):
        raise PixelDataError(header.path, f"it has {header.text('SamplesPerPixel')} samples per pixel, not 1")
    if "NumberOfFrames" in header.attributes and header.integer("NumberOfFrames") != 1:
        raise PixelDataError(header.path, f"its Number of Frames is {header.text('NumberOfFrames')!r}, not 1")
    found = PixelFormat(rows, columns, allocated, stored, high_bit, bool(numbers["PixelRepresentation"]))
    if not (isinstance(header, FrameHeader) and header.tile is not None):  # a tile has no bytes of its own
        _check_length(header, found)
    return found


def _integer_or(header: InstanceHeader, keyword: str, default: int) -> int:
    if keyword not in header.attributes:
        return default
    number = header.integer(keyword)
    if number is None:
        raise PixelDataError(header.path, f"{keyword} is not a whole number")
    return number


def _check_length(header: InstanceHeader, pixel_format: PixelFormat) -> None:
    present, needed = header.pixel_data_bytes, pixel_format.frame_bytes
    if present > 0 and present < needed:
        raise PixelDataError(header.path, f"its pixel data has {present} bytes, its header asks for {needed}")
    if present >= 2 * needed and present > needed + 1:  # one byte pads a frame of one pixel of 8 bits
        raise PixelDataError(
            header.path, f"its pixel data has {present} bytes, its header accounts for {needed} of them only"
        )
    if present <= 0 and needed > MOST_DECODED_BYTES:
        raise PixelDataError(header.path, f"its header asks for a frame of {needed} bytes, which is refused")
