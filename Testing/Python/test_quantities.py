"""Another quantity in place of the values: worked out slice by slice, shown with its unit, and the values stay."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from view_kit import made_area
from window_hand import wait_until

from DICOMModule.commands.main import main
from DICOMModule.demo.catalogue import phantoms
from DICOMModule.demo.drawing import LESIONS
from DICOMModule.errors import SettingsError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.scene import Scene
from DICOMModule.scene.quantities import quantity_job
from DICOMModule.views.overlay import window_text
from DICOMModule.views.voxel_values import units_text, value_at
from DICOMModule.volume.quantity import Quantity
from DICOMModule.volume.sequence import Axis, VolumeSequence
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.qt import QMenu
from DICOMModule.widgets.views.pointer_reading import value_text
from DICOMModule.widgets.views.view_menus import fill_window_menu

SUV = Quantity("SUVbw", "g/ml{SUVbw}", 0.001, 0.0, "Dose 350 MBq.")
PER_SLICE = Quantity("ADC", "mm2/s", (2.0, 3.0), (1.0, -1.0))


def pet(value=4000, **facts):
    array = np.full((2, 3, 4), value, np.int16)
    return Volume(array, np.eye(4), "PET", "PT", units="BQML", quantities=(SUV, PER_SLICE), **facts)


def test_each_slice_has_its_own_scale_and_what_is_hidden_stays_so():
    valid = np.ones((2, 3, 4), bool)
    valid[1, 0, 0] = False
    volume = pet(10, valid=valid)
    made = run_to_end(quantity_job(volume, "adc"))
    assert (made.array.dtype, made.units) == (np.float32, "mm2/s")
    assert np.unique(made.array[0]).tolist() == [21.0]
    assert np.unique(made.array[1]).tolist() == [29.0]
    assert made.valid is valid
    assert np.unique(volume.array).tolist() == [10]


def test_all_volumes_of_a_sequence_are_shown_as_the_quantity():
    sequence = VolumeSequence((pet(1000), pet(2000)), Axis("time", "s", (0.0, 1.0)))
    made = run_to_end(quantity_job(sequence, "SUVbw"))
    assert [float(volume.array[0, 0, 0]) for volume in made.volumes] == [1.0, 2.0]
    assert made.axis is sequence.axis
    node = Scene().add(sequence).at(1)
    shown = node.showing(made, "SUVbw", node.display)
    assert (shown.index, shown.quantity, shown.loaded) == (1, "SUVbw", sequence)
    assert value_at(shown, (1.0, 1.0, 0.0)) == 2.0
    assert shown.at(0).loaded_volume is sequence.volumes[0]
    back = shown.showing(shown.loaded, "", node.display)
    assert (back.volume, back.quantity, back.measured) == (sequence.volumes[1], "", None)


def test_a_quantity_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(SettingsError, match=r"'SUL'.*SUVbw, ADC"):
        run_to_end(quantity_job(pet(), "SUL"))


def test_the_unit_is_told_without_the_words_beside_it():
    assert units_text("g/ml{SUVbw}", None) == "g/ml"
    assert units_text("BQML", None) == "BQML"


def test_the_menu_offers_the_quantities_and_shows_the_chosen_one(qtbot, tmp_path):
    with made_area(qtbot, tmp_path) as area:
        state = area.state
        node = state.scene.add_volume(pet())
        state.show_background(node.id)
        menu = QMenu(area)

        def choose(text):
            fill_window_menu(menu, state, "axial")
            next(action for action in menu.actions() if action.text().startswith(text)).trigger()

        assert state.quantity_requested is not None
        choose("SUVbw")
        wait_until(lambda: state.scene.node(node.id).quantity == "SUVbw")
        shown = state.scene.node(node.id)
        assert value_text(shown, (1.0, 1.0, 0.0)).replace("\u2007", "") == "SUVbw 4 g/ml"
        assert "SUVbw g/ml" in window_text(shown)
        assert (shown.display.window.level, shown.display.window.width) == (3.0, 6.0)
        assert shown.loaded_volume is node.volume
        state.scene.set_display(node.id, replace(shown.display, interpolation="nearest"))
        choose("As loaded")
        wait_until(lambda: state.scene.node(node.id).quantity == "")
        back = state.scene.node(node.id)
        assert back.volume is node.volume
        assert (back.display.window, back.display.interpolation) == (node.display.window, "nearest")


def test_a_volume_without_quantities_has_no_such_choice(qtbot, tmp_path):
    with made_area(qtbot, tmp_path, replace(pet(), quantities=())) as area:
        menu = QMenu(area)
        fill_window_menu(menu, area.state, "axial")
        assert not any(action.text().startswith("As loaded") for action in menu.actions())


def test_the_lesions_of_the_demo_have_their_suv(tmp_path, capsys):
    (phantom,) = phantoms(("pet",))
    with DICOMModuleLogic(tmp_path / "database") as logic:
        run_to_end(logic.demo_job(["pet"]))
        volume = run_to_end(logic.load_job(phantom.series_instance_uid)).volume
    node = Scene().add_volume(run_to_end(quantity_job(volume, "SUVbw")))
    for lesion in LESIONS:
        assert value_at(node, lesion.landmark.position_lps_mm) == pytest.approx(lesion.suv, rel=1e-3)
    capsys.readouterr()
    words = ["view", phantom.series_instance_uid, "--database", str(tmp_path / "database"), "--quantity", "suvbw"]
    assert (
        main([*words, "--layout", "axial", "--screenshot", str(tmp_path / "pet.png"), "--size", "200x200", "--json"])
        == 0
    )
    facts = json.loads(capsys.readouterr().out)
    assert (facts["quantity"], facts["units"]) == ("SUVbw", "g/ml{SUVbw}")
    assert (facts["window"], facts["level"]) == (6.0, 3.0)
