"""A volume that is shown grows while images of its series come into the database; where it becomes another thing, that is told."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from dialog_kit import a_viewer, banner_texts
from factories import make_series, uid
from importing import import_
from series_kit import one_series
from window_hand import wait_until

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.database import DicomDatabase
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.readers.growth import growth_of, others_of
from DICOMModule.volume.volume import Window
from DICOMModule.widgets.growing import GrowingNodes
from DICOMModule.widgets.qt import QPushButton
from DICOMModule.widgets.scene_loading import SceneLoader

SLICES, HALF = 12, 6


def half_of(series, folder, wanted):
    """Copy the slices whose number is wanted into a folder of their own."""
    folder.mkdir()
    for file, dataset in zip(series.files, series.datasets, strict=True):
        if wanted(dataset):
            shutil.copy(file, folder / file.name)
    return folder


def halves(series, folder):
    """Return two folders: the slices below the middle of a series, and those above."""
    heights = sorted({float(dataset.ImagePositionPatient[2]) for dataset in series.datasets})
    middle = heights[len(heights) // 2]
    low = half_of(series, folder / "low", lambda one: float(one.ImagePositionPatient[2]) < middle)
    return low, half_of(series, folder / "high", lambda one: float(one.ImagePositionPatient[2]) >= middle)


class Kit:
    """Loads from a database and lets grow what is loaded."""

    def __init__(self, qtbot, viewer, logic, tmp_path):
        self.qtbot, self.viewer, self.logic, self.tmp_path = qtbot, viewer, logic, tmp_path
        self.loader, self.growing = SceneLoader(logic, viewer), GrowingNodes(viewer)
        self.loader.arrived.connect(self.growing.follow)
        self.growing.use(logic)
        self.changes, self.looks = [], []
        viewer.scene.changed.connect(lambda change: self.changes.append((change.old, change.new)))
        self.growing._timer.timeout.connect(lambda: self.looks.append(1))

    def load(self, target):
        handle = self.loader.load_targets([target], "a series")
        self.qtbot.waitUntil(lambda: handle.state.is_over and self.viewer.jobs.is_idle)
        return self.viewer.scene.nodes[-1]

    def add(self, folder):
        run_to_end(self.logic.import_job([folder], copy=True))

    def looked(self, times):
        """Wait until it has looked so many times more."""
        already = len(self.looks)
        self.qtbot.waitUntil(
            lambda: len(self.looks) >= already + times and not self.growing._is_looking, timeout=20_000
        )


@pytest.fixture
def kit(qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr("DICOMModule.widgets.growing.LOOK_MS", 50)
    with a_viewer(qtbot, tmp_path) as viewer, DICOMModuleLogic(tmp_path / "database", viewer.scene) as logic:
        made = Kit(qtbot, viewer, logic, tmp_path)
        yield made
        made.growing.close()
        viewer.jobs.shut_down()


def test_a_volume_gets_the_rest_of_its_slices_and_stays_as_it_is_shown(kit):
    series = make_series(kit.tmp_path / "made", "made", slices=SLICES, slope=2.0, intercept=-100.0)
    low, high = halves(series, kit.tmp_path)
    kit.add(low)
    node = kit.load(series.uid)
    assert node.volume.array.shape[0] == HALF
    scene, views = kit.viewer.scene, kit.viewer.views
    scene.set_display(node.id, replace(node.display, window=Window(33.0, 44.0), opacity=0.5))
    scene.set_visible(node.id, False)
    scene.rename(node.id, "Mine")
    position = tuple(float(value) for value in node.volume.ijk_to_lps[:3, 3] + 0.1)
    views.set_position_lps(position)
    shown, kit.changes[:] = scene.node(node.id), []
    kit.add(high)
    kit.qtbot.waitUntil(lambda: len(kit.changes) > 0)
    (grown,) = scene.nodes
    assert (grown.id, grown.name, grown.visible, grown.display) == (node.id, "Mine", False, shown.display)
    code = np.arange(SLICES * 80).reshape(SLICES, 8, 10)
    assert np.array_equal(grown.volume.array, code * 2 - 100)
    assert grown.volume.ijk_to_lps == pytest.approx(series.ijk_to_lps)
    assert views.position_lps_mm == position
    assert views.background is grown
    kit.looked(3)
    assert len(kit.changes) == 1
    assert (kit.viewer.undo.done, banner_texts(kit.viewer)) == ([], [])


def test_images_that_another_program_brings_one_by_one_are_all_there_in_the_end(kit):
    series = make_series(kit.tmp_path / "made", "made", slices=SLICES)
    kit.add(half_of(series, kit.tmp_path / "first", lambda one: one.InstanceNumber in {1, 2}))
    kit.load(series.uid)
    with DicomDatabase.open(kit.logic.database_folder) as other:
        for number in range(3, SLICES + 1):
            import_(
                other,
                half_of(series, kit.tmp_path / f"{number}", lambda one, n=number: one.InstanceNumber == n),
                copy=True,
            )
            kit.looked(1)
    kit.qtbot.waitUntil(lambda: kit.viewer.scene.nodes[0].volume.array.shape[0] == SLICES)
    kit.looked(3)
    (node,) = kit.viewer.scene.nodes
    assert np.array_equal(node.volume.array, np.arange(SLICES * 80).reshape(SLICES, 8, 10))
    assert banner_texts(kit.viewer) == []


def times(tmp_path, count):
    """Return folders of the parts of a series over time, each with four slices, whose values are 1000 apart a time."""
    parts = []
    for number in range(count):
        part = one_series(
            tmp_path,
            f"time{number}",
            slices=4,
            modality="MR",
            intercept=1000.0 * number,
            TemporalPositionIdentifier=number + 1,
            NumberOfTemporalPositions=4,
            AcquisitionTime=f"1000{number:02d}",
        )
        parts.append(part)
    return parts


def test_a_sequence_keeps_the_time_that_is_shown(kit):
    first, second, third, fourth = times(kit.tmp_path, 4)
    kit.add(second.folder)
    kit.add(third.folder)
    node = kit.load(uid("shared", "series"))
    assert node.count == 2
    kit.viewer.scene.set_index(node.id, 1)
    kit.changes.clear()
    kit.add(first.folder)
    kit.add(fourth.folder)
    kit.qtbot.waitUntil(lambda: kit.viewer.scene.nodes[0].count == 4)
    (node,) = kit.viewer.scene.nodes
    assert node.index == 2
    assert [int(volume.array.min()) for volume in node.sequence.volumes] == [0, 1000, 2000, 3000]
    assert int(node.volume.array.min()) == 2000


def test_what_becomes_another_kind_of_thing_is_told_and_stays(kit):
    first, second = times(kit.tmp_path, 2)
    kit.add(first.folder)
    node = kit.load(uid("shared", "series"))
    kit.add(second.folder)
    kit.qtbot.waitUntil(lambda: len(kit.viewer.banners.shown) > 0)
    (banner,) = kit.viewer.banners.shown
    assert "have arrived" in banner.text
    assert "sequence" in banner.text
    assert kit.viewer.scene.nodes == (node,)
    kit.looked(3)
    assert kit.viewer.banners.shown == (banner,)
    next(one for one in banner.findChildren(QPushButton) if one.text() == "Load again").click()
    kit.qtbot.waitUntil(lambda: len(kit.viewer.scene.nodes) == 2)
    assert kit.viewer.scene.nodes[0] is node
    assert kit.viewer.scene.nodes[1].count == 2


def test_a_second_volume_beside_the_first_is_told(kit):
    one = one_series(kit.tmp_path, "one", slices=6)
    two = one_series(kit.tmp_path, "two", slices=6, orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    kit.add(one.folder)
    node = kit.load(uid("shared", "series"))
    kit.looked(2)
    kit.add(two.folder)
    kit.qtbot.waitUntil(lambda: len(kit.viewer.banners.shown) > 0)
    assert "2 volumes" in banner_texts(kit.viewer)[0]
    assert kit.viewer.scene.nodes == (node,)


def test_what_was_made_by_processing_and_what_lies_outside_stays(kit):
    series = make_series(kit.tmp_path / "made", "made", slices=SLICES)
    low, high = halves(series, kit.tmp_path)
    kit.add(low)
    node = kit.load(series.uid)
    outside = kit.load(str(low))
    filtered = run_to_end(kit.logic.process_job("gaussian", node.volume, {}))
    made = kit.viewer.scene.add(filtered)
    kit.add(high)
    kit.qtbot.waitUntil(lambda: kit.viewer.scene.node(node.id).volume.array.shape[0] == SLICES)
    kit.looked(3)
    assert kit.viewer.scene.nodes[1:] == (outside, made)
    assert kit.viewer.scene.node(made.id).volume is filtered


def test_a_volume_that_was_closed_and_came_back_grows_too(kit):
    series = make_series(kit.tmp_path / "made", "made", slices=SLICES)
    low, high = halves(series, kit.tmp_path)
    kit.add(low)
    node = kit.load(series.uid)
    kit.viewer.scene.remove(node.id)
    back = kit.viewer.scene.add_again(node)
    kit.add(high)
    kit.qtbot.waitUntil(lambda: kit.viewer.scene.node(back.id).volume.array.shape[0] == SLICES)


def test_nothing_is_looked_at_while_another_database_is_shown(kit):
    series = make_series(kit.tmp_path / "made", "made", slices=SLICES)
    low, high = halves(series, kit.tmp_path)
    kit.add(low)
    kit.load(series.uid)
    kit.looked(1)
    kit.growing.use(None)
    kit.qtbot.waitUntil(lambda: not kit.growing._timer.isActive() and not kit.growing._is_looking)
    kit.add(high)
    assert not kit.changes
    kit.growing.use(kit.logic)
    kit.qtbot.waitUntil(lambda: len(kit.changes) > 0)


def test_what_has_grown_is_judged_by_its_images_and_its_kind(kit):
    series = make_series(kit.tmp_path / "made", "made", slices=SLICES)
    low, high = halves(series, kit.tmp_path)
    kit.add(low)
    (before,), _ = kit.logic.examine(series.uid)
    assert growth_of(before, 0, [before]).loadable is None
    kit.add(high)
    (after,), _ = kit.logic.examine(series.uid)
    assert growth_of(before, 0, [after]).loadable is after
    assert others_of(after, [after]) == 0
    assert growth_of(before, 0, [replace(after, kind="image")]).reason
    assert growth_of(before, 0, [replace(after, dimensions=(7, 8, 12))]).reason
    assert "because" in growth_of(before, 0, [replace(after, refusal="because")]).reason
    assert growth_of(after, 0, [before]).reason  # images have gone
    (elsewhere,), _ = kit.logic.examine(str(series.folder))
    assert growth_of(before, 0, [elsewhere]).is_foreign


def test_the_views_keep_their_zoom_and_show_what_came(tmp_path, series_factory):
    series = series_factory("made", slices=SLICES)
    low, high = halves(series, tmp_path)
    folder = tmp_path / "database"
    with viewer_window(ViewerOptions(folder, settings_file=tmp_path / "settings.json")) as window:
        window.open((1000, 800))
        panel = window.host.current.widget
        run_to_end(panel.logic.import_job([low], copy=True))
        panel._loader.load_targets([series.uid], "a series")
        wait_until(lambda: window.viewer.scene.nodes and window.area.is_settled)
        axial, sagittal = (window.area.slice_views[name] for name in ("axial", "sagittal"))
        axial.zoom_by(2.0)
        zoomed, fitted = axial.view_geometry, sagittal.view_geometry
        assert axial.slice_count == HALF
        run_to_end(panel.logic.import_job([high], copy=True))
        wait_until(lambda: axial.slice_count == SLICES, what="the volume has grown")
        assert axial.view_geometry == zoomed
        assert axial.slice_number in range(1, SLICES + 1)
        assert sagittal.view_geometry != fitted
        wait_until(lambda: window.area.is_settled)
        assert not window.viewer.undo.done
