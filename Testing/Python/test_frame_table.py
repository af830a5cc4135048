"""Frames of multi-frame instances as headers of their own, and their pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from factories import base_dataset, uid, write
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEGLSLossless, RLELossless

from DICOMModule.dicom.decoding import decoding_pool
from DICOMModule.dicom.frame_header import Tile, frame_header
from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.frames import read_stored_values
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import FrameTableError, PixelDataError

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def item(**values):
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def stored(frames=4, rows=6, columns=5):
    """Return stored values that tell frame, row and column."""
    frame, row, column = np.indices((frames, rows, columns))
    return (1000 * frame + 10 * row + column).astype(np.uint16)


def enhanced(path, values=None, **written):
    """Write an enhanced CT whose frames are 2.5 mm apart, slopes by frame, everything else shared."""
    values = stored() if values is None else values
    dataset = base_dataset("enhanced", "CT", SOPClassUID=ENHANCED_CT, SOPInstanceUID=uid("enhanced"))
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = values.tobytes()
    shared = item(
        PixelMeasuresSequence=Sequence([item(PixelSpacing=["0.5", "0.75"], SliceThickness="2.5")]),
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])]),
    )
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [
            item(
                PlanePositionSequence=Sequence([item(ImagePositionPatient=["1", "2", f"{2.5 * number:g}"])]),
                PixelValueTransformationSequence=Sequence(
                    [item(RescaleSlope=f"{number + 1}", RescaleIntercept="-10", RescaleType="HU")]
                ),
                CTImageFrameTypeSequence=Sequence([item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])]),
            )
            for number in range(len(values))
        ]
    )
    for keyword, value in written.items():
        setattr(dataset, keyword, value)
    return write(dataset, path)


def test_a_single_frame_image_is_its_own_frame(series_factory):
    header = read_header(series_factory(slices=1).files[0])
    assert frame_headers(header) == (header,)
    assert (header.instance, header.frame_number) == (header, 1)


def test_a_frame_says_what_its_groups_say_then_what_all_share_then_what_the_instance_says(tmp_path):
    header = read_header(enhanced(tmp_path / "e.dcm", RescaleSlope="99"))
    frames = frame_headers(header)
    assert [frame.frame_number for frame in frames] == [1, 2, 3, 4]
    assert all(frame.instance is header for frame in frames)
    assert [frame.text("RescaleSlope") for frame in frames] == ["1", "2", "3", "4"]
    assert [frame.text("ImagePositionPatient") for frame in frames] == ["1\\2\\0", "1\\2\\2.5", "1\\2\\5", "1\\2\\7.5"]
    assert {frame.text("PixelSpacing") for frame in frames} == {"0.5\\0.75"}
    assert {frame.text("ImageType") for frame in frames} == {"ORIGINAL\\PRIMARY\\VOLUME\\NONE"}
    assert {frame.text("PatientID") for frame in frames} == {header.text("PatientID")}
    assert "NumberOfFrames" not in frames[0].attributes


def test_each_frame_has_its_own_pixels(tmp_path):
    frames = frame_headers(read_header(enhanced(tmp_path / "e.dcm")))
    assert all(np.array_equal(read_stored_values(frame), stored()[n]) for n, frame in enumerate(frames))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_each_frame_of_compressed_data_is_decoded_by_itself(tmp_path, syntax):
    path = enhanced(tmp_path / "e.dcm")
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(path)
    frames = frame_headers(read_header(path))
    with decoding_pool() as pool:
        assert all(np.array_equal(pool.stored_values(frame), stored()[n]) for n, frame in enumerate(frames))


def test_a_frame_can_be_read_after_its_file_was_touched(tmp_path):
    path = enhanced(tmp_path / "e.dcm")
    frame = frame_headers(read_header(path))[2]
    path.touch()
    assert np.array_equal(read_stored_values(frame), stored()[2])


def test_a_tile_is_cut_out_of_its_frame(tmp_path):
    header = read_header(enhanced(tmp_path / "e.dcm"))
    tile = frame_header(header, 3, {}, Tile(2, 1, 3, 4))
    assert (tile.integer("Rows"), tile.integer("Columns")) == (3, 4)
    assert np.array_equal(read_stored_values(tile), stored()[2, 2:5, 1:5])
    outside = frame_header(header, 3, {}, Tile(4, 1, 3, 4))
    with pytest.raises(PixelDataError, match="does not lie within its frame"):
        read_stored_values(outside)


def test_groups_of_another_number_of_frames_are_refused(tmp_path):
    header = read_header(enhanced(tmp_path / "e.dcm", PerFrameFunctionalGroupsSequence=Sequence([item()] * 3)))
    with pytest.raises(FrameTableError, match="4 frames, but functional groups of 3"):
        frame_headers(header)


@pytest.mark.parametrize("count", ["0", "-1", "2000000"])
def test_a_number_of_frames_that_cannot_be_is_refused(tmp_path, count):
    header = read_header(enhanced(tmp_path / "e.dcm", NumberOfFrames=count))
    with pytest.raises(FrameTableError, match=count):
        frame_headers(header)


def test_more_pixel_data_than_frames_is_refused(tmp_path):
    """Two of four frames would be shown as all of them."""
    half = [item()] * 2
    header = read_header(
        enhanced(tmp_path / "e.dcm", NumberOfFrames="2", PerFrameFunctionalGroupsSequence=Sequence(half))
    )
    with pytest.raises(FrameTableError, match="its 2 frames account for 120 bytes of its pixel data, which has 240"):
        frame_headers(header)


def test_what_a_frame_has_not_is_not_in_its_attributes(tmp_path):
    attributes = frame_header(
        read_header(enhanced(tmp_path / "e.dcm")), 1, {"Modality": None, "EchoTime": "3"}
    ).attributes
    assert "Modality" not in attributes
    assert "Modality" not in dict(attributes)
    assert (attributes.get("Modality", "none"), attributes["EchoTime"], attributes.get("EchoTime")) == (
        "none",
        "3",
        "3",
    )
    with pytest.raises(KeyError):
        attributes["Modality"]
    assert len(attributes) == len(list(attributes)) == len(dict(attributes))


def test_frames_whose_groups_were_not_kept_are_refused(tmp_path):
    header = replace(read_header(enhanced(tmp_path / "e.dcm")), functional_groups=None)
    with pytest.raises(FrameTableError, match="functional groups are not kept"):
        frame_headers(header)


def test_the_first_of_several_inversion_times_is_a_frames(tmp_path):
    def groups(number):
        return item(MRModifierSequence=[item(InversionTimes=[100.0 + number, 5.0])])

    frames = Sequence([groups(number) for number in range(4)])
    header = read_header(enhanced(tmp_path / "e.dcm", PerFrameFunctionalGroupsSequence=frames))
    assert [frame.number("InversionTime") for frame in frame_headers(header)] == [100, 101, 102, 103]
