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
