"""Enhanced multi-frame objects: every voxel where its own frame's groups put it, with that frame's values, or a sentence."""

from __future__ import annotations

import random

import factories
import numpy as np
import pytest
from factories import uid
from test_vendor_attributes import item

from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job

CLASSES = {
    "enhanced CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "enhanced MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "enhanced PET": "1.2.840.10008.5.1.4.1.1.130",
    "legacy CT": "1.2.840.10008.5.1.4.1.1.2.2",
    "legacy MR": "1.2.840.10008.5.1.4.1.1.4.4",
    "legacy PET": "1.2.840.10008.5.1.4.1.1.128.1",
}
US_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"
SLICES, ROWS, COLUMNS = 7, 3, 4
STEP_MM = 2.5


def enhanced(path, places, edit_frame=None, edit=None, **options):
    """Write an enhanced object whose frame n lies `places[n]` steps along the normal; values tell frame and pixel."""
    sop_class = options.get("sop_class", CLASSES["enhanced MR"])
    orientation = options.get("orientation", factories.AXIAL)
    frames = len(places)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    values = np.arange(frames * ROWS * COLUMNS, dtype=np.uint16).reshape(frames * ROWS, COLUMNS)
    dataset = factories.base_dataset("enhanced", "MR", SOPClassUID=sop_class, SOPInstanceUID=uid(str(path)))
    factories.set_pixels(dataset, values)
    dataset.Rows, dataset.NumberOfFrames, dataset.InstanceNumber = ROWS, frames, "1"
    for keyword in ("EchoTime", "RepetitionTime", "AcquisitionTime", "AcquisitionDate", "AcquisitionNumber"):
        dataset.pop(keyword)
    measures = item(PixelSpacing=["0.5", "0.75"], SliceThickness="2.5")
    dataset.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[measures],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[factories.ds(v) for v in orientation])],
        )
    ]
    groups = []
    for number, place in enumerate(places):
        position = np.array((1.0, 2.0, 3.0)) + STEP_MM * place * np.cross(row, column)
        group = item(
            PlanePositionSequence=[item(ImagePositionPatient=[factories.ds(v) for v in position])],
            FrameContentSequence=[
                item(StackID="1", InStackPositionNumber=place + 1, DimensionIndexValues=[1, place + 1])
            ],
        )
        if edit_frame:
            edit_frame(group, number)
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.DimensionIndexSequence = [
        item(DimensionIndexPointer=0x00209056, FunctionalGroupPointer=0x00209111),
        item(DimensionIndexPointer=0x00209057, FunctionalGroupPointer=0x00209111),
    ]
    if edit:
        edit(dataset)
    return factories.write(dataset, path)


def shuffled(count=SLICES):
    places = list(range(count))
    random.Random("frames").shuffle(places)
    return places


def only(folder):
    (loadable,) = examine(headers_of_path(folder)[0])
    assert (loadable.refusal, loadable.warnings) == ("", ())
    return loadable


@pytest.mark.parametrize("sop_class", CLASSES)
@pytest.mark.parametrize("orientation", [factories.AXIAL, factories.SAGITTAL])
def test_every_voxel_of_shuffled_frames_is_where_its_own_groups_say(tmp_path, sop_class, orientation):
    places = shuffled()
    enhanced(tmp_path / "e", places, sop_class=CLASSES[sop_class], orientation=orientation)
    loadable = only(tmp_path)
    assert (loadable.kind, loadable.dimensions) == ("volume", (COLUMNS, ROWS, SLICES))
    volume = run_to_end(load_job(loadable))
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    for value, (frame, j, i) in enumerate(np.ndindex(SLICES, ROWS, COLUMNS)):
        place = (
            np.array((1, 2, 3)) + STEP_MM * places[frame] * np.cross(row, column) + i * 0.75 * row + j * 0.5 * column
        )
        (found,) = np.argwhere(volume.array == value)
        assert volume.ijk_to_lps @ (*found[::-1], 1) == pytest.approx((*place, 1))


def test_each_frame_has_the_slope_of_its_own_groups(tmp_path):
    def edit_frame(group, number):
        transformation = item(RescaleSlope=f"{number + 1}", RescaleIntercept=f"{-number}", RescaleType="US")
        group.PixelValueTransformationSequence = [transformation]

    places = shuffled()
    enhanced(tmp_path / "e", places, edit_frame)
    volume = run_to_end(load_job(only(tmp_path)))
    for number, place in enumerate(places):
        first = number * ROWS * COLUMNS
        expected = np.arange(first, first + ROWS * COLUMNS).reshape(ROWS, COLUMNS) * (number + 1) - number
        assert np.array_equal(volume.array[place], expected)


def test_frames_of_several_weightings_become_a_sequence(tmp_path):
    def edit_frame(group, number):
        diffusion = item(DiffusionBValue=1000.0 * (number % 2), DiffusionDirectionality="NONE")
        if number % 2:
            diffusion.DiffusionDirectionality = "DIRECTIONAL"
            diffusion.DiffusionGradientDirectionSequence = [item(DiffusionGradientOrientation=[0.0, 0.6, 0.8])]
        group.MRDiffusionSequence = [diffusion]

    enhanced(tmp_path / "e", [0, 0, 2, 2, 1, 1], edit_frame)
    sequence = run_to_end(load_job(only(tmp_path)))
    assert (sequence.axis.name, sequence.axis.values) == ("b-value", (0, 1000))
    frames = [[volume.array[k, 0, 0] // (ROWS * COLUMNS) for k in range(3)] for volume in sequence.volumes]
    assert frames == [[0, 4, 2], [1, 5, 3]]


def test_what_a_frame_does_not_say_is_what_all_share_then_what_the_data_set_says(tmp_path):
    def edit_frame(group, number):
        if number:
            group.MREchoSequence = [item(EffectiveEchoTime=10.0 + number)]

    def edit(dataset):
        dataset.EchoTime = "3"
        dataset.ImagePositionPatient = ["9", "9", "9"]
        del dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence

    frames = frame_headers(read_header(enhanced(tmp_path / "e", [0, 1, 2], edit_frame, edit)))
    assert [frame.number("EchoTime") for frame in frames] == [3, 11, 12]
    assert [frame.text("PixelSpacing") for frame in frames] == ["0.5\\0.75"] * 3
    # a place is not inherited from what is not a frame's
    assert [frame.text("ImagePositionPatient") for frame in frames] == ["1\\2\\3", "1\\2\\5.5", ""]
    assert [frame.attributes["DimensionIndexValues"] for frame in frames] == [(1, 1), (1, 2), (1, 3)]
    assert {frame.attributes["DimensionIndexPointer"] for frame in frames} == {(0x00209056, 0x00209057)}


def test_one_frame_without_a_place_is_excluded_and_counted(tmp_path):
    def edit(dataset):
        del dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence

    enhanced(tmp_path / "e", [0, 1, 7, 2, 3], edit=edit)
    loadables = examine(headers_of_path(tmp_path)[0])
    assert [(found.kind, found.dimensions[2]) for found in loadables if found.selected] == [("volume", 4)]
    assert loadables[0].warnings == ("1 image has no position; excluded.",)


@pytest.mark.parametrize(
    ("macro", "sentence"),
    [("PlaneOrientationSequence", "no orientation"), ("PixelMeasuresSequence", "no pixel spacing")],
)
def test_a_missing_macro_is_named(tmp_path, macro, sentence):
    enhanced(tmp_path / "e", [0, 1, 2], edit=lambda dataset: dataset.SharedFunctionalGroupsSequence[0].pop(macro))
    (loadable,) = examine(headers_of_path(tmp_path)[0])
    assert f"The images have {sentence}: loaded as single pictures, not as a volume." in loadable.warnings
    assert (loadable.kind, loadable.timepoints, loadable.axis.name) == ("sequence", 3, "frame")


@pytest.mark.parametrize("own", [True, False])
def test_frames_that_are_mosaics_are_refused(tmp_path, own):
    def edit_frame(group, number):
        if own:
            group.MRImageFrameTypeSequence = [item(FrameType=["ORIGINAL", "PRIMARY", "FMRI", "MOSAIC"])]

    def edit(dataset):
        if not own:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "FMRI", "MOSAIC"]

    enhanced(tmp_path / "e", [0, 1, 2], edit_frame, edit)
    (loadable,) = examine(headers_of_path(tmp_path)[0])
    assert "its frames are mosaics" in loadable.refusal


def test_what_converted_images_had_besides_is_read_back(tmp_path):
    def edit_frame(group, number):
        had = item(EchoTime=f"{4 + number // 2}", AcquisitionNumber="3", TriggerTime=f"{100 * (number % 2)}")
        group.UnassignedPerFrameConvertedAttributesSequence = [had]

    def edit(dataset):
        had = item(RepetitionTime="2000", SequenceName="ep2d")
        dataset.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence = [had]

    path = enhanced(tmp_path / "e", [0, 1, 2, 3], edit_frame, edit, sop_class=CLASSES["legacy MR"])
    frames = frame_headers(read_header(path))
    assert [frame.text("EchoTime") for frame in frames] == ["4", "4", "5", "5"]
    assert [frame.text("TriggerTime") for frame in frames] == ["0", "100", "0", "100"]
    assert {(frame.text("AcquisitionNumber"), frame.text("RepetitionTime")) for frame in frames} == {("3", "2000")}


def test_frames_of_an_ultrasound_volume_lie_in_the_volumes_own_space_and_it_is_said(tmp_path):
    places = shuffled(4)

    def edit_frame(group, number):
        del group.PlanePositionSequence
        position = [1.0, 2.0, 3.0 + 0.25 * places[number]]
        group.PlanePositionVolumeSequence = [item(ImagePositionVolume=position)]

    def edit(dataset):
        shared = dataset.SharedFunctionalGroupsSequence[0]
        del shared.PlaneOrientationSequence
        shared.PlaneOrientationVolumeSequence = [item(ImageOrientationVolume=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0])]

    enhanced(tmp_path / "e", places, edit_frame, edit, sop_class=US_VOLUME)
    (loadable,) = examine(headers_of_path(tmp_path)[0])
    assert loadable.warnings == (
        "Positions are those of the ultrasound volume: where it lies in the patient is not known.",
    )
    volume = run_to_end(load_job(loadable))
    assert volume.ijk_to_lps @ (0, 0, 3, 1) == pytest.approx((1, 2, 3.75, 1))
    assert [volume.array[k, 0, 0] // (ROWS * COLUMNS) for k in range(4)] == [places.index(k) for k in range(4)]


def test_frames_of_a_large_object_cost_little(tmp_path):
    header = read_header(enhanced(tmp_path / "e", list(range(400))))
    frames = frame_headers(header)
    origins = {id(frame.attributes.origin) for frame in frames}
    assert len(origins) == 1  # each frame adds its own few values to one table
    assert all(len(frame.attributes.changed) < 8 for frame in frames)
