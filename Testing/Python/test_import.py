"""Import: every file is accounted for, the same again is no news, conflicts are kept apart, nothing is half-done."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import sqlite3
import stat
import sys
from dataclasses import replace
from pathlib import Path

import factories
import pytest
from importing import counts, edited, hashes, import_

from DICOMModule.database import DicomDatabase
from DICOMModule.database import ingest as ingest_module
from DICOMModule.database.import_writing import ImportWriter
from DICOMModule.dicom import header_pool
from DICOMModule.dicom.header_series import HeaderReader
from DICOMModule.errors import DicomFileError, DiskFullError, UnknownUIDError
from DICOMModule.jobs import run_to_end


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data" / "series", slices=4, rows=4, columns=4)


@pytest.mark.parametrize("copy", [False, True])
def test_every_file_of_a_mixed_folder_is_accounted_for_twice_the_same(database, series, tmp_path, copy):
    folder = tmp_path / "data"
    (folder / "letter.txt").write_text("Dear colleague")
    (folder / "empty").touch()
    (folder / "a.zip").write_bytes(b"PK\x03\x04" + bytes(50))
    (folder / "cut.dcm").write_bytes(series.files[0].read_bytes()[:-7])
    shutil.copy(series.files[1], folder / "series" / "zz-again.dcm")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder)
    before = hashes(folder / "series")
    first = import_(database, folder, copy=copy)
    assert counts(first) == {"files_seen": 11, "added": 4, "not_dicom": 2, "rejected": 4, "duplicates": 1}
    assert (first.patients, first.studies, first.series) == (1, 1, 1)
    assert first.series_instance_uids == (series.uid,)
    reasons = {Path(problem.where).name: problem.reason for problem in first.rejected}
    assert "ZIP" in reasons["a.zip"]
    assert "cut" in reasons["cut.dcm"]
    assert "pipe" in reasons["pipe"]
    assert "link" in reasons["loop"]
    second = import_(database, folder, copy=copy)
    assert second.unchanged == first.added
    assert (second.added, second.patients, second.studies, second.series) == (0, 0, 0, 0)
    assert (second.rejected, second.duplicates) == (first.rejected, first.duplicates)
    assert hashes(folder / "series") == before


def test_a_referenced_file_stays_where_it_is_and_a_copied_one_is_ours(tmp_path, series):
    for copy in (False, True):
        with DicomDatabase.open(tmp_path / f"database-{copy}") as database:
            import_(database, series.folder, copy=copy)
            paths = [Path(one.path) for one in database.instances()]
            assert all(one.copied is copy for one in database.instances())
            assert {path.read_bytes() for path in paths} == {path.read_bytes() for path in series.files}
            if not copy:
                assert sorted(paths) == sorted(series.files)
                continue
            for path, one in zip(paths, database.instances(), strict=True):
                digest = hashlib.sha256(one.sop_instance_uid.encode()).hexdigest()
                assert path == database.folder / "dicom" / digest[:2] / f"{digest}.dcm"
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert list((database.folder / "incoming").iterdir()) == []


def test_a_root_that_does_not_exist_is_an_error_and_changes_nothing(database, tmp_path, series):
    with pytest.raises(DicomFileError, match="does not exist"):
        run_to_end(database.import_job([series.folder, tmp_path / "gone"]))
    assert database.instances() == []


def test_an_empty_folder_gives_zero_counts(database, tmp_path):
    (tmp_path / "empty").mkdir()
    assert counts(import_(database, tmp_path / "empty")) == {}


def test_a_file_named_by_its_path_is_imported(database, series):
    assert counts(import_(database, series.files[0])) == {"files_seen": 1, "added": 1}
    assert counts(import_(database, series.folder)) == {"files_seen": 4, "added": 3, "unchanged": 1}


def test_the_order_of_arguments_does_not_change_who_is_first(tmp_path, series):
    other = edited(series.files[0], tmp_path / "data" / "other" / "1.dcm", SeriesDescription="Other")
    reports = []
    for number, roots in enumerate([(series.folder, other.parent), (other.parent, series.folder)]):
        with DicomDatabase.open(tmp_path / f"db{number}") as database:
            reports.append(import_(database, *roots).duplicates)
    assert reports[0] == reports[1]
    assert [Path(one.path) for one in reports[0]] == [series.files[0]]  # "other" sorts before "series"


# --- the database's own folder


@pytest.mark.parametrize("copy", [False, True])
def test_importing_the_database_folder_itself_harms_nothing(database, series, copy):
    import_(database, series.folder, copy=True)
    before = hashes(database.folder / "dicom")
    report = import_(database, database.folder, copy=copy)
    assert report.unchanged == 4
    assert report.added == report.updated == 0
    assert report.rejected == report.duplicates == ()
    assert hashes(database.folder / "dicom") == before


def test_a_whole_copy_without_a_row_is_taken_as_the_copy_that_it_is(tmp_path, series):
    with DicomDatabase.open(tmp_path / "first") as database:
        import_(database, series.folder, copy=True)
    shutil.copytree(tmp_path / "first" / "dicom", tmp_path / "second" / "dicom")
    with DicomDatabase.open(tmp_path / "second") as database:
        assert len(run_to_end(database.verify_job()).orphans) == 4
        assert import_(database, tmp_path / "second" / "dicom").added == 4
        assert all(one.copied for one in database.instances())
        assert run_to_end(database.verify_job()).orphans == ()


def test_what_was_put_into_a_staging_folder_is_taken_and_the_folder_goes(database, series):
    with database.staging_folder() as folder:
        for path in series.files:
            shutil.copy(path, folder)
        assert folder.is_relative_to(database.folder)
        report = run_to_end(database.import_job([folder], copy=True))
    assert report.added == 4
    assert not folder.exists()
    assert run_to_end(database.verify_job()).missing == ()


# --- interruptions


@pytest.mark.parametrize("copy", [False, True])
def test_a_cancelled_import_keeps_whole_batches_and_nothing_else(database, series, monkeypatch, copy):
    monkeypatch.setattr(ingest_module, "FILES_A_BATCH", 2)
    monkeypatch.setattr(ingest_module, "FILES_A_STEP", 1)
    job = database.import_job([series.folder], copy=copy)
    while next(job).done < 3:
        pass
    job.close()
    assert len(database.instances()) == 2
    report = run_to_end(database.verify_job())
    assert (report.missing, report.damaged, report.orphans) == ((), (), ())
    assert not any((database.folder / "incoming").glob("*"))
    assert counts(import_(database, series.folder, copy=copy)) == {"files_seen": 4, "added": 2, "unchanged": 2}


def test_a_file_that_changes_while_it_is_copied_is_rejected(database, series, monkeypatch):
    read = HeaderReader.read

    def read_and_change(reader, path):
        header = read(reader, path)
        if Path(path) == series.files[0]:
            series.files[0].write_bytes(series.files[0].read_bytes() + bytes(2))
        return header

    monkeypatch.setattr(HeaderReader, "read", read_and_change)
    report = import_(database, series.folder, copy=True)
    assert [Path(problem.where) for problem in report.rejected] == [series.files[0]]
    assert "changed" in report.rejected[0].reason
    assert report.added == 3


def test_an_instance_that_another_program_registers_meanwhile_is_no_second_row(database, series, monkeypatch):
    """The other program writes between our decision and our transaction."""
    put = ImportWriter._put_in_place
    done = []

    def put_and_be_overtaken(importer, items):
        put(importer, items)
        if not done:
            done.append(True)
            with DicomDatabase.open(database.folder) as other:
                run_to_end(other.import_job([series.folder]))

    monkeypatch.setattr(ImportWriter, "_put_in_place", put_and_be_overtaken)
    report = import_(database, series.folder)
    assert counts(report) == {"files_seen": 4, "unchanged": 4}
    assert len(database.instances()) == 4


def test_a_link_loop_named_outright_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with DicomDatabase.open(tmp_path / "database") as database, pytest.raises(DicomFileError, match="loop: cannot be"):
        run_to_end(database.import_job([tmp_path / "loop"]))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root on Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    folder = tmp_path / "disk"
    folder.mkdir()
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=3m"):
        pytest.skip("mounting is not allowed here")
    yield folder
    libc.umount2(os.fsencode(folder), 2)


def test_a_full_disk_is_said_and_what_was_there_is_intact(small_disk, tmp_path):
    series = factories.make_series(tmp_path / "data", slices=250, rows=64, columns=96)
    small = factories.make_series(tmp_path / "small", "small", slices=3)
    with DicomDatabase.open(small_disk / "database") as database:
        import_(database, small.folder, copy=True)
        with pytest.raises(DiskFullError, match="no room left"):
            run_to_end(database.import_job([series.folder], copy=True))
    with DicomDatabase.open(small_disk / "database") as database:
        report = run_to_end(database.verify_job())
        assert (report.missing, report.damaged, report.orphans, report.database) == ((), (), (), "ok")
        assert len(database.headers_of_series(small.uid)) == 3
        assert all(path.stat().st_size for path in (database.folder / "dicom").rglob("*.dcm"))
        assert not any((database.folder / "incoming").glob("*"))


def test_a_disk_too_full_for_the_database_itself_is_said(small_disk, series):
    (small_disk / "ballast").write_bytes(bytes((3 << 20) - 8192))
    with pytest.raises(DiskFullError, match="no room left"), DicomDatabase.open(small_disk / "database") as database:
        run_to_end(database.import_job([series.folder]))


def test_names_that_are_no_text_are_imported_and_found_again(database, series):
    path = series.folder / os.fsdecode(b"caf\xe9\n\xff.dcm")
    series.files[0].rename(path)
    assert import_(database, series.folder).added == 4
    assert os.fspath(path) in {one.path for one in database.instances()}
    assert import_(database, series.folder).unchanged == 4
    assert path in {header.path for header in database.headers_of_series(series.uid)}


def test_what_an_import_did_is_written_down(database, series, tmp_path):
    (series.folder / "cut.dcm").write_bytes(series.files[0].read_bytes()[:500])
    import_(database, series.folder)
    with sqlite3.connect(f"file:{database.folder}/dicommodule.sqlite?mode=ro", uri=True) as connection:
        events = connection.execute("SELECT outcome, files_seen, added FROM import_event").fetchall()
        problems = connection.execute("SELECT kind, path FROM import_problem").fetchall()
    connection.close()
    assert events == [("finished", 5, 4)]
    assert problems == [("rejected", os.fsencode(series.folder / "cut.dcm"))]


def test_real_data_give_the_same_report_twice(database, real_data):
    first = import_(database, real_data)
    second = import_(database, real_data)
    assert first.files_seen == sum(path.is_file() for path in real_data.rglob("*"))
    assert second.unchanged == first.added > 80
    assert (second.rejected, second.duplicates, second.not_dicom) == (first.rejected, first.duplicates, first.not_dicom)
    with pytest.raises(UnknownUIDError):
        database.resolve("1.2.3")


def test_headers_read_in_child_processes_are_the_same(tmp_path, series_factory):
    """Damaged files, files that are not DICOM and several series among them, batch by batch and in order."""
    for _number in range(3):
        series = series_factory(slices=20)
        series.files[3].write_bytes(series.files[3].read_bytes()[:-7])
        (series.folder / "notes.txt").write_text("no image")
    reports, lists = [], []
    for children in (0, 2):
        with DicomDatabase.open(tmp_path / f"database{children}") as database:
            job = ingest_module.import_job(
                database._catalogue, database._store, [tmp_path / "data"], copy=False, children=children
            )
            reports.append(replace(run_to_end(job), elapsed_s=0))
            lists.append([database.headers_of_series(one.series_instance_uid) for one in database.series()])
    assert counts(reports[0]) == {"files_seen": 63, "added": 57, "not_dicom": 3, "rejected": 3}
    assert reports[0] == reports[1]
    assert lists[0] == lists[1]


def test_a_child_that_dies_costs_nothing_but_time(database, series_factory, monkeypatch):
    series = series_factory(slices=12)
    monkeypatch.setattr(header_pool, "PROGRAM", "import os; os._exit(3)")
    monkeypatch.setattr(ingest_module, "FILES_A_BATCH", 4)
    job = ingest_module.import_job(database._catalogue, database._store, [series.folder], copy=False, children=2)
    assert run_to_end(job).added == 12


def test_an_import_that_reads_in_children_can_be_closed_at_any_time(tmp_path, series_factory, monkeypatch):
    series = series_factory(slices=12)
    monkeypatch.setattr(ingest_module, "FILES_A_BATCH", 2)
    for steps in range(1, 8):
        with DicomDatabase.open(tmp_path / f"database{steps}") as database:
            job = ingest_module.import_job(
                database._catalogue, database._store, [series.folder], copy=False, children=2
            )
            for _ in range(steps):
                next(job)
            job.close()
            assert len(database.instances()) % 2 == 0
            assert run_to_end(database.verify_job()).database == "ok"


def test_unchanged_files_among_many_others_of_their_folder_are_known(logic, series_factory):
    files = sorted(series_factory(slices=20).files)
    run_to_end(logic.import_job([files[0].parent]))
    again = run_to_end(logic.import_job([files[0], files[-1]]))
    assert (again.files_seen, again.unchanged) == (2, 2)
    os.utime(files[-1], ns=(1, 1))
    assert run_to_end(logic.import_job([files[0], files[-1]])).unchanged == 1
