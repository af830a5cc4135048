"""Samples of colour images to red, green and blue, as PS3.3 C.7.6.3.1.2 defines them."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[Any]

SUBSAMPLED: Final = frozenset(("YBR_FULL_422", "YBR_PARTIAL_422"))
AS_DECODED: Final = frozenset(("RGB", "YBR_ICT", "YBR_RCT", "XYB"))
"""RGB, and what decoders of JPEG 2000 and JPEG XL make RGB of by themselves."""
COLOURS: Final = AS_DECODED | SUBSAMPLED | {"YBR_FULL", "YBR_PARTIAL_420"}
"""What three samples of a pixel may be. YBR_PARTIAL_420 comes in video only."""

# Rec. 601: luminance of red and of blue
_RED, _BLUE = 0.299, 0.114
_GREEN = 1.0 - _RED - _BLUE
_STRIPE: Final = 1 << 18
"""Pixels that are converted at a time, so that the numbers in between take little memory."""


def native_samples(
    data: bytes | memoryview, rows: int, columns: int, *, bits: int, photometric: str, planar: int
) -> Samples:
    """Return the samples of one uncompressed frame of three samples a pixel, one colour beside the other.

    Parameters
    ----------
    data : bytes
        The frame, little endian; what comes after its end is not looked at.
    bits : int
        Bits Allocated: 8, 16 or 32.
    photometric : str
        Photometric Interpretation: two neighbours share their colour differences where it ends in ``_422``.
    planar : int
        Planar Configuration: 0, colour by pixel, or 1, colour by plane.

    Returns
    -------
    ndarray, shape (rows, columns, 3)

    Raises
    ------
    ValueError
        The data are too short, or pixels cannot share their colours in pairs.
    """
    if photometric == "YBR_PARTIAL_420":
        raise ValueError("YBR_PARTIAL_420 cannot be uncompressed")
    dtype = np.dtype(f"<u{bits // 8}")
    pixels = rows * columns
    subsampled = photometric in SUBSAMPLED
    count = 2 * pixels if subsampled else 3 * pixels
    if len(data) < count * dtype.itemsize:
        raise ValueError(f"{len(data)} bytes are no frame of {rows} × {columns} pixels of {photometric}")
    flat = np.frombuffer(data, dtype, count).astype(dtype.newbyteorder("="), copy=False)
    if not subsampled:
        if planar == 1:
            return np.ascontiguousarray(np.moveaxis(flat.reshape(3, rows, columns), 0, -1))
        return flat.reshape(rows, columns, 3)
    if columns % 2:
        raise ValueError(f"{photometric} with an odd number of columns ({columns})")
    # Y1 Y2 CB CR for each pair of pixels; CB and CR are those of the first (C.7.6.3.1.2)
    pairs = flat.reshape(rows, columns // 2, 4)
    samples = np.empty((rows, columns // 2, 2, 3), flat.dtype)
    samples[..., 0] = pairs[..., :2]
    samples[..., 1:] = pairs[..., None, 2:]
    return samples.reshape(rows, columns, 3)


def rgb_of(samples: Samples, photometric: str, bits: int) -> Samples:
    """Return red, green and blue from samples as they are stored.

    Parameters
    ----------
    samples : ndarray of unsigned integers, shape (rows, columns, 3)
        In full resolution.
    photometric : str
        What they are. YBR_ICT, YBR_RCT and XYB are taken as RGB: a decoder undoes these transforms.
    bits : int
        Bits Stored.

    Returns
    -------
    ndarray, shape (rows, columns, 3)
        Of the same type.
    """
    if photometric in AS_DECODED:
        return samples
    partial = photometric.startswith("YBR_PARTIAL")
    colours = np.empty_like(samples)
    flat, out = samples.reshape(-1, 3), colours.reshape(-1, 3)
    for start in range(0, len(flat), _STRIPE):
        out[start : start + _STRIPE] = _from_ycbcr(flat[start : start + _STRIPE], bits, partial=partial)
    return colours


def _from_ycbcr(samples: Samples, bits: int, *, partial: bool) -> npt.NDArray[np.float64]:
    """Return red, green and blue, rounded and cut to what `bits` hold, from luminance and colour differences."""
    greatest, unit = (1 << bits) - 1, (1 << bits) / 256.0
    luma, blue, red = (samples[:, index].astype(np.float64) for index in range(3))
    blue -= 128 * unit
    red -= 128 * unit
    if partial:
        # Luminance has 219 steps from 16 on, colour differences have 224 about 128
        luma = (luma - 16 * unit) * (255 / 219)
        blue *= 255 / 224
        red *= 255 / 224
    colours = np.empty(samples.shape, np.float64)
    colours[:, 0] = luma + 2 * (1 - _RED) * red
    colours[:, 2] = luma + 2 * (1 - _BLUE) * blue
    colours[:, 1] = (luma - _RED * colours[:, 0] - _BLUE * colours[:, 2]) / _GREEN
    return np.clip(np.floor(colours + 0.5), 0, greatest)


def eight_bits(colours: Samples, bits: int) -> npt.NDArray[np.uint8]:
    """Return colours of `bits` bits a sample as 8: the upper ones of more, stretched where there are fewer."""
    if bits == 8:
        return colours.astype(np.uint8, copy=False)
    if bits > 8:
        return (colours >> (bits - 8)).astype(np.uint8)
    stretched: npt.NDArray[np.uint8] = np.rint(colours.astype(np.float64) * (255 / ((1 << bits) - 1))).astype(np.uint8)
    return stretched
