"""The command line's delete and restore keep their contract."""

from __future__ import annotations

import json

import pytest

from DICOMModule.commands.main import main

KEYS = ["patients", "studies", "series", "instances", "files_removed", "bytes_freed"]


@pytest.fixture
def run(tmp_path, capsys):
    """Run a verb with --json on a database of the test's own; return exit code and document."""

    def run_verb(*arguments: object):
        code = main([str(a) for a in arguments] + ["--json", "--database", str(tmp_path / "database")])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run_verb


def test_delete_and_restore_give_what_they_took_and_brought(run, series_factory):
    series = series_factory("ct")
    run("import", series.folder)
    before = [run("list", level)[1] for level in ("patients", "studies", "series", "instances")]
    for name in (series.uid, series.study_uid, f"patient:{before[0][0]['patient']}"):
        code, gone = run("delete", name)
        assert (code, list(gone), list(gone.values())) == (0, KEYS, [1, 1, 1, 5, 0, 0])
        assert run("list", "instances") == run("list", "patients") == (0, [])
        code, back = run("restore", name)
        assert (code, list(back), list(back.values())) == (0, KEYS, [1, 1, 1, 5, 0, 0])
        assert [run("list", level)[1] for level in ("patients", "studies", "series", "instances")] == before
    assert all(file.exists() for file in series.files)


def test_a_series_with_an_instance_less_is_examined_again_and_is_itself_when_it_is_back(run, series_factory):
    series = series_factory("ct", shuffle=False)
    run("import", series.folder)
    before = run("list", "series")[1]
    assert before[0]["health"] == "ok"
    middle = str(series.datasets[2].SOPInstanceUID)
    run("delete", middle)
    (left,) = run("list", "series")[1]
    assert (left["instances"], left["health"]) == (4, "warned")
    run("restore", middle)
    assert run("list", "series")[1] == before


@pytest.mark.parametrize("verb", ["delete", "restore"])
@pytest.mark.parametrize("name", ["1.2.3.4", "patient:99", "patient:x", "./here"])
def test_a_name_that_is_nothing_changes_nothing(run, series_factory, verb, name):
    series = series_factory("ct")
    run("import", series.folder)
    if verb == "restore":
        run("delete", series.uid)
    code, error = run(verb, series.uid, name)
    assert (code, error["kind"]) == (1, "UnknownUIDError")
    assert len(run("list", "series")[1]) == (1 if verb == "delete" else 0)


def test_what_is_deleted_already_is_told_so(run, series_factory):
    series = series_factory("ct")
    run("import", series.folder)
    run("delete", series.uid)
    assert "already" in run("delete", series.uid)[1]["error"]
    assert "restore" in run("delete", series.study_uid)[1]["error"]


@pytest.mark.parametrize("verb", ["delete", "restore"])
def test_without_a_database_there_is_nothing_to_delete(run, verb):
    code, error = run(verb, "1.2.3")
    assert (code, error["kind"]) == (1, "DatabaseNotFoundError")


def test_purge_takes_what_is_shown_and_what_is_in_the_trash(run, series_factory, tmp_path):
    first, second = series_factory("ct"), series_factory("mr", modality="MR", slices=2, PatientName="Second^One")
    run("import", first.folder, "--copy")
    run("import", second.folder)
    run("delete", second.uid)
    size = sum(file.stat().st_size for file in first.files)
    code, gone = run("delete", first.study_uid, second.uid, "--purge")
    assert (code, list(gone)[:6]) == (0, KEYS)
    assert list(gone.values())[:6] == [2, 2, 2, 7, 5, size]
    assert gone["unfinished"] is None
    assert run("list", "instances") == run("trash") == (0, [])
    assert not list((tmp_path / "database" / "dicom").rglob("*.dcm"))
    assert all(file.exists() for file in (*first.files, *second.files))
    code, error = run("delete", second.uid, "--purge")
    assert (code, error["kind"]) == (1, "UnknownUIDError")


def test_the_trash_is_emptied(run, series_factory):
    series = series_factory("ct")
    run("import", series.folder)
    run("delete", series.uid)
    assert run("trash", "--empty", "--older-than", 1)[1]["instances"] == 0
    assert run("trash", "--older-than", 1) == (0, [])
    code, gone = run("trash", "--empty")
    assert (code, list(gone.values())[:6]) == (0, [1, 1, 1, 5, 0, 0])
    assert run("trash") == (0, [])


def test_the_trash_is_listed_act_by_act(run, series_factory):
    assert run("trash")[0] == 1  # there is no database yet
    first, second = series_factory("ct"), series_factory("mr", modality="MR", slices=2, PatientName="Second^One")
    run("import", first.folder, second.folder)
    assert run("trash") == (0, [])
    run("delete", str(first.datasets[0].SOPInstanceUID))
    run("delete", second.uid)
    code, entries = run("trash")
    assert code == 0
    assert [entry["instances"] for entry in entries] == [2, 1]
    (study,) = entries[0]["contents"]
    assert (study["patient_name"], study["modalities"], study["study_date"]) == ("Second^One", ["MR"], "2026-03-09")
    assert entries[0]["bytes"] == sum(file.stat().st_size for file in second.files)
    run("restore", second.uid)
    assert [entry["instances"] for entry in run("trash")[1]] == [1]


def test_people_read_what_has_happened(series_factory, capsys, tmp_path):
    series = series_factory("ct")
    options = ["--database", str(tmp_path / "database")]
    main(["import", str(series.folder), *options])
    capsys.readouterr()
    assert main(["delete", series.uid, *options]) == 0
    out = capsys.readouterr().out
    assert "5 instances moved to the trash (the whole of 1 patient, 1 study, 1 series)" in out
    assert "restore" in out
    assert main(["trash", *options]) == 0
    assert "Phantom^Factory" in capsys.readouterr().out
    assert main(["restore", series.uid, *options]) == 0
    assert "5 instances restored from the trash" in capsys.readouterr().out
    assert main(["trash", *options]) == 0
    assert "the trash is empty" in capsys.readouterr().err
    assert main(["trash", "--older-than", "3", *options]) == 0
    assert "nothing that old" in capsys.readouterr().err
    assert main(["delete", series.uid, "--purge", *options]) == 0
    out = capsys.readouterr().out
    assert "5 instances purged (the whole of 1 patient, 1 study, 1 series)" in out
    assert "0 files removed" in out
