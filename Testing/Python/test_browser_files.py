"""Reveal and copy; pictures for the screen: exact aspect, bounded memory, neighbours ahead."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

import browser_kit
import numpy as np
import pytest

from DICOMModule.widgets.browser import file_actions, picture_loader
from DICOMModule.widgets.browser.file_actions import FileActions, reveal_command, show_in_file_manager
from DICOMModule.widgets.browser.picture_loader import PictureLoader
from DICOMModule.widgets.browser.pictures import image_of_pixels, paint_fitted
from DICOMModule.widgets.browser.selection import Selection, selection_of
from DICOMModule.widgets.qt import QApplication, QColor, QImage, QPainter, QRectF


@pytest.fixture
def viewer(qapp, tmp_path):
    with browser_kit.viewer_of(tmp_path) as made:
        yield made


@pytest.fixture
def logic(tmp_path):
    with browser_kit.filled_logic(tmp_path) as made:
        yield made


def chosen(logic, search):
    return selection_of((study,) for study in logic.database().studies(search=search))


def banner_texts(viewer):
    return [banner.text for banner in viewer.banners.shown]


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("darwin", ["open", "-R", "/data/a b.dcm"]),
        ("win32", ["explorer", "/select,", "/data/a b.dcm"]),
    ],
)
def test_each_platform_shows_a_file_by_its_own_file_manager(platform, command):
    assert reveal_command(PurePosixPath("/data/a b.dcm"), platform) == command


def test_a_path_with_a_comma_stays_one_item_for_the_bus():
    command = reveal_command(Path("/data/a,b c.dcm"), "linux")
    assert command[-2] == "array:string:file:///data/a%2Cb%20c.dcm"


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX programs there")
def test_a_file_manager_that_is_missing_or_fails_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(file_actions, "reveal_command", lambda _path, _platform: ["no-such-program-anywhere"])
    assert not show_in_file_manager(tmp_path)
    monkeypatch.setattr(file_actions, "reveal_command", lambda _path, _platform: ["false"])
    assert not show_in_file_manager(tmp_path)
    monkeypatch.setattr(file_actions, "reveal_command", lambda _path, _platform: ["true"])
    assert show_in_file_manager(tmp_path)


def test_reveal_shows_the_first_file_that_is_there(qtbot, logic, viewer, tmp_path):
    shown = []
    actions = FileActions(logic, viewer, run=lambda path: shown.append(path) or True)
    first, second = logic.paths_of(chosen(logic, "knee").targets)
    first.unlink()
    actions.reveal(chosen(logic, "knee"))
    qtbot.waitUntil(lambda: bool(shown))
    assert shown == [second]
    assert banner_texts(viewer) == []


def test_reveal_of_files_that_have_gone_says_so(qtbot, logic, viewer):
    actions = FileActions(logic, viewer, run=lambda _path: pytest.fail("there is nothing to show"))
    for path in logic.paths_of(chosen(logic, "knee").targets):
        path.unlink()
    actions.reveal(chosen(logic, "knee"))
    qtbot.waitUntil(lambda: bool(banner_texts(viewer)))
    assert "none of the files of what is selected is there any more" in banner_texts(viewer)[0]


def test_without_a_file_manager_the_path_is_copied_and_said(qtbot, logic, viewer, monkeypatch):
    monkeypatch.setattr(file_actions.QDesktopServices, "openUrl", lambda _url: False)
    FileActions(logic, viewer, run=lambda _path: False).reveal(chosen(logic, "knee"))
    qtbot.waitUntil(lambda: bool(banner_texts(viewer)))
    assert QApplication.clipboard().text() == str(logic.paths_of(chosen(logic, "knee").targets)[0])


@pytest.mark.parametrize(("search", "is_folder"), [("knee", True), ("zoe", False)])
def test_copying_a_path_takes_the_folder_of_several_files_and_the_file_itself_of_one(
    qtbot, logic, viewer, search, is_folder
):
    selection = chosen(logic, search)
    FileActions(logic, viewer).copy_paths(selection)
    qtbot.waitUntil(lambda: bool(banner_texts(viewer)))
    path = logic.paths_of(selection.targets)[0]
    assert QApplication.clipboard().text() == str(path.parent if is_folder else path)


def test_uids_of_studies_and_series_are_copied_a_line_each(logic, viewer):
    study = logic.database().studies(search="knee")[0]
    series = logic.database().series(search="head ct")[0]
    patient = logic.database().patients(search="zoe")[0]
    FileActions(logic, viewer).copy_uids(selection_of([(patient,), (study,), (series,)]))
    assert QApplication.clipboard().text().splitlines() == [study.study_instance_uid, series.series_instance_uid]
    QApplication.clipboard().setText("before")
    FileActions(logic, viewer).copy_uids(Selection())
    assert QApplication.clipboard().text() == "before"


def test_pixels_become_an_image_of_their_own_memory():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = image_of_pixels(grey[:, ::-1])
    grey[:] = 0
    assert [image.pixelColor(i, 2).red() for i in range(4)] == [11, 10, 9, 8]
    colours = np.zeros((2, 3, 3), np.uint8)
    colours[1, 2] = (10, 20, 30)
    assert image_of_pixels(colours).pixelColor(2, 1).getRgb()[:3] == (10, 20, 30)


@pytest.mark.parametrize(("columns", "rows"), [(10, 40), (40, 10), (300, 300), (2000, 1000)])
def test_a_picture_is_fitted_in_its_exact_aspect(qapp, columns, rows):
    canvas = QImage(200, 100, QImage.Format_RGB32)
    canvas.fill(QColor("black"))
    painter = QPainter(canvas)
    paint_fitted(painter, image_of_pixels(np.full((rows, columns), 255, np.uint8)), QRectF(0, 0, 200, 100), 1.0)
    painter.end()
    bright = np.array([[canvas.pixelColor(x, y).red() > 127 for x in range(200)] for y in range(100)])
    scale = min(200 / columns, 100 / rows)
    assert bright.any(axis=0).sum() == pytest.approx(columns * scale, abs=1)
    assert bright.any(axis=1).sum() == pytest.approx(rows * scale, abs=1)
    across, down = np.flatnonzero(bright.any(axis=0)), np.flatnonzero(bright.any(axis=1))
    assert across[0] + across[-1] == pytest.approx(199, abs=1)
    assert down[0] + down[-1] == pytest.approx(99, abs=1)


def test_neighbours_are_fetched_ahead_in_the_direction_of_the_last_step(qtbot, logic, viewer):
    loader = PictureLoader(logic, viewer.jobs)
    uid = logic.database().series(search="head ct")[0].series_instance_uid
    with qtbot.waitSignal(loader.listed):
        loader.show_targets((uid,))
    loader.go_to(0)
    qtbot.waitUntil(lambda: all(loader.picture(index) is not None for index in range(3)))
    loader.stop()


def test_pictures_are_kept_within_a_bound(qtbot, logic, viewer, monkeypatch):
    loader = PictureLoader(logic, viewer.jobs)
    uid = logic.database().series(search="head ct")[0].series_instance_uid
    monkeypatch.setattr(picture_loader, "MOST_BYTES", 1)
    with qtbot.waitSignal(loader.listed):
        loader.show_targets((uid,))
    monkeypatch.setattr(picture_loader, "AHEAD", (0,))
    for index in range(3):
        loader.go_to(index)
        qtbot.waitUntil(lambda index=index: loader.picture(index) is not None)
    assert [loader.picture(index) is None for index in range(3)] == [True, True, False]
    loader.stop()


def test_targets_that_have_gone_are_said_in_place_of_the_picture(qtbot, logic, viewer):
    loader = PictureLoader(logic, viewer.jobs)
    with qtbot.waitSignal(loader.failed) as failed:
        loader.show_targets(("1.2.3.4",))
    assert "1.2.3.4" in failed.args[0]
    loader.stop()
