"""JPEG frames to samples, by decoders that raise an error where data are broken.

GDCM, which pydicom asks first, ends the whole process on some broken JPEG data, and like libjpeg fills what is cut off
with grey. So JPEG goes past it.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

_LOSSLESS_START = b"\xff\xc3"
_RESTART_INTERVAL = b"\xff\xdd\x00\x04"
_END_OF_IMAGE = b"\xff\xd9"
_PADDING = b"\x00"
_JFIF = b"JFIF\x00"
_ADOBE = b"\xff\xee\x00\x0eAdobe"
_ADOBE_TRANSFORM = 15
_LONGEST_HEAD = 4096


def decode_jpeg(frame: bytes) -> npt.NDArray[Any]:
    """Decode one frame of JPEG, lossless or not (ISO/IEC 10918-1; processes 1, 2, 4 and 14).

    Returns
    -------
    ndarray, shape (rows, columns), with a further axis for several samples
        Samples, unsigned, of 8 or 16 bits.

    Raises
    ------
    RuntimeError, ValueError
        The data are cut or broken.
    """
    import imagecodecs

    samples: npt.NDArray[Any]
    if _LOSSLESS_START in frame and _RESTART_INTERVAL not in frame:
        samples = imagecodecs.jpegsof3_decode(frame)  # tells data that are cut
        return samples
    if not frame.rstrip(_PADDING).endswith(_END_OF_IMAGE):
        raise ValueError("the frame ends before its end marker")
    samples = imagecodecs.jpeg8_decode(frame)
    return samples


def decode_colour_jpeg(frame: bytes, *, is_rgb: bool) -> npt.NDArray[Any]:
    """Decode one frame of JPEG with three samples a pixel to red, green and blue.

    Parameters
    ----------
    frame : bytes
        The codestream.
    is_rgb : bool
        What the header says the samples are: RGB, else YCbCr. Markers in the codestream that say so win: a writer that
        compresses RGB and forgets to change Photometric Interpretation is common.

    Returns
    -------
    ndarray, shape (rows, columns, 3)
        Of 8 or 16 bits.

    Raises
    ------
    RuntimeError, ValueError
        The data are cut or broken.
    """
    import imagecodecs

    if _LOSSLESS_START in frame:
        samples = decode_jpeg(frame)  # process 14 leaves the samples as they are
        return samples if is_rgb or samples.dtype.itemsize > 1 else _from_ycbcr(samples)
    if not frame.rstrip(_PADDING).endswith(_END_OF_IMAGE):
        raise ValueError("the frame ends before its end marker")
    stored = "RGB" if _says_rgb(frame, is_rgb=is_rgb) else "YCBCR"
    pixels: npt.NDArray[Any] = imagecodecs.jpeg8_decode(frame, colorspace=stored, outcolorspace="RGB")
    return pixels


def _says_rgb(frame: bytes, *, is_rgb: bool) -> bool:
    """Return whether the samples are RGB, by Adobe's and JFIF's markers, else by the header."""
    head = frame[:_LONGEST_HEAD]
    adobe = head.find(_ADOBE)
    if adobe >= 0 and adobe + _ADOBE_TRANSFORM < len(head):
        return head[adobe + _ADOBE_TRANSFORM] == 0
    return False if _JFIF in head else is_rgb


def _from_ycbcr(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    from pydicom.pixels.processing import convert_color_space

    pixels: npt.NDArray[Any] = convert_color_space(samples, "YBR_FULL", "RGB")
    return pixels
