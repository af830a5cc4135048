"""Overlay planes of a frame: graphics and regions beside the pixels, or in bits of theirs (PS3.3 C.9.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.bits import unpacked
from DICOMModule.dicom.details import read_details
from DICOMModule.dicom.frame_header import FrameHeader, Tile, frame_header
from DICOMModule.dicom.frames import CELLS_AS_WRITTEN, read_stored_values, unchanged
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.lookup_table import read_value_bytes
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import DicomFileError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Mask = npt.NDArray[np.bool_]

_GROUPS: Final = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _DESCRIPTION, _TYPE = 0x10, 0x11, 0x15, 0x22, 0x40
_ORIGIN, _FIRST_FRAME, _ALLOCATED, _POSITION, _LABEL, _DATA = 0x50, 0x51, 0x100, 0x102, 0x1500, 0x3000


@dataclass(frozen=True, eq=False, slots=True)
class OverlayPlane:
    """One overlay plane on one frame.

    Attributes
    ----------
    group : int
        0x6000, 0x6002, … 0x601E.
    name : str
        Overlay Label or Description; else the group.
    is_region : bool
        A region of interest; else graphics.
    mask : ndarray of bool, shape (rows, columns)
        Of the image, wherever the plane lies on it.
    """

    group: int
    name: str
    is_region: bool
    mask: Mask


def read_overlay_planes(header: InstanceHeader) -> tuple[tuple[OverlayPlane, ...], tuple[str, ...]]:
    """Return the overlay planes of a frame, and why others cannot be read.

    Raises
    ------
    DicomFileError
        The file has gone, has changed or cannot be parsed.
    """
    if "OverlayRows" not in header.attributes:
        return (), ()
    dataset = read_details(header)
    tile = header.tile if isinstance(header, FrameHeader) else None
    whole = frame_header(header.instance, header.frame_number, {}) if isinstance(header, FrameHeader) else header
    planes, reasons = [], []
    for group in _GROUPS:
        if group << 16 | _ROWS not in dataset:
            continue
        try:
            plane = _plane(whole, dataset, group)
        except ValueError as error:
            reasons.append(f"overlay {group:04X}: {error}")
        else:
            if plane is not None:
                planes.append(plane if tile is None else replace(plane, mask=_cut(plane.mask, tile)))
    return tuple(planes), tuple(reasons)


def _cut(mask: Mask, tile: Tile) -> Mask:
    """Return what of a plane lies on one slice of a picture of many."""
    return mask[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns]


def _plane(header: InstanceHeader, dataset: Dataset, group: int) -> OverlayPlane | None:
    """Return a plane, None where it has nothing for this frame.

    Raises
    ------
    ValueError
        It is not what its attributes say.
    """
    pixel_format = pixel_format_of(header)
    base = group << 16
    rows, columns = _integer(dataset, base | _ROWS, 0), _integer(dataset, base | _COLUMNS, 0)
    if not (0 < rows <= 0xFFFF and 0 < columns <= 0xFFFF):
        raise ValueError(f"{rows} rows and {columns} columns cannot be")
    if base | _DATA in dataset:
        index = header.frame_number - _integer(dataset, base | _FIRST_FRAME, 1)
        count = _integer(dataset, base | _FRAMES, 0)
        if count and not 0 <= index < count:
            return None
        data = read_value_bytes(dataset, base | _DATA)
        bits = unpacked(data, index * rows * columns if count else 0, rows * columns).reshape(rows, columns)
    else:
        bits = _embedded(header, dataset, base)
        rows, columns = bits.shape
    mask = np.zeros((pixel_format.rows, pixel_format.columns), np.bool_)
    _place(mask, bits.astype(np.bool_), _origin(dataset, base))
    texts = (str(dataset[base | tag].value or "").strip() for tag in (_LABEL, _DESCRIPTION) if base | tag in dataset)
    name = next((text for text in texts if text), f"Overlay {group:04X}")
    kind = str(dataset[base | _TYPE].value) if base | _TYPE in dataset else ""
    return OverlayPlane(group, name, kind.strip() == "R", mask)


def _embedded(header: InstanceHeader, dataset: Dataset, base: int) -> npt.NDArray[np.uint8]:
    """Return the bit of each cell in which an overlay lies, as older files have it (PS3.5 8.1.2)."""
    pixel_format = pixel_format_of(header)
    allocated = _integer(dataset, base | _ALLOCATED, 0)
    position = _integer(dataset, base | _POSITION, 0)
    if pixel_format.cells != "integers" or allocated != pixel_format.bits_allocated or not 0 < position < allocated:
        raise ValueError(f"it has no data, and bit {position} of {allocated} is none of the pixels'")
    if pixel_format.high_bit - pixel_format.bits_stored < position <= pixel_format.high_bit:
        raise ValueError(f"bit {position} is one of the pixels' values")
    if header.transfer_syntax_uid not in CELLS_AS_WRITTEN:
        raise ValueError("its bits are lost in compressed pixel data")
    current = unchanged(header)
    # Read as cells that are values as a whole, the bits beside the value come too
    whole_cells = {"BitsStored": allocated, "HighBit": allocated - 1, "PixelRepresentation": 0}
    try:
        cells = read_stored_values(replace(current, attributes={**current.attributes, **whole_cells}))
    except DicomFileError as error:
        raise ValueError(error.reason) from error
    return (cells >> position & 1).astype(np.uint8)


def _origin(dataset: Dataset, base: int) -> tuple[int, int]:
    """Return row and column of the plane's first pixel on the image, from 0."""
    value: Any = dataset[base | _ORIGIN].value if base | _ORIGIN in dataset else None
    try:
        row, column = (int(one) for one in value)
    except (TypeError, ValueError):
        return 0, 0
    return row - 1, column - 1


def _place(mask: Mask, plane: Mask, origin: tuple[int, int]) -> None:
    """Put what of a plane lies on the image into `mask`."""
    (top, left), (rows, columns) = origin, mask.shape
    cut = plane[max(-top, 0) : max(rows - top, 0), max(-left, 0) : max(columns - left, 0)]
    top, left = max(top, 0), max(left, 0)
    mask[top : top + cut.shape[0], left : left + cut.shape[1]] = cut


def _integer(dataset: Dataset, tag: int, default: int) -> int:
    value: Any = dataset[tag].value if tag in dataset else None
    try:
        return default if value is None else int(value)
    except (TypeError, ValueError):
        return default
