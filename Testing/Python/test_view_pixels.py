"""The views of the window: what is on the screen is what numpy computes, whatever the mouse did before."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import picture_truth as truth
import pytest
from view_kit import assert_shows, drag, made_area, move, pixels_of, press, release, wheel

from DICOMModule.scene import VolumeDisplay
from DICOMModule.views.view import BACKGROUND
from DICOMModule.volume.volume import Window
from DICOMModule.widgets.qt import Qt
from DICOMModule.widgets.views.view_state import SLICE_VIEWS

GRIDS = ("axial", "oblique", "sheared by a gantry tilt")


@pytest.mark.parametrize("grid", GRIDS)
def test_grey_values_stay_right_through_scroll_zoom_and_pan(qtbot, tmp_path, grid):
    volume = truth.made_volume(truth.GRIDS[grid])
    with made_area(qtbot, tmp_path, volume) as area:
        area.state.set_overlays("none")
        for view in area.slice_views.values():
            assert_shows(view, volume)
            number = view.slice_number
            wheel(view, -120)
            assert view.slice_number == number + 1
            assert_shows(view, volume)
            drag(view, (100, 90), (100, 70), (120, 31), button=Qt.RightButton)  # zoom in about where it began
            assert_shows(view, volume)
            drag(view, (100, 90), (111, 85), (127, 96), button=Qt.MiddleButton)
            assert_shows(view, volume)
            wheel(view, 120, Qt.ControlModifier, at=(40, 50))
            wheel(view, 120)
            assert_shows(view, volume)


@pytest.mark.parametrize("grid", GRIDS)
def test_grey_values_stay_right_on_oblique_turned_and_flipped_planes(qtbot, tmp_path, grid):
    volume = truth.made_volume(truth.GRIDS[grid])
    with made_area(qtbot, tmp_path, volume) as area:
        area.state.set_overlays("none")
        area.state.set_tool("crosshair")
        axial = area.slice_views["axial"]
        turn_crosshair(axial, area, 35.0)
        assert area.state.orientation_of("coronal").right_lps != pytest.approx((1.0, 0.0, 0.0), abs=0.1)
        axial.turn_by(90.0)
        area.slice_views["sagittal"].flip()
        for view in area.slice_views.values():
            assert_shows(view, volume)
            wheel(view, -240)
            assert_shows(view, volume)


def turn_crosshair(view, area, degrees):
    """Drag a handle of the crosshair in a view about its centre."""
    from DICOMModule.widgets.views.crosshair_drag import crosshair_of

    shown = crosshair_of(area.state, view.name, view.view_geometry)
    x, y = shown.handles(shown.lines[0])[1]
    right, down = x - shown.x_px, y - shown.y_px
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    to = (shown.x_px + cosine * right + sine * down, shown.y_px + cosine * down - sine * right)
    drag(view, (x, y), to)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_crosshair_is_at_the_same_place_of_the_patient_in_all_views(qtbot, tmp_path, grid):
    volume = truth.made_volume(truth.GRIDS[grid])
    with made_area(qtbot, tmp_path, volume) as area:
        area.state.set_tool("crosshair")
        axial = area.slice_views["axial"]
        press(axial, 151.0, 133.0)
        release(axial, 151.0, 133.0)
        wheel(area.slice_views["coronal"], -240)
        turn_crosshair(axial, area, -20.0)
        position = area.state.position_lps_mm
        for view in area.slice_views.values():
            geometry = view.view_geometry
            x, y = geometry.pixel_at(position)
            back = np.subtract(geometry.lps_at(x, y), position)
            assert np.linalg.norm(back) < 0.5 * geometry.mm_per_pixel  # the plane goes through it


def test_the_crosshair_comes_exactly_to_the_pointer(qtbot, tmp_path):
    volume = truth.made_volume(truth.GRIDS["oblique"])
    with made_area(qtbot, tmp_path, volume) as area:
        for name in SLICE_VIEWS:
            view = area.slice_views[name]
            move(view, 90.25, 61.5, modifiers=Qt.ShiftModifier)
            assert view.view_geometry.pixel_at(area.state.position_lps_mm) == pytest.approx((90.25, 61.5), abs=1e-6)


def test_a_window_set_by_a_drag_is_what_all_views_show(qtbot, tmp_path):
    volume = truth.made_volume(truth.GRIDS["axial"])
    with made_area(qtbot, tmp_path, volume) as area:
        area.state.set_overlays("none")
        drag(area.slice_views["axial"], (100, 100), (140, 60))
        window = area.state.background.display.window
        assert window.width > 60.0
        assert window.level < 40.0  # upward is brighter
        for view in area.slice_views.values():
            assert_shows(view, volume, window=window)


def test_the_foreground_is_blended_by_its_opacity_and_at_0_it_is_not_there(qtbot, tmp_path):
    lower = truth.made_volume(truth.GRIDS["axial"])
    upper = replace(lower, array=100 - lower.array)
    with made_area(qtbot, tmp_path, lower, upper) as area:
        area.state.set_overlays("none")
        area.state.show_foreground(area.state.scene.nodes[1].id)
        area.state.set_foreground_opacity(0.25)
        view = area.slice_views["coronal"]
        points = view.view_geometry.pixel_centers_lps()
        inside = truth.edge_distance(lower, points) > 0.05
        parts = [truth.grey(truth.trilinear(volume, points), 40.0, 60.0) for volume in (lower, upper)]
        error = np.abs(pixels_of(view)[..., 0] - (0.75 * parts[0] + 0.25 * parts[1]))
        assert error[inside].max() <= 2.0
        area.state.set_foreground_opacity(0.0)
        assert_shows(view, lower)


def test_nothing_is_drawn_anew_where_nothing_changed(qtbot, tmp_path, monkeypatch):
    from DICOMModule.views.slice_view import SliceView

    drawn = []
    plain = SliceView.pixels
    monkeypatch.setattr(SliceView, "pixels", lambda self: drawn.append(self.orientation.name) or plain(self))
    with made_area(qtbot, tmp_path, truth.made_volume(truth.GRIDS["axial"])) as area:
        view = area.slice_views["axial"]
        area.grab()
        drawn.clear()
        area.grab()
        area.state.set_overlays("minimal")
        area.state.set_crosshair_shown(False)
        area.grab()
        assert drawn == []
        wheel(view, -120)
        area.grab()
        assert drawn == ["axial"]  # the planes of the others are those that they were


def test_what_is_written_over_a_view_goes_with_the_overlays(qtbot, tmp_path):
    volume = replace(truth.made_volume(truth.GRIDS["axial"]), warnings=("A warning.",))
    with made_area(qtbot, tmp_path, volume) as area:
        view = area.slice_views["axial"]
        area.state.set_overlays("none")
        bare = pixels_of(view)
        area.state.set_overlays("minimal")
        least = pixels_of(view)
        area.state.set_overlays("all")
        everything = pixels_of(view)
        assert 0 < (least != bare).any(axis=-1).sum() < (everything != bare).any(axis=-1).sum()


def test_an_empty_view_has_the_views_ground(qtbot, tmp_path):
    volume = truth.made_volume(truth.GRIDS["axial"])
    with made_area(qtbot, tmp_path, volume) as area:
        area.state.show_background("", "coronal")
        corner = pixels_of(area.slice_views["coronal"])[:8, :8, :3]
        assert (corner == BACKGROUND).all()
        assert (pixels_of(area.slice_views["axial"])[..., :3] != BACKGROUND).any()


def test_a_failure_is_a_sentence_in_the_view_and_one_banner_and_goes_when_its_cause_has_gone(
    qtbot, tmp_path, monkeypatch
):
    from DICOMModule.errors import RenderingError
    from DICOMModule.views.slice_view import SliceView

    plain = SliceView.pixels

    def fail(_self):
        raise RenderingError("drawing failed: out of memory")

    with made_area(qtbot, tmp_path, truth.made_volume(truth.GRIDS["axial"])) as area:
        view = area.slice_views["axial"]
        view.grab()
        monkeypatch.setattr(SliceView, "pixels", fail)
        wheel(view, -120)
        view.grab()
        view.grab()
        assert view.problem == "drawing failed: out of memory"
        qtbot.waitUntil(lambda: len(area.viewer.banners.shown) == 1)
        assert area.viewer.banners.shown[0].text == view.problem
        monkeypatch.setattr(SliceView, "pixels", plain)
        wheel(view, 120)
        view.grab()
        assert view.problem == ""


def test_a_size_that_is_dragged_keeps_what_one_zoomed_to(qtbot, tmp_path):
    volume = truth.made_volume(truth.GRIDS["oblique"])
    with made_area(qtbot, tmp_path, volume) as area:
        area.state.set_overlays("none")
        view = area.slice_views["axial"]
        drag(view, (100, 90), (100, 40), button=Qt.RightButton)
        before = view.view_geometry
        area.resize(640, 700)
        area.resize(900, 500)
        assert_shows(view, volume)
        area.resize(820, 620)
        assert view.view_geometry.mm_per_pixel == pytest.approx(before.mm_per_pixel, rel=1e-9)
        assert view.view_geometry.center_lps_mm == pytest.approx(before.center_lps_mm, abs=1e-9)


def test_another_display_of_the_same_volume_keeps_zoom_and_place(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, truth.made_volume(truth.GRIDS["axial"])) as area:
        view = area.slice_views["axial"]
        drag(view, (100, 90), (90, 40), button=Qt.RightButton)
        before = view.view_geometry
        node = area.state.background
        area.state.scene.set_display(node.id, VolumeDisplay(Window(10.0, 20.0)))
        assert view.view_geometry == before


HIGH_DPI = """
import sys
from pathlib import Path
import numpy as np
import picture_truth as truth
from view_kit import made_area, pixels_of
from DICOMModule.views.view import BACKGROUND
from DICOMModule.widgets.views.view_widget import device_geometry
from DICOMModule.widgets.qt import QApplication

class Bot:
    def addWidget(self, widget): self.kept = getattr(self, "kept", []) + [widget]

application = QApplication([])
volume = truth.made_volume(truth.GRIDS["oblique"], low=20)
with made_area(Bot(), Path(sys.argv[1]), volume, size=(601, 421)) as area:
    area.state.set_overlays("none")
    view = area.slice_views["axial"]
    ratio = view.devicePixelRatioF()
    view.zoom_by(6.0)  # the volume reaches beyond the view: every pixel is covered
    geometry = device_geometry(view.view_geometry, ratio)
    pixels = pixels_of(view)
    points = geometry.pixel_centers_lps()
    height, width = pixels.shape[:2]
    inside = truth.edge_distance(volume, points)[:height, :width] > 0.05
    expected = truth.grey(truth.trilinear(volume, points), 40.0, 60.0)[:height, :width]
    error = np.abs(pixels[..., 0] - expected)[inside].max()
    print(ratio, width - round(view.width() * ratio), height - round(view.height() * ratio), inside.mean(), error)
"""


@pytest.mark.parametrize("ratio", [1.5, 2.0])
def test_a_screen_of_high_resolution_is_drawn_in_its_own_pixels(tmp_path, ratio):
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QT_SCALE_FACTOR": str(ratio),
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]),
    }
    command = [sys.executable, "-c", HIGH_DPI, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, wider, higher, inside, error = map(float, done.stdout.split())
    assert found == ratio
    assert abs(wider) <= 1
    assert abs(higher) <= 1
    assert inside > 0.9
    assert error <= 1.0
