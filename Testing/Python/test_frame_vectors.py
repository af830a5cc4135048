"""Frames of multi-frame images without functional groups: places and times by their vectors, or a sentence why not."""

from __future__ import annotations

import factories
import numpy as np
import pytest
from factories import uid
from test_vendor_attributes import item

from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.frames import read_stored_values
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import FrameTableError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job

NM = "1.2.840.10008.5.1.4.1.1.20"
US = "1.2.840.10008.5.1.4.1.1.3.1"
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
SLICES, TIME_SLOTS, PHASES = 0x00540080, 0x00540070, 0x00540030
FRAMES, ROWS, COLUMNS = 6, 3, 4


def multi_frame(path, sop_class, frames=FRAMES, edit=None, **written):
    """Write a multi-frame image whose values tell frame, row and column."""
    values = np.arange(frames * ROWS * COLUMNS, dtype=np.uint16).reshape(frames * ROWS, COLUMNS)
    dataset = factories.base_dataset("frames", "SC", SOPClassUID=sop_class, SOPInstanceUID=uid(str(path)))
    factories.set_pixels(dataset, values)
    dataset.Rows, dataset.NumberOfFrames = ROWS, frames
    for keyword, value in written.items():
        setattr(dataset, keyword, value)
    if edit:
        edit(dataset)
    return factories.write(dataset, path)


def reconstructed(path, vector=(1, 2, 3, 4, 5, 6), orientation=factories.CORONAL, **written):
    """Write a reconstruction of nuclear medicine: its slices stand where the detector's orientation and spacing say."""
    place = item(ImagePositionPatient=["1", "2", "3"], ImageOrientationPatient=[factories.ds(v) for v in orientation])
    defaults = {
        "Modality": "NM",
        "ImageType": ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
        "FrameIncrementPointer": [SLICES],
        "NumberOfSlices": len(vector),
        "SliceVector": list(vector),
        "SpacingBetweenSlices": "4",
        "SliceThickness": "9",
        "PixelSpacing": ["2", "2"],
        "DetectorInformationSequence": [place],
    }
    return multi_frame(path, NM, len(vector), **{**defaults, **written})


def positions(path):
    return [frame.floats("ImagePositionPatient") for frame in frame_headers(read_header(path))]


@pytest.mark.parametrize(
    ("written", "y"),
    [
        # the normal of a coronal image of these directions is (0, 1, 0)
        ({}, [2, 6, 10, 14, 18, 22]),
        ({"SpacingBetweenSlices": "-4"}, [2, -2, -6, -10, -14, -18]),
        ({"vector": (6, 5, 4, 3, 2, 1)}, [22, 18, 14, 10, 6, 2]),
        ({"vector": (2, 1, 4, 3, 6, 5)}, [6, 2, 14, 10, 22, 18]),
    ],
)
def test_reconstructed_slices_lie_along_the_normal_by_number_and_signed_spacing(tmp_path, written, y):
    assert positions(reconstructed(tmp_path / "nm", **written)) == [pytest.approx((1, place, 3)) for place in y]


def test_every_voxel_of_a_shuffled_reconstruction_is_where_its_slice_number_puts_it(tmp_path):
    vector = (3, 1, 6, 2, 5, 4)
    reconstructed(tmp_path / "nm", vector, SpacingBetweenSlices="-4")
    (loadable,) = examine(headers_of_path(tmp_path)[0])
    assert (loadable.kind, loadable.dimensions, loadable.warnings) == ("volume", (COLUMNS, ROWS, 6), ())
    volume = run_to_end(load_job(loadable))
    for value, (frame, row, column) in enumerate(np.ndindex(FRAMES, ROWS, COLUMNS)):
        place = (1 + 2 * column, 2 - 4 * (vector[frame] - 1), 3 - 2 * row)
        (found,) = np.argwhere(volume.array == value)
        assert volume.ijk_to_lps @ (*found[::-1], 1) == pytest.approx((*place, 1))


@pytest.mark.parametrize("keyword", ["SpacingBetweenSlices", "DetectorInformationSequence"])
def test_without_spacing_or_detector_slices_have_no_place_and_thickness_is_no_spacing(tmp_path, keyword):
    path = reconstructed(tmp_path / "nm", edit=lambda dataset: dataset.pop(keyword))
    assert positions(path) == [None] * 6


def test_slices_without_a_vector_count_in_the_order_of_the_frames(tmp_path):
    path = reconstructed(tmp_path / "nm", edit=lambda dataset: dataset.pop("SliceVector"))
    assert [place[1] for place in positions(path)] == [2, 6, 10, 14, 18, 22]


@pytest.mark.parametrize(
    ("vector", "sentence"),
    [([1, 2, 3], "SliceVector has 3 values for 6 frames"), ([0, 1, 2, 3, 4, 5], "no numbers from 1 on")],
)
def test_a_vector_that_does_not_fit_its_frames_is_refused(tmp_path, vector, sentence):
    path = reconstructed(tmp_path / "nm", edit=lambda dataset: setattr(dataset, "SliceVector", vector))
    with pytest.raises(FrameTableError, match=sentence):
        frame_headers(read_header(path))
    (loadable,) = examine(headers_of_path(tmp_path)[0])
    assert sentence in loadable.refusal


def test_a_gated_reconstruction_has_a_time_a_slot_and_a_place_a_slice(tmp_path):
    path = reconstructed(
        tmp_path / "nm",
        (1, 2, 3, 1, 2, 3),
        FrameIncrementPointer=[TIME_SLOTS, SLICES],
        TimeSlotVector=[1, 1, 1, 2, 2, 2],
        NumberOfSlices=3,
        GatedInformationSequence=[item(DataInformationSequence=[item(FrameTime="62.5")])],
    )
    frames = frame_headers(read_header(path))
    assert [frame.number("TimeSlotVector") for frame in frames] == [1, 1, 1, 2, 2, 2]
    assert [frame.number("TriggerTime") for frame in frames] == [0, 0, 0, 62.5, 62.5, 62.5]
    assert [frame.floats("ImagePositionPatient")[1] for frame in frames] == [2, 6, 10, 2, 6, 10]


def sequence_of(folder):
    (loadable,) = examine(headers_of_path(folder)[0])
    assert (loadable.kind, loadable.refusal, loadable.warnings) == ("sequence", "", ())
    return run_to_end(load_job(loadable))


@pytest.mark.parametrize("timed", [True, False])
def test_gates_become_a_fourth_axis_and_slices_the_third(tmp_path, timed):
    gated = [item(DataInformationSequence=[item(FrameTime="62.5")])] if timed else []
    reconstructed(
        tmp_path / "nm",
        (3, 1, 2, 1, 3, 2),
        FrameIncrementPointer=[TIME_SLOTS, SLICES],
        TimeSlotVector=[1, 2, 1, 1, 2, 2],
        NumberOfSlices=3,
        GatedInformationSequence=gated,
    )
    sequence = sequence_of(tmp_path)
    assert sequence.axis.values == ((0.0, 62.5) if timed else (1.0, 2.0))
    first = [[volume.array[k, 0, 0] // (ROWS * COLUMNS) for k in range(3)] for volume in sequence.volumes]
    assert first == [[3, 2, 0], [1, 5, 4]]  # frames, by slice
    assert [place[1] for place in sequence.volumes[1].slice_positions] == [2, 6, 10]


def test_frames_of_a_cine_in_one_place_are_a_sequence_over_time_and_no_volume(tmp_path):
    multi_frame(
        tmp_path / "us",
        US,
        FrameTimeVector=["0", "40", "40", "30", "30", "60"],
        ImagePositionPatient=["1", "2", "3"],
        ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
        PixelSpacing=["1", "1"],
        SliceThickness="1",
    )
    sequence = sequence_of(tmp_path)
    assert sequence.axis.values == (0, 0.04, 0.08, 0.11, 0.14, 0.2)
    assert [volume.array[0, 0, 0] for volume in sequence.volumes] == [n * ROWS * COLUMNS for n in range(FRAMES)]


def test_a_dynamic_study_has_the_times_of_its_phases(tmp_path):
    phases = [
        item(PhaseDelay="100", ActualFrameDuration="1000", PauseBetweenFrames="10", NumberOfFramesInPhase=2),
        item(PhaseDelay="50", ActualFrameDuration="5000", PauseBetweenFrames="0", NumberOfFramesInPhase=2),
    ]
    path = multi_frame(
        tmp_path / "nm",
        NM,
        4,
        FrameIncrementPointer=[0x00540010, PHASES, 0x00540100],
        EnergyWindowVector=[1] * 4,
        PhaseVector=[1, 1, 2, 2],
        TimeSliceVector=[1, 2, 1, 2],
        PhaseInformationSequence=phases,
        EnergyWindowInformationSequence=[item(EnergyWindowName="Tc99m")],
    )
    frames = frame_headers(read_header(path))
    # 100; 100 + 1010; 100 + 2 * 1010 + 50; 5000 later
    assert [frame.number("FrameStartTime") for frame in frames] == [100, 1110, 2170, 7170]
    assert [frame.number("ActualFrameDuration") for frame in frames] == [1000, 1000, 5000, 5000]
    assert {frame.text("EnergyWindowName") for frame in frames} == {"Tc99m"}


def test_without_a_pointer_the_vectors_that_fit_count(tmp_path):
    def edit(dataset):
        del dataset.FrameIncrementPointer

    path = reconstructed(tmp_path / "nm", (2, 1, 3, 4, 5, 6), edit=edit, PhaseVector=[1, 2])
    assert [place[1] for place in positions(path)] == [6, 2, 10, 14, 18, 22]
    assert all("PhaseVector" not in frame.attributes for frame in frame_headers(read_header(path)))


def test_a_vector_that_is_pointed_to_and_missing_is_named(tmp_path):
    path = multi_frame(tmp_path / "nm", NM, FrameIncrementPointer=[TIME_SLOTS])
    with pytest.raises(
        FrameTableError, match="its TimeSlotVector is missing, to which its Frame Increment Pointer points"
    ):
        frame_headers(read_header(path))


def test_a_vector_that_nothing_points_to_says_nothing_of_the_frames(tmp_path):
    path = reconstructed(tmp_path / "nm", PhaseVector=[1, 2])
    assert all("PhaseVector" not in frame.attributes for frame in frame_headers(read_header(path)))


def test_one_frame_of_nuclear_medicine_has_the_place_of_its_detector(tmp_path):
    (frame,) = frame_headers(read_header(reconstructed(tmp_path / "nm", (1,), SliceVector=1)))
    assert frame.floats("ImagePositionPatient") == (1, 2, 3)


# --- cine


@pytest.mark.parametrize(
    ("written", "times"),
    [
        ({"FrameTime": "40", "FrameIncrementPointer": 0x00181063}, [0, 40, 80, 120, 160, 200]),
        ({"FrameTimeVector": ["0", "40", "40", "30", "30", "60"]}, [0, 40, 80, 110, 140, 200]),
        ({"FrameTimeVector": ["0", "40"], "FrameTime": "10"}, [0, 10, 20, 30, 40, 50]),
        ({"CineRate": "25"}, [0, 40, 80, 120, 160, 200]),
        ({"RecommendedDisplayFrameRate": "50"}, [0, 20, 40, 60, 80, 100]),
        ({"FrameTime": "0"}, [None] * 6),
        ({}, [None] * 6),
    ],
)
def test_frames_of_a_cine_begin_when_its_increments_say(tmp_path, written, times):
    frames = frame_headers(read_header(multi_frame(tmp_path / "us", US, **written)))
    assert [frame.number("FrameStartTime") for frame in frames] == [t if t is None else pytest.approx(t) for t in times]
    assert all("ImagePositionPatient" not in frame.attributes for frame in frames)
    for number, frame in enumerate(frames):
        assert read_stored_values(frame)[0, 0] == number * ROWS * COLUMNS


def test_a_single_frame_is_no_cine(tmp_path):
    header = read_header(multi_frame(tmp_path / "us", US, 1, FrameTime="40"))
    assert frame_headers(header) == (header,)


# --- dose


def dose(path, offsets, position=("1", "2", "30"), orientation=factories.AXIAL, **written):
    return multi_frame(
        path,
        DOSE,
        FrameIncrementPointer=0x3004000C,
        GridFrameOffsetVector=[factories.ds(offset) for offset in offsets],
        ImagePositionPatient=list(position),
        ImageOrientationPatient=[factories.ds(v) for v in orientation],
        PixelSpacing=["2", "2"],
        DoseGridScaling="0.0001",
        DoseUnits="GY",
        **written,
    )


RELATIVE = [0, 2.5, 5, 7.5, 10, 12.5]


@pytest.mark.parametrize(
    ("offsets", "orientation", "expected"),
    [
        (RELATIVE, factories.AXIAL, [(1, 2, 30 + offset) for offset in RELATIVE]),
        ([-offset for offset in RELATIVE], factories.AXIAL, [(1, 2, 30 - offset) for offset in RELATIVE]),
        ([30 + offset for offset in RELATIVE], factories.AXIAL, [(1, 2, 30 + offset) for offset in RELATIVE]),
        ([30 - offset for offset in RELATIVE], factories.AXIAL, [(1, 2, 30 - offset) for offset in RELATIVE]),
        (RELATIVE, factories.CORONAL, [(1, 2 + offset, 30) for offset in RELATIVE]),
        ([0, 1, 5, 6, 7, 20], factories.AXIAL, [(1, 2, z) for z in (30, 31, 35, 36, 37, 50)]),
        # lying the other way round: relative offsets go along the normal, absolute ones are z all the same
        (RELATIVE, (1, 0, 0, 0, -1, 0), [(1, 2, 30 - offset) for offset in RELATIVE]),
        ([30 + offset for offset in RELATIVE], (1, 0, 0, 0, -1, 0), [(1, 2, 30 + offset) for offset in RELATIVE]),
    ],
)
def test_planes_of_a_dose_lie_by_relative_or_absolute_offsets(tmp_path, offsets, orientation, expected):
    path = dose(tmp_path / "dose", offsets, orientation=orientation)
    frames = frame_headers(read_header(path))
    assert [frame.floats("ImagePositionPatient") for frame in frames] == [pytest.approx(place) for place in expected]
    assert {(frame.text("RescaleSlope"), frame.text("RescaleType")) for frame in frames} == {("0.0001", "GY")}


@pytest.mark.parametrize(
    ("offsets", "orientation", "sentence"),
    [
        ([5, 7, 9, 11, 13, 15], factories.AXIAL, "begins with 5, which is neither 0 nor the z of its position"),
        ([30, 32, 34, 36, 38, 40], factories.CORONAL, "begins with 30, which is neither"),
        ([0, 1, 2], factories.AXIAL, "6 planes, and of Grid Frame Offsets 3"),
    ],
)
def test_a_dose_whose_planes_have_no_sure_place_is_refused(tmp_path, offsets, orientation, sentence):
    with pytest.raises(FrameTableError, match=sentence):
        frame_headers(read_header(dose(tmp_path / "dose", offsets, orientation=orientation)))


def test_one_plane_of_dose_lies_at_its_position_without_offsets(tmp_path):
    path = multi_frame(
        tmp_path / "d", DOSE, 1, ImagePositionPatient=["1", "2", "3"], DoseGridScaling="0.5", DoseUnits="GY"
    )
    (frame,) = frame_headers(read_header(path))
    assert (frame.text("ImagePositionPatient"), frame.text("RescaleSlope")) == ("1\\2\\3", "0.5")


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient"])
def test_a_dose_without_a_place_is_refused(tmp_path, keyword):
    with pytest.raises(FrameTableError, match="no usable position or orientation"):
        frame_headers(read_header(dose(tmp_path / "dose", RELATIVE, edit=lambda dataset: dataset.pop(keyword))))


def test_a_real_dose_has_its_planes_where_it_says(shared_data):
    frames = frame_headers(read_header(shared_data / "rt_small_set" / "rtdose.dcm"))
    assert [frame.floats("ImagePositionPatient")[2] for frame in frames] == pytest.approx(
        [-761.87 + 5 * number for number in range(15)]
    )


@pytest.mark.parametrize("count", ["7", "100000", "999999"])
def test_more_frames_than_the_pixel_data_can_hold_are_refused_before_they_are_made(tmp_path, count):
    header = read_header(multi_frame(tmp_path / "us", US, NumberOfFrames=count))
    with pytest.raises(FrameTableError, match=f"its {count} frames need at least"):
        frame_headers(header)
