"""Repair: what is certain by its hash is mended and named, what is not stays and is named, and nothing is ever lost."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import factories
import pytest
from importing import edited, hashes, import_

from DICOMModule.database import DicomDatabase
from DICOMModule.database.sessions import dead_sessions, remove_session, session_folder
from DICOMModule.errors import DatabaseReadOnlyError
from DICOMModule.jobs import run_to_end


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", slices=4, rows=4, columns=4)


def repair(database, **options):
    return run_to_end(database.verify_job(repair=True, **options))


def contents(*folders: Path) -> set[str]:
    """Return the hashes of everything in the folders: nothing of it may ever be missing afterwards."""
    return {one for folder in folders if folder.exists() for one in hashes(folder).values()}


def flip(path: Path) -> bytes:
    """Change a byte in the middle; return the damaged content."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    return bytes(content)


def assert_sound(database):
    """Nothing is left to be seen to, and every file is what its row says."""
    report = run_to_end(database.verify_job())
    assert report.is_clean, report
    for one in database.instances():
        assert one.state == "present"
        status = Path(one.path).stat()
        header = database.header_of_instance(one.sop_instance_uid)
        assert (header.size_bytes, header.mtime_ns) == (status.st_size, status.st_mtime_ns)


def forget(database, uid: str) -> None:
    """Take a row away as if its commit had been lost."""
    with database._catalogue.transaction() as connection:
        connection.execute("DELETE FROM instance WHERE sop_instance_uid = ?", (uid,))


# --- copies


@pytest.mark.parametrize("harm", ["gone", "damaged", "cut"])
def test_a_copy_comes_back_from_its_source_and_what_was_damaged_is_kept(database, series, harm):
    import_(database, series.folder, copy=True)
    whole = hashes(database.folder / "dicom")
    path = Path(database.instances()[0].path)
    damaged = None
    if harm == "damaged":
        damaged = flip(path)
    else:
        content = path.read_bytes()
        path.unlink()
        if harm == "cut":
            damaged = content[:400]
            path.write_bytes(damaged)
    report = repair(database)
    assert report.repaired == (str(path),)
    assert report.is_clean
    assert hashes(database.folder / "dicom") == whole
    assert [Path(one).read_bytes() for one in report.remnants] == ([damaged] if damaged else [])
    assert {one.conflict for one in database.quarantine()} <= {False}
    assert repair(database).repaired == ()
    assert_sound(database)


def test_a_copy_whose_source_has_changed_is_not_mended_and_says_what_to_do(database, series):
    import_(database, series.folder, copy=True)
    copied = {one.sop_instance_uid: Path(one.path) for one in database.instances()}
    uid = str(series.datasets[0].SOPInstanceUID)
    damaged = flip(copied[uid])
    edited(series.files[0], series.files[0], ImageComments="changed")
    report = repair(database)
    assert (report.repaired, report.damaged) == ((), (str(copied[uid]),))
    assert [row.where for row in report.advice] == [str(copied[uid])]
    assert "not what was registered" in report.advice[0].reason
    assert copied[uid].read_bytes() == damaged


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_no_file_at_the_place_of_a_copy_is_named_and_left(database, tmp_path, series, kind):
    import_(database, series.folder, copy=True)
    path = Path(database.instances()[0].path)
    path.unlink()
    path.mkdir() if kind == "folder" else path.symlink_to(series.files[0])
    report = repair(database)
    assert (report.repaired, report.damaged, report.missing) == ((), (str(path),), ())
    assert "something else than a file" in report.advice[0].reason
    assert path.is_dir() if kind == "folder" else path.is_symlink()


def test_a_copy_comes_back_from_the_quarantine(database, tmp_path, series):
    import_(database, series.folder, copy=True)
    one = database.instances()[0]
    path, content = Path(one.path), Path(one.path).read_bytes()
    flip(path)
    aside = database.folder / "quarantine" / f"{hashlib.sha256(content).hexdigest()}.dcm"
    aside.parent.mkdir()
    aside.write_bytes(content)
    for file in series.files:
        file.unlink()
    assert repair(database).repaired == (str(path),)
    assert path.read_bytes() == content
    assert not aside.exists()
    assert_sound(database)


def test_a_copy_comes_back_from_a_file_that_lies_astray(database, series):
    import_(database, series.folder, copy=True)
    path = Path(database.instances()[0].path)
    whole = path.read_bytes()
    astray = path.rename(path.parent / "astray.bin")
    for file in series.files:
        file.unlink()
    assert repair(database).repaired == (str(path),)
    assert (path.read_bytes(), astray.exists()) == (whole, False)
    assert_sound(database)


def test_a_row_that_was_marked_wrongly_is_present_again(database, series):
    import_(database, series.folder, copy=True)
    path = Path(database.instances()[0].path)
    with database._catalogue.transaction() as connection:
        connection.execute("UPDATE instance SET state = 'damaged'")
    assert len(repair(database, quick=True).repaired) == 4
    assert str(path) in {one.path for one in database.instances() if one.state == "present"}


def test_a_copy_that_got_another_time_gets_its_own_back(database, series):
    import_(database, series.folder, copy=True)
    os.utime(database.instances()[0].path, ns=(1, 1))
    run_to_end(database.verify_job())
    assert_sound(database)


# --- references


def test_a_changed_reference_is_told_to_be_imported_again(database, series):
    import_(database, series.folder)
    edited(series.files[0], series.files[0], ImageComments="changed")
    report = repair(database)
    assert (report.repaired, report.damaged) == ((), (str(series.files[0]),))
    assert "Import it again" in report.advice[0].reason
    assert import_(database, series.folder).updated == 1
    assert_sound(database)


def test_a_reference_of_a_later_date_and_the_same_content_can_be_read_again(database, series):
    import_(database, series.folder)
    run_to_end(database.verify_job())  # takes the hashes
    os.utime(series.files[0], ns=(1, 1))
    assert repair(database).is_clean
    assert_sound(database)


def test_a_lost_reference_becomes_a_copy_where_its_content_lies_with_us(database, series):
    import_(database, series.folder)
    run_to_end(database.verify_job())  # takes the hashes
    uid, content = str(series.datasets[0].SOPInstanceUID), series.files[0].read_bytes()
    stray = database._store.place_of(uid)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(content)
    series.files[0].unlink()
    assert repair(database).repaired == (str(stray),)
    (one,) = [one for one in database.instances() if one.sop_instance_uid == uid]
    assert (one.path, one.copied) == (str(stray), True)
    assert_sound(database)


# --- files without a row


def test_whole_copies_without_a_row_are_registered_and_wrong_places_put_right(database, series):
    import_(database, series.folder, copy=True)
    before = database.instances()
    uids = [one.sop_instance_uid for one in before]
    paths = [Path(one.path) for one in before]
    forget(database, uids[0])
    forget(database, uids[1])
    elsewhere = database.folder / "dicom" / "zz"
    elsewhere.mkdir()
    paths[1].rename(elsewhere / "name.of.its.own")
    report = repair(database)
    assert set(report.repaired) == {str(paths[0]), str(paths[1])}
    assert database.instances() == before
    assert database.series()[0].instances == 4
    assert_sound(database)


def test_strays_of_a_uid_that_is_taken_go_to_the_quarantine(database, tmp_path, series):
    import_(database, series.folder, copy=True)
    folder = database.folder / "dicom" / "00"
    folder.mkdir(exist_ok=True)
    same = folder / "same.dcm"
    same.write_bytes(series.files[0].read_bytes())
    other = edited(series.files[1], folder / "other.dcm", PatientID="SOMEONE-ELSE")
    junk = folder / "junk.dcm"
    junk.write_bytes(b"junk")
    before = contents(database.folder / "dicom")
    report = repair(database)
    assert set(report.repaired) == {str(same), str(other)}
    assert report.orphans == (str(junk),)
    kept = {one.conflict: one for one in database.quarantine()}
    assert "same, byte for byte" in kept[False].reason
    assert "another patient" in kept[True].reason
    assert report.quarantined == (kept[True].path,)
    assert report.remnants == (kept[False].path,)
    assert contents(database.folder / "dicom", database.folder / "quarantine") == before


def test_a_file_in_the_quarantine_without_a_row_gets_one_and_its_name(database, series):
    import_(database, series.folder, copy=True)
    aside = database.folder / "quarantine" / "stray.dcm"
    aside.parent.mkdir()
    aside.write_bytes(series.files[0].read_bytes())
    assert run_to_end(database.verify_job()).orphans == (str(aside),)
    report = repair(database)
    (one,) = database.quarantine()
    assert report.repaired == (str(aside),)
    assert Path(one.path).name == f"{hashlib.sha256(series.files[0].read_bytes()).hexdigest()}.dcm"
    assert (one.path,) == report.quarantined
    assert one.sop_instance_uid == str(series.datasets[0].SOPInstanceUID)


def test_what_was_set_aside_is_found_where_the_folder_was_moved_to(tmp_path, series):
    other = edited(series.files[0], tmp_path / "other" / "1.dcm", ImageComments="other")
    with DicomDatabase.open(tmp_path / "first") as database:
        import_(database, series.folder, copy=True)
        import_(database, other, copy=True)
    (tmp_path / "first").rename(tmp_path / "second")
    with DicomDatabase.open(tmp_path / "second") as database:
        report = run_to_end(database.verify_job())
        assert [Path(one).read_bytes() for one in report.quarantined] == [other.read_bytes()]
        assert (report.missing, report.orphans) == ((), ())


@pytest.mark.parametrize(("harm", "kind"), [("gone", "missing"), ("damaged", "damaged")])
def test_harm_to_the_quarantine_is_found(database, tmp_path, series, harm, kind):
    import_(database, series.folder, copy=True)
    import_(database, edited(series.files[0], tmp_path / "other" / "1.dcm", ImageComments="other"), copy=True)
    (one,) = database.quarantine()
    Path(one.path).unlink() if harm == "gone" else flip(Path(one.path))
    assert getattr(run_to_end(database.verify_job()), kind) == (one.path,)


# --- the rest


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE series SET instances = 40",
        "UPDATE series SET bytes = bytes + 1",
        "UPDATE study SET modalities = 'MR'",
        "UPDATE study SET series = 2",
        "UPDATE patient SET studies = 2",
        "UPDATE patient SET instances = 0",
        "UPDATE total SET series = series + 1",
    ],
)
def test_wrong_counts_are_found_and_counted_anew(database, series, harm):
    import_(database, series.folder)
    lists = database.patients(), database.studies(), database.series()
    with database._catalogue.transaction() as connection:
        connection.execute(harm)
    assert "counts" in run_to_end(database.verify_job()).database
    report = repair(database)
    assert (report.database, report.repaired) == ("ok", (str(database._catalogue.path),))
    assert (database.patients(), database.studies(), database.series()) == lists


def test_dead_sessions_are_swept_and_living_ones_left(database):
    with session_folder(database.folder / "incoming") as alive:
        dead = database.folder / "incoming" / "0123"
        dead.mkdir()
        dead.with_suffix(".lock").touch()
        repair(database)
        assert (alive.exists(), dead.exists(), dead.with_suffix(".lock").exists()) == (True, False, False)


def test_the_trash_is_mended_and_stays_the_trash(database, series):
    import_(database, series.folder, copy=True)
    paths = sorted(one.path for one in database.instances())
    database.delete([series.uid])
    Path(paths[0]).unlink()
    flip(Path(paths[1]))
    assert set(repair(database).repaired) == set(paths[:2])
    assert database.instances() == []
    database.restore([series.uid])
    assert sorted(one.path for one in database.instances()) == paths
    assert_sound(database)


def test_nothing_is_repaired_where_nothing_can_be_written(database, series):
    import_(database, series.folder, copy=True)
    database._catalogue.read_only = True
    with pytest.raises(DatabaseReadOnlyError):
        repair(database)


@pytest.mark.parametrize("repairing", [False, True])
def test_an_audit_that_is_closed_stops_within_a_large_file(database, series, repairing):
    import_(database, series.folder, copy=True)
    large = Path(database.instances()[0].path)
    os.truncate(large, 8 << 30)  # of holes: it takes no room, and half a minute to hash
    with database._catalogue.transaction() as connection:
        connection.execute("UPDATE instance SET bytes = ?", (8 << 30,))
    job = database.verify_job(repair=repairing)
    next(job)
    started = time.monotonic()
    for _ in range(3):
        next(job)
    assert time.monotonic() - started < 2
    started = time.monotonic()
    job.close()
    assert time.monotonic() - started < 0.5


# --- the quick look


def test_the_quick_look_sees_names_and_sizes(database, series):
    import_(database, series.folder, copy=True)
    paths = [Path(one.path) for one in database.instances()]
    paths[0].unlink()
    paths[1].write_bytes(b"short")
    flip(paths[2])
    report = run_to_end(database.verify_job(quick=True))
    assert (report.checked, report.missing, report.damaged) == (4, (str(paths[0]),), (str(paths[1]),))
    report = run_to_end(database.verify_job())
    assert report.damaged == tuple(sorted((str(paths[1]), str(paths[2]))))
    # what was once found damaged is not taken for whole by its size
    assert run_to_end(database.verify_job(quick=True)).damaged == report.damaged


def test_the_quick_look_counts_as_no_audit(database, series):
    import_(database, series.folder, copy=True)
    run_to_end(database.verify_job(quick=True))
    assert database._catalogue.rows("SELECT DISTINCT audited_at FROM instance") == [(None,)]
    run_to_end(database.verify_job())
    ((when,),) = database._catalogue.rows("SELECT DISTINCT audited_at > 1700000000 FROM instance")
    assert when == 1


def test_what_is_being_purged_is_no_finding_and_is_not_brought_back(database, series):
    import_(database, series.folder, copy=True)
    paths = [Path(one.path) for one in database.instances()]
    purge = database.purge_job([series.uid])
    while paths[0].exists():
        next(purge)
    report = run_to_end(database.verify_job())
    assert (report.missing, report.orphans) == ((), ())
    purge.close()
    assert repair(database).repaired == ()
    assert not paths[0].exists()


def test_a_session_that_was_being_made_when_its_lock_seemed_free_is_left_alone(tmp_path):
    with session_folder(tmp_path / "incoming") as folder:
        (folder / "whole.part").write_bytes(b"ours")
        remove_session(folder.with_name(f"{folder.name}.lock"))  # as a sweeper that saw the lock too early
        assert (folder / "whole.part").read_bytes() == b"ours"
        assert dead_sessions(tmp_path / "incoming") == []
    assert list((tmp_path / "incoming").iterdir()) == []
