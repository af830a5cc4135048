"""Volume views: coarse facts that hold on every renderer; where things are, not how bright."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import picture_truth as truth
import pytest

from DICOMModule.errors import GeometryError, SettingsError
from DICOMModule.scene import Scene, VolumeDisplay, VolumeNode
from DICOMModule.views.view import BACKGROUND
from DICOMModule.views.volume_camera import screen_axes
from DICOMModule.views.volume_view import VolumeView
from DICOMModule.volume.volume import Volume, Window

SIZE = (240, 200)
FRONT, LEFT, ABOVE = (0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
DIMENSIONS = {
    "axial": (48, 44, 14), "acquired sagittally": (48, 44, 18), "oblique": (48, 44, 14), "sheared by a gantry tilt": (48, 44, 14),
}  # fmt: skip


def ball(grid: str, dtype="int16", inside=1000, outside=-1000, **options):
    """Return a CT volume with one ball away from the middle, and the ball's centre and radius in LPS mm."""
    i, j, k = DIMENSIONS[grid]
    ijk_to_lps = truth.matrix(truth.GRIDS[grid])
    center = (ijk_to_lps @ (0.7 * i, 0.35 * j, 0.6 * k, 1.0))[:3]
    voxels = np.stack(np.meshgrid(*map(np.arange, (k, j, i)), indexing="ij")[::-1], axis=-1)
    points = voxels @ ijk_to_lps[:3, :3].T + ijk_to_lps[:3, 3]
    values = np.where(np.linalg.norm(points - center, axis=-1) < 6.0, inside, outside).astype(dtype)
    return Volume(values, ijk_to_lps, modality="CT", units="HU", **options), center, 6.0


def draw(volume, direction=None, up=(0.0, 0.0, 1.0), preset="", coarseness=1):
    scene = Scene()
    node = scene.add_volume(volume)
    node = replace(node, display=replace(node.display, rendering_preset=preset))
    view = VolumeView(*SIZE)
    try:
        view.show(node)
        if direction is not None:
            view.look_from(direction, up)
        return view.pixels(coarseness), view.geometry
    finally:
        view.close()


def drawn(pixels) -> np.ndarray:
    return np.abs(pixels[..., :3].astype(int) - BACKGROUND).max(axis=-1) > 25


def centroid(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return columns.mean() + 0.5, rows.mean() + 0.5


@pytest.mark.parametrize(
    ("direction", "up"), [(FRONT, (0, 0, 1)), (LEFT, (0, 0, 1)), (ABOVE, (0, -1, 0)), (None, (0, 0, 1))]
)
@pytest.mark.parametrize("grid", DIMENSIONS)
def test_a_ball_is_where_the_geometry_says_and_as_large(grid, direction, up):
    volume, center, radius_mm = ball(grid)
    pixels, geometry = draw(volume, direction, up)
    mask = drawn(pixels)
    x, y = geometry.pixel_at(tuple(center))
    # Voxels are up to 2.5 mm thick: the ball that they make is off by less than half of that.
    assert centroid(mask) == pytest.approx((x, y), abs=1.5 / geometry.mm_per_pixel)
    area = np.pi * (radius_mm / geometry.mm_per_pixel) ** 2
    assert mask.sum() == pytest.approx(area, rel=0.35)
    assert (pixels[..., 3] == 255).all()


def test_from_the_front_the_patients_left_is_on_the_right_and_the_head_is_up():
    volume, center, _ = ball("axial")
    pixels, geometry = draw(volume, FRONT)
    assert geometry.right_lps == pytest.approx((1, 0, 0))
    assert geometry.up_lps == pytest.approx((0, 0, 1))
    middle = truth.matrix(truth.GRIDS["axial"]) @ (24, 22, 7, 1)
    assert (center > middle[:3])[[0, 2]].all()
    x, y = centroid(drawn(pixels))
    assert x > SIZE[0] / 2
    assert y < SIZE[1] / 2


def test_what_lies_in_front_hides_what_lies_behind():
    """Two balls in a row from front to back: only the nearer one is seen, from either side."""
    volume = Volume(np.full((20, 60, 20), -1000, np.int16), np.eye(4), modality="CT", units="HU")
    k, j, i = np.indices(volume.array.shape)
    volume.array[(i - 10) ** 2 + (j - 10) ** 2 + (k - 10) ** 2 < 64] = 1500
    volume.array[(i - 10) ** 2 + (j - 50) ** 2 + (k - 10) ** 2 < 64] = 330  # darker by the preset
    front, _ = draw(volume, FRONT)
    back, _ = draw(volume, (0.0, 1.0, 0.0))
    assert front[100, 120, 2] > back[100, 120, 2] + 20


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_every_type_of_number_is_drawn(dtype):
    volume, center, _ = ball("axial", dtype, inside=200, outside=0)
    pixels, geometry = draw(replace(volume, modality="", units=None), FRONT)
    assert centroid(drawn(pixels)) == pytest.approx(geometry.pixel_at(tuple(center)), abs=1.5 / geometry.mm_per_pixel)


def test_padding_and_missing_slices_are_not_drawn():
    volume, _, _ = ball("axial")
    array = volume.array.copy()
    array[0], array[:, :5] = 3000, 3000
    valid = np.ones(array.shape, bool)
    valid[:, :5] = False
    clean, _ = draw(volume, FRONT)
    holed, _ = draw(replace(volume, array=array, valid=valid, missing_slices=(0,)), FRONT)
    assert (np.abs(clean.astype(int) - holed.astype(int)) <= 2).all()


def test_a_coarse_picture_shows_the_same_thing():
    volume, _, _ = ball("oblique")
    fine, _ = draw(volume)
    coarse, _ = draw(volume, coarseness=3)
    assert centroid(drawn(coarse)) == pytest.approx(centroid(drawn(fine)), abs=2)


def test_another_preset_gives_another_picture_and_an_unknown_one_is_named():
    volume, _, _ = ball("axial")
    bone, _ = draw(volume)
    mip, _ = draw(volume, preset="ct mip")
    assert (bone != mip).any()
    with pytest.raises(SettingsError, match=r"no volume-rendering preset 'X-ray'.*CT bone, CT skin"):
        draw(volume, preset="X-ray")


def test_nothing_is_drawn_after_the_volume_has_gone():
    volume, _, _ = ball("axial")
    view = VolumeView(*SIZE)
    try:
        view.show(Scene().add_volume(volume))
        assert drawn(view.pixels()).any()
        view.show(None)
        assert (view.pixels()[..., :3] == BACKGROUND).all()
        assert view.preset is None
    finally:
        view.close()


def test_the_eye_cannot_look_along_its_own_up():
    with pytest.raises(GeometryError, match="upward"):
        screen_axes((0.0, 0.0, 1.0))


@pytest.mark.parametrize("grid", ["oblique", "sheared by a gantry tilt"])
def test_the_mapper_for_a_gpu_puts_things_in_the_same_place(monkeypatch, grid):
    from DICOMModule.views import volume_view

    monkeypatch.setattr(volume_view, "is_software", lambda _window: False)
    volume, center, _ = ball(grid)
    pixels, geometry = draw(volume, FRONT)
    assert centroid(drawn(pixels)) == pytest.approx(geometry.pixel_at(tuple(center)), abs=1.5 / geometry.mm_per_pixel)


def test_views_that_are_closed_leave_no_vtk_object_behind():
    from vtkmodules.vtkRenderingCore import vtkRenderWindow

    volume, _, _ = ball("axial")
    draw(volume)
    gc.collect()
    before = sum(isinstance(thing, vtkRenderWindow) for thing in gc.get_objects())
    for _ in range(3):
        draw(volume)
    gc.collect()
    assert sum(isinstance(thing, vtkRenderWindow) for thing in gc.get_objects()) <= before


def test_the_rays_are_cast_by_whom_the_user_chose():
    volume = truth.made_volume(truth.GRIDS["axial"])
    view = VolumeView(120, 90)
    try:
        view.show(VolumeNode("v", "v", volume, VolumeDisplay(Window(0.0, 100.0))))
        for choice, kind in (("processor", "FixedPoint"), ("gpu", "OpenGLGPU")):
            view.set_renderer(choice)
            assert view.pixels().shape == (90, 120, 4)
            assert {kind in type(caster.mapper).__name__ for caster in view._casters.values()} == {True}
        with pytest.raises(SettingsError, match="there is no volume renderer 'fast'"):
            view.set_renderer("fast")
    finally:
        view.close()
