"""The crosshair: lines where planes cut, in general position, what is under the pointer, and turning by a handle."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import picture_truth as truth
import pytest

from DICOMModule.scene import Scene
from DICOMModule.views.crosshair import (
    GAP_PX,
    CrosshairLine,
    crosshair,
    crosshair_angle,
    crosshair_part_at,
    rotated_axes,
)
from DICOMModule.views.geometry import ViewGeometry, rotated
from DICOMModule.views.orientation import AXIAL, CORONAL, ORIENTATIONS, SAGITTAL, turned_orientation
from DICOMModule.views.voxel_values import value_at, voxel_at
from DICOMModule.widgets.overlay_painter import VIEW_COLORS, OverlayPainter
from DICOMModule.widgets.qt import QImage, QPainter, QRectF
from DICOMModule.widgets.qt_application import application

POSITION = (12.0, -7.0, 30.0)


def view_of(orientation, width=400, height=300):
    return ViewGeometry(width, height, 0.5, (0.0, 0.0, 30.0), orientation.right_lps, orientation.up_lps)


def oblique(orientation, *angles):
    turn = truth.turn(*angles)
    return turned_orientation(orientation, tuple(turn @ orientation.right_lps), tuple(turn @ orientation.up_lps))


@pytest.mark.parametrize("change", [
    lambda view: view, lambda view: view.turned(25.0), lambda view: view.flipped_horizontally().turned(-70.0),
])  # fmt: skip
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_every_point_of_a_line_lies_in_both_planes(name, change):
    others = {other: oblique(axes, 10.0, -15.0, 20.0 + 3 * len(other)) for other, axes in ORIENTATIONS.items()}
    mine = oblique(ORIENTATIONS[name], 5.0, 8.0, 0.0)
    view = change(view_of(mine)).through(POSITION)
    shown = crosshair(name, view, POSITION, others)
    assert {line.view for line in shown.lines} == set(ORIENTATIONS) - {name}
    for line in shown.lines:
        assert math.hypot(line.right, line.down) == pytest.approx(1.0)
        for along in (-80.0, 55.0):
            point = view.lps_at(shown.x_px + along * line.right, shown.y_px + along * line.down)
            off = np.subtract(point, POSITION)
            assert off @ np.array(others[line.view].scroll_lps) == pytest.approx(0.0, abs=1e-6)
            assert off @ np.array(view.toward_viewer_lps) == pytest.approx(0.0, abs=1e-6)


def test_a_picture_that_is_turned_turns_the_lines_with_it():
    shown = crosshair("axial", view_of(AXIAL).turned(90.0), POSITION)
    assert [(line.view, abs(line.right), abs(line.down)) for line in shown.lines] == [
        ("coronal", 0.0, 1.0),
        ("sagittal", 1.0, 0.0),
    ]


def test_a_plane_that_is_parallel_has_no_line():
    others = {**ORIENTATIONS, "coronal": replace(AXIAL, name="coronal")}
    assert [line.view for line in crosshair("axial", view_of(AXIAL), POSITION, others).lines] == ["sagittal"]


@pytest.mark.parametrize(("off", "part"), [
    ((0.0, 0.0), "center"), ((GAP_PX - 1.0, 0.0), "center"), ((0.0, 50.0), ("line", "sagittal")), ((2.9, -50.0), ("line", "sagittal")),
    ((60.0, 2.0), ("line", "coronal")), ((4.0, 50.0), None), ((40.0, 40.0), None), ((0.0, 90.0), ("handle", "sagittal")),
    ((-95.0, 1.0), ("handle", "coronal")), ((90.0, 6.5), ("handle", "coronal")), ((90.0, 8.0), None),
])  # fmt: skip
def test_the_part_under_the_pointer_is_found(off, part):
    shown = crosshair("axial", view_of(AXIAL), POSITION)
    assert shown.handle_px == 90.0
    assert crosshair_part_at(shown, shown.x_px + off[0], shown.y_px + off[1], 3.0) == part


def test_between_two_lines_the_nearer_one_is_taken():
    shown = crosshair("axial", view_of(AXIAL), POSITION)
    x, y = shown.x_px, shown.y_px
    assert crosshair_part_at(shown, x + 12.0, y + 11.0, 14.0) == ("line", "coronal")
    assert crosshair_part_at(shown, x + 11.0, y - 12.0, 14.0) == ("line", "sagittal")
    assert crosshair_part_at(shown, x + 12.0, y + 11.0, 17.0) == "center"


def test_a_line_slides_by_the_part_of_a_drag_that_is_across_it():
    assert CrosshairLine("sagittal", 0.0, 1.0).across(5.0, 7.0) == pytest.approx((5.0, 0.0))
    assert CrosshairLine("coronal", 0.6, 0.8).across(3.0, 4.0) == pytest.approx((0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize(
    "change", [lambda view: view, lambda view: view.flipped_horizontally(), lambda view: view.turned(35)]
)
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_a_handle_that_is_dragged_takes_the_line_along(name, change):
    view = change(view_of(ORIENTATIONS[name])).through(POSITION)
    others = {other: axes for other, axes in ORIENTATIONS.items() if other != name}
    shown = crosshair(name, view, POSITION, others)
    line = shown.lines[0]
    _, start = shown.handles(line)
    end = (shown.x_px + 30.0, shown.y_px - 80.0)
    turned = rotated_axes(others, view.toward_viewer_lps, crosshair_angle(shown, start, end))
    after = crosshair(name, view, POSITION, turned)
    moved = next(other for other in after.lines if other.view == line.view)
    assert abs(moved.right * -80.0 - moved.down * 30.0) == pytest.approx(0.0, abs=1e-6)
    directions = np.array([[other.right, other.down] for other in after.lines])
    assert directions[0] @ directions[1] == pytest.approx(0.0, abs=1e-9)  # they turn together
    for axes in turned.values():
        frame = np.array((axes.right_lps, axes.up_lps, axes.scroll_lps))
        assert frame @ frame.T == pytest.approx(np.eye(3), abs=1e-9)


def test_a_quarter_turn_anticlockwise_in_the_axial_view():
    shown = crosshair("axial", view_of(AXIAL), POSITION)
    right, above = (shown.x_px + 50.0, shown.y_px), (shown.x_px, shown.y_px - 50.0)
    assert crosshair_angle(shown, right, above) == pytest.approx(90.0)
    assert crosshair_angle(shown, above, right) == pytest.approx(-90.0)
    left_low, left_high = (shown.x_px - 50.0, shown.y_px + 1.0), (shown.x_px - 50.0, shown.y_px - 1.0)
    assert abs(crosshair_angle(shown, left_low, left_high)) < 3.0
    (sagittal,) = rotated_axes({"sagittal": SAGITTAL}, view_of(AXIAL).toward_viewer_lps, 90.0).values()
    assert sagittal.up_lps == pytest.approx((0, 0, 1))
    assert sagittal.right_lps == pytest.approx((1, 0, 0))  # from front-to-back to right-to-left


def test_a_direction_turns_right_handed_about_an_axis():
    assert rotated((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), 90.0) == pytest.approx((0.0, 1.0, 0.0))
    assert rotated((0.0, 0.0, 2.0), (0.0, 0.0, 1.0), 55.0) == pytest.approx((0.0, 0.0, 2.0))


# -- painting


def painted(shown, size=(400, 300), handles=False):
    from DICOMModule.views.overlay import ViewOverlay

    application()
    image = QImage(*size, QImage.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    OverlayPainter(painter, QRectF(0, 0, *size)).paint(ViewOverlay("axial", crosshair=shown), handles=handles)
    painter.end()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return np.frombuffer(bits, np.uint8).reshape(size[1], size[0], 4)[..., 2::-1].astype(int)


def test_lines_in_general_position_are_painted_with_a_gap_in_their_own_colours():
    others = rotated_axes({"sagittal": SAGITTAL, "coronal": CORONAL}, (0.0, 0.0, -1.0), 30.0)
    shown = crosshair("axial", view_of(AXIAL), POSITION, others)
    pixels = painted(shown)
    rows, columns = np.nonzero(pixels.max(axis=-1) > 20)
    off = np.column_stack([columns + 0.5 - shown.x_px, rows + 0.5 - shown.y_px])
    nearness = np.array([np.abs(off @ (-line.down, line.right)) for line in shown.lines])
    assert nearness.min(axis=0).max() < 1.5
    assert np.hypot(*off.T).min() > GAP_PX - 1.5
    for number, line in enumerate(shown.lines):
        color = VIEW_COLORS[line.view]
        mine = pixels[rows, columns][(nearness[number] < 0.7) & (nearness[1 - number] > 3.0)]
        assert len(mine) > 100
        assert mine.argmax(axis=1).mean() == pytest.approx(
            np.argmax([color.red(), color.green(), color.blue()]), abs=0.1
        )


def test_handles_are_painted_only_where_they_are_asked_for():
    shown = crosshair("axial", view_of(AXIAL), POSITION)
    with_handles = (painted(shown, handles=True) != painted(shown)).any(axis=-1)
    rows, columns = np.nonzero(with_handles)
    places = np.array([place for line in shown.lines for place in shown.handles(line)])
    distance = np.hypot(columns[:, None] + 0.5 - places[:, 0], rows[:, None] + 0.5 - places[:, 1])
    assert distance.min(axis=1).max() < 8.0
    assert (np.bincount(distance.argmin(axis=1), minlength=4) > 20).sum() >= 3  # one may be beyond the inset


def test_a_position_far_outside_paints_nothing():
    shown = replace(crosshair("axial", view_of(AXIAL), POSITION), x_px=-500.0, y_px=-700.0)
    assert not painted(shown, handles=True).any()


# -- the value under the pointer


@pytest.mark.parametrize("grid", ["axial", "oblique", "sheared and oblique"])
def test_the_value_at_a_place_is_the_voxels_own(grid):
    volume = truth.made_volume(truth.GRIDS[grid], low=-500, high=500)
    node = Scene().add_volume(volume)
    for i, j, k in [(0, 0, 0), (16, 13, 8), (5, 7, 3)]:
        for part in (-0.49, 0.0, 0.49):
            point = tuple((volume.ijk_to_lps @ (i + part, j - part, k + part, 1.0))[:3])
            assert voxel_at(volume, point) == (i, j, k)
            assert value_at(node, point) == volume.array[k, j, i]
    assert value_at(node, tuple((volume.ijk_to_lps @ (-0.51, 3, 3, 1))[:3])) is None
    assert value_at(node, tuple((volume.ijk_to_lps @ (3, 3, 8.51, 1))[:3])) is None


def test_a_voxel_without_a_value_has_none():
    volume = truth.made_volume(np.diag([1.0, 1.0, 1.0]), "float32", low=1, high=9)
    valid = np.ones(volume.array.shape, bool)
    valid[3, 4, 5] = False
    volume.array[3, 4, 6] = np.nan
    node = Scene().add_volume(replace(volume, valid=valid, missing_slices=(7,)))
    for ijk, known in [((5, 4, 3), False), ((6, 4, 3), False), ((5, 4, 7), False), ((7, 4, 3), True)]:
        value = value_at(node, tuple((volume.ijk_to_lps @ (*ijk, 1.0))[:3]))
        assert (value is not None) == known
