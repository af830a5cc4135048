"""Dimension indexes of multi-frame images that contradict the positions: the positions decide, with a warning (S16)."""

from __future__ import annotations

import pytest
from test_enhanced_frames import COLUMNS, ROWS, enhanced
from test_vendor_attributes import item

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job

SENTENCE = "Dimension indices inconsistent with positions; order derived from positions."
TIMES = [0, 1, 2, 0, 1, 2, 0, 1, 2]  # the place of each frame: three times of three slices


def content(place, temporal=None, indexes=None, **values):
    found = item(StackID="1", InStackPositionNumber=place + 1, DimensionIndexValues=indexes or [1, place + 1], **values)
    if temporal is not None:
        found.TemporalPositionIndex = temporal
    return found


def loaded(tmp_path, places, content_of):
    def edit_frame(group, number):
        group.FrameContentSequence = [content_of(number)]

    enhanced(tmp_path / "e", places, edit_frame)
    (found,) = examine(headers_of_path(tmp_path)[0])
    return found, run_to_end(load_job(found))


def frame_numbers(volume):
    return [int(number) // (ROWS * COLUMNS) for number in volume.array[:, 0, 0]]


@pytest.mark.parametrize("temporal", [1, None])
def test_one_index_for_all_times_does_not_mix_them(tmp_path, temporal):
    found, sequence = loaded(tmp_path, TIMES, lambda n: content(TIMES[n], temporal))
    assert found.warnings == (SENTENCE,)
    assert [frame_numbers(volume) for volume in sequence.volumes] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_times_of_frames_decide_where_their_indexes_do_not(tmp_path):
    def content_of(number):
        return content(TIMES[number], 1, FrameAcquisitionDateTime=f"202603091016{30 - 10 * (number // 3):02d}")

    found, sequence = loaded(tmp_path, TIMES, content_of)
    assert (found.warnings, sequence.axis.values) == ((SENTENCE,), (0, 10, 20))
    assert [frame_numbers(volume) for volume in sequence.volumes] == [[6, 7, 8], [3, 4, 5], [0, 1, 2]]


def test_places_in_a_stack_that_are_no_places_do_not_move_a_slice(tmp_path):
    places = [2, 0, 1, 3]
    found, volume = loaded(tmp_path, places, lambda n: content(places[n] // 2))
    assert found.warnings == (SENTENCE,)
    assert frame_numbers(volume) == [1, 2, 0, 3]


def test_indexes_that_agree_are_no_matter_for_words(tmp_path):
    found, sequence = loaded(tmp_path, TIMES, lambda n: content(TIMES[n], n // 3 + 1, [1, TIMES[n] + 1, n // 3 + 1]))
    assert (found.warnings, found.notes) == ((), ("4D by TemporalPositionIdentifier (3 time points).",))
    assert [frame_numbers(volume) for volume in sequence.volumes] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_indexes_may_leave_out_what_an_attribute_says(tmp_path):
    def edit_frame(group, number):
        group.FrameContentSequence = [content(TIMES[number])]
        group.MREchoSequence = [item(EffectiveEchoTime=5.0 * (number // 3 + 1))]

    enhanced(tmp_path / "e", TIMES, edit_frame)
    (found,) = examine(headers_of_path(tmp_path)[0])
    assert (found.warnings, found.axis.values) == ((), (5, 10, 15))
