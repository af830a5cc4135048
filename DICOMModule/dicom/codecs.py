"""One compressed frame to samples: a decoder for each transfer syntax, called without anything of pydicom.

Decoders are native code: where data come from outside they are called in a child process, see `decoding`. What is known
of a transfer syntax that cannot be decoded is said in `reason_unreadable`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy.typing as npt

from DICOMModule.dicom.jpeg import decode_jpeg

Samples: TypeAlias = npt.NDArray[Any]

_JPEG = "1.2.840.10008.1.2.4."
DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression (PS3.5 A.4.13): each frame is a deflated native one."""


def _jpeg_ls(frame: bytes) -> Samples:
    import imagecodecs

    samples: Samples = imagecodecs.jpegls_decode(frame)
    return samples


def _jpeg_2000(frame: bytes) -> Samples:
    import openjpeg

    samples: Samples = openjpeg.decode(frame)  # type: ignore[attr-defined]  # it is what its documentation names
    return samples


def _jpeg_xl(frame: bytes) -> Samples:
    import imagecodecs

    samples: Samples = imagecodecs.jpegxl_decode(frame)
    return samples


DECODERS: Final[dict[str, Callable[[bytes], Samples]]] = {
    **{_JPEG + code: decode_jpeg for code in ("50", "51", "57", "70")},
    **{_JPEG + code: _jpeg_ls for code in ("80", "81")},
    **{_JPEG + code: _jpeg_2000 for code in ("90", "91", "92", "93", "201", "202", "203")},
    **{_JPEG + code: _jpeg_xl for code in ("110", "111", "112")},
}
"""Transfer Syntax UID to what decodes a frame to samples, shape (rows, columns) or (rows, columns, samples)."""

_REASONS: Final = (
    ("1.2.840.10008.1.2.4.94", "the pixels are on a server (JPIP), not in the file"),
    ("1.2.840.10008.1.2.4.95", "the pixels are on a server (JPIP), not in the file"),
    ("1.2.840.10008.1.2.4.204", "the pixels are on a server (JPIP), not in the file"),
    ("1.2.840.10008.1.2.4.205", "the pixels are on a server (JPIP), not in the file"),
    ("1.2.840.10008.1.2.4.10", "it is video"),
    ("1.2.840.10008.1.2.4.", "no decoder of this kind of JPEG is maintained any more"),
    ("1.2.840.10008.1.2.7.", "it is video"),
)


def reason_unreadable(transfer_syntax_uid: str) -> str:
    """Return why frames of a transfer syntax that no decoder reads cannot be read; empty where nothing is known of it."""
    return next((reason for prefix, reason in _REASONS if transfer_syntax_uid.startswith(prefix)), "")


def inflate_frame(frame: bytes, frame_bytes: int) -> bytes:
    """Return the native bytes of a deflated frame (PS3.5 A.4.13).

    Raises
    ------
    ValueError
        It holds more or fewer bytes than a frame has, but for one of padding.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(frame, frame_bytes + 2)
    except zlib.error as error:
        raise ValueError(f"the deflated frame is damaged ({error})") from error
    if not frame_bytes <= len(data) <= frame_bytes + 1:
        raise ValueError(f"the deflated frame holds {len(data)} bytes, not {frame_bytes}")
    return data[:frame_bytes]
