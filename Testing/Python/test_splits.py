"""What must not share a volume is loaded apart, with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from factories import CORONAL, SAGITTAL, uid
from series_kit import joined, offered, one_series

from DICOMModule.jobs import run_to_end
from DICOMModule.readers import load_job


def test_orientations_are_loaded_apart(tmp_path):
    parts = (
        one_series(tmp_path, "axial", slices=4),
        one_series(tmp_path, "sagittal", slices=5, orientation=SAGITTAL),
        one_series(tmp_path, "coronal", slices=3, orientation=CORONAL),
    )
    loadables = offered(joined(tmp_path, *parts))
    assert [found.dimensions[2] for found in loadables] == [5, 4, 3]
    assert [found.name for found in loadables] == [f"1: Shared ({n} of 3)" for n in (1, 2, 3)]
    assert len({found.id for found in loadables}) == 3
    for found, part in zip(loadables, (parts[1], parts[0], parts[2]), strict=True):
        assert found.warnings == ("Series contains 3 orientations; loaded as 3 volumes.",)
        assert np.array_equal(run_to_end(load_job(found)).array, part.array)


def test_sizes_and_spacings_are_loaded_apart(tmp_path):
    small = one_series(tmp_path, "small", slices=3)
    large = one_series(tmp_path, "large", slices=4, rows=12, columns=12)
    loadables = offered(joined(tmp_path, small, large))
    assert [found.dimensions for found in loadables] == [(12, 12, 4), (10, 8, 3)]
    assert loadables[0].warnings == ("Images of different size found; loaded as 2 volumes.",)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"spacing_mm": (1.4, 1.0, 2.5)}, "Images of different pixel spacing found; loaded as 2 volumes."),
        ({"photometric": "MONOCHROME1"}, "Images of different pixel format found; loaded as 2 volumes."),
        (
            {"dtype": "uint8", "bits_stored": 8},
            "Images of different pixel format found; loaded as 2 volumes.",
        ),
        (
            {"ConvolutionKernel": "SHARP"},
            "Images of different reconstruction kernels found; loaded as 2 volumes.",
        ),
    ],
)
def test_what_must_not_be_mixed_is_loaded_apart_with_the_reason(tmp_path, options, sentence):
    one = one_series(tmp_path, "one", slices=4)
    other = one_series(tmp_path, "other", slices=3, origin_mm=(-20, -30, 41.25), **options)
    loadables = offered(joined(tmp_path, one, other))
    assert [found.dimensions[2] for found in loadables] == [4, 3]
    assert [found.warnings for found in loadables] == [(sentence,)] * 2


def test_frames_of_reference_are_never_mixed(series_factory):
    def edit(dataset, k):
        if k >= 4:
            dataset.FrameOfReferenceUID = uid("other frame")

    loadables = offered(series_factory(slices=7, edit=edit).folder)
    assert [found.dimensions[2] for found in loadables] == [4, 3]
    assert loadables[0].warnings == ("Images of different frames of reference found; loaded as 2 volumes.",)


@pytest.mark.parametrize("said", [True, False])
def test_a_localizer_is_set_apart_and_not_selected(tmp_path, said):
    volume = one_series(tmp_path, "volume", slices=5)
    image_type = ["ORIGINAL", "PRIMARY", "LOCALIZER" if said else "AXIAL"]
    scout = one_series(tmp_path, "scout", slices=1, orientation=CORONAL, ImageType=image_type)
    main, localizer = offered(joined(tmp_path, volume, scout))
    assert main.warnings == ("1 localizer image separated from the volume.",)
    assert (main.selected, main.dimensions[2], main.name) == (True, 5, "1: Shared (1 of 2)")
    assert (localizer.selected, localizer.kind, localizer.name) == (False, "image", "1: Shared (localizer)")
    assert localizer.confidence < main.confidence


def test_a_localizer_in_the_plane_of_the_volume_does_not_bend_its_spacing(tmp_path):
    volume = one_series(tmp_path, "volume", slices=5)
    image_type = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout = one_series(tmp_path, "scout", slices=1, origin_mm=(-20, -30, 55), ImageType=image_type)
    main, _ = offered(joined(tmp_path, volume, scout))
    assert main.spacing_mm == pytest.approx((0.5, 0.7, 2.5))
    assert main.dimensions[2] == 5


def test_scouts_in_three_planes_are_three_images(tmp_path):
    image_type = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    planes = ((1, 0, 0, 0, 1, 0), SAGITTAL, CORONAL)
    parts = [
        one_series(tmp_path, f"plane{n}", slices=1, orientation=plane, ImageType=image_type)
        for n, plane in enumerate(planes)
    ]
    loadables = offered(joined(tmp_path, *parts))
    assert [(found.kind, found.selected) for found in loadables] == [("image", True)] * 3
    assert loadables[0].warnings == ("Series contains 3 orientations; loaded as 3 volumes.",)


def test_studies_and_patients_are_never_mixed_though_they_share_a_series_uid(series_factory):
    def edit(dataset, k):
        if k >= 4:
            dataset.StudyInstanceUID, dataset.PatientID = uid("another study"), "MADE-2"

    loadables = offered(series_factory(slices=7, edit=edit).folder)
    assert [found.dimensions[2] for found in loadables] == [4, 3]
    assert loadables[0].warnings == ("Images of different studies or patients found; loaded as 2 volumes.",)


@pytest.mark.parametrize(
    "another", [{"PatientName": "Another^Name"}, {"PatientBirthDate": "19800101"}, {"IssuerOfPatientID": "Hospital B"}]
)
@pytest.mark.parametrize("patient_id", ["", "MADE-1"])
def test_patients_are_told_apart_by_more_than_their_id(series_factory, patient_id, another):
    def edit(dataset, k):
        for keyword, value in (another if k >= 4 else {}).items():
            setattr(dataset, keyword, value)

    loadables = offered(series_factory(slices=7, edit=edit, PatientID=patient_id).folder)
    assert [found.dimensions[2] for found in loadables] == [4, 3]
    assert loadables[0].warnings == ("Images of different studies or patients found; loaded as 2 volumes.",)
