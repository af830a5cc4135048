"""Copies in a folder are the files, byte for byte, or are not there; nothing that was there is replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PYDICOM_DATA
from copying_kit import bring_in, close_after, contents, copy_out, flip_last_byte, hashes_of, sha256

from DICOMModule.errors import ExportError, UnknownUIDError
from DICOMModule.export.copy_folder import FILES_A_BATCH
from DICOMModule.export.copy_report import CopyOptions
from DICOMModule.export.copy_staging import PREFIX, _lock
from DICOMModule.jobs import run_to_end

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Reliability"))

FOLDER = "Phantom, Factory/2026-03-09 Made study/1 CT Made one"


@pytest.mark.parametrize("copied_in", [False, True])
def test_a_series_comes_out_byte_for_byte_under_readable_names(logic, series_factory, tmp_path, copied_in):
    series = series_factory("one", slices=3, rle=True)
    bring_in(logic, series, copy=copied_in)
    report = copy_out(logic, series.uid, tmp_path / "new" / "out")
    assert sorted(contents(tmp_path / "new" / "out")) == [f"{FOLDER}/0000{number}.dcm" for number in (1, 2, 3)]
    assert sorted(contents(tmp_path / "new" / "out").values()) == hashes_of(series)
    size = sum(file.stat().st_size for file in series.files)
    assert (report.files, report.bytes, report.skipped, report.warnings) == (3, size, (), ())
    assert report.output == tmp_path / "new" / "out"


def test_patients_studies_and_instances_come_out_once_each(logic, series_factory, tmp_path):
    one, two = series_factory("one"), series_factory("two", PatientID="MADE-2")
    bring_in(logic, one, two)
    (patient, _) = logic.database().patients()
    targets = [f"patient:{patient.patient}", one.study_uid, one.uid, str(two.datasets[0].SOPInstanceUID)]
    report = copy_out(logic, targets, tmp_path / "out")
    assert report.files == 6
    assert len(contents(tmp_path / "out")) == 6


def test_a_target_that_is_nothing_leaves_nothing(logic, series_factory, tmp_path):
    series = series_factory("one")
    bring_in(logic, series)
    with pytest.raises(UnknownUIDError):
        copy_out(logic, [series.uid, "1.2.3.4"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_in_the_trash_does_not_go_out(logic, series_factory, tmp_path):
    series = series_factory("one", shuffle=False)
    bring_in(logic, series)
    run_to_end(logic.delete_job([str(series.datasets[2].SOPInstanceUID)]))
    assert copy_out(logic, series.uid, tmp_path / "out").files == 4
    assert f"{FOLDER}/00003.dcm" not in contents(tmp_path / "out")


def test_hostile_values_stay_within_the_folder(logic, series_factory, tmp_path):
    hostile = ["../../x", "CON", "nul\0byte", "\u202egnp", "y" * 64, ""]
    made = [
        series_factory(f"h{number}", slices=1, SeriesDescription=value, StudyDescription=value, PatientID=value or None)
        for number, value in enumerate(hostile)
    ]
    bring_in(logic, *made)
    report = copy_out(logic, [one.uid for one in made], tmp_path / "deep" / "out")
    assert report.files == len(made)
    assert sorted(contents(tmp_path / "deep").values()) == hashes_of(*made)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert all(len(part.encode()) <= 80 for path in contents(tmp_path / "deep") for part in path.split("/"))


# --- nothing is replaced


def test_what_is_there_already_counts_and_is_not_written_again(logic, series_factory, tmp_path):
    series = series_factory("one")
    bring_in(logic, series)
    copy_out(logic, series.uid, tmp_path / "out")
    before = {path: path.stat().st_ino for path in (tmp_path / "out").rglob("*")}
    report = copy_out(logic, series.uid, tmp_path / "out")
    assert (report.files, report.already_there) == (5, 5)
    assert {path: path.stat().st_ino for path in (tmp_path / "out").rglob("*")} == before


def test_another_content_keeps_its_name_and_the_copy_gets_the_next(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2)
    bring_in(logic, series)
    there = tmp_path / "out" / FOLDER / "00001.dcm"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"mine")
    for _ in range(2):  # the second run finds what the first has written
        assert copy_out(logic, series.uid, tmp_path / "out").files == 2
        assert there.read_bytes() == b"mine"
        assert sorted(path.name for path in there.parent.iterdir()) == ["00001 (2).dcm", "00001.dcm", "00002.dcm"]


def test_the_name_that_is_free_on_the_disk_is_not_one_that_another_instance_is_to_get(logic, series_factory, tmp_path):
    series = series_factory(
        "one", slices=2, SeriesDescription="same", edit=lambda ds, _: setattr(ds, "InstanceNumber", "1")
    )
    bring_in(logic, series)
    there = tmp_path / "out" / "1.dcm"
    there.parent.mkdir()
    there.write_bytes(b"mine")
    copy_out(logic, series.uid, tmp_path / "out", names="{InstanceNumber}")
    assert sorted(contents(tmp_path / "out")) == ["1 (2).dcm", "1 (3).dcm", "1.dcm"]
    assert there.read_bytes() == b"mine"


def test_a_name_that_another_program_takes_meanwhile_stays_its_own(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2)
    bring_in(logic, series)
    for progress in (job := logic.copy_job([series.uid], tmp_path / "out", CopyOptions(names="{InstanceNumber}"))):
        if progress.text.startswith("copying"):  # the folder has been listed by now
            (tmp_path / "out" / "1.dcm").write_bytes(b"mine")
            break
    assert run_to_end(job).files == 2
    assert sorted(contents(tmp_path / "out")) == ["1 (2).dcm", "1.dcm", "2.dcm"]
    assert (tmp_path / "out" / "1.dcm").read_bytes() == b"mine"


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="there the two names are one")
def test_names_that_are_there_in_other_capitals_are_taken_for_the_same(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1)
    bring_in(logic, series)
    (tmp_path / "out" / "PHANTOM, factory").mkdir(parents=True)
    (tmp_path / "out" / "PHANTOM, factory" / "00001.DCM").write_bytes(b"mine")
    copy_out(logic, series.uid, tmp_path / "out", names="{PatientName}/{InstanceNumber:05}")
    assert sorted(contents(tmp_path / "out")) == ["PHANTOM, factory/00001 (2).dcm", "PHANTOM, factory/00001.DCM"]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_stands_in_the_way_of_a_folder_is_left_alone(logic, series_factory, tmp_path, kind):
    series = series_factory("one", slices=1)
    bring_in(logic, series)
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    in_the_way = tmp_path / "out" / "Phantom, Factory"
    if kind == "file":
        in_the_way.write_bytes(b"mine")
    else:
        in_the_way.symlink_to(tmp_path / "elsewhere")
    copy_out(logic, series.uid, tmp_path / "out", names="{PatientName}/{InstanceNumber}")
    assert (tmp_path / "out" / "Phantom, Factory (2)" / "1.dcm").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "in the database"])
def test_a_destination_that_cannot_be_one_is_refused(logic, series_factory, tmp_path, kind):
    series = series_factory("one")
    bring_in(logic, series, copy=True)
    (tmp_path / "file").write_bytes(b"mine")
    destination = tmp_path / "file" if kind == "file" else tmp_path / "database" / "dicom" / "out"
    with pytest.raises(ExportError, match=r"is a file|no place for copies"):
        copy_out(logic, series.uid, destination)
    assert (tmp_path / "file").read_bytes() == b"mine"
    assert not (tmp_path / "database" / "dicom" / "out").exists()


# --- only what is whole and unchanged goes out


def test_a_missing_and_two_changed_files_are_skipped_and_the_rest_goes_out(logic, series_factory, tmp_path):
    series = series_factory("one", shuffle=False)
    bring_in(logic, series)
    series.files[0].unlink()
    longer, touched = series.files[1], series.files[2]
    longer.write_bytes(longer.read_bytes() + b"\0\0")
    os.utime(touched, ns=(1, 1))
    report = copy_out(logic, series.uid, tmp_path / "out")
    assert (report.files, len(report.skipped)) == (2, 3)
    uids = {
        str(series.datasets[k].SOPInstanceUID): reason
        for k, reason in enumerate(("No such", "is not what", "is not what"))
    }
    for problem in report.skipped:
        assert uids.pop(problem.where) in problem.reason
    assert sorted(contents(tmp_path / "out")) == [f"{FOLDER}/00004.dcm", f"{FOLDER}/00005.dcm"]


def test_a_flipped_bit_is_found_where_the_content_is_known(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2)
    bring_in(logic, series, copy=True)
    stored = next((tmp_path / "database" / "dicom").rglob("*.dcm"))
    status, data = stored.stat(), bytearray(stored.read_bytes())
    data[-5] ^= 1
    stored.write_bytes(data)
    os.utime(stored, ns=(status.st_atime_ns, status.st_mtime_ns))
    report = copy_out(logic, series.uid, tmp_path / "out")
    assert (report.files, len(report.skipped)) == (1, 1)
    assert len(contents(tmp_path / "out")) == 1


def test_a_known_content_may_have_another_time(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2)
    bring_in(logic, series)
    run_to_end(logic.verify_job())  # from now on the database knows what is in them
    for file in series.files:
        os.utime(file, ns=(1, 1))
    assert copy_out(logic, series.uid, tmp_path / "out").files == 2
    assert sorted(contents(tmp_path / "out").values()) == hashes_of(series)


def test_a_file_that_became_another_of_the_same_size_and_time_is_found(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2, shuffle=False)
    bring_in(logic, series)
    first, second = series.files
    status = first.stat()
    first.write_bytes(second.read_bytes())
    os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns))
    report = copy_out(logic, series.uid, tmp_path / "out")
    assert [problem.where for problem in report.skipped] == [str(series.datasets[0].SOPInstanceUID)]


def test_what_does_not_read_back_gets_no_name(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2, shuffle=False)
    bring_in(logic, series)
    job = logic.copy_job([series.uid], tmp_path / "out", CopyOptions())
    flipped = False
    report = None
    while report is None:
        try:
            next(job)
        except StopIteration as stop:
            report = stop.value
        whole = [part for part in tmp_path.rglob("0.part") if part.stat().st_size == series.files[0].stat().st_size]
        if whole and not flipped:
            flip_last_byte(whole[0])
            flipped = True
    assert (report.files, [row.where for row in report.skipped]) == (1, [str(series.datasets[0].SOPInstanceUID)])
    assert "did not read back" in report.skipped[0].reason
    assert list(contents(tmp_path / "out").values()) == [sha256(series.files[1].read_bytes())]


def test_a_place_where_no_folder_can_be_made_is_told(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1)
    bring_in(logic, series)
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(ExportError, match="cannot write to"):
        copy_out(logic, series.uid, tmp_path / "file" / "out")
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("begin", [b"MZ\x90\0", b"\x7fELF\x02", b"#!/bin/sh\nrm -rf ~\n", b"\xcf\xfa\xed\xfe"])
def test_a_preamble_that_is_a_program_is_zeroed_and_said(logic, series_factory, tmp_path, begin):
    series = series_factory("one", slices=1)
    (file,) = series.files
    data = file.read_bytes()
    file.write_bytes(begin.ljust(128, b"!") + data[128:])
    bring_in(logic, series)
    for there_before in (0, 1):
        report = copy_out(logic, series.uid, tmp_path / "out")
        assert (report.files, report.already_there) == (1, there_before)
        (warning,) = report.warnings
        assert warning.where == str(series.datasets[0].SOPInstanceUID)
        assert "preamble" in warning.reason
    assert list(contents(tmp_path / "out").values()) == [sha256(bytes(128) + data[128:])]


def test_a_preamble_that_is_a_picture_goes_out_as_it_is(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1)
    (file,) = series.files
    file.write_bytes(
        b"II*\0\x08\0\0\0".ljust(128, b"\0") + file.read_bytes()[128:]
    )  # TIFF, which PS3.10 7.1 has in mind
    bring_in(logic, series)
    assert copy_out(logic, series.uid, tmp_path / "out").warnings == ()
    assert list(contents(tmp_path / "out").values()) == hashes_of(series)


# --- interrupted


def test_a_killed_copy_leaves_nothing_torn_and_the_next_one_completes_it(tmp_path):
    import kill_copy

    assert kill_copy.run(1, seed=1, base=tmp_path, slices=200) == []


@pytest.mark.parametrize("part", [0.0, 0.4, 0.8])
def test_a_closed_job_leaves_whole_files_only_and_the_next_run_goes_on(logic, series_factory, tmp_path, part):
    series = series_factory("many", slices=FILES_A_BATCH + 10, rows=2, columns=2)
    bring_in(logic, series)
    count = sum(1 for _ in logic.copy_job([series.uid], tmp_path / "measured", CopyOptions()))
    assert close_after(logic.copy_job([series.uid], tmp_path / "out", CopyOptions()), int(count * part))
    left = contents(tmp_path / "out")
    assert set(left.values()) <= set(hashes_of(series))
    assert not list(tmp_path.rglob(f"*{PREFIX}*"))
    assert (tmp_path / "out").exists() == bool(left)
    report = copy_out(logic, series.uid, tmp_path / "out")
    assert (report.files, report.already_there) == (FILES_A_BATCH + 10, len(left))
    assert sorted(contents(tmp_path / "out").values()) == hashes_of(series)


def test_what_a_killed_run_has_left_goes_and_what_a_living_one_holds_stays(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1)
    bring_in(logic, series)
    dead, living, no_folder = (tmp_path / "out" / f"{PREFIX}{name}" for name in ("dead", "living", "file"))
    for folder in (dead, living):
        folder.mkdir(parents=True)
        (folder / "0.part").write_bytes(b"half")
        (folder / "lock").touch()
    no_folder.write_bytes(b"mine")
    with (living / "lock").open("r+b") as held:
        _lock(held.fileno())
        copy_out(logic, series.uid, tmp_path / "out")
    assert not dead.exists()
    assert (living / "0.part").exists()
    assert no_folder.read_bytes() == b"mine"


FULL_DISK = """
import resource, sys
from pathlib import Path
from DICOMModule.errors import DiskFullError
from DICOMModule.export.copy_report import CopyOptions
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic

database, study, *destinations = sys.argv[1:]
with DICOMModuleLogic(Path(database)) as logic:
    logic.database().patients()
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    for destination in destinations:
        try:
            run_to_end(logic.copy_job([study], Path(destination), CopyOptions()))
        except DiskFullError as error:
            print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit that Windows has not")
def test_a_disk_that_becomes_full_leaves_whole_files_only(logic, series_factory, tmp_path):
    series = series_factory("one", slices=FILES_A_BATCH + 1, rows=2, columns=2, shuffle=False)
    big = series_factory("two", slices=1, rows=200, columns=200, StudyInstanceUID=series.study_uid, SeriesNumber="2")
    bring_in(logic, series, big)
    # a limit on the size of a file stands for the full disk: small files fit, the big one and the archive do not
    words = [str(tmp_path / "database"), series.study_uid, str(tmp_path / "out"), str(tmp_path / "out.zip")]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *words],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        timeout=60,
    )
    of_folder, of_archive = done.stdout.splitlines()
    assert "takes no file that large" in of_folder
    assert f"{FILES_A_BATCH} of {FILES_A_BATCH + 2} files are there" in of_folder
    assert len(contents(tmp_path / "out")) == FILES_A_BATCH
    assert set(contents(tmp_path / "out").values()) <= set(hashes_of(series))
    assert "Nothing was left there" in of_archive
    assert not (tmp_path / "out.zip").exists()
    assert not list(tmp_path.rglob(f"*{PREFIX}*"))


def test_too_little_room_is_said_before_anything_is_written(logic, series_factory, tmp_path, monkeypatch):
    series = series_factory("one")
    bring_in(logic, series)
    room = type("Usage", (), {"free": 3000})
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: room)
    for name in ("out", "out.zip"):
        with pytest.raises(Exception, match=r"needs .* and there are 2\.9 KiB free") as raised:
            copy_out(logic, series.uid, tmp_path / name)
        assert raised.typename == "DiskFullError"
        assert not (tmp_path / name).exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything may be written to")
def test_a_folder_that_may_not_be_written_to_is_told(logic, series_factory, tmp_path):
    series = series_factory("one")
    bring_in(logic, series)
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(ExportError, match="cannot write to"):
        copy_out(logic, series.uid, tmp_path / "out")


def test_real_files_come_out_as_they_are(logic, tmp_path):
    run_to_end(logic.import_job([PYDICOM_DATA]))
    instances = logic.database().instances()
    report = copy_out(logic, [one.sop_instance_uid for one in instances], tmp_path / "out")
    assert (report.files, report.skipped) == (len(instances), ())
    expected = sorted(sha256(Path(one.path).read_bytes()) for one in instances)
    assert sorted(contents(tmp_path / "out").values()) == expected
