"""The backup of the day, and warnings of places that are none for a database."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import factories
import pytest
from importing import import_

from DICOMModule.database import DicomDatabase, backups, opening
from DICOMModule.jobs import run_to_end

DAY_S = 24 * 3600


@pytest.fixture
def database(tmp_path):
    with DicomDatabase.open(tmp_path / "database") as opened:
        import_(opened, factories.make_series(tmp_path / "data", slices=2).folder)
        yield opened


@pytest.fixture
def clock(monkeypatch):
    """Let days pass: ``clock(1)``."""
    passed = 0.0
    real = time.time

    class Shifted(backups.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(real() + passed, tz)

    def advance(days):
        nonlocal passed
        passed += days * DAY_S

    monkeypatch.setattr(backups.time, "time", lambda: real() + passed)
    monkeypatch.setattr(backups, "datetime", Shifted)
    return advance


def made(folder: Path) -> list[str]:
    return sorted(path.name.split("-", 1)[1] for path in (folder / "backups").glob("*.sqlite"))


def use(database, number: int = 0) -> None:
    """Write something, later than all backups so far."""
    database.annotations.save_search(f"{time.monotonic_ns()}-{number}", "x")


def reopen(database) -> None:
    DicomDatabase.open(database.folder).close()


def test_a_day_after_the_first_use_and_every_day_of_use_there_is_one_and_three_are_kept(database, clock, monkeypatch):
    reopen(database)
    assert not (database.folder / "backups").exists()
    monkeypatch.setattr(backups, "is_written_since", lambda _path, _last: True)
    for day in range(1, 6):
        clock(1.01)
        for _ in range(2):
            reopen(database)
        assert made(database.folder) == ["daily.sqlite"] * min(day, 3)
    newest = max((database.folder / "backups").iterdir())
    with closing(sqlite3.connect(newest)) as raw:
        assert raw.execute("SELECT count(*) FROM instance").fetchone() == (2,)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert newest.stat().st_mode & 0o777 == 0o600


def test_what_was_not_written_to_is_not_backed_up_again(database, clock):
    clock(2)
    reopen(database)
    assert made(database.folder) == ["daily.sqlite"]
    clock(2)
    reopen(database)
    assert made(database.folder) == ["daily.sqlite"]


def test_backups_of_one_kind_do_not_push_out_those_of_another(database, clock):
    folder = database.folder / "backups"
    backups.back_up(database._catalogue.path, folder, "version2")
    backups.back_up(database._catalogue.path, folder, "version3")
    for _ in range(5):
        backups.back_up(database._catalogue.path, folder, "daily")
    assert made(database.folder) == ["daily.sqlite"] * 3 + ["version2.sqlite", "version3.sqlite"]


def test_a_damaged_database_does_not_push_out_its_good_backups(database, clock, caplog):
    clock(1.01)
    reopen(database)
    path, folder = database._catalogue.path, database.folder / "backups"
    (good,) = folder.iterdir()
    database.close()
    content = bytearray(path.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    path.write_bytes(content)
    for _ in range(4):
        assert backups.back_up_daily(path, folder) is None
    assert list(folder.iterdir()) == [good]
    assert "not sound" in caplog.text or "malformed" in caplog.text


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk is full")])
def test_what_hinders_a_backup_is_logged_and_hinders_no_opening(database, clock, monkeypatch, caplog, error):
    def refuse(*_arguments, **_options):
        raise error

    monkeypatch.setattr(backups, "_copy", refuse)
    clock(2)
    with DicomDatabase.open(database.folder) as again:
        assert len(again.instances()) == 2
    assert "no backup" in caplog.text
    assert list((database.folder / "backups").iterdir()) == []


def test_a_large_database_is_backed_up_by_a_job_not_by_its_opening(database, clock, monkeypatch):
    monkeypatch.setattr(opening, "SMALL_BYTES", 1)
    clock(2)
    assert opening.back_up_if_due(database._catalogue, largest_bytes=1) is None
    assert not (database.folder / "backups").exists()
    run_to_end(database.verify_job(quick=True))
    assert made(database.folder) == ["daily.sqlite"]


def test_another_program_that_is_at_it_is_not_waited_for(database, clock):
    clock(2)
    with run_to_end(database.exclusive_job("backup")):
        reopen(database)
    assert not (database.folder / "backups").exists()


# --- places


def test_a_place_on_another_machine_is_warned_of_once(database, monkeypatch, tmp_path, caplog):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/sda1 / ext4 rw 0 0\nserver:/home {tmp_path.parent} nfs4 rw 0 0\nserver:/x {tmp_path}/data cifs rw 0 0\n"
    )
    monkeypatch.setattr(opening, "_MOUNTS", mounts)
    monkeypatch.setattr(opening, "_warned", set())
    for _ in range(2):
        assert "another machine" in opening.warn_of_place(database.folder)
    assert caplog.text.count("another machine") == 1
    mounts.write_text(f"server:/home {tmp_path.parent} nfs4 rw 0 0\n/dev/sdb {tmp_path} ext4 rw 0 0\n")
    assert opening.warn_of_place(database.folder) == ""


@pytest.mark.parametrize("name", ["OneDrive - Hospital", "Dropbox", "Google Drive", "Nextcloud"])
def test_a_folder_that_is_synchronised_is_warned_of(tmp_path, monkeypatch, name, caplog):
    monkeypatch.setattr(opening, "_warned", set())
    with DicomDatabase.open(tmp_path / name / "database"):
        pass
    assert "synchronised" in caplog.text
