"""What is offered of a series: warnings, names, ids, folders."""

from __future__ import annotations

import shutil

import pytest
from factories import CLASSES, base_dataset, make_series, uid, write
from series_kit import offered, wrong

from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, headers_of_path, load_job


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ({"ImagePositionPatient": None}, "1 image has no position; excluded."),
        ({"PixelSpacing": None}, "1 image has no pixel spacing; excluded."),
        ({"RescaleSlope": "0"}, "1 image cannot be used (Rescale Slope is 0); excluded."),
        ({"ImageOrientationPatient": ["0"] * 6}, "direction of length zero); excluded."),
        ({"HighBit": 40}, "contradict each other); excluded."),
    ],
)
def test_a_slice_that_cannot_be_used_leaves_a_gap_and_a_warning(series_factory, attributes, warning):
    series = series_factory(slices=6, edit=wrong(**attributes))
    volume, excluded = offered(series.folder)
    assert volume.warnings[0].endswith(warning)
    assert "1 of 6 slices missing (after z=42.5). Shown as gaps." in volume.warnings
    assert volume.dimensions == (10, 8, 6)
    assert len(excluded.instances) == 1
    assert excluded.refusal or not excluded.selected


def test_several_images_without_position_are_counted(series_factory):
    def edit(dataset, k):
        if k in (0, 5):
            del dataset.ImagePositionPatient

    assert offered(series_factory(slices=6, edit=edit).folder)[0].warnings == ("2 images have no position; excluded.",)


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ({"FrameOfReferenceUID": None}, "No frame of reference: alignment with other series unverified."),
        (
            {"LossyImageCompression": "01", "LossyImageCompressionRatio": "10"},
            "Source is lossy-compressed (10:1).",
        ),
        ({"LossyImageCompression": "01"}, "Source is lossy-compressed."),
    ],
)
def test_what_the_headers_confess_is_told(series_factory, attributes, warning):
    assert offered(series_factory(**attributes).folder)[0].warnings == (warning,)


def test_a_single_slice_without_thickness_says_what_is_assumed(series_factory):
    (loadable,) = offered(series_factory(slices=1, edit=lambda dataset, _k: dataset.pop("SliceThickness")).folder)
    assert loadable.warnings == ("Slice thickness 1.0 mm assumed: the file does not give one.",)


@pytest.mark.parametrize(
    ("options", "units"),
    [
        ({}, "HU"),
        ({"edit": lambda dataset, _k: dataset.pop("RescaleType")}, "HU"),
        ({"edit": lambda dataset, _k: setattr(dataset, "RescaleType", "US")}, None),
        ({"edit": lambda dataset, _k: setattr(dataset, "RescaleType", "MGML")}, "MGML"),
        ({"slope": None}, None),
        ({"modality": "MR"}, None),
        ({"modality": "PT"}, "BQML"),
        ({"modality": "PT", "Units": "GML"}, "GML"),
    ],
)
def test_units_are_those_of_the_header(series_factory, options, units):
    (loadable,) = offered(series_factory(**options).folder)
    assert run_to_end(load_job(loadable)).units == units


def test_the_id_depends_on_the_instances_alone(series_factory, tmp_path):
    series = series_factory()
    headers, _ = headers_of_path(series.folder)
    (one,), (other,) = examine(headers), examine(headers[::-1])
    assert one.id == other.id
    assert one.instances == other.instances
    series.files[0].unlink()
    assert offered(series.folder)[0].id != one.id


def test_every_instance_is_in_one_loadable_and_series_stay_apart(tmp_path):
    parts = [make_series(tmp_path / "all" / name, name) for name in ("one", "two")]
    report = base_dataset("one", "SC", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33", SOPInstanceUID=uid("report"))
    write(report, tmp_path / "all" / "report.dcm")
    headers, _ = headers_of_path(tmp_path / "all")
    loadables = examine(headers)
    assert sorted(h.sop_instance_uid for f in loadables for h in f.instances) == sorted(
        h.sop_instance_uid for h in headers
    )
    assert {found.series_instance_uid for found in loadables} == {part.uid for part in parts}
    assert [found.refusal == "" for found in loadables] == [True, False, True]


def test_a_folder_reports_what_is_no_use_and_passes_over_what_is_not_dicom(series_factory):
    series = series_factory()
    (series.folder / "notes.txt").write_text("not DICOM")
    (series.folder / "cut.dcm").write_bytes(series.files[0].read_bytes()[:600])
    shutil.copy(series.files[1], series.folder / "twin.dcm")
    headers, problems = headers_of_path(series.folder)
    assert len(headers) == 5
    assert sorted(problem.where.rpartition("/")[2] for problem in problems) == ["cut.dcm", "twin.dcm"]


def test_a_single_file_that_is_no_use_is_an_error_and_one_that_is_not_there_too(tmp_path):
    (tmp_path / "notes.txt").write_text("not DICOM")
    for name in ("notes.txt", "missing"):
        with pytest.raises(DicomFileError, match=name):
            headers_of_path(tmp_path / name)


def test_examining_nothing_gives_nothing():
    assert examine([]) == []


def test_no_pixel_is_read_to_examine(series_factory):
    series = series_factory()
    headers, _ = headers_of_path(series.folder)
    for file in series.files:
        file.unlink()
    assert examine(headers)[0].refusal == ""
    assert CLASSES["CT"] == headers[0].sop_class_uid


def test_mixed_slice_thickness_in_an_even_stack_is_a_note(series_factory):
    def edit(dataset, k):
        dataset.SliceThickness = "2.5" if k < 3 else "5"

    (loadable,) = offered(series_factory(edit=edit).folder)
    assert (loadable.warnings, loadable.notes) == ((), ("Slice thickness varies 2.5–5 mm.",))


def test_an_animal_is_told_as_its_directions_have_other_names(series_factory):
    (loadable,) = offered(series_factory(AnatomicalOrientationType="QUADRUPED").folder)
    assert "QUADRUPED" in loadable.warnings[0]


def test_copies_that_lie_a_little_aside_are_dropped_with_a_warning(series_factory):
    series = series_factory(along_normal_mm=(0, 2.5, 5, 5.004, 7.5), slices=5)
    pixels = series.datasets[2].PixelData
    series.datasets[3].PixelData = pixels
    write(series.datasets[3], series.files[3])
    (loadable,) = offered(series.folder)
    assert loadable.warnings == ("1 duplicate slice ignored.",)
    assert run_to_end(load_job(loadable)).array.shape[0] == 4
