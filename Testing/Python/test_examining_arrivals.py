"""What arrived is examined in a child process, which ends with who asked for it and says why it could not."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import factories
import pytest
from importing import import_

from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import run_to_end
from DICOMModule.verbs import examining
from DICOMModule.verbs.examining import examine_arrivals_job


@pytest.fixture
def unexamined(tmp_path):
    """Folder of a database with a series that nobody has examined."""
    folder = tmp_path / "database"
    with DicomDatabase.open(folder) as database:
        import_(database, factories.make_series(tmp_path / "made", slices=3).folder)
        with database._catalogue.transaction() as connection:
            connection.execute("UPDATE series SET health = 'unknown', health_text = ''")
    return folder


def health(folder):
    with DicomDatabase.open(folder) as database:
        return [one.health for one in database.series()]


def test_series_that_nobody_examined_are_examined_and_no_process_is_left(unexamined):
    run_to_end(examine_arrivals_job(unexamined))
    assert health(unexamined) == ["ok"]


def test_a_job_that_is_closed_ends_its_child(unexamined):
    with closing(examine_arrivals_job(unexamined)) as job:
        next(job)
    assert "examining" not in {thread.name for thread in threading.enumerate()}
    assert health(unexamined) == ["unknown"]


def test_why_it_could_not_be_done_is_said(unexamined):
    with closing(sqlite3.connect(unexamined / "dicommodule.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 9999")
    with pytest.raises(DatabaseError, match="schema version 9999"):
        run_to_end(examine_arrivals_job(unexamined))


def test_a_child_that_dies_is_said(unexamined, monkeypatch):
    monkeypatch.setattr(examining, "_PROGRAM", "import os; os._exit(7)")
    with pytest.raises(DatabaseError, match="ended with 7"):
        run_to_end(examine_arrivals_job(unexamined))


def test_a_child_ends_with_its_parent(unexamined, monkeypatch):
    """Its standard input ends as its parent does."""
    monkeypatch.setattr(
        examining,
        "_PROGRAM",
        examining._PROGRAM.replace("sys.exit(main", "import threading, DICOMModule.targets as t;").replace(
            "(sys.argv[2 + count]))", " t.note_health_job = lambda *_: (threading.Event().wait() for _ in [0]);"
        )
        + " main(sys.argv[2 + count])",
    )
    job = examine_arrivals_job(unexamined)
    next(job)
    child = job.gi_frame.f_locals["child"]
    child.stdin.close()
    assert child.wait(20) == 1
    with pytest.raises(DatabaseError):
        run_to_end(job)
