"""Import of what is there already: the first content of a UID stays, patients are told apart, changes are followed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import factories
import pytest
from importing import counts, edited, hashes, import_
from pydicom import dcmread

from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import run_to_end

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Reliability"))


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data" / "series", slices=4, rows=4, columns=4)


# --- the same UID again


@pytest.mark.parametrize("copy", [False, True])
def test_another_content_of_a_uid_is_set_aside_and_the_first_stays(database, tmp_path, series, copy):
    import_(database, series.folder, copy=copy)
    before = hashes(database.folder / "dicom")
    other = edited(series.files[0], tmp_path / "other" / "1.dcm", SeriesDescription="Other")
    for _ in range(2):
        (duplicate,) = import_(database, other, copy=copy).duplicates
        assert (duplicate.path, duplicate.sop_instance_uid) == (str(other), str(dcmread(other).SOPInstanceUID))
        assert "other content" in duplicate.reason or "another content" in duplicate.reason
        assert "patient" not in duplicate.reason
    assert hashes(database.folder / "dicom") == before
    assert database.series()[0].series_description == "Made series"
    (quarantined,) = run_to_end(database.verify_job()).quarantined
    assert Path(quarantined).read_bytes() == other.read_bytes()
    assert Path(quarantined).is_relative_to(database.folder / "quarantine") is copy


def test_another_content_for_another_patient_says_so(database, tmp_path, series):
    import_(database, series.folder)
    other = edited(series.files[0], tmp_path / "other" / "1.dcm", PatientID="SOMEONE-ELSE")
    (duplicate,) = import_(database, other).duplicates
    assert "another patient" in duplicate.reason
    assert len(database.patients()) == 1


def test_the_same_data_set_in_another_envelope_is_the_same_content(database, tmp_path, series):
    dataset = dcmread(series.files[0])
    dataset.file_meta.ImplementationVersionName = "OTHER"
    (tmp_path / "other").mkdir()
    dataset.save_as(tmp_path / "other" / "1.dcm")
    import_(database, series.folder)
    (duplicate,) = import_(database, tmp_path / "other").duplicates
    assert "same content" in duplicate.reason


@pytest.mark.parametrize("copy", [False, True])
def test_two_contents_within_one_import_keep_the_first_by_name(database, tmp_path, series, copy):
    edited(series.files[0], series.folder / "zz.dcm", SeriesDescription="Other")
    report = import_(database, series.folder, copy=copy)
    assert [Path(one.path).name for one in report.duplicates] == ["zz.dcm"]
    assert report.added == 4


def test_a_file_changed_in_place_is_updated_where_it_is_referenced(database, series):
    import_(database, series.folder)
    edited(series.files[0], series.files[0], SeriesInstanceUID="1.2.3.4", ImageComments="moved")
    report = import_(database, series.folder)
    assert counts(report) == {"files_seen": 4, "updated": 1, "unchanged": 3}
    assert {one.series_instance_uid: one.instances for one in database.series()} == {series.uid: 3, "1.2.3.4": 1}
    assert [study.series for study in database.studies()] == [2]
    assert database.headers_of_series("1.2.3.4")[0].text("ImageComments") == "moved"


def test_a_series_whose_last_file_went_elsewhere_is_gone(database, tmp_path):
    series = factories.make_series(tmp_path / "one", slices=1)
    import_(database, series.folder)
    edited(series.files[0], series.files[0], PatientID="2", StudyInstanceUID="1.2", SeriesInstanceUID="1.3")
    import_(database, series.folder)
    assert [one.series_instance_uid for one in database.series()] == ["1.3"]
    assert [(one.patient_id, one.instances) for one in database.patients()] == [("2", 1)]


def test_a_file_that_took_the_name_of_another_leaves_that_one_missing(database, tmp_path):
    series = factories.make_series(tmp_path / "two", slices=2)
    import_(database, series.files[0])
    series.files[1].replace(series.files[0])
    assert counts(import_(database, series.folder)) == {"files_seen": 1, "added": 1}
    states = {one.sop_instance_uid: one.state for one in database.instances()}
    assert sorted(states.values()) == ["missing", "present"]
    with pytest.raises(DatabaseError, match=r"1 of 2 files .* missing"):
        database.headers_of_series(series.uid)
    assert counts(import_(database, series.folder)) == {"files_seen": 1, "unchanged": 1}


def test_a_changed_source_of_a_copy_is_set_aside_and_a_touched_one_is_unchanged(database, series):
    import_(database, series.folder, copy=True)
    os.utime(series.files[0], ns=(1, 1))
    for _ in range(2):
        assert counts(import_(database, series.folder, copy=True)) == {"files_seen": 4, "unchanged": 4}
    edited(series.files[0], series.files[0], ImageComments="changed")
    report = import_(database, series.folder, copy=True)
    assert counts(report) == {"files_seen": 4, "unchanged": 3, "duplicates": 1}
    assert run_to_end(database.verify_job()).damaged == ()


def test_a_moved_folder_is_linked_anew(database, tmp_path, series):
    import_(database, series.folder)
    moved = series.folder.rename(tmp_path / "moved")
    assert counts(import_(database, moved)) == {"files_seen": 4, "updated": 4}
    assert sorted(Path(one.path) for one in database.instances()) == sorted(moved.iterdir())
    assert counts(import_(database, moved)) == {"files_seen": 4, "unchanged": 4}


def test_a_copy_import_makes_copies_of_what_was_referenced(database, series):
    import_(database, series.folder)
    assert counts(import_(database, series.folder, copy=True)) == {"files_seen": 4, "updated": 4}
    shutil.rmtree(series.folder)
    assert run_to_end(database.verify_job()).missing == ()


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_a_lost_copy_is_mended_from_its_source(database, series, harm):
    import_(database, series.folder, copy=True)
    path = Path(database.instances()[0].path)
    path.unlink() if harm == "gone" else path.write_bytes(b"x" * path.stat().st_size)
    report = run_to_end(database.verify_job())
    assert (report.missing if harm == "gone" else report.damaged) == (str(path),)
    assert counts(import_(database, series.folder, copy=True)) == {"files_seen": 4, "updated": 1, "unchanged": 3}
    assert run_to_end(database.verify_job()) == run_to_end(database.verify_job())
    assert {one.state for one in database.instances()} == {"present"}


# --- patients


def test_an_empty_patient_id_is_never_merged_across_studies(database, tmp_path):
    for name in ("a", "b"):
        factories.make_series(
            tmp_path / "data" / name, name, slices=1, PatientID="", PatientName="", PatientBirthDate=""
        )
    import_(database, tmp_path / "data")
    assert [one.patient_id for one in database.patients()] == [None, None]


def test_one_study_uid_under_two_patients_is_kept_apart_and_said(database, tmp_path, series):
    other = factories.make_series(
        tmp_path / "data" / "other", "other", slices=1, PatientID="2", StudyInstanceUID=series.study_uid
    )
    report = import_(database, tmp_path / "data")
    assert len(report.warnings) == 1
    assert report.warnings[0].where == series.study_uid
    assert [one.study_instance_uid for one in database.studies()] == [series.study_uid] * 2
    assert len(database.patients()) == 2
    with pytest.raises(DatabaseError, match="two patients"):
        database.headers_of_study(series.study_uid)
    assert len(database.headers_of_series(other.uid)) == 1


def test_one_series_uid_under_two_patients_is_never_mixed(database, tmp_path, series):
    factories.make_series(
        tmp_path / "data" / "other",
        "other",
        slices=2,
        PatientID="2",
        StudyInstanceUID=series.study_uid,
        SeriesInstanceUID=series.uid,
    )
    import_(database, tmp_path / "data")
    assert sorted(one.instances for one in database.series()) == [2, 4]
    with pytest.raises(DatabaseError, match=series.uid):
        database.headers_of_series(series.uid)


@pytest.mark.parametrize(
    ("attributes", "patients"),
    [
        ({"PatientName": "PHANTOM^FACTORY"}, 1),
        ({"PatientName": "Phántom^Factory="}, 1),
        ({"PatientName": "Phantom^Other"}, 2),
        ({"PatientBirthDate": "19700102"}, 2),
        ({"IssuerOfPatientID": "Elsewhere"}, 2),
        ({"PatientSex": "F"}, 1),
    ],
)
def test_what_makes_a_patient_one(database, tmp_path, series, attributes, patients):
    factories.make_series(tmp_path / "data" / "other", "other", slices=1, **attributes)
    import_(database, tmp_path / "data")
    assert len(database.patients()) == patients
