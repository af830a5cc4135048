"""Pixels of every kind as frames of real files have them, against pydicom; and files that somebody has damaged."""

from __future__ import annotations

import contextlib
import random
import warnings

import factories
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut
from pydicom.sequence import Sequence
from pydicom.uid import RLELossless
from series_kit import offered

from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.dicom.decoding import DecodingPool
from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import DicomFileError, DICOMModuleError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import load_job

CASES = (
    "colour_images", "compressed_misc", "ct_exam_summary_rgb_secondary_capture", "dx_chest_monochrome1", "overlay_mr",
    "parametric_map_float", "pet_bqml_single_slice_ge", "seg_highdicom", "transfer_syntaxes_uncompressed",
    "us_multiframe_jpeg_ybr",
)  # fmt: skip
MOST_FRAMES = 3


def reference(path):
    """Return all frames as pydicom reads them: stored values, or red, green and blue of 8 bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = read_dataset(path)
        pixels = dataset.pixel_array
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
            pixels = pixels >> 8 if pixels.dtype.itemsize > 1 and pixels.max() > 255 else pixels
        elif dataset.SamplesPerPixel == 3 and pixels.dtype.itemsize > 1:
            pixels = pixels >> 8
    return pixels if int(dataset.get("NumberOfFrames") or 1) > 1 else pixels[None]


@pytest.mark.parametrize("case", CASES)
def test_frames_of_real_files_are_those_of_pydicom(shared_data, case):
    compared = 0
    with DecodingPool() as pool:
        for path in sorted((shared_data / case).rglob("*")):
            try:
                frames = frame_headers(read_header(path))
                ours = [pool.stored_values(frame) for frame in frames[:MOST_FRAMES]]
            except (DicomFileError, OSError):
                continue
            wanted = reference(path)
            for mine, theirs in zip(ours, wanted, strict=False):
                # Decoders of lossy JPEG, and roundings of YBR, differ by a step
                steps = np.abs(mine.astype(float) - theirs.reshape(mine.shape).astype(float)).max()
                assert steps <= (1 if mine.ndim == 3 else 0), path.name
                compared += 1
    assert compared >= {"colour_images": 17, "compressed_misc": 12, "us_multiframe_jpeg_ybr": 3}.get(case, 1)


def test_the_frames_of_every_real_float_are_kept(shared_data):
    (path,) = (shared_data / "parametric_map_float").iterdir()
    (first, *_) = frame_headers(read_header(path))
    assert pixel_format_of(first).cells == "floats"


# --- damage


def harmful(dataset, rng):
    """Change a few attributes of a data set to what nobody may trust."""
    for _ in range(rng.randrange(1, 4)):
        keyword = rng.choice(
            ["Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
             "PlanarConfiguration", "NumberOfFrames", "PhotometricInterpretation", "PixelData", "Palette", "LUT", "Overlay"]
        )  # fmt: skip
        if keyword == "PhotometricInterpretation":
            dataset.PhotometricInterpretation = rng.choice(
                ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "PALETTE COLOR", "MONOCHROME1", "HSV", ""]
            )
        elif keyword == "PixelData":
            data = rng.randbytes(2 * rng.randrange(200))
            dataset.PixelData = encapsulate([data]) if dataset.file_meta.TransferSyntaxUID == RLELossless else data
        elif keyword == "Palette":
            for name in ("Red", "Green", "Blue"):
                numbers = [rng.choice([0, 1, 300, 65535]), rng.choice([0, 5, 65535]), rng.choice([0, 8, 12, 16, 99])]
                dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", numbers)
                prefix = rng.choice(["", "Segmented"])
                setattr(dataset, f"{prefix}{name}PaletteColorLookupTableData", rng.randbytes(2 * rng.randrange(400)))
        elif keyword == "LUT":
            item = Dataset()
            item.add_new(
                0x00283002, "US", [rng.choice([0, 4, 600]), rng.choice([0, 7, 65000]), rng.choice([0, 8, 16, 200])]
            )
            item.add_new(0x00283006, "OW", rng.randbytes(2 * rng.randrange(300)))
            setattr(dataset, rng.choice(["ModalityLUTSequence", "VOILUTSequence"]), Sequence([item]))
        elif keyword == "Overlay":
            for element, vr, values in (
                (0x10, "US", [0, 3, 65535]), (0x11, "US", [0, 5, 65535]), (0x15, "IS", [-3, 1, 9]),
                (0x50, "SS", [[-32768, 32767], [1, 1], [0, -7]]), (0x100, "US", [1, 16, 77]), (0x102, "US", [0, 3, 15, 99]),
            ):  # fmt: skip
                dataset.add_new(0x60000000 | element, vr, rng.choice(values))
            if rng.random() < 0.5:
                dataset.add_new(0x60003000, "OW", rng.randbytes(2 * rng.randrange(200)))
        elif keyword == "NumberOfFrames":
            dataset.NumberOfFrames = str(rng.choice([-1, 0, 1, 2, 1000]))
        else:
            setattr(dataset, keyword, rng.choice([0, 1, 2, 3, 7, 8, 12, 16, 32, 64, 65535]))


@pytest.mark.parametrize("seed", range(60))
def test_damaged_pixels_are_refused_by_a_sentence_or_loaded(series_factory, seed):
    rng = random.Random(seed)

    def edit(dataset, _k):
        if rng.random() < 0.5:
            factories.set_pixels(dataset, np.arange(80, dtype=np.uint8).reshape(8, 10), bits_stored=8)
        if rng.random() < 0.2:
            dataset.compress(RLELossless, generate_instance_uid=False)
        harmful(dataset, rng)

    for loadable in offered(series_factory(slices=2, edit=edit).folder):
        with contextlib.suppress(DICOMModuleError):
            volume = run_to_end(load_job(loadable))
            assert volume.array.size
