"""JPEG frames to samples, by decoders that raise an error where data are broken.

GDCM, which pydicom asks first, ends the whole process on some broken JPEG data, and like libjpeg fills what is cut off
with grey. So JPEG goes past it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from DICOMModule.dicom.colour import rgb_of
from DICOMModule.dicom.lossless_jpeg import decode_lossless

_RESTART_INTERVAL = b"\xff\xdd\x00\x04"
_END_OF_IMAGE = b"\xff\xd9"
_PADDING = b"\x00"
_JFIF = b"JFIF\x00"
_ADOBE, _ADOBE_TRANSFORM = b"Adobe", 11
_MARK, _APP0, _APP14 = 0xFF, 0xE0, 0xEE
LOSSLESS = 0xC3
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


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
    if read_jpeg_head(frame).process == LOSSLESS and _RESTART_INTERVAL not in frame:
        return decode_lossless(frame)
    import imagecodecs

    samples: npt.NDArray[Any]
    if not frame.rstrip(_PADDING).endswith(_END_OF_IMAGE):
        raise ValueError("the frame ends before its end marker")
    samples = imagecodecs.jpeg8_decode(frame)
    return samples


def decode_colour_jpeg(frame: bytes, photometric: str, bits: int) -> npt.NDArray[Any]:
    """Decode one frame of JPEG with three samples a pixel to red, green and blue.

    Parameters
    ----------
    frame : bytes
        The codestream.
    photometric : str
        Photometric Interpretation. Marks in the codestream that say what the samples are win: a writer that compresses RGB
        and forgets to change the header is common.
    bits : int
        Bits Stored.

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

    head = read_jpeg_head(frame)
    if head.process == LOSSLESS:  # the samples come as they are
        return rgb_of(decode_jpeg(frame), "RGB" if head.is_named_rgb else photometric, bits)
    if not frame.rstrip(_PADDING).endswith(_END_OF_IMAGE):
        raise ValueError("the frame ends before its end marker")
    stored = "RGB" if head.says_rgb(is_rgb=photometric == "RGB") else "YCBCR"
    pixels: npt.NDArray[Any] = imagecodecs.jpeg8_decode(frame, colorspace=stored, outcolorspace="RGB")
    return pixels


@dataclass(frozen=True, slots=True)
class JpegHead:
    """What the segments before the first scan say.

    Attributes
    ----------
    process : int
        Last byte of the start-of-frame marker; 0 where there is none.
    components : bytes
        Identifier of each component.
    adobe_transform : int or None
        0: no transform; 1: YCbCr; None without Adobe's marker.
    has_jfif : bool
        JFIF knows YCbCr only.
    """

    process: int = 0
    components: bytes = b""
    adobe_transform: int | None = None
    has_jfif: bool = False

    @property
    def is_named_rgb(self) -> bool:
        """Whether the components are called R, G and B."""
        return self.components.upper() == b"RGB"

    def says_rgb(self, *, is_rgb: bool) -> bool:
        """Return whether the samples are RGB, `is_rgb` where nothing says it."""
        if self.adobe_transform is not None:
            return self.adobe_transform == 0
        if self.is_named_rgb:
            return True
        return False if self.has_jfif else is_rgb


def read_jpeg_head(frame: bytes) -> JpegHead:
    """Return what a JPEG frame says of itself before its first scan (ISO/IEC 10918-1 B.1.1, B.2.2)."""
    head, at = JpegHead(), 2
    while at + 4 <= len(frame) and frame[at] == _MARK:
        marker = frame[at + 1]
        if marker == _MARK:  # a fill byte
            at += 1
            continue
        if marker in _STANDALONE:
            at += 2
            continue
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
        content = frame[at + 4 : at + 2 + length]
        if marker in _STARTS_OF_FRAME:
            return replace(head, process=marker, components=content[6::3])
        if marker == _APP14 and content.startswith(_ADOBE) and len(content) > _ADOBE_TRANSFORM:
            head = replace(head, adobe_transform=content[_ADOBE_TRANSFORM])
        elif marker == _APP0 and content.startswith(_JFIF):
            head = replace(head, has_jfif=True)
        at += 2 + max(length, 2)
    return head
