"""JPEG frames: exact where they are lossless, refused where they are cut or broken, never the end of the process."""

from __future__ import annotations

import contextlib
import random

import imagecodecs
import numpy as np
import pytest
from factories import base_dataset, set_pixels, write
from pydicom.encaps import encapsulate
from pydicom.uid import UID, RLELossless

from DICOMModule.dicom.frames import read_stored_values
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.jpeg import decode_colour_jpeg, read_jpeg_head
from DICOMModule.errors import DicomFileError, PixelDataError

BASELINE, EXTENDED, LOSSLESS, LOSSLESS_SV1 = (f"1.2.840.10008.1.2.4.{code}" for code in ("50", "51", "57", "70"))


def noise(bits):
    values = np.random.default_rng(bits).integers(0, 1 << bits, (40, 50))
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def smooth(bits):
    values = np.add.outer(np.arange(40), np.arange(50)) * (1 << bits) // 100
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def file_of(path, frame, syntax, stored, bits, *, fragments=1):
    dataset = base_dataset("jpeg", "MR")
    set_pixels(dataset, stored, bits)
    dataset.PixelData = encapsulate([frame], fragments_per_frame=fragments)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return write(dataset, path / "image.dcm")


@pytest.mark.parametrize("syntax", [LOSSLESS, LOSSLESS_SV1])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("dtype", ["unsigned", "signed"])
def test_lossless_jpeg_gives_back_what_went_in(tmp_path, syntax, bits, dtype):
    stored = noise(bits)
    frame = imagecodecs.ljpeg_encode(stored, bitspersample=bits)
    typed = stored if dtype == "unsigned" else stored.view(f"i{stored.itemsize}")
    found = read_stored_values(read_header(file_of(tmp_path, frame, syntax, typed, bits, fragments=3)))
    expected = stored.astype(np.int64)
    if dtype == "signed":
        expected = np.where(expected >= 1 << (bits - 1), expected - (1 << bits), expected)
    assert found.dtype == typed.dtype
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("syntax", "bits", "off"), [(BASELINE, 8, 3), (EXTENDED, 8, 3), (EXTENDED, 12, 30)])
def test_lossy_jpeg_is_near_what_went_in(tmp_path, syntax, bits, off):
    stored = smooth(bits)
    frame = imagecodecs.jpeg8_encode(stored, level=98, bitspersample=bits)
    found = read_stored_values(read_header(file_of(tmp_path, frame, syntax, stored, bits)))
    assert np.abs(found.astype(int) - stored).max() <= off


@pytest.mark.parametrize(("syntax", "bits"), [(BASELINE, 8), (EXTENDED, 12), (LOSSLESS_SV1, 12)])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_frame_that_is_cut_is_refused_not_filled_up(tmp_path, syntax, bits, share):
    stored = noise(bits)
    encode = imagecodecs.ljpeg_encode if syntax == LOSSLESS_SV1 else imagecodecs.jpeg8_encode
    frame = encode(stored, bitspersample=bits)
    path = file_of(tmp_path, frame[: int(share * len(frame))], syntax, stored, bits)
    with pytest.raises(PixelDataError, match="cannot be decoded"):
        read_stored_values(read_header(path))


@pytest.mark.parametrize(
    ("syntax", "bits"), [(BASELINE, 8), (EXTENDED, 12), (LOSSLESS_SV1, 12), (str(RLELossless), 16)]
)
def test_broken_bytes_are_an_error_or_other_values_but_never_end_the_process(tmp_path, syntax, bits):
    stored = smooth(bits)
    if syntax == RLELossless:
        dataset = base_dataset("rle", "MR")
        set_pixels(dataset, stored, bits)
        dataset.compress(RLELossless, generate_instance_uid=False, encoding_plugin="pydicom")
        path = write(dataset, tmp_path / "image.dcm")
    else:
        encode = imagecodecs.ljpeg_encode if syntax == LOSSLESS_SV1 else imagecodecs.jpeg8_encode
        path = file_of(tmp_path, encode(stored, bitspersample=bits), syntax, stored, bits)
    whole, rng = path.read_bytes(), random.Random(bits)
    begin = whole.index(b"\xe0\x7f\x10\x00")
    for _ in range(150):
        broken = bytearray(whole)
        for _ in range(rng.choice((1, 2, 4, 16))):
            broken[rng.randrange(begin, len(broken))] = rng.randrange(256)
        path.write_bytes(broken)
        with contextlib.suppress(DicomFileError):
            assert read_stored_values(read_header(path)).shape == stored.shape


def test_an_unknown_value_representation_elsewhere_does_not_matter_to_the_pixels(tmp_path):
    stored = noise(12)
    path = file_of(tmp_path, imagecodecs.ljpeg_encode(stored, bitspersample=12), LOSSLESS_SV1, stored, 12)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x18\x00UM"))
    assert np.array_equal(read_stored_values(read_header(path)), stored)


# --- what a frame says of its colours


def segment(marker, content):
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def frame_of(*segments, process=0xC0, components=b"\x01\x02\x03"):
    """Return a frame up to its scan."""
    start = bytes((8, 0, 4, 0, 6, len(components))) + b"".join(bytes((one, 0x11, 0)) for one in components)
    return b"\xff\xd8" + b"".join(segments) + segment(process, start) + b"\xff\xda"


ADOBE_RGB, ADOBE_YCC = (segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00" + bytes((kind,))) for kind in (0, 1))
JFIF = segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")


@pytest.mark.parametrize(
    ("frame", "of_rgb", "of_ybr"),
    [
        (frame_of(), True, False),
        (frame_of(ADOBE_RGB), True, True),
        (frame_of(ADOBE_YCC), False, False),
        (frame_of(JFIF), False, False),
        (frame_of(components=b"RGB"), True, True),
        (frame_of(JFIF, components=b"rgb"), True, True),
        (b"\xff\xd8\xff", True, False),
    ],
)
def test_marks_of_a_frame_win_over_the_header(frame, of_rgb, of_ybr):
    head = read_jpeg_head(frame)
    assert (head.says_rgb(is_rgb=True), head.says_rgb(is_rgb=False)) == (of_rgb, of_ybr)


def test_the_process_is_that_of_the_start_of_frame_not_of_bytes_that_look_like_it():
    tables = segment(0xDB, b"\x00" + b"\xff\xc3" * 32)  # a coarse quantization table
    assert read_jpeg_head(frame_of(tables)).process == 0xC0
    assert read_jpeg_head(frame_of(tables, process=0xC3)).process == 0xC3


def test_components_called_r_g_b_are_taken_for_what_they_are(tmp_path):
    colours = np.zeros((16, 16, 3), np.uint8)
    colours[..., 0], colours[8:, :, 2] = 200, 90
    data = bytearray(imagecodecs.jpeg8_encode(colours, level=98, colorspace="RGB", outcolorspace="RGB"))
    kept = b""
    at = 2
    while data[at + 1] != 0xC0:  # Adobe's marker says it as well, and is taken out
        length = int.from_bytes(data[at + 2 : at + 4], "big") + 2
        kept += b"" if data[at + 1] == 0xEE else bytes(data[at : at + length])
        at += length
    frame = b"\xff\xd8" + kept + bytes(data[at:])
    assert read_jpeg_head(frame).adobe_transform is None
    decoded = decode_colour_jpeg(frame, "YBR_FULL_422", 8)
    assert np.abs(decoded.astype(int) - colours).max() <= 8
