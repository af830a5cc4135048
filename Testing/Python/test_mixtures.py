"""Parallel images of different acquisitions in one series: loaded apart where they lie in one space, else stacked."""

from __future__ import annotations

import numpy as np
import pytest
from series_kit import joined, offered, one_series

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
    parts = [one_series(tmp_path, f"part{n}", AcquisitionNumber=str(n), intercept=float(n)) for n in (1, 2)]
    (found,) = offered(joined(tmp_path, *parts))
    assert (found.kind, found.timepoints, found.axis.name) == ("sequence", 2, "AcquisitionNumber")
    sequence = run_to_end(load_job(found))
    assert np.array_equal(sequence.array, [part.array for part in parts])


@pytest.mark.parametrize("drop", [(4,), (0, 1)])
def test_an_acquisition_that_was_cut_short_is_no_stack_in_the_space_of_another(tmp_path, drop):
    parts = [one_series(tmp_path, f"part{n}", AcquisitionNumber=str(n), intercept=float(n)) for n in (1, 2)]
    parts.append(one_series(tmp_path, "cut", AcquisitionNumber="3", intercept=3.0, drop=drop))
    whole, cut = offered(joined(tmp_path, *parts))
    assert whole.warnings == (f"Last acquisition has {5 - len(drop)}/5 slices; loaded as incomplete.",)
    assert np.array_equal(run_to_end(load_job(whole)).array, [part.array for part in parts[:2]])
    assert (cut.selected, cut.kind, cut.warnings) == (False, "volume", ())
    assert np.array_equal(run_to_end(load_job(cut)).array, parts[2].array)


@pytest.mark.parametrize(
    ("magnitude", "phase"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"]}, {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}),
        ({"ComplexImageComponent": "MAGNITUDE"}, {"ComplexImageComponent": "PHASE"}),
        (
            {"ImageType": ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]},
            {"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"]},
        ),
    ],
)
def test_phase_is_kept_apart_from_magnitude_though_both_are_several_echoes(tmp_path, magnitude, phase):
    made = {
        (kind, echo): one_series(
            tmp_path, f"{kind}{echo}", modality="MR", intercept=1000.0 * echo, EchoTime=str(echo), **attributes
        )
        for kind, attributes in (("magnitude", magnitude), ("phase", phase))
        for echo in (2, 4)
    }
    found = offered(joined(tmp_path, *made.values()))
    assert [one.name for one in found] == ["1: Shared (1 of 2)", "1: Shared (phase)"]
    for one, kind in zip(found, ("magnitude", "phase"), strict=True):
        assert one.warnings == ("Phase images separated.",)
        assert (one.kind, one.axis.name, one.axis.values) == ("sequence", "TE", (2, 4))
        assert np.array_equal(run_to_end(load_job(one)).array, [made[kind, echo].array for echo in (2, 4)])


def test_real_and_imaginary_are_kept_apart(tmp_path):
    parts = [
        one_series(tmp_path, kind, modality="MR", intercept=1000.0 * n, ComplexImageComponent=kind.upper())
        for n, kind in enumerate(("real", "imaginary"))
    ]
    found = offered(joined(tmp_path, *parts))
    assert {one.warnings for one in found} == {("Real and imaginary images separated.",)}
    assert {one.name for one in found} == {"1: Shared (real)", "1: Shared (imaginary)"}


def weighted(tmp_path, number, b, direction=None, **attributes):
    return one_series(
        tmp_path, f"weighted{number}", modality="MR", slices=4, intercept=1000.0 * number, DiffusionBValue=float(b),
        DiffusionGradientOrientation=direction, **attributes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND"]}, "trace"),
        ({"DiffusionDirectionality": "ISOTROPIC"}, "trace"),
        ({"direction": [0.0, 0.0, 0.0]}, "trace"),
        ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "ADC"),
        ({"ImageType": ["DERIVED", "SECONDARY", "OTHER"]}, "map"),
    ],
)
def test_a_map_that_the_scanner_has_put_beside_weighted_images_is_kept_apart(tmp_path, attributes, name):
    parts = [
        weighted(tmp_path, 0, 0),
        weighted(tmp_path, 1, 1000, [1.0, 0.0, 0.0]),
        weighted(tmp_path, 2, 1000, [0.0, 1.0, 0.0]),
    ]
    extra = weighted(tmp_path, 3, 0 if name == "map" else 1000, **attributes)
    main, apart = offered(joined(tmp_path, *parts, extra))
    assert {one.warnings for one in (main, apart)} == {
        ("Scanner-derived map found in diffusion series; kept separate.",)
    }
    assert (main.kind, main.axis.values) == ("sequence", (0, 1000, 1000))
    assert (apart.kind, apart.name) == ("volume", f"1: Shared ({name}, scanner-derived)")
    assert np.array_equal(run_to_end(load_job(main)).array, [part.array for part in parts])
    assert np.array_equal(run_to_end(load_job(apart)).array, extra.array)


def test_averages_over_directions_alone_are_a_diffusion_series_without_a_word(tmp_path):
    kind = {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND"]}
    parts = [weighted(tmp_path, n, b, **kind) for n, b in enumerate((0, 500, 1000))]
    (found,) = offered(joined(tmp_path, *parts))
    assert (found.warnings, found.axis.values) == ((), (0, 500, 1000))
    assert np.array_equal(run_to_end(load_job(found)).array, [part.array for part in parts])


def test_images_that_do_not_say_what_tells_the_others_apart_are_warned_of(series_factory):
    def edit(dataset, k):
        if k % 3 == 2:
            del dataset.EchoTime
        else:
            dataset.EchoTime = "10" if k % 2 else "20"

    (found,) = offered(series_factory(slices=12, edit=edit, modality="MR", EchoTime="10").folder)
    doubt = (
        "Images of different echo time found, and some that do not say theirs: a volume may be of several acquisitions."
    )
    assert found.warnings == (doubt,)
    assert len(found.frames) == 12
