"""The audit: what is missing, damaged, unregistered or set aside is named, and nothing is removed."""

from __future__ import annotations

import os
from pathlib import Path

import factories
import pytest
from importing import import_

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.jobs import run_to_end


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", slices=4, rows=4, columns=4)


def flip(path: Path) -> None:
    """Change the last byte, and leave size and time as they were."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("copy", [False, True])
def test_what_is_whole_gives_a_clean_report(database, series, copy):
    run_to_end(database.import_job([series.folder], copy=copy))
    for _ in range(2):
        report = run_to_end(database.verify_job())
        assert (report.checked, report.database) == (4, "ok")
        found = (report.missing, report.damaged, report.orphans, report.quarantined, report.repaired)
        assert found == ((), (), (), (), ())


def test_an_empty_database_is_clean(database):
    assert run_to_end(database.verify_job()).checked == 0


@pytest.mark.parametrize("copy", [False, True])
def test_a_missing_file_is_named_marked_and_found_again(database, series, copy):
    run_to_end(database.import_job([series.folder], copy=copy))
    path = Path(database.instances()[0].path)
    away = path.rename(path.with_suffix(".away"))
    assert run_to_end(database.verify_job()).missing == (str(path),)
    assert [one.state for one in database.instances()] == ["missing", "present", "present", "present"]
    away.rename(path)
    assert run_to_end(database.verify_job()).missing == ()
    assert {one.state for one in database.instances()} == {"present"}


def test_a_flipped_bit_in_a_copy_is_found(database, series):
    run_to_end(database.import_job([series.folder], copy=True))
    path = Path(database.instances()[0].path)
    flip(path)
    assert run_to_end(database.verify_job()).damaged == (str(path),)
    assert database.instances()[0].state == "damaged"


def test_a_flipped_bit_in_a_reference_is_found_by_the_second_audit(database, series):
    run_to_end(database.import_job([series.folder]))
    assert run_to_end(database.verify_job()).damaged == ()  # which takes the hashes
    flip(series.files[0])
    assert run_to_end(database.verify_job()).damaged == (str(series.files[0]),)


@pytest.mark.parametrize("change", ["longer", "later"])
def test_a_reference_that_changed_since_its_import_is_damaged(database, series, change):
    run_to_end(database.import_job([series.folder]))
    if change == "longer":
        series.files[0].write_bytes(series.files[0].read_bytes() + bytes(2))
    os.utime(series.files[0], ns=(1, 1))
    assert run_to_end(database.verify_job()).damaged == (str(series.files[0]),)


def test_a_later_date_alone_is_no_damage_once_the_hash_is_known(database, series):
    run_to_end(database.import_job([series.folder]))
    run_to_end(database.verify_job())
    os.utime(series.files[0], ns=(1, 1))
    assert run_to_end(database.verify_job()).damaged == ()


def test_a_file_without_a_row_is_an_orphan_and_stays(database, series):
    run_to_end(database.import_job([series.folder], copy=True))
    stray = Path(database.instances()[0].path).with_name("f" * 64 + ".dcm")
    stray.write_bytes(b"stray")
    assert run_to_end(database.verify_job()).orphans == (str(stray),)
    assert stray.exists()


def test_a_broken_database_is_said(database, series):
    run_to_end(database.import_job([series.folder]))
    connection = database._catalogue.connection
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("DELETE FROM study")
    assert "refers to none" in run_to_end(database.verify_job()).database


def test_closing_the_audit_leaves_no_state_half_written(database, series):
    run_to_end(database.import_job([series.folder]))
    series.files[0].unlink()
    job = database.verify_job()
    next(job)
    job.close()
    assert {one.state for one in database.instances()} == {"present"}


def test_a_uid_with_blanks_before_it_is_the_same_in_row_and_file(database, series_factory):
    series = series_factory(slices=1)
    (path,) = series.files
    uid = read_header(path).sop_instance_uid.encode()
    path.write_bytes(path.read_bytes().replace(uid, b"  " + uid[:-2]))
    assert import_(database, series.folder).added == 1
    assert database.instances()[0].sop_instance_uid == uid[:-2].decode()
    assert run_to_end(database.verify_job()).database == "ok"
