"""The picture of `view --screenshot`: its facts and its pixels, measured as an outsider would."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import picture_truth as truth
import pytest

from DICOMModule.errors import RenderingError, SettingsError
from DICOMModule.scene import Scene
from DICOMModule.views.view import BACKGROUND
from DICOMModule.widgets.picture_options import THEMES, PictureOptions
from DICOMModule.widgets.qt import QImage
from DICOMModule.widgets.screenshot import render_picture, save_picture

SERIES = "1.2.3.4"


@pytest.fixture
def volume():
    made = truth.made_volume(truth.GRIDS["oblique"], low=-1000, high=1000, modality="CT", units="HU", name="3: Made")
    return replace(made, source_series_uids=(SERIES,), warnings=("Something is odd.",))


def picture_of(volume, path, **options):
    """Return the JSON document as read back, and the pixels of the PNG."""
    document = save_picture([Scene().add_volume(volume)], PictureOptions(**options), path)
    image = QImage(str(path)).convertToFormat(QImage.Format_RGB888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return json.loads(json.dumps(document)), rows[:, : 3 * image.width()].reshape(
        image.height(), image.width(), 3
    ).copy()


def places(view) -> np.ndarray:
    """Return the LPS place of every pixel of a view, by the words of the contract."""
    _, _, width, height = view["rect_px"]
    along = (np.arange(width) + 0.5 - width / 2)[None, :, None] * np.array(view["right_lps"])
    down = (np.arange(height) + 0.5 - height / 2)[:, None, None] * np.array(view["up_lps"])
    return np.array(view["center_lps_mm"]) + (along - down) * view["mm_per_pixel"]


@pytest.mark.parametrize("size", [(900, 700), (901, 701)])
def test_every_pixel_of_the_three_slice_views_can_be_computed_from_the_document(volume, tmp_path, size):
    document, pixels = picture_of(
        volume,
        tmp_path / "p.png",
        overlays=False,
        window=700.0,
        level=-50.0,
        position_lps_mm=(-26.3, 16.1, 112.7),
        size=size,
    )
    assert (document["window"], document["level"], document["voi_function"]) == (700.0, -50.0, "LINEAR")
    assert pixels.shape == (size[1], size[0], 3)
    for view in document["views"]:
        if view["name"] == "3d":
            continue
        x, y, width, height = view["rect_px"]
        shown = pixels[y : y + height, x : x + width]
        points = places(view)
        distance = truth.edge_distance(volume, points)
        expected = truth.grey(truth.trilinear(volume, points), -50.0, 700.0)
        assert (distance > 0.05).sum() > 5000
        assert np.abs(shown[..., 0] - expected)[distance > 0.05].max() <= 1.0
        assert (shown[distance < -0.05] == BACKGROUND).all()
        normal = np.cross(view["right_lps"], view["up_lps"])
        assert normal @ np.subtract(view["center_lps_mm"], document["position_lps_mm"]) == pytest.approx(0, abs=1e-9)


def test_the_document_has_the_contracts_keys(volume, tmp_path):
    path = tmp_path / "p.png"
    document, _ = picture_of(volume, path, size=(400, 300))
    assert document["screenshot"] == str(path)
    assert document["series"] == [SERIES]
    assert document["warnings"] == ["Something is odd."]
    assert [view["name"] for view in document["views"]] == ["axial", "3d", "coronal", "sagittal"]
    keys = {"name", "rect_px", "mm_per_pixel", "center_lps_mm", "right_lps", "up_lps"}
    assert all(set(view) == keys for view in document["views"])
    assert {"screenshot", "series", "position_lps_mm", "window", "level", "views", "warnings"} <= set(document)


def test_without_overlays_there_is_nothing_between_the_views_but_the_theme(volume, tmp_path):
    for theme, color in THEMES.items():
        document, pixels = picture_of(volume, tmp_path / "p.png", overlays=False, theme=theme, size=(400, 300))
        between = np.ones(pixels.shape[:2], bool)
        for view in document["views"]:
            x, y, width, height = view["rect_px"]
            between[y : y + height, x : x + width] = False
        assert between.any()
        assert (pixels[between] == (color.red(), color.green(), color.blue())).all()


def test_overlays_change_pixels_but_no_place(volume, tmp_path):
    plain, pixels = picture_of(volume, tmp_path / "a.png", overlays=False, size=(640, 480))
    painted, painted_pixels = picture_of(volume, tmp_path / "b.png", size=(640, 480))
    assert plain["views"] == painted["views"]
    assert (pixels != painted_pixels).any(axis=-1).mean() > 0.01


@pytest.mark.parametrize("layout", ["axial", "sagittal", "coronal", "3d"])
def test_a_single_view_has_the_whole_picture(volume, tmp_path, layout):
    document, _ = picture_of(volume, tmp_path / "p.png", layout=layout, size=(300, 200))
    (view,) = document["views"]
    assert view["name"] == layout
    assert view["rect_px"] == [0, 3, 300, 197]


def test_the_volume_view_has_a_place_for_its_pixels_too(volume, tmp_path):
    array = np.full((30, 40, 40), -1000, np.int16)
    array[20:24, 8:12, 28:32] = 2000
    grid = truth.matrix(np.diag([1.0, 1.0, 1.0]))
    document, pixels = picture_of(
        replace(volume, array=array, ijk_to_lps=grid), tmp_path / "p.png", layout="3d", overlays=False, size=(400, 300)
    )
    (view,) = document["views"]
    x, y, width, height = view["rect_px"]
    shown = pixels[y : y + height, x : x + width].max(axis=-1) > 60
    rows, columns = np.nonzero(shown)
    center = (grid @ (29.5, 9.5, 21.5, 1))[:3] - view["center_lps_mm"]
    assert columns.mean() + 0.5 - width / 2 == pytest.approx(center @ view["right_lps"] / view["mm_per_pixel"], abs=4)
    assert height / 2 - rows.mean() - 0.5 == pytest.approx(center @ view["up_lps"] / view["mm_per_pixel"], abs=4)


def test_a_preset_may_be_a_window_or_a_volume_rendering(volume, tmp_path):
    lung, _ = picture_of(volume, tmp_path / "a.png", preset="CT lung", layout="3d", size=(200, 200))
    assert (lung["window"], lung["level"]) == (1500.0, -600.0)
    mip, _ = picture_of(volume, tmp_path / "b.png", preset="ct mip", layout="axial", size=(200, 200))
    assert (mip["window"], mip["level"]) == (380.0, 120.0)  # the window and the rendering of that name
    soft, _ = picture_of(volume, tmp_path / "c.png", preset="CT skin", layout="3d", size=(200, 200))
    assert (soft["window"], soft["level"]) == (400.0, 40.0)


def test_an_unknown_preset_is_answered_with_both_lists(volume, tmp_path):
    with pytest.raises(SettingsError, match=r"'lungs'.*Window presets: .*CT lung.*Volume-rendering presets: CT bone"):
        picture_of(volume, tmp_path / "p.png", preset="lungs")
    assert list(tmp_path.iterdir()) == []


def test_a_position_outside_the_volume_is_refused_with_the_ranges(volume, tmp_path):
    with pytest.raises(SettingsError, match=r"position 0,0,5000 is outside the volume.*L -?\d+\.\d to"):
        picture_of(volume, tmp_path / "p.png", position_lps_mm=(0.0, 0.0, 5000.0))


@pytest.mark.parametrize(("options", "text"), [
    ({"layout": "five-up"}, "no layout"), ({"theme": "pink"}, "no theme"), ({"window": 0.0}, "greater than 0"),
    ({"window": float("nan")}, "greater than 0"), ({"level": float("inf")}, "finite"), ({"size": (63, 400)}, "between 64 and 8192"),
    ({"size": (400, 9000)}, "between 64 and 8192"), ({"position_lps_mm": (0.0, float("nan"), 0.0)}, "finite numbers"),
])  # fmt: skip
def test_options_out_of_their_range_are_refused(options, text):
    with pytest.raises(SettingsError, match=text):
        PictureOptions(**options)


def test_nothing_to_show_is_said():
    with pytest.raises(SettingsError, match="no volume"):
        render_picture([])


def test_a_second_volume_is_named_among_the_warnings(volume):
    scene = Scene()
    scene.add_volume(volume)
    scene.add_volume(replace(volume, name="4: Other"))
    picture = render_picture(scene.nodes, PictureOptions(layout="axial", size=(100, 100)))
    assert picture.warnings[-1] == "not in the picture, which shows one volume: 4: Other"


def test_a_picture_that_cannot_be_written_leaves_nothing_behind(volume, tmp_path):
    blocked = tmp_path / "folder.png"
    blocked.mkdir()
    with pytest.raises(RenderingError, match=r"cannot write the picture .*folder.png"):
        picture_of(volume, blocked, layout="axial", size=(100, 100))
    assert list(tmp_path.iterdir()) == [blocked]
    with pytest.raises(RenderingError, match="No such file"):
        picture_of(volume, tmp_path / "none" / "p.png", layout="axial", size=(100, 100))


def test_a_picture_takes_the_place_of_an_older_one(volume, tmp_path):
    path = tmp_path / "p.png"
    path.write_text("old")
    picture_of(volume, path, layout="axial", size=(100, 100))
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_not_for_diagnosis_is_said_once(volume, monkeypatch):
    from DICOMModule.widgets import screenshot

    painted = []

    class Spy(screenshot.OverlayPainter):
        def paint(self, overlay):
            painted.extend(overlay.text.bottom_right)
            super().paint(overlay)

    monkeypatch.setattr(screenshot, "OverlayPainter", Spy)
    render_picture([Scene().add_volume(volume)], PictureOptions(size=(800, 600)))
    assert painted.count("Not for diagnosis") == 1
