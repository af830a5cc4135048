"""What the values of enhanced multi-frame objects mean: mappings and SUV of their own functional groups, end to end."""

from __future__ import annotations

import numpy as np
import pytest
from test_enhanced_frames import CLASSES, COLUMNS, ROWS, SLICES, enhanced, only, shuffled
from test_vendor_attributes import item

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import load_job
from DICOMModule.volume import real_world


def mapping(slope, intercept, unit, label="Activity"):
    made = item(
        LUTLabel=label,
        RealWorldValueSlope=slope,
        RealWorldValueIntercept=intercept,
        MeasurementUnitsCodeSequence=[item(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit)],
    )
    made.add_new(0x00409216, "US", 0)
    made.add_new(0x00409211, "US", 65535)
    return made


def rescaled(number):
    return item(RescaleSlope=f"{number + 1}", RescaleIntercept="0", RescaleType="US")


def test_each_frame_has_the_real_world_mapping_of_its_own_groups(tmp_path):
    def edit_frame(group, number):
        group.PixelValueTransformationSequence = [rescaled(number)]
        group.RealWorldValueMappingSequence = [mapping(10.0 * (number + 1), 3.0 * number, "ms")]

    places = shuffled()
    enhanced(tmp_path / "e", places, edit_frame)
    volume = run_to_end(load_job(only(tmp_path)))
    (quantity,) = volume.quantities
    assert (quantity.name, quantity.unit) == ("Activity", "ms")
    stored = np.arange(SLICES * ROWS * COLUMNS).reshape(SLICES, ROWS, COLUMNS)
    for number, place in enumerate(places):
        wanted = stored[number] * 10.0 * (number + 1) + 3.0 * number
        assert quantity.of(volume.array[place], place) == pytest.approx(wanted)


def test_an_enhanced_pet_has_its_unit_from_its_mapping_and_its_suv(tmp_path):
    def edit_frame(group, number):
        group.PixelValueTransformationSequence = [rescaled(number)]
        group.RealWorldValueMappingSequence = [mapping(number + 1.0, 0.0, "Bq/ml")]

    def edit(dataset):
        dataset.Modality, dataset.PatientWeight = "PT", "80"
        dataset.AttenuationCorrected, dataset.DecayCorrected = "YES", "YES"
        dataset.DecayCorrectionDateTime = "20260309120000"
        dataset.RadiopharmaceuticalInformationSequence = [
            item(
                RadiopharmaceuticalStartDateTime="20260309100000",
                RadionuclideTotalDose="100000000",
                RadionuclideHalfLife="3600",
            )
        ]

    enhanced(tmp_path / "e", shuffled(), edit_frame, edit, sop_class=CLASSES["enhanced PET"])
    volume = run_to_end(load_job(only(tmp_path)))
    assert (volume.units, volume.warnings) == ("Bq/ml", ())
    (quantity,) = volume.quantities  # the mapping is the rescale, so the values themselves; there is no height
    assert (quantity.name, quantity.scale) == ("SUVbw", pytest.approx(80_000 / 25e6))
    assert quantity.of(volume.array[3], 3) == pytest.approx(volume.array[3] * 0.0032)


def test_the_shared_mapping_counts_where_a_frame_has_none(tmp_path):
    def edit(dataset):
        dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [mapping(0.5, 1.0, "mm2/s", "ADC")]

    enhanced(tmp_path / "e", shuffled(), edit=edit)
    volume = run_to_end(load_job(only(tmp_path)))
    (quantity,) = volume.quantities
    assert (quantity.name, quantity.unit, quantity.scale, quantity.offset) == ("ADC", "mm2/s", 0.5, 1.0)


def test_mappings_in_very_large_groups_are_told_not_to_have_been_read(tmp_path, monkeypatch):
    def edit(dataset):
        dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [mapping(0.5, 1.0, "mm2/s")]

    monkeypatch.setattr(real_world, "LARGEST_HEADER_BYTES", 1000)
    enhanced(tmp_path / "e", shuffled(), edit=edit)
    volume = run_to_end(load_job(only(tmp_path)))
    assert volume.quantities == ()
    sentence = (
        "Real-world value mappings cannot be read: they are not looked for in functional groups of more than 0 MiB."
    )
    assert volume.notes == (sentence,)
