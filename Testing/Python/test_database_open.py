"""The database: opening what is old, new, damaged, locked, read-only or left by a dead process."""

from __future__ import annotations

import ctypes
import hashlib
import os
import sqlite3
import stat
import sys
import threading
from pathlib import Path

import factories
import pytest
from filled_database import fill

from DICOMModule.database import (
    DicomDatabase,
    connection,
    migrations,
    models,
)
from DICOMModule.database.sessions import session_folder
from DICOMModule.errors import (
    DatabaseBusyError,
    DatabaseCorruptError,
    DatabaseError,
    DatabaseNotFoundError,
    DatabaseReadOnlyError,
    DatabaseTooNewError,
)
from DICOMModule.jobs import run_to_end

FILE = "dicommodule.sqlite"


@pytest.fixture
def filled(database, tmp_path):
    return fill(database, tmp_path)


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
    before, newest = filled.patients(), migrations.newest_version()
    filled.close()

    def step(connection):
        connection.execute("ALTER TABLE patient ADD COLUMN nickname TEXT NOT NULL DEFAULT 'none'")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    for _ in range(2):
        with DicomDatabase.open(filled.folder) as database:
            assert database.patients() == before
            assert database._catalogue.rows("SELECT DISTINCT nickname FROM patient") == [("none",)]
            assert database._catalogue.rows("PRAGMA user_version") == [(newest + 1,)]
    (backup,) = (filled.folder / "backups").iterdir()
    with sqlite3.connect(backup) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (newest,)
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
            assert [row.patient_name for row in database.patients(search="juer mu", limit=5)] == ["Müller^Jürgen"]
            assert len(database.headers_of_series(database.series()[0].series_instance_uid)) == 2
            report = run_to_end(database.verify_job())
            assert (report.checked, report.missing, report.damaged) == (7, (), ())
            for write in (
                lambda database=database: run_to_end(database.import_job([tmp_path / "d"])),
                lambda database=database: run_to_end(database.import_job([tmp_path / "d"], copy=True)),
                lambda database=database: database.set_series_health({}),
                lambda database=database: database.delete([database.patients()[0].patient]),
                lambda database=database: database.restore([database.patients()[0].patient]),
                lambda database=database: database.undo_delete(1),
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
