"""The demo's picture: under the pixel of each landmark each view shows the grey that the phantom's values give.

The place of a pixel is worked out from the facts that `view --screenshot --json` states, the value from the phantom as it
is drawn, the grey from Window Center and Width (PS3.3 C.11.2.1.2.1): three things that know nothing of the renderer.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from DICOMModule.commands.main import main
from DICOMModule.demo.catalogue import phantoms
from DICOMModule.demo.drawing import draw_job
from DICOMModule.demo.torso import LANDMARKS
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.scene import Scene
from DICOMModule.widgets.picture_options import PictureOptions
from DICOMModule.widgets.qt import QImage
from DICOMModule.widgets.screenshot import render_picture

WIDTH, LEVEL = 1500.0, 200.0


@pytest.fixture(scope="module", params=["ct", "ct-oblique"])
def demo(request, tmp_path_factory):
    """A demo series in a database of its own: the phantom, its values as drawn, and its node as loaded."""
    (phantom,) = phantoms((request.param,))
    with DICOMModuleLogic(tmp_path_factory.mktemp("demo") / "database") as logic:
        run_to_end(logic.demo_job([phantom.name]))
        volume = run_to_end(logic.load_job(phantom.series_instance_uid)).volume
        yield logic.database_folder, phantom, run_to_end(draw_job(phantom)).astype(float), Scene().add_volume(volume)


def rgb(image):
    image = image.convertToFormat(QImage.Format_RGB888)
    rows = np.frombuffer(image.constBits().asarray(image.byteCount()), np.uint8)
    return (
        rows.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()].reshape(image.height(), -1, 3).copy()
    )


def value_at(phantom, values, position):
    """Return the trilinear value of the phantom's grid at an LPS position."""
    i, j, k = (np.linalg.inv(phantom.ijk_to_lps) @ (*position, 1))[:3]
    low = np.floor((k, j, i)).astype(int)
    part = np.array((k, j, i)) - low
    total = 0.0
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part))
        if weight > 1e-9:
            total += weight * values[tuple(low + corner)]
    return total


def grey_of(value):
    return float(np.clip((value - (LEVEL - 0.5)) / (WIDTH - 1) + 0.5, 0, 1) * 255)


def pixel_of(view, position):
    """Return the pixel that holds an LPS position, and the position of that pixel's middle."""
    x, y, width, height = view["rect_px"]
    center, right, up = (np.array(view[key]) for key in ("center_lps_mm", "right_lps", "up_lps"))
    away = np.array(position) - center
    px = int(np.floor(x + width / 2 + away @ right / view["mm_per_pixel"]))
    py = int(np.floor(y + height / 2 - away @ up / view["mm_per_pixel"]))
    across = (px + 0.5 - x - width / 2) * view["mm_per_pixel"]
    along = (py + 0.5 - y - height / 2) * view["mm_per_pixel"]
    return px, py, center + across * right - along * up


def check_slices(facts, pixels, phantom, values, landmark):
    """Compare each slice view of a picture with the phantom; return the names of those views."""
    slices = [view for view in facts["views"] if view["name"] != "3d"]
    for view in slices:
        px, py, place = pixel_of(view, landmark.position_lps_mm)
        assert np.abs(place - landmark.position_lps_mm).max() <= view["mm_per_pixel"]
        expected = grey_of(value_at(phantom, values, place))
        assert pixels[py, px] == pytest.approx([expected] * 3, abs=1.0), (view["name"], landmark.name)
        # the landmark's own value: no neighbour shares so small a pixel
        assert pixels[py, px, 0] == pytest.approx(grey_of(landmark.value_hu), abs=2.0)
    return {view["name"] for view in slices}


@pytest.mark.parametrize("layout", ["axial", "sagittal", "coronal"])
@pytest.mark.parametrize("landmark", LANDMARKS, ids=lambda landmark: landmark.name)
def test_each_view_shows_the_landmark_where_it_is(demo, landmark, layout):
    _, phantom, values, node = demo
    options = PictureOptions(
        layout, WIDTH, LEVEL, position_lps_mm=landmark.position_lps_mm, overlays=False, size=(480, 360)
    )
    picture = render_picture([node], options)
    assert check_slices(picture.description(""), rgb(picture.image), phantom, values, landmark) == {layout}


def test_the_command_lines_picture_says_where_its_pixels_are(demo, tmp_path, capsys):
    database, phantom, values, _ = demo
    landmark, path = LANDMARKS[-1], tmp_path / "picture.png"
    place = "--position=" + ",".join(map(str, landmark.position_lps_mm))
    options = [place, "--no-overlays", "--window", str(WIDTH), "--level", str(LEVEL), "--size", "640x480", "--json"]
    capsys.readouterr()
    view = ["view", phantom.series_instance_uid, "--screenshot", str(path), "--database", str(database)]
    assert main([*view, *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["position_lps_mm"] == pytest.approx(landmark.position_lps_mm)
    assert facts["series"] == [phantom.series_instance_uid]
    shown = check_slices(facts, rgb(QImage(str(path))), phantom, values, landmark)
    assert shown == {"axial", "sagittal", "coronal"}


def test_the_volume_view_shows_the_markers_on_their_own_sides(demo):
    _, _, _, node = demo
    picture = render_picture([node], PictureOptions("3d", overlays=False, size=(480, 360)))
    pixels = rgb(picture.image).astype(int)
    (view,) = picture.description("")["views"]
    x, y, width, height = view["rect_px"]
    background = pixels[y, x]
    for landmark in LANDMARKS:
        if landmark.name in ("skin marker left", "skin marker right"):
            px, py, _ = pixel_of(view, landmark.position_lps_mm)
            patch = pixels[py - 1 : py + 2, px - 1 : px + 2]
            assert np.abs(patch - background).max() > 40, landmark.name
    share = (np.abs(pixels[y : y + height, x : x + width] - background).max(axis=2) > 25).mean()
    assert 0.08 < share < 0.7
