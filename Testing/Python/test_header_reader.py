"""Reading headers: the values of every encoding, and real data against pydicom."""

from __future__ import annotations

import random
import struct
import warnings
import zlib
from pathlib import Path

import factories
import numpy as np
import pydicom
import pytest
from dicom_bytes import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SEQUENCE_END,
    UNDEFINED,
    deflate,
    element,
    identity,
    image,
    implicit_image,
    item,
    meta,
)

from DICOMModule.dicom.attributes import ATTRIBUTES
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import DicomFileError, IncompleteFileError


@pytest.fixture
def written(tmp_path):
    """Write bytes to a file and return its path."""

    def write(content: bytes, name: str = "file.dcm") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


# --- values


def test_a_made_image_gives_its_values_and_offsets(tmp_path):
    series = factories.make_series(tmp_path, slices=1, rows=4, columns=6)
    header = read_header(series.files[0])
    content = series.files[0].read_bytes()
    assert header.path == series.files[0]
    assert (header.size_bytes, header.mtime_ns) == (len(content), series.files[0].stat().st_mtime_ns)
    assert header.transfer_syntax_uid == EXPLICIT
    assert header.series_instance_uid == series.uid
    assert header.attributes["Rows"] == 4
    assert header.text("PatientName") == "Phantom^Factory"
    assert header.texts("ImageType") == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert header.floats("ImagePositionPatient") == (-20.0, -30.0, 40.0)
    assert header.attributes["PixelSpacing"] == "0.7\\0.5"
    assert "PositionReferenceIndicator" not in header.attributes  # it is there, but empty
    assert header.notes == ()
    assert header.pixel_data_bytes == 4 * 6 * 2
    stored = content[header.pixel_data_offset : header.pixel_data_offset + header.pixel_data_bytes]
    np.testing.assert_array_equal(np.frombuffer(stored, "<i2").reshape(4, 6), series.array[0])
    assert content[header.dataset_offset : header.dataset_offset + 4] == b"\x08\x00\x05\x00"


def test_private_mosaic_count_is_known_only_in_its_creators_block(written):
    def file(creator: str) -> bytes:
        private = element(0x00190011, "LO", creator) + element(0x0019110A, "US", struct.pack("<H", 35))
        ident = identity()
        cut = ident.index(struct.pack("<HH", 0x0020, 0x000D))
        return meta() + ident[:cut] + private + ident[cut:]

    assert read_header(written(file("SIEMENS MR HEADER"))).attributes["SiemensNumberOfImagesInMosaic"] == 35
    header = read_header(written(file("SOMEONE ELSE")))
    assert "SiemensNumberOfImagesInMosaic" not in header.attributes
    assert not any(key.startswith("?") for key in header.attributes)


@pytest.mark.parametrize(("signed", "value"), [(0, 63536), (1, -2000)])
def test_padding_value_is_of_the_pixels_representation_whatever_its_vr(written, signed, value):
    padding = element(0x00280103, "US", struct.pack("<H", signed)) + element(0x00280120, "US", struct.pack("<H", 63536))
    header = read_header(written(meta() + identity() + padding))
    assert header.attributes["PixelPaddingValue"] == value


def test_several_binary_numbers_are_a_tuple_and_a_tag_is_one_number(written):
    vector = element(0x00189089, "FD", struct.pack("<3d", 0.0, 0.6, -0.8))
    pointer = element(0x00280009, "AT", struct.pack("<HH", 0x0018, 0x1063))
    ident = identity()
    cut = ident.index(struct.pack("<HH", 0x0020, 0x000D))
    header = read_header(written(meta() + ident[:cut] + vector + ident[cut:] + pointer))
    assert header.attributes["DiffusionGradientOrientation"] == (0.0, 0.6, -0.8)
    assert header.attributes["FrameIncrementPointer"] == 0x00181063


def test_a_sequence_stands_as_its_number_of_items_and_hides_what_is_in_it(written):
    icon = item(element(0x00280010, "US", struct.pack("<H", 64)) + element(0x7FE00010, "OW", bytes(8)))
    sequences = element(0x00880200, "SQ", icon) + element(0x0040A730, "SQ", item(b"") + item(b"", UNDEFINED))
    header = read_header(written(meta() + identity() + sequences))
    assert header.attributes["IconImageSequence"] == 1
    assert header.attributes["ContentSequence"] == 2
    assert "Rows" not in header.attributes
    assert (header.pixel_data_offset, header.pixel_data_bytes) == (0, 0)


def test_float_pixel_data_is_known_as_such(written):
    pixels = element(0x7FE00008, "OF", np.zeros(24, "<f4").tobytes())
    header = read_header(written(meta(sop_class=CT) + identity(CT) + image()[:-60] + pixels))
    assert header.attributes["FloatPixelData"] == 1
    assert header.pixel_data_bytes == 96


@pytest.mark.parametrize(
    ("charset", "raw", "name"),
    [
        ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
        ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
        ),
        (
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
        ),
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "Hong^Gildong=洪^吉洞",
        ),
        ("ISO_IR 999", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
        ("ISO_IR 192", b"Bad\xff\xfename", "Bad\ufffd\ufffdname"),
        ("", b"Plain\x1b?^Name", "Plain\x1b?^Name"),
    ],
)
def test_names_are_decoded_as_their_character_set_says_and_never_fail(written, charset, raw, name):
    ident = identity(charset=charset)
    cut = ident.index(struct.pack("<HH", 0x0010, 0x0020))
    content = ident[:cut] + element(0x00100010, "PN", raw) + ident[cut:]
    assert read_header(written(meta() + content)).text("PatientName") == name


def test_bad_number_strings_stay_as_written_and_are_no_numbers(written):
    number = element(0x00200013, "IS", "1A")
    header = read_header(written(meta() + identity() + number))
    assert header.attributes["InstanceNumber"] == "1A"
    assert header.integer("InstanceNumber") is None


# --- encodings


def big_endian_image() -> bytes:
    return (
        identity(CT, order=">")
        + b"".join(element(t, "US", struct.pack(">H", n), order=">") for t, n in [(0x00280010, 4), (0x00280011, 6)])
        + element(0x7FE00010, "OW", bytes(48), order=">")
    )


@pytest.mark.parametrize(
    ("syntax", "dataset"),
    [(EXPLICIT, identity(CT) + image()), (IMPLICIT, implicit_image()), (BIG, big_endian_image())],
)
@pytest.mark.parametrize("kind", ["whole", "no syntax", "no meta"])
def test_every_native_encoding_is_read_with_and_without_meta(written, syntax, dataset, kind):
    before = {"whole": meta(syntax, CT), "no syntax": meta("", CT), "no meta": b""}[kind]
    header = read_header(written(before + dataset))
    assert header.transfer_syntax_uid == syntax
    assert (header.attributes["Rows"], header.attributes["Columns"]) == (4, 6)
    assert header.pixel_data_bytes == 48
    assert header.pixel_data_offset == len(before) + len(dataset) - 48
    assert bool(header.notes) == (kind != "whole")


def test_a_file_that_lies_about_its_transfer_syntax_is_read_as_it_is_written(written):
    header = read_header(written(meta(IMPLICIT, CT) + identity(CT) + image()))
    assert header.transfer_syntax_uid == EXPLICIT
    assert "written in" in header.notes[0]


@pytest.mark.parametrize("rest", [b"", b"\0", "gzip"])
def test_a_deflated_data_set_is_inflated(written, rest):
    dataset = identity(CT) + image()
    if rest == "gzip":  # the trailer that a gzip writer leaves
        rest = struct.pack("<LL", zlib.crc32(dataset), len(dataset))
    header = read_header(written(meta(DEFLATED, CT) + deflate(dataset) + rest))
    assert header.attributes["Rows"] == 4
    assert header.pixel_data_bytes == 48
    assert header.pixel_data_offset == 0


def test_a_large_deflated_data_set_gives_what_its_twin_gives(written):
    rng = random.Random(4)
    filler = element(0x00091001, "OB", rng.randbytes(1_500_000))
    ident = identity(CT)
    cut = ident.index(struct.pack("<HH", 0x0010, 0x0020))
    dataset = ident[:cut] + filler + ident[cut:] + image()
    plain = read_header(written(meta(EXPLICIT, CT) + dataset, "plain"))
    inflated = read_header(written(meta(DEFLATED, CT) + deflate(dataset), "deflated"))
    assert inflated.attributes == plain.attributes


def test_fragments_are_walked(written):
    fragments = item(b"") + item(bytes(10)) + item(bytes(6)) + SEQUENCE_END
    before = meta(JPEG, CT) + identity(CT) + image()[:-60]
    header = read_header(written(before + element(0x7FE00010, "OB", fragments, UNDEFINED)))
    assert header.pixel_data_bytes == -1
    assert header.pixel_data_offset == len(before) + 12


def test_a_un_sequence_of_undefined_length_is_walked_as_implicit(written):
    inside = item(element(0x00280010, "", struct.pack("<H", 1)), UNDEFINED) + SEQUENCE_END
    header = read_header(written(meta() + identity() + element(0x00291010, "UN", inside, UNDEFINED)))
    assert header.text("Modality") == "CT"


def test_a_private_value_that_only_begins_like_a_sequence_is_stepped_over(written):
    value = struct.pack("<HHL", 0xFFFE, 0xE000, 4) + b"abcd" + b"no item at all.."
    for syntax, vr, whole in ((EXPLICIT, "UN", identity()), (IMPLICIT, "", identity(vr=False))):
        header = read_header(written(meta(syntax) + whole + element(0x00291010, vr, value)))
        assert header.text("Modality") == "CT"


def test_a_vr_of_the_future_is_stepped_over(written):
    future = struct.pack("<HH2sHL", 0x0029, 0x1011, b"ZZ", 0, 6) + b"abcdef"
    header = read_header(written(meta() + identity() + future + element(0x00400244, "DA", "20260309")))
    assert header.attributes["PerformedProcedureStepStartDate"] == "20260309"


def test_a_header_longer_than_any_read_is_read_whole(written):
    filler = b"".join(element(0x00091000 + n, "LT", "x" * 9999) for n in range(40))
    ident = identity(CT)
    cut = ident.index(struct.pack("<HH", 0x0010, 0x0020))
    header = read_header(written(meta(EXPLICIT, CT) + ident[:cut] + filler + ident[cut:] + image()))
    assert header.series_instance_uid == "1.2.5"
    assert header.pixel_data_bytes == 48


def test_zeros_after_the_data_set_are_padding_and_anything_else_is_not(written):
    whole = meta(EXPLICIT, CT) + identity(CT) + image()
    for count in (1, 7, 8, 300):
        assert read_header(written(whole + bytes(count))).pixel_data_bytes == 48
        with pytest.raises(DicomFileError):
            read_header(written(whole + b"\x01" * count))


# --- real data against pydicom


def expected(found) -> object:
    """Return what our reader should say of a pydicom element, None for absent or empty."""
    if found is None:
        return None
    if found.VR == "SQ":
        return len(found.value) or None
    if found.is_empty:
        return None
    values = list(found.value) if found.VM > 1 else [found.value]
    if found.VR in {"US", "SS", "UL", "SL", "FD", "FL", "AT"}:
        return tuple(values) if len(values) > 1 else values[0]
    written = [getattr(value, "original_string", value) if found.VR in {"DS", "IS"} else value for value in values]
    texts = [str(value).strip(" \0") for value in written]
    return "\\".join(texts).rstrip("=") or None


def test_real_files_give_the_values_that_pydicom_gives(real_files):
    compared = 0
    for path in real_files:
        try:
            header = read_header(path)
        except DicomFileError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True)
            for tag, (keyword, _) in ATTRIBUTES.items():
                ours = header.attributes.get(keyword)
                if isinstance(ours, str):
                    ours = "\\".join(part.strip(" \0") for part in ours.split("\\")).rstrip("=")
                if keyword == "OverlayRows":  # of whichever group
                    assert (ours is None) == all(
                        group << 16 | 0x10 not in dataset for group in range(0x6000, 0x6020, 2)
                    )
                else:
                    assert ours == expected(dataset.get(tag)), (path, keyword)
            assert ("PixelData" in dataset) == (
                header.pixel_data_bytes != 0 and "FloatPixelData" not in header.attributes
            )
        compared += 1
    assert compared > 120


def test_the_broken_files_of_the_shared_data_are_refused_with_a_reason(shared_data):
    for path in sorted((shared_data / "broken_truncated").iterdir()):
        with pytest.raises(IncompleteFileError, match="it is cut"):
            read_header(path)
