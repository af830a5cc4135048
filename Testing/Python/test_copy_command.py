"""The command line's copy keeps its contract."""

from __future__ import annotations

import json
import zipfile

import pytest
from copying_kit import contents, hashes_of

from DICOMModule.commands.main import main


@pytest.fixture
def run(tmp_path, capsys):
    """Run a verb with --json on a database of the test's own; return exit code and document."""

    def run_verb(*arguments: object):
        code = main([str(a) for a in arguments] + ["--json", "--database", str(tmp_path / "database")])
        return code, json.loads(capsys.readouterr().out)

    return run_verb


@pytest.fixture
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_copy_says_what_it_did(run, series_factory, tmp_path):
    series = series_factory("one")
    run("import", series.folder)
    size = sum(file.stat().st_size for file in series.files)
    whole = {"files": 5, "bytes": size, "already_there": 0, "skipped": [], "warnings": []}
    assert run("copy", series.uid, "--to", tmp_path / "out") == (0, whole)
    assert sorted(contents(tmp_path / "out").values()) == hashes_of(series)
    assert run("copy", series.study_uid, "--to", tmp_path / "out") == (0, {**whole, "already_there": 5})
    assert run("copy", "patient:1", "--to", tmp_path / "out.zip") == (0, whole)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert len(archive.namelist()) == 5
    assert run("copy", series.uid, "--to", tmp_path / "cd", "--dicomdir") == (0, whole)
    assert (tmp_path / "cd" / "DICOMDIR").is_file()


def test_what_is_skipped_makes_a_3_and_says_which_and_why(run, series_factory, tmp_path):
    series = series_factory("one", shuffle=False)
    run("import", series.folder)
    series.files[0].unlink()
    code, document = run("copy", series.uid, "--to", tmp_path / "out")
    assert (code, document["files"]) == (3, 4)
    (skipped,) = document["skipped"]
    assert list(skipped) == ["uid", "reason"]
    assert skipped["uid"] == series.datasets[0].SOPInstanceUID
    assert str(series.files[0]) in skipped["reason"]


def test_a_zeroed_preamble_is_a_warning_not_a_3(run, series_factory, tmp_path):
    series = series_factory("one", slices=1)
    data = series.files[0].read_bytes()
    series.files[0].write_bytes(b"MZ" + data[2:])
    run("import", series.folder)
    code, document = run("copy", series.uid, "--to", tmp_path / "out")
    assert (code, document["files"]) == (0, 1)
    assert [row["uid"] for row in document["warnings"]] == [str(series.datasets[0].SOPInstanceUID)]


@pytest.mark.parametrize(
    ("target", "kind"),
    [("1.2.3.4", "UnknownUIDError"), ("patient:99", "UnknownUIDError"), ("patient:x", "UnknownUIDError")],
)
def test_a_name_that_is_nothing_makes_a_1(run, series_factory, tmp_path, target, kind):
    run("import", series_factory("one").folder)
    code, error = run("copy", target, "--to", tmp_path / "out")
    assert (code, error["kind"]) == (1, kind)


def test_a_target_that_is_there_makes_a_1(run, series_factory, tmp_path):
    series = series_factory("one")
    run("import", series.folder)
    (tmp_path / "out.zip").write_bytes(b"mine")
    code, error = run("copy", series.uid, "--to", tmp_path / "out.zip")
    assert (code, error["kind"]) == (1, "ExportError")


def test_without_a_database_there_is_nothing_to_copy(run, tmp_path):
    code, error = run("copy", "1.2.3", "--to", tmp_path / "out")
    assert (code, error["kind"]) == (1, "DatabaseNotFoundError")


def test_names_can_be_chosen(run, series_factory, tmp_path):
    series = series_factory("one", slices=2)
    run("import", series.folder)
    run("copy", series.uid, "--to", tmp_path / "out", "--names", "{Modality}/{InstanceNumber:03}")
    assert sorted(contents(tmp_path / "out")) == ["CT/001.dcm", "CT/002.dcm"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--to", "out", "--anonymize", "basic"], "--anonymize is not part of this version"),
        (["--to", "out", "--anonymize"], "--anonymize is not part of this version"),
        (["--to", "out", "--names", "{PatientNam}"], "Did you mean PatientName"),
        (["--to", "out", "--names", "../x"], "no relative path"),
        (["--to", "out", "--dicomdir", "--names", "{PatientName}"], "not allowed with"),
        ([], "required: --to"),
        (["--to", ""], "it is empty"),
    ],
)
def test_wrong_usage_makes_a_2_and_copies_nothing(series_factory, in_tmp_path, capsys, options, text):
    series = series_factory("one")
    main(["import", str(series.folder), "--database", "database"])
    with pytest.raises(SystemExit) as ended:
        main(["copy", series.uid, "--database", "database", *options])
    assert ended.value.code == 2
    assert text in " ".join(capsys.readouterr().err.split())
    assert not (in_tmp_path / "out").exists()


def test_people_read_what_has_happened(series_factory, capsys, tmp_path):
    series = series_factory("one", shuffle=False)
    options = ["--database", str(tmp_path / "database")]
    main(["import", str(series.folder), *options])
    series.files[0].unlink()
    capsys.readouterr()
    assert main(["copy", series.uid, "--to", str(tmp_path / "out"), *options]) == 3
    said = capsys.readouterr()
    assert said.out.startswith(f"4 files in {tmp_path / 'out'}, ")
    assert said.err.count("skipped: ") == 1
    main(["copy", series.uid, "--to", str(tmp_path / "out"), *options])
    assert "4 of them there before" in capsys.readouterr().out
