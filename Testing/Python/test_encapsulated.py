"""Compressed frames found among fragments, by offset table, by number, and by their end markers."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pydicom
import pytest
from factories import base_dataset, set_pixels, write
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from DICOMModule.dicom.codecs import DEFLATED_FRAMES, inflate_frame
from DICOMModule.dicom.encapsulated import read_encapsulated_frame
from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.frames import read_stored_values
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import PixelDataError, UnsupportedTransferSyntaxError

JPEG_LS, RLE = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"
FRAMES = [b"\xff\xd8first\xff\xd9", b"\xff\xd8second!\xff\xd9", b"\xff\xd8third  \xff\xd9"]


def item(data, tag=0xE000FFFE):
    return struct.pack("<II", tag, len(data)) + data


def file_of(path, pixel_data, frames=3, syntax=JPEG_LS):
    """Write an image whose encapsulated Pixel Data are `pixel_data`, items and all."""
    dataset = base_dataset("encapsulated", "CT")
    set_pixels(dataset, np.zeros((4, 4), np.uint8))
    dataset.NumberOfFrames = frames
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.PixelData = pixel_data
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return read_header(write(dataset, path))


def with_syntax(path, uid):
    """Write another Transfer Syntax UID into a file, which pydicom need not know."""
    data = path.read_bytes()
    at = data.index(b"\x02\x00\x10\x00UI")
    (length,) = struct.unpack_from("<H", data, at + 6)
    value = uid.encode() + b"\0" * (len(uid) % 2)
    data = data[: at + 6] + struct.pack("<H", len(value)) + value + data[at + 8 + length :]
    group = data.index(b"\x02\x00\x00\x00UL") + 8
    (old,) = struct.unpack_from("<I", data, group)
    path.write_bytes(data[:group] + struct.pack("<I", old + len(value) - length) + data[group + 4 :])
    return read_header(path)


def encapsulated(path, values, frames, syntax):
    """Write 16 bit values, compressed frame by frame, in any transfer syntax."""
    dataset = base_dataset(f"codec {syntax}", "CT")
    set_pixels(dataset, values[0], 16)
    dataset.NumberOfFrames = len(frames)
    dataset.file_meta.TransferSyntaxUID = UID(JPEG_LS)
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return with_syntax(write(dataset, path), syntax)


def frames_of(header):
    return [read_encapsulated_frame(frame) for frame in frame_headers(header)]


@pytest.mark.parametrize("has_table", [True, False])
def test_a_fragment_a_frame_needs_no_table(tmp_path, has_table):
    header = file_of(tmp_path / "a.dcm", encapsulate(FRAMES, has_bot=has_table))
    assert [frame.rstrip(b"\0") for frame in frames_of(header)] == FRAMES


def test_fragments_are_put_together_by_the_offset_table(tmp_path):
    header = file_of(tmp_path / "a.dcm", encapsulate(FRAMES, fragments_per_frame=2, has_bot=True))
    assert [frame.rstrip(b"\0") for frame in frames_of(header)] == FRAMES


def test_without_a_table_the_end_of_each_image_tells(tmp_path):
    pieces = [data for frame in FRAMES for data in (frame[:6], frame[6:] + b"\0" * (len(frame) % 2))]
    header = file_of(tmp_path / "a.dcm", item(b"") + b"".join(map(item, pieces)))
    assert [frame.rstrip(b"\0") for frame in frames_of(header)] == FRAMES


def test_a_table_that_lies_is_not_believed(tmp_path):
    pieces = [data for frame in FRAMES for data in (frame[:6], frame[6:] + b"\0" * (len(frame) % 2))]
    table = item(struct.pack("<3I", 0, 10, 12))
    header = file_of(tmp_path / "a.dcm", table + b"".join(map(item, pieces)))
    assert [frame.rstrip(b"\0") for frame in frames_of(header)] == FRAMES


def test_one_frame_takes_all_fragments(tmp_path):
    header = file_of(tmp_path / "a.dcm", item(b"") + item(b"abcd") + item(b"efgh"), frames=1)
    assert read_encapsulated_frame(header) == b"abcdefgh"


@pytest.mark.parametrize("pieces", [(b"ab", b"cd"), (b"ab", b"cd", b"ef", b"gh")])
def test_fragments_that_tell_nothing_are_refused(tmp_path, pieces):
    header = file_of(tmp_path / "a.dcm", item(b"") + b"".join(map(item, pieces)))
    with pytest.raises(PixelDataError, match="which are which is in doubt"):
        frames_of(header)


def test_a_frame_of_many_is_found_among_thousands_of_fragments(tmp_path):
    header = file_of(tmp_path / "a.dcm", encapsulate([struct.pack("<I", n) for n in range(5000)]), frames=5000)
    last = frame_headers(header)[-1]
    assert read_encapsulated_frame(last) == struct.pack("<I", 4999)


def test_deflated_frames_are_exactly_a_frame_long():
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(bytes(range(100))) + packer.flush()
    assert inflate_frame(data, 100) == bytes(range(100))
    assert inflate_frame(data, 99) == bytes(range(99))  # a byte of padding
    for wrong in (98, 101):
        with pytest.raises(ValueError, match="holds"):
            inflate_frame(data, wrong)
    with pytest.raises(ValueError, match="damaged"):
        inflate_frame(b"\xff\xff\xff", 100)


def test_deflated_frames_are_read(tmp_path):
    values = np.arange(2 * 6 * 4, dtype=np.uint16).reshape(2, 6, 4)
    packed = []
    for frame in values:
        packer = zlib.compressobj(wbits=-15)
        packed.append(packer.compress(frame.tobytes()) + packer.flush())
    frames = frame_headers(encapsulated(tmp_path / "d.dcm", values, packed, DEFLATED_FRAMES))
    assert all(np.array_equal(read_stored_values(frame), values[n]) for n, frame in enumerate(frames))


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        ("1.2.840.10008.1.2.4.110", lambda values: imagecodecs.jpegxl_encode(values, lossless=True)),
        ("1.2.840.10008.1.2.4.201", lambda values: imagecodecs.htj2k_encode(values, reversible=True)),
    ],
)
def test_jpeg_xl_and_high_throughput_jpeg_2000_are_read(tmp_path, syntax, encode):
    values = np.random.default_rng(1).integers(0, 4096, (2, 32, 48)).astype(np.uint16)
    header = encapsulated(tmp_path / "x.dcm", values, [encode(frame) for frame in values], syntax)
    frames = frame_headers(header)
    assert all(np.array_equal(read_stored_values(frame), values[n]) for n, frame in enumerate(frames))


@pytest.mark.parametrize(
    ("syntax", "words"), [("1.2.840.10008.1.2.4.94", "on a server"), ("1.2.840.10008.1.2.4.52", "no longer|any more")]
)
def test_a_transfer_syntax_that_cannot_be_read_says_why(tmp_path, syntax, words):
    header = encapsulated(tmp_path / "a.dcm", np.zeros((1, 4, 4), np.uint16), [b"abcd"], syntax)
    with pytest.raises(UnsupportedTransferSyntaxError, match=words):
        read_stored_values(header)


def test_pydicom_finds_the_same_frames(tmp_path):
    header = file_of(tmp_path / "a.dcm", encapsulate(FRAMES, fragments_per_frame=2, has_bot=True))
    dataset = pydicom.dcmread(header.path)
    generated = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=3))
    assert generated == frames_of(header)
