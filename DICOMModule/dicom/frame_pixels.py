"""The pixels of one frame, whatever they are: whole numbers, floating point, single bits, colours."""

from __future__ import annotations

import numpy as np

from DICOMModule.dicom.any_frame import read_any_frame
from DICOMModule.dicom.frame_header import FrameHeader
from DICOMModule.dicom.frames import StoredValues, read_stored_values
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import PixelDataError


def read_frame(header: InstanceHeader, out: StoredValues | None = None) -> StoredValues:
    """Read the pixels of a frame: stored values, or red, green and blue of 8 bits, in the shape that its format gives.

    Parameters and errors are those of `read_stored_values`, which reads those of whole numbers.
    """
    pixel_format = pixel_format_of(header)
    if pixel_format.cells == "integers":
        return read_stored_values(header, out)
    if out is not None and (out.dtype, out.shape) != (pixel_format.dtype, pixel_format.shape):
        raise ValueError(f"pixels of {pixel_format} do not go into {out.dtype} {out.shape}")
    values = read_any_frame(header.instance, header.frame_number)
    if isinstance(header, FrameHeader) and header.tile is not None:
        tile = header.tile
        values = values[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns]
    if values.shape != pixel_format.shape or values.dtype.itemsize != pixel_format.dtype.itemsize:
        raise PixelDataError(
            header.path, f"its pixel data decode to {values.shape} {values.dtype}, its header says {pixel_format.shape}"
        )
    if out is None:
        return np.ascontiguousarray(values, pixel_format.dtype)
    out[...] = values
    return out
