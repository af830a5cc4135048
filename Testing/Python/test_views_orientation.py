"""Orientations, slices, letters, view geometry and layouts: numbers worked out by hand from the design's table."""

from __future__ import annotations

import numpy as np
import picture_truth as truth
import pytest

from DICOMModule.errors import SettingsError
from DICOMModule.views.geometry import ViewGeometry, fit
from DICOMModule.views.layout import EDGE_PX, GAP_PX, LAYOUTS, layout_rects
from DICOMModule.views.orientation import (
    AXIAL,
    CORONAL,
    ORIENTATIONS,
    SAGITTAL,
    box_corners,
    center_position,
    direction_letters,
    slice_stack,
)
from DICOMModule.views.overlay import edge_letters
from DICOMModule.volume.volume import Volume


def volume_of(columns, dimensions=(17, 14, 9), origin=(0.0, 0.0, 0.0)):
    i, j, k = dimensions
    return Volume(np.zeros((k, j, i), np.uint8), truth.matrix(np.asarray(columns, float), origin))


@pytest.mark.parametrize(
    ("orientation", "left", "right", "top", "bottom"),
    [(AXIAL, "R", "L", "A", "P"), (CORONAL, "R", "L", "S", "I"), (SAGITTAL, "A", "P", "S", "I")],
)
def test_the_edges_are_where_radiologists_expect_them(orientation, left, right, top, bottom):
    view = ViewGeometry(100, 100, 1.0, (0.0, 0.0, 0.0), orientation.right_lps, orientation.up_lps)
    letters = edge_letters(view)
    assert (letters.left, letters.right, letters.top, letters.bottom) == (left, right, top, bottom)


@pytest.mark.parametrize(("orientation", "first"), [(AXIAL, "S"), (CORONAL, "A"), (SAGITTAL, "R")])
def test_slice_1_is_the_most_superior_anterior_or_right(orientation, first):
    volume = volume_of(np.diag([0.7, 0.8, 2.5]))
    stack = slice_stack(volume, orientation)
    number_1, number_2 = (np.array(stack.position_of(n, (0.0, 0.0, 0.0))) for n in (1, 2))
    assert direction_letters(tuple(number_1 - number_2)) == first


@pytest.mark.parametrize("name", ["axial", "axial, feet first prone", "acquired sagittally", "acquired coronally"])
def test_the_slices_of_an_aligned_volume_are_its_own_planes(name):
    volume = volume_of(truth.GRIDS[name], origin=(3.0, -70.0, 1004.5))
    for orientation in ORIENTATIONS.values():
        stack = slice_stack(volume, orientation)
        axis = int(np.argmax(np.abs(orientation.scroll_lps @ volume.ijk_to_lps[:3, :3])))
        assert stack.count == volume.dimensions[axis]
        assert stack.spacing_mm == pytest.approx(volume.spacing_mm[axis], abs=1e-12)
        for number in range(1, stack.count + 1):
            position = stack.position_of(number, center_position(volume))
            index = truth.indices(volume, np.array(position))[axis]
            assert index == pytest.approx(round(index), abs=1e-9)
            assert stack.number_at(position) == number


def test_a_volume_turned_by_a_hair_keeps_its_number_of_slices():
    volume = volume_of(truth.turn(0.05, 0.03, 0.04) @ np.diag([0.7, 0.8, 2.5]), (512, 512, 60))
    assert slice_stack(volume, AXIAL).count == 60


def test_the_slices_of_an_oblique_volume_cover_its_box():
    volume = volume_of(truth.GRIDS["oblique"])
    for orientation in ORIENTATIONS.values():
        stack = slice_stack(volume, orientation)
        along = box_corners(volume) @ np.array(orientation.scroll_lps)
        assert along.min() <= stack.first_mm <= along.min() + stack.spacing_mm
        last = stack.first_mm + (stack.count - 1) * stack.spacing_mm
        assert along.max() - stack.spacing_mm <= last <= along.max()


def test_a_gantry_tilted_series_scrolls_by_its_table_feed():
    tilt = np.radians(15.0)
    columns = [[0.5, 0, 0], [0, 0.5 * np.cos(tilt), 0], [0, 0.5 * np.sin(tilt), 2.5]]
    assert slice_stack(volume_of(columns, (64, 64, 30)), AXIAL).spacing_mm == pytest.approx(2.5)


def test_beyond_the_ends_the_last_slices_number_stays():
    stack = slice_stack(volume_of(np.diag([1.0, 1.0, 2.0])), AXIAL)
    assert stack.number_at((0.0, 0.0, 1000.0)) == 1
    assert stack.number_at((0.0, 0.0, -1000.0)) == 9
    with pytest.raises(SettingsError, match="no slice 0"):
        stack.position_of(0, (0.0, 0.0, 0.0))


def test_the_start_is_the_centre_of_a_voxel_in_the_middle():
    volume = volume_of(np.diag([1.0, 1.0, 2.0]), (16, 15, 10), origin=(100.0, 200.0, 300.0))
    assert center_position(volume) == pytest.approx((108.0, 207.0, 310.0))


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "L"), ((-1, 0, 0), "R"), ((0, 1, 0), "P"), ((0, -1, 0), "A"), ((0, 0, 1), "S"), ((0, 0, -1), "I"),
        ((0.9, -0.4, 0.2), "LAS"), ((-0.2, 0.3, -0.9), "IPR"), ((0.99, 0.01, 0.08), "L"), ((1, 1, 0), "LP"), ((0, 5, -5), "PI"),
    ],
)  # fmt: skip
def test_directions_have_up_to_three_letters(direction, letters):
    assert direction_letters(tuple(map(float, direction))) == letters


@pytest.mark.parametrize(("width", "height"), [(151, 120), (150, 121), (16, 16), (400, 399)])
def test_pixels_and_places_follow_the_stated_convention(width, height):
    view = ViewGeometry(width, height, 0.37, (10.0, -20.0, 30.0), AXIAL.right_lps, AXIAL.up_lps)
    for px, py in [(0, 0), (width - 1, height - 1), (3, 7), (width // 2, height // 2)]:
        expected = (
            np.array((10.0, -20.0, 30.0))
            + np.array(AXIAL.right_lps) * (px + 0.5 - width / 2) * 0.37
            - np.array(AXIAL.up_lps) * (py + 0.5 - height / 2) * 0.37
        )
        assert view.lps_at(px + 0.5, py + 0.5) == pytest.approx(expected, abs=1e-12)
        assert view.pixel_centers_lps()[py, px] == pytest.approx(expected, abs=1e-12)
        assert view.pixel_at(tuple(expected)) == pytest.approx((px + 0.5, py + 0.5), abs=1e-9)


def test_zooming_keeps_the_place_under_the_pointer():
    view = ViewGeometry(200, 100, 0.5, (1.0, 2.0, 3.0), CORONAL.right_lps, CORONAL.up_lps)
    zoomed = view.zoomed(2.5, 30.0, 80.0)
    assert zoomed.mm_per_pixel == pytest.approx(0.2)
    assert zoomed.lps_at(30.0, 80.0) == pytest.approx(view.lps_at(30.0, 80.0), abs=1e-9)
    moved = view.panned(7.0, -3.0)
    assert moved.lps_at(57.0, 47.0) == pytest.approx(view.lps_at(50.0, 50.0), abs=1e-9)


@pytest.mark.parametrize("name", truth.GRIDS)
def test_the_box_fits_with_five_percent_of_the_view_free_on_each_side(name):
    volume = volume_of(truth.GRIDS[name])
    for orientation in ORIENTATIONS.values():
        view = fit(box_corners(volume), orientation.right_lps, orientation.up_lps, 300, 200)
        places = np.array([view.pixel_at(tuple(corner)) for corner in box_corners(volume)])
        free = np.array((places.min(axis=0), (300, 200) - places.max(axis=0))) / (300, 200)
        assert free.min() == pytest.approx(0.05, abs=1e-9)
        assert free[0] == pytest.approx(free[1], abs=1e-9)


def test_a_view_needs_a_size_and_a_scale():
    with pytest.raises(SettingsError, match="0 × 10 pixels"):
        ViewGeometry(0, 10, 1.0, (0.0, 0.0, 0.0), AXIAL.right_lps, AXIAL.up_lps)


@pytest.mark.parametrize("size", [(1600, 1000), (1601, 999), (333, 334)])
def test_four_views_fill_the_picture_but_for_gaps_and_edges(size):
    rects = layout_rects("four-up", *size)
    assert [rect.name for rect in rects] == ["axial", "3d", "coronal", "sagittal"]
    assert (rects[0].x, rects[0].y) == (0, EDGE_PX)
    assert rects[0].x + rects[0].width + GAP_PX == rects[1].x
    assert rects[0].y + rects[0].height + GAP_PX + EDGE_PX == rects[2].y
    assert rects[3].x + rects[3].width == size[0]
    assert rects[3].y + rects[3].height == size[1]
    area = sum(rect.width * (rect.height + rect.edge_px) for rect in rects)
    assert area == (size[0] - GAP_PX) * (size[1] - GAP_PX)


def test_a_single_view_takes_all_and_an_unknown_or_tiny_layout_is_refused():
    (rect,) = layout_rects("sagittal", 400, 300)
    assert (rect.x, rect.y, rect.width, rect.height) == (0, EDGE_PX, 400, 300 - EDGE_PX)
    with pytest.raises(SettingsError, match="no layout 'five-up'; there are four-up, axial"):
        layout_rects("five-up", 400, 300)
    with pytest.raises(SettingsError, match="too small"):
        layout_rects("four-up", 30, 30)


# The five that pictures have had from the beginning, worked out by hand for 803 × 601: x, y, width, height.
FIRST_LAYOUTS = {
    "four-up": [("axial", 0, 3, 400, 296), ("3d", 404, 3, 399, 296), ("coronal", 0, 306, 400, 295), ("sagittal", 404, 306, 399, 295)],
    "axial": [("axial", 0, 3, 803, 598)],
    "sagittal": [("sagittal", 0, 3, 803, 598)],
    "coronal": [("coronal", 0, 3, 803, 598)],
    "3d": [("3d", 0, 3, 803, 598)],
}  # fmt: skip


@pytest.mark.parametrize("name", FIRST_LAYOUTS)
def test_the_layouts_of_pictures_stay_where_they_were(name):
    rects = layout_rects(name, 803, 601)
    assert [(rect.name, rect.x, rect.y, rect.width, rect.height) for rect in rects] == FIRST_LAYOUTS[name]


def test_two_and_three_views_stand_side_by_side_at_full_height():
    two = layout_rects("two-up", 804, 600)
    assert [(rect.name, rect.x, rect.width) for rect in two] == [("axial", 0, 400), ("3d", 404, 400)]
    three = layout_rects("three-up", 908, 600)
    assert [(rect.name, rect.x, rect.width) for rect in three] == [
        ("axial", 0, 300),
        ("sagittal", 304, 300),
        ("coronal", 608, 300),
    ]
    assert {(rect.y, rect.height) for rect in (*two, *three)} == {(EDGE_PX, 600 - EDGE_PX)}


@pytest.mark.parametrize(
    ("big", "small"),
    [
        ("axial", ["3d", "coronal", "sagittal"]),
        ("coronal", ["axial", "3d", "sagittal"]),
        ("3d", ["axial", "coronal", "sagittal"]),
    ],
)
def test_a_big_view_stands_beside_three_small_ones_below_each_other(big, small):
    first, *others = layout_rects("one-and-three", 908, 608, header_px=24, big=big)
    assert (first.name, first.x, first.y, first.width, first.height) == (big, 0, 24, 604, 584)
    assert [rect.name for rect in others] == small
    assert {(rect.x, rect.width, rect.height, rect.edge_px) for rect in others} == {(608, 300, 176, 24)}
    assert [rect.y for rect in others] == [24, 228, 432]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("header_px", [0, EDGE_PX, 24])
def test_no_view_covers_another_and_all_end_at_the_edges(name, header_px):
    covered = np.zeros((613, 907), int)
    for rect in layout_rects(name, 907, 613, header_px):
        covered[rect.y - header_px : rect.y + rect.height, rect.x : rect.x + rect.width] += 1
    assert covered.max() == 1
    assert covered[0, 0] == covered[-1, -1] == covered[0, -1] == covered[-1, 0] == 1
    assert (covered == 0).mean() < 0.02


def test_a_big_view_that_there_is_not_is_refused():
    with pytest.raises(SettingsError, match="no view 'oblique'; there are axial, 3d"):
        layout_rects("one-and-three", 800, 600, big="oblique")


def test_the_command_line_offers_every_layout():
    from DICOMModule.commands import view_verb

    assert tuple(LAYOUTS) == view_verb.LAYOUTS
