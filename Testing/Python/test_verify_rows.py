"""Rows against files: what SQLite calls sound may still say what no file says; the audit sees it and repair mends it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from archive_kit import account_of, fill_archive, lists_of
from importing import counts, edited, import_

from DICOMModule.database import DicomDatabase
from DICOMModule.jobs import run_to_end

FILE = "dicommodule.sqlite"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    base = tmp_path_factory.mktemp("rows")
    fill_archive(base / "database", base / "data")
    return base / "database"


@pytest.fixture
def folder(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "database"))


@pytest.fixture
def before(folder):
    return account_of(folder)


def harm(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / FILE)) as raw:
        for statement in statements:
            raw.execute(statement)
        raw.commit()


def said(folder: Path, **options) -> str:
    with DicomDatabase.open(folder) as database:
        return run_to_end(database.verify_job(**options)).database


def without_numbers(account):
    """Return what lists say, without the numbers and healths that a row written anew changes."""
    kept = {name: value for name, value in account.items() if not name.startswith("rows of ")}
    changes = {"patients": {"patient": 0}, "studies": {"patient": 0}, "series": {"health": "", "health_text": ""}}
    return kept | {name: [replace(one, **change) for one in kept[name]] for name, change in changes.items()}


# what is done to a database, in groups that can be mended together
HARMS = {
    "columns of instances": [
        "UPDATE instance SET instance_number = 77",
        "UPDATE instance SET frames = 9",
        "UPDATE instance SET pixel_data_offset = pixel_data_offset + 2",
        "UPDATE instance SET dataset_offset = 0",
        "UPDATE instance SET bytes = bytes + 1 WHERE copied = 1",
        "UPDATE instance SET transfer_syntax_uid = '1.2.840.10008.1.2'",
        "UPDATE instance SET sop_class_uid = '1.2.3'",
        "UPDATE instance SET attributes = json_set(attributes, '$.KVP', '121')",
        "UPDATE series SET attributes = json_set(attributes, '$.Manufacturer', 'Factorz')",
    ],
    "attributes": ["UPDATE instance SET attributes = '{broken'"],
    "keys": [
        "UPDATE series SET series_instance_uid = series_instance_uid || '.1'",
        "UPDATE study SET study_instance_uid = study_instance_uid || '.1'",
        "UPDATE patient SET identity = identity || ' '",
    ],
    "links": ["UPDATE instance SET series = (SELECT max(id) FROM series) WHERE copied = 0"],
    "names": [
        "UPDATE series SET series_description = 'Madf series'",
        "UPDATE series SET modality = 'XX'",
        "UPDATE series SET search_text = ''",
        "UPDATE study SET study_date = '20250101'",
        "UPDATE study SET accession_number = 'A2'",
        "UPDATE patient SET patient_name = 'Someone^Else'",
        "UPDATE patient SET patient_sex = 'X'",
        "UPDATE patient SET sort_name = 'zzz'",
    ],
    "search": [
        "UPDATE search_document SET text = replace(text, 'knee', 'knef')",
        "DELETE FROM search_document",
        "INSERT INTO search_index (search_index) VALUES ('delete-all')",
    ],
}


@pytest.mark.parametrize("statement", [one for group in HARMS.values() for one in group])
def test_what_no_file_says_is_seen(folder, statement):
    harm(folder, statement)
    assert said(folder) != "ok"


@pytest.mark.parametrize("group", HARMS)
def test_what_no_file_says_is_mended(before, folder, group):
    harm(folder, *HARMS[group])
    assert said(folder, repair=True) == "ok"
    assert said(folder) == "ok"
    assert without_numbers(account_of(folder)) == without_numbers(before)


def test_a_sound_database_has_nothing_to_be_mended_and_is_not_written_to(before, folder):
    with DicomDatabase.open(folder) as database:
        report = run_to_end(database.verify_job(repair=True))
        assert (report.database, report.repaired) == ("ok", ())
        assert lists_of(database)["headers"] == before["headers"]


def test_a_series_whose_attributes_are_lost_is_left_to_the_rebuild(before, folder):
    """An instance without a file could not be told any more, were the others to give the series new ones."""
    harm(folder, "UPDATE series SET attributes = '{broken'")
    with DicomDatabase.open(folder) as database:
        report = run_to_end(database.verify_job(repair=True))
    assert "do not say what their files say" in report.database
    run_to_end(DicomDatabase.rebuild_job(folder))
    assert without_numbers(account_of(folder)) == without_numbers(before)


@pytest.mark.parametrize(
    "statements",
    [
        ["PRAGMA writable_schema = ON", "UPDATE sqlite_master SET sql = replace(sql, '''present''', '''presenu''')"],
        ["DROP INDEX instance_series"],
        ["DROP TRIGGER total_update"],
    ],
)
def test_a_damaged_schema_is_seen_and_not_written_to(before, folder, statements):
    harm(folder, *statements)
    assert any(word in said(folder) for word in ("schema is damaged", "CHECK constraint"))
    assert said(folder, repair=True) == said(folder)
    run_to_end(DicomDatabase.rebuild_job(folder))
    assert said(folder) == "ok"
    assert without_numbers(account_of(folder)) == without_numbers(before)


def test_a_damaged_hash_is_put_right_by_the_copys_source(folder):
    harm(folder, "UPDATE instance SET sha256 = zeroblob(32) WHERE copied = 1")
    with DicomDatabase.open(folder) as database:
        copies = [one.path for one in database.instances() if one.copied]
        assert set(copies) <= set(run_to_end(database.verify_job()).damaged)
        report = run_to_end(database.verify_job(repair=True))
        assert set(copies) <= set(report.repaired)
        assert report.damaged == ()
    assert said(folder) == "ok"


def test_what_an_older_table_of_attributes_was_used_for_is_not_compared(folder):
    harm(folder, "UPDATE instance SET attributes_version = 0, attributes = json_remove(attributes, '$.KVP')")
    assert said(folder) == "ok"


def test_a_file_that_changed_in_place_changes_what_lists_say(tmp_path, series_factory):
    series = series_factory("one", slices=2)
    with DicomDatabase.open(tmp_path / "database") as database:
        import_(database, series.folder)
        for file in series.files:
            edited(file, file, SeriesDescription="New", StudyDescription="New study", PatientSex="F")
        assert counts(import_(database, series.folder)) == {"files_seen": 2, "updated": 2}
        assert [one.series_description for one in database.series()] == ["New"]
        assert [one.study_description for one in database.studies(search="new study")] == ["New study"]
        assert [one.patient_sex for one in database.patients()] == ["F"]
        assert run_to_end(database.verify_job()).is_clean
        edited(series.files[0], series.files[0], SeriesDescription="Only one")
        import_(database, series.folder)
        assert [one.series_description for one in database.series()] == ["New"]  # as one of them says still
        assert run_to_end(database.verify_job()).is_clean


def test_deleting_the_instance_that_a_series_is_called_after_is_no_damage(tmp_path, series_factory):
    series = series_factory("one", slices=2, edit=lambda dataset, k: setattr(dataset, "SeriesDescription", f"Part {k}"))
    with DicomDatabase.open(tmp_path / "database") as database:
        import_(database, series.folder)
        called = database.series()[0].series_description
        first = series.datasets[int(called[-1])]
        database.delete([str(first.SOPInstanceUID)])
        assert run_to_end(database.verify_job()).is_clean


def test_real_headers_are_what_their_rows_say(tmp_path, real_data):
    with DicomDatabase.open(tmp_path / "database") as database:
        taken = import_(database, real_data)
        assert taken.added
        report = run_to_end(database.verify_job())
        assert (report.database, report.missing, report.damaged) == ("ok", (), ())


def test_numbers_that_json_knows_not_are_the_same_to_themselves(tmp_path, series_factory):
    series = series_factory(
        "nan", slices=1, edit=lambda dataset, _k: setattr(dataset, "RealWorldValueSlope", float("nan"))
    )
    with DicomDatabase.open(tmp_path / "database") as database:
        import_(database, series.folder)
        assert json.loads(json.dumps("ok")) == run_to_end(database.verify_job()).database
