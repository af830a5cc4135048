"""One frame as a picture of 8 bits: what thumbnails and previews show. Not for measuring."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.any_frame import Samples, read_any_frame
from DICOMModule.dicom.frame_values import FrameValues, values_of
from DICOMModule.dicom.frames import read_stored_values
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.value_tables import has_supplemental_palette, read_supplemental_palette

Picture: TypeAlias = npt.NDArray[np.uint8]

OVERSAMPLING: Final = 4
"""Pixels of a large image that are looked at for one of its picture, along each axis."""
MOST_SAMPLES: Final = 100_000
_WHOLE: Final = frozenset((8, 16, 32))
_STEEPEST: Final = 700.0


def picture_of(
    header: InstanceHeader,
    frame: int = 1,
    longest_px: int | None = None,
    window: tuple[float, float] | None = None,
) -> Picture:
    """Return a frame as it is looked at: windowed, MONOCHROME1 and PET inverted, padding black, colours as RGB.

    Parameters
    ----------
    header : InstanceHeader
        As read from the file, or from the database.
    frame : int
        Number of the frame, from 1.
    longest_px : int, optional
        Longest side of the picture, whose pixels are square then; a smaller image is not enlarged. Without it the
        picture has the pixels of the image.
    window : tuple of 2 floats, optional
        Level and width in values after rescale. Without it the frame's own; where it has none, or its own shows nothing
        but black or white, the range that holds all but the extreme values.

    Returns
    -------
    ndarray of uint8, shape (rows, columns) or (rows, columns, 3)

    Raises
    ------
    DicomFileError
        There are no pixels, no such frame, the file has gone or changed, or it cannot be decoded.
    """
    said = values_of(header, frame)
    stored = read_stored_values(header) if _is_plain(header) else read_any_frame(header, frame)
    size = stored.shape[:2] if longest_px is None else _size(stored, said.height_to_width, longest_px)
    stored = _thinned(stored, size)
    picture = stored if stored.ndim == 3 else _grey(header, stored, said, window)
    if stored.ndim == 2 and has_supplemental_palette(header):
        picture = _with_colours(header, stored, picture)
    return picture if picture.shape[:2] == size else _resized(picture, size)


def _is_plain(header: InstanceHeader) -> bool:
    """Return whether this is one frame of grey values: those are read as the volume's are, bit for bit."""
    return (
        header.integer("SamplesPerPixel") in (None, 1)
        and header.number_of_frames == 1
        and header.text("PhotometricInterpretation") in ("", "MONOCHROME1", "MONOCHROME2")
        and header.integer("BitsAllocated") in _WHOLE
        and {"FloatPixelData", "DoubleFloatPixelData"}.isdisjoint(header.attributes)
        and header.pixel_data_bytes != 0
    )


# --- values to greys


def _grey(header: InstanceHeader, stored: Samples, said: FrameValues, window: tuple[float, float] | None) -> Picture:
    padding = _padding(header, stored)
    meant = stored if said.modality_lut is None else said.modality_lut.applied(stored)
    values = meant.astype(np.float64) * said.slope + said.intercept
    seen = values[np.isfinite(values) & ~padding]
    inverted = (header.text("PhotometricInterpretation") == "MONOCHROME1") != (header.text("Modality") == "PT")
    chosen = window or said.window
    greys = _windowed(values, chosen, said.function) if chosen else None
    if greys is None or (window is None and _is_blank(greys[~padding], seen)):
        low, high = _range(header, seen)
        greys = _windowed(values, ((low + high) / 2, high - low), "LINEAR_EXACT")
    picture: Picture = np.uint8(255) - greys if inverted else greys
    picture[padding] = 0
    return picture


def _with_colours(header: InstanceHeader, stored: Samples, greys: Picture) -> Picture:
    """Return a grey picture with the colours of a supplemental palette where they are meant."""
    palette = read_supplemental_palette(header)
    coloured = (stored >= palette.first)[..., None]
    picture: Picture = np.where(coloured, palette.applied(stored), greys[..., None]).astype(np.uint8)
    return picture


def _windowed(values: npt.NDArray[np.float64], window: tuple[float, float], function: str) -> Picture:
    """Return greys by level and width (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    level, width = window
    if function == "SIGMOID":
        steep = np.clip(-4.0 * (values - level) / width, -_STEEPEST, _STEEPEST)
        share = 1.0 / (1.0 + np.exp(steep))
    elif function == "LINEAR_EXACT" or width <= 1:
        share = (values - level) / width + 0.5
    else:
        share = (values - (level - 0.5)) / (width - 1.0) + 0.5
    return np.rint(np.clip(np.nan_to_num(share), 0.0, 1.0) * 255.0).astype(np.uint8)


def _is_blank(greys: Picture, seen: npt.NDArray[np.float64]) -> bool:
    """Return whether a window shows one grey where there is more than one value."""
    return greys.size > 0 and greys.min() == greys.max() and seen.size > 0 and bool(seen.min() < seen.max())


def _range(header: InstanceHeader, seen: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return what is black and what is white: all but the extreme hundredths; a segmentation from nothing to all."""
    if not seen.size:
        return 0.0, 1.0
    if header.integer("BitsAllocated") == 1 or header.text("Modality") == "SEG":
        return 0.0, max(1.0, float(seen.max()))
    sample = seen[:: max(1, seen.size // MOST_SAMPLES)]
    low, high = (float(value) for value in np.percentile(sample, (1, 99)))
    if header.text("Modality") in ("PT", "RTDOSE"):
        low = min(0.0, low)
    if high <= low:
        low, high = float(seen.min()), float(seen.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _padding(header: InstanceHeader, stored: Samples) -> npt.NDArray[np.bool_]:
    """Return which pixels stand for "no pixel here" (PS3.3 C.7.5.1.1.2); writers mix up US and SS, so the bits decide."""
    value, limit = header.integer("PixelPaddingValue"), header.integer("PixelPaddingRangeLimit")
    if value is None or stored.dtype.kind not in "iu":
        return np.zeros(stored.shape, np.bool_)
    first, last = sorted(_as_stored(one, stored.dtype) for one in (value, value if limit is None else limit))
    inside: npt.NDArray[np.bool_] = (stored >= first) & (stored <= last)
    return inside


def _as_stored(value: int, dtype: np.dtype[Any]) -> int:
    bits = dtype.itemsize * 8
    value %= 1 << bits
    return value - (1 << bits) if dtype.kind == "i" and value >> (bits - 1) else value


# --- size


def _size(stored: Samples, height_to_width: float, longest_px: int) -> tuple[int, int]:
    """Return rows and columns of a picture with square pixels, neither side longer than `longest_px`."""
    rows, columns = float(stored.shape[0]), float(stored.shape[1])
    if height_to_width >= 1:
        rows *= height_to_width
    else:
        columns /= height_to_width
    shrink = min(1.0, longest_px / max(rows, columns))
    return max(1, round(rows * shrink)), max(1, round(columns * shrink))


def _thinned(stored: Samples, size: tuple[int, int]) -> Samples:
    """Return every n-th pixel of an image that is many times as large as its picture."""
    step = max(1, min(stored.shape[0] // size[0], stored.shape[1] // size[1]) // OVERSAMPLING)
    return stored[::step, ::step] if step > 1 else stored


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return the picture with other pixels, each the mean of the area that it covers."""
    means = _means(_means(picture.astype(np.float32), size[0], 0), size[1], 1)
    return np.rint(means).clip(0, 255).astype(np.uint8)


def _means(values: npt.NDArray[np.float32], count: int, axis: int) -> npt.NDArray[np.float32]:
    """Return the means over `count` equal parts of an axis, which need not begin or end between two pixels."""
    length = values.shape[axis]
    if count == length:
        return values
    rows = np.moveaxis(values, axis, 0)
    sums = np.concatenate((np.zeros_like(rows[:1]), np.cumsum(rows, axis=0, dtype=np.float64)))
    edges = np.linspace(0.0, length, count + 1)
    whole = np.minimum(edges.astype(np.intp), length - 1)
    part = (edges - whole).reshape(-1, *[1] * (rows.ndim - 1))
    at_edges = sums[whole] + part * rows[whole]
    means = np.diff(at_edges, axis=0) * (count / length)
    moved: npt.NDArray[np.float32] = np.moveaxis(means, 0, axis).astype(np.float32)
    return moved
