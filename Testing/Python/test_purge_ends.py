"""Purges that are stopped, killed or hindered: either nothing has happened, or the next opening finishes them."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import factories
import pytest
from importing import counts, edited, import_
from purge_kit import back_up, left_in

from DICOMModule.database import DatabaseCounts, DicomDatabase, connection, purge, purge_backups, residue
from DICOMModule.database.import_writing import ImportWriter
from DICOMModule.database.migrations import m0001_first_floor
from DICOMModule.database.sessions import exclusive_now
from DICOMModule.errors import UnknownUIDError
from DICOMModule.jobs import run_to_end

GOING = ["Weggegangen", "Wanda", "Reisebericht", "GONE-4711"]
CHILD = """
import os, signal, sys
from pathlib import Path
from DICOMModule.database import DicomDatabase
database = DicomDatabase.open(Path(sys.argv[1]))
job = database.purge_job([int(sys.argv[2])])
for _ in range(int(sys.argv[3])):
    next(job)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def made(tmp_path):
    """A closed database with a patient who goes and one who stays, and the number of the first."""
    going = factories.make_series(
        tmp_path / "in" / "Weggegangen", "going", slices=3, rows=2, columns=2, PatientName="Weggegangen^Wanda",
        PatientID="GONE-4711", SeriesDescription="Reisebericht",
    )  # fmt: skip
    staying = factories.make_series(tmp_path / "in" / "staying", "staying", slices=2, rows=2, columns=2)
    folder = tmp_path / "database"
    with DicomDatabase.open(folder) as database:
        import_(database, going.folder, staying.folder, copy=True)
        import_(
            database, edited(going.files[0], tmp_path / "in" / "x.dcm", SeriesDescription="Reisebericht 2"), copy=True
        )
        back_up(database)
        number = database.patients(search="wanda")[0].patient
    return folder, number, going


def is_whole(database):
    """Return whether nothing has been purged; fail where a part has been."""
    if database.counts() != DatabaseCounts(2, 2, 2, 5):
        return False
    audit = run_to_end(database.verify_job())
    assert (audit.checked, audit.missing, audit.damaged, audit.orphans) == (5, (), (), ())
    return True


def assert_gone(database):
    assert database.counts() == DatabaseCounts(1, 1, 1, 2)
    assert database._catalogue.rows("SELECT count(*) FROM trash") == [(0,)]
    assert left_in(database.folder, GOING) == []
    audit = run_to_end(database.verify_job())
    assert (audit.checked, audit.missing, audit.damaged, audit.orphans, audit.quarantined) == (2, (), (), (), ())
    assert database._catalogue.integrity() == "ok"


def steps_of(made, tmp_path):
    folder, number, _ = made
    with DicomDatabase.open(Path(shutil.copytree(folder, tmp_path / "counted"))) as database:
        return sum(1 for _ in database.purge_job([number]))


def test_a_purge_that_is_closed_has_not_begun_or_is_finished_by_the_next_opening(made, tmp_path):
    folder, number, _ = made
    begun = []
    for steps in range(1, steps_of(made, tmp_path) + 1):
        copy = Path(shutil.copytree(folder, tmp_path / f"after{steps}"))
        with DicomDatabase.open(copy) as database:
            job = database.purge_job([number])
            for _ in range(steps):
                next(job)
            job.close()
            shown = database.counts()
            begun.append(shown == DatabaseCounts(1, 1, 1, 2))  # out of sight at once, whatever is left to be done
            assert begun[-1] or is_whole(database)
            if begun[-1]:
                assert database.trash_entries() == []
                with pytest.raises(UnknownUIDError):
                    database.restore([number])
        with DicomDatabase.open(copy) as database:
            assert_gone(database) if begun[-1] else is_whole(database)
    assert begun == sorted(begun)
    assert set(begun) == {False, True}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_purge_whose_process_is_killed_is_finished_by_the_next_opening(made, tmp_path, share):
    folder, number, _ = made
    steps = max(2, int(share * steps_of(made, tmp_path)))
    child = subprocess.run([sys.executable, "-c", CHILD, str(folder), str(number), str(steps)], check=False)
    assert child.returncode == -signal.SIGKILL
    with DicomDatabase.open(folder) as database:
        assert_gone(database)


def test_a_purge_that_a_living_process_is_at_is_left_to_it(made):
    folder, number, _ = made
    with DicomDatabase.open(folder) as database:
        job = database.purge_job([number])
        for _ in range(4):
            next(job)
        with DicomDatabase.open(folder) as other:
            assert other._catalogue.rows("SELECT count(*) FROM trash") == [(1,)]
        run_to_end(job)
        assert_gone(database)


def test_the_next_purge_finishes_the_one_before(made):
    folder, number, _ = made
    with DicomDatabase.open(folder) as database:
        job = database.purge_job([number])
        for _ in range(4):
            next(job)
        job.close()
        run_to_end(database.purge_trash_job())
        assert_gone(database)


# --- what hinders


def test_a_reader_that_holds_the_log_is_told_and_the_next_opening_empties_it(made, monkeypatch):
    folder, number, _ = made
    monkeypatch.setattr(purge, "LOG_WAIT_S", 0.0)
    with DicomDatabase.open(folder) as database:
        reader = sqlite3.connect(folder / "dicommodule.sqlite", isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM patient").fetchone() == (2,)
        report = run_to_end(database.purge_job([number]))
        assert "another program is reading" in report.unfinished
        assert (report.instances, report.patients) == (3, 1)
        assert left_in(folder, GOING)
        reader.close()
    with DicomDatabase.open(folder) as database:
        assert_gone(database)


def test_a_reader_that_goes_in_time_is_waited_for(made):
    folder, number, _ = made
    with DicomDatabase.open(folder) as database:
        reader = sqlite3.connect(folder / "dicommodule.sqlite", isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM patient").fetchone() == (2,)
        job = database.purge_job([number])
        while "no other program reads" not in next(job).text:
            pass
        reader.close()
        assert run_to_end(job).unfinished is None
        assert_gone(database)


def test_without_room_a_purge_says_so_and_goes_on_when_there_is(made, monkeypatch):
    folder, number, _ = made
    full = shutil._ntuple_diskusage(1000, 1000, 0)
    with monkeypatch.context() as patched, DicomDatabase.open(folder) as database:
        patched.setattr(residue.shutil, "disk_usage", lambda _path: full)
        report = run_to_end(database.purge_job([number]))
        assert "no room" in report.unfinished
        assert database.counts() == DatabaseCounts(1, 1, 1, 2)
        with DicomDatabase.open(folder) as other:  # which cannot go on either, and can be used
            assert other.counts() == DatabaseCounts(1, 1, 1, 2)
            assert other._catalogue.rows("SELECT count(*) FROM trash") == [(1,)]
    with DicomDatabase.open(folder) as database:
        assert_gone(database)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_file_that_cannot_be_removed_is_told_and_is_removed_when_it_can(made):
    folder, number, going = made
    with DicomDatabase.open(folder) as database:
        stuck = database._store.place_of(str(going.datasets[0].SOPInstanceUID))
        stuck.parent.chmod(0o500)
        report = run_to_end(database.purge_job([number]))
        assert "1 files cannot be removed" in report.unfinished
        assert report.instances == 2
        stuck.parent.chmod(0o700)
    with DicomDatabase.open(folder) as database:
        assert_gone(database)


def test_a_file_that_another_program_uses_is_told_and_is_removed_later(made, monkeypatch):
    folder, number, going = made
    unlink = Path.unlink
    with DicomDatabase.open(folder) as database:
        stuck = database._store.place_of(str(going.datasets[0].SOPInstanceUID))

        def refused(self, missing_ok=False):
            if self == stuck:
                raise PermissionError(13, "in use")
            unlink(self, missing_ok=missing_ok)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", refused)
            report = run_to_end(database.purge_job([number]))
        assert "1 files cannot be removed" in report.unfinished
        assert (report.instances, stuck.exists()) == (2, True)
        assert database._catalogue.rows("SELECT count(*) FROM instance") == [(3,)]
    with DicomDatabase.open(folder) as database:
        assert_gone(database)


@pytest.mark.parametrize("way", ["waits", "closed", "too long"])
def test_rewriting_waits_for_writers_and_can_be_closed_meanwhile(made, monkeypatch, way):
    folder, number, _ = made
    monkeypatch.setattr(residue, "BUSY_WAIT_S", 0.3 if way == "too long" else 30.0)
    with DicomDatabase.open(folder) as database:
        writer = sqlite3.connect(folder / "dicommodule.sqlite", isolation_level=None)
        job = database.purge_job([number])
        while next(job).text != "rewriting the database":
            pass
        writer.execute("BEGIN IMMEDIATE")
        if way == "too long":
            assert "locked" in run_to_end(job).unfinished
        else:
            while "waiting" not in next(job).text:
                pass
        started = time.monotonic()
        if way == "closed":
            job.close()
        writer.close()
        if way == "waits":
            assert run_to_end(job).unfinished is None
        assert time.monotonic() - started < 5
    with DicomDatabase.open(folder) as database:
        assert_gone(database)


def test_rewriting_that_is_under_way_is_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(residue, "_POLL_S", 0.001)
    path = tmp_path / "large.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as large:
        large.execute("CREATE TABLE t (x)")
        large.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
                      " INSERT INTO t SELECT randomblob(20000) FROM n")  # fmt: skip
        large.execute("DELETE FROM t WHERE rowid % 2")
    before = path.stat().st_size
    job = residue.rewrite_job(path, "rewriting")
    for _ in range(2):  # before it begins, and when it is under way
        assert next(job).text == "rewriting"
    job.close()
    assert path.stat().st_size == before
    run_to_end(residue.rewrite_job(path, "rewriting"))
    assert path.stat().st_size < before * 0.6


def test_an_error_of_the_system_is_told_and_the_next_opening_goes_on(made, monkeypatch):
    folder, number, _ = made
    with DicomDatabase.open(folder) as database:
        with monkeypatch.context() as patched:
            patched.setattr(purge_backups, "_sweep", raiser(OSError(errno.EIO, "Input/output error")))
            report = run_to_end(database.purge_job([number]))
        assert "Input/output error" in report.unfinished
        assert database.counts() == DatabaseCounts(1, 1, 1, 2)
    with DicomDatabase.open(folder) as database:
        assert_gone(database)


def raiser(error):
    def fail(*_arguments):
        raise error

    return fail


# --- backups


def test_a_backup_is_not_dropped_because_the_disk_is_full_meanwhile(made, monkeypatch):
    folder, number, _ = made
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    with DicomDatabase.open(folder) as database:
        with monkeypatch.context() as patched:
            patched.setattr(purge_backups, "delete_from_backup_job", raiser(full))
            report = run_to_end(database.purge_job([number]))
        assert "no room" in report.unfinished
        assert [path.suffix for path in (folder / "backups").iterdir()] == [".sqlite"]
    with DicomDatabase.open(folder) as database:
        assert_gone(database)


def test_what_rewriting_left_when_it_was_killed_is_swept(made):
    folder, number, _ = made
    whole = next((folder / "backups").glob("*.sqlite"))
    for name in ("x.sqlite.1.purge", "x.sqlite.1.purge-journal", "x.sqlite.2.part", "x.sqlite.2.part-journal"):
        shutil.copy(whole, folder / "backups" / name)
    with DicomDatabase.open(folder) as database:
        run_to_end(database.purge_job([number]))
    assert [path.name for path in (folder / "backups").iterdir()] == [whole.name]


def test_a_backup_that_is_being_made_is_waited_for_and_none_is_made_meanwhile(made):
    folder, number, _ = made
    with DicomDatabase.open(folder) as database:
        job = database.purge_job([number])
        with exclusive_now(folder / "backup.lock"):
            assert "waiting" in next(job).text
            back_up(database)
        while next(job).text != "removing rows":
            pass
        assert exclusive_now(folder / "backup.lock") is None
        assert run_to_end(job).backups_rewritten == 2
        assert_gone(database)


@pytest.mark.parametrize("content", ["damaged", "newer", "other", "empty"])
def test_a_backup_that_cannot_be_rewritten_goes(made, content):
    folder, number, _ = made
    path = folder / "backups" / "20200101T000000-version9.sqlite"
    if content == "damaged":
        whole = next((folder / "backups").glob("*.sqlite")).read_bytes()
        path.write_bytes(whole[:5000] + b"\xff" * 3000 + whole[8000:])
    elif content == "empty":
        path.touch()
    else:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE patient (name TEXT)")
            other.execute(f"PRAGMA user_version = {99 if content == 'newer' else 2}")
        other.close()
    with DicomDatabase.open(folder) as database:
        report = run_to_end(database.purge_job([number]))
        assert (report.backups_dropped, report.backups_rewritten) == ((path.name,), 1)
        assert not path.exists()
        assert_gone(database)


def test_a_backup_of_the_first_version_is_rewritten_as_one(made):
    folder, number, _ = made
    path = folder / "backups" / "20200101T000000-version1.sqlite"
    old = sqlite3.connect(path)
    m0001_first_floor.migrate(old)
    old.execute("PRAGMA user_version = 1")
    with sqlite3.connect(folder / "dicommodule.sqlite") as new:
        for table in ("patient", "study", "series", "instance", "import_event", "import_problem", "quarantine"):
            columns = [row[1] for row in old.execute(f"PRAGMA table_info({table})")]
            rows = new.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            old.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
    new.close()
    old.commit()
    old.close()
    assert left_in(path.parent, GOING)
    with DicomDatabase.open(folder) as database:
        report = run_to_end(database.purge_job([number]))
        assert (report.backups_rewritten, report.backups_dropped) == (2, ())
        assert_gone(database)
    old = sqlite3.connect(path)
    assert old.execute("SELECT studies, series, instances FROM patient").fetchall() == [(1, 1, 2)]
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    old.close()


def test_a_backup_that_is_made_meanwhile_is_found_too(made):
    folder, number, _ = made
    with DicomDatabase.open(folder) as database:
        job = database.purge_job([number])
        for _ in range(4):
            next(job)
        back_up(database)
        job.close()
        first = max((folder / "backups").glob("*.sqlite"))
        assert left_in(folder / "backups", GOING)
        restored = folder.parent / "restored"  # the mark is in the backup: a database made of it goes on as well
        restored.mkdir()
        shutil.copy(first, restored / "dicommodule.sqlite")
    with DicomDatabase.open(folder) as database:
        assert_gone(database)
    with DicomDatabase.open(restored) as database:
        assert left_in(restored, GOING) == []
        assert database.counts() == DatabaseCounts(1, 1, 1, 2)


# --- beside others


@pytest.mark.parametrize("copy", [False, True])
def test_an_import_that_has_decided_about_what_is_purged_decides_again(made, monkeypatch, copy):
    folder, number, going = made
    for file in going.files:
        os.utime(file, ns=(1, 1))  # so that the files are looked at, and their rows to be changed
    with DicomDatabase.open(folder) as database, DicomDatabase.open(folder) as second:
        commit = ImportWriter.commit
        purges = [second.purge_job([number])]

        def late(self, *arguments):
            if purges:
                run_to_end(purges.pop())
            return commit(self, *arguments)

        monkeypatch.setattr(ImportWriter, "commit", late)
        report = import_(database, going.folder, copy=copy)
        assert counts(report) == {"files_seen": 3, "added": 3}
        assert database.counts() == DatabaseCounts(2, 2, 2, 5)
        assert {one.copied for one in database.instances(patient=database.patients(search="wanda")[0].patient)} == {
            copy
        }
        audit = run_to_end(database.verify_job())
        assert (audit.checked, audit.missing, audit.damaged, audit.orphans, audit.quarantined) == (5, (), (), (), ())


@pytest.mark.parametrize(("copy", "other_content"), [(False, False), (True, True)])
def test_what_is_imported_while_it_is_purged_stays_whole(made, copy, other_content, tmp_path):
    folder, number, going = made
    if other_content:
        for file in going.files:
            edited(file, file, StudyDescription="Neuanfang")
    for steps in range(2, steps_of(made, tmp_path) + 1):
        with DicomDatabase.open(Path(shutil.copytree(folder, tmp_path / f"at{steps}"))) as database:
            job = database.purge_job([number])
            for _ in range(steps):
                next(job)
            report = import_(database, going.folder, copy=copy)
            assert counts(report) == {"files_seen": 3, "added": 3}, steps
            assert run_to_end(job).unfinished is None
            assert database.counts() == DatabaseCounts(2, 2, 2, 5)
            audit = run_to_end(database.verify_job())
            assert (audit.checked, audit.missing, audit.damaged, audit.orphans, audit.quarantined) == (
                5,
                (),
                (),
                (),
                (),
            )
            assert left_in(folder.parent / f"at{steps}" / "quarantine", GOING) == []


@pytest.mark.parametrize("copy", [False, True])
def test_a_copy_that_goes_between_the_decision_and_the_row_is_made_again(made, monkeypatch, copy):
    folder, number, going = made
    with DicomDatabase.open(folder) as database, DicomDatabase.open(folder) as second:
        job = second.purge_job([number])
        for _ in range(2):  # marked, so that the import decides that it brings it back
            next(job)
        commit = ImportWriter.commit

        def late(self, *arguments):
            while next(job).text != "removing files":
                pass
            return commit(self, *arguments)

        with monkeypatch.context() as patched:
            patched.setattr(ImportWriter, "commit", late)
            assert counts(import_(database, going.folder, copy=copy)) == {"files_seen": 3, "added": 3}
        assert run_to_end(job).unfinished is None
        audit = run_to_end(database.verify_job())
        assert (audit.checked, audit.missing, audit.damaged, audit.orphans, audit.quarantined) == (5, (), (), (), ())


def test_others_wait_for_their_turn(made, monkeypatch):
    folder, number, _ = made
    monkeypatch.setattr(connection, "BUSY_WAIT_S", 5.0)
    with DicomDatabase.open(folder) as database, DicomDatabase.open(folder) as other:
        job = database.purge_job([number])
        next(job)
        waiting = other.purge_trash_job()
        assert "waiting" in next(waiting).text
        run_to_end(job)
        assert run_to_end(waiting).instances == 0
        assert_gone(database)
