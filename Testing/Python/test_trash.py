"""The trash: what is deleted is gone from everything that shows or counts, and comes back as it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import factories
import pytest
from filled_database import fill
from importing import counts, edited, hashes, import_

from DICOMModule.database import DatabaseCounts, DicomDatabase
from DICOMModule.database.import_writing import ImportWriter
from DICOMModule.database.migrations import m0001_first_floor
from DICOMModule.database.sessions import session_folder
from DICOMModule.errors import DatabaseError, UnknownUIDError
from DICOMModule.jobs import run_to_end

FILE = "dicommodule.sqlite"


@pytest.fixture
def filled(database, tmp_path):
    """Three patients; that of adams^Ann has a study with two series, of 1 and 3 instances."""
    fill(database, tmp_path)
    database.set_series_health({row.series_instance_uid: ("warned", "as found") for row in database.series()})
    return database


def lists(database):
    """Everything that the database shows."""
    return database.patients(), database.studies(), database.series(), database.instances(), database.counts()


def adams(database):
    """Patient, study, series and instance of adams^Ann by which each level is named."""
    patient = database.patients(search="adams")[0].patient
    study = database.studies(patient=patient)[0].study_instance_uid
    series = database.series(search="head")[0].series_instance_uid
    return {
        "patient": patient, "study": study, "series": series,
        "instance": database.instances(series=series)[1].sop_instance_uid,
    }  # fmt: skip


def shown_report(report):
    return report.patients, report.studies, report.series, report.instances


# --- there and back


@pytest.mark.parametrize(
    ("level", "gone", "left"),
    [
        ("patient", (1, 1, 2, 4), DatabaseCounts(2, 2, 2, 3)),
        ("study", (1, 1, 2, 4), DatabaseCounts(2, 2, 2, 3)),
        ("series", (0, 0, 1, 3), DatabaseCounts(3, 3, 3, 4)),
        ("instance", (0, 0, 0, 1), DatabaseCounts(3, 3, 4, 6)),
    ],
)
@pytest.mark.parametrize("way", ["name", "undo"])
def test_what_is_deleted_counts_no_more_and_comes_back_as_it_was(filled, level, gone, left, way):
    before, files = lists(filled), hashes(filled.folder.parent / "d")
    name = adams(filled)[level]
    report = filled.delete([name])
    assert (shown_report(report), report.files_removed, report.bytes_freed) == (gone, 0, 0)
    assert filled.counts() == left
    assert left == DatabaseCounts(*(len(rows) for rows in lists(filled)[:4]))
    back = filled.restore([name]) if way == "name" else filled.undo_delete(report.trash_id)
    assert shown_report(back) == gone
    if level == "instance":  # a series with an instance less is another series
        series = adams(filled)["series"]
        assert report.series_instance_uids == back.series_instance_uids == (series,)
        assert filled.series(series=series)[0].health == "unknown"
        filled.set_series_health({series: ("warned", "as found")})
    else:
        assert report.series_instance_uids == back.series_instance_uids == ()
    assert lists(filled) == before
    assert hashes(filled.folder.parent / "d") == files
    assert filled._catalogue.rows("SELECT count(*) FROM trash") == [(0,)]
    assert filled._catalogue.integrity() == "ok"


def test_nothing_finds_what_is_deleted(filled):
    names = adams(filled)
    filled.delete([names["series"]])
    one = names["instance"]
    for look in (filled.resolve, filled.headers_of_series, filled.header_of_instance):
        for uid in (names["series"], one):
            with pytest.raises(UnknownUIDError):
                look(uid)
    assert len(filled.headers_of_study(names["study"])) == 1
    assert filled.studies(search="head")[0].modalities_in_study == ("MR",)
    assert (
        filled.patients(search="ct head") == filled.studies(search="ct head") == filled.series(search="ct head") == []
    )
    assert filled.patients(series=names["series"]) == filled.studies(series=names["series"]) == []
    assert filled.instances(series=names["series"]) == filled.instances(search="ct head") == []
    filled.set_series_health({names["series"]: ("ok", "")})  # one that has just gone is passed over
    assert filled.series(series=names["series"]) == []
    filled.delete([names["study"]])
    for look in (filled.resolve, filled.headers_of_study):
        with pytest.raises(UnknownUIDError):
            look(names["study"])
    assert filled.patients(study=names["study"]) == filled.series(study=names["study"]) == []


def test_several_are_one_act_and_one_that_is_not_there_makes_it_none(filled):
    before, names = lists(filled), adams(filled)
    with pytest.raises(UnknownUIDError, match=r"1\.2\.3"):
        filled.delete([names["patient"], "1.2.3"])
    with pytest.raises(UnknownUIDError, match="patient 99"):
        filled.delete([names["patient"], 99])
    assert lists(filled) == before
    other = filled.studies(search="knee")[0].study_instance_uid
    report = filled.delete([names["study"], names["series"], other])  # the series goes with its study
    assert shown_report(report) == (2, 2, 3, 6)
    assert shown_report(filled.undo_delete(report.trash_id)) == (2, 2, 3, 6)
    assert lists(filled) == before


def test_acts_come_back_one_by_one_and_only_once(filled):
    before, names = lists(filled), adams(filled)
    first = filled.delete([names["instance"]])
    second = filled.delete([names["study"]])
    assert shown_report(second) == (1, 1, 2, 3)
    assert shown_report(filled.undo_delete(first.trash_id)) == (1, 1, 1, 1)
    assert [one.sop_instance_uid for one in filled.instances(series=names["series"])] == [names["instance"]]
    with pytest.raises(UnknownUIDError, match="already"):
        filled.undo_delete(first.trash_id)
    third = filled.delete([names["series"]])
    assert third.trash_id > second.trash_id  # numbers are not given twice: an undo that waits must not mean another act
    filled.restore([names["patient"]])
    filled.set_series_health({row.series_instance_uid: ("warned", "as found") for row in filled.series()})
    assert lists(filled) == before


def test_a_series_that_went_in_two_acts_and_comes_back_in_one_is_examined_anew(filled):
    names = adams(filled)
    filled.delete([names["instance"]])
    filled.set_series_health({names["series"]: ("refused", "a slice is missing")})
    filled.delete([names["series"]])
    assert filled.restore([names["series"]]).series_instance_uids == (names["series"],)
    assert filled.series(series=names["series"])[0].health == "unknown"


def test_entries_tell_what_of_each_act_is_still_in_the_trash(filled):
    assert filled.trash_entries() == []
    names = adams(filled)
    first = filled.delete([names["instance"]])
    second = filled.delete([names["study"], filled.studies(search="knee")[0].study_instance_uid])
    newest, oldest = filled.trash_entries()
    assert (newest.trash_id, oldest.trash_id) == (second.trash_id, first.trash_id)
    assert (newest.patients, newest.studies, newest.series, newest.instances) == (2, 2, 3, 5)
    assert (oldest.patients, oldest.studies, oldest.series, oldest.instances) == (1, 1, 1, 1)
    assert [(one.patient_name, one.modalities, one.instances) for one in newest.contents] == [
        ("adams^Ann", ("CT", "MR"), 3),
        ("Müller^Jürgen", ("CT",), 2),
    ]
    assert newest.contents[1].study_description == "Knee 100%"
    assert newest.bytes == sum(one.bytes for one in newest.contents) > 0
    filled.restore([names["study"]])
    (left,) = filled.trash_entries()
    assert (left.trash_id, left.patients, left.instances) == (second.trash_id, 1, 2)


@pytest.mark.parametrize("name", ["1.2.3", 99])
def test_what_is_not_in_the_trash_cannot_be_restored(filled, name):
    names = adams(filled)
    for one in (name, names["study"], names["patient"]):
        with pytest.raises(UnknownUIDError, match="in the trash"):
            filled.restore([one])


def test_a_uid_of_two_patients_is_deleted_by_its_patient_only(database, tmp_path):
    first = factories.make_series(tmp_path / "d" / "a", "a", slices=1)
    factories.make_series(
        tmp_path / "d" / "b", "b", slices=1, StudyInstanceUID=first.study_uid, PatientID="other", PatientName="Other"
    )
    import_(database, tmp_path / "d")
    with pytest.raises(DatabaseError, match="two patients"):
        database.delete([first.study_uid])
    other = database.patients(search="other")[0].patient
    database.delete([other])
    assert len(database.headers_of_study(first.study_uid)) == 1
    assert shown_report(database.delete([first.study_uid])) == (1, 1, 1, 1)
    assert shown_report(database.restore([first.study_uid])) == (2, 2, 2, 2)


# --- importing again


@pytest.mark.parametrize("copy", [False, True])
def test_what_is_imported_again_comes_back_as_added(filled, tmp_path, copy):
    before, names = lists(filled), adams(filled)
    filled.delete([names["study"]])
    report = import_(filled, tmp_path / "d", copy=copy)
    expected = (
        {"files_seen": 7, "added": 4, "unchanged": 3} if not copy else {"files_seen": 7, "added": 4, "updated": 3}
    )
    assert counts(report) == expected
    assert (report.patients, report.studies, report.series) == (1, 1, 2)
    assert names["series"] in report.series_instance_uids
    assert [row.health for row in filled.series(study=names["study"])] == ["unknown", "unknown"]
    assert filled.patients() == before[0]
    assert filled.counts() == before[4]
    assert filled._catalogue.rows("SELECT count(*) FROM trash") == [(0,)]
    assert counts(import_(filled, tmp_path / "d", copy=copy)) == {"files_seen": 7, "unchanged": 7}


@pytest.fixture
def one_copy(database, tmp_path):
    """A database with one copied instance in the trash: (database, its file outside, its UID)."""
    series = factories.make_series(tmp_path / "d", slices=1)
    import_(database, tmp_path / "d", copy=True)
    uid = str(series.datasets[0].SOPInstanceUID)
    database.delete([uid])
    return database, series.files[0], uid


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_copy_in_the_trash_is_used_again(one_copy, tmp_path, copy, elsewhere):
    database, file, uid = one_copy
    if elsewhere:
        file = Path(shutil.copy(file, tmp_path / "moved.dcm"))
        os.utime(file, ns=(1, 1))
    place = database._store.place_of(uid)
    before = place.stat().st_ino
    assert counts(import_(database, file, copy=copy)) == {"files_seen": 1, "added": 1}
    (found,) = database.instances()
    assert (found.copied, found.path, place.stat().st_ino) == (True, str(place), before)
    assert run_to_end(database.verify_job()).checked == 1
    assert counts(import_(database, file, copy=copy)) == {"files_seen": 1, "unchanged": 1}


@pytest.mark.parametrize("copy", [False, True])
def test_other_content_takes_the_place_of_the_trash_which_is_not_lost(one_copy, tmp_path, copy):
    database, file, uid = one_copy
    old = database._store.place_of(uid).read_bytes()
    other = edited(file, tmp_path / "other.dcm", StudyDescription="Corrected", SeriesDescription="Right one")
    assert counts(import_(database, other, copy=copy)) == {"files_seen": 1, "added": 1}
    (found,) = database.instances()
    assert Path(found.path).read_bytes() == other.read_bytes()
    assert found.copied is copy
    assert database.studies()[0].study_description == "Corrected"
    assert database.series(search="right")[0].series_description == "Right one"
    report = run_to_end(database.verify_job())
    assert (report.checked, report.missing, report.damaged, report.orphans) == (1, (), (), ())
    assert [Path(path).read_bytes() for path in report.quarantined] == [old]
    with pytest.raises(UnknownUIDError):
        database.restore([uid])


def test_a_copy_in_the_trash_whose_file_is_damaged_is_replaced(one_copy):
    database, file, uid = one_copy
    place = database._store.place_of(uid)
    place.write_bytes(place.read_bytes()[:-2] + b"\1\1")
    assert counts(import_(database, file, copy=True)) == {"files_seen": 1, "added": 1}
    assert place.read_bytes() == file.read_bytes()
    report = run_to_end(database.verify_job())
    assert (report.damaged, len(report.quarantined)) == ((), 1)


def test_the_stores_own_folder_brings_the_trash_back(one_copy):
    database, file, uid = one_copy
    assert counts(import_(database, database.folder / "dicom")) == {"files_seen": 1, "added": 1}
    assert database.instances()[0].copied
    assert counts(import_(database, file, copy=True)) == {"files_seen": 1, "unchanged": 1}
    assert database.resolve(uid) == "instance"


def test_another_program_that_restores_while_we_import_other_content_wins(one_copy, tmp_path, monkeypatch):
    database, file, uid = one_copy
    other = edited(file, tmp_path / "other.dcm", StudyDescription="Corrected")
    with DicomDatabase.open(database.folder) as second:
        commit = ImportWriter.commit

        def late(self, *arguments):
            if second._catalogue.rows("SELECT count(*) FROM trash") == [(1,)]:
                second.restore([uid])
            return commit(self, *arguments)

        monkeypatch.setattr(ImportWriter, "commit", late)
        assert counts(import_(database, other, copy=True)) == {"files_seen": 1, "duplicates": 1}
    assert Path(database.instances()[0].path).read_bytes() == file.read_bytes()
    report = run_to_end(database.verify_job())
    assert (report.damaged, len(report.quarantined)) == ((), 1)


def test_another_program_that_deletes_while_we_import_does_not_lose_the_file(database, tmp_path, monkeypatch):
    series = factories.make_series(tmp_path / "d", slices=1)
    import_(database, tmp_path / "d", copy=True)
    uid = str(series.datasets[0].SOPInstanceUID)
    os.utime(series.files[0], ns=(1, 1))  # so that the file has to be looked at
    with DicomDatabase.open(database.folder) as second:
        commit = ImportWriter.commit

        def late(self, *arguments):
            second.delete([uid])
            return commit(self, *arguments)

        monkeypatch.setattr(ImportWriter, "commit", late)
        assert counts(import_(database, tmp_path / "d", copy=True)) == {"files_seen": 1, "added": 1}
    assert database.counts() == DatabaseCounts(1, 1, 1, 1)


# --- audit and old databases


def test_the_audit_checks_the_trash_too(filled):
    names = adams(filled)
    path = Path(filled.header_of_instance(names["instance"]).path)
    filled.delete([names["series"]])
    path.unlink()
    report = run_to_end(filled.verify_job())
    assert (report.checked, report.missing, report.orphans) == (7, (str(path),), ())
    filled.restore([names["series"]])
    assert [one.state for one in filled.instances(series=names["series"])].count("missing") == 1


def test_an_unclean_end_leaves_the_trash_in_the_trash(one_copy):
    database, _, uid = one_copy
    with pytest.raises(RuntimeError), session_folder(database._store.incoming):
        raise RuntimeError  # as a process that died: the next start reconciles
    database.close()
    with DicomDatabase.open(database.folder) as again:
        assert again.counts() == DatabaseCounts(0, 0, 0, 0)
        assert run_to_end(again.verify_job()).orphans == ()
        again.restore([uid])
        assert again.counts() == DatabaseCounts(1, 1, 1, 1)


def test_a_database_of_version_1_is_migrated_after_a_backup(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    raw = sqlite3.connect(folder / FILE)
    m0001_first_floor.migrate(raw)
    raw.execute(
        "INSERT INTO patient (identity, patient_id, issuer_of_patient_id, patient_name, patient_birth_date, patient_sex,"
        " sort_name, search_text, studies, series, instances) VALUES ('i', 'P', '', 'Old^One', '', '', 'old', 'old', 1, 1, 1)"
    )
    raw.execute(
        "INSERT INTO study (patient, study_instance_uid, study_date, study_time, study_id, accession_number,"
        " study_description, search_text, series, instances) VALUES (1, '1.2.1', '20240101', '', '', '', '', '', 1, 1)"
    )
    raw.execute(
        "INSERT INTO series (study, series_instance_uid, modality, series_description, series_date, body_part_examined,"
        " search_text, attributes, instances, frames, bytes) VALUES (1, '1.2.2', 'CT', '', '', '', 'ct', '{}', 1, 1, 9)"
    )
    raw.execute(
        "INSERT INTO instance (series, sop_instance_uid, sop_class_uid, transfer_syntax_uid, frames, bytes, mtime_ns, copied,"
        " source_path, attributes, attributes_version, dataset_offset, pixel_data_offset, pixel_data_bytes)"
        " VALUES (1, '1.2.3', '1.2', '1.2', 1, 9, 0, 0, x'2f78', '{}', 1, 0, 0, 0)"
    )
    raw.execute("PRAGMA user_version = 1")
    raw.commit()
    raw.close()
    with DicomDatabase.open(folder) as database:
        assert database.patients()[0].patient_name == "Old^One"
        report = database.delete(["1.2.2"])
        assert shown_report(report) == (1, 1, 1, 1)
        assert database.patients() == []
        database.undo_delete(report.trash_id)
        assert database.counts() == DatabaseCounts(1, 1, 1, 1)
        assert database._catalogue.integrity() == "ok"
    (backup,) = (folder / "backups").iterdir()
    copy = sqlite3.connect(backup)
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert copy.execute("SELECT count(*) FROM instance").fetchone() == (1,)
    copy.close()
