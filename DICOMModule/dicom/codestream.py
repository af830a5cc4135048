"""What a compressed frame says of itself, read before a decoder is given it.

Decoders trust the sizes in a codestream and the program trusts those of the header: where the two differ, some decoders
end the whole process. So they are compared first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

# ISO/IEC 10918-1 B.1.1.3 and 14495-1 C.1.1: start of frame, all processes; C4, C8 and CC are other markers.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_STANDALONE = frozenset(range(0xD0, 0xD8)) | {0x01}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_CODESTREAM_2000 = b"\xff\x4f\xff\x51"
_LONGEST_BOXES = 4096


@dataclass(frozen=True, slots=True)
class Codestream:
    """Size of one compressed frame, bits per sample, and whether they are two's complement."""

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool = False


def read_codestream(data: bytes) -> Codestream | None:
    """Return what the beginning of a JPEG, JPEG-LS or JPEG 2000 frame says, None where it is none of them or cut."""
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        # A codestream is bare in DICOM (PS3.5 A.4.4), yet some files carry the boxes of a JP2 file around it.
        start = data.find(_CODESTREAM_2000, 0, _LONGEST_BOXES)
        return _jpeg_2000(data, start) if start >= 0 else None
    except (struct.error, IndexError):
        return None


def _jpeg(data: bytes) -> Codestream | None:
    at = 2
    while True:
        if data[at] != 0xFF:
            return None
        while data[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = data[at + 1]
        at += 2
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        if marker in _STANDALONE:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if marker in _START_OF_FRAME:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", data, at + 2)
            return Codestream(rows, columns, samples, bits)
        if length < 2:
            return None
        at += length


def _jpeg_2000(data: bytes, start: int) -> Codestream | None:
    # ISO/IEC 15444-1 A.5.1: SIZ follows SOC; Xsiz, Ysiz, XOsiz, YOsiz, four of the tiles, Csiz, then a byte a component,
    # whose highest bit says that the samples are signed.
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    (samples,) = struct.unpack_from(">H", data, start + 40)
    depth = data[start + 42]
    return Codestream(bottom - top, right - left, samples, (depth & 0x7F) + 1, bool(depth & 0x80))
