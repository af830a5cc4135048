"""Sequences in the window: the bar that goes through them, the keys, what plays, and images without a place."""

from __future__ import annotations

import numpy as np
import pytest
from view_kit import made_area, pixels_of, wheel
from window_hand import wait_until

from DICOMModule.scene import Scene, VolumeDisplay
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume, Window
from DICOMModule.widgets.views.commands import ViewCommands
from DICOMModule.widgets.views.slice_overlays import overlay_of
from DICOMModule.widgets.views.time_bar import TimeBar
from DICOMModule.widgets.views.time_player import TimePlayer
from DICOMModule.widgets.views.view_state import ViewState

GREYS = VolumeDisplay(Window(127.5, 255.0), "LINEAR_EXACT")


def sequence(count=4, shape=(5, 6, 7)):
    whole = np.empty((count, *shape), np.uint8)
    whole[:] = 50 * np.arange(count)[:, None, None, None]
    matrix = np.diag((2.0, 2.0, 2.0, 1.0))
    axis = Axis("TriggerTime", "ms", tuple(40.0 * number for number in range(count)))
    return VolumeSequence(tuple(Volume(part, matrix, modality="MR") for part in whole), axis, "Cine", whole)


def plain(value=99, **facts):
    return Volume(np.full((3, 4, 5), value, np.uint8), np.eye(4), **facts)


@pytest.fixture
def clock():
    """A clock that a test sets: seconds in a list of one."""
    return [0.0]


@pytest.fixture
def played(clock, qtbot):
    scene = Scene()
    state = ViewState(scene)
    player = TimePlayer(state, lambda: clock[0])
    node = scene.add(sequence())
    state.show_background(node.id)
    yield state, player, node.id
    player.stop()
    state.close()


def index_of(state, node_id):
    return state.scene.node(node_id).index


def test_a_sequence_plays_at_its_speed_and_begins_again(played, clock):
    state, player, node_id = played
    player.set_per_s(10)
    player.start()
    shown = []
    for step in range(6):
        clock[0] = step / 10
        player.advance()
        shown.append(index_of(state, node_id))
    assert shown == [0, 1, 2, 3, 0, 1]
    clock[0] = 1.1  # late: what should have been seen meanwhile is left out
    player.advance()
    assert index_of(state, node_id) == 11 % 4


def test_it_turns_round_or_stops_at_the_end_where_asked(played, clock):
    state, player, node_id = played
    player.set_per_s(1)
    player.set_back_and_forth(True)
    player.start()
    shown = []
    for step in range(8):
        clock[0] = step
        player.advance()
        shown.append(index_of(state, node_id))
    assert shown == [0, 1, 2, 3, 2, 1, 0, 1]
    player.stop()
    player.set_back_and_forth(False)
    player.set_loops(False)
    player.show(0)
    player.start()
    clock[0] += 2.0
    player.advance()
    assert (index_of(state, node_id), player.running) == (2, True)
    clock[0] += 9.0
    player.advance()
    assert (index_of(state, node_id), player.running) == (3, False)


def test_who_scrolls_while_it_plays_is_followed(played, clock):
    state, player, node_id = played
    player.set_per_s(1)
    player.start()
    clock[0] = 1.0
    player.advance()
    player.show(3)
    player.advance()
    assert index_of(state, node_id) == 3
    clock[0] = 2.0
    player.advance()
    assert index_of(state, node_id) == 0


def test_it_stops_when_the_sequence_goes(played):
    state, player, node_id = played
    player.start()
    state.scene.remove(node_id)
    assert not player.running
    player.start()
    assert not player.running


def test_the_bar_says_where_along_the_axis_it_is(played, qtbot):
    state, player, node_id = played
    bar = TimeBar(state, player)
    qtbot.addWidget(bar)
    bar.show()
    assert bar.caption.text() == "TriggerTime"
    assert (bar.slider.minimum(), bar.slider.maximum(), bar.slider.value()) == (1, 4, 1)
    bar.slider.setValue(3)
    assert index_of(state, node_id) == 2
    assert bar.place.whole_text == "80 ms  3/4"
    bar.forward.click()
    bar.forward.click()
    assert index_of(state, node_id) == 0
    bar.back.click()
    assert index_of(state, node_id) == 3
    bar.loop.setCurrentIndex(bar.loop.findData("bounce"))
    bar.loop.activated.emit(bar.loop.currentIndex())
    assert player.back_and_forth
    state.show_background(state.scene.add_volume(plain()).id)
    assert not bar.isVisible()


def test_keys_step_in_time_where_there_is_time_else_through_volumes(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, plain()) as area:
        state = area.state
        node = state.scene.add(sequence())
        acts = ViewCommands(area, state).actions()
        acts["on"]()
        assert state.background.id == node.id
        acts["on"]()
        assert state.background.index == 1
        acts["previous_time"]()
        acts["previous_time"]()
        assert state.background.index == 3
        acts["previous_volume"]()
        assert state.background.id != node.id
        acts["next_time"]()
        assert state.scene.node(node.id).index == 3


def test_every_view_shows_the_time_point_and_keeps_place_and_zoom(qtbot, tmp_path):
    with made_area(qtbot, tmp_path) as area:
        state = area.state
        node = state.scene.add(sequence())
        state.scene.set_display(node.id, GREYS)
        state.show_background(node.id)
        state.set_overlays("none")
        wait_until(lambda: all(area.cells[name].isVisible() for name in area.shown_names))
        view = area.slice_views["axial"]
        view.zoom_by(2.0)
        view.show_slice(2)
        kept = view.view_geometry
        for index in (0, 2, 1):
            state.scene.set_index(node.id, index)
            assert view.view_geometry == kept
            for name in ("axial", "sagittal", "coronal"):
                pixels = pixels_of(area.slice_views[name])
                middle = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]
                assert middle[0] == pytest.approx(50 * index, abs=1)
        state.set_overlays("all")
        lines = overlay_of(state, "axial", kept, view.slices).text.bottom_left
        assert "TriggerTime 40 ms  2/4" in lines


def test_images_without_a_place_have_a_view_of_their_own(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, plain()) as area:
        state = area.state
        placed = state.background
        position = state.position_lps_mm
        array = np.empty((3, 4, 5), np.uint8)
        array[:] = 80 * np.arange(3)[:, None, None]
        node = state.scene.add_volume(Volume(array, np.eye(4), placed=False, calibrated=False), display=GREYS)
        state.show_background(node.id)
        state.set_overlays("none")
        assert (state.layout, state.active_view, area.shown_names) == ("stack", "stack", ("stack",))
        view = area.stack_view
        wait_until(area.stack_cell.isVisible)
        assert view.slice_count == 3
        seen = []
        for number in (1, 2, 3):
            view.show_slice(number)
            pixels = pixels_of(view)
            seen.append(int(pixels[pixels.shape[0] // 2, pixels.shape[1] // 2, 0]))
        assert seen == pytest.approx([0, 80, 160], abs=1)
        # the others go on to show what they showed, at their place, and are not linked
        assert state.background_of("axial") is state.scene.node(placed.id)
        assert state.position_of("axial") == position
        assert state.background_of("3d").volume.placed
        assert state.linked_views("stack") == ()
        state.set_overlays("all")
        overlay = overlay_of(state, "stack", view.view_geometry, view.slices)
        assert overlay.crosshair is None
        assert overlay.letters.left == ""
        assert overlay.text.bottom_left[0] == "Image 3/3"
        assert overlay.across.text.endswith("px")
        # a volume with a place brings the views of places back
        state.show_background(placed.id, "stack")
        assert (state.layout, area.shown_names) == ("four-up", ("axial", "3d", "coronal", "sagittal"))
        state.show_background(node.id, "coronal")
        assert state.layout == "stack"
        state.scene.remove(node.id)
        assert (state.layout, state.active_view) == ("four-up", "axial")


def test_images_without_a_place_run_by_themselves_and_lie_over_nothing(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, plain()) as area:
        state = area.state
        node = state.scene.add_volume(plain(placed=False))
        state.show_foreground(node.id)
        assert state.foreground is None
        state.show_background(node.id)
        area.cine.start()
        assert area.cine.view == "stack"
        area.cine.stop()


def test_letters_of_an_image_without_a_place_are_those_that_it_tells(qtbot, tmp_path, series_factory):
    from DICOMModule.dicom.header_reader import read_header

    made = series_factory(slices=1, PatientOrientation=["L", "FP"])
    header = read_header(made.files[0])
    with made_area(qtbot, tmp_path, plain(placed=False, source=header)) as area:
        view = area.stack_view
        letters = overlay_of(area.state, "stack", view.view_geometry, view.slices).letters
        assert (letters.right, letters.left, letters.bottom, letters.top) == ("L", "R", "IP", "SA")


def test_a_film_is_scrolled_and_played_like_slices(qtbot, tmp_path):
    whole = np.zeros((3, 1, 4, 5), np.uint8)
    frames = tuple(Volume(part, np.eye(4), placed=False) for part in whole)
    with made_area(qtbot, tmp_path) as area:
        state = area.state
        node = state.scene.add(VolumeSequence(frames, Axis("frame", "", (1.0, 2.0, 3.0)), "film", whole))
        state.show_background(node.id)
        wait_until(area.stack_cell.isVisible)
        wheel(area.stack_view, -120)
        assert index_of(state, node.id) == 1
        acts = ViewCommands(area, state).actions()
        acts["next_image"]()
        acts["next_image"]()
        assert index_of(state, node.id) == 2
        acts["cine"]()
        assert (area.player.running, area.cine.running) == (True, False)
        acts["cine"]()
        assert not area.player.running


@pytest.mark.parametrize(
    ("film", "expected"),
    [
        ((False, "s", 0.04), 25),
        ((False, "ms", 40), 25),
        ((False, "s", 2), 5),
        ((False, "s", 0.001), 30),
        ((True, "ms", 40), 5),
    ],
)
def test_a_film_plays_as_fast_as_it_was_taken(clock, qtbot, film, expected):
    placed, unit, step = film
    scene = Scene()
    state = ViewState(scene)
    player = TimePlayer(state, lambda: clock[0])
    bar = TimeBar(state, player)
    qtbot.addWidget(bar)
    volumes = tuple(plain(number, placed=placed) for number in range(4))
    axis = Axis("time", unit, tuple(step * number for number in range(4)))
    state.show_background(scene.add(VolumeSequence(volumes, axis, "Film")).id)
    state.set_active_view("stack" if not placed else "axial")
    assert (player.per_s, bar.speed.value()) == (expected, expected)
    bar.speed.setValue(7)
    state.layers_changed.emit()
    assert player.per_s == 7
    state.close()


def test_what_lies_over_a_sequence_follows_its_time_and_the_bar_says_how(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, plain()) as area:
        state, scene = area.state, area.state.scene
        bar = TimeBar(state, area.player)
        qtbot.addWidget(bar)
        below, above = scene.add(sequence(4)), scene.add(sequence(8))  # 40 ms apart, both
        state.show_background(below.id)
        state.show_foreground(above.id)
        area.player.show(3)
        assert (index_of(state, below.id), index_of(state, above.id)) == (3, 3)
        assert bar.above.whole_text == "over it 120 ms  4/8 by TriggerTime"
        other = scene.add(VolumeSequence(sequence(7).volumes, Axis("phase", "%", tuple(10.0 * n for n in range(7)))))
        state.show_foreground(other.id)
        assert index_of(state, other.id) == 6
        assert bar.above.whole_text == "over it 60 %  7/7 in proportion"
        state.show_foreground("")
        assert bar.above.isHidden()


def test_a_sequence_over_a_plain_volume_has_the_bar_for_itself(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, plain()) as area:
        above = area.state.scene.add(sequence(4))
        area.state.show_foreground(above.id)
        area.player.step(1)
        assert index_of(area.state, above.id) == 1
