"""Slice views: what is drawn is what numpy computes, pixel by pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import picture_truth as truth
import pytest

from DICOMModule.errors import RenderingError, SettingsError
from DICOMModule.scene import Scene, VolumeDisplay
from DICOMModule.views import opengl
from DICOMModule.views.geometry import LEAST_MM_PER_PIXEL, MOST_MM_PER_PIXEL, bounded_scale
from DICOMModule.views.orientation import AXIAL, CORONAL, ORIENTATIONS, SAGITTAL, center_position
from DICOMModule.views.slice_view import SliceView
from DICOMModule.views.view import BACKGROUND
from DICOMModule.views.volume_view import VolumeView
from DICOMModule.volume.volume import Volume, Window

WINDOW = Window(40.0, 60.0)
SIZE = (151, 120)
ONE_GREY_LEVEL = 1.0
NEAR_EDGE = 0.05  # of a voxel: there, rasterisation decides what is still inside the box


def draw(volume, orientation=AXIAL, *, size=SIZE, position=None, display=None, change=None):
    """Return the pixels and the geometry of a view that is made, drawn and closed."""
    node = Scene().add_volume(volume, display=display or VolumeDisplay(WINDOW))
    view = SliceView(orientation, *size)
    try:
        view.show([node])
        if position is not None:
            view.set_position_lps(position)
        if change is not None:
            view.set_geometry(change(view.geometry))
        return view.pixels(), view.geometry
    finally:
        view.close()


def assert_shows(volume, pixels, geometry, expected_grey, where=None):
    """Compare every pixel that is clearly inside or outside the box."""
    points = geometry.pixel_centers_lps()
    distance = truth.edge_distance(volume, points)
    inside = distance > NEAR_EDGE
    inside = inside if where is None else inside & where
    assert inside.sum() > 300
    error = np.abs(pixels[..., 0] - expected_grey)[inside]
    assert error.max() <= ONE_GREY_LEVEL
    assert (pixels[inside][:, 0] == pixels[inside][:, 1]).all()
    outside = distance < -NEAR_EDGE
    assert (pixels[outside][:, :3] == BACKGROUND).all()
    assert (pixels[..., 3] == 255).all()


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
@pytest.mark.parametrize("columns", truth.GRIDS.values(), ids=truth.GRIDS)
def test_every_pixel_is_the_interpolated_value_at_its_place(columns, orientation):
    volume = truth.made_volume(columns)
    pixels, geometry = draw(volume, orientation)
    expected = truth.grey(truth.trilinear(volume, geometry.pixel_centers_lps()), 40.0, 60.0)
    assert_shows(volume, pixels, geometry, expected)


@pytest.mark.parametrize("columns", truth.GRIDS.values(), ids=truth.GRIDS)
def test_without_interpolation_every_pixel_is_the_voxel_in_which_it_lies(columns):
    volume = truth.made_volume(columns)
    display = VolumeDisplay(WINDOW, interpolation="nearest")
    off_center = tuple(np.add(center_position(volume), (0.11, 0.13, 0.17)))
    pixels, geometry = draw(volume, CORONAL, position=off_center, display=display)
    points = geometry.pixel_centers_lps()
    ijk = truth.indices(volume, points)
    clear = (np.abs(ijk - np.floor(ijk) - 0.5) > 0.02).all(axis=-1)  # not on the wall between two voxels
    expected = truth.grey(truth.nearest(volume, points), 40.0, 60.0)
    assert_shows(volume, pixels, geometry, expected, clear)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("uint8", 0, 100),
        ("int8", -60, 100),
        ("int16", -1000, 1000),
        ("uint16", 40000, 65535),
        ("int32", -70000, 70000),
        ("uint32", 0, 100),
        ("int64", -1000, 1000),
        ("float16", 0, 100),
        ("float32", -5, 5),
        ("float64", 0, 1e7),
        (">i2", -1000, 1000),
    ],
)
def test_every_type_of_number_is_shown_as_it_is(dtype, low, high):
    volume = truth.made_volume(truth.GRIDS["oblique"], dtype, low=low, high=high)
    level, width = (low + high) / 2, (high - low) * 0.8
    pixels, geometry = draw(volume, SAGITTAL, display=VolumeDisplay(Window(level, width)))
    expected = truth.grey(truth.trilinear(volume, geometry.pixel_centers_lps()), level, width)
    assert_shows(volume, pixels, geometry, expected)


def test_booleans_are_shown_as_zero_and_one():
    volume = Volume(np.random.default_rng(1).random((6, 7, 8)) > 0.5, truth.matrix(np.diag([1.0, 1.0, 1.0])))
    display = VolumeDisplay(Window(0.5, 1.0), function="LINEAR_EXACT")
    pixels, geometry = draw(volume, display=display)
    expected = 255 * truth.trilinear(volume, geometry.pixel_centers_lps())
    assert_shows(volume, pixels, geometry, expected)


def test_numbers_that_have_no_grey_value_are_refused():
    volume = Volume(np.ones((2, 3, 4), complex), np.eye(4))
    with pytest.raises(RenderingError, match="complex128 cannot be shown"):
        draw(volume, display=VolumeDisplay(WINDOW))


@pytest.mark.parametrize("view", ["transposed", "reversed", "strided"])
def test_an_array_that_is_not_contiguous_is_shown_right(view):
    values = np.random.default_rng(3).integers(0, 100, (14, 16, 18)).astype(np.int16)
    array = {"transposed": values.T, "reversed": values[::-1], "strided": values[::2, 1:, ::2]}[view]
    volume = Volume(array, truth.matrix(np.diag([1.0, 1.1, 1.2])))
    pixels, geometry = draw(volume)
    expected = truth.grey(truth.trilinear(volume, geometry.pixel_centers_lps()), 40.0, 60.0)
    assert_shows(volume, pixels, geometry, expected)


@pytest.mark.parametrize(("monochrome1", "inverted", "white_is_high"), [
    (False, False, True), (True, False, False), (False, True, False), (True, True, True),
])  # fmt: skip
def test_monochrome1_and_the_users_inversion_are_two_things(monochrome1, inverted, white_is_high):
    volume = truth.made_volume(truth.GRIDS["axial"], monochrome1=monochrome1)
    pixels, geometry = draw(volume, display=VolumeDisplay(WINDOW, inverted=inverted))
    expected = truth.grey(truth.trilinear(volume, geometry.pixel_centers_lps()), 40.0, 60.0)
    assert_shows(volume, pixels, geometry, expected if white_is_high else 255.0 - expected)


def test_linear_exact_goes_from_black_to_white_over_the_whole_width():
    volume = truth.made_volume(np.diag([1.0, 1.0, 1.0]), "float32", low=0, high=7)
    pixels, geometry = draw(volume, display=VolumeDisplay(Window(3.0, 6.0), function="LINEAR_EXACT"))
    value = truth.trilinear(volume, geometry.pixel_centers_lps())
    assert_shows(volume, pixels, geometry, np.clip(value / 6.0, 0, 1) * 255.0)


def test_a_missing_slice_is_a_gap_and_lends_no_value_to_its_neighbours():
    volume = truth.made_volume(truth.GRIDS["axial"], low=20, high=60, shape=(9, 14, 17))
    volume.array[4] = 2000  # a filler that would glare
    volume = replace(volume, missing_slices=(4,))
    pixels, geometry = draw(volume, CORONAL, display=VolumeDisplay(WINDOW))
    good = np.ones(volume.array.shape, bool)
    good[4] = False
    points = geometry.pixel_centers_lps()
    value, bad = truth.trilinear_and_support(volume, points, good)
    assert_shows(volume, pixels, geometry, truth.grey(value, 40.0, 60.0), bad == 0)
    hidden = (bad > 0.01) & (truth.edge_distance(volume, points) > NEAR_EDGE)
    assert hidden.sum() > 500
    assert (pixels[hidden][:, :3] == BACKGROUND).all()


def test_padding_is_background_in_nearest_mode_too():
    volume = truth.made_volume(truth.GRIDS["oblique"], low=20, high=60)
    valid = np.random.default_rng(5).random(volume.array.shape) > 0.2
    volume = replace(volume, valid=valid)
    pixels, geometry = draw(volume, display=VolumeDisplay(WINDOW, interpolation="nearest"))
    points = geometry.pixel_centers_lps()
    ijk = truth.indices(volume, points)
    clear = (np.abs(ijk - np.floor(ijk) - 0.5) > 0.02).all(axis=-1)
    shown = truth.nearest(replace(volume, array=valid.astype(np.uint8)), points) > 0
    assert_shows(volume, pixels, geometry, truth.grey(truth.nearest(volume, points), 40.0, 60.0), clear & shown)
    padding = clear & ~shown & (truth.edge_distance(volume, points) > NEAR_EDGE)
    assert (pixels[padding][:, :3] == BACKGROUND).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_a_gap_and_does_not_spread(bad):
    volume = truth.made_volume(np.diag([1.0, 1.0, 1.0]), "float32", low=20, high=60)
    good = np.ones(volume.array.shape, bool)
    good[4, 7, 8] = False
    clean = volume.array.copy()
    volume.array[4, 7, 8] = bad
    pixels, geometry = draw(volume)
    points = geometry.pixel_centers_lps()
    value, weight = truth.trilinear_and_support(replace(volume, array=clean), points, good)
    assert_shows(volume, pixels, geometry, truth.grey(value, 40.0, 60.0), weight == 0)
    assert (pixels[weight > 0.01][:, :3] == BACKGROUND).all()


def test_one_slice_is_shown_over_its_thickness():
    volume = truth.made_volume(np.diag([1.0, 1.0, 4.0]), shape=(1, 14, 17))
    for orientation in ORIENTATIONS.values():
        pixels, geometry = draw(volume, orientation)
        expected = truth.grey(truth.trilinear(volume, geometry.pixel_centers_lps()), 40.0, 60.0)
        assert_shows(volume, pixels, geometry, expected)


@pytest.mark.parametrize("size", [(151, 120), (150, 121), (64, 200), (333, 47)])
def test_zoom_and_pan_keep_every_pixel_at_its_place(size):
    volume = truth.made_volume(truth.GRIDS["oblique"])

    def change(view):
        return view.zoomed(1.7, 20.0, 31.0).panned(-9.5, 7.25)

    pixels, geometry = draw(volume, SAGITTAL, size=size, change=change)
    expected = truth.grey(truth.trilinear(volume, geometry.pixel_centers_lps()), 40.0, 60.0)
    assert_shows(volume, pixels, geometry, expected)


def test_the_view_scrolls_through_the_volumes_own_slices():
    volume = truth.made_volume(truth.GRIDS["axial"])
    node = Scene().add_volume(volume, display=VolumeDisplay(WINDOW))
    view = SliceView(AXIAL, *SIZE)
    view.show([node])
    try:
        assert view.slices.count == 9
        for number in (1, 4, 9):
            view.set_slice(number)
            k = 9 - number  # slice 1 is the most superior
            x, y = view.geometry.pixel_at(tuple((volume.ijk_to_lps @ (8, 7, k, 1))[:3]))
            column, row = int(x), int(y)
            point = view.geometry.pixel_centers_lps()[row, column]
            assert truth.indices(volume, point)[2] == pytest.approx(k, abs=1e-9)
            expected = truth.grey(truth.trilinear(volume, point), 40.0, 60.0)
            assert view.pixels()[row, column, 0] == pytest.approx(expected, abs=ONE_GREY_LEVEL)
        with pytest.raises(SettingsError, match="no slice 10: the view has the slices 1 to 9"):
            view.set_slice(10)
    finally:
        view.close()


def test_a_change_of_the_window_needs_no_new_image_and_shows():
    scene = Scene()
    volume = truth.made_volume(truth.GRIDS["axial"])
    node = scene.add_volume(volume, display=VolumeDisplay(WINDOW))
    view = SliceView(AXIAL, *SIZE)
    try:
        view.show(scene.nodes)
        before = view.pixels()
        scene.set_display(node.id, VolumeDisplay(Window(60.0, 30.0)))
        view.show(scene.nodes)
        after, geometry = view.pixels(), view.geometry
        expected = truth.grey(truth.trilinear(volume, geometry.pixel_centers_lps()), 60.0, 30.0)
        assert_shows(volume, after, geometry, expected)
        assert (before != after).any()
        scene.set_visible(node.id, False)
        view.show(scene.nodes)
        assert (view.pixels()[..., :3] == BACKGROUND).all()
    finally:
        view.close()


THIRDS = (0, 1 / 3, 2 / 3, 1)
TABLES = {  # corners of red, green and blue: places, values
    "grey": [([0, 1], [0, 1])] * 3,
    "hot": [(THIRDS, (0, 1, 1, 1)), (THIRDS, (0, 0, 1, 1)), (THIRDS, (0, 0, 0, 1))],
    "rainbow": [
        ([0, 0.5, 0.75, 1], [0, 0, 1, 1]),
        ([0, 0.25, 0.75, 1], [0, 1, 1, 0]),
        ([0, 0.25, 0.5, 1], [1, 1, 0, 0]),
    ],
    "cool": [([0, 1], [0, 1]), ([0, 1], [1, 0]), ([0, 1], [1, 1])],
}


def draw_layers(nodes, orientation=AXIAL, *, change=None, slab=None):
    """Return the pixels and the geometry of a view of several nodes, the lowest first."""
    view = SliceView(orientation, *SIZE)
    try:
        view.show(nodes)
        if change is not None:
            view.set_geometry(change(view.geometry))
        if slab is not None:
            view.set_slab(*slab)
        return view.pixels(), view.geometry
    finally:
        view.close()


@pytest.mark.parametrize("opacity", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("table", ["grey", "hot", "rainbow", "cool"])
def test_a_foreground_on_another_grid_is_blended_where_it_has_values_and_nowhere_else(opacity, table):
    scene = Scene()
    lower = truth.made_volume(truth.GRIDS["axial"])
    upper = truth.made_volume(truth.GRIDS["oblique"], shape=(6, 9, 8), low=0, high=100)
    valid = np.random.default_rng(5).random(upper.array.shape) > 0.05
    upper = replace(upper, ijk_to_lps=truth.matrix(truth.GRIDS["oblique"], (-29.0, 13.0, 106.0)), valid=valid)
    scene.add_volume(lower, display=VolumeDisplay(WINDOW))
    scene.add_volume(upper, display=VolumeDisplay(WINDOW, opacity=opacity, color_table=table, interpolation="nearest"))
    pixels, geometry = draw_layers(scene.nodes, CORONAL)
    points = geometry.pixel_centers_lps()
    beneath = truth.grey(truth.trilinear(lower, points), 40.0, 60.0)[..., None]
    inside = truth.edge_distance(lower, points) > NEAR_EDGE
    ijk = truth.indices(upper, points)
    clear = (np.abs(ijk - np.floor(ijk) - 0.5) > 0.02).all(axis=-1) & inside
    has_value = truth.nearest(replace(upper, array=valid.astype(np.uint8)), points) > 0
    if table != "grey":  # a colour is drawn above the window's lower end only; LINEAR's is 40 - 0.5 - 59 / 2
        has_value &= truth.nearest(upper, points) > 10.0
    covered = clear & has_value & (truth.edge_distance(upper, points) > NEAR_EDGE)
    bare = clear & (~has_value | (truth.edge_distance(upper, points) < -NEAR_EDGE))
    assert min(covered.sum(), bare.sum()) > 1000
    step = np.rint(truth.grey(truth.nearest(upper, points), 40.0, 60.0)) / 255.0
    over = 255.0 * np.stack([np.interp(step, *corners) for corners in TABLES[table]], -1)
    expected = (1 - opacity) * beneath + opacity * over
    # Where a value is half-way between two of the 256 colours, either is right.
    steep = {"grey": 1.0, "hot": 3.0, "rainbow": 4.0, "cool": 1.0}[table]
    assert np.abs(pixels[..., :3] - expected)[covered].max() <= 1.0 + opacity * (steep - 1.0)
    assert np.abs(pixels[..., :3] - beneath)[bare].max() <= ONE_GREY_LEVEL


@pytest.mark.parametrize(("modality", "monochrome1", "inverted", "first"), [
    ("PT", False, True, 0.0), ("PT", False, False, 255.0), ("CT", False, False, 0.0), ("CT", False, True, 255.0),
    ("CT", True, False, 0.0),
])  # fmt: skip
def test_only_the_user_turns_a_colour_table_round_and_not_what_greys_are_by_default(
    modality, monochrome1, inverted, first
):
    volume = truth.made_volume(truth.GRIDS["axial"], modality=modality, monochrome1=monochrome1)
    pixels, geometry = draw(volume, display=VolumeDisplay(WINDOW, inverted=inverted, color_table="hot"))
    points = geometry.pixel_centers_lps()
    low = (truth.trilinear(volume, points) < 9.0) & (truth.edge_distance(volume, points) > NEAR_EDGE)
    assert low.sum() > 100
    assert (pixels[..., :3][low] == first).all()


def test_a_colour_table_that_there_is_not_is_refused():
    with pytest.raises(SettingsError, match="no colour table 'plaid'; there are grey, hot, rainbow, cool"):
        VolumeDisplay(WINDOW, color_table="plaid")


def test_large_values_lose_no_grey_level_in_a_narrow_window():
    volume = truth.made_volume(np.diag([1.0, 1.0, 1.0]), "uint16", low=65500, high=65535)
    pixels, geometry = draw(volume, display=VolumeDisplay(Window(65517.0, 30.0)))
    expected = truth.grey(truth.trilinear(volume, geometry.pixel_centers_lps()), 65517.0, 30.0)
    assert_shows(volume, pixels, geometry, expected)


def test_without_opengl_the_error_says_what_to_install(monkeypatch):
    opengl._window_class.cache_clear()
    monkeypatch.setattr(opengl, "_linux_windows", dict)
    monkeypatch.delenv(opengl.WINDOW_VARIABLE, raising=False)
    monkeypatch.setattr(opengl.sys, "platform", "linux")
    try:
        with pytest.raises(RenderingError, match="apt-get install libegl1"):
            VolumeView(10, 10)
    finally:
        opengl._window_class.cache_clear()


def test_a_kind_of_window_that_does_not_work_here_is_named(monkeypatch):
    opengl._window_class.cache_clear()
    monkeypatch.setattr(opengl, "_linux_windows", lambda: {"vtkEGLRenderWindow": object})
    monkeypatch.setattr(opengl.sys, "platform", "linux")
    monkeypatch.setenv(opengl.WINDOW_VARIABLE, "vtkXOpenGLRenderWindow")
    try:
        with pytest.raises(RenderingError, match=r"asks for vtkXOpenGLRenderWindow.*working: vtkEGLRenderWindow"):
            VolumeView(10, 10)
    finally:
        opengl._window_class.cache_clear()


def test_an_error_of_vtk_is_raised_and_logged(caplog):
    from vtkmodules.vtkCommonCore import vtkLookupTable

    with (
        pytest.raises(RenderingError, match=r"drawing a test failed: .*ERROR"),
        opengl.vtk_errors_raised("drawing a test"),
    ):
        vtkLookupTable().SetTableRange(2.0, 1.0)
    assert "VTK:" in caplog.text


@pytest.mark.parametrize("factor", [1e30, 1e-30, 0.0])
def test_no_zoom_goes_so_far_that_nothing_can_be_drawn(factor):
    def change(view):
        for _ in range(3):
            view = view.zoomed(factor, 10.0, 20.0)
        return view

    pixels, view = draw(truth.made_volume(truth.GRIDS["axial"]), change=change)
    assert view.mm_per_pixel == (LEAST_MM_PER_PIXEL if factor > 1 else MOST_MM_PER_PIXEL)
    assert np.isfinite(view.center_lps_mm).all()
    assert np.isfinite(view.pixel_centers_lps()).all()
    assert pixels.shape[:2] == (SIZE[1], SIZE[0])


def test_a_scale_beyond_the_bounds_can_be_left_but_goes_no_further():
    assert bounded_scale(5e3, 0.5) == 5e3
    assert bounded_scale(5e3, 10.0) == 5e2
    assert bounded_scale(1e-5, 2.0) == 1e-5
