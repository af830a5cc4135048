"""A copy in a ZIP file is there whole, proved and readable by others, or not at all."""

from __future__ import annotations

import os
import zipfile

import pytest
from copying_kit import bring_in, close_after, contents, copy_out, hashes_of, sha256

from DICOMModule.database import DicomDatabase
from DICOMModule.errors import ExportError
from DICOMModule.export.copy_report import CopyOptions
from DICOMModule.jobs import run_to_end

FOLDER = "Phantom, Factory/2026-03-09 Made study/1 CT Made one"


def test_an_archive_holds_every_file_and_comes_back_into_a_database(logic, series_factory, tmp_path):
    plain, packed = series_factory("one", slices=2), series_factory("two", slices=2, rle=True)
    bring_in(logic, plain, packed)
    report = copy_out(logic, [plain.uid, packed.uid], tmp_path / "out.zip")
    assert (report.files, report.skipped, report.output) == (4, (), tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        assert sorted(sha256(archive.read(name)) for name in archive.namelist()) == hashes_of(plain, packed)
        assert archive.namelist()[:2] == [f"{FOLDER}/00001.dcm", f"{FOLDER}/00002.dcm"]
        methods = [entry.compress_type for entry in archive.infolist()]
        assert methods == [zipfile.ZIP_DEFLATED] * 2 + [zipfile.ZIP_STORED] * 2
        archive.extractall(tmp_path / "unpacked")
    with DicomDatabase.open(tmp_path / "second") as second:
        assert run_to_end(second.import_job([tmp_path / "unpacked"])).added == 4


def test_the_same_files_make_the_same_archive(logic, series_factory, tmp_path):
    series = series_factory("one")
    bring_in(logic, series)
    for name in ("a.zip", "b.ZIP"):
        copy_out(logic, series.uid, tmp_path / name)
        for file in series.files:
            os.utime(file)
        bring_in(logic, series)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.ZIP").read_bytes()


def test_names_of_other_scripts_are_read_by_others(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1, PatientName="Yamada^Tarou=山田^太郎", SeriesDescription="Übersicht 山")
    bring_in(logic, series)
    copy_out(logic, series.uid, tmp_path / "out.zip", names="{SeriesDescription}/{InstanceNumber}")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == ["Übersicht 山/1.dcm"]
        assert archive.infolist()[0].flag_bits & 0x800  # the name is UTF-8, and says so


def test_what_is_missing_or_changed_is_not_in_the_archive(logic, series_factory, tmp_path):
    series = series_factory("one", slices=4, shuffle=False)
    bring_in(logic, series, copy=True)
    missing, changed, *_ = sorted((tmp_path / "database" / "dicom").rglob("*.dcm"))
    missing.unlink()
    status, data = changed.stat(), bytearray(changed.read_bytes())
    data[-1] ^= 255
    changed.write_bytes(data)
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    report = copy_out(logic, series.uid, tmp_path / "out.zip")
    assert (report.files, len(report.skipped)) == (2, 2)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 2
        assert {sha256(archive.read(name)) for name in archive.namelist()} < set(hashes_of(series))


def test_where_nothing_can_go_out_there_is_no_archive(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2)
    bring_in(logic, series)
    for file in series.files:
        file.unlink()
    report = copy_out(logic, series.uid, tmp_path / "out.zip")
    assert (report.files, len(report.skipped), report.output) == (0, 2, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "database"]


def test_an_archive_that_is_there_is_not_replaced(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1)
    bring_in(logic, series)
    (tmp_path / "out.zip").write_bytes(b"mine")
    with pytest.raises(ExportError, match="exists already and is not replaced"):
        copy_out(logic, series.uid, tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_bytes() == b"mine"


def test_an_archive_that_came_to_be_meanwhile_is_not_replaced(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2)
    bring_in(logic, series)
    job = logic.copy_job([series.uid], tmp_path / "out.zip", CopyOptions())
    next(job)
    (tmp_path / "out.zip").write_bytes(b"mine")
    with pytest.raises(ExportError, match="exists by now"):
        run_to_end(job)
    assert (tmp_path / "out.zip").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "database", "out.zip"]


def test_a_folder_that_does_not_exist_is_told(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1)
    bring_in(logic, series)
    with pytest.raises(ExportError, match="there is no folder"):
        copy_out(logic, series.uid, tmp_path / "nowhere" / "out.zip")


def test_a_folder_whose_name_ends_like_an_archive_is_a_folder(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1)
    bring_in(logic, series)
    (tmp_path / "out.zip").mkdir()
    copy_out(logic, series.uid, tmp_path / "out.zip")
    assert list(contents(tmp_path / "out.zip")) == [f"{FOLDER}/00001.dcm"]


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.8, 0.99])
def test_a_closed_job_leaves_nothing(logic, series_factory, tmp_path, part):
    series = series_factory("one", slices=4)
    bring_in(logic, series)
    count = sum(1 for _ in logic.copy_job([series.uid], tmp_path / "measured.zip", CopyOptions()))
    assert close_after(logic.copy_job([series.uid], tmp_path / "out.zip", CopyOptions()), int(count * part))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "database", "measured.zip"]


def test_an_archive_that_does_not_read_back_is_not_kept(logic, series_factory, tmp_path):
    series = series_factory("one", slices=2, rle=True)
    bring_in(logic, series)
    job = logic.copy_job([series.uid], tmp_path / "out.zip", CopyOptions())
    for progress in job:
        if progress.text.startswith("reading the ZIP"):
            (archive,) = tmp_path.rglob("archive.part")
            with archive.open("r+b") as stream:
                stream.seek(300)  # the preamble of the first file
                stream.write(b"?")
            break
    with pytest.raises(ExportError, match="did not read back"):
        run_to_end(job)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "database"]


def test_a_file_that_changes_while_it_is_packed_spoils_no_archive(logic, series_factory, tmp_path):
    series = series_factory("one", slices=1, rows=512, columns=1200)
    bring_in(logic, series)
    (file,) = series.files
    data = bytearray(file.read_bytes())
    data[-1] ^= 255
    count = sum(1 for _ in logic.copy_job([series.uid], tmp_path / "measured.zip", CopyOptions()))
    outcomes = set()
    for steps in range(count):  # whenever it happens
        job = logic.copy_job([series.uid], tmp_path / "out.zip", CopyOptions())
        for _ in range(steps):
            next(job)
        status, whole = file.stat(), file.read_bytes()
        file.write_bytes(data)
        os.utime(file, ns=(1, 1))
        try:
            report = run_to_end(job)
            outcomes.add("skipped" if report.skipped else "copied")
        except ExportError as error:
            outcomes.add("refused" if "changed while" in str(error) and "Copy again" in str(error) else str(error))
        if (tmp_path / "out.zip").exists():
            with zipfile.ZipFile(tmp_path / "out.zip") as archive:
                assert [archive.read(name) for name in archive.namelist()] == [whole]
            (tmp_path / "out.zip").unlink()
        file.write_bytes(whole)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert outcomes == {"skipped", "refused", "copied"}
