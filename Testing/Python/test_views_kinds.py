"""What the views draw of volumes that are no plain grid of grey values: colours, uneven slices, images without a place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DICOMModule.scene import Scene
from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.views.color_bar import color_bar
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.graphics import GRAPHICS_COLOR, REGION_COLOR
from DICOMModule.views.orientation import AXIAL, CORONAL, STACK, center_position, slice_stack
from DICOMModule.views.overlay import slice_overlay, volume_overlay
from DICOMModule.views.prepared import grey_volume
from DICOMModule.views.slice_view import SliceView
from DICOMModule.views.uneven_slices import evened_volume
from DICOMModule.views.view import BACKGROUND
from DICOMModule.views.voxel_values import color_at, value_at
from DICOMModule.volume.overlays import Overlay
from DICOMModule.volume.volume import Volume, Window

PLACES_MM = (0.0, 2.0, 4.0, 12.0)


def coloured(shape=(3, 6, 8)):
    """A volume whose red is 10 i, green 10 j, blue 20 k."""
    k, j, i = np.indices(shape)
    return Volume(np.stack((10 * i, 10 * j, 20 * k), axis=-1).astype(np.uint8), np.diag((2.0, 2.0, 3.0, 1.0)))


def uneven():
    """Slices of the value 100 k at 0, 2, 4 and 12 mm."""
    array = np.empty((4, 6, 8), np.int16)
    array[:] = 100 * np.arange(4)[:, None, None]
    places = np.zeros((4, 3))
    places[:, 2] = PLACES_MM
    return Volume(array, np.diag((1.0, 1.0, 4.0, 1.0)), slice_positions_lps_mm=places, regular=False)


def drawn(view_axes, volume, center, display=None, *, size=(16, 12), mm=1.0):
    view = SliceView(view_axes, *size)
    node = Scene().add_volume(volume, display=display)
    view.show([node])
    view.set_geometry(ViewGeometry(*size, mm, center, view_axes.right_lps, view_axes.up_lps))
    return view


def test_colours_are_drawn_as_they_are():
    volume = coloured()
    view = drawn(AXIAL, volume, (7.0, 5.0, 3.0), mm=2.0, size=(8, 6))
    pixels = view.pixels()
    # the middle of the view is between voxels 3 and 4, 2 and 3: every pixel is a voxel
    np.testing.assert_array_equal(pixels[..., :3], volume.array[1])
    assert (pixels[..., 3] == 255).all()


def test_colours_do_not_heed_the_window_but_the_wish_for_the_opposite():
    volume = coloured()
    shown = VolumeDisplay(Window(0.0, 1.0), inverted=True)
    pixels = drawn(AXIAL, volume, (7.0, 5.0, 3.0), shown, mm=2.0, size=(8, 6)).pixels()
    np.testing.assert_array_equal(pixels[..., :3], 255 - volume.array[1])


def test_outside_of_colours_is_the_background():
    pixels = drawn(AXIAL, coloured(), (-40.0, 5.0, 3.0)).pixels()
    assert (pixels[..., :3] == BACKGROUND).all()


def test_colours_blend_with_what_lies_beneath():
    below = Volume(np.full((3, 6, 8), 100, np.int16), np.diag((2.0, 2.0, 3.0, 1.0)))
    above = coloured()
    scene = Scene()
    first = scene.add_volume(below, display=VolumeDisplay(Window(127.5, 255.0), function="LINEAR_EXACT"))
    second = scene.add_volume(above)
    view = SliceView(AXIAL, 8, 6)
    view.show([first, replace(second, display=replace(second.display, opacity=0.5))])
    view.set_geometry(ViewGeometry(8, 6, 2.0, (7.0, 5.0, 3.0), AXIAL.right_lps, AXIAL.up_lps))
    expected = (100 + above.array[1].astype(float)) / 2
    assert np.abs(view.pixels()[..., :3] - expected).max() <= 1


def test_the_colour_under_the_pointer_is_told():
    node = Scene().add_volume(coloured())
    assert color_at(node, (6.0, 4.0, 6.0)) == (30, 20, 40)
    assert color_at(node, (600.0, 4.0, 6.0)) is None
    assert color_at(Scene().add_volume(uneven()), (1.0, 1.0, 0.0)) is None


def test_what_is_ray_cast_of_colours_is_their_brightness():
    grey = grey_volume(coloured())
    assert grey.array.shape == (3, 6, 8)
    assert grey.array[1, 2, 3] == round(0.299 * 30 + 0.587 * 20 + 0.114 * 20)
    plain = uneven()
    assert grey_volume(plain) is plain


@pytest.mark.parametrize(
    ("place_mm", "value"), [(0.0, 0), (0.9, 0), (1.1, 100), (4.9, 200), (11.2, 300), (12.9, 300), (7.0, None)]
)
def test_a_plane_shows_the_slice_that_is_nearest_or_a_gap(place_mm, value):
    view = drawn(AXIAL, uneven(), (3.5, 2.5, place_mm), VolumeDisplay(Window(150.0, 300.0), "LINEAR_EXACT"))
    pixel = view.pixels()[6, 8]
    expected = BACKGROUND if value is None else (round(value / 300 * 255),) * 3
    assert tuple(pixel[:3]) == pytest.approx(expected, abs=1)


def test_across_the_slices_each_is_at_its_place_and_the_gap_is_seen():
    # one pixel is 1 mm; the picture's rows go from S 14 down to I 3
    view = drawn(CORONAL, uneven(), (3.5, 2.5, 5.5), VolumeDisplay(Window(150.0, 300.0), "LINEAR_EXACT"), size=(16, 18))
    column = view.pixels()[:, 8, 0].astype(int)
    places = 5.5 + 9 - 0.5 - np.arange(18)
    for row, place in enumerate(places):
        nearest = min(range(4), key=lambda k: abs(PLACES_MM[k] - place))
        if abs(PLACES_MM[nearest] - place) < 0.99:
            assert column[row] == pytest.approx(100 * nearest / 300 * 255, abs=1), place
        elif abs(PLACES_MM[nearest] - place) > 1.01:
            assert column[row] == BACKGROUND[0], place


def test_in_3d_every_plane_of_an_even_grid_shows_the_nearest_slice_or_a_gap():
    even = evened_volume(uneven())
    assert even.regular
    assert even.spacing_mm == (1.0, 1.0, 2.0)
    assert even.array[:, 2, 3].tolist() == [0, 100, 200, 0, 0, 0, 300]
    assert even.valid[:, 2, 3].tolist() == [True, True, True, False, False, False, True]
    plain = coloured()
    assert evened_volume(plain) is plain


def test_a_slice_that_is_shifted_in_its_plane_stays_where_it_lies():
    volume = uneven()
    places = volume.slice_positions.copy()
    places[1, :2] = (2.0, -1.0)
    array = volume.array.copy()
    array[1] = np.arange(48).reshape(6, 8)
    even = evened_volume(replace(volume, array=array, slice_positions_lps_mm=places))
    # voxel (i, j) of the slice lies at (i + 2, j - 1) mm: the even grid is as wide as all slices together
    assert even.array.shape == (7, 7, 10)
    assert (even.ijk_to_lps @ (5, 3, 1, 1))[:3].tolist() == [5.0, 2.0, 2.0]
    assert even.array[1, 3, 5] == array[1, 3, 3]
    assert even.array[1, 0, 9] == array[1, 0, 7]
    assert not even.valid[1, 3, 1]
    assert not even.valid[1, 6, 4]
    assert not even.valid[0, 0].any()


def test_one_scrolls_from_slice_to_slice():
    volume = uneven()
    stack = slice_stack(volume, AXIAL)
    assert stack.count == 4
    assert [stack.position_of(number, (0.0, 0.0, 5.0))[2] for number in (1, 2, 3, 4)] == [12.0, 4.0, 2.0, 0.0]
    assert [stack.number_at((0.0, 0.0, place)) for place in (20.0, 9.0, 7.0, 2.5, -3.0)] == [1, 1, 2, 3, 4]
    assert center_position(volume)[2] == 4.0


def test_a_slab_of_uneven_slices_takes_no_part_of_its_gaps():
    volume = uneven()
    shown = VolumeDisplay(Window(150.0, 300.0), "LINEAR_EXACT")
    view = drawn(AXIAL, volume, (3.5, 2.5, 2.0), shown)
    view.set_slab(5.0, "mip")
    assert view.pixels()[6, 8, 0] == pytest.approx(200 / 300 * 255, abs=1)
    view.set_slab(5.0, "minip")
    assert view.pixels()[6, 8, 0] == 0


def test_the_value_under_the_pointer_is_that_of_the_nearest_slice():
    node = Scene().add_volume(uneven())
    assert value_at(node, (3.0, 2.0, 11.5)) == 300
    assert value_at(node, (3.0, 2.0, 8.0)) is None


def test_images_without_a_place_go_on_with_the_wheel():
    array = np.empty((3, 6, 8), np.int16)
    array[:] = 10 * np.arange(3)[:, None, None]
    volume = Volume(array, np.eye(4), placed=False)
    stack = slice_stack(volume, STACK)
    assert stack.count == 3
    assert [stack.position_of(number, (0.0, 0.0, 0.0))[2] for number in (1, 2, 3)] == [0.0, 1.0, 2.0]


def test_what_files_have_drawn_over_their_pixels_is_painted_where_it_is():
    array = np.full((3, 6, 8), 100, np.uint8)
    text, region, tint = (np.zeros((3, 6, 8), bool) for _ in range(3))
    text[1, 2, 3], region[1, 4, 5], tint[1, 0, 0], text[2, 0, 7] = True, True, True, True
    colours = np.zeros((3, 6, 8, 3), np.uint8)
    colours[1, 0, 0] = (1, 2, 3)
    overlays = (
        Overlay("text", text),
        Overlay("lesion", region, is_region=True),
        Overlay("tint", tint, colours=colours),
    )
    volume = Volume(array, np.diag((2.0, 2.0, 3.0, 1.0)), overlays=overlays)
    view = drawn(
        AXIAL, volume, (7.0, 5.0, 3.0), VolumeDisplay(Window(127.5, 255.0), "LINEAR_EXACT"), mm=2.0, size=(8, 6)
    )
    pixels = view.pixels()[..., :3].astype(int)
    assert pixels[2, 3].tolist() == GRAPHICS_COLOR.tolist()
    assert pixels[0, 0].tolist() == [1, 2, 3]
    assert np.abs(pixels[4, 5] - (100 + (REGION_COLOR - 100) * 0.4)).max() <= 1
    plain = np.ones((6, 8), bool)
    plain[[2, 0, 4], [3, 0, 5]] = False
    assert (pixels[plain] == 100).all()
    view.set_graphics(False)
    assert (view.pixels()[..., :3] == 100).all()


def test_a_bar_tells_what_the_colours_of_a_quantity_stand_for():
    node = Scene().add_volume(uneven(), display=VolumeDisplay(Window(3.0, 6.0), "LINEAR_EXACT"))
    assert color_bar(node) is None
    volume = replace(node.volume, units="g/ml{SUVbw}")
    shown = replace(node, volume=volume, quantity="SUVbw", measured=node.volume)
    bar = color_bar(shown)
    assert (bar.high, bar.low, bar.caption) == ("6", "0", "SUVbw g/ml")
    assert (bar.colors[0].tolist(), bar.colors[-1].tolist()) == ([255] * 3, [0] * 3)
    inverse = color_bar(replace(shown, display=replace(shown.display, inverted=True)))
    assert inverse.colors[0].tolist() == [0] * 3
    hot = color_bar(replace(node, display=replace(node.display, color_table="hot")))
    assert hot.colors[64].tolist() != [128] * 3
    assert color_bar(Scene().add_volume(coloured())) is None


def test_that_slices_are_resampled_is_said_where_it_is_seen_only():
    told = "Slice spacing varies 2.0–8.0 mm; resampled for 3D display."
    node = Scene().add_volume(replace(uneven(), warnings=(told, "Another.")))
    stack = slice_stack(node.volume, AXIAL)
    view = ViewGeometry(600, 500, 0.1, (3.5, 2.5, 2.0), AXIAL.right_lps, AXIAL.up_lps)
    assert slice_overlay(node, AXIAL, view, stack, (3.5, 2.5, 2.0)).warnings == (
        "Slice spacing varies 2.0–8.0 mm.",
        "Another.",
    )
    assert volume_overlay(node, view, "MR default").warnings == (told,)
    assert volume_overlay(Scene().add_volume(coloured()), view, "MR default").warnings == ()
