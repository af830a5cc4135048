"""Frames that share their places, judged by headers alone: which attribute makes them several volumes."""

# ruff: noqa: ARG005 - what tells volumes apart is made from time point and place, though one may not matter
from __future__ import annotations

import random
from dataclasses import replace

import pytest
from test_grouping import frame

from DICOMModule.volume.fourth_axis import DOUBLED, OF_ONE_TIME, SUPPOSED
from DICOMModule.volume.fourth_dimension import read_fourth_dimension

PLACES = 5


def series(count, of_part, places=PLACES, number=None, drop=()):
    """Return frames of `count` volumes; `of_part(t, k)` gives what tells them apart. Which is which: LPS x is t in 1e-9."""
    frames, made = [], 0
    for t in range(count):
        for k in range(places):
            made += 1
            if (t, k) in drop:
                continue
            attributes = {"Known": f"{t}/{k}", **of_part(t, k)}
            written = number(t, k) if number else made
            frames.append(frame(written, (0, 0, 2.0 * k), SOPInstanceUID=f"1.2.{t}.{k}", **attributes))
    random.Random(count).shuffle(frames)
    return frames


def truth(sequence):
    """Return for each volume of a sequence the t and the k of its frames as they were made."""
    return [[tuple(map(int, f.header.text("Known").split("/"))) for f in part] for part in sequence.parts]


def only(frames):
    reading = read_fourth_dimension(frames)
    assert (reading.refusal, reading.alternatives) == ("", ())
    (sequence,) = reading.sequences
    return sequence


def in_order(count, places=PLACES):
    return [[(t, k) for k in range(places)] for t in range(count)]


@pytest.mark.parametrize(
    ("of_part", "axis"),
    [
        (lambda t: {"EchoTime": f"{2.5 * (t + 1)}"}, ("TE", "ms", (2.5, 5.0, 7.5))),
        (lambda t: {"EchoNumbers": str(t + 1)}, ("EchoNumbers", "", (1, 2, 3))),
        (lambda t: {"TriggerTime": f"{40 * t}"}, ("TriggerTime", "ms", (0, 40, 80))),
        (lambda t: {"NominalPercentageOfCardiacPhase": 10.0 * t}, ("cardiac phase", "%", (0, 10, 20))),
        (lambda t: {"ScanOptions": f"HELIX\\TP{30 + t} %"}, ("cardiac phase", "%", (30, 31, 32))),
        (lambda t: {"TemporalPositionIdentifier": str(t + 1)}, ("TemporalPositionIdentifier", "", (1, 2, 3))),
        (
            lambda t: {"TemporalPositionIdentifier": str(t + 1), "AcquisitionTime": f"10000{2 * t}.5"},
            ("time", "s", (0, 2, 4)),
        ),
        (
            lambda t: {"TemporalPositionIdentifier": str(t + 1), "TemporalResolution": "1500"},
            ("time", "s", (0, 1.5, 3)),
        ),
        (lambda t: {"FrameReferenceTime": f"{500 * 10**t}"}, ("time", "s", (0.5, 5, 50))),
        (lambda t: {"PhilipsDynamicTime": 2.5 * t}, ("time", "s", (0, 2.5, 5))),
        (lambda t: {"GEDeltaStartTime": f"{1.5 * t + 2:.6f}"}, ("time", "s", (2, 3.5, 5))),
        (
            lambda t: {"TemporalPositionIdentifier": str(t + 1), "PhilipsDynamicTime": 2.5 * t},
            ("time", "s", (0, 2.5, 5)),
        ),
        (lambda t: {"SiemensICEDims": f"X_1_1_{t + 1}_1_1_1_1_1_1_1_1_620"}, ("ICE dimension 3", "", (1, 2, 3))),
        (lambda t: {"InversionTime": f"{100 + t}"}, ("TI", "ms", (100, 101, 102))),
        (lambda t: {"FlipAngle": f"{5 * t + 2}"}, ("flip angle", "°", (2, 7, 12))),
        (lambda t: {"RepetitionTime": f"{5 * t + 2}"}, ("TR", "ms", (2, 7, 12))),
        (lambda t: {"AcquisitionNumber": str(t + 4)}, ("AcquisitionNumber", "", (4, 5, 6))),
        (
            lambda t: {"AcquisitionDate": f"2026030{t + 1}", "AcquisitionTime": "235959"},
            ("time", "s", (0, 86400, 172800)),
        ),
        (lambda t: {"AcquisitionDateTime": f"20260309101{t}00.25"}, ("time", "s", (0, 60, 120))),
        (lambda t: {"ContentTime": f"10000{t}"}, ("time", "s", (0, 1, 2))),
    ],
)
def test_the_attribute_that_tells_volumes_apart_is_the_axis(of_part, axis):
    # the numbers of the instances contradict, and file and frame order are shuffled: neither may decide
    sequence = only(series(3, lambda t, _k: of_part(t), number=lambda t, k: 100 - 10 * t - (k * 7) % 5))
    assert (sequence.axis.name, sequence.axis.unit, sequence.axis.values) == axis
    assert truth(sequence) == in_order(3)
    assert (sequence.warnings, sequence.left_out) == ((), ())


def test_the_axis_of_a_time_series_is_told_and_that_of_echoes_needs_no_word():
    trigger = only(series(25, lambda t, k: {"TriggerTime": str(t * 33)}))
    assert trigger.notes == ("4D by TriggerTime (25 phases).",)
    assert only(series(2, lambda t, k: {"EchoTime": str(t + 1)})).notes == ()


def test_numbers_that_are_written_in_two_ways_are_one_value():
    sequence = only(series(2, lambda t, k: {"EchoTime": ("2.46", "2.460")[k % 2] if t else "1"}))
    assert sequence.axis.values == (1, 2.46)


@pytest.mark.parametrize("same", [True, False])
def test_trigger_times_of_slices_are_no_axis_but_their_time(same):
    # Each slice has a trigger time of its own: the delay within the volume, or that plus the time of the volume.
    def of_part(t, k):
        return {"TriggerTime": str(100 * k + (0 if same else 2000 * t))}

    sequence = only(series(4, of_part))
    assert truth(sequence) == in_order(4)
    assert sequence.keyword == ""
    if same:
        assert (sequence.axis.name, sequence.axis.unit, sequence.axis.values) == ("time point", "", (1, 2, 3, 4))
    else:
        assert (sequence.axis.name, sequence.axis.values) == ("TriggerTime", (200, 2200, 4200, 6200))


def test_times_of_slices_beside_temporal_positions_are_no_axis():
    sequence = only(
        series(3, lambda t, k: {"TriggerTime": str(t * 7 + k), "TemporalPositionIdentifier": str(t + 1)}, places=9)
    )
    assert sequence.keyword == "TemporalPositionIdentifier"
    assert truth(sequence) == in_order(3, 9)


def test_heart_phases_whose_trigger_times_differ_from_slice_to_slice_go_by_their_time_not_by_their_number():
    sequence = only(series(3, lambda t, k: {"TriggerTime": str(40 * t + 1.7 * k)}, number=lambda t, k: 50 - t))
    assert truth(sequence) == in_order(3)


@pytest.mark.parametrize("slices_first", [True, False])
def test_without_an_attribute_the_order_of_the_instances_decides(slices_first):
    sequence = only(series(4, lambda t, k: {}, number=lambda t, k: 10 * t + k if slices_first else 10 * k + t))
    assert truth(sequence) == in_order(4)
    assert (sequence.axis.name, sequence.axis.values) == ("time point", (1, 2, 3, 4))
    assert sequence.notes == ("4D by position and order of acquisition (4 time points).",)


@pytest.mark.parametrize(
    ("of_part", "warnings"),
    [
        (lambda t, k: {}, (SUPPOSED,)),
        (lambda t, k: {"AcquisitionTime": f"10000{k}"}, (OF_ONE_TIME.format("Instance Number"),)),
        (
            lambda t, k: {"AcquisitionTime": f"10000{k}", "ContentTime": f"11000{t}"},
            (OF_ONE_TIME.format("Content Time"),),
        ),
        (lambda t, k: {"AcquisitionTime": f"10{t:02d}0{k}"}, ()),
        (lambda t, k: {"AcquisitionTime": f"10000{k}", "NumberOfTemporalPositions": "3"}, ()),
        (lambda t, k: {"NumberOfTemporalPositions": "1"}, (SUPPOSED,)),
        (lambda t, k: {"NumberOfTemporalPositions": "4"}, (SUPPOSED,)),  # of what a map was made from
        (lambda t, k: {"ContentTime": f"11000{t}"}, ()),
    ],
)
def test_volumes_that_only_numbers_or_the_time_of_storing_tell_apart_may_be_no_time_points(of_part, warnings):
    sequence = only(series(3, of_part))
    assert truth(sequence) == in_order(3)
    assert sequence.warnings == warnings


@pytest.mark.parametrize("keyword", ["GEDeltaStartTime", "PhilipsDynamicTime"])
def test_a_makers_time_of_each_slice_is_no_axis(keyword):
    def of_part(t, k):
        return {keyword: 0.25 * k, "TemporalPositionIdentifier": str(t + 1)}

    sequence = only(series(3, of_part))
    assert truth(sequence) == in_order(3)
    assert (sequence.keyword, sequence.warnings) == ("TemporalPositionIdentifier", ())


def test_echoes_that_all_say_the_first_echo_time_are_told_apart_by_their_order_with_a_warning():
    """As GE writes some multi-echo series."""
    sequence = only(series(3, lambda t, k: {"EchoTime": "13.2", "EchoNumbers": "1", "AcquisitionTime": "101600"}))
    assert truth(sequence) == in_order(3)
    assert sequence.warnings == (OF_ONE_TIME.format("Instance Number"),)


def test_acquisition_times_of_slices_decide_before_numbers():
    sequence = only(
        series(3, lambda t, k: {"AcquisitionTime": f"1000{10 * t + k:02d}"}, number=lambda t, k: 40 - 10 * t + k)
    )
    assert truth(sequence) == in_order(3)
    assert (sequence.axis.name, sequence.axis.unit, sequence.axis.values) == ("time", "s", (0, 10, 20))


def test_nothing_that_tells_an_order_is_guessed():
    reading = read_fourth_dimension(series(3, lambda t, k: {}, number=lambda t, k: "", drop={(1, 2)}))
    assert reading.sequences == ()
    assert "There are 2 to 3 images at one position (14 at 5 positions)" in reading.refusal


def test_an_incomplete_last_time_point_is_left_out_by_name():
    drop = {(3, 3), (3, 4)}
    told = "Last time point has 3/5 slices; loaded as incomplete."
    for of_part, warnings in (
        (lambda t, k: {"TemporalPositionIdentifier": str(t + 1)}, (told,)),
        (lambda t, k: {}, (told, SUPPOSED)),
    ):
        sequence = only(series(4, of_part, drop=drop))
        assert truth(sequence) == in_order(3)
        assert sequence.warnings == warnings
        ((_, frames),) = sequence.left_out
        assert [f.header.text("Known") for f in frames] == ["3/0", "3/1", "3/2"]


def test_of_two_time_points_an_incomplete_one_leaves_a_volume():
    sequence = only(series(2, lambda t, k: {"TemporalPositionIdentifier": str(t + 1)}, drop={(1, 4)}))
    assert sequence.axis is None
    assert truth(sequence) == in_order(1)
    assert len(sequence.left_out) == 1


def test_a_slice_that_was_lost_on_the_way_leaves_a_gap_in_its_time_point():
    sequence = only(series(4, lambda t, k: {"TemporalPositionIdentifier": str(t + 1)}, drop={(1, 2)}))
    assert [len(part) for part in sequence.parts] == [5, 4, 5, 5]
    assert sequence.warnings == ("Time point 2 has 4/5 slices; shown with gaps.",)


@pytest.mark.parametrize("times", [True, False])
def test_a_slice_that_was_lost_from_one_round_of_several_leaves_a_gap_in_it(times):
    def of_part(t, k):
        return {"AcquisitionTime": f"1000{PLACES * t + k:02d}"} if times else {}

    sequence = only(series(4, of_part, drop={(1, 2)}))
    assert truth(sequence) == [[(t, k) for k in range(PLACES) if (t, k) != (1, 2)] for t in range(4)]
    told = "Time point 2 has 4/5 slices; shown with gaps."
    assert sequence.warnings == ((told,) if times else (told, SUPPOSED))


@pytest.mark.parametrize(("lost", "told"), [((0, 2), "Time point 1 has 4/5"), ((1, 2), "Last time point has 4/5")])
def test_of_two_rounds_one_that_lacks_a_slice_is_not_mixed_with_the_other(lost, told):
    sequence = only(series(2, lambda t, k: {}, drop={lost}))
    assert all(len({t for t, _ in part}) == 1 for part in truth(sequence))
    assert sequence.warnings[0].startswith(told)
    # without its last volume there is one volume, and nothing to suppose
    assert sequence.warnings[1:] == ((SUPPOSED,) if sequence.axis else ())


def test_a_round_of_which_much_was_lost_is_not_guessed():
    assert read_fourth_dimension(series(4, lambda t, k: {}, drop={(1, 2), (1, 3)})).refusal


def test_a_lost_slice_that_no_attribute_places_is_not_guessed():
    reading = read_fourth_dimension(series(4, lambda t, k: {}, number=lambda t, k: 10 * k + t, drop={(1, 2)}))
    assert reading.refusal


def test_echoes_in_a_time_series_are_a_sequence_each():
    def of_part(t, k):
        return {"EchoTime": str(10 * (t % 2 + 1)), "TemporalPositionIdentifier": str(t // 2 + 1)}

    first, second = read_fourth_dimension(series(6, of_part)).sequences
    assert (first.label, second.label) == ("TE 10 ms", "TE 20 ms")
    assert [part[0][0] for part in truth(first)] == [0, 2, 4]
    assert [part[0][0] for part in truth(second)] == [1, 3, 5]
    assert {first.axis.name, second.axis.name} == {"TemporalPositionIdentifier"}


def test_echoes_in_a_time_series_without_numbers_are_a_sequence_each():
    first, second = read_fourth_dimension(series(6, lambda t, k: {"EchoTime": str(10 * (t % 2 + 1))})).sequences
    assert [part[0][0] for part in truth(first)] == [0, 2, 4]
    assert [part[0][0] for part in truth(second)] == [1, 3, 5]


def test_heart_phases_of_several_rounds_are_a_sequence_a_round():
    def of_part(t, k):
        return {"TriggerTime": str(40 * (t % 3)), "TemporalPositionIdentifier": str(t // 3 + 1)}

    readings = [
        read_fourth_dimension(series(6, of_part)),
        read_fourth_dimension(series(6, lambda t, k: {"TriggerTime": str(40 * (t % 3))})),
    ]
    for reading in readings:
        assert [[part[0][0] for part in truth(one)] for one in reading.sequences] == [[0, 1, 2], [3, 4, 5]]
        assert {one.axis.values for one in reading.sequences} == {(0, 40, 80)}


def test_two_attributes_that_put_other_frames_together_are_alternatives():
    def of_part(t, k):
        return {"EchoTime": str(t + 1), "TriggerTime": str(10 * ((t + k) % 3))}

    reading = read_fourth_dimension(series(3, of_part))
    (chosen,), (other,) = reading.sequences, reading.alternatives
    assert (chosen.keyword, other.keyword) == ("EchoTime", "TriggerTime")
    assert truth(chosen) == in_order(3)
    assert [[t for t, _ in part] for part in truth(other)] == [[0, 2, 1, 0, 2], [1, 0, 2, 1, 0], [2, 1, 0, 2, 1]]


def test_a_single_slice_over_time_is_a_sequence():
    sequence = only(series(10, lambda t, k: {"TriggerTime": str(30 * t)}, places=1))
    assert truth(sequence) == in_order(10, 1)


DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))


def weighted(t, _k):
    """Two volumes without weighting, three directions of b = 1000, two of b = 2000."""
    if t in (0, 4):
        return {"DiffusionBValue": 0.0}
    b, which = (1000.0, (1, 2, 3).index(t)) if t < 4 else (2000.0, t - 5)
    return {"DiffusionBValue": b, "DiffusionGradientOrientation": DIRECTIONS[which]}


def test_diffusion_goes_by_b_value_then_by_direction_and_unweighted_volumes_stay_apart():
    sequence = only(series(7, weighted))
    assert [part[0][0] for part in truth(sequence)] == [0, 4, 1, 2, 3, 5, 6]
    assert (sequence.axis.name, sequence.axis.unit) == ("b-value", "s/mm²")
    assert sequence.axis.values == (0, 0, 1000, 1000, 1000, 2000, 2000)
    assert sequence.axis.labels[1:3] == ("b=0", "b=1000 (1.000, 0.000, 0.000)")
    assert sequence.axis.labels[4] == "b=1000 (0.000, 0.000, -1.000)"


def test_averages_of_one_weighting_stay_apart():
    sequence = only(series(4, lambda t, k: {"DiffusionBValue": (0.0, 500.0)[t % 2]}))
    assert [part[0][0] for part in truth(sequence)] == [0, 2, 1, 3]
    assert sequence.axis.values == (0, 0, 500, 500)


@pytest.mark.parametrize(
    ("maker", "warning"),
    [
        ("CANON_MEC", "1 of 3 volumes lack b-value; assumed b=0 (Canon)."),
        ("Other", "1 of 3 volumes lack b-value; assumed b=0."),
    ],
)
def test_volumes_without_b_value_beside_others_are_unweighted_with_a_warning(maker, warning):
    def of_part(t, k):
        return {"Manufacturer": maker, **({"DiffusionBValue": 500.0 * t} if t else {})}

    sequence = only(series(3, of_part))
    assert sequence.warnings == (warning,)
    assert sequence.axis.values == (0, 500, 1000)


def test_weighting_is_read_from_a_comment_where_it_is_nowhere_else():
    sequence = only(
        series(
            2, lambda t, k: {"Manufacturer": "CANON_MEC", "ImageComments": "b=1500(0.6,0.8,0)" if t else "b=0(0,0,0)"}
        )
    )
    assert sequence.axis.labels == ("b=0", "b=1500 (0.6,0.8,0)")


def test_one_b_value_for_all_is_no_axis():
    sequence = only(series(2, lambda t, k: {"DiffusionBValue": 0.0, "TemporalPositionIdentifier": str(t + 1)}))
    assert sequence.keyword == "TemporalPositionIdentifier"


def test_frames_of_a_dynamic_pet_say_how_long_they_lasted():
    sequence = only(
        series(3, lambda t, k: {"FrameReferenceTime": str(5000 * 2**t), "ActualFrameDuration": str(1000 * 2**t)})
    )
    assert sequence.axis.values == (5, 10, 20)
    assert sequence.axis.labels == ("1 s long", "2 s long", "4 s long")


def test_copies_are_no_fourth_dimension():
    single = series(1, lambda t, k: {})
    once_more = frame(99, (0, 0, 4.0), SOPInstanceUID="1.9", AcquisitionTime="101010")
    assert read_fourth_dimension([*single, once_more]).sequences == ()
    twice = [frame(k + 1, (0, 0, 2.0 * k), SOPInstanceUID=f"1.8.{k}") for k in range(PLACES)]
    assert read_fourth_dimension([*single, *twice]).sequences == ()


def test_copies_in_a_time_series_go_with_the_image_that_they_copy():
    def of_part(t, k):
        return {"TemporalPositionIdentifier": str(t + 1)}

    frames = series(3, of_part)
    twin = frame(8, (0, 0, 4.0), SOPInstanceUID="1.9", Known="1/2", **of_part(1, 2))
    other = frame(77, (0, 0, 6.0), SOPInstanceUID="1.10", Known="2/3", **of_part(2, 3))
    sequence = only([*frames, twin, other])
    assert truth(sequence) == [
        in_order(1)[0],
        [(1, 0), (1, 1), (1, 2), (1, 2), (1, 3), (1, 4)],
        [(2, 0), (2, 1), (2, 2), (2, 3), (2, 3), (2, 4)],
    ]


def test_a_volume_in_one_space_has_no_fourth_dimension():
    assert read_fourth_dimension(series(1, lambda t, k: {"EchoTime": str(k)})).sequences == ()


@pytest.mark.parametrize("keyword", ["AcquisitionNumber", "FrameReferenceTime", "TriggerTime"])
def test_what_counts_on_from_slice_to_slice_tells_the_order_before_the_numbers_of_instances(keyword):
    sequence = only(series(3, lambda t, k: {keyword: str(PLACES * t + k + 1)}, number=lambda t, k: 50 - t))
    assert truth(sequence) == in_order(3)


def directed(t):
    return {"DiffusionBValue": 800.0, "DiffusionGradientOrientation": ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0))[t % 2]}


@pytest.mark.parametrize("lost", [{(0, 0)}, {(0, 1), (1, 0)}, {(t, k) for t in (0, 1) for k in range(1, PLACES)}])
@pytest.mark.parametrize("number", [lambda t, k: 9 - 5 * t + k, lambda t, k: 2 * k + 1 - t])
def test_directions_keep_their_order_though_some_images_lost_their_number(lost, number):
    frames = series(2, lambda t, k: directed(t), number=lambda t, k: "" if (t, k) in lost else number(t, k))
    sequence = only(frames)
    assert truth(sequence) == in_order(2)[::-1]
    assert sequence.warnings == ()


def test_that_the_order_of_directions_is_not_known_is_told():
    sequence = only(series(2, lambda t, k: directed(t), number=lambda t, k: "" if (t + k) % 2 else 2 * k + t))
    assert all(len({t for t, _ in part}) == 1 for part in truth(sequence))
    told = "Not all images tell their Instance Number: the order of the volumes of one b-value is not known."
    assert sequence.warnings == (told,)


def test_volumes_weighted_alike_of_which_nothing_tells_the_order_are_not_mixed():
    def of_part(t, k):
        return directed(0) if t == 2 else {"DiffusionBValue": 0.0}

    reading = read_fourth_dimension(series(3, of_part, number=lambda t, k: ""))
    assert reading.sequences == ()  # all are compared with each other, and refused where they are not the same


@pytest.mark.parametrize(
    ("time", "times", "warnings"),
    [
        (lambda t: t // 2, 4, (DOUBLED,)),  # each direction twice at its time
        (lambda t: t, 4, ()),  # repeats
        (lambda _t: 0, 3, ()),  # all of one time, as some scanners write it, and one direction twice
    ],
)
def test_a_direction_that_comes_twice_at_its_own_time_may_be_a_copy(time, times, warnings):
    def of_part(t, k):
        return {**directed((0, 0, 1, 1)[t]), "AcquisitionTime": f"1016{time(t):02d}"}

    sequence = only(series(times, of_part))
    assert all(len({t for t, _ in part}) == 1 for part in truth(sequence))
    assert sequence.warnings == warnings


@pytest.mark.parametrize("twin", [False, True])
def test_volumes_weighted_alike_are_told_apart_by_their_times_though_numbers_are_in_any_order(twin):
    """A slice is lost from one of them, and another came twice: neither moves the images of its place."""

    def of_part(t, k):
        return {"DiffusionBValue": 1000.0 * (t > 0), "AcquisitionTime": f"1016{5 * t:02d}"}

    frames = series(6, of_part, number=lambda t, k: (7 * (PLACES * t + k)) % 31, drop={(3, 0)})
    if twin:
        again = next(one for one in frames if one.header.text("Known") == "4/2")
        attributes = {**again.header.attributes, "InstanceNumber": "900", "SOPInstanceUID": "1.2.99"}
        frames.append(replace(again, header=replace(again.header, attributes=attributes)))
    sequence = only(frames)
    assert [sorted({t for t, _ in part}) for part in truth(sequence)] == [[t] for t in range(6)]
