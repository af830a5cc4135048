"""The rebuilt index is the old one where that can be read, and all that the files tell where it cannot."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from archive_kit import account_of, fill_archive, lists_of, rows_of
from importing import hashes

from DICOMModule.database import DicomDatabase, migrations, rebuild_rows
from DICOMModule.errors import (
    DatabaseBusyError,
    DatabaseCorruptError,
    DatabaseError,
    DatabaseNotFoundError,
    DatabaseReadOnlyError,
    DatabaseTooNewError,
)
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic

FILE = "dicommodule.sqlite"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """An archive, made once: its folder, its data, and what it says."""
    base = tmp_path_factory.mktemp("archive")
    fill_archive(base / "database", base / "data")
    return base / "database", account_of(base / "database")


@pytest.fixture
def folder(made, tmp_path):
    """A copy of its folder; the referenced files are where they were."""
    shutil.copytree(made[0], tmp_path / "database")
    return tmp_path / "database"


def rebuild(folder: Path):
    return run_to_end(DicomDatabase.rebuild_job(folder))


def of_copies(account):
    return {one.sop_instance_uid for one in account["instances"] if one.copied}


def test_the_rebuilt_index_is_the_old_one(folder):
    before = account_of(folder)
    files = {path: digest for path, digest in hashes(folder).items() if path.name != FILE}
    for _ in range(2):
        report = rebuild(folder)
        assert account_of(folder) == before
        assert report.instances == report.from_files == len(before["rows of instance"])
        assert report.problems == ()
    after = hashes(folder)
    assert {path: after[path] for path in files} == files
    assert sorted(path.suffix for path in (folder / "backups").iterdir()) == [".sqlite", ".sqlite"]
    assert list((folder / "incoming").iterdir()) == []
    with sqlite3.connect(report.kept) as kept:
        assert kept.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert kept.execute("SELECT count(*) FROM instance").fetchone() == (len(before["rows of instance"]),)
    kept.close()


def test_every_table_is_made_anew_or_carried_over(folder):
    with DicomDatabase.open(folder) as database:
        tables = {name.removeprefix("rows of ") for name in rows_of(database)}
    assert tables == set(rebuild_rows.CARRIED) | set(rebuild_rows.REBUILT)


def test_what_was_not_committed_to_the_file_itself_yet_is_taken_from_its_log(folder, tmp_path):
    """The database is copied while it is open, with its log, as a killed process leaves it."""
    with DicomDatabase.open(folder) as database:
        database._catalogue.connection.execute("PRAGMA wal_autocheckpoint = 0")
        database.annotations.save_search("late", "mod:MR")
        shutil.copytree(folder, tmp_path / "killed")
        before = {**lists_of(database), **rows_of(database)}
    assert (tmp_path / "killed" / f"{FILE}-wal").stat().st_size
    report = rebuild(tmp_path / "killed")
    assert account_of(tmp_path / "killed")["searches"] == before["searches"]
    with sqlite3.connect(report.kept) as kept:
        assert kept.execute("SELECT count(*) FROM saved_search").fetchone() == (2,)
    kept.close()
    assert not Path(report.kept + "-wal").exists()


# --- what cannot be read


def ruin(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "garbage":
        path.write_bytes(b"garbage " * 1000)
    elif how == "zeros":
        path.write_bytes(bytes(len(content)))
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "gone":
        path.unlink()
    elif how == "header":
        path.write_bytes(bytes(100) + content[100:])
    elif how == "half":
        path.write_bytes(content[: len(content) // 2])
    elif how == "first page":
        path.write_bytes(b"\xa5" * 4096 + content[4096:])
    elif how == "root pages":
        path.write_bytes(content[:4096] + b"\xa5" * 40960 + content[45056:])


@pytest.mark.parametrize("how", ["garbage", "zeros", "empty", "gone", "half", "first page", "root pages"])
def test_all_copies_are_there_again_whatever_became_of_the_database(folder, how):
    before = account_of(folder)
    ruin(folder / FILE, how)
    ruined = (folder / FILE).read_bytes() if how != "gone" else None
    report = rebuild(folder)
    after = account_of(folder)
    assert of_copies(before) <= of_copies(after)
    assert {one.state for one in after["instances"] if one.copied} == {"present"}
    assert len(before["rows of instance"]) >= report.instances >= report.from_files >= len(of_copies(before))
    for uid in of_copies(before):
        assert after["headers"][uid] == before["headers"][uid]
    if ruined:
        assert Path(report.kept).read_bytes()[100:] == ruined[100:]
    with DicomDatabase.open(folder) as database:
        found = run_to_end(database.verify_job())
        assert (found.missing, found.damaged, found.database) == ((), (), "ok")


def test_a_database_that_lost_its_header_alone_loses_nothing(folder):
    before = account_of(folder)
    ruin(folder / FILE, "header")
    with pytest.raises(DatabaseCorruptError, match="verify --rebuild"):
        DicomDatabase.open(folder)
    rebuild(folder)
    assert account_of(folder) == before


@pytest.mark.parametrize("how", ["garbage", "gone", "half"])
def test_a_backup_tells_what_no_file_does(folder, how):
    before = account_of(folder)
    (folder / "backups").mkdir()
    shutil.copy(folder / FILE, folder / "backups" / "20260101T000000000000-version4.sqlite")
    ruin(folder / FILE, how)
    rebuild(folder)
    assert account_of(folder) == before


def test_a_page_that_is_broken_takes_only_what_stood_on_it(folder):
    before = account_of(folder)
    with sqlite3.connect(folder / FILE) as raw:
        (root,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'import_problem'").fetchone()
    raw.close()
    content = bytearray((folder / FILE).read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\xa5" * 4096
    (folder / FILE).write_bytes(content)
    rebuild(folder)
    after = account_of(folder)
    assert after.pop("rows of import_problem") == set()
    del before["rows of import_problem"]
    assert after == before


def test_a_damaged_text_in_the_database_is_read_from_the_file_again(folder):
    before = account_of(folder)
    with sqlite3.connect(folder / FILE) as raw:
        raw.execute("UPDATE series SET attributes = '{' || attributes, series_instance_uid = 'x' || id, modality = 'x'")
        raw.execute("UPDATE study SET study_description = 'x', study_instance_uid = 'y' || id")
        raw.execute("UPDATE patient SET patient_name = 'x', identity = identity || 'x'")
        raw.execute("UPDATE instance SET attributes = CAST(x'ff7b' AS TEXT), dataset_offset = 0")
    raw.close()
    rebuild(folder)
    after = account_of(folder)
    for key in ("headers", "instances", "labels", "searches"):  # labels have gone where the instances are now
        assert after[key] == before[key]
    for key in ("patients", "studies"):  # nothing tells any more which number was whose
        assert [replace(one, patient=0) for one in after[key]] == [replace(one, patient=0) for one in before[key]]
    with DicomDatabase.open(folder) as database:
        assert len(database.annotations.labels_of(database.studies(search="Knee")[0].patient)) == 1


# --- files that are not what was registered


def test_missing_and_damaged_files_keep_their_rows(folder):
    before = account_of(folder)
    copies = [Path(one.path) for one in before["instances"] if one.copied]
    copies[0].unlink()
    copies[1].write_bytes(copies[1].read_bytes()[:-1] + b"x")
    copies[2].write_bytes(b"no DICOM")
    report = rebuild(folder)
    after = account_of(folder)
    states = {Path(one.path): one.state for one in after["instances"]}
    assert [states[path] for path in copies] == ["missing", "damaged", "damaged", "present"]
    assert after["headers"] == before["headers"]
    assert report.instances - report.from_files == 3
    with DicomDatabase.open(folder) as database:  # what is needed to mend them has not been forgotten
        assert len(run_to_end(database.verify_job(repair=True)).repaired) == 3


def test_references_that_moved_away_keep_their_rows_and_changed_ones_are_damaged(folder, tmp_path, made):
    first, second = (Path(one.path) for one in made[1]["instances"][:2] if not one.copied)
    content, time_ns = second.read_bytes(), second.stat().st_mtime_ns
    away = first.rename(first.with_suffix(".away"))
    second.write_bytes(content + bytes(2))
    try:
        rebuild(folder)
        after = account_of(folder)
    finally:
        away.rename(first)
        second.write_bytes(content)
        os.utime(second, ns=(time_ns, time_ns))
    states = {Path(one.path): one.state for one in after["instances"]}
    assert (states[first], states[second]) == ("missing", "damaged")
    assert [header.attributes for header in after["headers"].values()] == [
        header.attributes for header in made[1]["headers"].values()
    ]


def test_a_hash_that_is_damaged_in_the_database_is_put_right_by_its_source(folder):
    before = account_of(folder)
    with sqlite3.connect(folder / FILE) as raw:
        raw.execute("UPDATE instance SET sha256 = zeroblob(32) WHERE copied = 1")
    raw.close()
    rebuild(folder)
    assert account_of(folder) == before


# --- when it must not run


def test_nothing_is_rebuilt_from_nothing(tmp_path):
    with pytest.raises(DatabaseNotFoundError):
        rebuild(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["whole", "garbage"])
def test_a_database_that_another_program_has_open_is_left_alone(folder, how, monkeypatch):
    monkeypatch.setattr("DICOMModule.database.replacement.LONGEST_WAIT_S", 0.1)
    code = (
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('SELECT count(*) FROM patient').fetchone()\n"
        "print('open', flush=True)\nsys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / FILE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other:
        other.stdout.readline()
        if how == "garbage":
            with (folder / FILE).open("r+b") as file:
                file.write(b"garbage " * 100)
        before = (folder / FILE).read_bytes()
        with pytest.raises(DatabaseBusyError, match="Close its windows"):
            rebuild(folder)
        assert (folder / FILE).read_bytes() == before
        other.stdin.close()
    rebuild(folder)


def test_a_newer_database_is_refused_but_not_a_damaged_version(folder):
    before = account_of(folder)
    with sqlite3.connect(folder / FILE) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(DatabaseTooNewError):
        DicomDatabase.open(folder)
    rebuild(folder)
    assert account_of(folder) == before
    with sqlite3.connect(folder / FILE) as raw:
        raw.execute("PRAGMA user_version = 99")
        raw.execute("CREATE TABLE of_the_future (id INTEGER PRIMARY KEY)")
    raw.close()
    with pytest.raises(DatabaseTooNewError, match="that version"):
        rebuild(folder)


def test_an_older_schema_is_rebuilt_as_the_newest(tmp_path, folder):
    before = account_of(folder)
    with sqlite3.connect(folder / FILE) as raw:
        for table in ("label", "note", "saved_search", "functional_groups"):
            raw.execute(f"DROP TABLE {table}")
        raw.execute("ALTER TABLE instance DROP COLUMN audited_at")
        raw.execute("PRAGMA user_version = 2")
    raw.close()
    rebuild(folder)
    after = account_of(folder)
    for key in ("instances", "headers", "quarantine", "rows of trash"):
        assert after[key] == before[key]
    assert [(one.patient, one.patient_name) for one in after["patients"]] == [
        (one.patient, one.patient_name) for one in before["patients"]
    ]
    with DicomDatabase.open(folder) as database:
        assert database._catalogue.rows("PRAGMA user_version") == [(migrations.newest_version(),)]


def test_a_database_of_another_program_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / FILE) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()
    with pytest.raises(DatabaseError, match="another program"):
        rebuild(tmp_path)


def test_a_rebuild_that_is_closed_leaves_everything_as_it_was(folder):
    before = hashes(folder)
    steps = sum(1 for _ in DicomDatabase.rebuild_job(folder))
    after = account_of(folder)
    for stop in range(1, steps, 7):
        job = DicomDatabase.rebuild_job(folder)
        for _ in range(stop):
            next(job)
        job.close()
        assert list((folder / "incoming").iterdir()) == []
        assert account_of(folder) == after
    assert {path.name for path in before} - {FILE} <= {path.name for path in hashes(folder)}


def test_who_had_it_open_before_cannot_write_into_the_old_file(folder):
    """On systems that let a file be replaced under an open connection, the next write says so."""
    rebuild(folder)
    with DicomDatabase.open(folder) as database:
        shutil.copy(folder / FILE, folder / "copy")
        (folder / "copy").replace(folder / FILE)
        with pytest.raises(DatabaseError, match="replaced since it was opened"):
            database.annotations.save_search("lost", "x")


def test_logic_rebuilds_what_it_has_open_and_finds_out_the_health_of_series(folder):
    with DICOMModuleLogic(folder) as logic:
        before = logic.database().series()
        assert {one.health for one in before} >= {"warned", "unknown"}
        report = run_to_end(logic.rebuild_job())
        assert report.repaired == (str(folder / FILE),)
        after = logic.database().series()
        assert "unknown" not in {one.health for one in after}
        assert [one for one in after if one.health_text == "odd"] == [one for one in before if one.health_text == "odd"]


def test_nothing_is_rebuilt_where_nothing_can_be_written(folder, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("DICOMModule.database.sessions.os.open", refuse)
    with pytest.raises(DatabaseReadOnlyError):
        rebuild(folder)
