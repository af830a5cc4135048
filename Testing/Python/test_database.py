"""The database: lists and their filters, headers without files, and opening what is old, new, damaged or locked."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sqlite3
import stat
import sys
import threading
import warnings
from dataclasses import fields
from pathlib import Path

import factories
import pytest

from DICOMModule.database import (
    DicomDatabase,
    InstanceSummary,
    PatientSummary,
    SeriesSummary,
    StudySummary,
    connection,
    migrations,
    models,
)
from DICOMModule.database.sessions import session_folder
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import (
    DatabaseBusyError,
    DatabaseCorruptError,
    DatabaseError,
    DatabaseNotFoundError,
    DatabaseReadOnlyError,
    DatabaseTooNewError,
    UnknownUIDError,
)
from DICOMModule.jobs import run_to_end

FILE = "dicommodule.sqlite"


@pytest.fixture
def database(tmp_path):
    with DicomDatabase.open(tmp_path / "database") as opened:
        yield opened


@pytest.fixture
def filled(database, tmp_path):
    """Three patients with a study each; the second's study has two series."""
    make = factories.make_series
    common = {"rows": 2, "columns": 2}
    make(
        tmp_path / "d" / "1", "one", slices=2, **common,
        PatientID="P1", PatientName="Müller^Jürgen", StudyDate="20240229", StudyTime="0815",
        StudyDescription="Knee 100%", AccessionNumber="ACC-1",
    )  # fmt: skip
    two = make(
        tmp_path / "d" / "2", "two", slices=1, modality="MR", **common,
        PatientID="P2", PatientName="adams^Ann", StudyDate="20230101", StudyTime="235959.5", SeriesNumber="10",
        StudyID="", SeriesDescription="T1 sag", BodyPartExamined="HEAD",
    )  # fmt: skip
    make(
        tmp_path / "d" / "3", "two-b", slices=3, **common,
        PatientID="P2", PatientName="adams^Ann", StudyDate="20230101", StudyTime="235959.5", SeriesNumber="9",
        StudyInstanceUID=two.study_uid, SeriesDescription="CT head",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom says what is wrong with these
        make(
            tmp_path / "d" / "4", "three", slices=1, **common,
            PatientID="P3", PatientName="Zoë^_x_", StudyDate="20241332", StudyTime="noon", SeriesNumber="1" + "0" * 22,
        )  # fmt: skip
    run_to_end(database.import_job([tmp_path / "d"]))
    return database


# --- lists


def test_patients_come_by_name_with_their_counts(filled):
    assert [(p.patient_name, p.studies, p.series, p.instances) for p in filled.patients()] == [
        ("adams^Ann", 1, 2, 4),
        ("Müller^Jürgen", 1, 1, 2),
        ("Zoë^_x_", 1, 1, 1),
    ]
    assert filled.patients()[1].patient_birth_date == "1970-01-01"


def test_studies_come_by_date_and_time_readable_or_as_written(filled):
    assert [(s.study_date, s.study_time, s.modalities_in_study, s.study_id) for s in filled.studies()] == [
        ("2023-01-01", "23:59:59.500000", ("CT", "MR"), None),
        ("2024-02-29", "08:15:00.000000", ("CT",), "S1"),
        ("20241332", "noon", ("CT",), "S1"),
    ]


def test_series_come_by_number_and_what_is_no_number_comes_last(filled):
    assert [(s.series_number, s.series_description, s.frames) for s in filled.series()] == [
        (1, "Made one", 2),
        (9, "CT head", 3),
        (10, "T1 sag", 1),
        (None, "Made three", 1),
    ]
    assert filled.series()[0].bytes == sum(one.bytes for one in filled.instances(search="knee"))
    assert filled.series()[2].body_part_examined == "HEAD"
    assert filled.series()[1].body_part_examined is None


def test_instances_come_by_number_with_absolute_paths(filled):
    found = filled.instances(series=filled.series()[1].series_instance_uid)
    assert [one.instance_number for one in found] == [1, 2, 3]
    for one in found:
        assert Path(one.path).is_absolute()
        assert one.bytes == Path(one.path).stat().st_size
        assert (one.copied, one.state, one.frames) == (False, "present", 1)


def test_the_fields_are_the_keys_of_the_contract():
    keys = {
        PatientSummary: "patient patient_id patient_name patient_birth_date patient_sex studies series instances",
        StudySummary: "patient patient_id patient_name study_instance_uid study_date study_time study_id accession_number"
        " study_description modalities_in_study series instances",
        SeriesSummary: "study_instance_uid series_instance_uid modality series_number series_description series_date"
        " body_part_examined instances frames bytes health health_text",
        InstanceSummary: "series_instance_uid sop_instance_uid sop_class_uid transfer_syntax_uid instance_number frames"
        " bytes copied path state",
    }
    for summary, names in keys.items():
        assert [one.name for one in fields(summary)] == names.split()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("muller", ["Müller^Jürgen"]),
        ("JÜRGEN mull", ["Müller^Jürgen"]),
        ("acc-1", ["Müller^Jürgen"]),
        ("100%", ["Müller^Jürgen"]),
        ("%", ["Müller^Jürgen"]),
        ("_x", ["Zoë^_x_"]),
        ("zoe", ["Zoë^_x_"]),
        ("p2 sag", ["adams^Ann"]),
        ("mr", ["adams^Ann"]),
        ("knee sag", []),
        ("'; DROP TABLE patient; --", []),
        ("", ["adams^Ann", "Müller^Jürgen", "Zoë^_x_"]),
    ],
)
def test_search_finds_all_words_whatever_their_case_and_accents(filled, text, names):
    assert [patient.patient_name for patient in filled.patients(search=text)] == names
    assert sorted({study.patient_name for study in filled.studies(search=text)}) == sorted(names)


def test_search_in_series_narrows_to_the_series(filled):
    assert [one.series_description for one in filled.series(search="adams sag")] == ["T1 sag"]
    assert len(filled.instances(search="ct head")) == 3


def test_filters_hold_together_and_pages_follow_the_order(filled):
    adams = filled.patients(search="adams")[0]
    study = filled.studies(patient=adams.patient)[0]
    assert len(filled.series(patient=adams.patient, study=study.study_instance_uid)) == 2
    assert filled.series(patient=adams.patient, study="1.2.3") == []
    assert filled.patients(study=study.study_instance_uid) == [adams]
    assert filled.patients(series=filled.series(search="sag")[0].series_instance_uid) == [adams]
    assert filled.studies(series=filled.series(search="sag")[0].series_instance_uid) == [study]
    everything = filled.instances()
    assert filled.instances(limit=2) + filled.instances(limit=100, offset=2) == everything
    assert filled.instances(offset=5) == everything[5:]
    assert filled.instances(patient=adams.patient, study=study.study_instance_uid, search="sag")[0].frames == 1


# --- headers


def test_headers_from_the_database_equal_those_from_the_files_without_opening_one(filled, monkeypatch):
    series = [one.series_instance_uid for one in filled.series()]
    files = {one.series_instance_uid: [] for one in filled.series()}
    for one in filled.instances():
        files[one.series_instance_uid].append(read_header(Path(one.path)))
    monkeypatch.setattr(os, "open", None)
    for uid in series:
        assert list(filled.headers_of_series(uid)) == files[uid]
    study = filled.studies(search="adams")[0].study_instance_uid
    assert filled.headers_of_study(study) == tuple(files[series[1]] + files[series[2]])
    assert filled.header_of_instance(files[series[0]][0].sop_instance_uid) == files[series[0]][0]


def test_attributes_that_only_some_instances_have_stay_theirs(database, tmp_path):
    def edit(dataset, k):
        if k == 1:
            del dataset.SliceThickness
            dataset.ImageComments = "only here"

    series = factories.make_series(tmp_path / "d", slices=3, edit=edit)
    run_to_end(database.import_job([series.folder]))
    found = database.headers_of_series(series.uid)
    assert sorted(header.text("SliceThickness") for header in found) == ["", "2.5", "2.5"]
    assert sorted(header.text("ImageComments") for header in found) == ["", "", "only here"]


def test_resolve_tells_the_level(filled):
    one = filled.instances()[0]
    assert filled.resolve(one.sop_instance_uid) == "instance"
    assert filled.resolve(one.series_instance_uid) == "series"
    assert filled.resolve(filled.studies()[0].study_instance_uid) == "study"
    with pytest.raises(UnknownUIDError, match=r"1\.2\.3"):
        filled.resolve("1.2.3")


@pytest.mark.parametrize("method", ["headers_of_series", "headers_of_study", "header_of_instance"])
def test_an_unknown_uid_is_an_error(filled, method):
    with pytest.raises(UnknownUIDError, match=r"1\.2\.3"):
        getattr(filled, method)("1.2.3")


def test_health_is_kept_until_the_series_changes(filled, tmp_path):
    uid = filled.series()[0].series_instance_uid
    filled.set_series_health({uid: ("warned", "2 of 120 slices missing")})
    assert (filled.series()[0].health, filled.series()[0].health_text) == ("warned", "2 of 120 slices missing")
    assert filled.series()[1].health == "unknown"
    more = factories.base_dataset("more", SeriesInstanceUID=uid, StudyInstanceUID=filled.series()[0].study_instance_uid)
    more.PatientID, more.PatientName, more.SOPInstanceUID = "P1", "Müller^Jürgen", "1.2.3.4"
    factories.set_pixels(more, factories.np.zeros((2, 2), "int16"))
    run_to_end(filled.import_job([factories.write(more, tmp_path / "more.dcm")]))
    assert (filled.series()[0].instances, filled.series()[0].health) == (3, "unknown")


def test_health_of_what_does_not_exist_is_refused_whole(filled):
    uid = filled.series()[0].series_instance_uid
    with pytest.raises(UnknownUIDError):
        filled.set_series_health({uid: ("ok", ""), "1.2.3": ("ok", "")})
    assert filled.series()[0].health == "unknown"
    with pytest.raises(ValueError, match="splendid"):
        filled.set_series_health({uid: ("splendid", "")})


# --- opening


def test_what_only_reads_makes_no_database(tmp_path):
    with pytest.raises(DatabaseNotFoundError, match="no database"):
        DicomDatabase.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_a_new_database_is_its_owners_alone_and_durable(database):
    assert stat.S_IMODE(database.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((database.folder / FILE).stat().st_mode) == 0o600
    found = {
        name: database._catalogue.rows(f"PRAGMA {name}")[0][0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatabaseError, match="not a folder"):
        DicomDatabase.open(tmp_path / "file")


def test_a_newer_schema_is_refused_and_not_touched(tmp_path):
    DicomDatabase.open(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    before = hashlib.sha256((tmp_path / FILE).read_bytes()).digest()
    for create in (True, False):
        with pytest.raises(DatabaseTooNewError, match="schema version 99"):
            DicomDatabase.open(tmp_path, create=create)
    assert hashlib.sha256((tmp_path / FILE).read_bytes()).digest() == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_database_of_another_program_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()
    with pytest.raises(DatabaseError, match="another program"):
        DicomDatabase.open(tmp_path)


def test_a_damaged_database_is_said_and_left_alone(filled, tmp_path):
    filled.close()
    path = filled.folder / FILE
    path.write_bytes(b"garbage " * 1000)
    with pytest.raises(DatabaseCorruptError, match="damaged"):
        DicomDatabase.open(filled.folder)
    assert path.read_bytes() == b"garbage " * 1000


def test_damage_inside_is_found_by_the_audit(filled):
    filled.close()
    path = filled.folder / FILE
    content = bytearray(path.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    path.write_bytes(content)
    try:
        with DicomDatabase.open(filled.folder) as database:
            assert database._catalogue.integrity() != "ok"
    except DatabaseCorruptError:
        pass


def test_an_older_schema_is_backed_up_and_migrated(filled, monkeypatch):
    before = filled.patients()
    filled.close()

    def step(connection):
        connection.execute("ALTER TABLE patient ADD COLUMN nickname TEXT NOT NULL DEFAULT 'none'")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    for _ in range(2):
        with DicomDatabase.open(filled.folder) as database:
            assert database.patients() == before
            assert database._catalogue.rows("SELECT DISTINCT nickname FROM patient") == [("none",)]
            assert database._catalogue.rows("PRAGMA user_version") == [(2,)]
    (backup,) = (filled.folder / "backups").iterdir()
    with sqlite3.connect(backup) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)
        assert raw.execute("SELECT count(*) FROM patient").fetchone() == (3,)
    raw.close()


def test_a_migration_that_fails_changes_nothing(filled, monkeypatch):
    filled.close()

    def step(connection):
        connection.execute("DELETE FROM patient")
        raise sqlite3.OperationalError("no")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    with pytest.raises(DatabaseError):
        DicomDatabase.open(filled.folder)
    monkeypatch.undo()
    with DicomDatabase.open(filled.folder) as database:
        assert len(database.patients()) == 3


def test_the_models_describe_the_tables_that_the_migrations_make(database):
    for model in models.MODELS:
        made = {row[1] for row in database._catalogue.rows(f"PRAGMA table_info({model._meta.table_name})")}
        assert {field.column_name for field in model._meta.sorted_fields} == made


def test_a_lock_that_another_program_holds_is_waited_for_then_said(filled, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_WAIT_S", 0.2)
    uid = filled.series()[0].series_instance_uid
    raw = sqlite3.connect(filled.folder / FILE, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    with DicomDatabase.open(filled.folder) as other:
        with pytest.raises(DatabaseBusyError, match="locked"):
            other.set_series_health({uid: ("ok", "")})
        assert len(other.patients()) == 3  # reading waits for nobody
        raw.execute("ROLLBACK")
        other.set_series_health({uid: ("ok", "")})
    raw.close()
    assert filled.series()[0].health == "ok"


def test_threads_use_it_side_by_side(filled):
    found = []
    threads = [threading.Thread(target=lambda: found.append(len(filled.instances()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [7, 7, 7, 7]


# --- a folder that cannot be written to


@pytest.fixture
def read_only(filled, tmp_path):
    """The filled database on a file system that is mounted for reading only."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root on Linux")
    filled.close()
    libc = ctypes.CDLL(None, use_errno=True)
    folder = tmp_path / "mounted"
    folder.mkdir()
    if libc.mount(os.fsencode(filled.folder), os.fsencode(folder), b"none", 4096, None):
        pytest.skip("mounting is not allowed here")
    libc.mount(b"none", os.fsencode(folder), b"none", 4096 | 32 | 1, None)
    yield folder
    libc.umount2(os.fsencode(folder), 2)


def test_a_read_only_folder_is_read_and_says_so_on_writing(read_only, tmp_path):
    for create in (True, False):
        with DicomDatabase.open(read_only, create=create) as database:
            assert database.read_only
            assert len(database.patients()) == 3
            assert len(database.headers_of_series(database.series()[0].series_instance_uid)) == 2
            report = run_to_end(database.verify_job())
            assert (report.checked, report.missing, report.damaged) == (7, (), ())
            for write in (
                lambda database=database: run_to_end(database.import_job([tmp_path / "d"])),
                lambda database=database: run_to_end(database.import_job([tmp_path / "d"], copy=True)),
                lambda database=database: database.set_series_health({}),
                lambda database=database: database.staging_folder().__enter__(),
            ):
                with pytest.raises(DatabaseReadOnlyError, match="cannot be written to"):
                    write()


def test_a_new_database_in_a_read_only_folder_is_refused(read_only):
    with pytest.raises(DatabaseReadOnlyError, match="cannot be written to"):
        DicomDatabase.open(read_only / "new")
    assert not (read_only / "new").exists()


# --- what a dead process left


def test_a_living_session_is_not_touched_and_a_dead_one_is_swept(database, tmp_path):
    with session_folder(database.folder / "incoming") as alive:
        (alive / "x.part").write_bytes(b"x")
        dead = database.folder / "incoming" / "0123"
        dead.mkdir()
        (dead / "y.part").write_bytes(b"y")
        dead.with_suffix(".lock").touch()
        DicomDatabase.open(database.folder).close()
        assert (alive / "x.part").exists()
        assert not dead.exists()
        assert not dead.with_suffix(".lock").exists()
    assert list((database.folder / "incoming").iterdir()) == []


def test_after_an_unclean_end_files_and_rows_agree_again(database, tmp_path):
    series = factories.make_series(tmp_path / "d", slices=3, rows=2, columns=2)
    run_to_end(database.import_job([series.folder], copy=True))
    lost, kept = (Path(one.path) for one in database.instances()[:2])
    with database._catalogue.transaction() as raw:
        raw.execute("DELETE FROM instance WHERE id = (SELECT max(id) FROM instance)")
    lost.unlink()
    torn = kept.with_name("0" * 64 + ".dcm")
    torn.write_bytes(kept.read_bytes()[:300])
    (database.folder / "incoming" / "0123.lock").touch()
    database.close()
    with DicomDatabase.open(database.folder) as again:
        assert sorted(one.state for one in again.instances()) == ["missing", "present", "present"]
        assert again.series()[0].instances == 3
        report = run_to_end(again.verify_job())
        assert report.missing == (str(lost),)
        assert report.orphans == (str(torn),)  # not ours to remove
        assert run_to_end(again.import_job([series.folder], copy=True)).updated == 1
