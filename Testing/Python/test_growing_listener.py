"""A series that a sender brings in portions to the listener of the window: what was loaded of the first grows to the whole."""

from __future__ import annotations

from itertools import pairwise

import factories
import numpy as np
import peers
import pytest
from test_growing_views import half_of, kit  # noqa: F401 (a fixture)
from window_hand import wait_until

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.database.servers import ServerEntry
from DICOMModule.jobs import run_to_end
from DICOMModule.settings import Settings, write_settings
from DICOMModule.widgets.browser.tree_model import SUMMARY_ROLE

SLICES = 12


@pytest.fixture
def window(qapp, tmp_path):
    settings = tmp_path / "settings.json"
    write_settings(Settings(listener_port=0), settings)
    with viewer_window(ViewerOptions(tmp_path / "database", settings_file=settings)) as window:
        window.open((1000, 800))
        yield window


def heard(window, tmp_path):
    """Start the listener of the window; return it as a peer to which the sender is known."""
    networking = window.host.current.widget.networking
    networking.book.logic.add_server(ServerEntry("sender", host="127.0.0.1", port=104, ae_title=peers.OURS))
    networking.listener.start()
    wait_until(lambda: networking.listener.kind in {"listening", "failed"}, what="the listener has started")
    title, _, port = networking.listener.place
    return networking.listener, peers.Peer(title, port, tmp_path, tmp_path / "log")


def portions(series, tmp_path, *bounds):
    """Return folders with the instances whose numbers lie between each two bounds."""
    return [
        half_of(series, tmp_path / f"to{last}", lambda one, first=first, last=last: first < one.InstanceNumber <= last)
        for first, last in pairwise(bounds)
    ]


def values_of(series):
    return np.arange(SLICES * 80).reshape(SLICES, 8, 10) * 2.0 - 100.0


@pytest.mark.parametrize("bounds", [(0, 6, 12), (0, 4, 7, 12), (0, 1, 12)], ids=["two", "three", "from one image"])
def test_what_is_shown_of_a_series_grows_while_the_rest_of_it_comes(window, tmp_path, bounds):
    series = factories.make_series(tmp_path / "made", "sent", slices=SLICES, slope=2.0, intercept=-100.0)
    first, *rest = portions(series, tmp_path, *bounds)
    panel = window.host.current.widget
    listener, receiver = heard(window, tmp_path)
    peers.store(receiver, first)
    wait_until(lambda: listener.arrivals.instances == bounds[1], what="the first portion has come")
    wait_until(lambda: images_in_tree(panel) == bounds[1], what="it is in the tree")
    panel._loader.load_targets([series.uid], "a series")
    wait_until(lambda: window.viewer.scene.nodes and window.area.is_settled, what="it is loaded")
    (node,) = window.viewer.scene.nodes
    axial = window.area.slice_views["axial"]
    assert axial.slice_count == node.volume.array.shape[0]  # slices that are missing in the midst are counted
    assert not np.array_equal(node.volume.array, values_of(series))
    for folder in rest:
        peers.store(receiver, folder)
    scene = window.viewer.scene
    wait_until(lambda: np.array_equal(scene.nodes[0].volume.array, values_of(series)), what="the volume has grown")
    (grown,) = scene.nodes
    assert grown.id == node.id
    assert grown.volume.ijk_to_lps == pytest.approx(series.ijk_to_lps)
    wait_until(lambda: axial.slice_count == SLICES and window.area.is_settled, what="the views have grown")
    assert listener.arrivals.instances == SLICES
    wait_until(lambda: images_in_tree(panel) == SLICES, what="the tree has grown")
    assert [banner.text for banner in window.viewer.banners.shown] == []
    listener.stop()
    wait_until(lambda: listener.kind == "stopped", what="the listener has ended")


def images_in_tree(panel):
    """Return how many images the series in the tree say that they have; what is above them is unfolded."""
    tree = panel.browser.tree
    model, found = tree.model(), 0
    for patient in map(model.index, range(model.rowCount()), [0] * model.rowCount()):
        tree.expand(patient)
        for study in (model.index(row, 0, patient) for row in range(model.rowCount(patient))):
            tree.expand(study)
            series = (model.index(row, 0, study).data(SUMMARY_ROLE) for row in range(model.rowCount(study)))
            found += sum(getattr(one, "instances", 0) for one in series)
    return found


def test_a_single_image_becomes_the_volume_that_it_is_a_slice_of(kit):  # noqa: F811
    series = factories.make_series(kit.tmp_path / "made", "made", slices=3)
    one, rest = portions(series, kit.tmp_path, 0, 1, 3)
    kit.add(one)
    node = kit.load(series.uid)
    assert node.volume.array.shape[0] == 1
    kit.add(rest)
    kit.qtbot.waitUntil(lambda: kit.viewer.scene.nodes[0].volume.array.shape[0] == 3)
    assert np.array_equal(kit.viewer.scene.nodes[0].volume.array, np.arange(240).reshape(3, 8, 10))
    assert kit.viewer.banners.shown == ()


def test_a_single_image_beside_others_that_are_no_volume_with_it_stays_and_that_is_told(kit):  # noqa: F811
    from series_kit import one_series

    one = one_series(kit.tmp_path, "one", slices=1)
    other = one_series(kit.tmp_path, "other", slices=1, orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    kit.add(one.folder)
    node = kit.load(factories.uid("shared", "series"))
    kit.looked(2)
    run_to_end(kit.logic.import_job([other.folder], copy=True))
    kit.qtbot.waitUntil(lambda: len(kit.viewer.banners.shown) > 0)
    assert kit.viewer.scene.nodes == (node,)
