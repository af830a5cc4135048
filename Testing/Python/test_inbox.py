"""The watched inbox: what arrives is taken once, when it is whole, and what is removed is safe before."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dicom_bytes import element, identity, meta
from zip_kit import zipped

from DICOMModule.commands.main import main
from DICOMModule.dicom.inbox import LONGEST_WAIT_S, MANY, SHORTEST_PAUSE_S, Inbox
from DICOMModule.errors import DatabaseBusyError, DatabaseError, DicomFileError, DiskFullError
from DICOMModule.jobs import run_to_end
from DICOMModule.settings import Settings, read_settings, write_settings
from DICOMModule.verbs import inbox as inbox_module
from DICOMModule.verbs.inbox import InboxProgress


class Clock:
    """Time that goes on only when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "inbox"
    made.mkdir()
    return made


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def inbox(folder, clock):
    return Inbox(folder, 5.0, clock)


def look(inbox):
    return [path.name for path in run_to_end(inbox.look_job())]


def instance(uid: str, size: int = 0) -> bytes:
    return meta(uid=uid) + identity(uid=uid) + (element(0x00291010, "OB", bytes(size)) if size else b"")


def arrive(folder: Path, name: str, content: bytes | None = None) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(instance(f"1.2.3.{len(name)}.{sum(name.encode())}") if content is None else content)
    return path


# --- when a file is ready


def test_a_file_is_taken_when_it_has_not_changed_for_a_while_and_then_no_more(inbox, folder, clock):
    path = arrive(folder, "a.dcm")
    assert look(inbox) == []
    clock.now += 4.9
    assert look(inbox) == []
    path.write_bytes(path.read_bytes() + b"more")  # it still grows
    clock.now += 4.9
    assert look(inbox) == []
    clock.now += 5
    assert look(inbox) == ["a.dcm"]
    assert look(inbox) == ["a.dcm"]  # until it is said to have been taken
    inbox.take()
    clock.now += 100
    assert look(inbox) == []
    os.utime(path, ns=(1, 1))
    assert look(inbox) == []
    clock.now += 5
    assert look(inbox) == ["a.dcm"]  # it changed


def test_what_arrives_together_is_taken_together(inbox, folder, clock):
    arrive(folder, "1")
    look(inbox)
    clock.now += 4
    arrive(folder, "sub/2")
    look(inbox)
    clock.now += 4
    assert look(inbox) == []  # the first is ready, the second is not
    clock.now += 1
    assert look(inbox) == ["1", "2"]


def test_nothing_waits_longer_than_a_minute_for_others(inbox, folder, clock):
    arrive(folder, "early")
    look(inbox)
    for number in range(int(LONGEST_WAIT_S) // 4 - 1):
        clock.now += 4
        arrive(folder, f"late{number}")
        if look(inbox):
            pytest.fail("taken while others arrive")
    clock.now += 4
    arrive(folder, "last")
    assert "early" in look(inbox)
    assert "last" not in look(inbox)


def test_much_is_taken_at_once(inbox, folder, clock):
    for number in range(MANY):
        arrive(folder, f"{number:04}", b"x")
    look(inbox)
    clock.now += 5
    arrive(folder, "late")
    assert len(look(inbox)) == MANY


@pytest.mark.parametrize(
    "name", ["a.dcm.part", "b.TMP", "c.crdownload", "d.partial", ".a.dcm.Xy12", "e.filepart", "f~", "g.download"]
)
def test_names_of_what_is_still_being_written_are_passed_over(inbox, folder, clock, name):
    path = arrive(folder, name)
    look(inbox)
    clock.now += 1000
    assert look(inbox) == []
    path.rename(folder / "whole.dcm")
    look(inbox)
    clock.now += 5
    assert look(inbox) == ["whole.dcm"]


def test_a_file_that_goes_before_it_was_taken_is_forgotten(inbox, folder, clock):
    path = arrive(folder, "a")
    look(inbox)
    path.unlink()
    clock.now += 5
    assert look(inbox) == []
    assert inbox._waiting == inbox._taken == {}


def test_a_folder_that_goes_and_comes_back_is_said_and_goes_on(inbox, folder, clock):
    arrive(folder, "a")
    look(inbox)
    folder.rename(folder.parent / "unplugged")
    assert look(inbox) == []
    assert "cannot be looked into: does not exist" in inbox.problem
    (folder.parent / "unplugged").rename(folder)
    clock.now += 5
    assert look(inbox) == ["a"]
    assert inbox.problem == ""


def test_what_could_not_be_taken_is_offered_again_after_pauses_that_grow(inbox, folder, clock):
    arrive(folder, "a")
    look(inbox)
    clock.now += 5
    for pause in (SHORTEST_PAUSE_S, 2 * SHORTEST_PAUSE_S, 4 * SHORTEST_PAUSE_S):
        assert look(inbox) == ["a"]
        inbox.put_off()
        clock.now += pause - 0.1
        assert look(inbox) == []
        clock.now += 0.1
    assert look(inbox) == ["a"]


# --- what comes of it


def take(logic, folder, **options):
    inbox = logic.open_inbox(folder, 0)
    return inbox, run_to_end(logic.take_from_inbox_job(inbox, run_to_end(inbox.look_job()), **options))


def test_files_are_copied_and_left_and_the_history_names_the_inbox(logic, folder):
    path = arrive(folder, "a.dcm")
    arrive(folder, "note.txt", b"hello")
    arrive(folder, "cut.dcm", instance("1.2.9")[:-3])
    (folder / "link").symlink_to(path)
    inbox, taken = take(logic, folder)
    report = taken.report
    assert (report.files_seen, report.added, report.not_dicom, len(report.rejected)) == (4, 1, 1, 2)
    assert path.exists()
    assert logic.database().instances()[0].copied
    (event,) = logic.import_history()
    assert (event.source, event.copied, event.outcome) == ("inbox", True, "finished")
    assert look(inbox) == []  # rejected ones too, until they change
    (folder / "cut.dcm").write_bytes(instance("1.2.9"))
    assert look(inbox) == ["cut.dcm"]


def test_only_what_is_safe_is_removed(logic, folder, tmp_path):
    whole, twice = arrive(folder, "a.dcm"), arrive(folder, "b.dcm", instance("1.2.5"))
    shutil.copy(twice, folder / "c.dcm")
    other = arrive(folder, "d.dcm", instance("1.2.5", 10))  # other content of a UID that is taken
    text, cut = arrive(folder, "note.txt", b"hello"), arrive(folder, "cut.dcm", instance("1.2.9")[:-3])
    archive = zipped(folder / "z.zip", {"in.dcm": instance("1.2.6")})
    (folder / "link").symlink_to(whole)
    content = {path: path.read_bytes() for path in (whole, twice)}
    _, taken = take(logic, folder, remove=True)
    assert taken.removed == 3
    assert sorted(path.name for path in folder.iterdir()) == ["cut.dcm", "d.dcm", "link", "note.txt", "z.zip"]
    assert all(path.exists() for path in (other, text, cut, archive))
    held = {Path(one.path).read_bytes() for one in logic.database().instances()}
    assert held >= set(content.values())


@pytest.mark.parametrize("harm", ["copy damaged", "copy gone", "deleted", "changed", "referenced"])
def test_a_file_whose_copy_is_not_what_it_should_be_stays(logic, folder, tmp_path, harm):
    path = arrive(folder, "a.dcm", instance("1.2.5", 1000))
    if harm == "referenced":
        run_to_end(logic.import_job([path]))
    else:
        take(logic, folder)
    database = logic.database()
    copy = Path(database.instances()[0].path)
    if harm == "copy damaged":
        content = bytearray(copy.read_bytes())
        content[-1] ^= 1
        copy.write_bytes(content)
    elif harm == "copy gone":
        copy.unlink()
    elif harm == "deleted":
        run_to_end(logic.delete_job(["1.2.5"]))
    elif harm == "changed":
        path.write_bytes(instance("1.2.5", 1002))
    assert run_to_end(database.remove_if_safe_job(path)) is False
    assert path.exists()


def test_a_file_of_the_database_is_never_removed(logic, folder):
    arrive(folder, "a.dcm")
    take(logic, folder)
    copy = Path(logic.database().instances()[0].path)
    os.link(copy, folder / "hard")
    for path in (copy, folder / "hard"):
        assert run_to_end(logic.database().remove_if_safe_job(path)) is False
        assert path.exists()


def test_a_folder_that_is_none_or_is_the_database_is_refused(logic, folder, tmp_path):
    with pytest.raises(DicomFileError, match="no folder"):
        logic.open_inbox(tmp_path / "gone")
    logic.database(create=True)
    for wrong in (logic.database_folder, tmp_path, logic.database_folder / "dicom"):
        wrong.mkdir(exist_ok=True)
        with pytest.raises(DatabaseError, match="lie in one another"):
            logic.open_inbox(wrong)


# --- watching


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(inbox_module, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(inbox_module, "_NAP_S", 0.001)


def next_news(job):
    return next(progress for progress in job if isinstance(progress, InboxProgress))


def test_the_job_takes_what_arrives_until_it_is_closed(logic, folder, quick):
    arrive(folder, "a")
    job = logic.inbox_job(folder, settle_s=0)
    assert next_news(job).taken.report.added == 1
    arrive(folder, "bb")
    assert next_news(job).taken.report.added == 1
    job.close()
    assert [event.outcome for event in logic.import_history()] == ["finished"] * 2


def test_a_full_disk_and_a_busy_database_are_told_and_tried_again(logic, folder, quick, monkeypatch):
    arrive(folder, "a")
    errors = [DiskFullError("there is no room left."), DatabaseBusyError("another program keeps it locked.")]
    take_from = logic.take_from_inbox_job

    def failing(*arguments, **options):
        if errors:
            raise errors.pop(0)
        return take_from(*arguments, **options)

    monkeypatch.setattr(logic, "take_from_inbox_job", failing)
    monkeypatch.setattr("DICOMModule.dicom.inbox.SHORTEST_PAUSE_S", 0.01)
    job = logic.inbox_job(folder, settle_s=0)
    assert isinstance(next_news(job).error, DiskFullError)
    assert isinstance(next_news(job).error, DatabaseBusyError)
    assert next_news(job).taken.report.added == 1
    job.close()


def test_an_import_that_is_cut_short_is_done_the_next_time(logic, folder, quick):
    arrive(folder, "a")
    job = logic.inbox_job(folder, settle_s=0)
    while "looking" in next(job).text:
        pass
    job.close()
    job = logic.inbox_job(folder, settle_s=0)
    report = next_news(job).taken.report
    assert report.added + report.unchanged == 1
    job.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_verb_watches_in_lines_of_json_and_ends_cleanly(tmp_path, folder, number):
    options = ["--watch", "--settle", "0", "--remove", "--json", "--database", str(tmp_path / "database")]
    arguments = [sys.executable, "-m", "DICOMModule", "import", str(folder), *options]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            assert json.loads(child.stdout.readline()) == {"watching": {"folder": str(folder)}}
            arrive(folder, "tmp.part", instance("1.2.3")).rename(folder / "a.dcm")
            line = json.loads(child.stdout.readline())["imported"]
            assert (line["files_seen"], line["added"], line["removed"]) == (1, 1, 1)
        finally:
            child.send_signal(number)
        assert child.wait(10) == 0
        assert child.stdout.read() == b""
        assert child.stderr.read() == b""
    assert list(folder.iterdir()) == []
    assert not any((tmp_path / "database" / "incoming").iterdir())


def test_wrong_uses_are_refused(tmp_path, folder, capsys):
    for wrong in (
        ["--watch", str(folder), str(folder)],
        ["--watch", str(folder), "--reference"],
        ["--watch", str(folder), "--report", "x.csv"],
        [str(folder), "--remove"],
        ["--watch", str(folder), "--settle", "-1"],
    ):
        with pytest.raises(SystemExit) as left:
            main(["import", *wrong, "--database", str(tmp_path / "database")])
        assert left.value.code == 2
    capsys.readouterr()
    assert main(["import", "--watch", str(folder / "gone"), "--json", "--database", str(tmp_path / "database")]) == 1
    assert json.loads(capsys.readouterr().out)["kind"] == "DicomFileError"


def test_the_settings_keep_the_inbox(tmp_path):
    assert (Settings().inbox_folder, Settings().inbox_removes) == ("", False)
    write_settings(Settings(inbox_folder="/in", inbox_removes=True), tmp_path / "settings.json")
    assert read_settings(tmp_path / "settings.json").inbox_folder == "/in"
    assert read_settings(tmp_path / "settings.json").inbox_removes
