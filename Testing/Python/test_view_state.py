"""What the views share: backgrounds, places by Frame of Reference, planes, tools, layouts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import picture_truth as truth
import pytest

from DICOMModule.errors import SettingsError
from DICOMModule.scene import Scene
from DICOMModule.views.orientation import ORIENTATIONS, center_position
from DICOMModule.widgets.views.slice_overlays import UNLINKED, UNREGISTERED, notes_of
from DICOMModule.widgets.views.view_state import ViewState, frame_of_reference, lies_inside


@pytest.fixture
def state(qapp):
    made = ViewState(Scene())
    yield made
    made.close()


def volume_of(series, origin=(0.0, 0.0, 0.0)):
    volume = truth.made_volume(truth.GRIDS["axial"], source_series_uids=(series,))
    matrix = volume.ijk_to_lps.copy()
    matrix[:3, 3] = origin
    return replace(volume, ijk_to_lps=matrix)


def test_the_first_volume_brings_the_crosshair_to_its_middle(state, qtbot):
    node = state.scene.add_volume(volume_of("1"))
    with qtbot.waitSignals([state.position_changed, state.layers_changed]):
        state.show_background(node.id)
    assert state.position_lps_mm == center_position(node.volume)


def test_a_volume_elsewhere_in_the_same_space_brings_the_crosshair_into_it(state):
    first, second = volume_of("1"), volume_of("1", origin=(500.0, 0.0, 0.0))
    for volume in (first, second):
        state.show_background(state.scene.add_volume(volume).id)
    assert lies_inside(second, state.position_lps_mm)
    assert not lies_inside(first, state.position_lps_mm)


def test_a_volume_about_the_same_place_leaves_the_crosshair_where_it_is(state):
    state.show_background(state.scene.add_volume(volume_of("1")).id)
    place = tuple(np.add(state.position_lps_mm, (1.0, 2.0, -3.0)))
    state.set_position_lps(place)
    state.show_background(state.scene.add_volume(volume_of("1")).id)
    assert state.position_lps_mm == place


def test_each_frame_of_reference_has_a_place_of_its_own(state):
    one, other = (state.scene.add_volume(volume_of(series)) for series in ("1", "2"))
    state.show_background(one.id)
    state.show_background(other.id, "coronal")
    before = state.position_of("coronal")
    state.set_position_lps((1.0, 2.0, 3.0), "axial")
    assert state.position_of("sagittal") == (1.0, 2.0, 3.0)
    assert state.position_of("coronal") == before
    assert state.linked_views("axial") == ("axial", "sagittal")
    assert state.linked_views("coronal") == ("coronal",)
    assert notes_of(state, "coronal") == (UNLINKED,)
    assert notes_of(state, "sagittal") == ()
    state.show_background(one.id, "coronal")
    assert notes_of(state, "coronal") == ()


def test_a_foreground_of_another_frame_of_reference_is_noted_while_it_is_seen(state):
    one, other = (state.scene.add_volume(volume_of(series)) for series in ("1", "2"))
    state.show_background(one.id)
    state.show_foreground(other.id)
    assert notes_of(state, "axial") == (UNREGISTERED,)
    state.set_foreground_opacity(0.0)
    assert notes_of(state, "axial") == ()


def test_series_with_the_same_frame_of_reference_uid_are_linked(state, series_factory):
    from DICOMModule.jobs import run_to_end
    from DICOMModule.logic import DICOMModuleLogic

    series = series_factory(slices=3)
    with DICOMModuleLogic.private() as logic:
        volume = run_to_end(logic.load_job(str(series.folder))).volume
    uid = frame_of_reference(volume)
    assert uid == volume.source.text("FrameOfReferenceUID")
    assert frame_of_reference(replace(volume, source_series_uids=("9.9",))) == uid


def test_a_removed_node_leaves_the_views_and_another_takes_its_place(state):
    one, other = (state.scene.add_volume(volume_of(series)) for series in ("1", "2"))
    state.show_background(one.id)
    state.show_foreground(other.id)
    state.scene.remove(other.id)
    assert state.foreground is None
    state.scene.remove(one.id)
    assert state.background is None
    assert state.position_lps_mm is None


def test_the_node_that_takes_a_removed_ones_place_has_a_place_for_the_crosshair(state):
    one, other = (state.scene.add_volume(volume_of(series)) for series in ("1", "2"))
    state.show_background(one.id)
    state.scene.remove(one.id)
    assert state.background is other
    assert state.position_lps_mm == center_position(other.volume)


def test_slice_views_share_a_tool_and_the_volume_view_has_its_own(state, qtbot):
    assert state.tool == "window"
    state.set_tool("pan")
    assert {state.tool_of(view) for view in ("axial", "sagittal", "coronal")} == {"pan"}
    assert state.tool_of("3d") == "rotate"
    with qtbot.waitSignal(state.tool_changed):
        state.set_active_view("3d")
    state.set_tool("window")
    assert state.tool_of("axial") == "pan"
    state.select_default_tool()
    assert state.tool == "rotate"


def test_a_layout_gives_the_place_of_all_back(state):
    state.toggle_maximised("coronal")
    state.set_layout("four-up")
    assert state.maximised == ""


def test_the_active_view_becomes_the_big_one(state):
    state.set_active_view("coronal")
    state.set_layout("one-and-three")
    assert state.big_view == "coronal"


@pytest.mark.parametrize(
    ("change", "value"),
    [("set_layout", "nine-up"), ("set_tool", "knife"), ("set_overlays", "some"), ("set_active_view", "x")],
)
def test_what_there_is_not_is_refused(state, change, value):
    with pytest.raises(SettingsError, match=value):
        getattr(state, change)(value)


def test_a_reset_lets_the_planes_lie_as_at_first(state):
    node = state.scene.add_volume(volume_of("1"))
    state.show_background(node.id)
    state.set_orientations({"axial": ORIENTATIONS["coronal"]})
    state.set_slab(10.0, "mean")
    state.set_position_lps((0.0, 0.0, 0.0))
    state.reset_planes()
    assert state.orientation_of("axial") == ORIENTATIONS["axial"]
    assert state.slab_mm == 0.0
    assert state.position_lps_mm == center_position(node.volume)
