"""What is loaded into the scene, and what is said of it."""

from __future__ import annotations

import pytest
from dialog_kit import a_viewer, banner_texts
from window_hand import wait_until

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.dialogs.scene_panel import ScenePanel
from DICOMModule.widgets.scene_loading import MIXED, SceneLoader
from DICOMModule.widgets.viewer import OpenRequest


@pytest.fixture
def loader(qtbot, tmp_path, series_factory):
    """A loader on a database with two series of one patient and one of another."""
    series = [
        series_factory(name, slices=4, StudyInstanceUID=f"1.2.{name[0]}", PatientID=f"P{name[0]}")
        for name in ("1a", "1b", "2a")
    ]
    with a_viewer(qtbot, tmp_path) as viewer:
        logic = DICOMModuleLogic(tmp_path / "database", viewer.scene)
        run_to_end(logic.import_job([one.folder for one in series]))
        made = SceneLoader(logic, viewer)
        made.series, made.viewer = series, viewer
        yield made
        viewer.jobs.shut_down()
        logic.close()


def load(qtbot, loader, number, view=""):
    handle = loader.load_targets([loader.series[number].uid], "a series", view)
    qtbot.waitUntil(lambda: handle.state.is_over)


def test_the_first_volume_is_shown_everywhere_and_one_that_is_dropped_in_its_view_alone(qtbot, loader):
    views = loader.viewer.views
    load(qtbot, loader, 0)
    load(qtbot, loader, 1, "coronal")
    first, second = loader.viewer.scene.nodes
    assert views.background_of("axial") is first
    assert views.background_of("coronal") is second
    assert banner_texts(loader.viewer) == []


def test_two_patients_in_the_views_are_told_and_one_in_all_is_not(qtbot, loader):
    load(qtbot, loader, 0)
    load(qtbot, loader, 2, "coronal")
    assert banner_texts(loader.viewer) == [MIXED]
    loader.viewer.banners.clear()
    load(qtbot, loader, 2)
    assert banner_texts(loader.viewer) == []


def test_the_volume_of_the_active_view_is_closed_and_can_come_back(qtbot, loader):
    panel = ScenePanel(loader.viewer)
    qtbot.addWidget(panel)
    load(qtbot, loader, 0)
    load(qtbot, loader, 1)
    first, second = loader.viewer.scene.nodes
    panel.remove_shown()
    assert loader.viewer.scene.nodes == (first,)
    assert loader.viewer.views.background is first
    loader.viewer.undo.undo()
    assert [node.volume for node in loader.viewer.scene.nodes] == [first.volume, second.volume]


def test_what_is_refused_is_told_beside_what_was_loaded(qtbot, loader):
    handle = loader.load_targets([loader.series[0].uid, "1.2.3.4.5"], "two things")
    qtbot.waitUntil(lambda: handle.state.is_over)
    assert len(loader.viewer.scene.nodes) == 1
    assert [text.startswith("Not loaded: ") for text in banner_texts(loader.viewer)] == [True]
    failed = loader.load_targets(["1.2.3.4.5"], "nothing")
    qtbot.waitUntil(lambda: failed.state.is_over)
    assert failed.failure is not None
    assert "1.2.3.4.5" in failed.failure.text


def test_each_modality_finds_the_layout_that_it_was_left_in(qtbot, tmp_path, series_factory):
    series = {name: series_factory(name, slices=4, modality=name.upper()) for name in ("ct", "mr")}
    options = ViewerOptions(tmp_path / "database", settings_file=tmp_path / "settings.json")
    for name, layout, found in (
        ("ct", "axial", "four-up"),
        ("mr", "three-up", "axial"),
        ("ct", "", "axial"),
        ("mr", "", "three-up"),
    ):
        with viewer_window(options) as window:
            window.open((1280, 800))
            window.viewer.open_requested.emit(OpenRequest((str(series[name].folder),)))
            wait_until(lambda: window.viewer.scene.nodes and window.area.is_settled and window.viewer.jobs.is_idle)
            assert window.viewer.views.layout == found
            if layout:
                window.viewer.views.set_layout(layout)


def test_the_middle_of_a_large_volume_is_shown_while_the_rest_is_read(qtbot, loader, series_factory):
    added = []
    loader.viewer.scene.added.connect(lambda node: added.append((node.name, node.volume.array.shape)))
    folder = series_factory("large", slices=40, rows=8, columns=6).folder
    handle = loader.load_targets([str(folder)], "a folder")
    qtbot.waitUntil(lambda: handle.state.is_over and len(loader.viewer.scene.nodes) == 1)
    assert [shape for _, shape in added] == [(1, 8, 6), (10, 8, 6), (40, 8, 6)]
    assert [name.endswith("(being read)") for name, _ in added] == [True, True, False]
    (node,) = loader.viewer.scene.nodes
    assert node.volume.array.shape == (40, 8, 6)
    assert loader.viewer.views.background_of("axial") is node


def test_what_was_shown_early_goes_where_the_rest_cannot_be_read(qtbot, loader, series_factory):
    series = series_factory("cut", slices=40, rows=8, columns=6)
    found, _ = loader._logic.examine(str(series.folder))
    series.files[1].unlink()
    added = []
    loader.viewer.scene.added.connect(added.append)
    handle = loader.load_loadables(found)
    qtbot.waitUntil(lambda: handle.state.is_over and not loader.viewer.scene.nodes)
    assert added
    assert handle.failure is not None
