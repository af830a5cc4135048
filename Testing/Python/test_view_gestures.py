"""What the mouse does in the views, by the events that Qt would send."""

from __future__ import annotations

import math

import numpy as np
import picture_truth as truth
import pytest
from view_kit import SIZE, double_click, drag, made_area, move, press, release, wheel

from DICOMModule.scene import Scene, VolumeDisplay
from DICOMModule.volume.volume import Volume, Window
from DICOMModule.widgets.dragging import targets_mime
from DICOMModule.widgets.elided_label import FIGURE_SPACE, ElidedLabel
from DICOMModule.widgets.qt import (
    QApplication,
    QDragEnterEvent,
    QDropEvent,
    QMimeData,
    QPoint,
    QPointF,
    Qt,
    QUrl,
)
from DICOMModule.widgets.views.crosshair_drag import crosshair_of
from DICOMModule.widgets.views.gestures import Notches, window_and_level
from DICOMModule.widgets.views.pointer_reading import PointerReading


@pytest.fixture
def area(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, truth.made_volume(truth.GRIDS["axial"], shape=(19, 24, 27))) as made:
        yield made


def in_pixels(before, after):
    """Return how far the middle of the picture has moved, to the right and downward."""
    x, y = after.pixel_at(before.center_lps_mm)
    return x - before.width_px / 2, y - before.height_px / 2


@pytest.mark.parametrize("view", ["axial", "sagittal", "coronal"])
def test_one_notch_is_one_slice_and_the_other_way_goes_back(area, view):
    shown = area.slice_views[view]
    first = shown.slice_number
    wheel(shown, -120)
    assert shown.slice_number == first + 1
    wheel(shown, 120)
    wheel(shown, 120)
    assert shown.slice_number == first - 1
    wheel(shown, -360)
    assert shown.slice_number == first + 2


def test_wheels_of_finer_steps_add_up_to_notches(area):
    shown = area.slice_views["axial"]
    first = shown.slice_number
    for _ in range(7):
        wheel(shown, -15)
    assert shown.slice_number == first
    wheel(shown, -15)
    assert shown.slice_number == first + 1


def test_a_wheel_that_turns_back_begins_anew():
    notches = Notches()
    assert [notches.add(delta) for delta in (-90, 60, 60, 60)] == [0, 0, -1, 0]


def test_the_wheel_goes_downward_in_the_patient_in_the_axial_view_and_stops_at_the_end(area):
    shown = area.slice_views["axial"]
    before = area.state.position_lps_mm[2]
    wheel(shown, -120)
    assert area.state.position_lps_mm[2] == pytest.approx(before - 2.5)
    wheel(shown, -120 * 100)
    assert shown.slice_number == shown.slice_count == 19


def test_the_views_follow_a_view_that_scrolls(area):
    wheel(area.slice_views["axial"], -240)
    position = area.state.position_lps_mm
    for name in ("sagittal", "coronal"):
        shown = crosshair_of(area.state, name, area.slice_views[name].view_geometry)
        assert (shown.x_px, shown.y_px) == pytest.approx(area.slice_views[name].view_geometry.pixel_at(position))


def test_ctrl_and_wheel_zoom_at_the_pointer(area):
    shown = area.slice_views["axial"]
    before = shown.view_geometry
    wheel(shown, 120, Qt.ControlModifier, at=(60.0, 50.0))
    after = shown.view_geometry
    assert after.mm_per_pixel < before.mm_per_pixel
    assert after.lps_at(60.0, 50.0) == pytest.approx(before.lps_at(60.0, 50.0), abs=1e-9)


@pytest.mark.parametrize("horizontal", [False, True])
def test_alt_and_wheel_change_the_slab_also_where_qt_turns_the_wheel_sideways(area, horizontal):
    wheel(area.slice_views["axial"], 240, Qt.AltModifier, horizontal=horizontal)
    assert area.state.slab_mm == 2.0
    wheel(area.slice_views["axial"], -120 * 9, Qt.AltModifier, horizontal=horizontal)
    assert area.state.slab_mm == 0.0


@pytest.mark.parametrize(
    ("button", "modifiers", "tool"),
    [
        (Qt.MiddleButton, Qt.NoModifier, "window"),
        (Qt.LeftButton, Qt.ShiftModifier, "window"),
        (Qt.LeftButton, Qt.ShiftModifier, "pan"),
        (Qt.LeftButton, Qt.ShiftModifier, "crosshair"),
        (Qt.LeftButton, Qt.NoModifier, "pan"),
    ],
)
def test_a_drag_that_pans_moves_the_picture_with_the_pointer(area, button, modifiers, tool):
    area.state.set_tool(tool)
    shown = area.slice_views["axial"]
    before = shown.view_geometry
    drag(shown, (80, 80), (90, 85), (113, 71), button=button, modifiers=modifiers)
    assert in_pixels(before, shown.view_geometry) == pytest.approx((33, -9))
    assert shown.view_geometry.mm_per_pixel == before.mm_per_pixel


@pytest.mark.parametrize(
    ("button", "modifiers", "tool"),
    [
        (Qt.RightButton, Qt.NoModifier, "window"),
        (Qt.LeftButton, Qt.ControlModifier, "window"),
        (Qt.LeftButton, Qt.ControlModifier, "zoom"),
        (Qt.LeftButton, Qt.NoModifier, "zoom"),
    ],
)
def test_a_drag_that_zooms_does_so_about_where_it_began(area, button, modifiers, tool):
    area.state.set_tool(tool)
    shown = area.slice_views["axial"]
    before = shown.view_geometry
    drag(shown, (70, 90), (75, 80), (90, 60), button=button, modifiers=modifiers)
    after = shown.view_geometry
    assert before.mm_per_pixel / after.mm_per_pixel == pytest.approx(math.exp(30 / 150))
    assert after.lps_at(70, 90) == pytest.approx(before.lps_at(70, 90), abs=1e-9)


def test_a_right_click_asks_for_the_menu_and_a_right_drag_does_not(area, qtbot):
    shown = area.slice_views["axial"]
    shown.menu_requested.disconnect()
    asked = []
    shown.menu_requested.connect(asked.append)
    before = shown.view_geometry
    drag(shown, (70, 90), (72, 91), button=Qt.RightButton)
    assert len(asked) == 1
    assert shown.view_geometry == before
    drag(shown, (70, 90), (70, 80), button=Qt.RightButton)
    assert len(asked) == 1


def test_to_the_right_is_wider_and_upward_is_brighter(area):
    drag(area.slice_views["axial"], (100, 100), (120, 100))
    window = area.state.background.display.window
    assert (window.width, window.level) == pytest.approx((60 * math.exp(20 / 160), 40.0))
    drag(area.slice_views["axial"], (100, 100), (100, 84))
    assert area.state.background.display.window.level == pytest.approx(40.0 - 0.1 * window.width)
    assert area.state.background.display.window.name == ""


def test_the_setting_turns_the_level_drag_round(area):
    area.viewer.settings.change(invert_level_drag=True)
    drag(area.slice_views["axial"], (100, 100), (100, 84))
    assert area.state.background.display.window.level == pytest.approx(46.0)


def test_upward_is_brighter_in_an_inverted_picture_too(area):
    from dataclasses import replace

    node = area.state.background
    area.state.scene.set_display(node.id, replace(node.display, inverted=True))
    drag(area.slice_views["axial"], (100, 100), (100, 84))
    assert area.state.background.display.window.level == pytest.approx(46.0)


def test_a_drag_out_and_back_leaves_the_window_as_it_was():
    width, level = window_and_level(300.0, 40.0, 0.0, 0.0, darker_upward=False)
    assert (width, level) == (300.0, 40.0)
    narrower, _ = window_and_level(300.0, 40.0, -1000.0, 0.0, darker_upward=False)
    assert 0 < narrower < 1


def test_the_scroll_tool_goes_down_with_the_pointer(area):
    area.state.set_tool("scroll")
    shown = area.slice_views["coronal"]
    first = shown.slice_number
    step = shown.view_geometry.height_px / shown.slice_count
    drag(shown, (50, 50), (50, 50 + 2.5 * step))
    assert shown.slice_number == first + 2
    drag(shown, (50, 150), (50, 150 - 1.5 * step))
    assert shown.slice_number == first + 1


def test_the_rotate_tool_turns_the_picture_with_the_pointer(area):
    area.state.set_tool("rotate")
    shown = area.slice_views["axial"]
    geometry = shown.view_geometry
    x, y = geometry.width_px / 2, geometry.height_px / 2
    drag(shown, (x + 80, y), (x + 80 * math.cos(0.3), y - 80 * math.sin(0.3)), (x, y - 80))  # a quarter, anticlockwise
    assert shown.view_geometry.right_lps == pytest.approx((0.0, 1.0, 0.0), abs=1e-9)  # what was at the bottom
    assert shown.view_geometry.up_lps == pytest.approx((1.0, 0.0, 0.0), abs=1e-9)


def test_the_crosshair_follows_the_pointer_with_shift(area):
    shown = area.slice_views["axial"]
    before = area.state.position_lps_mm
    move(shown, 77.0, 88.0)
    assert area.state.position_lps_mm == before
    move(shown, 77.0, 88.0, modifiers=Qt.ShiftModifier)
    assert area.state.position_lps_mm == pytest.approx(shown.view_geometry.lps_at(77.0, 88.0))


def test_the_centre_of_the_crosshair_is_dragged_without_a_jump(area):
    area.state.set_tool("crosshair")
    shown = area.slice_views["axial"]
    x, y = shown.view_geometry.pixel_at(area.state.position_lps_mm)
    drag(shown, (x + 3, y - 2), (x + 23, y + 8))
    assert shown.view_geometry.pixel_at(area.state.position_lps_mm) == pytest.approx((x + 20, y + 10))


def test_a_wheel_that_turns_while_the_crosshair_is_dragged_stays(area):
    area.state.set_tool("crosshair")
    shown = area.slice_views["axial"]
    x, y = shown.view_geometry.pixel_at(area.state.position_lps_mm)
    number = shown.slice_number
    press(shown, x, y)
    move(shown, x + 10, y, Qt.LeftButton)
    wheel(shown, -120)
    move(shown, x + 20, y, Qt.LeftButton)
    release(shown, x + 20, y)
    assert shown.slice_number == number + 1


def test_a_line_of_the_crosshair_slides_one_plane_alone(area):
    area.state.set_tool("crosshair")
    shown = area.slice_views["axial"]
    before = area.state.position_lps_mm
    x, y = shown.view_geometry.pixel_at(before)
    drag(shown, (x + 2, y + 40), (x + 17, y + 66))  # the vertical line is the sagittal plane
    after = area.state.position_lps_mm
    assert after[0] - before[0] == pytest.approx(15 * shown.view_geometry.mm_per_pixel)
    assert after[1:] == pytest.approx(before[1:])


def test_a_handle_turns_the_planes_of_the_two_other_views_about_the_position(area):
    area.state.set_tool("crosshair")
    shown = area.slice_views["axial"]
    cross = crosshair_of(area.state, "axial", shown.view_geometry)
    places = {
        name: area.slice_views[name].view_geometry.pixel_at(area.state.position_lps_mm)
        for name in ("sagittal", "coronal")
    }
    horizontal = next(line for line in cross.lines if line.view == "coronal")
    x, y = cross.handles(horizontal)[1]
    to = (cross.x_px + cross.handle_px * math.cos(0.4), cross.y_px - cross.handle_px * math.sin(0.4))
    drag(shown, (x, y), to)
    coronal, sagittal = area.state.orientation_of("coronal"), area.state.orientation_of("sagittal")
    # the end that was at the patient's left has gone to the front
    assert coronal.right_lps == pytest.approx((math.cos(0.4), -math.sin(0.4), 0.0))
    assert np.dot(coronal.scroll_lps, sagittal.scroll_lps) == pytest.approx(0.0, abs=1e-12)
    assert area.state.orientation_of("axial").right_lps == (1.0, 0.0, 0.0)
    for name, place in places.items():
        now = area.slice_views[name].view_geometry.pixel_at(area.state.position_lps_mm)
        assert now == pytest.approx(place, abs=1e-6)


def test_without_the_crosshair_tool_its_parts_are_not_in_the_way(area):
    shown = area.slice_views["axial"]
    before = area.state.position_lps_mm
    x, y = shown.view_geometry.pixel_at(before)
    drag(shown, (x, y), (x + 30, y))
    assert area.state.position_lps_mm == before
    assert area.state.background.display.window.width > 60


def test_a_double_click_fills_the_place_of_all_views_and_gives_it_back(area):
    shown = area.slice_views["coronal"]
    double_click(shown, 50, 50)
    assert area.state.maximised == "coronal"
    assert shown.width() == pytest.approx(SIZE[0], abs=4)
    assert not area.slice_views["axial"].isVisible()
    double_click(shown, 50, 50)
    assert area.state.maximised == ""
    assert area.slice_views["axial"].isVisible()


def test_a_press_makes_the_view_the_active_one(area):
    press(area.slice_views["sagittal"], 20, 20)
    release(area.slice_views["sagittal"], 20, 20)
    assert area.state.active_view == "sagittal"


def test_a_second_button_changes_nothing_while_the_first_is_down(area):
    shown = area.slice_views["axial"]
    press(shown, 80, 80, Qt.MiddleButton)
    press(shown, 80, 80, Qt.LeftButton)
    before = shown.view_geometry
    move(shown, 90, 80, Qt.MiddleButton)
    release(shown, 90, 80, Qt.LeftButton)
    move(shown, 95, 80, Qt.MiddleButton)
    assert in_pixels(before, shown.view_geometry) == pytest.approx((15, 0))
    assert area.state.background.display.window.width == 60.0


def test_a_series_that_is_dropped_on_a_view_is_told_with_its_name(area):
    shown = area.slice_views["sagittal"]
    dropped = []
    area.targets_dropped.connect(lambda view, targets: dropped.append((view, targets)))
    mime = targets_mime(["1.2.3", "1.2.4"])
    enter = QDragEnterEvent(QPoint(20, 20), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(shown, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(shown, QDropEvent(QPointF(20, 20), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier))
    assert dropped == [("sagittal", ("1.2.3", "1.2.4"))]


def test_files_that_are_dragged_over_a_view_are_left_to_the_window(area):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/nowhere/a.dcm")])
    enter = QDragEnterEvent(QPoint(20, 20), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(area.slice_views["axial"], enter)
    assert not enter.isAccepted()


def test_what_is_under_the_pointer_is_told_and_follows_the_slices(area):
    told = []
    area.status_changed.connect(told.append)
    shown, volume = area.slice_views["axial"], area.state.background.volume
    x, y = shown.view_geometry.pixel_at(tuple((volume.ijk_to_lps @ (5, 6, 9, 1))[:3]))
    move(shown, x, y)
    assert told[-1].lstrip(FIGURE_SPACE).startswith(f"{volume.array[9, 6, 5]}   ")
    assert told[-1].replace(FIGURE_SPACE, "").endswith("voxel 5, 6, 9")
    assert " mm" in told[-1]
    wheel(shown, -120, at=(x, y))
    assert told[-1].lstrip(FIGURE_SPACE).startswith(f"{volume.array[8, 6, 5]}   ")
    move(shown, -5, y)
    assert told[-1] == ""


def test_what_is_told_of_the_pointer_is_as_long_wherever_in_the_volume_it_is():
    array = np.zeros((12, 40, 130), np.int16)
    array[0, 0, 0], array[11, 39, 129] = -1024, 7
    volume = Volume(array, np.diag((1.0, 1.0, 2.5, 1.0)), "CT", units="HU")
    node = Scene().add_volume(volume, display=VolumeDisplay(Window(40.0, 400.0)))
    near, far = (PointerReading("axial", place, (node,)) for place in ((0.0, 0.0, 0.0), (129.0, 39.0, 27.5)))
    assert near.text.replace(FIGURE_SPACE, "") == "-1024 HU   L 0.0  P 0.0  S 0.0 mm   voxel 0, 0, 0"
    assert far.text.replace(FIGURE_SPACE, "") == "7 HU   L 129.0  P 39.0  S 27.5 mm   voxel 129, 39, 11"
    assert len(near.text) == len(far.text)
    assert far.text.index("voxel") == near.text.index("voxel")


def test_a_reading_that_is_cut_is_told_without_the_room_for_figures(qtbot):
    label = ElidedLabel("")
    qtbot.addWidget(label)
    label.resize(40, 20)
    label.set_whole_text(f"{FIGURE_SPACE * 3}7 HU   L 129.0  P 39.0  S 27.5 mm")
    assert "…" in label.text()
    assert label.toolTip().removeprefix("<p>").lstrip() == "7 HU   L 129.0  P 39.0  S 27.5 mm</p>"
