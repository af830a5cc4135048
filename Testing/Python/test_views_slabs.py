"""Slabs, oblique planes, turned and mirrored views: every pixel against numpy's own interpolation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import picture_truth as truth
import pytest

from DICOMModule.errors import SettingsError
from DICOMModule.scene import Scene, VolumeDisplay
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import (
    AXIAL,
    CORONAL,
    ORIENTATIONS,
    SAGITTAL,
    acquisition_axes,
    direction_letters,
    turned_orientation,
)
from DICOMModule.views.overlay import edge_letters
from DICOMModule.views.slab import Slab
from DICOMModule.views.slice_view import SliceView
from DICOMModule.views.view import BACKGROUND
from DICOMModule.volume.volume import Window

WINDOW = Window(50.0, 102.0)
SIZE = (151, 120)
NEAR_EDGE = 0.05
GRIDS = ("axial", "acquired sagittally", "oblique", "sheared by a gantry tilt", "sheared and oblique")


@pytest.fixture
def view_of():
    """Return a maker of views that are closed in the end."""
    views = []

    def make(volume, orientation=AXIAL, **options):
        view = SliceView(orientation, *SIZE)
        views.append(view)
        view.show([Scene().add_volume(volume, display=VolumeDisplay(WINDOW, **options))])
        return view

    yield make
    for view in views:
        view.close()


def planes_of(volume, geometry, thickness_mm):
    """Return the points of each plane of a slab, and the weights of a mean: as the slab's docstring says."""
    normal = np.cross(geometry.right_lps, geometry.up_lps)
    columns = volume.ijk_to_lps[:3, :3]
    along = normal @ columns
    step = abs(along[np.argmax(np.abs(along) / np.linalg.norm(columns, axis=0))])
    half = max(1, math.ceil(thickness_mm / 2 / step - 1e-6)) if thickness_mm else 0
    offsets = np.linspace(-thickness_mm / 2, thickness_mm / 2, 2 * half + 1)
    weights = np.ones(len(offsets))
    if half:
        weights[0] = weights[-1] = 0.5
    points = geometry.pixel_centers_lps()
    return [points + offset * normal for offset in offsets], weights


def assert_shows_slab(volume, view, thickness_mm, mode, good=None):
    geometry, pixels = view.geometry, view.pixels()
    good = np.ones(volume.array.shape, bool) if good is None else good
    planes, weights = planes_of(volume, geometry, thickness_mm)
    sampled = [truth.trilinear_and_support(volume, points, good) for points in planes]
    values = np.array([value for value, _ in sampled])
    hidden = np.array([share for _, share in sampled])
    edge = np.array([truth.edge_distance(volume, points) for points in planes])
    counts = (edge > 0) & (hidden < 1e-4)
    clear = ((np.abs(edge) > NEAR_EDGE) & (np.abs(hidden - 1e-4) > 5e-5)).all(axis=0)
    shown = clear & counts.any(axis=0)
    share = counts * weights[:, None, None]
    value = {
        "mip": np.where(counts, values, -np.inf).max(axis=0),
        "minip": np.where(counts, values, np.inf).min(axis=0),
        "mean": (values * share).sum(axis=0) / np.maximum(share.sum(axis=0), 1e-9),
    }[mode]
    assert shown.sum() > 500
    error = np.abs(pixels[..., 0] - truth.grey(value, WINDOW.level, WINDOW.width))
    assert error[shown].max() <= 1.0
    bare = clear & ~counts.any(axis=0)
    assert (pixels[bare][:, :3] == BACKGROUND).all()


@pytest.mark.parametrize("mode", ["mip", "minip", "mean"])
@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
@pytest.mark.parametrize("grid", GRIDS)
def test_a_slab_shows_the_largest_smallest_or_mean_value_behind_a_pixel(view_of, grid, orientation, mode):
    volume = truth.made_volume(truth.GRIDS[grid])
    view = view_of(volume, orientation)
    view.set_slab(4.0, mode)
    assert_shows_slab(volume, view, 4.0, mode)


@pytest.mark.parametrize("mode", ["mip", "minip", "mean"])
@pytest.mark.parametrize("grid", ["axial", "sheared and oblique"])
def test_voxels_without_a_value_never_win_and_never_count(view_of, grid, mode):
    volume = truth.made_volume(truth.GRIDS[grid], low=20, high=80, shape=(9, 20, 24))
    good = np.random.default_rng(11).random(volume.array.shape) > 0.04
    volume.array[~good] = np.where(np.random.default_rng(2).random((~good).sum()) > 0.5, 2000, -2000)
    view = view_of(replace(volume, valid=good), CORONAL)
    view.set_slab(3.0, mode)
    assert_shows_slab(volume, view, 3.0, mode, good)


@pytest.mark.parametrize("thickness_mm", [0.5, 2.5, 7.3, 40.0])
def test_a_slab_may_be_thinner_than_a_slice_and_thicker_than_the_volume(view_of, thickness_mm):
    volume = truth.made_volume(truth.GRIDS["axial"])
    view = view_of(volume)
    for mode in ("mip", "mean"):
        view.set_slab(thickness_mm, mode)
        assert_shows_slab(volume, view, thickness_mm, mode)


def test_an_axial_slab_of_two_slices_thickness_goes_through_voxels_and_finds_their_maximum(view_of):
    volume = truth.made_volume(np.diag([1.0, 1.0, 2.5]), low=0, high=20)
    volume.array[3, 7, 8] = 100  # one slice beside the middle one, k = 4
    view = view_of(volume)
    view.set_slab(5.0, "mip")
    x, y = view.geometry.pixel_at(tuple((volume.ijk_to_lps @ (8, 7, 4, 1))[:3]))
    around = view.pixels()[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4, 0]
    assert around.max() >= 0.85 * 255
    view.set_slab(0.0)
    assert view.pixels()[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4, 0].max() < 60


def test_a_slab_of_a_place_beyond_the_volume_is_empty(view_of):
    volume = truth.made_volume(truth.GRIDS["axial"])
    view = view_of(volume)
    view.set_slab(3.0, "mean")
    view.set_position_lps((0.0, 0.0, 5000.0))
    assert (view.pixels()[..., :3] == BACKGROUND).all()
    view.set_slab(0.0)
    assert (view.pixels()[..., :3] == BACKGROUND).all()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [((-1.0, "mip"), "cannot be -1 mm"), ((math.nan, "mip"), "cannot be nan"), ((1.0, "sum"), "no slab mode 'sum'")],
)
def test_a_slab_that_cannot_be_is_refused(arguments, text):
    with pytest.raises(SettingsError, match=text):
        Slab(*arguments)


def test_a_slab_is_named_by_its_mode_and_thickness():
    assert Slab(10.0, "mip").text == "MIP 10 mm"
    assert Slab(2.5, "minip").text == "MinIP 2.5 mm"
    assert Slab(0.0, "mean").text == ""


# -- turned, mirrored and oblique


CHANGES = {
    "as it is": lambda view: view,
    "turned": lambda view: view.turned(33.0),
    "mirrored": lambda view: view.flipped_horizontally(),
    "turned, mirrored, zoomed and panned": lambda view: (
        view.turned(-120.0).flipped_vertically().zoomed(1.6, 40.0, 90.0).panned(7.5, -4.25)
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL])
@pytest.mark.parametrize("grid", GRIDS)
def test_a_turned_or_mirrored_view_shows_what_lies_at_its_pixels(view_of, grid, orientation, change):
    volume = truth.made_volume(truth.GRIDS[grid])
    view = view_of(volume, orientation)
    view.set_geometry(change(view.geometry))
    view.set_slice(view.slices.number_at(view.geometry.center_lps_mm) + 1)
    assert_shows_slab(volume, view, 0.0, "mip")


@pytest.mark.parametrize("grid", GRIDS)
def test_an_oblique_plane_scrolls_along_its_own_normal_and_shows_what_lies_there(view_of, grid):
    volume = truth.made_volume(truth.GRIDS[grid])
    view = view_of(volume, CORONAL)
    turn = truth.turn(15.0, 20.0, -10.0)
    view.set_axes(tuple(turn @ CORONAL.right_lps), tuple(turn @ CORONAL.up_lps))
    scroll = np.array(view.orientation.scroll_lps)
    assert scroll == pytest.approx(turn @ CORONAL.scroll_lps)
    before = np.array(view.geometry.center_lps_mm)
    number = view.slices.number_at(view.geometry.center_lps_mm)
    view.set_slice(number)
    first = np.array(view.geometry.center_lps_mm)
    view.set_slice(number + 1)
    assert np.array(view.geometry.center_lps_mm) - first == pytest.approx(scroll * view.slices.spacing_mm)
    assert np.cross(scroll, first - before) == pytest.approx((0, 0, 0), abs=1e-9)
    assert_shows_slab(volume, view, 0.0, "mip")
    view.set_slab(3.0, "mean")
    assert_shows_slab(volume, view, 3.0, "mean")


def test_turning_step_by_step_never_turns_the_scroll_direction_round(view_of):
    view = view_of(truth.made_volume(truth.GRIDS["axial"]))
    right, up = np.array(AXIAL.right_lps), np.array(AXIAL.up_lps)
    for degrees in range(0, 181, 20):
        turn = truth.turn(0.0, degrees, 0.0)
        view.set_axes(tuple(turn @ right), tuple(turn @ up))
    assert view.orientation.scroll_lps == pytest.approx((0, 0, 1))
    view.set_orientation(AXIAL)
    assert view.orientation == AXIAL
    assert view.slices.count == 9


def test_mirroring_changes_letters_but_no_slice_numbers(view_of):
    view = view_of(truth.made_volume(truth.GRIDS["axial"]))
    slices = view.slices
    view.set_geometry(view.geometry.flipped_horizontally())
    assert view.slices == slices
    assert (edge_letters(view.geometry).left, edge_letters(view.geometry).right) == ("L", "R")
    view.set_geometry(view.geometry.turned(90.0))
    assert (edge_letters(view.geometry).top, edge_letters(view.geometry).right) == ("L", "A")


def test_a_picture_turned_right_brings_the_upper_edge_to_the_right():
    view = ViewGeometry(100, 80, 0.5, (1.0, 2.0, 3.0), AXIAL.right_lps, AXIAL.up_lps)
    turned = view.turned(90.0)
    assert direction_letters(turned.right_lps) == direction_letters(view.up_lps)
    assert turned.center_lps_mm == view.center_lps_mm
    point = view.lps_at(50.0, 30.0)  # 10 pixels above the middle
    assert turned.pixel_at(point) == pytest.approx((60.0, 40.0))
    assert view.turned(30.0).turned(60.0).right_lps == pytest.approx(turned.right_lps)
    flipped = view.flipped_horizontally()
    assert flipped.pixel_at(view.lps_at(20.0, 30.0)) == pytest.approx((80.0, 30.0))
    assert view.flipped_vertically().pixel_at(view.lps_at(20.0, 30.0)) == pytest.approx((20.0, 50.0))


def test_axes_that_are_not_perpendicular_unit_vectors_are_refused(view_of):
    view = view_of(truth.made_volume(truth.GRIDS["axial"]))
    with pytest.raises(SettingsError, match="perpendicular"):
        view.set_axes((1.0, 0.0, 0.0), (0.6, 0.8, 0.0))
    with pytest.raises(SettingsError, match="perpendicular"):
        turned_orientation(AXIAL, (2.0, 0.0, 0.0), (0.0, 1.0, 0.0))


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
@pytest.mark.parametrize("grid", truth.GRIDS)
def test_along_the_acquisition_the_plane_is_one_of_the_grids_own(view_of, grid, orientation):
    volume = truth.made_volume(truth.GRIDS[grid])
    axes = acquisition_axes(volume, orientation)
    columns = volume.ijk_to_lps[:3, :3] / np.linalg.norm(volume.ijk_to_lps[:3, :3], axis=0)
    # Two axes of the grid lie in the plane, exactly; the one to the right is one of them.
    assert sorted(np.abs(np.array(axes.scroll_lps) @ columns))[:2] == pytest.approx([0.0, 0.0], abs=1e-12)
    assert np.abs(np.array(axes.right_lps) @ columns).max() == pytest.approx(1.0)
    for before, after in zip(
        (orientation.right_lps, orientation.up_lps, orientation.scroll_lps),
        (axes.right_lps, axes.up_lps, axes.scroll_lps),
        strict=True,
    ):
        assert np.dot(before, after) > 0.7
    view = view_of(volume, orientation)
    view.set_orientation(axes)
    axis = int(np.argmax(np.abs(np.array(axes.scroll_lps) @ columns)))
    assert view.slices.count == volume.dimensions[axis]
    view.set_slice(2)
    index = truth.indices(volume, np.array(view.geometry.center_lps_mm))[axis]
    assert index == pytest.approx(round(index), abs=1e-9)
    assert_shows_slab(volume, view, 0.0, "mip")


def test_along_the_acquisition_an_aligned_volume_is_seen_as_before():
    volume = truth.made_volume(truth.GRIDS["axial, feet first prone"])
    for orientation in ORIENTATIONS.values():
        assert acquisition_axes(volume, orientation) == orientation
