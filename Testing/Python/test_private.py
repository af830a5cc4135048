"""Private databases: open to nobody else, gone when they are closed, and after a crash with the next start."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from importing import counts, import_

from DICOMModule.database import DicomDatabase, private_folder
from DICOMModule.database.private_folder import PRIVATE_PREFIX, PrivateFolder, shred, sweep_private_folders
from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic

CHILD = """
import os, signal, sys
from pathlib import Path
from DICOMModule.database import private_folder
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
private_folder.MEMORY_FREE_BYTES = 0
logic = DICOMModuleLogic.private()
run_to_end(logic.import_job([Path(sys.argv[1])], copy=True))
print(logic.database_folder, flush=True)
if sys.argv[2] == "wait":
    sys.stdin.readline()
elif sys.argv[2] == "forget":
    sys.exit()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Folders of the test's own: for temporary files, and one that stands for memory."""
    disk, memory = tmp_path / "disk", tmp_path / "memory"
    disk.mkdir()
    memory.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(disk))
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))
    monkeypatch.setattr(private_folder, "MEMORY_FREE_BYTES", 0)
    return disk, memory


def contents(places):
    return [path for place in places for path in place.iterdir()]


def test_what_names_patients_lies_in_memory_and_large_files_on_the_disk(places, series_factory):
    disk, memory = places
    series = series_factory(PatientName="Heimlich^Hedwig")
    with DICOMModuleLogic.private() as logic:
        run_to_end(logic.import_job([series.folder], copy=True))
        logic.thumbnail(series.uid)
        assert logic.database_folder.is_relative_to(disk)
        (folder,) = memory.glob(f"{PRIVATE_PREFIX}*")
        names = {path.name for path in folder.iterdir()}
        assert {"dicommodule.sqlite", "dicommodule.sqlite-wal", "dicommodule.sqlite-shm"} < names
        on_disk = [path for path in disk.rglob("*") if path.is_file() and not path.is_symlink()]
        assert len([path for path in on_disk if path.suffix == ".dcm"]) == 5
        assert not [path for path in on_disk if path.suffix != ".dcm" and b"Heimlich" in path.read_bytes()]
        if os.name == "posix":
            for one in (folder, logic.database_folder.parent):
                assert stat.S_IMODE(one.stat().st_mode) == 0o700
    assert contents(places) == []
    assert all(file.exists() for file in series.files)


@pytest.mark.parametrize("why", ["small", "missing"])
def test_without_room_in_memory_all_of_it_lies_on_the_disk(places, monkeypatch, why):
    _, memory = places
    if why == "small":
        monkeypatch.setattr(private_folder, "MEMORY_FREE_BYTES", 1 << 62)
    else:
        monkeypatch.setattr(private_folder, "_memory_places", list)
    with PrivateFolder() as private, DicomDatabase.open(private.folder):
        assert not (private.folder / "dicommodule.sqlite").is_symlink()
        assert not list(memory.iterdir())
    assert contents(places) == []


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions are otherwise on this system")
def test_a_session_folder_that_others_can_read_is_not_used(places):
    _, memory = places
    memory.chmod(0o755)
    with PrivateFolder():
        assert not list(memory.iterdir())


def test_files_are_overwritten_before_they_go_and_links_are_not_followed(tmp_path, monkeypatch):
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"not ours")
    folder = tmp_path / "private"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "secret.sqlite").write_bytes(b"secret" * 400000)
    (folder / "image.dcm").write_bytes(b"header" * 400000)
    (folder / "link").symlink_to(outside)
    (folder / "twice").hardlink_to(outside)
    found = {}

    def look(path, **_options):
        found.update((file.name, file.read_bytes()) for file in path.rglob("*") if file.is_file())

    with monkeypatch.context() as patched:
        patched.setattr(private_folder.shutil, "rmtree", look)
        shred(folder)
    assert found["secret.sqlite"] == bytes(2400000)
    assert found["image.dcm"][: 1 << 20] == bytes(1 << 20)
    assert len(found["image.dcm"]) == 2400000
    shred(folder)
    assert not folder.exists()
    assert outside.read_bytes() == b"not ours"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_what_a_killed_process_left_is_swept_by_the_next_start_and_a_living_one_is_not(
    places, series_factory, tmp_path
):
    series = series_factory()
    living = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(series.folder), "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with living:
        kept = Path(living.stdout.readline().strip())
        killed = subprocess.run(
            [sys.executable, "-c", CHILD, str(series.folder), "die"], check=False, capture_output=True, text=True
        )
        assert killed.returncode == -signal.SIGKILL
        left = Path(killed.stdout.strip())
        assert len(list(left.rglob("*.dcm"))) == 5
        with DICOMModuleLogic(tmp_path / "another") as logic:  # any start that opens a database
            logic.database(create=True)
        assert not left.parent.exists()
        assert len(list(kept.rglob("*.dcm"))) == 5
        assert len(contents(places)) == 2
        with DicomDatabase.open(kept, create=False) as database:
            assert database.counts().instances == 5
        living.communicate("\n")
    assert sweep_private_folders() == 2
    assert contents(places) == []


def test_one_that_is_forgotten_goes_with_its_process(places, series_factory):
    series = series_factory()
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, str(series.folder), "forget"], check=True, capture_output=True, text=True
    )
    assert ended.stderr == ""
    assert contents(places) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_child_that_is_forked_off_does_not_shred_its_parents(places):
    with PrivateFolder() as private:
        child = os.fork()
        if child == 0:
            private.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert private.folder.is_dir()
    assert contents(places) == []


def test_folders_that_are_not_ours_are_left_alone(places, monkeypatch):
    disk, _ = places
    fresh = disk / f"{PRIVATE_PREFIX}fresh"  # its process is about to make the lock
    fresh.mkdir(mode=0o700)
    old = disk / f"{PRIVATE_PREFIX}old"  # its process died before
    old.mkdir(mode=0o700)
    os.utime(old, (time.time() - 3 * 86400,) * 2)
    victim = disk / "victim"
    victim.mkdir(mode=0o700)
    (victim / "lock").touch()
    (disk / f"{PRIVATE_PREFIX}link").symlink_to(victim)
    if hasattr(os, "getuid"):
        others = disk / f"{PRIVATE_PREFIX}others"
        others.mkdir()
        others.chmod(0o777)
        (others / "lock").touch()
    sweep_private_folders()
    assert not old.exists()
    assert fresh.exists()
    assert (victim / "lock").exists()
    if hasattr(os, "getuid"):
        assert others.exists()
        monkeypatch.setattr(os, "getuid", lambda: -1)
        os.utime(fresh, (0, 0))
        sweep_private_folders()
        assert fresh.exists()


def test_a_sweep_that_comes_while_one_is_made_takes_no_living_one(places, monkeypatch):
    hold = private_folder.hold_file
    first = []

    def taken_once(lock, *, create=False):
        if create and not first:
            first.append(lock.parent)
            lock.touch()
            sweep_private_folders()  # another start takes it for a dead one's
            return None
        return hold(lock, create=create)

    monkeypatch.setattr(private_folder, "hold_file", taken_once)
    with PrivateFolder() as private:
        assert not first[0].exists()
        assert private.folder.is_dir()
    assert contents(places) == []


def test_no_place_for_it_is_a_sentence(places, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(places[0] / "missing"))
    with pytest.raises(DatabaseError, match="TMPDIR"):
        PrivateFolder()


def test_a_private_database_is_a_database(places, series_factory):
    with PrivateFolder() as private:
        with DicomDatabase.open(private.folder) as database:
            series = series_factory()
            assert counts(import_(database, series.folder)) == {"files_seen": 5, "added": 5}
            with DicomDatabase.open(private.folder, create=False) as other:
                assert len(other.headers_of_series(series.uid)) == 5
            report = run_to_end(database.purge_job([series.uid]))
            assert (report.instances, report.unfinished) == (5, None)
        with DicomDatabase.open(private.folder, create=False) as database:
            assert database._catalogue.integrity() == "ok"
            assert database.counts().instances == 0
