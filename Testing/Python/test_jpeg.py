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


def test_an_unknown_value_representation_is_an_error_of_the_file(tmp_path):
    stored = noise(12)
    path = file_of(tmp_path, imagecodecs.ljpeg_encode(stored, bitspersample=12), LOSSLESS_SV1, stored, 12)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x18\x00UM"))
    with pytest.raises(DicomFileError):
        read_stored_values(read_header(path))
