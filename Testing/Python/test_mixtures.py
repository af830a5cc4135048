"""Parallel images of different acquisitions in one series: loaded apart where they lie in one space, else stacked."""

from __future__ import annotations

import numpy as np
import pytest
from series_kit import joined, offered, one_series, refusal_of

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import load_job

DERIVED = {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]}


def moved(z_mm):
    return {"origin_mm": (-20.0, -30.0, 40.0 + z_mm)}


def loaded(folder):
    return [(found.warnings, run_to_end(load_job(found)).array) for found in offered(folder)]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (DERIVED, "Images of different Image Type found"),
        ({**DERIVED, **moved(1.25)}, "Images of different Image Type found"),
        ({**DERIVED, **moved(5)}, "Images of different Image Type found"),
        ({"KVP": "80"}, "Images of different tube voltage found"),
        ({"EchoTime": "20", **moved(1.25)}, "Images of different echo time found"),
        ({"AcquisitionNumber": "2", **moved(5)}, "Overlapping acquisitions found"),
        ({"AcquisitionNumber": "2", **moved(6)}, "Overlapping acquisitions found"),
    ],
)
def test_acquisitions_in_one_space_are_loaded_apart(tmp_path, options, sentence):
    one = one_series(tmp_path, "one", slices=6, EchoTime="10")
    other = one_series(tmp_path, "other", slices=5, intercept=7, **{"EchoTime": "10", **options})
    found = loaded(joined(tmp_path, one, other))
    assert [warnings for warnings, _ in found] == [(f"{sentence}; loaded as 2 volumes.",)] * 2
    assert np.array_equal(found[0][1], one.array)
    assert np.array_equal(found[1][1], other.array)


def test_magnitude_and_phase_are_loaded_apart(tmp_path):
    parts = [
        one_series(tmp_path, name, modality="MR", slope=None, ImageType=["ORIGINAL", "PRIMARY", name, "ND"], slices=n)
        for name, n in (("M", 6), ("P", 5))
    ]
    found = loaded(joined(tmp_path, *parts))
    assert all(np.array_equal(array, part.array) for (_, array), part in zip(found, parts, strict=True))


@pytest.mark.parametrize(
    "number_of", [lambda k: k // 4, lambda k: k % 2, lambda k: k], ids=["beds", "interleaved", "slices"]
)
def test_acquisitions_that_make_one_even_stack_are_one_volume_without_a_word(series_factory, number_of):
    def edit(dataset, k):
        dataset.AcquisitionNumber, dataset.AcquisitionTime = str(number_of(k)), f"10{number_of(k):02d}00"

    series = series_factory(slices=8, edit=edit)
    ((warnings, array),) = loaded(series.folder)
    assert warnings == ()
    assert np.array_equal(array, series.array)


def test_image_types_one_behind_the_other_are_one_volume(series_factory):
    series = series_factory(slices=8, edit=lambda d, k: setattr(d, "ImageType", ["ORIGINAL", "PRIMARY", f"T{k // 4}"]))
    ((warnings, array),) = loaded(series.folder)
    assert warnings == ()
    assert np.array_equal(array, series.array)


def test_acquisitions_in_the_same_places_are_a_fourth_dimension(tmp_path):
    parts = [one_series(tmp_path, f"part{n}", AcquisitionNumber=str(n)) for n in (1, 2)]
    assert "differing in AcquisitionNumber" in refusal_of(joined(tmp_path, *parts))
