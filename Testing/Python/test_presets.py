"""Volume-rendering presets: the files that we ship, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from DICOMModule.errors import SettingsError
from DICOMModule.paths import resource_path
from DICOMModule.views.presets import find_rendering_preset, presets_for, read_preset, rendering_presets, value_scale
from DICOMModule.volume.volume import Volume


def volume(modality, units=None, values=None):
    array = np.arange(10001).reshape(1, 1, -1) if values is None else values
    return Volume(array, np.eye(4), modality=modality, units=units)


@pytest.fixture
def stored():
    return json.loads(resource_path("Presets", "ct-bone.json").read_text(encoding="utf-8"))


def test_every_file_is_a_preset_of_its_own_name():
    files = list(resource_path("Presets").glob("*.json"))
    names = {preset.name.casefold() for preset in rendering_presets()}
    assert len(names) == len(files) >= 10


@pytest.mark.parametrize(("modality", "units", "first"), [
    ("CT", "HU", "CT bone"), ("MR", None, "MR default"), ("PT", "BQML", "PET MIP"), ("XX", None, "Solid"), ("", None, "Solid"),
    ("CT", "US", "Solid"),
])  # fmt: skip
def test_every_modality_has_presets_its_own_first(modality, units, first):
    presets = presets_for(volume(modality, units))
    assert presets[0].name == first
    assert any(preset.blend == "mip" for preset in presets)


def test_presets_of_ct_are_transparent_in_air_and_hide_nothing_of_bone():
    for preset in presets_for(volume("CT", "HU")):
        if preset.domain == "HU":
            places, opacities = zip(*preset.opacity, strict=True)
            assert np.interp(-1000.0, places, opacities) == 0.0, preset.name
            assert np.interp(1500.0, places, opacities) > 0.25, preset.name


def test_a_robust_range_goes_from_the_1st_to_the_99th_percentile():
    offset, factor = value_scale(find_rendering_preset(volume("MR"), "MR default"), volume("MR"))
    assert (offset, offset + factor) == pytest.approx((100.0, 9900.0))


@pytest.mark.parametrize("values", [np.full((1, 1, 5), 7), np.zeros((1, 1, 5))])
def test_one_value_throughout_still_has_a_range(values):
    flat = volume("MR", values=values)
    offset, factor = value_scale(find_rendering_preset(flat, ""), flat)
    assert (offset, factor) == (values.flat[0] - 0.5, 1.0)


def test_names_are_found_in_any_case_and_an_unknown_one_is_answered_with_the_list():
    assert find_rendering_preset(volume("CT", "HU"), "ct LUNG").name == "CT lung"
    with pytest.raises(SettingsError, match=r"'MR default' for this volume. It has: CT bone"):
        find_rendering_preset(volume("CT", "HU"), "MR default")


@pytest.mark.parametrize(("change", "text"), [
    ({"domain": "percent"}, "domain must be one of HU, robust range"),
    ({"blend": "average"}, "blend must be one of"),
    ({"opacity": [[0, 0]]}, "opacity needs a list of at least 2 points"),
    ({"opacity": [[0, 0], [0, 1]]}, "values of opacity must increase"),
    ({"opacity": [[0, 0], [1, 1.5]]}, "opacity must be between 0 and 1"),
    ({"opacity": [[0, 0], [1, "a"]]}, "opacity must be a number"),
    ({"color": [[0, 0, 0], [1, 1, 1]]}, "each point of color must be 4 numbers"),
    ({"gradient": None}, "gradient needs a list"),
    ({"shade": {"ambient": 1}}, "shade must have"),
    ({"shade": {"ambient": 1, "diffuse": 1, "specular": 0, "power": 0}}, "power must be between 1 and 128"),
    ({"unit_distance_mm": 0}, "unit_distance_mm must be between"),
    ({"unit_distance_mm": True}, "unit_distance_mm must be a number"),
    ({"modalities": []}, "modalities must be a list"),
    ({"name": " "}, "name must be a text"),
    ({"surprise": 1}, "unknown: surprise"),
])  # fmt: skip
def test_a_preset_that_makes_no_sense_is_refused_with_the_file_and_the_key(tmp_path, stored, change, text):
    path = tmp_path / "own.json"
    path.write_text(json.dumps({**stored, **change}), encoding="utf-8")
    with pytest.raises(SettingsError, match=text) as caught:
        read_preset(path)
    assert "own.json" in str(caught.value)


@pytest.mark.parametrize(("content", "text"), [
    ("{", "cannot read the preset"), ("[]", "not a JSON object"), ("{}", "is missing"),
])  # fmt: skip
def test_what_is_no_preset_is_refused(tmp_path, content, text):
    path = tmp_path / "own.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=text):
        read_preset(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot read the preset"):
        read_preset(tmp_path / "none.json")


def test_a_ct_whose_headers_do_not_say_hu_gets_presets_by_its_own_values_first():
    names = [preset.name for preset in presets_for(volume("CT"))]
    assert "CT bone" in names
    assert presets_for(volume("CT"))[0].domain == "robust range"
