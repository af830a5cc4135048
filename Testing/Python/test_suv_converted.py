"""Uptake of PET images that were converted to a multi-frame object: what they had stands in its functional groups."""

from __future__ import annotations

import pytest
from made_kit import item
from test_enhanced_frames import CLASSES, enhanced

from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job

# 100 MBq injected two half-lives before the scan, 80 kg: 25 MBq are left, 80,000 g / 25,000,000 Bq
FACTOR = 80_000 / 25e6


def tracer(**changed):
    values = {
        "RadiopharmaceuticalStartTime": "100000",
        "RadionuclideTotalDose": "100000000",
        "RadionuclideHalfLife": "3600",
        **changed,
    }
    return item(**{keyword: value for keyword, value in values.items() if value is not None})


def had(**changed):
    values = {
        "Units": "BQML",
        "CorrectedImage": ["DECY", "ATTN", "SCAT"],
        "DecayCorrection": "START",
        "RadiopharmaceuticalInformationSequence": [tracer()],
        **changed,
    }
    return item(**{keyword: value for keyword, value in values.items() if value is not None})


def converted(path, *, of_all=None, of_frame=None, at_top=None, places=(0, 1, 2)):
    def edit_frame(group, number):
        group.FrameContentSequence[0].FrameAcquisitionDateTime = f"2026030912{number:02d}00"
        group.UnassignedPerFrameConvertedAttributesSequence = [
            item(FrameReferenceTime="0", ActualFrameDuration="60000", **(of_frame(number) if of_frame else {}))
        ]

    def edit(dataset):
        dataset.Modality = "PT"
        dataset.SeriesDate, dataset.SeriesTime = "20260309", "120000"
        dataset.PatientWeight, dataset.PatientSize, dataset.PatientSex = "80", "1.80", "M"
        shared = dataset.SharedFunctionalGroupsSequence[0]
        if of_all is not None:
            shared.UnassignedSharedConvertedAttributesSequence = [of_all]
        for keyword, value in (at_top or {}).items():
            setattr(dataset, keyword, value)

    return enhanced(path, list(places), edit_frame, edit, sop_class=CLASSES["legacy PET"])


def loaded(folder):
    (loadable,) = examine(headers_of_path(folder)[0])
    volume = run_to_end(load_job(loadable))
    assert loadable.warnings == volume.warnings
    return volume


def test_the_uptake_of_a_converted_series_is_that_of_its_images(tmp_path):
    converted(tmp_path / "pet", of_all=had())
    volume = loaded(tmp_path)
    assert volume.warnings == ()
    assert volume.units == "BQML"
    assert {one.name: one.scale for one in volume.quantities}["SUVbw"] == pytest.approx(FACTOR)


def test_what_stands_with_each_frame_counts_as_well(tmp_path):
    def of_frame(_number):
        return {"Units": "BQML", "CorrectedImage": ["ATTN"], "DecayCorrection": "NONE"}

    of_all = item(RadiopharmaceuticalInformationSequence=[tracer()])
    converted(tmp_path / "pet", of_all=of_all, of_frame=of_frame)
    (suv, *_) = loaded(tmp_path).quantities
    # not corrected for decay: each slice is a minute later, its mean activity half a minute after its start
    delays = [7200 + 60 * k + 30 for k in range(3)]
    assert suv.scale == pytest.approx([80_000 / (1e8 * 2 ** (-delay / 3600)) for delay in delays], rel=1e-4)


def test_what_stands_at_the_first_level_counts_as_well(tmp_path):
    at_top = {element.keyword: element.value for element in had()}
    converted(tmp_path / "pet", at_top=at_top)
    assert loaded(tmp_path).quantities[0].scale == pytest.approx(FACTOR)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"RadiopharmaceuticalInformationSequence": [tracer(), tracer()]}, "2 radiopharmaceuticals in one series"),
        ({"RadiopharmaceuticalInformationSequence": None}, "RadionuclideTotalDose missing"),
        (
            {"RadiopharmaceuticalInformationSequence": [tracer(RadionuclideTotalDose="100")]},
            "RadionuclideTotalDose 100 Bq is no dose: it may be in MBq",
        ),
        ({"DecayCorrection": None}, "DecayCorrection missing"),
        (
            {"Units": "CNTS"},
            "values are counts, and Philips' scale factors (7053,1000) and (7053,1009) are missing",
        ),
    ],
)
def test_what_a_converted_series_lacks_is_named(tmp_path, changed, reason):
    converted(tmp_path / "pet", of_all=had(**changed))
    volume = loaded(tmp_path)
    assert volume.warnings == (f"SUV not computed: {reason}.",)
    assert volume.quantities == ()


def test_frames_of_different_doses_have_no_uptake_in_common(tmp_path):
    def of_frame(number):
        return {"RadiopharmaceuticalInformationSequence": [tracer(RadionuclideTotalDose=f"{10 + number}0000000")]}

    converted(tmp_path / "pet", of_all=had(RadiopharmaceuticalInformationSequence=None), of_frame=of_frame)
    assert loaded(tmp_path).warnings == ("SUV not computed: RadionuclideTotalDose differs from slice to slice.",)


@pytest.mark.parametrize("count", [1, 2, 300])
def test_of_a_sequence_in_a_functional_group_the_number_of_items_is_kept(tmp_path, count):
    converted(tmp_path / "pet", of_all=had(RadiopharmaceuticalInformationSequence=[tracer()] * count))
    frames = frame_headers(read_header(tmp_path / "pet"))
    assert {frame.integer("RadiopharmaceuticalInformationSequence") for frame in frames} == {count}
