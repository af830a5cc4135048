"""The scene: nodes, displays, window presets, and who hears of a change."""

from __future__ import annotations

import numpy as np
import pytest

from DICOMModule.errors import SettingsError
from DICOMModule.scene import Scene, Signal, VolumeDisplay
from DICOMModule.scene.window_presets import default_display, find_window_preset, window_presets
from DICOMModule.volume.volume import Volume, Window


def volume(values=(0, 1, 2, 3), **options) -> Volume:
    return Volume(np.array(values).reshape(1, 1, -1), np.eye(4), **options)


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def heard(scene):
    """Return what the scene has said, as (signal, id) in order."""
    said = []
    scene.added.connect(lambda node: said.append(("added", node.id)))
    scene.changed.connect(lambda change: said.append(("changed", change.new.id)))
    scene.removed.connect(lambda node: said.append(("removed", node.id)))
    return said


def test_nodes_keep_their_order_and_have_names_of_their_own(scene):
    first, second = scene.add_volume(volume(name="3: Thorax")), scene.add_volume(volume())
    assert scene.nodes == (first, second)
    assert (first.name, second.name) == ("3: Thorax", "Volume 2")
    assert first.id != second.id
    assert scene.node(second.id) is second


def test_an_id_is_not_used_again(scene):
    first = scene.add_volume(volume())
    scene.remove(first.id)
    assert scene.add_volume(volume()).id != first.id


def test_observers_hear_what_has_happened_and_only_that(scene, heard):
    node = scene.add_volume(volume())
    scene.set_display(node.id, VolumeDisplay(Window(5.0, 10.0)))
    scene.set_display(node.id, VolumeDisplay(Window(5.0, 10.0)))
    scene.set_visible(node.id, False)
    scene.set_visible(node.id, False)
    scene.rename(node.id, "Liver")
    scene.remove(node.id)
    assert [what for what, _ in heard] == ["added", "changed", "changed", "changed", "removed"]
    assert {who for _, who in heard} == {node.id}


def test_a_change_leaves_the_old_node_as_it_was(scene):
    changes = []
    scene.changed.connect(changes.append)
    node = scene.add_volume(volume())
    scene.set_visible(node.id, False)
    assert (changes[0].old.visible, changes[0].new.visible) == (True, False)
    assert node.visible
    assert not scene.node(node.id).visible
    assert scene.node(node.id).volume is node.volume


def test_clearing_removes_the_newest_first(scene, heard):
    ids = [scene.add_volume(volume()).id for _ in range(3)]
    heard.clear()
    scene.clear()
    assert heard == [("removed", node_id) for node_id in reversed(ids)]
    assert scene.nodes == ()


def test_an_empty_name_is_refused(scene):
    with pytest.raises(SettingsError, match="needs a name"):
        scene.rename(scene.add_volume(volume()).id, "  ")


def test_a_disconnected_observer_hears_nothing_and_others_still_do():
    signal: Signal[int] = Signal()
    heard = []
    stop = signal.connect(heard.append)
    signal.connect(lambda value: heard.append(-value))
    signal.emit(1)
    stop()
    stop()
    signal.emit(2)
    assert heard == [1, -1, -2]


def test_an_observer_may_disconnect_while_it_is_called():
    signal: Signal[int] = Signal()
    heard = []
    stops = []
    stops.append(signal.connect(lambda value: (heard.append(value), stops[0]())))
    signal.connect(heard.append)
    signal.emit(1)
    signal.emit(2)
    assert heard == [1, 1, 2]


@pytest.mark.parametrize(("function", "width", "ends"), [
    ("LINEAR", 256.0, (-0.5 + 50 - 127.5, -0.5 + 50 + 127.5)),  # PS3.3 C.11.2.1.2.1
    ("LINEAR_EXACT", 256.0, (50 - 128.0, 50 + 128.0)),  # PS3.3 C.11.2.1.3.2
    ("LINEAR", 0.5, (49.75, 50.25)),  # LINEAR has no width below 1
    ("LINEAR", 1.0, (49.5, 50.5)),
])  # fmt: skip
def test_level_and_width_become_grey_as_the_standard_says(function, width, ends):
    assert VolumeDisplay(Window(50.0, width), function=function).grey_range == ends


@pytest.mark.parametrize(
    "window", [Window(0.0, 0.0), Window(0.0, -5.0), Window(float("nan"), 1.0), Window(0.0, float("inf"))]
)
def test_a_window_that_makes_no_grey_scale_is_refused(window):
    with pytest.raises(SettingsError, match="no grey scale"):
        VolumeDisplay(window)


def test_an_opacity_beyond_1_is_refused():
    with pytest.raises(SettingsError, match=r"opacity of 1\.5"):
        VolumeDisplay(Window(0.0, 1.0), opacity=1.5)


def test_the_files_windows_come_first_then_the_full_range_then_the_modalitys():
    ct = volume(
        (-1000, 0, 50, 3000), modality="CT", units="HU", windows=(Window(30.0, 300.0, "WINDOW1"), Window(1.0, 2.0))
    )
    names = [preset.name for preset in window_presets(ct)]
    assert names[:4] == ["[DICOM] WINDOW1", "[DICOM] window 2", "Auto (full range)", "CT soft tissue"]
    assert "CT lung" in names
    assert default_display(ct).window == Window(30.0, 300.0, "[DICOM] WINDOW1")


@pytest.mark.parametrize(("name", "width", "level"), [
    ("CT lung", 1500, -600), ("CT bone", 2000, 350), ("CT brain", 80, 40), ("CT abdomen", 350, 50),
    ("CT mediastinum", 400, 50), ("CT soft tissue", 400, 40), ("CT liver", 150, 90), ("CT stroke", 80, 20),
    ("CT vessels", 650, 160), ("CT MIP", 380, 120), ("bone", 2000, 350),
])  # fmt: skip
def test_the_windows_of_ct_have_the_designs_numbers(name, width, level):
    window = find_window_preset(volume(modality="CT", units="HU"), name).window
    assert (window.width, window.level) == (width, level)


def test_the_full_range_goes_from_the_smallest_to_the_largest_valid_value():
    padded = volume((-2000, -10, 90, 10), valid=np.array([False, True, True, True]).reshape(1, 1, 4))
    display = VolumeDisplay(find_window_preset(padded, "auto (full range)").window, function="LINEAR_EXACT")
    assert display.grey_range == (-10.0, 90.0)


@pytest.mark.parametrize(
    ("asked", "ends"), [("LINEAR", (0.0, 255.0)), ("LINEAR_EXACT", (0.0, 256.0)), ("SIGMOID", (0.0, 256.0))]
)
def test_the_files_window_is_used_by_the_function_that_it_is_meant_for(asked, ends):
    ct = volume(modality="CT", units="HU", windows=(Window(128.0, 256.0, "", asked),))
    assert default_display(ct).function == asked
    assert default_display(ct).grey_range == ends


def test_one_value_throughout_still_has_a_window():
    assert default_display(volume((7, 7, 7, 7), modality="MR")).window.width == 1.0


def test_nothing_valid_still_has_a_window():
    none = volume(modality="MR", valid=np.zeros((1, 1, 4), bool))
    assert all(preset.window.width > 0 for preset in window_presets(none))


def test_mr_is_shown_from_its_1st_to_its_99th_percentile():
    mr = volume(np.arange(10001), modality="MR")
    assert default_display(mr).grey_range == pytest.approx((100.0, 9900.0), abs=2.0)


def test_pet_is_inverse_and_shows_suv_0_to_6_where_its_values_are_suv():
    display = default_display(volume(modality="PT", units="GML"))
    assert display.grey_range == (0.0, 6.0)
    assert display.inverted
    activity = default_display(volume(np.arange(10001), modality="PT", units="BQML"))
    assert activity.grey_range == pytest.approx((0.0, 9900.0), abs=2.0)
    assert activity.inverted


def test_an_unknown_preset_is_answered_with_the_list():
    with pytest.raises(SettingsError, match=r"'brian' for this volume\. It has: Auto .*CT brain"):
        find_window_preset(volume(modality="CT", units="HU"), "brian")


def test_a_ct_whose_headers_do_not_say_hu_is_shown_by_its_own_values():
    raw = volume(np.arange(3001), modality="CT")
    assert default_display(raw).grey_range == pytest.approx((30, 2970), abs=1)
    assert find_window_preset(raw, "lung").window.level == -600
