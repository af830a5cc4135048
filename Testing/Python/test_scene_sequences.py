"""Sequences in the scene: one node, one display, one of several volumes at a time."""

from __future__ import annotations

import numpy as np
import pytest

from DICOMModule.errors import SettingsError
from DICOMModule.jobs import run_to_end
from DICOMModule.scene import Scene, VolumeDisplay, axis_place, axis_text
from DICOMModule.scene.following import followed
from DICOMModule.scene.window_presets import AUTO, ROBUST, default_display, window_presets
from DICOMModule.views.prepared import prepare_job, prepare_volume
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume, Window


def sequence(count=3, modality="MR"):
    """Volumes of constant values: 100 times their number, and a voxel of 1000 times it."""
    whole = np.zeros((count, 2, 3, 4), np.int16)
    for number in range(count):
        whole[number] = 100 * (number + 1)
        whole[number, 0, 0, 0] = 1000 * (number + 1)
    volumes = tuple(Volume(part, np.eye(4), name="Series", modality=modality) for part in whole)
    return VolumeSequence(volumes, Axis("TriggerTime", "ms", (0.0, 40.0, 80.0)[:count]), "4D", whole)


def test_a_sequence_is_one_node_that_shows_one_volume():
    scene, made = Scene(), sequence()
    node = scene.add(made)
    assert (node.count, node.index, node.name) == (3, 0, "4D")
    assert node.volume is made.volumes[0]
    assert scene.nodes == (node,)


def test_another_index_is_another_value_of_the_same_node_and_copies_nothing():
    scene, made = Scene(), sequence()
    node = scene.add(made)
    scene.set_display(node.id, VolumeDisplay(Window(5.0, 10.0)))
    told = []
    scene.changed.connect(told.append)
    scene.set_index(node.id, 2)
    (change,) = told
    assert (change.old.index, change.new.index) == (0, 2)
    assert change.new.id == node.id
    assert change.new.volume is made.volumes[2]
    assert np.shares_memory(change.new.volume.array, made.array)
    assert change.new.display.window == Window(5.0, 10.0)


def test_beyond_the_ends_is_the_end_and_nothing_is_said_where_nothing_changes():
    scene = Scene()
    node = scene.add(sequence())
    told = []
    scene.changed.connect(told.append)
    scene.set_index(node.id, 7)
    scene.set_index(node.id, 2)
    scene.set_index(node.id, 99)
    assert [change.new.index for change in told] == [2]
    alone = scene.add_volume(sequence().first)
    scene.set_index(alone.id, 1)
    assert scene.node(alone.id) is alone


def test_an_index_that_there_is_not_is_refused_by_the_node():
    node = Scene().add(sequence())
    with pytest.raises(SettingsError, match="it has 3"):
        node.at(3)


def test_where_in_the_sequence_it_is_is_told():
    node = Scene().add(sequence())
    assert axis_text(node.at(1)) == "TriggerTime 40 ms  2/3"
    assert axis_text(Scene().add_volume(sequence().first)) == ""


def test_the_windows_of_a_sequence_come_from_all_its_volumes():
    made = sequence()
    run_to_end(prepare_job(made))
    presets = window_presets(made)
    assert all(window_presets(volume) is presets for volume in made.volumes)
    full = next(preset for preset in presets if preset.name == AUTO)
    assert (full.window.level, full.window.width) == (1550.0, 2900.0)
    assert Scene().add(made).display.window.name == ROBUST
    robust = default_display(made.volumes[2]).window
    assert robust.level - robust.width / 2 == pytest.approx(100.0)
    assert robust == default_display(made.volumes[0]).window


def test_what_is_drawn_of_each_volume_is_prepared_beforehand():
    made = sequence()
    steps = list(prepare_job(made))
    assert [step.done for step in steps] == [0, 1, 2, 0, 1, 2]
    for volume in made.volumes:
        assert np.shares_memory(prepare_volume(volume).values, made.array)


def test_a_node_that_was_removed_comes_back_as_it_was():
    scene = Scene()
    node = scene.add(sequence())
    scene.set_index(node.id, 1)
    removed = scene.node(node.id)
    scene.remove(node.id)
    again = scene.add_again(removed)
    assert again.id != node.id
    assert (again.index, again.count, again.volume) == (1, 3, removed.volume)


def test_colours_are_shown_as_they_are():
    volume = Volume(np.full((1, 2, 2, 3), 128, np.uint8), np.eye(4), modality="US")
    node = Scene().add(volume)
    assert node.display.grey_range == (0.0, 255.0)
    assert len(window_presets(volume)) == 1


def along(name, unit, values, labels=()):
    volumes = tuple(Volume(np.full((2, 2, 2), number, np.int16), np.eye(4)) for number in range(len(values)))
    return Scene().add(VolumeSequence(volumes, Axis(name, unit, tuple(map(float, values)), labels)))


@pytest.mark.parametrize(
    ("leader", "follower", "found"),
    [
        # 4 s lie nearer to 5 s than to 0; 8 s is 10 s's neighbour
        (along("time", "s", (0, 4, 8)), along("time", "s", (0, 5, 10, 15)), [(0, "by time"), (1, "by time"), (2, "by time")]),
        (along("time", "s", (0, 4, 8)), along("Time", "ms", (0, 5000, 10000)), [(0, "by Time"), (1, "by Time"), (2, "by Time")]),
        (along("time", "s", (20, 30)), along("time", "s", (0, 5)), [(1, "by time"), (1, "by time")]),
        # two directions of one b-value: the one of the same number
        (along("b-value", "s/mm2", (0, 800, 800)), along("b-value", "s/mm2", (0, 800, 800)), [(0, "by b-value"), (1, "by b-value"), (2, "by b-value")]),
        (along("time", "s", (0, 4, 8)), along("EchoTime", "ms", (1, 2, 3)), [(0, "by number"), (1, "by number"), (2, "by number")]),
        (along("time", "s", (0, 4, 8)), along("time", "", (1, 2, 3)), [(0, "by number"), (1, "by number"), (2, "by number")]),
        (along("time", "s", (0, 4, 8)), along("phase", "%", (0, 20, 40, 60, 80)), [(0, "in proportion"), (2, "in proportion"), (4, "in proportion")]),
        (along("time", "s", (0, float("nan"))), along("time", "s", (0, 1)), [(0, "by time"), (1, "by number")]),
    ],
)  # fmt: skip
def test_what_lies_over_a_sequence_goes_with_it(leader, follower, found):
    assert [followed(leader.at(index), follower) for index in range(leader.count)] == found


def test_a_volume_goes_with_nothing_and_nothing_goes_with_it():
    plain = Scene().add_volume(Volume(np.zeros((2, 2, 2), np.int16), np.eye(4)))
    film = along("time", "s", (0, 4, 8)).at(2)
    assert followed(plain, film) == (2, "")
    assert followed(film, plain) == (0, "")


@pytest.mark.parametrize(
    ("unit", "values", "labels", "index", "expected"),
    [
        ("s", (0, 0.033333, 0.499995), (), 2, "0.500 s  3/3"),  # as many decimals as the others
        ("s", (0, 3.0125), (), 1, "3.01 s  2/2"),
        ("s", (0, 4, 8), (), 1, "4 s  2/3"),
        ("", (1, 2), (), 1, "2/2"),  # values that are but numbers are not said twice
        ("", (0, 1), (), 1, "1  2/2"),
        ("s/mm2", (0, 1300), ("", "(0.1, 0, 1)"), 1, "1300 s/mm2  (0.1, 0, 1)  2/2"),
        ("ms", (1234567.25, 0), (), 0, "1234567.25 ms  1/2"),
        ("ms", (float("nan"), 0), (), 0, "unknown ms  1/2"),
    ],
)
def test_where_a_sequence_is_can_be_read(unit, values, labels, index, expected):
    assert axis_place(along("x", unit, values, labels).at(index)) == expected
