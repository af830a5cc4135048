"""The import history: every import with how it ended, every file that needed a word, and another try."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import factories
import pytest
from dicom_bytes import identity, meta
from importing import edited

from DICOMModule.commands.main import main
from DICOMModule.database import DicomDatabase
from DICOMModule.database import ingest as ingest_module
from DICOMModule.database.events import recorded_event
from DICOMModule.database.history import KINDS
from DICOMModule.database.import_writing import ImportWriter
from DICOMModule.database.tally import Tally
from DICOMModule.errors import DatabaseError, DicomFileError, UnknownUIDError
from DICOMModule.jobs import run_to_end


@pytest.fixture
def mixed(tmp_path):
    """A folder with a series, a cut file, a link, a file twice, other content under a UID that is taken, and a text."""
    folder = tmp_path / "data"
    series = factories.make_series(folder / "series", slices=3, rows=4, columns=4)
    (folder / "cut.dcm").write_bytes(series.files[0].read_bytes()[:-7])
    (folder / "series" / "link").symlink_to(series.files[0])
    shutil.copy(series.files[1], folder / "series" / "zz-again.dcm")
    edited(series.files[2], folder / "series" / "zz-other.dcm", SeriesDescription="Other")
    (folder / "odd.dcm").write_bytes(meta() + identity(uid="1.02.3"))  # a component with a leading zero
    (folder / "letter.txt").write_text("Dear colleague")
    return folder


def import_(logic, *paths, **options):
    return run_to_end(logic.import_job(list(paths), **options))


def test_an_import_is_kept_with_its_counts_and_what_it_said_of_each_file(logic, mixed):
    report = import_(logic, mixed)
    (event,) = logic.import_history()
    assert event.event == report.event
    assert (event.outcome, event.source, event.copied, event.roots) == ("finished", "import", False, (str(mixed),))
    assert event.finished_at >= event.started_at
    assert (event.files_seen, event.added, event.not_dicom) == (9, 4, 1)
    assert (event.rejected, event.conflicts, event.duplicates, event.warnings) == (2, 1, 1, 2)
    rows = logic.import_problems(event.event)
    assert [row.kind for row in rows] == ["rejected", "rejected", "conflict", "warning", "warning", "duplicate"]
    assert [Path(row.path).name for row in rows] == [
        "cut.dcm", "link", "zz-other.dcm", "odd.dcm", "odd.dcm", "zz-again.dcm"
    ]  # fmt: skip
    assert "breaks the rule for UIDs" in rows[4].reason
    assert rows[4].sop_instance_uid == "1.02.3"
    assert rows[0].sop_instance_uid is None


def test_the_latest_import_comes_first_and_a_page_is_a_page(logic, mixed):
    first, second = import_(logic, mixed / "cut.dcm"), import_(logic, mixed / "series", copy=True)
    assert [event.event for event in logic.import_history()] == [second.event, first.event]
    assert [event.event for event in logic.import_history(limit=1, offset=1)] == [first.event]
    assert [event.copied for event in logic.import_history()] == [True, False]
    with pytest.raises(UnknownUIDError, match="no import 99"):
        logic.import_problems(99)


def test_what_was_said_of_files_is_filtered_by_kind_and_text_in_pages(logic, mixed):
    event = import_(logic, mixed).event
    assert logic.database().history.counts(event) == {"rejected": 2, "conflict": 1, "warning": 2, "duplicate": 1}
    assert tuple(logic.database().history.counts(event)) == KINDS
    assert [Path(row.path).name for row in logic.import_problems(event, "duplicate")] == ["zz-again.dcm"]
    assert [row.kind for row in logic.import_problems(event, text="ZZ-")] == ["conflict", "duplicate"]
    assert [row.kind for row in logic.import_problems(event, text="zz-", limit=1, offset=1)] == ["duplicate"]
    assert [row.kind for row in logic.import_problems(event, text="1.02.3")] == ["warning"] * 2
    assert logic.import_problems(event, "rejected", text="zz-") == []
    assert logic.import_problems(event, text="%") == []


def test_names_that_are_no_text_are_kept_exactly(logic, mixed):
    name = os.fsdecode(b"caf\xe9\n\xff.dcm")
    (mixed / "cut.dcm").rename(mixed / name)
    event = import_(logic, mixed).event
    assert logic.import_problems(event, "rejected")[0].path == str(mixed / name)


def test_a_study_of_two_patients_is_a_warning_that_stays(logic, tmp_path):
    ours = factories.make_series(tmp_path / "ours", "one", slices=1)
    theirs = factories.make_series(
        tmp_path / "theirs", "two", slices=1, StudyInstanceUID=ours.study_uid, PatientID="MADE-2"
    )
    import_(logic, ours.folder)
    event = import_(logic, theirs.folder).event
    (row,) = logic.import_problems(event, "warning")
    assert (row.path, "two patients" in row.reason) == (ours.study_uid, True)


# --- how an import ended


def test_a_cancelled_import_says_so_with_what_it_took(logic, mixed, monkeypatch):
    monkeypatch.setattr(ingest_module, "FILES_A_BATCH", 2)
    job = logic.import_job([mixed / "series"])
    while next(job).done < 5:
        pass
    assert logic.import_history()[0].outcome == "running"
    job.close()
    (event,) = logic.import_history()
    assert (event.outcome, event.added, event.rejected) == ("cancelled", 3, 1)
    assert not any(logic.database().folder.glob("incoming/*"))


def test_a_failed_import_says_so(logic, mixed, monkeypatch):
    def fail(*_arguments):
        raise DatabaseError("the disk went away.")

    monkeypatch.setattr(ImportWriter, "commit", fail)
    with pytest.raises(DatabaseError, match="went away"):
        import_(logic, mixed)
    assert logic.import_history()[0].outcome == "failed"


KILLED = """
import os, sys
from pathlib import Path
from DICOMModule.database import DicomDatabase, ingest
ingest.FILES_A_BATCH = 2
database = DicomDatabase.open(Path(sys.argv[1]))
job = database.import_job([Path(sys.argv[2])])
while next(job).done < 5:
    pass
print("going", flush=True)
sys.stdin.read()
"""


def test_an_import_of_another_process_runs_until_that_is_killed_and_then_was_interrupted(logic, mixed):
    logic.database(create=True)
    arguments = [sys.executable, "-c", KILLED, str(logic.database_folder), str(mixed / "series")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout.readline() == b"going\n"
            (event,) = logic.import_history()
            assert (event.outcome, event.finished_at) == ("running", None)
            with pytest.raises(DatabaseError, match="still running"):
                run_to_end(logic.retry_job(event.event))
        finally:
            child.send_signal(signal.SIGKILL)
    (event,) = logic.import_history()
    assert (event.outcome, event.finished_at) == ("interrupted", None)
    assert event.added == 3  # counted with each batch, not only at the end
    with DicomDatabase.open(logic.database_folder) as again:
        assert [one.outcome for one in again.history.events()] == ["interrupted"]
        assert list(again.folder.glob("incoming/*")) == []
    report = run_to_end(logic.retry_job(event.event))
    assert (report.files_seen, report.unchanged) == (6, 3)
    assert logic.import_history()[0].roots == (str(mixed / "series"),)


def test_two_events_that_run_at_once_are_told_apart(logic, tmp_path):
    database = logic.database(create=True)
    catalogue, incoming = database._catalogue, database._store.incoming
    options = {"roots": [tmp_path], "copy": True, "source": "import"}
    with recorded_event(catalogue, incoming, Tally(), **options):
        with recorded_event(catalogue, incoming, Tally(), **options):
            assert [one.outcome for one in database.history.events()] == ["running", "running"]
        assert [one.outcome for one in database.history.events()] == ["finished", "running"]


# --- another try


def test_another_try_takes_exactly_what_was_rejected(logic, mixed):
    event = import_(logic, mixed, copy=True).event
    shutil.copy(mixed / "odd.dcm", mixed / "new.dcm")  # not part of that import
    good = mixed / "cut.dcm"
    good.write_bytes(meta(uid="1.2.3.4") + identity(uid="1.2.3.4"))
    report = run_to_end(logic.retry_job(event))
    assert (report.files_seen, report.added) == (2, 1)
    assert [Path(row.where).name for row in report.rejected] == ["link"]  # it is not followed this time either
    latest = logic.import_history()[0]
    assert (latest.source, latest.copied, latest.roots) == ("retry", True, (str(good), str(mixed / "series" / "link")))


def test_what_has_gone_meanwhile_is_rejected_again_with_that_reason(logic, mixed):
    event = import_(logic, mixed / "cut.dcm").event
    (mixed / "cut.dcm").unlink()
    report = run_to_end(logic.retry_job(event))
    assert [(row.where, row.reason) for row in report.rejected] == [(str(mixed / "cut.dcm"), "does not exist.")]
    assert report.files_seen == 1


def test_another_try_of_an_import_without_a_hitch_does_nothing(logic, mixed):
    event = import_(logic, mixed / "odd.dcm").event
    assert run_to_end(logic.retry_job(event)).files_seen == 0
    assert len(logic.import_history()) == 1


def test_a_cancelled_import_is_tried_again_as_a_whole_if_what_it_was_asked_for_is_there(logic, mixed):
    job = logic.import_job([mixed / "series"])
    next(job)
    job.close()
    event = logic.import_history()[0].event
    assert run_to_end(logic.retry_job(event)).files_seen == 6
    shutil.rmtree(mixed / "series")
    with pytest.raises(DicomFileError, match="does not exist"):
        run_to_end(logic.retry_job(event))


def test_what_was_put_together_for_an_import_cannot_be_asked_for_again(logic, mixed):
    job = logic.import_job([mixed], source="demo")
    next(job)
    job.close()
    (event,) = logic.import_history()
    assert (event.source, event.roots, event.outcome) == ("demo", (), "cancelled")
    with pytest.raises(DatabaseError, match="nothing is kept of what import 1"):
        run_to_end(logic.retry_job(event.event))


# --- on the command line


@pytest.fixture
def run(tmp_path, capsys):
    def run_verb(*arguments):
        code = main([str(a) for a in arguments] + ["--json", "--database", str(tmp_path / "database")])
        return code, json.loads(capsys.readouterr().out)

    return run_verb


def test_the_verb_lists_imports_shows_one_and_tries_again(run, mixed):
    code, report = run("import", mixed, "--report", mixed.parent / "report.csv")
    assert code == 3
    assert (mixed.parent / "report.csv").read_text(encoding="utf-8-sig").count("\n") == 7
    code, events = run("history")
    assert code == 0
    assert set(events[0]) == {
        "event", "started_at", "finished_at", "outcome", "source", "copied", "roots", "files_seen", "added", "updated",
        "unchanged", "not_dicom", "rejected", "conflicts", "duplicates", "warnings",
    }  # fmt: skip
    assert events[0]["event"] == report["event"]
    code, shown = run("history", report["event"], "--kind", "rejected", "--csv", mixed.parent / "rejected.csv")
    assert code == 0
    assert [set(row) for row in shown["problems"]] == [{"kind", "path", "sop_instance_uid", "reason"}] * 2
    assert (mixed.parent / "rejected.csv").read_text(encoding="utf-8-sig").count("\n") == 3
    shutil.copy(mixed / "odd.dcm", mixed / "cut.dcm")
    code, retried = run("history", report["event"], "--retry")
    assert code == 3  # the link
    assert (retried["files_seen"], len(retried["duplicates"])) == (2, 1)


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_imported(run, mixed, tmp_path):
    taken = tmp_path / "taken.csv"
    taken.write_text("mine")
    for target, text in ((taken, "exists already"), (tmp_path / "gone" / "r.csv", "no folder"), (tmp_path, "folder")):
        code, document = run("import", mixed, "--report", target)
        assert code == 1
        assert text in document["error"]
    assert not (tmp_path / "database").exists()
    assert taken.read_text() == "mine"
    code, _ = run("import", mixed, "--report", taken, "--overwrite")
    assert code == 3
    assert "cut.dcm" in taken.read_text(encoding="utf-8-sig")


def test_wrong_uses_of_the_verb_are_a_2_and_an_unknown_import_is_a_1(run, mixed, tmp_path):
    run("import", mixed)
    for wrong in (["--retry"], ["--kind", "rejected"], ["1", "--retry", "--kind", "rejected"], ["x"]):
        with pytest.raises(SystemExit) as left:
            main(["history", *wrong, "--database", str(tmp_path / "database")])
        assert left.value.code == 2
    assert run("history", "99")[0] == 1


def test_the_verb_speaks_to_people(mixed, tmp_path, capsys):
    options = ["--database", str(tmp_path / "database")]
    main(["import", str(mixed), *options])
    capsys.readouterr()
    assert main(["history", *options]) == 0
    assert "finished" in capsys.readouterr().out
    assert main(["history", "1", "--search", "cut.dcm", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "9 files: 4 added, 1 not dicom, 2 rejected, 1 conflicts, 1 duplicates, 2 warnings" in lines
    assert lines[-1].startswith(f"rejected: {mixed}/cut.dcm: it is cut")
