"""How the cells of Pixel Data are laid out, as a header says it, and whether that can be true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, TypeAlias

import numpy as np

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.colour import COLOURS
from DICOMModule.dicom.frame_header import FrameHeader, frame_bits_of
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import PixelDataError

MOST_DECODED_BYTES = 1 << 30
"""What one decoded frame may take: 23,000 × 23,000 pixels of 16 bits; a header that asks for more is a lie or a bomb."""

Cells: TypeAlias = Literal["integers", "floats", "bits", "colours"]

_FLOATS: Final = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_GREYS: Final = frozenset(("", "MONOCHROME1", "MONOCHROME2"))
_PALETTE: Final = "PALETTE COLOR"


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the cells of a frame are laid out (PS3.5 8.1.1).

    Attributes
    ----------
    rows, columns : int
        Size of the frame.
    bits_allocated, bits_stored, high_bit : int
        Of a cell: 8, 16 or 32 bits are allocated for whole numbers, 32 or 64 for floating point, 1 for single bits.
    signed : bool
        Whether stored values are two's complement.
    cells : str
        ``integers``; ``floats`` (Float or Double Float Pixel Data); ``bits``, eight to a byte; ``colours``, three samples
        a pixel or a palette, which are read as red, green and blue of 8 bits.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    cells: Cells = "integers"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a frame's array: (rows, columns), of colours (rows, columns, 3)."""
        return (self.rows, self.columns, 3) if self.cells == "colours" else (self.rows, self.columns)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Number type of a frame's array: that of the cell, in this machine's byte order; bytes of bits and of colours."""
        return _dtype_of(self.cells, self.bits_allocated, self.signed)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame of one sample a pixel."""
        return self.rows * self.columns * (self.bits_allocated // 8)

    @property
    def whole_cell(self) -> bool:
        """Whether a cell holds the value and nothing else."""
        return self.bits_stored == self.bits_allocated


@cache
def _dtype_of(cells: Cells, bits_allocated: int, signed: bool) -> np.dtype[np.generic]:
    if cells != "integers":
        return np.dtype(f"f{bits_allocated // 8}" if cells == "floats" else np.uint8)
    return np.dtype(f"{'i' if signed else 'u'}{bits_allocated // 8}")


LOOKED_AT: Final = (
    "NumberOfFrames", *_FLOATS, "SamplesPerPixel", "PhotometricInterpretation", "RedPaletteColorLookupTableDescriptor",
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
)  # fmt: skip
MOST_KNOWN: Final = 256


@asked_once(*LOOKED_AT)
def _known_formats(_header: InstanceHeader) -> dict[tuple[int, bool], PixelFormat]:
    """Return where the layouts are kept that have been found sound, by what they follow from beside attributes.

    Bytes of pixel data, and whether the frame is a tile.
    """
    return {}


def pixel_format_of(header: InstanceHeader) -> PixelFormat:
    """Return the layout of a frame: of a single-frame image, or of a frame header.

    Raises
    ------
    PixelDataError
        An attribute is missing, or they contradict each other or the data that are there.
    """
    known = _known_formats(header)
    key = header.pixel_data_bytes, getattr(header, "tile", None) is not None
    found = known.get(key)
    if found is None:
        found = _checked_format(header)
        if found.cells != "bits":  # whether these are all there depends on the other frames
            if len(known) >= MOST_KNOWN:
                known.clear()
            known[key] = found
    return found


def _checked_format(header: InstanceHeader) -> PixelFormat:
    if "NumberOfFrames" in header.attributes and header.integer("NumberOfFrames") != 1:
        raise PixelDataError(header.path, f"its Number of Frames is {header.text('NumberOfFrames')!r}, not 1")
    for keyword, bits in _FLOATS.items():
        if keyword in header.attributes:
            return _float_format(header, bits)
    found = _cell_format(header, _cells_of(header))
    if not (isinstance(header, FrameHeader) and header.tile is not None):  # a tile has no bytes of its own
        _check_length(header, found)
    return found


def _cells_of(header: InstanceHeader) -> Cells:
    """Return what kind of cells Pixel Data has, once Samples per Pixel and Photometric Interpretation agree."""
    samples = header.integer("SamplesPerPixel")
    photometric = header.text("PhotometricInterpretation")
    if samples == 3 and photometric in COLOURS:
        return "colours"
    if samples not in (None, 1):
        said = header.text("SamplesPerPixel")
        raise PixelDataError(header.path, f"it has {said} samples per pixel of {photometric!r}, which is not read")
    if photometric == _PALETTE:
        if "RedPaletteColorLookupTableDescriptor" not in header.attributes:
            raise PixelDataError(header.path, "its colours are those of a palette, and it has no palette")
        return "colours"
    if photometric not in _GREYS:
        raise PixelDataError(header.path, f"its Photometric Interpretation {photometric!r} is unknown")
    return "bits" if header.integer("BitsAllocated") == 1 else "integers"


def _cell_format(header: InstanceHeader, cells: Cells) -> PixelFormat:
    numbers = {}
    for keyword in ("Rows", "Columns", "BitsAllocated", "PixelRepresentation"):
        number = header.integer(keyword)
        if number is None and cells == "colours" and keyword not in header.attributes:
            number = 0 if keyword == "PixelRepresentation" else None  # colours have no sign
        if number is None:
            raise PixelDataError(header.path, f"{keyword} is missing or not a whole number")
        numbers[keyword] = number
    allocated = numbers["BitsAllocated"]
    stored = _integer_or(header, "BitsStored", allocated)
    high_bit = _integer_or(header, "HighBit", stored - 1)
    rows, columns = _checked_size(header, numbers["Rows"], numbers["Columns"])
    if allocated not in (8, 16, 32) and cells != "bits":
        raise PixelDataError(header.path, f"pixels of {allocated} bits are not read yet")
    if not 0 < stored <= allocated or not stored - 1 <= high_bit < allocated:
        raise PixelDataError(
            header.path,
            f"Bits Allocated {allocated}, Bits Stored {stored} and High Bit {high_bit} contradict each other",
        )
    if numbers["PixelRepresentation"] not in (0, 1):
        raise PixelDataError(header.path, f"Pixel Representation {numbers['PixelRepresentation']} has no meaning")
    return PixelFormat(rows, columns, allocated, stored, high_bit, bool(numbers["PixelRepresentation"]), cells)


def _float_format(header: InstanceHeader, bits: int) -> PixelFormat:
    """Return the layout of Float or Double Float Pixel Data (PS3.3 C.7.6.24 and C.7.6.25)."""
    rows, columns = _checked_size(header, header.integer("Rows") or 0, header.integer("Columns") or 0)
    if header.integer("BitsAllocated") not in (None, bits) or header.integer("SamplesPerPixel") not in (None, 1):
        raise PixelDataError(
            header.path,
            f"its floating-point pixel data are said to have {header.text('BitsAllocated')} bits and"
            f" {header.text('SamplesPerPixel')} sample(s) a pixel",
        )
    found = PixelFormat(rows, columns, bits, bits, bits - 1, signed=True, cells="floats")
    _check_length(header, found)
    return found


def _checked_size(header: InstanceHeader, rows: int, columns: int) -> tuple[int, int]:
    if not (0 < rows <= 0xFFFF and 0 < columns <= 0xFFFF):
        raise PixelDataError(header.path, f"an image of {rows} rows and {columns} columns cannot be")
    return rows, columns


def _integer_or(header: InstanceHeader, keyword: str, default: int) -> int:
    if keyword not in header.attributes:
        return default
    number = header.integer(keyword)
    if number is None:
        raise PixelDataError(header.path, f"{keyword} is not a whole number")
    return number


def _check_length(header: InstanceHeader, pixel_format: PixelFormat) -> None:
    present, needed = header.pixel_data_bytes, pixel_format.frame_bytes
    if pixel_format.cells == "colours":
        needed = frame_bits_of(header) // 8
    elif pixel_format.cells == "bits":  # one frame may begin and end within a byte, so all of them count
        bits = pixel_format.rows * pixel_format.columns
        present, needed = header.instance.pixel_data_bytes, (header.instance.number_of_frames * bits + 7) // 8
    if present > 0 and present < needed:
        raise PixelDataError(header.path, f"its pixel data has {present} bytes, its header asks for {needed}")
    if present >= 2 * needed and present > needed + 1:  # one byte pads a frame of one pixel of 8 bits
        raise PixelDataError(
            header.path, f"its pixel data has {present} bytes, its header accounts for {needed} of them only"
        )
    if present <= 0 and needed > MOST_DECODED_BYTES:
        raise PixelDataError(header.path, f"its header asks for a frame of {needed} bytes, which is refused")
