"""Hostile folders: names, kinds and rights of files that nobody expects, and files that change under the import.

Cases 24 and 32 to 35 of the reliability plan, through the import and the command line.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
import time
from pathlib import Path

import factories
import pytest
from hostile_files import CASES
from importing import counts, hashes, import_
from test_bad_input import IS_ROOT, WITHOUT_PRIVILEGE, CommandLine, needs_permissions

from DICOMModule.commands.main import main
from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import run_to_end

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and kinds of files of POSIX")


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data" / "series", slices=4, rows=4, columns=4)


def reasons(report) -> dict[str, str]:
    return {Path(row.where).name: row.reason for row in report.rejected}


# --- kinds


def test_what_is_no_file_is_a_row_at_once_and_is_not_waited_for(database, series):
    folder = series.folder
    os.mkfifo(folder / "pipe")
    if IS_ROOT:
        os.mknod(folder / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.mknod(folder / "disk", stat.S_IFBLK | 0o600, os.makedev(7, 0))
    with socket.socket(socket.AF_UNIX) as listening:
        before = Path.cwd()
        os.chdir(folder)  # the name of a socket is short
        try:
            listening.bind("socket")
        finally:
            os.chdir(before)
        started = time.monotonic()
        report = import_(database, folder)
        assert time.monotonic() - started < 5
    found = reasons(report)
    assert report.added == 4
    assert "pipe" in found["pipe"]
    assert "socket" in found["socket"]
    assert not IS_ROOT or ("device" in found["device"] and "device" in found["disk"])


def test_a_terminal_named_outright_is_a_row(database):
    master, slave = os.openpty()
    try:
        report = import_(database, Path(os.ttyname(slave)))
    finally:
        os.close(master)
        os.close(slave)
    assert counts(report) == {"files_seen": 1, "rejected": 1}
    assert "device" in report.rejected[0].reason


@pytest.mark.parametrize("copy", [False, True])
def test_links_are_not_followed_and_hard_links_count_once(database, series, tmp_path, copy):
    outside = factories.make_series(tmp_path / "outside", "outside", slices=1).files[0]
    (series.folder / "out").symlink_to(outside)
    (series.folder / "up").symlink_to(series.folder.parent)
    (series.folder / "self").symlink_to("self")
    (series.folder / "gone").symlink_to("nowhere")
    os.link(series.files[0], series.folder / "again")
    report = import_(database, series.folder.parent, copy=copy)
    assert counts(report) == {"files_seen": 8, "added": 4, "rejected": 4}
    assert all("link" in reason for reason in reasons(report).values())
    assert len(database.patients()) == 1


# --- rights


@needs_permissions
def test_a_folder_that_may_not_be_looked_into_is_a_row_and_the_rest_comes(tmp_path, series):
    locked = series.folder / "locked"
    locked.mkdir()
    (locked / "x").touch()
    locked.chmod(0)
    try:
        code, report = CommandLine(tmp_path / "database", WITHOUT_PRIVILEGE)("import", "--copy", series.folder)
    finally:
        locked.chmod(0o700)
    assert (code, report["added"]) == (3, 4)
    (row,) = report["rejected"]
    assert row["path"] == str(locked)
    assert "ermission" in row["reason"]


@needs_permissions
def test_a_folder_that_may_not_be_written_to_is_imported_and_left_as_it_is(tmp_path, series):
    before = hashes(series.folder)
    for path in (*series.files, series.folder):
        path.chmod(path.stat().st_mode & 0o555)
    try:
        for how in ("--copy", "--reference"):
            code, report = CommandLine(tmp_path / how, WITHOUT_PRIVILEGE)("import", how, series.folder)
            assert (code, report["added"]) == (0, 4)
    finally:
        series.folder.chmod(0o700)
    assert hashes(series.folder) == before


# --- names

NAMES = (
    b"a\nb.dcm", b"\x1b[31mred.dcm", b"caf\xe9", b"\xff\xfe\xfd", b" ", b"-rf", b"CON", b"%s%n", b"=cmd", b"a\rb", b"\x7f",
    "\u202egpj.exe".encode(), "a\u2028b".encode(), b"x" * 255, b"\xc3\xa4" * 127, b"'; DROP TABLE instance; --", b"..dcm",
)  # fmt: skip


@pytest.mark.parametrize("copy", [False, True])
def test_files_are_imported_whatever_their_names_and_every_line_about_them_is_one_line(tmp_path, capsys, copy):
    series = factories.make_series(tmp_path / "data", slices=len(NAMES), rows=2, columns=2)
    folder = tmp_path / "names"
    folder.mkdir()
    for path, name in zip(series.files, NAMES, strict=True):
        path.rename(os.fsdecode(os.fsencode(folder) + b"/" + name))
    for name in NAMES:  # beside each one that is cut
        place = folder / "cut"
        place.mkdir(exist_ok=True)
        Path(os.fsdecode(os.fsencode(place) + b"/" + name)).write_bytes(b"\0" * 128 + b"DICM" + b"\2\0")
    how = "--copy" if copy else "--reference"
    assert main(["--verbose", "--database", str(tmp_path / "database"), "import", how, str(folder)]) == 3
    printed = capsys.readouterr()
    assert f"{2 * len(NAMES)} files: {len(NAMES)} added, {len(NAMES)} rejected" in printed.out
    assert main(["--database", str(tmp_path / "database"), "list", "instances"]) == 0
    lines = (printed.out + printed.err + capsys.readouterr().out).split("\n")
    assert all(line.isprintable() for line in lines)
    with DicomDatabase.open(tmp_path / "database") as database:
        assert counts(import_(database, folder, copy=copy))["unchanged"] == len(NAMES)
        assert len(database.headers_of_series(series.uid)) == len(NAMES)
        assert run_to_end(database.verify_job()).missing == ()


def test_names_that_differ_by_case_alone_do_not_clash(database, series):
    for number, name in enumerate(("IMG.dcm", "img.dcm", "Img.DCM")):
        series.files[number].rename(series.folder / name)
    assert counts(import_(database, series.folder, copy=True)) == {"files_seen": 4, "added": 4}
    places = [Path(one.path) for one in database.instances()]
    assert len({place.name.lower() for place in places}) == 4


def test_a_path_that_no_program_can_open_is_a_row_and_the_rest_comes(database, series):
    before = Path.cwd()
    os.chdir(series.folder)
    try:
        for _ in range(18):  # by and by, as no call takes the whole path
            Path("d" * 250).mkdir()
            os.chdir("d" * 250)
        Path("deep.dcm").write_bytes(series.files[0].read_bytes())
    finally:
        os.chdir(before)
    report = import_(database, series.folder)
    assert report.added == 4
    (row,) = report.rejected
    assert "too long" in row.reason
    with pytest.raises(DicomFileError, match="too long"):
        run_to_end(database.import_job([Path("/" + "x" * 5000)]))


def test_a_path_with_a_nul_is_refused_with_a_sentence(database):
    with pytest.raises(DicomFileError, match="null"):
        run_to_end(database.import_job([Path("a\0b")]))


# --- files that change while they are imported


def vanish(path: Path) -> None:
    path.unlink()


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_a_link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(8))


def shrink(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4)


def become_another_that_looks_alike(path: Path) -> None:
    """Change the content, and put size and time back to what they were."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES = (vanish, become_a_pipe, become_a_link, become_a_folder, grow, shrink, become_another_that_looks_alike)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("copy", [False, True])
def test_a_file_that_changes_after_it_was_found_is_read_as_it_is_or_is_a_row(database, series, copy, change):
    job = database.import_job([series.folder], copy=copy)
    next(job)  # the folder has been listed, no file has been opened
    change(series.files[0])
    report = run_to_end(job)
    harmless = change in {become_another_that_looks_alike, grow}
    assert counts(report) == {"files_seen": 4, "added": 4} if harmless else {"files_seen": 4, "added": 3, "rejected": 1}
    audit = run_to_end(database.verify_job())
    assert (audit.missing, audit.damaged, audit.orphans) == ((), (), ())


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_between_its_header_and_its_copy_is_never_registered_as_what_it_was(
    database, series, change
):
    before = hashes(series.folder)
    job = database.import_job([series.folder], copy=True)
    next(job)
    next(job)  # all headers have been read, nothing has been copied
    change(series.files[0])
    report = run_to_end(job)
    assert counts(report) == {"files_seen": 4, "added": 3, "rejected": 1}
    assert Path(report.rejected[0].where) == series.files[0]
    assert set(hashes(database.folder / "dicom").values()) < set(before.values())
    assert not any((database.folder / "incoming").iterdir())


@pytest.mark.parametrize("change", [grow, shrink, become_another_that_looks_alike])
def test_a_file_that_changes_while_it_is_copied_is_a_row(database, series, monkeypatch, change):
    fsync, changed = os.fsync, []

    def change_then_sync(descriptor):
        if not changed and Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".part":
            changed.append(True)
            change(series.files[0])
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", change_then_sync)
    report = run_to_end(database.import_job([series.files[0]], copy=True))
    assert counts(report) == {"files_seen": 1, "rejected": 1}
    assert "changed while it was being copied" in report.rejected[0].reason
    assert not list((database.folder / "dicom").rglob("*.dcm"))


@pytest.mark.parametrize("change", [vanish, become_a_pipe])
def test_another_content_that_goes_before_it_is_set_aside_is_a_row(database, series, tmp_path, change):
    import_(database, series.folder)
    dataset = series.datasets[0]
    dataset.SeriesDescription = "Other"
    other = factories.write(dataset, tmp_path / "other" / "1.dcm")
    job = database.import_job([other.parent])
    while next(job).text != other.name:
        pass
    next(job)
    change(other)
    report = run_to_end(job)
    assert counts(report) == {"files_seen": 1, "rejected": 1}
    assert run_to_end(database.verify_job()).quarantined == ()


def test_a_copy_of_gigabytes_stops_where_the_import_is_closed(database, tmp_path):
    if shutil.disk_usage(tmp_path).free < 5 << 30:
        pytest.skip("the disk has too little room for what is only begun to be copied")
    case = next(one for one in CASES if one.name == "sparse pixel data of four gigabytes")
    (tmp_path / "data").mkdir()
    path = case.write(tmp_path / "data")
    job = database.import_job([path], copy=True)
    while not list((database.folder / "incoming").rglob("*.part")):
        next(job)
    started = time.monotonic()
    job.close()
    assert time.monotonic() - started < 3  # the whole of it takes longer to write, on any disk of today
    assert not any((database.folder / "incoming").iterdir())
    assert database.instances() == []
