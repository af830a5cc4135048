"""Data elements as bytes, put together by hand: what the tests of the walk read, without any library in between."""

from __future__ import annotations

import struct
import zlib

CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.11"
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED, JPEG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"
LONG = {"OB", "OW", "SQ", "UN", "UT", "UC", "OF", "OD"}
UNDEFINED = 0xFFFFFFFF


def element(tag: int, vr: str, value: bytes | str, length: int | None = None, order: str = "<") -> bytes:
    """Return one element in explicit VR; `vr` empty for implicit VR."""
    raw = value.encode("latin_1") if isinstance(value, str) else value
    raw += (b"\0" if vr in {"UI", "OB", "UN", ""} else b" ") * (len(raw) % 2)
    length = len(raw) if length is None else length
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if not vr:
        return head + struct.pack(f"{order}L", length) + raw
    if vr in LONG:
        return head + vr.encode() + b"\0\0" + struct.pack(f"{order}L", length) + raw
    return head + vr.encode() + struct.pack(f"{order}H", length) + raw


def item(content: bytes, length: int | None = None, order: str = "<") -> bytes:
    """Return an item; with an undefined length it is closed by a delimiter."""
    length = len(content) if length is None else length
    end = struct.pack(f"{order}HHL", 0xFFFE, 0xE00D, 0) if length == UNDEFINED else b""
    return struct.pack(f"{order}HHL", 0xFFFE, 0xE000, length) + content + end


SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def meta(syntax: str = EXPLICIT, sop_class: str = SR, uid: str = "1.2.3") -> bytes:
    """Return preamble, mark and file meta information; without a group length, which nobody may trust anyway."""
    return (
        bytes(128)
        + b"DICM"
        + element(0x00020002, "UI", sop_class)
        + element(0x00020003, "UI", uid)
        + (element(0x00020010, "UI", syntax) if syntax else b"")
    )


def identity(sop_class: str = SR, uid: str = "1.2.3", *, vr: bool = True, order: str = "<", charset: str = "") -> bytes:
    """Return the elements that identify an instance, up to group 0020."""

    def one(tag: int, kind: str, value: str) -> bytes:
        return element(tag, kind if vr else "", value, order=order)

    return (
        (one(0x00080005, "CS", charset) if charset else b"")
        + one(0x00080016, "UI", sop_class)
        + one(0x00080018, "UI", uid)
        + one(0x00080060, "CS", "CT")
        + one(0x00100020, "LO", "ID1")
        + one(0x0020000D, "UI", "1.2.4")
        + one(0x0020000E, "UI", "1.2.5")
    )


def image(rows: int = 4, columns: int = 6, pixels: bytes | None = None) -> bytes:
    """Return an image's group 0028 and its Pixel Data, in explicit VR."""
    values = [(0x00280002, 1), (0x00280010, rows), (0x00280011, columns), (0x00280100, 16), (0x00280103, 0)]
    group = b"".join(element(tag, "US", struct.pack("<H", value)) for tag, value in values)
    return group + element(0x7FE00010, "OW", bytes(2 * rows * columns) if pixels is None else pixels)


def implicit_image() -> bytes:
    """Return a whole image data set in implicit VR, with an icon in it."""
    return (
        identity(CT, vr=False)
        + b"".join(element(tag, "", struct.pack("<H", n)) for tag, n in [(0x00280010, 4), (0x00280011, 6)])
        + element(0x00880200, "", item(element(0x7FE00010, "", bytes(8))))
        + element(0x7FE00010, "", bytes(48))
    )


def deflate(data: bytes) -> bytes:
    """Return bytes as a raw deflate stream (PS3.5 A.5)."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()
