"""Sound files and what is done to them: seeds made in every encoding or packaged with pydicom, and seeded mutations.

``mutant(number, seed)`` is a function of its arguments alone, so that what was found once can be made again.
"""

from __future__ import annotations

import io
import random
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import dicom_bytes as db  # noqa: E402 (the paths first)
import factories  # noqa: E402
import numpy as np  # noqa: E402
import pydicom.data  # noqa: E402
from pydicom.dataset import Dataset, FileDataset  # noqa: E402
from pydicom.uid import (  # noqa: E402
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

LARGEST_SEED_BYTES = 200_000
VRS = (
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV ZZ".split()
)
LENGTHS = (0, 1, 2, 3, 7, 8, 0xFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF)
TAGS = (0, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0x7FE00010, 0x7FE00008, 0x00080005, 0x00080016, 0x00080018, 0x0020000D)
TAGS += (0x0020000E, 0x00280008, 0x00280010, 0x00100010, 0x00100020, 0x00020010, 0x00020000, 0x00090010, 0x0040A730)
TEXTS = (
    b"../../x",
    b"\0",
    b"\x1b$B",
    b"\r\n\x1b[31m",
    b"=cmd",
    b"<img>",
    b"nan",
    b"1e999",
    b"-1",
    b"\\" * 9,
    b"\xff\xfe",
)
TEXTS += (b"9" * 20, b"ISO_IR 192", b"\\ISO 2022 IR 87", b"\xed\xa0\x80", b"%s%n", b"'--", b" " * 16, b"CON", b"0.0.0")


# --- seeds


@cache
def seeds() -> tuple[tuple[str, bytes], ...]:
    """Return sound files by name."""
    found = {**_made_by_hand(), **_made_by_pydicom()}
    folder = Path(pydicom.data.__file__).parent / "test_files"
    for path in sorted(folder.rglob("*")):
        if path.is_file() and 0 < path.stat().st_size <= LARGEST_SEED_BYTES:
            content = path.read_bytes()
            if content[128:132] == b"DICM" or path.suffix == ".dcm":
                found[path.relative_to(folder).as_posix()] = content
    return tuple(found.items())


def _made_by_hand() -> dict[str, bytes]:
    image, sr = db.image(), db.identity()
    fragments = db.item(b"") + db.item(bytes(20)) + db.item(b"\xff\xd8\xff\xd9") + db.SEQUENCE_END
    jpeg = db.identity(db.CT) + db.image()[:-60] + db.element(0x7FE00010, "OB", fragments, db.UNDEFINED)
    nest = db.element(
        0x0040A730, "SQ", db.item(db.element(0x0040A730, "SQ", db.item(db.element(0x00080100, "SH", "x"))))
    )
    un = db.element(0x00091010, "UN", db.item(db.element(0x00091011, "", "x")))
    un += db.element(0x00091012, "UN", db.item(db.element(0x00091011, "", "x")) + db.SEQUENCE_END, db.UNDEFINED)
    return {
        "by hand/explicit": db.meta(db.EXPLICIT, db.CT) + db.identity(db.CT, charset="ISO_IR 192") + image,
        "by hand/implicit": db.meta(db.IMPLICIT, db.CT) + db.implicit_image(),
        "by hand/big endian": db.meta(db.BIG) + db.identity(order=">"),
        "by hand/deflated": db.meta(db.DEFLATED, db.CT) + db.deflate(db.identity(db.CT) + image),
        "by hand/fragments": db.meta(db.JPEG, db.CT) + jpeg,
        "by hand/no preamble": db.identity(db.CT) + image,
        "by hand/no preamble, implicit": db.implicit_image(),
        "by hand/nested": db.meta() + sr + nest + un,
    }


def _written(dataset: FileDataset, syntax: str) -> bytes:
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    buffer = io.BytesIO()
    little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(
        buffer, dataset, implicit_vr=implicit, little_endian=little, force_encoding=True, enforce_file_format=False
    )
    return buffer.getvalue()


def _made_by_pydicom() -> dict[str, bytes]:
    made = {}
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    for name, syntax in (
        ("implicit", ImplicitVRLittleEndian),
        ("big endian", ExplicitVRBigEndian),
        ("deflated", DeflatedExplicitVRLittleEndian),
        ("explicit", "1.2.840.10008.1.2.1"),
    ):
        for kind, fill in (
            ("image", _image),
            ("multi-frame", _multi_frame),
            ("report", _report),
            ("segments", _segments),
        ):
            dataset = factories.base_dataset(f"{kind} {name}", "MR" if kind == "multi-frame" else "CT")
            fill(dataset, pixels)
            made[f"pydicom/{kind}, {name}"] = _written(dataset, syntax)
    dataset = factories.base_dataset("rle", "CT")
    _image(dataset, pixels)
    dataset.compress(RLELossless, generate_instance_uid=False)
    made["pydicom/image, RLE"] = _written(dataset, RLELossless)
    return made


def _image(dataset: Dataset, pixels: np.ndarray) -> None:
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = ["0", "0", "0"], ["1", "0", "0", "0", "1", "0"]
    dataset.PixelSpacing, dataset.RescaleSlope, dataset.RescaleIntercept = ["1", "1"], "1", "-1024"
    dataset.InstanceNumber = "1"
    dataset.add_new(0x00091001, "UN", b"private")
    factories.set_pixels(dataset, pixels)


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _multi_frame(dataset: Dataset, pixels: np.ndarray) -> None:
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    factories.set_pixels(dataset, np.tile(pixels, (4, 1)))
    dataset.Rows, dataset.NumberOfFrames = 8, "4"
    measures = _item(PixelMeasuresSequence=[_item(PixelSpacing=["1", "1"], SliceThickness="2")])
    dataset.SharedFunctionalGroupsSequence = [measures]
    dataset.PerFrameFunctionalGroupsSequence = [
        _item(
            PlanePositionSequence=[_item(ImagePositionPatient=["0", "0", str(2 * frame)])],
            PlaneOrientationSequence=[_item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
            FrameContentSequence=[
                _item(DimensionIndexValues=[1, frame + 1], StackID="1", InStackPositionNumber=frame + 1)
            ],
        )
        for frame in range(4)
    ]


def _report(dataset: Dataset, _pixels: np.ndarray) -> None:
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.88.11", "SR"
    code = _item(CodeValue="1", CodingSchemeDesignator="99T", CodeMeaning="meaning ä")
    leaf = _item(ValueType="TEXT", TextValue="text", ConceptNameCodeSequence=[code])
    for _ in range(5):
        leaf = _item(ValueType="CONTAINER", ContentSequence=[leaf, _item()], ConceptNameCodeSequence=[code])
    dataset.CompletionFlag, dataset.VerificationFlag, dataset.ContentSequence = "PARTIAL", "UNVERIFIED", [leaf, leaf]


def _segments(dataset: Dataset, pixels: np.ndarray) -> None:
    dataset.SOPClassUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.66.4", "SEG"
    _multi_frame(dataset, pixels)
    dataset.SOPClassUID, dataset.SegmentationType = "1.2.840.10008.5.1.4.1.1.66.4", "BINARY"
    code = _item(CodeValue="1", CodingSchemeDesignator="99T", CodeMeaning="part")
    dataset.SegmentSequence = [
        _item(SegmentNumber=n, SegmentLabel=f"S{n}", SegmentedPropertyTypeCodeSequence=[code]) for n in (1, 2, 3)
    ]


# --- mutations


@dataclass
class _Subject:
    """A file that is being changed, with places at which its elements probably begin."""

    data: bytearray
    places: list[int]
    rng: random.Random

    def place(self) -> int:
        """Return where an element begins, or anywhere now and then."""
        if not self.places or self.rng.random() < 0.1:
            return self.rng.randrange(len(self.data) + 1)
        return self.rng.choice(self.places)

    def span(self, longest: int = 64) -> tuple[int, int]:
        """Return a piece of the file."""
        first = self.rng.randrange(len(self.data) + 1)
        return first, min(len(self.data), first + self.rng.randint(1, longest))


def _places(data: bytes) -> list[int]:
    """Return where elements seem to begin: known VRs and delimiters are looked for, wherever they are."""
    places = []
    for vr in VRS:
        at = data.find(vr)
        while at >= 0 and len(places) < 4000:
            if at >= 4:
                places.append(at - 4)
            at = data.find(vr, at + 1)
    for mark in (b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\x00"):
        at = data.find(mark)
        while at >= 0 and len(places) < 6000:
            places.append(at)
            at = data.find(mark, at + 1)
    return sorted(places)


def _bits(one: _Subject) -> None:
    for _ in range(one.rng.randint(1, 8)):
        if one.data:
            one.data[one.rng.randrange(len(one.data))] ^= 1 << one.rng.randrange(8)


def _bytes(one: _Subject) -> None:
    first, last = one.span(16)
    fill = one.rng.choice((0, 0xFF, 0x20, one.rng.randrange(256)))
    one.data[first:last] = bytes([fill]) * (last - first)


def _cut(one: _Subject) -> None:
    del one.data[one.rng.choice((one.place(), one.rng.randrange(len(one.data) + 1))) :]


def _insert(one: _Subject) -> None:
    count = one.rng.choice((1, 2, 8, 100, 5000))
    what = one.rng.choice((bytes(count), one.rng.randbytes(count), bytes(one.data[slice(*one.span(count))])))
    at = one.place()
    one.data[at:at] = what


def _delete(one: _Subject) -> None:
    first, last = one.span(one.rng.choice((1, 8, 200)))
    del one.data[first:last]


def _swap(one: _Subject) -> None:
    (a, b), (c, d) = sorted((one.span(), one.span()))
    if b <= c:
        one.data[a:d] = one.data[c:d] + one.data[b:c] + one.data[a:b]


def _length(one: _Subject) -> None:
    at = one.place() + one.rng.choice((4, 6, 6, 8))
    order = one.rng.choice("<<<>")
    near = struct.unpack_from("<L", bytes(one.data[at : at + 4]).ljust(4, b"\0"))[0]
    value = one.rng.choice((*LENGTHS, len(one.data), len(one.data) - at, near + 2, near - 2, near * 2)) & 0xFFFFFFFF
    code, value = ("L", value) if one.rng.random() < 0.6 else ("H", value & 0xFFFF)
    packed = struct.pack(order + code, value)
    one.data[at : at + len(packed)] = packed


def _vr(one: _Subject) -> None:
    at = one.place() + 4
    one.data[at : at + 2] = one.rng.choice(VRS)


def _tag(one: _Subject) -> None:
    at, tag = one.place(), one.rng.choice(TAGS)
    one.data[at : at + 4] = struct.pack(one.rng.choice(("<HH", "<HH", ">HH")), tag >> 16, tag & 0xFFFF)


def _text(one: _Subject) -> None:
    at, text = one.place() + one.rng.choice((8, 8, 12)), one.rng.choice(TEXTS)
    one.data[at : at + len(text)] = text


def _delimiter(one: _Subject) -> None:
    marks = [at for at in one.places if bytes(one.data[at : at + 2]) in {b"\xfe\xff", b"\xff\xfe"}]
    if marks:
        at = one.rng.choice(marks)
        if one.rng.random() < 0.6:
            del one.data[at : at + 8]
        else:
            one.data[at:at] = one.data[at : at + 8] * one.rng.choice((1, 2, 500))


def _splice(one: _Subject) -> None:
    _, other = one.rng.choice(seeds())
    cut = one.rng.choice((one.place(), one.rng.randrange(len(one.data) + 1)))
    rest = one.rng.choice(_places(other[:20_000]) or [0])
    one.data[cut:] = other[rest:]


def _element(one: _Subject) -> None:
    """Repeat a piece between two elements, take it out, or put it elsewhere."""
    a, b = sorted((one.place(), one.place()))
    piece = bytes(one.data[a : min(b, a + 2000)])
    how = one.rng.randrange(3)
    if how:
        del one.data[a : a + len(piece)]
    at = one.place() if how == 2 else a
    if how != 1:
        one.data[at:at] = piece


def _held(one: _Subject) -> tuple[int, int, int]:
    """Return where the length of some element is, how wide it is, and where its value begins."""
    at = one.place()
    if bytes(one.data[at + 4 : at + 6]) in {b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR", b"OF", b"OD", b"OL"}:
        return at + 8, 4, at + 12
    return at + 6, 2, at + 8


def _number(one: _Subject, at: int, width: int) -> int:
    return int.from_bytes(one.data[at : at + width], "little")


def _value(one: _Subject) -> None:
    """Change a value and leave its length."""
    at, width, first = _held(one)
    count = min(_number(one, at, width), len(one.data) - first, 64)
    if count > 0:
        new = one.rng.choice(
            (one.rng.choice(TEXTS), one.rng.randbytes(count), b"\xff" * count, bytes(count), b"9" * count)
        )
        one.data[first : first + count] = new[:count].ljust(count, b" ")


def _grow(one: _Subject) -> None:
    """Give an element another value, of whatever length."""
    at, width, first = _held(one)
    count = _number(one, at, width)
    if count <= len(one.data) - first:
        new = one.rng.choice(
            (b"", one.rng.choice(TEXTS), one.rng.choice(TEXTS) * 50, one.rng.randbytes(30), b"A" * 9000)
        )
        new += b" " * (len(new) % 2)
        one.data[first : first + count] = new
        one.data[at : at + width] = len(new).to_bytes(width, "little")


MUTATIONS: tuple[Callable[[_Subject], None], ...] = (
    _bits, _bytes, _cut, _insert, _delete, _swap, _length, _length, _vr, _tag, _text, _delimiter, _splice, _element, _value, _value, _value, _grow, _grow,
)  # fmt: skip


@cache
def _places_of(number: int) -> tuple[int, ...]:
    return tuple(_places(seeds()[number][1]))


def mutant(number: int, seed: int) -> bytes:
    """Return the mutant `number` of a run."""
    rng = random.Random(f"{seed}:{number}")
    which = rng.randrange(len(seeds()))
    _, content = seeds()[which]
    one = _Subject(bytearray(content), list(_places_of(which)), rng)
    if rng.random() < 0.5:
        _make_its_own(one, number)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        rng.choice(MUTATIONS)(one)
    return bytes(one.data)


def seed_of(number: int, seed: int) -> int:
    """Return of which of `seeds` a mutant is."""
    return random.Random(f"{seed}:{number}").randrange(len(seeds()))


@cache
def sibling(which: int, number: int) -> bytes:
    """Return a sound file that is built like one of `seeds`, as another slice of its series would be."""
    one = _Subject(bytearray(seeds()[which][1]), [], random.Random(number))
    _make_its_own(one, number)
    return bytes(one.data)


def _make_its_own(one: _Subject, number: int) -> None:
    """Give it an SOP Instance UID of its own, as long as the one it had, so that not all mutants are the same instance."""
    dataset = pydicom.dcmread(
        io.BytesIO(bytes(one.data)), force=True, specific_tags=["SOPInstanceUID"], stop_before_pixels=True
    )
    old = str(dataset.get("SOPInstanceUID", "")).encode()
    digits = str(number).encode()
    if len(old) > len(digits) + 2:
        new = old[: -len(digits) - 1] + b"." + digits
        one.data[:] = one.data.replace(old, new)
