"""Data sets in another transfer syntax: the bytes of every value as they were, those of big endian turned round."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pydicom
import pytest
from conftest import PYDICOM_DATA
from factories import base_dataset, set_pixels
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless

from DICOMModule.dicom.any_frame import read_any_frame
from DICOMModule.dicom.frames import read_stored_values
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.transcoding import transcoded
from DICOMModule.errors import PixelDataError

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
TARGETS = [EXPLICIT, IMPLICIT]
FORMATS = {"AT": "H", "US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}


def read_back(data, target):
    return read_dataset(BytesIO(data.tobytes()), target == IMPLICIT, True)


def in_big_endian(folder, dataset):
    """Write a data set, whose values of bytes are big endian already, as pydicom does."""
    plain = Dataset()
    plain.update(dataset)
    plain.file_meta = dataset.file_meta
    plain.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    path = folder / "big.dcm"
    pydicom.dcmwrite(path, plain, implicit_vr=False, little_endian=False, enforce_file_format=True)
    return read_header(path)


def numbers(vr):
    return {"FL": [1.5, -0.25], "FD": [1e-300, -2.0], "SS": [-2, 770], "SL": [-3, 1 << 20], "SV": [-5, 1 << 40]}.get(
        vr, [1, 258] if vr in {"US", "AT"} else [1, 1 << 20]
    )


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("big", "little"),
    [
        ("MR_small_expb.dcm", "MR_small.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("rtdose_expb_1frame.dcm", "rtdose_1frame.dcm"),
        ("rtdose_expb.dcm", "rtdose.dcm"),
        ("liver_expb_1frame.dcm", "liver_1frame.dcm"),
        ("SC_rgb_small_odd_big_endian.dcm", "SC_rgb_small_odd.dcm"),
        ("ExplVR_BigEnd.dcm", None),
    ],
)
def test_packaged_files_in_big_endian_come_out_as_those_in_little_endian(big, little, target):
    before = pydicom.dcmread(PYDICOM_DATA / big)
    after = read_back(transcoded(read_header(PYDICOM_DATA / big), target), target)
    after.file_meta = pydicom.dataset.FileMetaDataset()
    after.file_meta.TransferSyntaxUID = target
    assert [element.tag for element in after] == [element.tag for element in before if element.tag.element]
    for element in before:
        if element.tag.element and not isinstance(element.value, bytes):
            assert after[element.tag].value == element.value, element
    twin = pydicom.dcmread(PYDICOM_DATA / little) if little else before
    assert np.array_equal(after.pixel_array, before.pixel_array)
    assert np.array_equal(after.pixel_array, twin.pixel_array)


@pytest.mark.parametrize("target", TARGETS)
def test_every_kind_of_value_is_turned_round_also_in_private_sequences(tmp_path, target):
    made = base_dataset("kinds", PatientName="山田^太郎", SpecificCharacterSet=["", "ISO 2022 IR 87"])
    for dataset in (made, inner := Dataset(), innermost := Dataset()):
        block = dataset.private_block(0x0019, "KINDS", create=True)
        for number, (vr, kind) in enumerate(FORMATS.items()):
            value = [Tag(0x00100020), Tag(0x7FE00010)] if vr == "AT" else numbers(vr)
            block.add_new(number, vr, value)
            assert struct.calcsize(f">{kind}")
        for number, (vr, width) in enumerate({"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8, "OB": 1, "UN": 1}.items()):
            block.add_new(0x20 + number, vr, bytes(range(width)) * 2 if width > 1 else bytes(range(6)))
        block.add_new(0x30, "LO", "text")
    inner.private_block(0x0019, "KINDS").add_new(0x40, "SQ", [innermost])
    made.private_block(0x0019, "KINDS").add_new(0x40, "SQ", [inner, Dataset()])
    set_pixels(made, np.arange(16, dtype="int16").reshape(4, 4))
    made.PixelData = made.pixel_array.astype(">i2").tobytes()
    header = in_big_endian(tmp_path, made)
    got = read_back(transcoded(header, target), target)
    assert (str(got.PatientName), got.PixelData) == ("山田^太郎", np.arange(16, dtype="<i2").tobytes())
    items = got.private_block(0x0019, "KINDS")[0x40].value if target == EXPLICIT else []
    assert [len(item) for item in items] == ([len(inner), 0] if target == EXPLICIT else [])
    for dataset in (got, *items[:1], *(items[0].private_block(0x0019, "KINDS")[0x40].value if items else ())):
        for number, (vr, kind) in enumerate(FORMATS.items()):
            written = dataset.get_item((0x0019, 0x1000 + number)).value
            flat = [0x10, 0x20, 0x7FE0, 0x10] if vr == "AT" else numbers(vr)
            assert written == struct.pack(f"<{len(flat)}{kind}", *flat), vr
        for number, (vr, width) in enumerate({"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8, "OB": 1, "UN": 1}.items()):
            written = dataset.get_item((0x0019, 0x1020 + number)).value
            assert written == (bytes(reversed(range(width))) * 2 if width > 1 else bytes(range(6))), vr


@pytest.mark.parametrize(
    ("dtype", "vr", "keyword"),
    [
        ("uint8", "OB", "PixelData"),
        ("uint8", "OW", "PixelData"),
        ("uint16", "OW", "PixelData"),
        ("int16", "OB", "PixelData"),
        ("uint32", "OW", "PixelData"),
        ("int32", "OW", "PixelData"),
        ("float32", "OF", "FloatPixelData"),
        ("float64", "OD", "DoubleFloatPixelData"),
    ],
)
def test_pixels_of_every_width_come_right(tmp_path, dtype, vr, keyword):
    rng = np.random.default_rng(3)
    values = (np.arange(48).reshape(6, 8) * 3 + rng.integers(0, 3, (6, 8))).astype(dtype)
    if dtype.startswith(("int", "float")):
        values -= np.array(70, dtype)
    made = base_dataset("pixels")
    set_pixels(made, values if values.dtype.kind in "iu" else values.astype("int16"))
    data = values.astype(f">{values.dtype.str[1:]}").tobytes()
    if (dtype, vr) == ("uint8", "OW"):
        data = np.frombuffer(data, "<u2").astype(">u2").tobytes()
    if keyword != "PixelData":
        del made.PixelData, made.BitsStored, made.HighBit, made.PixelRepresentation
    made.BitsAllocated = values.itemsize * 8
    setattr(made, keyword, data)
    made[keyword].VR = vr
    header = in_big_endian(tmp_path, made)
    for target in TARGETS:
        got = read_back(transcoded(header, target), target)
        assert got[keyword].value == values.astype(values.dtype.newbyteorder("<")).tobytes()
        assert got.BitsAllocated == values.itemsize * 8
        if target == EXPLICIT:
            assert ("OW" if values.itemsize > 1 and keyword == "PixelData" else vr) == got[keyword].VR


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("vr", "bits"), [("OW", 32), ("OB", 16), ("OB", 32)])
def test_pixels_that_are_wider_than_their_words_come_right_however_they_are_written(tmp_path, signed, vr, bits):
    """The standard turns words round (of OW the lower one comes first, OB is not touched); others turn whole cells."""
    dtype, words = np.dtype(f"{'int' if signed else 'uint'}{bits}"), {"OW": 2, "OB": 1}[vr]
    noise = np.random.default_rng(1).integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (40, 50), dtype)
    for largest in (900, 2 ** (bits - 1) - 1):
        smooth = (np.outer(np.hanning(40), np.hanning(50)) * largest).astype(dtype)
        values = smooth - np.array(largest // 3 if signed else 0, dtype)
        made = base_dataset("wide")
        set_pixels(made, values, bits)
        made["PixelData"].VR = vr
        in_words = np.frombuffer(values.astype(dtype.newbyteorder("<")).tobytes(), f"<u{words}").astype(f">u{words}")
        for data in (values.astype(dtype.newbyteorder(">")).tobytes(), in_words.tobytes()):
            made.PixelData = data
            header = in_big_endian(tmp_path, made)
            got = read_back(transcoded(header, EXPLICIT), EXPLICIT)
            assert (got.PixelData, got["PixelData"].VR) == (values.astype(dtype.newbyteorder("<")).tobytes(), "OW")
            assert np.array_equal(read_stored_values(header), values)
            assert np.array_equal(read_any_frame(header, 1), values)
    made.PixelData = noise.astype(dtype.newbyteorder(">")).tobytes()
    header = in_big_endian(tmp_path, made)
    assert np.array_equal(read_stored_values(header), noise)
    with pytest.raises(PixelDataError, match="in which of two ways its pixels are written"):
        transcoded(header, EXPLICIT)


def test_what_cannot_be_turned_round_is_refused_with_its_reason(tmp_path):
    for vr, value, sentence in (
        ("UL", b"\0\0\0\1\0\0", "no words of 4 bytes"),
        ("UN", b"\xff\xfe\xe0\x00\0\0\0\0", "a sequence without value representations"),
    ):
        made = base_dataset("odd")
        set_pixels(made, np.zeros((2, 2), "uint8"))
        made[0x00189999] = RawDataElement(Tag(0x00189999), vr, len(value), value, 0, False, False)
        made.set_original_encoding(False, False, made._character_set)
        path = tmp_path / "odd.dcm"
        made.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        pydicom.dcmwrite(path, made, implicit_vr=False, little_endian=False, enforce_file_format=True)
        with pytest.raises(PixelDataError, match=sentence):
            transcoded(read_header(path), EXPLICIT)


def odd_elements(dataset):
    """Put values into a data set that break their representations, as they are in a file, and a group length."""
    odd = {
        (0x00100010, "PN"): b"\xe9\xff^\x1b$B",
        (0x00180050, "DS"): b"1,5 ",
        (0x00189998, "US"): b"\1\2\3",
        (0x00189999, "LO"): b"longer than it may be " * 8,
        (0x00200000, "UL"): b"\1\0",
        (0x00204000, "LT"): b"a\\b \0",
    }
    for (tag, vr), value in odd.items():
        dataset[tag] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    dataset.set_original_encoding(False, True, dataset._character_set)
    return {tag: value for (tag, _), value in odd.items() if tag & 0xFFFF}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("syntax", [RLELossless, DeflatedExplicitVRLittleEndian])
def test_values_that_break_their_representation_go_along_as_they_are(tmp_path, syntax, target):
    made = base_dataset("odd")
    values = np.arange(64, dtype="uint16").reshape(8, 8)
    set_pixels(made, values)
    if syntax == RLELossless:
        made.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
    made.file_meta.TransferSyntaxUID = syntax
    large = made.private_block(0x0029, "LARGE", create=True)
    large.add_new(1, "OB", bytes(range(256)) * 512)  # is read only when it is asked for
    odd = odd_elements(made)
    pydicom.dcmwrite(tmp_path / "odd.dcm", made)
    got = read_back(transcoded(read_header(tmp_path / "odd.dcm"), target), target)
    assert {tag: got.get_item(tag).value for tag in odd} == odd
    assert 0x00200000 not in got
    assert (got.PixelData, got.get_item((0x0029, 0x1001)).value) == (values.tobytes(), bytes(range(256)) * 512)


@pytest.mark.parametrize(("name", "said"), [("SC_rgb_jpeg_dcmtk.dcm", "01"), ("JPEG2000.dcm", None)])
def test_only_what_must_have_lost_something_is_said_to_have(tmp_path, name, said):
    made = pydicom.dcmread(PYDICOM_DATA / name)
    made.pop("LossyImageCompression", None)
    made.save_as(tmp_path / name)
    got = read_back(transcoded(read_header(tmp_path / name), EXPLICIT), EXPLICIT)
    assert got.get("LossyImageCompression") == said


def test_a_file_that_has_changed_or_gone_is_an_error_of_the_file(tmp_path):
    made = base_dataset("gone")
    set_pixels(made, np.zeros((4, 4), "uint8"))
    header = in_big_endian(tmp_path, made)
    made.StudyDescription = "changed"
    in_big_endian(tmp_path, made)
    with pytest.raises(PixelDataError, match="has changed"):
        transcoded(header, EXPLICIT)
    header.path.unlink()
    with pytest.raises(PixelDataError, match="cannot be read"):
        transcoded(header, EXPLICIT)
