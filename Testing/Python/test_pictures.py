"""Pictures of frames: windows, colours, frames, shapes of pixels, and what is refused."""

from __future__ import annotations

import os
import warnings

import factories
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.pictures import picture_of
from DICOMModule.errors import DicomFileError, PixelDataError, UnsupportedTransferSyntaxError

RED_GREEN = np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)


@pytest.fixture
def image(tmp_path):
    """Write one image and return its header: ``image(stored, WindowWidth="10")``."""
    made = 0

    def make(stored, edit=None, *, photometric="MONOCHROME2", syntax=None, **attributes):
        nonlocal made
        made += 1
        dataset = factories.base_dataset(f"picture{made}", "MR", **attributes)
        factories.set_pixels(dataset, stored if stored.ndim == 2 else stored.reshape(stored.shape[0], -1))
        dataset.PhotometricInterpretation = photometric
        if stored.ndim == 3:
            dataset.SamplesPerPixel, dataset.PlanarConfiguration, dataset.Columns = 3, 0, stored.shape[1]
        bits = stored.dtype.itemsize * 8
        dataset.BitsStored, dataset.HighBit = bits, bits - 1
        if edit:
            edit(dataset)
        if syntax:
            dataset.compress(syntax, generate_instance_uid=False)
        return read_header(factories.write(dataset, tmp_path / f"{made}.dcm"))

    return make


def frames_of(dataset: Dataset, stored: np.ndarray) -> None:
    """Put several frames, shape (frames, rows, columns[, 3]), in the place of the one."""
    dataset.NumberOfFrames = str(len(stored))
    dataset.Rows, dataset.Columns = stored.shape[1:3]
    data = stored.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)


# --- greys


def test_a_modality_lut_is_applied_before_the_window(image):
    def table(dataset):
        item = Dataset()
        item.LUTDescriptor, item.ModalityLUTType = [3, 7, 16], "OD"
        item.add_new(0x00283006, "OW", np.array([0, 1000, 500], "<u2").tobytes())
        dataset.ModalityLUTSequence = [item]

    stored = np.array([[7, 8, 9]], np.int16)
    header = image(stored, table, WindowCenter="500", WindowWidth="1000", VOILUTFunction="LINEAR_EXACT")
    assert picture_of(header).tolist() == [[0, 255, 128]]


def test_colours_of_a_supplemental_palette_are_shown_over_grey(image):
    def colours(dataset):
        dataset.PixelPresentation = "COLOR"
        for name, entry in (("Red", 0x1000), ("Green", 0x2000), ("Blue", 0x3000)):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [2, 1000, 16])
            setattr(dataset, f"{name}PaletteColorLookupTableData", np.array([entry, 0xFF00], "<u2").tobytes())

    stored = np.array([[0, 100, 1000, 1001]], np.uint16)
    header = image(stored, colours, WindowCenter="50", WindowWidth="100", VOILUTFunction="LINEAR_EXACT")
    assert picture_of(header).tolist() == [[[0] * 3, [255] * 3, [0x10, 0x20, 0x30], [255] * 3]]


def test_a_window_of_the_header_is_applied_after_rescale(image):
    # PS3.3 C.11.2.1.2: black up to c - 0.5 - (w - 1) / 2, white beyond c - 0.5 + (w - 1) / 2
    header = image(
        np.array([[0, 5, 10, 20]], np.int16),
        RescaleSlope="2",
        RescaleIntercept="-10",
        WindowCenter="0.5",
        WindowWidth="21",
    )
    assert picture_of(header).tolist() == [[0, 128, 255, 255]]


def test_a_given_window_wins(image):
    header = image(np.array([[0, 5, 10, 20]], np.int16), WindowCenter="1000", WindowWidth="2")
    assert picture_of(header, window=(10.5, 21.0)).tolist() == [[0, 64, 128, 255]]


@pytest.mark.parametrize(("function", "greys"), [("LINEAR_EXACT", [[0, 128, 255]]), ("SIGMOID", [[5, 128, 250]])])
def test_the_voi_lut_function_is_the_files(image, function, greys):
    header = image(np.array([[0, 10, 20]], np.int16), WindowCenter="10", WindowWidth="10", VOILUTFunction=function)
    assert picture_of(header).tolist() == greys


def test_without_a_window_all_but_the_extremes_are_told_apart(image):
    stored = np.arange(10_000, dtype=np.int16).reshape(100, 100)
    stored[0, 0] = -30_000
    picture = picture_of(image(stored))
    assert (picture == 0).sum() == pytest.approx(100, abs=25)
    assert (picture == 255).sum() == pytest.approx(100, abs=25)
    assert picture[50, 0] == pytest.approx(128, abs=1)


def test_a_window_that_shows_nothing_is_not_used(image):
    header = image(np.array([[0, 100]], np.int16), WindowCenter="-5000", WindowWidth="10")
    assert picture_of(header).tolist() == [[0, 255]]


def test_one_value_everywhere_is_one_grey(image):
    assert np.ptp(picture_of(image(np.full((4, 4), 7, np.int16)))) == 0


def test_monochrome1_is_inverted_and_padding_stays_black(image):
    header = image(
        np.array([[0, 50, 100, -2000]], np.int16), photometric="MONOCHROME1", PixelPaddingValue=-2000,
        WindowCenter="50", WindowWidth="100", VOILUTFunction="LINEAR_EXACT",
    )  # fmt: skip
    assert picture_of(header).tolist() == [[255, 127, 0, 0]]


def test_padding_takes_no_part_in_the_range(image):
    stored = np.tile(np.array([-2000, 0, 100], np.int16), (10, 1))
    picture = picture_of(image(stored, PixelPaddingValue=-2000))
    assert picture[0].tolist() == [0, 0, 255]


def test_pet_is_shown_in_inverse_grey_from_zero(image):
    picture = picture_of(image(np.array([[0, 50, 100]] * 40, np.int16), Modality="PT"))
    assert picture[0].tolist() == [255, 127, 0]


def test_dose_is_shown_by_its_scaling(image):
    header = image(np.array([[0, 500, 1000]], np.uint16), Modality="RTDOSE", DoseGridScaling="0.01")
    assert picture_of(header, window=(5.5, 11.0)).tolist() == [[0, 128, 255]]


# --- colours


def test_red_stays_red_whichever_way_it_is_written(image):
    def planar(dataset):
        dataset.PlanarConfiguration = 1
        dataset.PixelData = RED_GREEN.transpose(2, 0, 1).tobytes()

    assert (picture_of(image(RED_GREEN, photometric="RGB")) == RED_GREEN).all()
    assert (picture_of(image(RED_GREEN, planar, photometric="RGB")) == RED_GREEN).all()
    assert (picture_of(image(RED_GREEN, photometric="RGB", syntax=RLELossless)) == RED_GREEN).all()
    # ITU-T T.871: red is (76, 85, 255), green is (150, 44, 21)
    ycbcr = np.array([[[76, 85, 255], [150, 44, 21]]], np.uint8)
    found = picture_of(image(ycbcr, photometric="YBR_FULL")).astype(int)
    assert np.abs(found - RED_GREEN).max() <= 2


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "RGB"])
def test_a_jpeg_in_colour_is_what_its_own_markers_say(image, photometric):
    imagecodecs = pytest.importorskip("imagecodecs")
    red = np.full((16, 16, 3), (255, 0, 0), np.uint8)

    def jpeg(dataset):
        dataset.PixelData = encapsulate([imagecodecs.jpeg8_encode(red, level=95)])  # JFIF, so YCbCr
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit

    picture = picture_of(image(red, jpeg, photometric=photometric))
    assert np.abs(picture.astype(int) - red).max() <= 4


def test_real_images_in_colour_are_shown_as_pydicom_decodes_them(real_data):
    compared = 0
    for path in sorted(path for path in real_data.rglob("*") if path.is_file()):
        try:
            header = read_header(path)
            picture = picture_of(header)
        except DicomFileError:
            continue
        if picture.ndim == 2 or header.attributes["PhotometricInterpretation"] in ("PALETTE COLOR", "MONOCHROME2"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = pixel_array(pydicom.dcmread(path), index=0)
        assert np.array_equal(picture, expected >> (8 * (expected.itemsize - 1))), path
        compared += 1
    assert compared > 10


def test_colours_of_16_bits_lose_their_lower_half(image):
    stored = np.array([[[0xFFFF, 0x1234, 0]]], np.uint16)
    assert picture_of(image(stored, photometric="RGB")).tolist() == [[[0xFF, 0x12, 0]]]


def test_a_palette_gives_its_colours(image):
    def palette(dataset):
        for name, values in (("Red", (0, 255, 0)), ("Green", (0, 0, 128)), ("Blue", (9, 0, 0))):
            setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [3, 0, 16])
            setattr(dataset, f"{name}PaletteColorLookupTableData", np.array(values, "<u2").tobytes())

    header = image(np.array([[0, 1], [2, 1]], np.uint8), palette, photometric="PALETTE COLOR")
    assert picture_of(header).tolist() == [[[0, 0, 9], [255, 0, 0]], [[0, 128, 0], [255, 0, 0]]]


# --- frames


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_the_frame_that_is_asked_for_is_shown(image, syntax):
    stored = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    header = image(stored[0], lambda dataset: frames_of(dataset, stored), syntax=syntax)
    for frame in (1, 2, 3):
        found = picture_of(header, frame, window=(128.0, 255.0))
        assert np.abs(found.astype(int) - stored[frame - 1]).max() <= 1
    with pytest.raises(PixelDataError, match="no frame 4"):
        picture_of(header, 4)
    with pytest.raises(PixelDataError, match="no frame 0"):
        picture_of(header, 0)


def test_frames_of_one_bit_are_black_and_white(image):
    bits = np.zeros((3, 3, 3), np.uint8)  # 9 bits a frame: the second begins within a byte
    bits[1, 1, 2] = bits[2, 0, 0] = 1

    def packed(dataset):
        frames_of(dataset, bits)
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 1, 0
        dataset.PixelData = np.packbits(bits.reshape(-1), bitorder="little").tobytes()

    header = image(bits[0], packed, Modality="SEG")
    for frame in (1, 2, 3):
        assert (picture_of(header, frame) == bits[frame - 1] * 255).all()


def test_functional_groups_give_each_frame_its_window_rescale_and_spacing(image):
    stored = np.array([[[0, 10]], [[0, 10]]], np.uint8)

    def groups(dataset):
        frames_of(dataset, stored)
        shared, measures = Dataset(), Dataset()
        measures.PixelSpacing = ["2", "1"]
        shared.PixelMeasuresSequence = [measures]
        dataset.SharedFunctionalGroupsSequence = [shared]
        dataset.PerFrameFunctionalGroupsSequence = []
        for slope in (1, 2):
            item, rescale, voi = Dataset(), Dataset(), Dataset()
            rescale.RescaleSlope, rescale.RescaleIntercept = str(slope), "0"
            voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = "20", "40", "LINEAR_EXACT"
            item.PixelValueTransformationSequence, item.FrameVOILUTSequence = [rescale], [voi]
            dataset.PerFrameFunctionalGroupsSequence.append(item)

    header = image(stored[0], groups)
    assert picture_of(header, 1).tolist() == [[0, 64]]
    assert picture_of(header, 2).tolist() == [[0, 128]]
    assert picture_of(header, 2, longest_px=2).shape == (2, 2)


def test_values_in_floating_point_are_shown(image):
    def floating(dataset):
        del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
        dataset.BitsAllocated = 32
        dataset.FloatPixelData = np.array([[0.25, 0.5, 0.75]], "<f4").tobytes()

    header = image(np.zeros((1, 3), np.int32), floating)
    assert picture_of(header, window=(0.5, 0.5)).tolist() == [[0, 128, 255]]


# --- size


def test_a_pixel_of_a_small_picture_is_the_mean_of_what_it_covers(image):
    stored = np.array([[0, 100, 200, 200], [100, 200, 200, 200], [0, 0, 50, 50], [0, 0, 50, 250]], np.uint8)
    assert picture_of(image(stored), longest_px=2, window=(128.0, 255.0)).tolist() == [[100, 200], [0, 100]]


@pytest.mark.parametrize(
    ("attributes", "shape"),
    [
        ({"PixelSpacing": ["2", "1"]}, (40, 20)),
        ({"PixelSpacing": ["1", "2"]}, (20, 40)),
        ({"PixelAspectRatio": ["1", "2"]}, (20, 40)),
        ({"ImagerPixelSpacing": ["0.2", "0.1"]}, (40, 20)),
        ({"PixelSpacing": ["1", "1"], "PixelAspectRatio": ["1", "2"]}, (40, 40)),
        ({"PixelSpacing": ["0", "1"]}, (40, 40)),
    ],
)
def test_pixels_that_are_not_square_are_in_the_picture(image, attributes, shape):
    header = image(np.zeros((80, 80), np.uint8), **attributes)
    assert picture_of(header, longest_px=40).shape == shape
    assert picture_of(header).shape == (80, 80)


def test_a_small_image_is_not_enlarged_but_for_the_shape_of_its_pixels(image):
    assert picture_of(image(np.zeros((10, 20), np.uint8)), longest_px=160).shape == (10, 20)
    tall = image(np.zeros((10, 20), np.uint8), PixelSpacing=["3", "1"])
    assert picture_of(tall, longest_px=160).shape == (30, 20)


def test_a_large_image_becomes_a_small_picture_of_itself(image):
    row = np.repeat(np.arange(200, dtype=np.uint8), 10)
    picture = picture_of(image(np.tile(row, (2000, 1))), longest_px=20, window=(128.0, 255.0))
    assert picture.shape == (20, 20)
    assert np.abs(picture[0].astype(float) - (np.arange(20) * 10 + 4.5)).max() <= 1.5


# --- what cannot be shown


def test_what_holds_no_pixels_says_so(image):
    def report(dataset):
        del dataset.PixelData, dataset.Rows, dataset.Columns
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"

    with pytest.raises(DicomFileError, match="holds no pixels"):
        picture_of(image(np.zeros((1, 1), np.uint8), report, Modality="SR"))


def test_a_file_that_has_gone_or_changed_is_told(image):
    header = image(RED_GREEN, photometric="RGB")
    os.truncate(header.path, header.size_bytes - 2)
    with pytest.raises(PixelDataError, match="changed since"):
        picture_of(header)
    header.path.unlink()
    with pytest.raises(PixelDataError, match="cannot be read"):
        picture_of(header)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"PhotometricInterpretation": "CMYK"}, "are not shown"),
        ({"BitsAllocated": 12, "BitsStored": 12}, "pixels of 12 bits"),
        ({"Rows": 65535, "Columns": 65535}, "too large"),
        ({"Rows": 0}, "cannot be"),
    ],
)
def test_a_header_that_makes_no_picture_is_refused(image, attributes, text):
    def edit(dataset):
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)

    with pytest.raises(PixelDataError, match=text):
        picture_of(image(RED_GREEN, edit, photometric="RGB"))


def test_frames_beyond_the_data_are_an_error_not_a_crash(image):
    header = image(RED_GREEN, lambda dataset: setattr(dataset, "NumberOfFrames", "100"), photometric="RGB")
    with pytest.raises(PixelDataError, match="6 bytes, its header asks for 600"):
        picture_of(header, 100)


def test_a_video_is_refused_by_name(image):
    def video(dataset):
        dataset.PixelData = encapsulate([b"\0" * 64])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"

    with pytest.raises(UnsupportedTransferSyntaxError, match="MPEG-4"):
        picture_of(image(RED_GREEN, video, photometric="RGB"))


def test_a_compressed_frame_of_another_size_is_not_decoded(image):
    imagecodecs = pytest.importorskip("imagecodecs")

    def jpeg(dataset):
        dataset.PixelData = encapsulate([imagecodecs.jpeg8_encode(np.zeros((64, 64, 3), np.uint8))])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit

    with pytest.raises(PixelDataError, match=r"hold 64 × 64 × 3, its header says 1 × 2 × 3"):
        picture_of(image(RED_GREEN, jpeg, photometric="RGB"))
