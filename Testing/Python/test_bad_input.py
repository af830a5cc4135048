"""Whatever a user, a disk or a file does: one clear sentence, the right exit code, nothing lost, no traceback.

The command line runs as a process of its own, as a user's shell runs it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import factories
import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
# root may read and write everything, whatever the permissions say, until these two capabilities are taken from it
WITHOUT_PRIVILEGE = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if IS_ROOT else []
needs_permissions = pytest.mark.skipif(
    os.name == "nt" or (IS_ROOT and shutil.which("setpriv") is None), reason="permissions do not bind this user"
)


class CommandLine:
    """`dicommodule --json --database FOLDER …` as a process."""

    def __init__(self, database: Path, prefix: list[str] | None = None) -> None:
        self.database = database
        self.prefix = prefix or []

    def __call__(self, *arguments: object) -> tuple[int, object]:
        command = [
            *self.prefix,
            sys.executable,
            "-m",
            "DICOMModule",
            "--json",
            "--database",
            str(self.database),
            *map(str, arguments),
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(self.database.parent)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, env=environment, check=False)
        assert "Traceback" not in done.stderr + done.stdout
        document = json.loads(done.stdout)
        if done.returncode == 1:
            assert set(document) == {"error", "kind"}
            assert "fault of the program" not in document["error"]
            assert len(done.stderr.strip().splitlines()) == 1
        return done.returncode, document


@pytest.fixture
def run(tmp_path):
    return CommandLine(tmp_path / "database")


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", slices=3)


def accounted(report: dict) -> int:
    counts = ("added", "updated", "unchanged", "not_dicom")
    return sum(report[key] for key in counts) + len(report["rejected"]) + len(report["duplicates"])


@pytest.mark.parametrize("verb", ["import", "examine", "load", "tags"])
def test_a_path_that_does_not_exist(run, tmp_path, verb):
    output = ["--output", tmp_path / "v.nrrd"] if verb == "load" else []
    code, document = run(verb, tmp_path / "missing", *output)
    assert code == 1
    assert "missing" in document["error"]


def test_one_path_that_does_not_exist_registers_nothing_of_the_others(run, series, tmp_path):
    assert run("import", series.folder, tmp_path / "missing")[0] == 1
    code, rows = run("list", "instances")
    assert (code == 1 and rows["kind"] == "DatabaseNotFoundError") or rows == []


@pytest.mark.parametrize("verb", ["examine", "load", "tags"])
def test_a_text_file_is_no_image(run, tmp_path, verb):
    text = tmp_path / "notes.txt"
    text.write_text("Dear colleague,\n" * 20)
    output = ["--output", tmp_path / "v.nrrd"] if verb == "load" else []
    code, document = run(verb, text, *output)
    assert code == 1
    assert "notes.txt" in document["error"]
    assert "not DICOM" in document["error"]


@pytest.mark.parametrize("verb", ["examine", "load", "tags"])
def test_a_cut_file_is_refused(run, series, tmp_path, verb):
    cut = series.files[0]
    cut.write_bytes(cut.read_bytes()[:-30])
    output = ["--output", tmp_path / "v.nrrd"] if verb == "load" else []
    code, document = run(verb, cut, *output)
    assert code == 1
    assert "cut" in document["error"]
    assert not (tmp_path / "v.nrrd").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_fifos_links_and_loops_are_rows_of_the_report(run, series):
    os.mkfifo(series.folder / "fifo")
    (series.folder / "loop").symlink_to(series.folder)
    (series.folder / "self").symlink_to(series.folder / "self")
    code, report = run("import", series.folder)
    assert code == 3
    assert report["added"] == 3
    assert {Path(row["path"]).name for row in report["rejected"]} == {"fifo", "loop", "self"}
    assert accounted(report) == report["files_seen"] == 6


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.parametrize("verb", ["import", "tags", "examine"])
def test_a_fifo_named_outright_does_not_hang(run, tmp_path, verb):
    os.mkfifo(tmp_path / "fifo")
    code, document = run(verb, tmp_path / "fifo")
    assert code == (3 if verb == "import" else 1)
    assert "fifo" in json.dumps(document)


@needs_permissions
def test_an_unreadable_file_is_a_row_of_the_report(tmp_path, series):
    series.files[0].chmod(0)
    run = CommandLine(tmp_path / "database", WITHOUT_PRIVILEGE)
    code, report = run("import", series.folder)
    assert code == 3
    assert report["added"] == 2
    (row,) = report["rejected"]
    assert "permission" in row["reason"].lower()


def test_an_empty_folder_is_a_0_with_zero_counts(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, report = run("import", tmp_path / "empty")
    assert code == 0
    assert report["files_seen"] == 0
    assert run("examine", tmp_path / "empty")[0] == 1


def test_a_database_of_a_newer_version_is_left_untouched(run, series):
    run("import", series.folder)
    (file,) = run.database.glob("*.sqlite*")
    with sqlite3.connect(file) as connection:
        newer = connection.execute("pragma user_version").fetchone()[0] + 1
        connection.execute(f"pragma user_version = {newer}")
        if connection.execute("select count(*) from sqlite_master where name = 'schema_version'").fetchone()[0]:
            connection.execute("update schema_version set version = ?", (newer,))
    connection.close()
    before = file.read_bytes()
    for verb in (("list",), ("import", series.folder), ("verify",)):
        code, document = run(*verb)
        assert code == 1
        assert document["kind"] == "DatabaseTooNewError"
    assert file.read_bytes() == before


def test_a_database_file_of_garbage_is_named_and_kept(run, series):
    run("import", series.folder)
    (file,) = run.database.glob("*.sqlite*")
    file.write_bytes(b"garbage" * 1000)
    code, document = run("list")
    assert code == 1
    assert document["kind"] == "DatabaseCorruptError"
    assert file.read_bytes() == b"garbage" * 1000


def test_a_file_where_the_database_folder_should_be(run, series):
    run.database.write_text("not a folder")
    code, document = run("import", series.folder)
    assert code == 1
    assert "database" in document["error"]
    assert run.database.read_text() == "not a folder"


@needs_permissions
def test_a_database_without_write_permission_reads_but_does_not_write(run, series):
    assert run("import", series.folder)[0] == 0
    paths = (run.database, *run.database.rglob("*"))
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    stranger = CommandLine(run.database, WITHOUT_PRIVILEGE)
    try:
        code, document = stranger("import", series.folder)
        assert code == 1
        assert document["kind"] == "DatabaseReadOnlyError"
        code, rows = stranger("list", "instances")
        assert code == 0
        assert len(rows) == 3
    finally:
        for path in paths:
            path.chmod(0o700)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB that only this test uses."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_and_what_was_there_stays(tmp_path, small_disk):
    small = factories.make_series(tmp_path / "small", "small", slices=3)
    large = factories.make_series(tmp_path / "large", "large", slices=60, rows=256, columns=256)
    run = CommandLine(small_disk / "database")
    assert run("import", "--copy", small.folder)[0] == 0
    code, document = run("import", "--copy", large.folder)
    assert code == 1
    assert document["kind"] == "DiskFullError"
    assert run("verify")[0] == 0
    assert len(run("list", "instances", "--series", small.uid)[1]) == 3
    assert not [path for path in run.database.rglob("*.dcm") if path.stat().st_size == 0]
    code, document = run("load", small.uid, "--output", small_disk / "database" / "volume.nrrd")
    assert code in (0, 1)
    assert not list(small_disk.rglob("*.part"))
