"""What a hand does in the volume view: turning, clipping, shifting, and pictures that come soon."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import picture_truth as truth
import pytest

from DICOMModule.errors import SettingsError
from DICOMModule.scene import Scene
from DICOMModule.views import prepared
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import direction_letters
from DICOMModule.views.overlay import edge_letters, volume_overlay
from DICOMModule.views.prepared import prepare_volume, reduced_volume, reduction_factors
from DICOMModule.views.view import BACKGROUND
from DICOMModule.views.volume_camera import LOOK_FROM, screen_axes, turned_by_drag
from DICOMModule.views.volume_choices import COARSEST, next_coarseness
from DICOMModule.views.volume_view import VolumeView
from DICOMModule.volume.volume import Volume

SIZE = (240, 200)
FRONT = ViewGeometry(240, 200, 0.5, (1.0, 2.0, 3.0), *screen_axes((0.0, -1.0, 0.0)))


@pytest.fixture
def view_of():
    views = []

    def make(volume, preset="", **options):
        view = VolumeView(*SIZE, **options)
        views.append(view)
        node = Scene().add_volume(volume)
        view.show(replace(node, display=replace(node.display, rendering_preset=preset)))
        return view

    yield make
    for view in views:
        view.close()


def block(grid="axial", shape=(14, 44, 48), inside=1000):
    """Return a CT volume that is full of one value but for its outermost voxels."""
    values = np.full(shape, -1000, np.int16)
    values[1:-1, 1:-1, 1:-1] = inside
    return Volume(values, truth.matrix(truth.GRIDS[grid]), modality="CT", units="HU")


def drawn(pixels):
    return np.abs(pixels[..., :3].astype(int) - BACKGROUND).max(axis=-1) > 25


# -- turning


@pytest.mark.parametrize(("drag", "toward_viewer"), [
    # Seen from the front; a drag over the smaller side, 200 pixels, is half a turn.
    ((100.0, 0.0), "R"), ((-100.0, 0.0), "L"), ((0.0, 100.0), "S"), ((0.0, -100.0), "I"), ((200.0, 0.0), "P"),
])  # fmt: skip
def test_what_is_in_front_follows_the_hand(drag, toward_viewer):
    turned = turned_by_drag(FRONT, *drag)
    assert direction_letters(turned.toward_viewer_lps) == toward_viewer


@pytest.mark.parametrize("drag", [(13.0, 4.0), (-7.0, 22.0), (0.0, 0.0)])
def test_a_point_in_front_moves_the_way_of_the_drag_and_the_pivot_stays(drag):
    pivot = (11.0, -8.0, 14.0)
    turned = turned_by_drag(FRONT, *drag, pivot)
    assert turned.pixel_at(pivot) == pytest.approx(FRONT.pixel_at(pivot), abs=1e-9)
    near = tuple(np.add(pivot, np.multiply(FRONT.toward_viewer_lps, 5.0)))
    moved = np.subtract(turned.pixel_at(near), FRONT.pixel_at(near))
    assert np.cross([*moved, 0], [*drag, 0]) == pytest.approx((0, 0, 0), abs=1e-6)
    assert moved @ np.array(drag) >= 0
    frame = np.array((turned.right_lps, turned.up_lps))
    assert frame @ frame.T == pytest.approx(np.eye(2), abs=1e-12)


def test_a_drag_there_and_back_in_small_steps_ends_where_it_began():
    view = FRONT
    for step in [(5.0, 0.0)] * 9 + [(-5.0, 0.0)] * 9:
        view = turned_by_drag(view, *step)
    assert view.right_lps == pytest.approx(FRONT.right_lps)
    assert view.up_lps == pytest.approx(FRONT.up_lps)


@pytest.mark.parametrize(
    ("button", "right", "top"),
    [("A", "L", "S"), ("P", "R", "S"), ("L", "P", "S"), ("R", "A", "S"), ("S", "R", "A"), ("I", "L", "A")],
)
def test_the_buttons_look_from_where_they_say(view_of, button, right, top):
    view = view_of(block())
    view.look_from(*LOOK_FROM[button])
    letters = edge_letters(view.geometry)
    assert direction_letters(view.geometry.toward_viewer_lps) == button
    assert (letters.right, letters.top) == (right, top)


# -- clipping and shifting


@pytest.mark.parametrize("coarseness", [1, 2])
@pytest.mark.parametrize("grid", ["axial", "oblique", "sheared by a gantry tilt", "sheared and oblique"])
def test_clip_planes_go_along_the_volumes_own_axes(view_of, monkeypatch, grid, coarseness):
    monkeypatch.setattr("DICOMModule.views.volume_view.MOVING_VOXELS", 10_000)
    volume = block(grid)
    box = ((0.25, 0.75), (0.5, 1.0), (0.0, 0.5))
    view = view_of(volume)
    view.set_clip(box)
    # Along the axis of j, from its far end: i and k lie in the picture.
    along = volume.ijk_to_lps[:3, 1] / volume.spacing_mm[1]
    view.look_from(tuple(along), tuple(volume.ijk_to_lps[:3, 2]))
    mask = drawn(view.pixels(coarseness))
    geometry = view.geometry
    corners = [
        geometry.pixel_at(tuple((volume.ijk_to_lps @ (i, 43.0, k, 1.0))[:3]))
        for i in (0.25 * 48 - 0.5, 0.75 * 48 - 0.5)
        for k in (0.5, 0.5 * 14 - 0.5)
    ]
    columns = np.nonzero(mask)[1]
    slack = (1.5 if coarseness == 1 else 4.0) / geometry.mm_per_pixel
    assert columns.min() == pytest.approx(min(x for x, _ in corners), abs=slack)
    assert columns.max() == pytest.approx(max(x for x, _ in corners), abs=slack)
    view.set_clip(None)
    assert drawn(view.pixels(coarseness)).sum() > 1.5 * mask.sum()


@pytest.mark.parametrize(
    "box",
    [((0.5, 0.5), (0.0, 1.0), (0.0, 1.0)), ((-0.1, 1.0), (0.0, 1.0), (0.0, 1.0)), ((0.0, 1.0), (0.0, 1.0), (0.2, np.nan))],
)  # fmt: skip
def test_clip_planes_out_of_their_range_are_refused(view_of, box):
    with pytest.raises(SettingsError, match="between 0 and 1"):
        view_of(block()).set_clip(box)


def test_a_shift_hides_and_shows_what_lies_at_other_values(view_of):
    view = view_of(block(inside=300), "CT bone")
    seen = view.pixels()
    assert drawn(seen).any()
    view.set_shift(1500.0)
    assert not drawn(view.pixels()).any()
    view.set_shift(0.0, 1.0)
    assert (view.pixels() == seen).all()


def test_a_shift_stays_when_the_preset_changes_and_a_scale_must_be_positive(view_of):
    volume = block(inside=300)
    view = view_of(volume, "CT bone")
    view.set_shift(5000.0)
    node = Scene().add_volume(volume)
    view.show(replace(node, display=replace(node.display, rendering_preset="CT skin")))
    assert view.preset.name == "CT skin"
    assert not drawn(view.pixels()).any()
    with pytest.raises(SettingsError, match="scaled by 0"):
        view.set_shift(0.0, 0.0)


# -- pictures that come soon


def test_a_reduced_volume_has_the_means_of_blocks():
    volume = truth.made_volume(np.diag([0.7, 0.7, 2.5]), "float32", low=-100, high=100, shape=(5, 9, 11))
    assert reduction_factors(volume, 5 * 9 * 11) == (1, 1, 1)
    assert reduction_factors(volume, 300) == (2, 1, 1)
    assert reduction_factors(volume, 150) == (2, 2, 1)
    small = reduced_volume(volume, 150).values
    assert small.shape == (5, 4, 5)
    assert small[2, 1, 3] == pytest.approx(volume.array[2, 2:4, 6:8].mean(), abs=1e-4)
    assert reduced_volume(volume, 150) is reduced_volume(volume, 149)
    assert reduced_volume(volume, 10**6).values is prepare_volume(volume).values


def test_whole_numbers_stay_whole_numbers_of_their_type():
    volume = truth.made_volume(np.diag([1.0, 1.0, 1.0]), "uint16", low=60000, high=65535, shape=(4, 4, 4))
    small = reduced_volume(volume, 8).values
    assert small.dtype == np.uint16
    assert small[0, 0, 0] == pytest.approx(volume.array[:2, :2, :2].mean(), abs=0.51)


@pytest.mark.parametrize("grid", ["axial", "sheared and oblique"])
def test_the_reduced_form_is_drawn_in_the_same_place(view_of, monkeypatch, grid):
    monkeypatch.setattr("DICOMModule.views.volume_view.MOVING_VOXELS", 8_000)
    volume = block(grid)
    view = view_of(volume)
    fine, coarse = drawn(view.pixels(1)), drawn(view.pixels(2))
    for one in (0, 1):
        assert np.nonzero(fine)[one].mean() == pytest.approx(np.nonzero(coarse)[one].mean(), abs=2.0)
    assert coarse.sum() == pytest.approx(fine.sum(), rel=0.15)


def test_what_is_drawn_from_fewer_voxels_says_so(view_of):
    volume = block()
    node = Scene().add_volume(volume)
    view = view_of(volume, most_voxels=8_000)
    assert drawn(view.pixels()).any()
    large = ViewGeometry(600, 450, 1.0, (0.0, 0.0, 0.0), FRONT.right_lps, FRONT.up_lps)
    assert volume_overlay(node, large, "CT bone", 8_000).text.bottom_right == (
        "CT bone",
        "Drawn from 24 × 22 × 14 voxels",
    )
    assert volume_overlay(node, large, "CT bone", prepared.RESTING_VOXELS).text.bottom_right == ("CT bone",)
    assert volume_overlay(node, large, "CT bone").text.bottom_right == ("CT bone",)


def test_a_picture_that_nobody_wants_any_more_is_given_up(view_of):
    view = view_of(block())
    asked = []
    assert view.pixels_unless(lambda: bool(asked.append(1)) or True) is None
    assert asked == [1]
    finished = view.pixels_unless(lambda: False)
    assert (finished == view.pixels()).all()


@pytest.mark.parametrize(("coarseness", "frame_ms", "expected"), [
    (3, 50, 3), (3, 100, 5), (2, 500, 7), (4, 5000, COARSEST), (4, 45, 4), (4, 20, 3), (6, 5, 3), (2, 1, 2), (8, 50, 8),
])  # fmt: skip
def test_the_next_frame_is_as_coarse_as_the_last_one_was_slow(coarseness, frame_ms, expected):
    assert next_coarseness(coarseness, frame_ms / 1000.0, 0.050) == expected


def test_coarseness_settles_whatever_the_machine():
    for work_s in (0.02, 0.4, 1.7):
        coarseness, seen = 4, []
        for _ in range(12):
            seen.append(coarseness)
            coarseness = next_coarseness(coarseness, work_s / coarseness**2, 0.050)
        assert len(set(seen[4:])) == 1


def test_a_view_lives_in_a_thread_of_its_own():
    volume, got = block(), []

    def live():
        view = VolumeView(*SIZE)
        try:
            view.show(Scene().add_volume(volume))
            got.append(view.pixels(3))
            view.set_geometry(turned_by_drag(view.geometry, 30.0, 10.0))
            got.append(view.pixels(1))
        finally:
            view.close()

    threads = [threading.Thread(target=live) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join(60)
    assert len(got) == 4
    assert all(drawn(pixels).sum() > 1000 for pixels in got)
    assert (got[0] == got[2]).all()
    assert (got[1] == got[3]).all()
