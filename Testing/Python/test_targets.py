"""What a UID, a patient or a path means to a verb, and what is said when its files have gone or changed."""

from __future__ import annotations

import shutil

import factories
import pytest
from pydicom.uid import generate_uid

from DICOMModule.errors import DatabaseError, DatabaseNotFoundError, UnknownUIDError
from DICOMModule.jobs import run_to_end
from DICOMModule.targets import EXAMINING


@pytest.fixture
def series(tmp_path, logic):
    """A CT series of 5 slices, pointed to by the database."""
    series = factories.make_series(tmp_path / "data")
    run_to_end(logic.import_job([series.folder]))
    return series


def test_a_uid_of_the_database_wins_over_a_file_of_that_name(logic, series, tmp_path, monkeypatch):
    other = factories.make_series(tmp_path / "other", "other", modality="MR")
    monkeypatch.chdir(tmp_path)
    shutil.copy(other.files[0], series.uid)
    (modality,) = logic.tags(series.uid, "0008,0060")
    assert modality.value == "CT"
    (modality,) = logic.tags(f"./{series.uid}", "0008,0060")
    assert modality.value == "MR"


def test_a_folder_named_like_an_unknown_uid_is_a_folder(logic, tmp_path, monkeypatch):
    series = factories.make_series(tmp_path / "data", slices=3)
    monkeypatch.chdir(tmp_path)
    series.folder.rename("1.2.3.4")
    loadables, _ = logic.examine("1.2.3.4")
    assert loadables[0].dimensions[2] == 3
    assert not (tmp_path / "database").exists()


@pytest.mark.parametrize("target", ["", "nothing", "2024-scan", "./1.2.3", "~nobody-of-that-name/x"])
def test_what_names_nothing_is_said(logic, target):
    with pytest.raises(UnknownUIDError, match="neither"):
        logic.examine(target)


def test_a_uid_without_a_database_is_a_missing_database(logic):
    with pytest.raises(DatabaseNotFoundError):
        logic.examine("1.2.3.4")


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "9" * 30, "9" * 5000, "٣"])
def test_a_patient_that_is_not_there_is_said(logic, series, number):
    with pytest.raises(UnknownUIDError, match="no patient"):
        logic.examine(f"patient:{number}")


def test_study_series_instance_and_patient_lead_to_the_same_files(logic, series):
    number = logic.database().patients()[0].patient
    for target in (series.study_uid, series.uid, f"patient:{number}"):
        headers, problems = logic.headers(target)
        assert {header.path for header in headers} == set(series.files)
        assert not problems
    assert [header.path for header in logic.headers(series.datasets[2].SOPInstanceUID)[0]] == [series.files[2]]


def test_a_series_stands_for_its_first_instance_even_if_another_has_gone(logic, series):
    series.files[3].unlink()
    (number,) = logic.tags(series.uid, "0020,0013")
    assert number.value == 1


@pytest.mark.parametrize("action", ["removed", "changed", "cut"])
@pytest.mark.parametrize("verb", ["examine", "tags", "load_job"])
def test_files_that_have_gone_or_changed_are_said_by_every_verb(logic, series, action, verb):
    first = series.files[0]
    if action == "removed":
        first.unlink()
    elif action == "cut":
        first.write_bytes(first.read_bytes()[:-40])
    else:
        series.datasets[0].ImageComments = "changed"
        factories.write(series.datasets[0], first)
    with pytest.raises(DatabaseError, match="no longer there" if action == "removed" else "has changed") as caught:
        run_to_end(getattr(logic, verb)(series.uid))
    assert first.name in str(caught.value)
    assert "mport" in str(caught.value)


def test_a_study_is_examined_but_for_the_series_that_has_gone(logic, series, tmp_path):
    other = factories.make_series(tmp_path / "more", "other", modality="MR")
    for dataset, file in zip(other.datasets, other.files, strict=True):
        dataset.StudyInstanceUID = series.study_uid
        dataset.PatientID, dataset.PatientName = series.datasets[0].PatientID, series.datasets[0].PatientName
        factories.write(dataset, file)
    run_to_end(logic.import_job([other.folder]))
    other.files[0].unlink()
    loadables, problems = logic.examine(series.study_uid)
    assert [one.series_instance_uid for one in loadables] == [series.uid]
    assert [problem.where for problem in problems] == [other.uid]
    loaded = run_to_end(logic.load_job(series.study_uid))
    assert other.uid in loaded.volume.warnings[-1]


def test_a_file_that_is_left_out_of_a_folder_is_a_warning_of_the_volume(logic, tmp_path):
    series = factories.make_series(tmp_path / "data")
    series.files[-1].write_bytes(series.files[-1].read_bytes()[:-40])
    loaded = run_to_end(logic.load_job(str(series.folder)))
    assert loaded.volume.dimensions[2] == 4
    assert series.files[-1].name in loaded.volume.warnings[-1]


def test_an_import_beside_a_missing_file_is_an_import(logic, series, tmp_path):
    late = series.files[4].rename(tmp_path / "late.dcm")
    run_to_end(logic.verify_job())
    changed = series.datasets[0]
    changed.SOPInstanceUID = changed.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    factories.write(changed, series.folder / "new.dcm")
    report = run_to_end(logic.import_job([series.folder]))
    assert report.added == 1
    (row,) = logic.database().series()
    assert row.health == "refused"
    assert "missing" in row.health_text
    run_to_end(logic.import_job([late.rename(series.files[4])]))
    (row,) = logic.database().series()
    assert row.health != "refused"


def test_a_series_of_two_patients_is_imported_and_refused(logic, tmp_path):
    series = factories.make_series(tmp_path / "data", slices=4)
    for dataset, file in list(zip(series.datasets, series.files, strict=True))[2:]:
        dataset.PatientID = "another"
        factories.write(dataset, file)
    report = run_to_end(logic.import_job([series.folder]))
    assert (report.added, report.patients) == (4, 2)
    assert {row.health for row in logic.database().series()} == {"refused"}
    for verb in (logic.examine, logic.tags):
        with pytest.raises(DatabaseError, match="two patients"):
            verb(series.uid)


def test_what_an_interrupted_import_left_unexamined_is_examined_by_the_next(logic, tmp_path):
    series = factories.make_series(tmp_path / "data")
    run_to_end(logic.database(create=True).import_job([series.folder]))
    assert logic.database().series()[0].health == "unknown"
    report = run_to_end(logic.import_job([series.folder]))
    assert report.unchanged == 5
    assert logic.database().series()[0].health == "ok"


def test_a_path_that_does_not_exist_makes_no_database(logic, tmp_path):
    with pytest.raises(Exception, match="does not exist"):
        run_to_end(logic.import_job([tmp_path / "missing"]))
    assert not (tmp_path / "database").exists()


def test_verify_turns_the_health_of_a_series_and_turns_it_back(logic, series, tmp_path):
    away = series.files[1].rename(tmp_path / "away.dcm")
    run_to_end(logic.verify_job())
    assert logic.database().series()[0].health == "refused"
    away.rename(series.files[1])
    run_to_end(logic.verify_job())
    assert logic.database().series()[0].health == "ok"


@pytest.fixture
def several(tmp_path):
    """A folder of 25 series of one slice."""
    for number in range(25):
        factories.make_series(tmp_path / "several" / str(number), f"s{number}", slices=1)
    return tmp_path / "several"


def healths(logic):
    return [row.health for row in logic.database().series()]


def examining(job, done):
    """Run a job until so many series have been examined."""
    for progress in job:
        if progress.text == EXAMINING and progress.done == done:
            assert progress.total == 25
            return
    raise AssertionError("it never came so far")


def test_an_import_closed_while_it_examines_keeps_what_it_examined_and_the_next_does_the_rest(logic, several):
    job = logic.import_job([several])
    examining(job, 24)
    job.close()
    left = healths(logic).count("unknown")
    assert 0 < left < 25
    assert len(healths(logic)) == 25
    run_to_end(logic.import_job([several]))
    assert "unknown" not in healths(logic)


def test_series_deleted_while_they_are_examined_are_passed_over(logic, several):
    job = logic.import_job([several])
    examining(job, 5)
    gone = [row.series_instance_uid for row in logic.database().series()][::2]
    logic.database().delete(gone)
    run_to_end(job)
    assert len(healths(logic)) == 25 - len(gone)
    assert "unknown" not in healths(logic)
