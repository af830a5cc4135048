"""The volume view of the window: a thread of its own, coarse while it moves and fine at rest, and its gestures."""

from __future__ import annotations

import threading

import numpy as np
import picture_truth as truth
import pytest
from view_kit import drag, made_area, move, pixels_of, press, release, wheel

from DICOMModule.errors import RenderingError
from DICOMModule.scene import VolumeDisplay
from DICOMModule.views.view import BACKGROUND
from DICOMModule.views.volume_camera import DEFAULT_DIRECTION_LPS, LOOK_FROM, screen_axes
from DICOMModule.views.volume_view import VolumeView
from DICOMModule.volume.volume import Window
from DICOMModule.widgets.qt import Qt
from DICOMModule.widgets.views.clip_panel import axis_name
from DICOMModule.widgets.views.view_menus import fill_rendering_menu
from DICOMModule.widgets.views.volume_render_thread import NO_SHIFT


def ball():
    """Return a CT with a ball of 300 HU in air, in the middle of 40 mm of space."""
    k, j, i = np.indices((40, 40, 40)) - 19.5
    array = np.where(i**2 + j**2 + k**2 < 144, 300, -1000).astype(np.int16)
    return truth.Volume(array, truth.matrix(np.eye(3)), modality="CT", units="HU", source_series_uids=("1",))


@pytest.fixture
def area(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, ball(), rendering=True) as made:
        settle(qtbot, made)
        yield made


def settle(qtbot, area):
    qtbot.waitUntil(lambda: area.is_settled, timeout=20_000)


def drawn_share(view):
    return (np.abs(pixels_of(view)[..., :3].astype(int) - BACKGROUND).max(axis=-1) > 12).mean()


def test_it_is_drawn_in_a_thread_of_its_own_that_ends_with_the_view(qtbot, tmp_path, monkeypatch):
    where = set()
    plain = VolumeView.pixels
    monkeypatch.setattr(VolumeView, "pixels", lambda *a, **k: where.add(threading.current_thread()) or plain(*a, **k))
    with made_area(qtbot, tmp_path, ball(), rendering=True) as area:
        settle(qtbot, area)
    (thread,) = where
    assert thread is not threading.main_thread()
    assert not thread.is_alive()


def test_the_first_frame_is_coarse_and_the_last_one_fine(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, rendering=True) as area:
        frames = []
        area.volume_view.frame_shown.connect(frames.append)
        area.state.show_background(area.state.scene.add_volume(ball()).id)
        settle(qtbot, area)
        assert frames[0].coarseness > 1
        assert area.volume_view.frame.coarseness == 1
        area.state.set_overlays("none")
        assert 0.03 < drawn_share(area.volume_view) < 0.9


def test_it_is_coarse_while_it_moves_and_fine_at_rest(area, qtbot):
    frames = []
    view = area.volume_view
    view.frame_shown.connect(frames.append)
    press(view, 60, 60)
    move(view, 75, 64, Qt.LeftButton)
    qtbot.waitUntil(lambda: bool(frames), timeout=20_000)
    assert frames[-1].coarseness > 1
    release(view, 75, 64)
    settle(qtbot, area)
    assert frames[-1].coarseness == 1


def test_the_last_wish_counts_and_none_is_queued(area, qtbot):
    frames = []
    view = area.volume_view
    view.frame_shown.connect(frames.append)
    press(view, 60, 60)
    for step in range(60):
        move(view, 60 + step, 60, Qt.LeftButton)
    release(view, 119, 60)
    settle(qtbot, area)
    assert len(frames) < 40
    assert frames[-1].geometry.right_lps == view.view_geometry.right_lps


def test_a_drag_over_the_smaller_side_is_half_a_turn_and_the_volume_stays_in_its_place(area):
    view = area.volume_view
    before = view.view_geometry
    side = min(view.width(), view.height())
    middle = tuple(np.array([19.5, 19.5, 19.5]) + area.state.background.volume.ijk_to_lps[:3, 3])
    drag(view, (50, 60), (50 + side / 4, 60), (50 + side, 60))
    after = view.view_geometry
    assert after.right_lps == pytest.approx(tuple(-value for value in before.right_lps), abs=1e-9)
    assert after.up_lps == pytest.approx(before.up_lps, abs=1e-9)
    assert after.pixel_at(middle) == pytest.approx(before.pixel_at(middle), abs=1e-6)


@pytest.mark.parametrize(("button", "modifiers"), [(Qt.MiddleButton, Qt.NoModifier), (Qt.LeftButton, Qt.ShiftModifier)])
def test_it_is_panned(area, button, modifiers):
    before = area.volume_view.view_geometry
    drag(area.volume_view, (50, 60), (80, 65), button=button, modifiers=modifiers)
    after = area.volume_view.view_geometry
    x, y = after.pixel_at(before.center_lps_mm)
    assert (x - after.width_px / 2, y - after.height_px / 2) == pytest.approx((30, 5))


def test_right_drag_and_wheel_zoom_about_the_pointer(area):
    view = area.volume_view
    before = view.view_geometry
    drag(view, (50, 60), (55, 30), button=Qt.RightButton)
    after = view.view_geometry
    assert after.mm_per_pixel < before.mm_per_pixel
    assert after.pixel_at(before.lps_at(50, 60)) == pytest.approx((50, 60))
    wheel(view, -120, at=(70, 20))
    assert view.view_geometry.mm_per_pixel > after.mm_per_pixel
    assert view.view_geometry.pixel_at(after.lps_at(70, 20)) == pytest.approx((70, 20))


def test_ctrl_and_left_roll_the_picture_with_the_pointer(area):
    view = area.volume_view
    before = view.view_geometry
    x, y = view.width() / 2, view.height() / 2
    drag(view, (x + 60, y), (x, y + 60), modifiers=Qt.ControlModifier)  # a quarter, clockwise
    after = view.view_geometry
    assert after.right_lps == pytest.approx(before.up_lps)
    assert after.toward_viewer_lps == pytest.approx(before.toward_viewer_lps)


@pytest.mark.parametrize("side", LOOK_FROM)
def test_the_buttons_look_from_the_six_sides(area, side):
    area.cells["3d"].sides[side].click()
    assert area.volume_view.view_geometry.toward_viewer_lps == pytest.approx(LOOK_FROM[side][0])
    assert area.state.active_view == "3d"


def test_the_window_tool_moves_the_transfer_function_upward_for_more(area, qtbot):
    area.state.set_overlays("none")
    view = area.volume_view
    area.state.set_active_view("3d")
    area.state.set_tool("window")
    before, window = drawn_share(view), area.state.background.display.window
    drag(view, (60, 60), (60, 500))
    assert view.shift.offset > 100
    settle(qtbot, area)
    assert drawn_share(view) < before
    assert area.state.background.display.window == window
    view.reset()
    assert view.shift == NO_SHIFT


def test_clip_planes_cut_the_volume_off_and_reset_brings_it_back(area, qtbot):
    area.state.set_overlays("none")
    view, panel = area.volume_view, area.cells["3d"].clip_panel
    view.look_from("A")
    settle(qtbot, area)
    whole = drawn_share(view)
    panel.sliders[0][1].setValue(100)  # the half at the patient's right is left
    assert view.clip == ((0.0, 0.5), (0.0, 1.0), (0.0, 1.0))
    settle(qtbot, area)
    drawn = np.abs(pixels_of(view)[..., :3].astype(int) - BACKGROUND).max(axis=-1) > 12
    assert drawn.mean() == pytest.approx(whole / 2, rel=0.15)
    assert np.nonzero(drawn)[1].max() <= view.width() / 2 + 4
    view.reset()
    assert view.clip is None


def test_the_clip_planes_of_an_axis_cannot_pass_each_other(area):
    low, high = area.cells["3d"].clip_panel.sliders[2]
    low.setValue(200)
    assert low.value() < high.value()
    high.setValue(0)
    assert low.value() < high.value()


def test_an_axis_of_the_grid_is_named_by_where_it_goes():
    assert [axis_name(ball(), axis) for axis in range(3)] == ["R – L", "A – P", "I – S"]


def test_v_leaves_the_view_empty_and_brings_the_volume_back(area, qtbot):
    view = area.volume_view
    area.state.set_rendering_shown(False)
    settle(qtbot, area)
    assert view.frame is None
    area.state.set_rendering_shown(True)
    settle(qtbot, area)
    assert view.frame.coarseness == 1


def test_of_a_hidden_volume_it_says_where_it_was_hidden(area, monkeypatch):
    view, said = area.volume_view, []
    monkeypatch.setattr(view, "_paint_message", lambda _painter, text, *_color: said.append(text))
    node = area.state.background
    area.state.scene.set_visible(node.id, False)
    view.grab()
    assert said == ["Hidden in the scene list"]
    area.state.scene.set_visible(node.id, True)
    said.clear()
    view.grab()
    assert "Hidden in the scene list" not in said


def test_a_preset_that_is_chosen_is_drawn_and_named(area, qtbot):
    from DICOMModule.widgets.qt import QMenu

    menu = QMenu()
    fill_rendering_menu(menu, area.state)
    before = pixels_of(area.volume_view)
    next(action for action in menu.actions() if action.text() == "CT MIP").trigger()
    settle(qtbot, area)
    assert area.state.background.display.rendering_preset == "CT MIP"
    assert (pixels_of(area.volume_view) != before).any()


def test_a_change_of_window_and_level_draws_no_new_frame(area, qtbot):
    frames = []
    area.volume_view.frame_shown.connect(frames.append)
    node = area.state.background
    area.state.scene.set_display(node.id, VolumeDisplay(Window(0.0, 10.0)))
    settle(qtbot, area)
    assert frames == []


def test_of_one_slice_no_frame_is_wished_for(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, truth.made_volume(np.eye(3), shape=(1, 20, 20)), rendering=True) as area:
        settle(qtbot, area)
        assert area.volume_view.frame is None
        assert area.volume_view.problem == ""


def test_nothing_is_drawn_where_nobody_sees_it(area, qtbot):
    frames = []
    area.volume_view.frame_shown.connect(frames.append)
    area.state.set_layout("axial")
    area.volume_view.look_from("A")
    area.state.show_background(area.state.scene.add_volume(ball()).id)
    settle(qtbot, area)
    assert frames == []
    area.state.set_layout("four-up")
    settle(qtbot, area)
    assert frames[-1].coarseness == 1


def test_a_failure_is_a_sentence_and_one_banner(qtbot, tmp_path, monkeypatch):
    def fail(*_arguments, **_options):
        raise RenderingError("drawing the volume view failed: no memory")

    monkeypatch.setattr(VolumeView, "pixels", fail)
    with made_area(qtbot, tmp_path, ball(), rendering=True) as area:
        settle(qtbot, area)
        area.volume_view.fit()
        settle(qtbot, area)
        assert area.volume_view.problem == "drawing the volume view failed: no memory"
        qtbot.waitUntil(lambda: len(area.viewer.banners.shown) == 1)


def test_a_fault_of_the_program_is_told_and_the_thread_goes_on(qtbot, tmp_path, monkeypatch):
    import sys

    told = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: told.append(error[1]))
    plain = VolumeView.pixels
    monkeypatch.setattr(VolumeView, "pixels", lambda *_a, **_k: {}["no such key"])
    with made_area(qtbot, tmp_path, ball(), rendering=True) as area:
        settle(qtbot, area)
        assert isinstance(told[0], KeyError)
        assert area.volume_view.problem
        monkeypatch.setattr(VolumeView, "pixels", plain)
        area.volume_view.fit()
        settle(qtbot, area)
        assert area.volume_view.problem == ""
        assert area.volume_view.frame is not None


def test_reset_looks_from_where_one_looks_at_first(area):
    view = area.volume_view
    before = view.view_geometry
    view.look_from("S")
    view.zoom_by(3.0)
    view.reset()
    assert view.view_geometry == before
    assert view.view_geometry.right_lps == pytest.approx(screen_axes(DEFAULT_DIRECTION_LPS)[0])
