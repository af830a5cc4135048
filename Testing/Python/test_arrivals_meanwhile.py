"""What arrives while files are looked at: it has its final name a moment before its row, and is nobody's stray."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import factories
import pydicom
import pytest

from DICOMModule.database import strays
from DICOMModule.database.file_store import FileStore
from DICOMModule.database.reception import Arrived
from DICOMModule.jobs import run_to_end

WITHOUT_ROW = "files without a row"


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", slices=2, rows=2, columns=2)


def take_meanwhile(database, path, monkeypatch, meanwhile):
    """Receive a file, and do something when it has its name and no row yet."""
    done = FileStore.sync_folders
    with database.reception("listener") as reception, monkeypatch.context() as patched:

        def interrupted(*given):
            patched.setattr(FileStore, "sync_folders", done)
            meanwhile()
            done(*given)

        patched.setattr(FileStore, "sync_folders", interrupted)
        copy = reception.folder / "arrived.part"
        shutil.copyfile(path, copy)
        dataset = pydicom.dcmread(path)
        named = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
        (receipt,) = reception.take([Arrived(copy, hashlib.sha256(path.read_bytes()).digest(), *named, "PACS")])
    return receipt


def step_to(job, text, more=0):
    """Go on with a job until it says `text`, and some steps further."""
    while next(job).text != text:
        pass
    for _ in range(more):
        next(job)


def test_an_audit_does_not_take_it_for_a_stray(database, series, monkeypatch):
    job = database.verify_job()
    receipt = take_meanwhile(database, series.files[0], monkeypatch, lambda: step_to(job, WITHOUT_ROW, 1))
    report = run_to_end(job)
    assert (receipt.outcome, report.orphans, report.advice) == ("stored", (), ())


@pytest.mark.parametrize(("settles_s", "steps"), [(strays.SETTLES_S, 0), (0.0, 0), (0.0, 1)])
def test_a_repair_leaves_it_where_it_is(database, series, monkeypatch, settles_s, steps):
    monkeypatch.setattr(strays, "SETTLES_S", settles_s)
    job = database.verify_job(repair=True)
    receipt = take_meanwhile(database, series.files[0], monkeypatch, lambda: step_to(job, WITHOUT_ROW, steps))
    report = run_to_end(job)
    assert receipt.outcome in {"stored", "present"}
    assert (report.missing, report.orphans, report.remnants) == ((), (), ())
    (one,) = database.instances()
    assert Path(one.path).read_bytes() == series.files[0].read_bytes()


def test_a_purge_of_its_series_takes_what_was_deleted_alone(database, series, monkeypatch):
    run_to_end(database.import_job([series.files[0]], copy=True))
    database.delete([series.uid])
    job = database.purge_trash_job()
    looking = "looking at files without a row"
    receipt = take_meanwhile(database, series.files[1], monkeypatch, lambda: step_to(job, looking))
    run_to_end(job)
    assert receipt.outcome == "stored"
    (one,) = database.instances()
    assert Path(one.path).read_bytes() == series.files[1].read_bytes()
    assert run_to_end(database.verify_job()).missing == ()
