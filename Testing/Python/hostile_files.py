"""Files that somebody made to break an importer, each with what must become of it: cases 1 to 31 of the reliability plan.

Everything is put together from bytes here, so that a file is exactly as wrong as it says. `CASES` is the corpus; a case
gives its bytes when it is asked, and the large ones are made no sooner.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dicom_bytes import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SEQUENCE_END,
    SR,
    UNDEFINED,
    deflate,
    element,
    identity,
    implicit_image,
    item,
    meta,
)

from DICOMModule.dicom.attributes import ATTRIBUTES, FRAME_ATTRIBUTES

ADDED, REJECTED, NOT_DICOM = "added", "rejected", "not_dicom"
RLE = "1.2.840.10008.1.2.5"
ITEM_END = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes
    ----------
    number : int
        Of the case in the plan.
    name : str
        What is wrong with it; also its file's name.
    make : callable
        Returns its bytes, or writes it where it is given a path.
    outcome : str
        Where the report counts it.
    says : str
        A part of the reason or of the warning, empty for none.
    large, slow : bool
        It is written by `make`; it takes seconds, and is left to ``Testing/Reliability``.
    """

    number: int
    name: str
    make: Callable[[], bytes] | Callable[[Path], None]
    outcome: str
    says: str = ""
    large: bool = False
    slow: bool = False

    def write(self, folder: Path) -> Path:
        """Write the file into `folder` and return its path."""
        path = folder / f"{self.number:02}-{self.name.replace(' ', '-')}"
        if self.large:
            self.make(path)
        else:
            path.write_bytes(self.make())
        return path


CASES: list[Case] = []


def case(number: int, name: str, outcome: str, says: str = "", *, large: bool = False, slow: bool = False):
    """Take the decorated function as the maker of a case."""

    def take(make):
        CASES.append(Case(number, name, make, outcome, says, large, slow))
        return make

    return take


def add(number: int, name: str, content: bytes, outcome: str, says: str = "") -> None:
    """Take `content` as a case."""
    CASES.append(Case(number, name, lambda: content, outcome, says))


def whole(dataset: bytes, syntax: str = EXPLICIT, sop_class: str = SR, uid: str | None = None) -> bytes:
    """Return a file whose identity comes from its content, so that no two cases are the same instance."""
    uid = uid or uid_of(dataset + syntax.encode())
    start = identity(sop_class, uid, vr=syntax != IMPLICIT, order=">" if syntax == BIG else "<")
    content = start + dataset
    return meta(syntax, sop_class, uid) + (deflate(content) if syntax == DEFLATED else content)


def uid_of(content: bytes) -> str:
    """Return a UID that depends on `content` alone."""
    return f"1.2.826.0.1.3680043.8.498.7.{zlib.crc32(content)}.{len(content)}"


def us(tag: int, value: int) -> bytes:
    """Return an element with one unsigned number."""
    return element(tag, "US", struct.pack("<H", value))


def is_(tag: int, text: str) -> bytes:
    """Return an integer string."""
    return element(tag, "IS", text)


def picture(pixels: bytes | None = None, **changed: int | str) -> bytes:
    """Return group 0028 of an image of 4 x 6 and its pixel data; `changed` by the names below."""
    tags = {"samples": 0x00280002, "frames": 0x00280008, "rows": 0x00280010, "columns": 0x00280011}
    tags |= {"allocated": 0x00280100, "stored": 0x00280101, "high": 0x00280102, "sign": 0x00280103}
    values: dict[str, int | str] = {"samples": 1, "rows": 4, "columns": 6, "allocated": 16, "stored": 16, "high": 15}
    values |= {"sign": 0} | changed
    group = b"".join(
        us(tag, values[name]) if isinstance(values[name], int) else is_(tag, str(values[name]))
        for name, tag in tags.items()
        if name in values
    )
    place = b"".join(
        element(tag, "DS", text)
        for tag, text in ((0x00200032, "0\\0\\0"), (0x00200037, "1\\0\\0\\0\\1\\0"), (0x00280030, "1\\1"))
    )
    kind = element(0x00280004, "CS", "MONOCHROME2")
    return place + kind + group + element(0x7FE00010, "OW", bytes(48) if pixels is None else pixels)


def fragments(*parts: bytes, end: bytes = SEQUENCE_END) -> bytes:
    """Return encapsulated pixel data with an empty offset table."""
    content = item(b"") + b"".join(item(part) for part in parts) + end
    return struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED) + content


def group_0028() -> bytes:
    """Return group 0028 alone."""
    return picture(b"")[:-12]


# --- 1 and 2: what is no DICOM, and what has no preamble

add(1, "empty", b"", NOT_DICOM)
add(1, "one byte", b"x", NOT_DICOM)
add(1, "a letter", b"Dear colleague,\n" * 50, NOT_DICOM)
add(1, "zeros", bytes(5000), NOT_DICOM)
add(1, "HTML", b"<html><script>alert(1)</script></html>" * 9, NOT_DICOM)
add(1, "a JPEG", b"\xff\xd8\xff\xe0" + bytes(300), NOT_DICOM)
add(1, "a PDF", b"%PDF-1.7\n" + bytes(300), NOT_DICOM)
add(1, "DICM at the beginning", b"DICM" + bytes(400), NOT_DICOM)
add(1, "DICM one byte late", bytes(129) + b"DICM" + bytes(400), NOT_DICOM)
add(1, "a mark and nothing else", bytes(128) + b"DICM", REJECTED, "ends")
add(1, "a mark and zeros", bytes(128) + b"DICM" + bytes(600), REJECTED)
add(1, "a mark and text", bytes(128) + b"DICM" + b"not at all " * 90, REJECTED)
add(1, "a group length that lies", bytes(128) + b"DICM" + b"\x02\0\0\0UL\4\0\xff\xff\xff\xff" + bytes(9), REJECTED)
add(2, "explicit without preamble", identity(uid="1.2.2.1"), ADDED, "names no Transfer Syntax")
add(2, "implicit without preamble", identity(uid="1.2.2.2", vr=False), ADDED, "names no Transfer Syntax")
add(2, "big endian without preamble", identity(uid="1.2.2.3", order=">"), ADDED, "names no Transfer Syntax")
add(2, "meta without preamble", meta(uid="1.2.2.4")[132:] + identity(uid="1.2.2.4"), ADDED)
add(2, "group 8 and garbage", b"\x08\x00\x05\x00CS\x08\x00" + b"garbage!" * 40, REJECTED)

# --- 3: files that are two things at once

_ENVELOPES = {
    "PE": b"MZ\x90\0\3\0\0\0",
    "ELF": b"\x7fELF\2\1\1\0",
    "script": b"#!/bin/sh\ntouch pwned\nexit\n",
    "PDF": b"%PDF-1.7\n1 0 obj\n",
    "ZIP": b"PK\x03\x04\x14\0\0\0\0\0",
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "TIFF": b"II*\0\x08\0\0\0",
    "gzip": b"\x1f\x8b\x08\0",
    "SQLite": b"SQLite format 3\0",
}
for _name, _head in _ENVELOPES.items():
    _dataset = picture() + element(0x00091010, "OB", _head * 9)
    add(3, f"{_name} in the preamble", _head.ljust(128, b"\0") + whole(_dataset, sop_class=CT)[128:], ADDED)
add(3, "a ZIP archive behind", whole(picture(), sop_class=CT) + b"PK\5\6" + bytes(18), REJECTED)

# --- 4: cut (every offset of many files is cut in test_truncation.py)

for _name, _syntax, _dataset in (
    ("explicit", EXPLICIT, picture()),
    ("encapsulated", JPEG, group_0028() + fragments(b"\xff\xd8\xff\xd9" * 20)),
    ("deflated", DEFLATED, picture()),
):
    add(4, f"{_name} cut by a byte", whole(_dataset, _syntax, CT)[:-1], REJECTED, "cut")
add(4, "cut before its pixel data", whole(group_0028(), sop_class=CT), REJECTED, "without pixel data")
add(4, "encapsulated without its delimiter", whole(group_0028() + fragments(b"ab", end=b""), JPEG, CT), REJECTED, "cut")
add(4, "implicit cut", meta(IMPLICIT, CT, "1.2.4.1") + implicit_image()[:-1], REJECTED, "cut")

# --- 5: deflated data sets


def _bomb(path: Path, megabytes: int, head: bytes, piece: bytes) -> None:
    """Write a deflated file that inflates to `head` and `megabytes` of `piece`."""
    uid = f"1.2.5.{megabytes}.{len(piece)}"
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = compressor.compress(identity(uid=uid) + head) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)  # which looks back at nothing before it
    path.write_bytes(meta(DEFLATED, uid=uid) + begin + block * megabytes + compressor.flush())


@case(5, "a deflate bomb", REJECTED, "larger than", large=True)
def _deflate_bomb(path: Path) -> None:
    _bomb(path, 600, element(0x00420011, "OB", b"", 600 << 20), bytes(1 << 20))


@case(5, "a deflate bomb of values that are kept", REJECTED, "longer than", large=True)
def _deflate_bomb_of_values(path: Path) -> None:
    _bomb(path, 1, b"".join(element(tag, "UT", b"x" * (1 << 20)) for tag in list(ATTRIBUTES)[80:90]), b"")


@case(5, "a deflate bomb of elements", REJECTED, "more data elements", large=True, slow=True)
def _deflate_bomb_of_elements(path: Path) -> None:
    _bomb(path, 400, b"", element(0x00091010, "CS", b"") * (1 << 17))


@case(5, "a deflate bomb of functional groups", ADDED, large=True, slow=True)
def _deflate_bomb_of_functional_groups(path: Path) -> None:
    tags = [tag for tag, (_, vr) in FRAME_ATTRIBUTES.items() if vr in {"CS", "DT", "LO", "LT", "SH"}]
    frames = (
        item(
            element(
                0x00209111,
                "SQ",
                item(b"".join(element(tag, "UT", f"\U0001f600{n:08}{'x' * 230}".encode()) for tag in tags)),
            )
        )
        for n in range(7000)
    )
    dataset = element(0x00080005, "CS", "ISO_IR 192") + identity(CT, "1.2.5.77") + group_0028()
    dataset += element(0x52009230, "SQ", b"".join(frames)) + element(0x7FE00010, "OW", bytes(48))
    path.write_bytes(meta(DEFLATED, CT, "1.2.5.77") + deflate(dataset))


add(5, "deflated with garbage behind", whole(picture(), DEFLATED, CT) + b"more", REJECTED, "something after")
add(5, "deflated garbage", meta(DEFLATED) + b"\xff" * 99, REJECTED, "damaged")
add(5, "deflated emptiness", meta(DEFLATED) + deflate(b""), REJECTED)
add(5, "deflated by name only", meta(DEFLATED, CT, "1.2.5.9") + identity(CT, "1.2.5.9") + picture(), REJECTED)
add(5, "deflated twice", meta(DEFLATED) + deflate(deflate(identity() + picture())), REJECTED)
add(5, "deflated without an end", meta(DEFLATED) + deflate(identity() + picture())[:-2], REJECTED, "cut")

# --- 6: nesting


def _nested(levels: int, *, vr: str, defined: bool, tag: int = 0x0040A730) -> bytes:
    """Return sequences within sequences; `vr` is SQ, UN or empty (implicit)."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    kind = vr.encode() + b"\0\0" if vr else b""
    if not defined:
        begin = head + kind + struct.pack("<L", UNDEFINED) + struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
        if vr == "UN":  # within UN everything is implicit
            inside = head + struct.pack("<L", UNDEFINED) + struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)
            return begin + inside * (levels - 1) + (ITEM_END + SEQUENCE_END) * levels
        return begin * levels + (ITEM_END + SEQUENCE_END) * levels
    extra = 8 if not vr or vr == "UN" else 12
    parts, size = [], 0
    for level in range(levels):
        outermost = vr == "UN" and level == levels - 1
        parts.append(struct.pack("<HHL", 0xFFFE, 0xE000, size))
        prefix = kind if vr == "SQ" or outermost or not vr else b""
        parts.append(head + prefix + struct.pack("<L", size + 8))
        size += 8 + (12 if outermost else extra)
    return b"".join(reversed(parts))


for _levels in (65, 1000, 100_000):
    for _defined in (True, False):
        for _kind, _vr, _syntax, _tag in (
            ("explicit", "SQ", EXPLICIT, 0x0040A730),
            ("implicit", "", IMPLICIT, 0x0040A730),
            ("UN", "UN", EXPLICIT, 0x0040A730),
            ("private", "SQ", EXPLICIT, 0x00091010),
            ("private implicit", "", IMPLICIT, 0x00091010),
        ):
            _how = "defined" if _defined else "undefined"
            if _levels > 1000 and _kind not in {"explicit", "UN"}:
                continue

            @case(6, f"{_levels} levels {_how} {_kind}", REJECTED, "deep")
            def _deep(
                levels: int = _levels, vr: str = _vr, defined: bool = _defined, tag: int = _tag, syntax: str = _syntax
            ) -> bytes:
                return whole(_nested(levels, vr=vr, defined=defined, tag=tag), syntax)


add(6, "64 levels", whole(_nested(64, vr="SQ", defined=True)), ADDED)

# --- 7: lengths that lie

for _vr in ("OB", "UN", "SQ", "UT", "OW"):
    for _length in (0x7FFFFFFE, 0xFFFFFFFE, 0xFFFFFFFD, 3 << 30):
        add(7, f"{_vr} of {_length:X}", whole(element(0x00420011, _vr, b"abcd", _length)), REJECTED, "cut")
    _open = element(0x00420011, _vr, item(b"abcd") if _vr in {"OB", "OW"} else item(b""), UNDEFINED)
    add(7, f"{_vr} without an end", whole(_open), REJECTED, "cut")
for _length in (0x7FFFFFFE, 0xFFFFFFFE, 3 << 30):
    add(7, f"implicit of {_length:X}", whole(element(0x00091010, "", b"abcd", _length), IMPLICIT), REJECTED, "cut")
    add(
        7, f"an item of {_length:X}", whole(element(0x0040A730, "SQ", item(b"", _length), UNDEFINED)), REJECTED, "needs"
    )
    add(7, f"a fragment of {_length:X}", whole(element(0x7FE00010, "OB", item(b"", _length), UNDEFINED)), REJECTED)
add(
    7,
    "an item of undefined length without end",
    whole(element(0x0040A730, "SQ", item(b"", UNDEFINED)[:-8], 8)),
    REJECTED,
)
add(7, "a fragment of undefined length", whole(group_0028() + fragments()[:12] + item(b"ab", UNDEFINED)), REJECTED)
add(7, "an odd length", whole(element(0x00091010, "OB", b"abc", 3)[:-1]), ADDED)
add(
    7,
    "a sequence that ends in the middle of an item",
    whole(element(0x0040A730, "SQ", item(b"abcdefgh"), 12)),
    REJECTED,
)
add(7, "a delimiter too many", whole(SEQUENCE_END), REJECTED, "delimiter")
add(7, "an item where none belongs", whole(item(b"abcd")), REJECTED)
add(
    7,
    "an item delimiter with a length",
    whole(element(0x0040A730, "SQ", item(b"", UNDEFINED)[:-4] + b"\4\0\0\0", UNDEFINED)),
    REJECTED,
)
add(7, "UN undefined of garbage", whole(element(0x00091010, "UN", b"garbage!" * 9, UNDEFINED)), REJECTED)
add(
    7, "a delimiter with a value", whole(struct.pack("<HH2sH", 0xFFFE, 0xE00D, b"CS", 2) + b"AB"), REJECTED, "delimiter"
)
add(7, "an item in the place of an element", whole(item(b"abcd"), IMPLICIT), REJECTED)

# --- 8: more than anybody needs


@case(8, "200 000 elements", ADDED)
def _many_elements() -> bytes:
    return whole(b"".join(element(0x00090000 + n, "CS", "A ") for n in range(1000)) * 200)


@case(8, "many empty items", REJECTED, "items")
def _many_items() -> bytes:
    return whole(element(0x0040A730, "SQ", item(b"") * 200_000))


@case(8, "many open items", REJECTED, "items")
def _many_open_items() -> bytes:
    return whole(element(0x0040A730, "SQ", item(b"", UNDEFINED) * 200_000))


@case(8, "many empty fragments", REJECTED, "items")
def _many_fragments() -> bytes:
    return whole(group_0028() + fragments()[:-8] + item(b"") * 200_000, JPEG, CT)


@case(8, "values that look like sequences", ADDED)
def _many_guesses() -> bytes:
    return whole(element(0x00091010, "UN", item(b"garbage!")) * 5_000)


@case(8, "zeros between the elements", REJECTED, "zeros", large=True)
def _zeros_between(path: Path) -> None:
    path.write_bytes(whole(b"", IMPLICIT, uid="1.2.8.1") + bytes(4 << 20) + b"x")


@case(8, "sparse zeros between the elements", REJECTED, "zeros", large=True)
def _sparse_zeros_between(path: Path) -> None:
    with path.open("wb") as file:
        file.write(whole(b"", IMPLICIT, uid="1.2.8.2"))
        file.seek(8 << 30)
        file.write(b"x")


@case(8, "sparse zeros behind", REJECTED, "zeros", large=True)
def _sparse_zeros_behind(path: Path) -> None:
    with path.open("wb") as file:
        file.write(whole(b"", uid="1.2.8.3"))
        file.truncate(8 << 30)


@case(8, "sparse pixel data of four gigabytes", ADDED, large=True)
def _sparse_pixels(path: Path) -> None:
    content = whole(group_0028(), sop_class=CT) + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 0xFFFFFFF0)
    with path.open("wb") as file:
        file.write(content)
        file.truncate(len(content) + 0xFFFFFFF0)


# --- 9: transfer syntaxes

for _name, _uid in (
    ("unknown", "1.2.3.4.5.6"),
    ("a path", "../../etc"),
    ("long", "1." * 200 + "1"),
    ("empty", ""),
    ("text", "Explicit"),
):
    add(9, f"a transfer syntax that is {_name}", whole(picture(), _uid, CT), ADDED)
add(
    9,
    "explicit that says implicit",
    meta(IMPLICIT, CT, "1.2.9.1") + identity(CT, "1.2.9.1") + picture(),
    ADDED,
    "written in",
)
add(9, "implicit that says explicit", meta(EXPLICIT, CT, "1.2.3") + implicit_image(), ADDED, "written in")
add(9, "little that says big", meta(BIG, CT, "1.2.9.2") + identity(CT, "1.2.9.2") + picture(), REJECTED)
add(9, "JPEG that is not encapsulated", whole(picture(), JPEG, CT), ADDED)

# --- 10 to 14: numbers of the image

for _name, _changed in (
    ("all of them", {"rows": 65535, "columns": 65535, "frames": "2147483647"}),
    ("10^19 frames", {"frames": "9999999999999999999"}),
    ("negative frames", {"frames": "-4"}),
    ("no number of frames", {"frames": "many"}),
    ("1e9 frames", {"frames": "1e9"}),
    ("no rows", {"rows": 0}),
    ("no columns", {"columns": 0}),
):
    add(10, f"rows times columns times frames {_name}", whole(picture(**_changed), sop_class=CT), ADDED)
for _name, _changed in (
    ("allocated 0", {"allocated": 0}),
    ("allocated 7", {"allocated": 7}),
    ("allocated 65535", {"allocated": 65535}),
    ("stored 0", {"stored": 0}),
    ("stored 65535", {"stored": 65535}),
    ("high 99", {"high": 99}),
    ("sign 9", {"sign": 9}),
):
    add(11, f"bits {_name}", whole(picture(**_changed), sop_class=CT), ADDED)
add(11, "no samples", whole(picture(samples=0), sop_class=CT), ADDED)
add(11, "9999 samples", whole(picture(samples=9999), sop_class=CT), ADDED)
add(12, "short pixel data", whole(picture(bytes(46)), sop_class=CT), ADDED)
add(12, "long pixel data", whole(picture(bytes(96)), sop_class=CT), ADDED)
add(12, "empty pixel data", whole(picture(b""), sop_class=CT), ADDED)
add(12, "fragments of nothing", whole(group_0028() + fragments(), RLE, CT), ADDED)
add(12, "an empty fragment", whole(group_0028() + fragments(b""), RLE, CT), ADDED)
add(12, "pixel data twice", whole(picture() + element(0x7FE00010, "OW", bytes(2)), sop_class=CT), ADDED)
add(12, "encapsulated without an item", whole(group_0028() + fragments()[:12] + SEQUENCE_END, RLE, CT), ADDED)
for _name, _data in (
    ("RLE", RLE),
    ("JPEG", JPEG),
    ("JPEG 2000", "1.2.840.10008.1.2.4.90"),
    ("JPEG-LS", "1.2.840.10008.1.2.4.80"),
):
    add(13, f"broken {_name}", whole(group_0028() + fragments(b"\xff\x4f\xff\x51" + b"garbage!" * 8), _data, CT), ADDED)
for _slope in ("0", "nan", "inf", "-1e999", "one"):
    add(14, f"slope {_slope}", whole(element(0x00281053, "DS", _slope) + picture(), sop_class=CT), ADDED)

# --- 15 to 17: UIDs

_BAD_UIDS = ("../../etc/passwd", "/etc/passwd", "..", ".", "CON", "con.dcm", "C:\\x", "1.2\n3", "1.2\x1b[31m", "1\0.2")
_BAD_UIDS += (
    "~",
    "-rf",
    "1.2/3",
    "1.2\\3",
    "1..2",
    "1.2 3",
    "%s%n",
    "1.2'--",
    "1" * 129,
    "1." * 2048 + "1",
    "",
    "\0\0",
)
for _number, _uid in enumerate(_BAD_UIDS):
    for _place, _tag in enumerate((0x00080016, 0x00080018, 0x0020000D, 0x0020000E)):
        _good = identity(SR, f"1.2.15.{_number}.{_place}")
        _kept = {0x00080016: SR, 0x00080018: f"1.2.15.{_number}.{_place}", 0x0020000D: "1.2.4", 0x0020000E: "1.2.5"}[
            _tag
        ]
        _dataset = _good.replace(element(_tag, "UI", _kept), element(_tag, "UI", _uid))
        add(
            17 if not _uid.strip("\0") else 15,
            f"UID {_number} at {_tag:08X}",
            meta(uid="1.2.15") + _dataset,
            REJECTED,
            "UID",
        )
for _name, _uid in (
    ("65 characters", "1.2." + "3" * 61),
    ("128 characters", "1." * 63 + "12"),
    ("zeros", "1.02.003"),
    ("letters", "1.2.abc"),
):
    add(16, f"UID of {_name}", whole(b"", uid=_uid), ADDED, "breaks the rule")
for _tag in (0x00080016, 0x00080018, 0x0020000D, 0x0020000E):
    _start = identity(SR, "1.2.17").index(struct.pack("<HH", _tag >> 16, _tag & 0xFFFF))
    _size = 8 + struct.unpack_from("<H", identity(SR, "1.2.17"), _start + 6)[0]
    _rest = identity(SR, "1.2.17")[:_start] + identity(SR, "1.2.17")[_start + _size :]
    add(17, f"a number as UID at {_tag:08X}", whole(us(_tag, 3)), REJECTED, "UID")
    add(17, f"no UID at {_tag:08X}", meta() + _rest, REJECTED, "missing")
add(
    18,
    "another UID in the meta information",
    meta(uid="9.9.9") + identity(uid="1.2.18.1"),
    ADDED,
    "another SOP Instance",
)
add(18, "a path in the meta information", meta(uid="../../x") + identity(uid="1.2.18.2"), ADDED, "another SOP Instance")

# --- 26, 28 to 31: values

_TEXTS = {
    "CR and LF": b"line one\r\nforged line",
    "ANSI": b"\x1b[31mred\x1b[2J",
    "NUL": b"be\0fore",
    "right to left": "\u202egpj.exe".encode(),
    "HTML": b"<img src=http://127.0.0.1/x onerror=alert(1)>",
    "formula": b"=cmd|' /C calc'!A0",
    "format": b"%s%n{0}{x!r}",
    "SQL": b"'); DROP TABLE patient; --",
    "lone surrogate": b"\xed\xa0\x80",
    "overlong": b"\xc0\xaf\xe0\x80\xaf",
    "the last character": "\U0010ffff".encode(),
    "long": b"x" * 15_000,
    "backslashes": b"\\" * 5000,
}
for _name, _text in _TEXTS.items():
    _dataset = b"".join(
        element(tag, vr, _text)
        for tag, vr in (
            (0x00080060, "CS"),
            (0x00081030, "LO"),
            (0x00100010, "PN"),
            (0x00200010, "SH"),
            (0x00200013, "IS"),
        )
    )
    add(26, f"text of {_name}", whole(_dataset), ADDED)
    add(28, f"character set of {_name}", whole(element(0x00080005, "CS", _text) + _dataset), ADDED)
_SETS = (
    "ISO_IR 192",
    "ISO 2022 IR 87",
    "\\ISO 2022 IR 149",
    "ISO 2022 IR 58\\ISO 2022 IR 87",
    "NONSENSE",
    "utf_16",
    "rot13",
)
_SETS += ("GB18030", "ISO_IR 99999999999", "ISO_IR 13", "unicode_escape", "idna", "base64", "\\" * 30, "../../x")
for _number, _set in enumerate(_SETS):
    _name = b"A\xe4\x1b$B;3\x1b$)C\xb1\x1b(\x1b\x1b$)\x80\xff^\x1b-"
    _dataset = element(0x00080005, "CS", _set) + element(0x00100010, "PN", _name) + element(0x00081030, "LO", _name)
    add(28, f"character set {_number}", whole(_dataset), ADDED)
for _name, _text in (
    ("10^19", "1" + "0" * 19),
    ("1e400", "1e400"),
    ("nan", "nan"),
    ("text", "abc"),
    ("lists", "1\\2\\x"),
    ("blanks", "  "),
    ("long", "9" * 5000),
):
    _dataset = b"".join(is_(tag, _text) for tag in (0x00200011, 0x00200013, 0x00280008))
    _dataset += element(0x00280030, "DS", _text) + element(0x00200032, "DS", _text) + element(0x00200037, "DS", _text)
    _dataset += (
        element(0x00080020, "DA", _text[:4000]) + element(0x00080030, "TM", _text) + element(0x00100030, "DA", _text)
    )
    add(29, f"numbers and dates {_name}", whole(_dataset + picture(), sop_class=CT), ADDED)
add(
    29,
    "numbers of half a length",
    whole(element(0x00280010, "US", b"\1") + element(0x00189087, "FD", b"abc") + picture(), sop_class=CT),
    ADDED,
)
add(
    29,
    "numbers that are not",
    whole(element(0x00189087, "FD", struct.pack("<d", float("nan"))) + picture(), sop_class=CT),
    ADDED,
)
for _name, _vr in (
    ("unknown", b"ZZ"),
    ("of the future", b"OX"),
    ("small", b"cs"),
    ("of digits", b"12"),
    ("none", b"\0\0"),
):
    _outcome = ADDED if _vr.isalpha() and _vr.isupper() else REJECTED
    add(31, f"a VR {_name}", whole(struct.pack("<HH2sHL", 0x0009, 0x1010, _vr, 0, 4) + b"abcd"), _outcome)
add(
    31,
    "elements in any order",
    whole(picture() + element(0x00100010, "PN", "Z") + element(0x00080060, "CS", "MR"), sop_class=CT),
    ADDED,
)
add(31, "elements many times", whole(element(0x00080060, "CS", "MR") * 500), ADDED)
add(
    31, "private without a creator", whole(element(0x00091010, "LO", "x") + element(0x00091099, "UN", bytes(40))), ADDED
)
add(
    31,
    "sequences in the place of values",
    whole(element(0x00100010, "SQ", item(element(0x00100010, "PN", "x")))),
    ADDED,
)
add(31, "a value in the place of a sequence", whole(element(0x0040A730, "LO", "text")), ADDED)
add(
    31,
    "a number in the place of a name",
    whole(element(0x00100010, "US", b"\1\0") + element(0x00100020, "FD", bytes(8))),
    ADDED,
)
