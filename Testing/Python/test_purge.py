"""Purging: what is purged leaves no byte in any file of the database folder, and nothing else is touched."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import factories
import purge_kit
import pytest
from importing import edited, hashes, import_
from purge_kit import STRINGS, back_up, left_in

from DICOMModule.database import DatabaseCounts, DicomDatabase
from DICOMModule.errors import DatabaseError, DatabaseReadOnlyError, UnknownUIDError
from DICOMModule.jobs import run_to_end

READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM patient").fetchall()
print("reading", flush=True)
sys.stdin.readline()
print(connection.execute("SELECT count(*) FROM patient").fetchone()[0], flush=True)
"""


@pytest.fixture
def filled(database, tmp_path):
    return purge_kit.fill(database, tmp_path)


def test_no_byte_of_a_purged_patient_is_left(filled, tmp_path):
    database = filled.database
    before = hashes(tmp_path / "in")
    wanted = (*STRINGS, *filled.uids)
    held = {line.split(": ", 1)[1] for line in left_in(database.folder, wanted)}
    for string in (*STRINGS, *filled.uids):  # the test would be worth nothing if they were not there
        assert any(str(needle) in held for needle in purge_kit.needles([string])), string
    command = [sys.executable, "-c", READER, str(database.folder / "dicommodule.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "reading\n"
        report = run_to_end(database.purge_job(filled.numbers))
        assert left_in(database.folder, wanted) == []
        out, _ = reader.communicate("\n")
        assert out == "1\n"
    assert left_in(database.folder, wanted) == []
    assert report.unfinished is None
    assert (report.patients, report.studies, report.series, report.instances) == (3, 3, 3, 7)
    assert (report.quarantined, report.thumbnails, report.backups_rewritten, report.backups_dropped) == (1, 2, 3, ())
    assert report.files_removed == 5 + 1 + 2  # copies, the quarantined one, thumbnails
    assert hashes(tmp_path / "in") == before
    assert database.counts() == DatabaseCounts(1, 1, 1, 3)
    assert database.trash_entries() == []
    assert database._catalogue.integrity() == "ok"
    assert database._catalogue.rows("SELECT count(*) FROM trash") == [(0,)]
    audit = run_to_end(database.verify_job())
    assert (audit.checked, audit.missing, audit.damaged, audit.orphans, audit.quarantined) == (3, (), (), (), ())


def test_what_stays_is_as_it_was_in_the_backups_too(filled, tmp_path):
    database = filled.database
    headers = database.headers_of_series(filled.staying.uid)
    run_to_end(database.purge_job(filled.numbers))
    assert database.headers_of_series(filled.staying.uid) == headers
    assert len(list((database.folder / "thumbnails").rglob("*.pgm"))) == 1
    for number, backup in enumerate(sorted((database.folder / "backups").iterdir())):
        folder = tmp_path / f"restored{number}"
        folder.mkdir()
        (folder / "dicommodule.sqlite").write_bytes(backup.read_bytes())
        with DicomDatabase.open(folder) as restored:
            assert restored.counts() == DatabaseCounts(1, 1, 1, 3)
            assert restored.headers_of_series(filled.staying.uid) == headers
            assert restored._catalogue.integrity() == "ok"
    assert number == 2


@pytest.fixture
def study(database, tmp_path):
    """One patient with two copied studies, the first of two series: {name: series}."""
    common = {"rows": 2, "columns": 2, "PatientName": "Zweifach^Zilla", "PatientID": "TWICE"}
    first = factories.make_series(tmp_path / "in" / "1", "first", slices=2, StudyDescription="Erststudie", **common)
    second = factories.make_series(
        tmp_path / "in" / "2", "second", slices=3, StudyInstanceUID=first.study_uid, SeriesDescription="Zweitserie",
        **common, edit=lambda dataset, k: setattr(dataset, "ContentTime", f"11223{k}"),
    )  # fmt: skip
    other = factories.make_series(tmp_path / "in" / "3", "third", slices=1, **common)
    import_(database, tmp_path / "in", copy=True)
    back_up(database)
    return {"first": first, "second": second, "third": other}


def shown_report(report):
    return report.patients, report.studies, report.series, report.instances, report.files_removed


@pytest.mark.parametrize("deleted", [False, True])
def test_a_study_goes_and_the_patient_stays(database, study, deleted):
    if deleted:
        database.delete([study["first"].study_uid])
    report = run_to_end(database.purge_job([study["first"].study_uid]))
    assert shown_report(report) == (0, 1, 2, 5, 5)
    assert report.series_instance_uids == ()
    assert left_in(database.folder, ["Erststudie", "Zweitserie", study["first"].uid, study["first"].study_uid]) == []
    assert database.counts() == DatabaseCounts(1, 1, 1, 1)
    assert database.patients()[0].patient_name == "Zweifach^Zilla"


def test_a_series_goes_and_its_study_stays(database, study):
    report = run_to_end(database.purge_job([study["second"].uid]))
    assert shown_report(report) == (0, 0, 1, 3, 3)
    assert left_in(database.folder, ["Zweitserie", study["second"].uid]) == []
    assert database.counts() == DatabaseCounts(1, 2, 2, 3)
    assert database.studies(study=study["first"].study_uid)[0].series == 1


def test_an_instance_goes_and_what_only_it_said_goes_with_it(database, study):
    made = study["second"]
    by_file = sorted(zip(made.files, made.datasets, strict=True), key=lambda pair: pair[0])
    first, *rest = (dataset for _, dataset in by_file)  # the row of the series rests on the first that was imported
    before = {header.sop_instance_uid: header for header in database.headers_of_series(study["second"].uid)}
    assert before[first.SOPInstanceUID].attributes["ContentTime"] == first.ContentTime
    database.set_series_health({study["second"].uid: ("ok", "")})
    report = run_to_end(database.purge_job([str(first.SOPInstanceUID)]))
    assert shown_report(report) == (0, 0, 0, 1, 1)
    assert report.series_instance_uids == (study["second"].uid,)
    assert database.series(series=study["second"].uid)[0].health == "unknown"
    assert left_in(database.folder, [str(first.SOPInstanceUID), str(first.ContentTime)]) == []
    after = {header.sop_instance_uid: header for header in database.headers_of_series(study["second"].uid)}
    assert after == {str(dataset.SOPInstanceUID): before[dataset.SOPInstanceUID] for dataset in rest}


def test_a_part_that_is_purged_leaves_what_is_in_the_trash_and_what_is_shown(database, study):
    uids = [str(dataset.SOPInstanceUID) for dataset in study["second"].datasets]
    act = database.delete([uids[0]])
    report = run_to_end(database.purge_job([uids[1]]))
    assert shown_report(report) == (0, 0, 0, 1, 1)
    assert [one.sop_instance_uid for one in database.instances(series=study["second"].uid)] == [uids[2]]
    assert database.undo_delete(act.trash_id).instances == 1
    assert {one.sop_instance_uid for one in database.instances(series=study["second"].uid)} == {uids[0], uids[2]}


# --- what is beside the instances


def test_residue_that_a_program_without_secure_deletion_left_goes_too(database, study):
    raw = sqlite3.connect(database.folder / "dicommodule.sqlite")
    raw.execute("PRAGMA secure_delete = OFF")
    event = raw.execute("SELECT id FROM import_event").fetchone()[0]
    rows = [(event, f"/Zweifach/{number}".encode()) for number in range(300)]
    raw.executemany(
        "INSERT INTO import_problem (event, kind, path, sop_instance_uid, reason) VALUES (?, '', ?, '', '')", rows
    )
    raw.execute("DELETE FROM import_problem")
    raw.commit()
    raw.close()
    run_to_end(database.purge_job([database.patients()[0].patient]))
    assert left_in(database.folder, ["Zweifach"]) == []


@pytest.fixture
def conflict(database, tmp_path):
    """Two patients with a copy each, and content of the second that was set aside under the first's UID."""
    common = {"slices": 1, "rows": 2, "columns": 2}
    first = factories.make_series(
        tmp_path / "conflict" / "1", "one", PatientName="Erste^E", PatientID="1-ONE", **common
    )
    second = factories.make_series(
        tmp_path / "conflict" / "2", "two", PatientName="Zweite^Z", PatientID="2-TWO", **common
    )
    uid = str(first.datasets[0].SOPInstanceUID)
    edited(second.files[0], tmp_path / "conflict" / "3.dcm", SOPInstanceUID=uid)
    import_(database, tmp_path / "conflict", copy=True)
    assert len(database.quarantine()) == 1
    return first, second


def test_what_was_set_aside_goes_with_the_patient_whose_it_is(database, conflict):
    first, second = conflict
    report = run_to_end(database.purge_job([second.study_uid]))
    assert (report.patients, report.files_removed, report.quarantined) == (1, 2, 1)
    assert left_in(database.folder, ["Zweite", "2-TWO"]) == []
    assert len(database.headers_of_series(first.uid)) == 1
    assert run_to_end(database.verify_job()).missing == ()


def test_what_was_set_aside_goes_with_the_uid_under_which_it_was(database, conflict):
    first, second = conflict
    report = run_to_end(database.purge_job([first.study_uid]))
    assert (report.patients, report.files_removed, report.quarantined) == (1, 2, 1)
    assert left_in(database.folder, ["Erste", "1-ONE", str(first.datasets[0].SOPInstanceUID)]) == []
    assert len(database.headers_of_series(second.uid)) == 1


def test_what_was_set_aside_of_others_stays(database, conflict, study):
    run_to_end(database.purge_job([study["third"].uid]))
    assert len(database.quarantine()) == 1
    assert len(list((database.folder / "quarantine").iterdir())) == 1


def test_files_of_it_that_no_row_names_go_too(database, study, tmp_path):
    dicom, quarantine = database.folder / "dicom", database.folder / "quarantine"
    quarantine.mkdir()
    same = {"rows": 2, "columns": 2, "PatientName": "Zweifach^Zilla", "PatientID": "TWICE"}
    whole, cut = factories.make_series(tmp_path / "strays", "stray", slices=2, **same).files
    other = factories.make_series(tmp_path / "other", "other", slices=1, rows=2, columns=2).files[0]
    damaged = study["third"].files[0].read_bytes()[:-9]
    (dicom / "00").mkdir(exist_ok=True)
    (dicom / "00" / "stray.dcm").write_bytes(whole.read_bytes())
    (dicom / "00" / "stays.dcm").write_bytes(other.read_bytes())
    (quarantine / "unknown.dcm").write_bytes(cut.read_bytes())
    (quarantine / "damaged.dcm").write_bytes(damaged)
    run_to_end(database.purge_job([database.patients()[0].patient]))
    assert [path.name for path in database.folder.rglob("*.dcm")] == ["stays.dcm"]
    assert left_in(database.folder, ["Zweifach", study["third"].uid]) == []


def test_a_file_in_our_own_folder_that_was_registered_where_it_lay_goes_if_nothing_else_lies_there(database, tmp_path):
    series = factories.make_series(tmp_path / "in", "in", slices=3, rows=2, columns=2)
    own = database.folder / "dicom" / "x"
    own.mkdir(parents=True)
    for file in series.files[:2]:
        shutil.copy(file, own)
    import_(database, own)
    shutil.copy(series.files[2], own / series.files[0].name)  # another instance lies there now
    import_(database, own)
    first, second, third = (str(dataset.SOPInstanceUID) for dataset in series.datasets)
    assert [one.state for one in database.instances() if one.sop_instance_uid == first] == ["missing"]
    assert shown_report(run_to_end(database.purge_job([first]))) == (0, 0, 0, 1, 0)
    assert shown_report(run_to_end(database.purge_job([second]))) == (0, 0, 0, 1, 1)
    assert [path.name for path in own.iterdir()] == [series.files[0].name]
    assert len(database.headers_of_series(series.uid)) == 1
    assert shown_report(run_to_end(database.purge_job([third]))) == (1, 1, 1, 1, 1)


def test_reports_of_files_that_lay_beside_it_go_and_those_beside_others_stay(database, tmp_path):
    going = factories.make_series(tmp_path / "in" / "a", "going", slices=2, PatientName="Zilla^Z", PatientID="TWICE")
    staying = factories.make_series(tmp_path / "in" / "b", "staying", slices=2)
    for series in (going, staying):
        (series.folder / "broken.dcm").write_bytes(going.files[0].read_bytes()[:-9])
    import_(database, going.folder)
    import_(database, tmp_path / "in")
    import_(database, tmp_path / "in" / "b", going.files[0])
    assert [len(database.history.problems(event)) for event in (1, 2, 3)] == [1, 2, 1]
    report = run_to_end(database.purge_job([going.study_uid]))
    assert report.report_rows == 2
    assert [len(database.history.problems(event)) for event in (1, 2, 3)] == [0, 1, 1]
    roots = [event.roots for event in reversed(database.history.events())]
    assert roots == [(), (str(tmp_path / "in"),), (str(tmp_path / "in" / "b"),)]


def test_what_the_user_wrote_and_what_stays_under_its_name_is_told(database, tmp_path):
    going = factories.make_series(tmp_path / "in" / "a", "going", slices=1, PatientName="Zilla^Z", PatientID="TWICE")
    factories.make_series(tmp_path / "in" / "zilla", "staying", slices=3)
    import_(database, tmp_path / "in")
    database.annotations.save_search("mine", "name:zilla mod:CT")
    database.annotations.save_search("other", "mod:CT")
    report = run_to_end(database.purge_job([going.study_uid]))
    assert len(report.notes) == 2
    assert "1 saved searches" in report.notes[0]
    assert "3 files that stay" in report.notes[1]
    assert len(database.annotations.saved_searches()) == 2


# --- the trash


def test_acts_are_purged_one_by_one_or_all_and_what_is_shown_stays(database, study):
    first = database.delete([study["first"].uid])
    second = database.delete([study["second"].uid])
    report = run_to_end(database.purge_trash_job([first.trash_id]))
    assert shown_report(report) == (0, 0, 1, 2, 2)
    assert [entry.trash_id for entry in database.trash_entries()] == [second.trash_id]
    with pytest.raises(UnknownUIDError, match="purged"):
        run_to_end(database.purge_trash_job([first.trash_id]))
    with pytest.raises(UnknownUIDError, match="purged"):
        database.undo_delete(first.trash_id)
    report = run_to_end(database.purge_trash_job())
    assert shown_report(report) == (0, 1, 1, 3, 3)
    assert shown_report(run_to_end(database.purge_trash_job())) == (0, 0, 0, 0, 0)
    assert database.counts() == DatabaseCounts(1, 1, 1, 1)
    assert left_in(database.folder, [study["first"].study_uid]) == []


@pytest.mark.parametrize(("days", "purged"), [(None, 2), (0, 2), (29, 1), (31, 0), (10**9, 0)])
def test_only_what_lies_there_long_enough_is_purged(database, study, days, purged):
    old = database.delete([study["first"].uid])
    database.delete([study["third"].uid])
    month_ago = (datetime.now(UTC) - timedelta(days=30)).isoformat(timespec="seconds")
    with database._catalogue.transaction() as connection:
        connection.execute("UPDATE trash SET deleted_at = ? WHERE id = ?", (month_ago, old.trash_id))
    assert len(database.trash_entries(days)) == purged
    assert run_to_end(database.purge_trash_job(None, days)).series == purged
    assert len(database.trash_entries()) == 2 - purged


# --- what is refused


@pytest.mark.parametrize("name", ["1.2.3", 99])
def test_a_name_that_is_nothing_purges_nothing(database, study, name):
    with pytest.raises(UnknownUIDError, match="trash"):
        run_to_end(database.purge_job([study["first"].uid, name]))
    assert database.counts() == DatabaseCounts(1, 2, 3, 6)
    assert database._catalogue.rows("SELECT count(*) FROM trash") == [(0,)]


def test_a_uid_of_two_patients_is_purged_by_its_patient_only(database, tmp_path):
    first = factories.make_series(tmp_path / "d" / "a", "a", slices=1)
    factories.make_series(tmp_path / "d" / "b", "b", slices=1, StudyInstanceUID=first.study_uid, PatientID="other")
    import_(database, tmp_path / "d")
    database.delete([first.uid])  # the other's is shown, this one's is not: it cannot be told either
    with pytest.raises(DatabaseError, match="two patients"):
        run_to_end(database.purge_job([first.study_uid]))
    report = run_to_end(database.purge_job([first.uid]))
    assert shown_report(report) == (1, 1, 1, 1, 0)
    assert len(database.headers_of_study(first.study_uid)) == 1


def test_a_database_that_can_only_be_read_is_not_purged(database, study):
    database._catalogue.read_only = True
    with pytest.raises(DatabaseReadOnlyError):
        run_to_end(database.purge_job([study["first"].uid]))
    assert not (database.folder / "purge.lock").exists()
