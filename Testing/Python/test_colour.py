"""Colours: PS3.3 C.7.6.3.1.2 and C.7.6.3.1.5 worked out by hand, and real images as pydicom has them."""

from __future__ import annotations

import zlib

import factories
import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from DICOMModule.dicom.any_frame import read_any_frame
from DICOMModule.dicom.codecs import DEFLATED_FRAMES
from DICOMModule.dicom.colour import eight_bits, native_samples, rgb_of
from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.dicom.frame_pixels import read_frame
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import PixelDataError

# Y, CB, CR of red, green, blue, white, black and a grey, by the equations of the standard for YBR_FULL, rounded
YBR_FULL = np.array(
    [[76, 85, 255], [150, 44, 21], [29, 255, 107], [255, 128, 128], [0, 128, 128], [77, 128, 128]], np.uint8
)
# and for YBR_PARTIAL: black is 16, white 235
YBR_PARTIAL = np.array(
    [[81, 90, 240], [145, 54, 34], [41, 240, 110], [235, 128, 128], [16, 128, 128], [82, 128, 128]], np.uint8
)
RGB = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [77, 77, 77]], np.uint8)


@pytest.fixture
def image(tmp_path):
    """Write the bytes of an image and return its header: ``image(data, rows, columns, "RGB")``."""
    made = 0

    def make(
        data, rows, columns, photometric, *, bits=8, samples=3, planar=0, syntax=ExplicitVRLittleEndian, edit=None
    ):
        nonlocal made
        made += 1
        dataset = factories.base_dataset(f"colour{made}", "SC")
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, samples
        dataset.PhotometricInterpretation = photometric
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
        dataset.PixelRepresentation = 0
        if samples == 3:
            dataset.PlanarConfiguration = planar
        dataset.PixelData = data + b"\0" * (len(data) % 2)
        dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        if edit:
            edit(dataset)
        path = tmp_path / f"{made}.dcm"
        pydicom.dcmwrite(
            path,
            dataset,
            implicit_vr=False,
            little_endian=syntax != ExplicitVRBigEndian,
            force_encoding=True,
        )
        return read_header(path)

    return make


def near(colours, wanted, steps):
    return np.abs(colours.astype(int) - wanted.astype(int)).max() <= steps


def test_ycbcr_of_the_full_range_becomes_rgb():
    assert near(rgb_of(YBR_FULL[None], "YBR_FULL", 8)[0], RGB, 2)  # the rounded input allows no better


def test_ycbcr_of_the_partial_range_becomes_rgb():
    colours = rgb_of(YBR_PARTIAL[None], "YBR_PARTIAL_422", 8)[0]
    assert near(colours, RGB, 2)
    assert colours[3].tolist() == [255, 255, 255]
    assert colours[4].tolist() == [0, 0, 0]


def test_every_ycbcr_of_8_bits_becomes_what_pydicom_makes_of_it():
    every = np.arange(0, 256, 5, dtype=np.uint8)
    samples = np.stack(np.meshgrid(every, every, every, indexing="ij"), axis=-1).reshape(52 * 52, 52, 3)
    assert near(rgb_of(samples, "YBR_FULL", 8), convert_color_space(samples, "YBR_FULL", "RGB"), 0)


def test_ycbcr_of_16_bits_keeps_its_grey_axis():
    samples = np.array([[[1000, 32768, 32768], [65535, 32768, 32768]]], np.uint16)
    assert rgb_of(samples, "YBR_FULL", 16).tolist() == [[[1000] * 3, [65535] * 3]]


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_colours_by_pixel_and_by_plane_of_an_odd_size(image, planar, syntax):
    colours = np.arange(45, dtype=np.uint8).reshape(3, 5, 3)
    stored = np.moveaxis(colours, -1, 0) if planar else colours
    header = image(np.ascontiguousarray(stored).tobytes(), 3, 5, "RGB", planar=planar, syntax=syntax)
    assert read_any_frame(header, 1).tolist() == colours.tolist()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_colours_of_16_bits_are_shown_by_their_upper_8(image, syntax):
    colours = (np.arange(18, dtype=np.uint16).reshape(2, 3, 3) * 3000) + 7
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    header = image(colours.astype(f"{order}u2").tobytes(), 2, 3, "RGB", bits=16, syntax=syntax)
    assert read_any_frame(header, 1).tolist() == (colours >> 8).tolist()


def test_colours_of_fewer_bits_are_stretched():
    assert eight_bits(np.array([0, 16, 31], np.uint8), 5).tolist() == [0, 132, 255]


def test_two_pixels_share_their_colours_in_422():
    # Y1 Y2 CB CR: red and a darker red
    samples = native_samples(bytes([76, 40, 85, 255]), 1, 2, bits=8, photometric="YBR_FULL_422", planar=0)
    assert samples.tolist() == [[[76, 85, 255], [40, 85, 255]]]


def test_the_second_frame_of_422_begins_where_the_first_ends(image):
    frames = bytes([76, 76, 85, 255]) + bytes([29, 29, 255, 107])
    header = image(frames, 1, 2, "YBR_FULL_422", edit=lambda dataset: setattr(dataset, "NumberOfFrames", "2"))
    assert near(read_any_frame(header, 1)[0, 0], RGB[0], 2)
    assert near(read_any_frame(header, 2)[0, 1], RGB[2], 2)


def test_422_of_three_bytes_a_pixel_is_refused(image):
    header = image(bytes(12), 2, 2, "YBR_FULL_422")
    with pytest.raises(PixelDataError, match="RGB or YBR is in doubt"):
        read_any_frame(header, 1)


def test_422_of_an_odd_width_is_refused(image):
    header = image(bytes(6), 1, 3, "YBR_FULL_422")
    with pytest.raises(PixelDataError, match="odd number of columns"):
        read_any_frame(header, 1)


def test_colours_that_are_cut_are_refused(image):
    header = image(bytes(10), 2, 2, "RGB")
    with pytest.raises(PixelDataError, match="10 bytes"):
        read_any_frame(header, 1)


def test_rle_in_ycbcr(image):
    def compress(dataset):
        dataset.compress(RLELossless, generate_instance_uid=False)

    header = image(YBR_FULL.tobytes(), 2, 3, "YBR_FULL", edit=compress)
    assert near(read_any_frame(header, 1).reshape(-1, 3), RGB, 2)


def deflated_frames(frames):
    """Return an edit that puts deflated frames in (PS3.5 A.4.13), whose transfer syntax pydicom does not know."""

    def edit(dataset):
        items = []
        for frame in frames:
            compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
            items.append(compressor.compress(frame.tobytes()) + compressor.flush())
        dataset.NumberOfFrames = str(len(frames))
        dataset.PixelData = encapsulate([item + b"\0" * (len(item) % 2) for item in items])
        dataset["PixelData"].is_undefined_length = True

    return edit


def test_deflated_frames_in_colour_and_in_grey(image):
    colours = np.random.default_rng(2).integers(0, 256, (3, 4, 5, 3)).astype(np.uint8)
    header = image(b"", 4, 5, "RGB", syntax=DEFLATED_FRAMES, edit=deflated_frames(colours))
    greys = image(b"", 4, 5, "MONOCHROME2", samples=1, syntax=DEFLATED_FRAMES, edit=deflated_frames(colours[..., 0]))
    for number in (1, 2, 3):
        assert np.array_equal(read_any_frame(header, number), colours[number - 1])
        assert np.array_equal(read_any_frame(greys, number), colours[number - 1, ..., 0])


def test_jpeg_xl_is_rgb_whatever_went_in(image):
    colours = np.random.default_rng(2).integers(0, 256, (8, 9, 3)).astype(np.uint8)

    def compressed(dataset):
        dataset.PixelData = encapsulate([imagecodecs.jpegxl_encode(colours, lossless=True)])
        dataset["PixelData"].is_undefined_length = True

    for photometric in ("RGB", "YBR_RCT", "XYB"):
        header = image(b"", 8, 9, photometric, syntax="1.2.840.10008.1.2.4.110", edit=compressed)
        assert np.array_equal(read_any_frame(header, 1), colours)


def test_colours_need_no_pixel_representation(image):
    header = image(bytes(range(12)), 2, 2, "RGB", edit=lambda dataset: dataset.__delattr__("PixelRepresentation"))
    assert read_frame(header)[1, 1].tolist() == [9, 10, 11]


# --- palettes


def palette(first, *colours, bits=16, word="<u2", segmented=False):
    def edit(dataset):
        for name, entries in zip(("Red", "Green", "Blue"), colours, strict=True):
            count = segmented or len(entries)
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [count % 65536, first, bits])
            data = np.array(entries, word).tobytes()
            keyword = f"{'Segmented' if segmented else ''}{name}PaletteColorLookupTableData"
            setattr(dataset, keyword, data + b"\0" * (len(data) % 2))

    return edit


RED, GREEN, BLUE = [0, 0x1000, 0xFF00], [0x8000, 0, 0x0100], [0xFFFF, 0x7F00, 0]
EIGHT = [[0, 0x80, 0xFF], [0x10, 0, 0x7F], [0xFF, 1, 0]]


def test_a_palette_of_16_bits_begins_at_its_first_value(image):
    header = image(bytes([9, 10, 11, 12, 200]), 1, 5, "PALETTE COLOR", samples=1, edit=palette(10, RED, GREEN, BLUE))
    assert read_any_frame(header, 1)[0].tolist() == EIGHT[:1] * 2 + EIGHT[1:] + EIGHT[2:]


def test_a_palette_of_8_bits_in_bytes(image):
    header = image(
        bytes([0, 1]),
        1,
        2,
        "PALETTE COLOR",
        samples=1,
        edit=palette(0, [1, 2, 3], [4, 5, 6], [7, 8, 9], bits=8, word="u1"),
    )
    assert read_any_frame(header, 1)[0].tolist() == [[1, 4, 7], [2, 5, 8]]


def test_a_palette_of_8_bits_in_words(image):
    header = image(
        bytes([0, 2]), 1, 2, "PALETTE COLOR", samples=1, edit=palette(0, [1, 2, 3], [4, 5, 6], [7, 8, 9], bits=8)
    )
    assert read_any_frame(header, 1)[0].tolist() == [[1, 4, 7], [3, 6, 9]]


def test_a_palette_of_16_bits_of_which_8_are_filled(image):
    header = image(bytes([0, 2]), 1, 2, "PALETTE COLOR", samples=1, edit=palette(0, [1, 2, 3], [4, 5, 6], [7, 8, 255]))
    assert read_any_frame(header, 1)[0].tolist() == [[1, 4, 7], [3, 6, 255]]


def test_a_palette_of_65536_colours(image):
    ramp = np.arange(65536)
    header = image(
        np.array([0, 300, 65535], "<u2").tobytes(),
        1,
        3,
        "PALETTE COLOR",
        bits=16,
        samples=1,
        edit=palette(0, ramp, ramp[::-1], ramp),
    )
    assert read_any_frame(header, 1)[0].tolist() == [[0, 255, 0], [1, 254, 1], [255, 0, 255]]


def test_a_segmented_palette(image):
    # C.7.9.2: 2 entries; a line of 4 to 0x5000; the line again, which ends a second time at 0x5000
    data = [0, 2, 0x0000, 0x1000, 1, 4, 0x5000, 0, 1, 0x1000, 2, 1, 8, 0]
    header = image(bytes(range(11)), 1, 11, "PALETTE COLOR", samples=1, edit=palette(0, data, data, data, segmented=11))
    assert read_any_frame(header, 1)[0, :, 0].tolist() == [
        0,
        0x10,
        0x20,
        0x30,
        0x40,
        0x50,
        0x10,
        0x20,
        0x30,
        0x40,
        0x50,
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([1, 4, 5, 0], "linear segment first"),
        ([0, 9, 1], "cut"),
        ([7, 1, 1], "segment type 7"),
        ([0, 2, 1, 2, 2, 60000, 0, 0], "segment type 2|more entries"),
    ],
)
def test_a_segmented_palette_that_is_none_is_refused(image, data, reason):
    header = image(bytes(4), 2, 2, "PALETTE COLOR", samples=1, edit=palette(0, data, data, data, segmented=256))
    with pytest.raises(PixelDataError, match=reason):
        read_any_frame(header, 1)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (None, "descriptor"),
        (palette(0, [1, 2], [1, 2], [1, 2, 3]), "one length"),
        (palette(0, [1], [1], [1], segmented=5), "asks for 5 entries"),
        (palette(0, [1, 2], [1, 2], [1, 2], bits=32), "32 bits"),
    ],
)
def test_a_palette_that_is_none_is_refused(image, edit, reason):
    header = image(bytes(4), 2, 2, "PALETTE COLOR", samples=1, edit=edit)
    with pytest.raises(PixelDataError, match=reason):
        read_any_frame(header, 1)


# --- one bit


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_frames_of_one_bit_follow_each_other_without_padding(image, syntax):
    frames = np.random.default_rng(5).integers(0, 2, (5, 3, 7)).astype(np.uint8)
    data = np.packbits(frames.ravel(), bitorder="little").tobytes()
    header = image(
        data,
        3,
        7,
        "MONOCHROME2",
        bits=1,
        samples=1,
        syntax=syntax,
        edit=lambda dataset: setattr(dataset, "NumberOfFrames", "5"),
    )
    for number, frame in enumerate(frames, 1):
        assert read_any_frame(header, number).tolist() == frame.tolist()


# --- real images


def test_real_colours_are_those_of_pydicom(shared_data):
    seen = 0
    for path in sorted((shared_data / "colour_images").iterdir()):
        if path.name == "JLSL_RGB_ILV1.dcm":  # has no SOP Instance UID, so nothing that could be loaded
            continue
        dataset = read_dataset(path)
        header = read_header(path)
        wanted = np.atleast_3d(dataset.pixel_array)
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            wanted = pydicom.pixels.apply_color_lut(dataset.pixel_array, dataset)
        frames = wanted if header.number_of_frames > 1 else wanted[None]
        if frames.dtype.itemsize > 1:
            frames = frames >> 8
        for number, frame in enumerate(frames, 1):
            assert near(read_any_frame(header, number), frame, 1), path.name
            seen += 1
    assert seen >= 18
