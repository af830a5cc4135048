"""The command line's label, note and searches."""

from __future__ import annotations

import json

import pytest

from DICOMModule.commands.main import main


@pytest.fixture
def run(tmp_path, capsys):
    """Run a verb with --json on a database of the test's own; return exit code and document."""

    def run_verb(*arguments: object):
        code = main([str(a) for a in arguments] + ["--json", "--database", str(tmp_path / "database")])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run_verb


def test_labels_are_put_on_taken_off_and_listed(run, series_factory):
    series = series_factory("ct")
    run("import", series.folder)
    patient = f"patient:{run('list', 'patients')[1][0]['patient']}"
    code, rows = run("label", series.uid, series.study_uid, patient, "--add", "a", "--add", "b")
    assert (code, rows) == (0, [{"uid": one, "labels": ["a", "b"]} for one in (series.uid, series.study_uid, patient)])
    assert run("label", series.uid, "--remove", "a", "--add", "c")[1] == [{"uid": series.uid, "labels": ["b", "c"]}]
    assert run("label", series.uid)[1] == [{"uid": series.uid, "labels": ["b", "c"]}]
    assert run("label") == (
        0,
        [
            {"label": "a", "patients": 1, "studies": 1, "series": 0},
            {"label": "b", "patients": 1, "studies": 1, "series": 1},
            {"label": "c", "patients": 0, "studies": 0, "series": 1},
        ],
    )


def test_a_note_is_written_and_read(run, series_factory):
    series = series_factory("ct")
    run("import", series.folder)
    assert run("note", series.study_uid) == (0, {"uid": series.study_uid, "note": None})
    assert run("note", series.study_uid, "--text", "Compare.") == (0, {"uid": series.study_uid, "note": "Compare."})
    assert run("note", series.study_uid)[1]["note"] == "Compare."
    assert run("note", series.study_uid, "--text", "") == (0, {"uid": series.study_uid, "note": None})


def test_searches_are_kept_and_forgotten(run, series_factory):
    run("import", series_factory("ct").folder)
    assert run("searches") == (0, [])
    kept = [{"name": "week", "text": "date:7d mod:CT"}]
    assert run("searches", "--save", "week", "date:7d mod:CT") == (0, kept)
    assert run("searches")[1] == kept
    assert run("searches", "--remove", "week") == (0, [])
    code, error = run("searches", "--remove", "week")
    assert (code, error["kind"]) == (1, "DatabaseError")


@pytest.mark.parametrize("verb", [("label", "1.2.3", "--add", "x"), ("note", "patient:99"), ("label", "patient:x")])
def test_what_is_not_there_is_said(run, series_factory, verb):
    run("import", series_factory("ct").folder)
    code, error = run(*verb)
    assert (code, error["kind"]) == (1, "UnknownUIDError")


@pytest.mark.parametrize("verb", [("label",), ("note", "1.2.3"), ("searches", "--save", "a", "b")])
def test_without_a_database_there_is_nothing_to_write_on(run, verb):
    code, error = run(*verb)
    assert (code, error["kind"]) == (1, "DatabaseNotFoundError")


def test_labels_for_nothing_are_wrong_usage(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["label", "--add", "x", "--database", str(tmp_path)])
    assert ended.value.code == 2
    assert "name what is to be labelled" in capsys.readouterr().err


def test_people_read_one_line_each(run, series_factory, tmp_path, capsys):
    series = series_factory("ct")
    run("import", series.folder)
    options = ["--database", str(tmp_path / "database")]
    for verb, what in (("label", "label"), ("searches", "search")):
        assert main([verb, *options]) == 0
        assert capsys.readouterr() == ("", f"no {what} found\n")
    run("note", series.uid, "--text", "one\ntwo")
    run("searches", "--save", "week", "date:7d")
    for arguments, out in (
        (["label", series.uid], f"{series.uid}: no label\n"),
        (["label", series.uid, "--add", "a", "--add", "b"], f"{series.uid}: a, b\n"),
        (["note", series.uid], "one\ntwo\n"),
    ):
        assert main([*arguments, *options]) == 0
        assert capsys.readouterr().out == out
    for arguments, words in ((["label"], ["b", "0", "0", "1"]), (["searches"], ["week", "date:7d"])):
        assert main([*arguments, *options]) == 0
        assert capsys.readouterr().out.splitlines()[-1].split() == words
