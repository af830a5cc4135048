"""Which frames belong together, judged by headers alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from factories import AXIAL, CORONAL, ds

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.grouping import split_series
from DICOMModule.volume.planes import plane_of
from DICOMModule.volume.repeats import PlacedFrame, find_repeats


def frame(number, position=(0, 0, 0), orientation=AXIAL, **attributes):
    values = {
        "SOPInstanceUID": f"1.2.{number}",
        "InstanceNumber": str(number),
        "Modality": "MR",
        "Rows": 100,
        "Columns": 100,
        "ImagePositionPatient": "\\".join(map(ds, position)),
        "ImageOrientationPatient": "\\".join(map(ds, orientation)),
        "PixelSpacing": "1\\1",
        **attributes,
    }
    header = InstanceHeader(Path(f"{number}"), 0, 0, "", values)
    return PlacedFrame(header, plane_of(header))


def turned(angle_deg):
    a = np.radians(angle_deg)
    return (np.cos(a), np.sin(a), 0.0, -np.sin(a), np.cos(a), 0.0)


def sizes(frames):
    return [len(group.frames) for group in split_series(frames).groups]


@pytest.mark.parametrize(("angle_deg", "groups"), [(0.0, [6]), (0.02, [6]), (0.1, [6]), (0.2, [3, 3]), (1.0, [3, 3])])
def test_planes_are_parallel_where_their_directions_differ_by_no_more_than_headers_are_inexact(angle_deg, groups):
    frames = [frame(n, (0, 0, n)) for n in range(3)]
    frames += [frame(n, (0, 0, n), turned(angle_deg)) for n in range(3, 6)]
    assert sizes(frames) == groups


def test_orientations_that_differ_in_digits_only_are_one():
    frames = [frame(0), frame(1, (0, 0, 1), (1, 0, 0, 0, 1, 1e-9)), frame(2, (0, 0, 2), (1, -0.0, 0, 0, 1, 0))]
    assert sizes(frames) == [3]


def test_a_lone_odd_plane_beside_a_volume_is_a_localizer_but_a_pair_is_a_volume():
    volume = [frame(n, (0, 0, n)) for n in range(4)]
    split = split_series([frame(9, orientation=CORONAL), *volume])
    assert [(len(group.frames), group.localizer) for group in split.groups] == [(4, False), (1, True)]
    assert split.warnings == ("1 localizer image separated from the volume.",)
    pair = split_series([frame(9, orientation=CORONAL), frame(8, (0, 5, 0), CORONAL), *volume])
    assert [(len(group.frames), group.localizer) for group in pair.groups] == [(4, False), (2, False)]
    assert pair.warnings == ("Series contains 2 orientations; loaded as 2 volumes.",)


def test_a_series_of_one_kind_is_one_group_without_a_word():
    split = split_series([frame(n, (0, 0, n)) for n in range(4)])
    assert (len(split.groups), split.warnings) == (1, ())


@pytest.mark.parametrize("count", [30, 120])  # the second goes round twice
def test_a_rotation_is_no_volume(count):
    (group,) = split_series([frame(n, orientation=turned(6 * n)) for n in range(count)]).groups
    assert (len(group.frames), group.scattered) == (count, True)


def test_the_order_of_the_frames_changes_nothing():
    frames = [frame(n, (0, 0, n)) for n in range(5)] + [frame(n, (0, n, 0), CORONAL) for n in range(5, 9)]
    forward, backward = split_series(frames), split_series(frames[::-1])
    uids = [{f.header.sop_instance_uid for f in group.frames} for group in forward.groups]
    assert uids == [{f.header.sop_instance_uid for f in group.frames} for group in backward.groups]


def test_frames_at_distinct_places_have_no_repeats():
    found = find_repeats([frame(n, (0, 0, n)) for n in range(5)])
    assert (len(found.first), found.copies) == (5, ())


@pytest.mark.parametrize(
    ("spacing_mm", "offset_mm", "copies"),
    [(5, 0, 1), (5, 0.0009, 1), (5, 0.019, 1), (5, 0.021, 0), (0.1, 0.009, 1), (0.1, 0.011, 0)],
)
@pytest.mark.parametrize("axis", [1, 2])
def test_one_place_is_as_wide_as_the_jitter_of_a_grid(spacing_mm, offset_mm, copies, axis):
    place = np.array((0, 0, 2 * spacing_mm), float)
    moved = place.copy()
    moved[axis] += offset_mm
    found = find_repeats([frame(0), frame(1, (0, 0, spacing_mm)), frame(2, place), frame(3, moved)])
    assert len(found.copies) == copies


def test_two_images_in_nearly_one_place_are_no_stack_of_two():
    assert len(find_repeats([frame(0), frame(1, (0, 0, 0.005))]).copies) == 1


def test_of_copies_the_newest_stands():
    found = find_repeats([frame(7, (0, 0, 1)), frame(3, (0, 0, 1)), frame(5)])
    assert [f.header.integer("InstanceNumber") for f in found.first] == [5, 7]
    assert [(index, f.header.integer("InstanceNumber")) for index, f in found.copies] == [(1, 3)]
    timed = [frame(7, AcquisitionTime="101500"), frame(3, AcquisitionTime="101501")]
    assert find_repeats(timed).first[0].header.integer("InstanceNumber") == 3


def test_a_scout_of_three_planes_is_a_localizer_wherever_its_scanner_says_it():
    volume = [frame(n, (0, 0, n)) for n in range(4)]
    scouts = [frame(10 + n, (0, 0, 10.0 + n), GESeriesPlane=256) for n in range(2)]
    split = split_series([*volume, *scouts])
    assert [(len(group.frames), group.localizer) for group in split.groups] == [(4, False), (2, True)]
    assert split.warnings == ("2 localizer images separated from the volume.",)


@pytest.mark.parametrize(("far_mm", "apart"), [(200.0, True), (-300.0, True), (15.0, False)])
def test_an_image_far_from_a_stack_in_its_plane_is_no_slice_of_it(far_mm, apart):
    split = split_series([*(frame(n, (0, 0, n)) for n in range(8)), frame(9, (0, 0, far_mm))])
    assert [(len(g.frames), g.localizer) for g in split.groups] == ([(8, False), (1, True)] if apart else [(9, False)])
