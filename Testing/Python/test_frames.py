"""Stored values out of Pixel Data: every layout of a cell, every transfer syntax, and what must be refused."""

from __future__ import annotations

import itertools
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from factories import base_dataset, set_pixels, write
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

from DICOMModule.dicom.codestream import read_codestream
from DICOMModule.dicom.frames import read_stored_values
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import DicomFileError, PixelDataError, UnsupportedTransferSyntaxError

DEFLATED = UID("1.2.840.10008.1.2.1.99")


def image(path, stored, bits_stored=None, syntax=ExplicitVRLittleEndian, **attributes):
    """Write an image of `stored` and return its header as read."""
    dataset = base_dataset(path.name, "MR", **attributes)
    set_pixels(dataset, stored, bits_stored or stored.dtype.itemsize * 8)
    if syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        dataset.compress(syntax, generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian:
        dataset.PixelData = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
        dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        path.mkdir(parents=True, exist_ok=True)
        dataset.preamble = bytes(128)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        options = {"implicit_vr": False, "little_endian": False, "force_encoding": True}
        pydicom.dcmwrite(path / "image.dcm", dataset, **options)
        return read_header(path / "image.dcm")
    return read_header(write(dataset, path / "image.dcm"))


def edited(header, **attributes):
    """Return `header` as if the file said something else; the file on disk stays."""
    changed = {**header.attributes, **attributes}
    return replace(header, attributes={key: value for key, value in changed.items() if value is not None})


@pytest.mark.parametrize(
    ("syntax", "dtype"),
    [
        *itertools.product(
            (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DEFLATED),
            ("uint8", "int8", "uint16", "int16", "uint32", "int32"),
        ),
        *((RLELossless, dtype) for dtype in ("uint8", "int8", "uint16", "int16")),  # pydicom writes no others
    ],
)
def test_the_extremes_of_every_number_type_come_back(tmp_path, dtype, syntax):
    limits = np.iinfo(dtype)
    stored = np.array([[limits.min, limits.max, 0], [1, limits.max - 1, 77]], dtype)
    values = read_stored_values(image(tmp_path, stored, syntax=syntax))
    assert values.dtype == np.dtype(dtype)
    assert np.array_equal(values, stored)


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_big_endian_comes_back_in_the_order_of_the_machine(tmp_path, dtype):
    stored = np.array([[1, 258, 65535 % np.iinfo(dtype).max], [0, 300, 4]], dtype)
    header = image(tmp_path, stored, syntax=ExplicitVRBigEndian)
    assert header.transfer_syntax_uid == ExplicitVRBigEndian
    values = read_stored_values(header)
    assert values.dtype.isnative
    assert np.array_equal(values, stored)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, RLELossless])
@pytest.mark.parametrize(("dtype", "bits"), [("uint16", 12), ("int16", 12), ("int16", 16), ("uint8", 8)])
def test_lossless_codecs_give_back_what_went_in(tmp_path, syntax, dtype, bits):
    signed = dtype.startswith("i")
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    stored = np.random.default_rng(1).integers(low, high, (32, 48), endpoint=True).astype(dtype)
    assert np.array_equal(read_stored_values(image(tmp_path, stored, bits, syntax)), stored)


def test_an_odd_number_of_bytes_is_padded_and_read(tmp_path):
    stored = np.arange(15, dtype=np.uint8).reshape(3, 5)
    assert np.array_equal(read_stored_values(image(tmp_path, stored)), stored)
    single = np.array([[9]], np.uint8)
    assert read_stored_values(image(tmp_path / "single", single))[0, 0] == 9


def test_values_go_into_the_array_that_is_given(tmp_path):
    stored = np.arange(12, dtype=np.int16).reshape(3, 4)
    volume = np.zeros((5, 3, 4), np.int16)
    returned = read_stored_values(image(tmp_path, stored), out=volume[2])
    assert returned.base is volume
    assert np.array_equal(volume[2], stored)
    assert not volume[[0, 1, 3, 4]].any()
    with pytest.raises(ValueError, match="do not go into"):
        read_stored_values(image(tmp_path / "again", stored), out=np.zeros((3, 4), np.float32))


def test_the_header_and_the_function_can_move_to_a_worker_process(tmp_path):
    stored = np.arange(12, dtype=np.int16).reshape(3, 4)
    header = image(tmp_path, stored)
    function, moved = pickle.loads(pickle.dumps((read_stored_values, header)))
    assert np.array_equal(function(moved), stored)


@pytest.mark.parametrize(
    ("allocated", "layout", "cell", "value"),
    [
        (16, (12, 11, 0), 0xF123, 0x123),
        (16, (12, 11, 1), 0x0FFF, -1),
        (16, (12, 11, 1), 0x07FF, 2047),
        (16, (12, 11, 1), 0xF800, -2048),
        (16, (12, 15, 0), 0x1230, 0x123),
        (16, (12, 15, 1), 0xFFF7, -1),
        (16, (10, 12, 0), 0xFFF8, 0x3FF),
        (8, (5, 4, 1), 0b00011001, -7),
        (32, (24, 23, 1), 0x00FFFFFF, -1),
        (16, (1, 0, 0), 0xFFFF, 1),
    ],
)
def test_only_the_stored_bits_of_a_cell_count(tmp_path, allocated, layout, cell, value):
    stored_bits, high, signed = layout
    cells = np.full((2, 2), cell, f"u{allocated // 8}")
    header = image(tmp_path, cells, BitsStored=stored_bits)
    header = edited(header, BitsStored=stored_bits, HighBit=high, PixelRepresentation=signed)
    assert (read_stored_values(header) == value).all()


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Rows": None}, "Rows is missing"),
        ({"Rows": 0}, "0 rows and 4 columns"),
        ({"Columns": 70000}, "70000 columns"),
        ({"BitsAllocated": None}, "BitsAllocated is missing"),
        ({"BitsAllocated": 1}, "Bits Allocated 1, Bits Stored 16"),
        ({"BitsAllocated": 12}, "12 bits"),
        ({"BitsStored": "x"}, "BitsStored is not a whole number"),
        ({"PixelRepresentation": None}, "PixelRepresentation is missing"),
        ({"SamplesPerPixel": 3}, "3 samples"),
        ({"NumberOfFrames": "2"}, "Number of Frames"),
        ({"NumberOfFrames": "1A"}, "'1A'"),
        ({"NumberOfFrames": "0"}, "'0'"),
        ({"Rows": 4}, "has 24 bytes, its header asks for 32"),
        ({"Rows": 1}, "accounts for 8 of them only"),
    ],
)
def test_headers_that_contradict_themselves_or_the_data_are_refused(tmp_path, attributes, reason):
    header = image(tmp_path, np.zeros((3, 4), np.uint16))
    with pytest.raises(PixelDataError, match=reason) as caught:
        read_stored_values(edited(header, **attributes))
    assert caught.value.path == str(header.path)


def test_a_bit_layout_that_is_left_out_is_the_plain_one(tmp_path):
    header = image(tmp_path, np.zeros((3, 4), np.uint16))
    found = pixel_format_of(edited(header, BitsStored=None, HighBit=None))
    assert (found.bits_stored, found.high_bit) == (16, 15)


def compressed(tmp_path, fragment, syntax=JPEGLSLossless, *, rows=8, columns=8, bits=12, signed=False):
    dataset = base_dataset("compressed", "MR")
    set_pixels(dataset, np.zeros((rows, columns), np.int16 if signed else np.uint16), bits)
    dataset.PixelData = encapsulate([fragment])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return read_header(write(dataset, tmp_path / "compressed.dcm"))


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, JPEGLossless, RLELossless])
@pytest.mark.parametrize("fragment", [b"\x00\x01\x02\x03" * 20, b"\xff\xd8\xff\xd9", b"\xff\xd8" + bytes(64)])
def test_garbage_is_an_error_that_names_the_file_never_a_picture(tmp_path, syntax, fragment):
    header = compressed(tmp_path, fragment, syntax)
    with pytest.raises(PixelDataError, match=r"compressed\.dcm"):
        read_stored_values(header)


def codestream(stored, bits, syntax):
    dataset = base_dataset("source", "MR")
    set_pixels(dataset, stored, bits)
    dataset.compress(syntax, generate_instance_uid=False)
    return next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))


def test_a_codestream_of_more_bits_than_the_header_says_is_refused(tmp_path):
    stored = np.random.default_rng(1).integers(0, 65535, (8, 8)).astype(np.uint16)
    header = compressed(tmp_path, codestream(stored, 16, JPEGLSLossless), bits=12)
    with pytest.raises(PixelDataError, match="12 bits do not hold"):
        read_stored_values(header)


# Bits of the unsigned codestream under a header of 12 signed ones, and what is decoded.
@pytest.mark.parametrize(
    ("values", "bits", "expected"),
    [
        ((5, 1500), 11, None),  # 1500, or 1500 - 2048?
        ((5, 1000), 11, (5, 1000)),
        ((5, 4000), 12, (5, -96)),  # the header's own highest bit is the sign
        ((5, 1000), 16, (5, 1000)),
    ],
)
@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_a_sign_in_doubt_is_refused(tmp_path, syntax, values, bits, expected):
    stored = np.resize(values, (64, 64)).astype(np.uint16)
    fragment = codestream(stored, bits, syntax)
    header = compressed(tmp_path, fragment, syntax, rows=64, columns=64, bits=12, signed=True)
    if expected is None:
        with pytest.raises(PixelDataError, match="in doubt"):
            read_stored_values(header)
    else:
        assert tuple(read_stored_values(header)[0, :2]) == expected


@pytest.mark.parametrize(("value", "bits"), [(-3, 16), (-3, 12), (1000, 16)])
def test_negative_samples_under_an_unsigned_header_are_refused(tmp_path, value, bits):
    fragment = codestream(np.full((64, 64), value, np.int16), bits, JPEG2000Lossless)
    header = compressed(tmp_path, fragment, JPEG2000Lossless, rows=64, columns=64, bits=16)
    if value > 0:
        assert read_stored_values(header)[0, 0] == value
        return
    with pytest.raises(PixelDataError, match="in doubt"):
        read_stored_values(header)


@pytest.mark.parametrize(("rows", "columns"), [(16, 4), (4, 16), (8, 4), (16, 16)])
def test_a_codestream_of_another_size_than_the_header_says_is_refused(tmp_path, rows, columns):
    stored = np.random.default_rng(1).integers(0, 4095, (8, 8)).astype(np.uint16)
    header = compressed(tmp_path, codestream(stored, 12, JPEGLSLossless), rows=rows, columns=columns)
    with pytest.raises(PixelDataError):
        read_stored_values(header)


@pytest.mark.parametrize(("syntax", "words"), [("1.2.840.10008.1.2.4.100", "MPEG2"), ("1.2.3.4.5", "1.2.3.4.5")])
def test_a_transfer_syntax_that_nobody_reads_is_named(tmp_path, syntax, words):
    header = replace(compressed(tmp_path, bytes(64)), transfer_syntax_uid=syntax)
    with pytest.raises(UnsupportedTransferSyntaxError, match=words):
        read_stored_values(header)


SOF_12_BITS = bytes.fromhex("ffc3000b0c0008000a01") + bytes(3)
SIZ = bytes.fromhex("ff4fff510029 0000 0000000a 00000008 00000000 00000000".replace(" ", "")) + bytes(16)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\xd8" + SOF_12_BITS, (8, 10, 1, 12)),
        (b"\xff\xd8\xff\xfe\x00\x04ab\xff\xff" + SOF_12_BITS, (8, 10, 1, 12)),  # a comment and a fill byte before it
        (b"\xff\xd8\xff\x01" + SOF_12_BITS, (8, 10, 1, 12)),  # a marker without a length
        (SIZ + b"\x00\x01\x8b\x01\x01", (8, 10, 1, 12)),  # signed: the top bit is no part of the precision
        (b"\0" * 85 + SIZ + b"\x00\x03\x07\x01\x01", (8, 10, 3, 8)),  # inside the boxes of a JP2 file
        (b"\xff\xd8\xff\xda\x00\x04", None),
        (b"\xff\xd8\xff\xc3\x00", None),
        (b"\xff\xd8\xff\xfe\x00\x01", None),
        (b"\xff\xd8\x00\x00", None),
        (SIZ[:20], None),
        (b"", None),
        (bytes(5000) + SIZ + b"\x00\x01\x8b\x01\x01", None),
    ],
)
def test_a_codestream_says_its_own_size(data, expected):
    found = read_codestream(data)
    assert (found and (found.rows, found.columns, found.samples, found.bits)) == expected


def test_a_frame_of_gigabytes_is_refused_before_any_decoder_sees_it(tmp_path):
    header = compressed(tmp_path, bytes(64))
    with pytest.raises(PixelDataError, match="which is refused"):
        read_stored_values(edited(header, Rows=65535, Columns=65535))


def test_a_file_that_shrinks_or_is_replaced_is_refused(tmp_path):
    header = image(tmp_path, np.arange(64, dtype=np.int16).reshape(8, 8))
    header.path.write_bytes(header.path.read_bytes()[:-20])
    with pytest.raises(PixelDataError, match="has changed"):
        read_stored_values(header)
    header.path.write_text("something else")
    with pytest.raises(PixelDataError, match="has changed"):
        read_stored_values(header)
    header.path.unlink()
    with pytest.raises(PixelDataError, match="cannot be read"):
        read_stored_values(header)


def test_every_real_single_frame_grey_image_equals_pydicom(real_files):
    compared = 0
    for path in real_files:
        try:
            header = read_header(path)
            values = read_stored_values(header)
        except DicomFileError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference = pydicom.dcmread(path).pixel_array
        assert np.array_equal(values, reference), path
        compared += 1
    assert compared > 45
