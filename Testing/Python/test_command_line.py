"""The command line keeps its contract: verbs, options, JSON keys, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import factories
import numpy as np
import pytest

from DICOMModule.commands.main import VERBS, main

UNKNOWN_UID = "1.2.3.4.5.6"
IMPORT_KEYS = {
    "files_seen", "added", "updated", "unchanged", "not_dicom", "rejected", "duplicates", "patients", "studies", "series",
    "elapsed_s",
}  # fmt: skip
LOAD_KEYS = {
    "output", "loadable", "dimensions", "ijk_to_lps", "spacing_mm", "origin_lps_mm", "direction_lps", "regular",
    "slice_positions_lps_mm", "missing_slices", "scalar_type", "components", "timepoints", "axis", "minimum", "maximum",
    "mean", "units", "placed", "calibrated", "quantities", "warnings", "notes", "elapsed_s",
}  # fmt: skip
EXAMINE_KEYS = {
    "id", "series_instance_uid", "name", "kind", "reader", "confidence", "selected", "warnings", "notes", "instances",
    "dimensions", "spacing_mm", "timepoints", "components", "regular",
}  # fmt: skip
LIST_KEYS = {
    "patients": {"patient", "patient_id", "patient_name", "patient_birth_date", "patient_sex", "studies", "series", "instances",
                 "labels", "note"},
    "studies": {"patient", "patient_id", "patient_name", "study_instance_uid", "study_date", "study_time", "study_id",
                "accession_number", "study_description", "modalities_in_study", "series", "instances", "labels", "note"},
    "series": {"study_instance_uid", "series_instance_uid", "modality", "series_number", "series_description", "series_date",
               "body_part_examined", "instances", "frames", "bytes", "health", "health_text", "labels", "note"},
    "instances": {"series_instance_uid", "sop_instance_uid", "sop_class_uid", "transfer_syntax_uid", "instance_number",
                  "frames", "bytes", "copied", "path", "state"},
}  # fmt: skip


@pytest.fixture
def run(tmp_path, capsys):
    """Run a verb with --json on a database of the test's own; return exit code and document."""

    def run_verb(*arguments: object):
        code = main([str(a) for a in arguments] + ["--json", "--database", str(tmp_path / "database")])
        out = capsys.readouterr().out
        return code, json.loads(out)

    return run_verb


@pytest.fixture
def imported(run, series_factory):
    """A CT series of 5 slices in the database."""
    series = series_factory("ct", slope=1, intercept=-1024)
    code, _ = run("import", series.folder)
    assert code == 0
    return series


def test_import_reports_every_file_and_is_repeatable(run, series_factory):
    series = series_factory("ct")
    (series.folder / "notes.txt").write_text("no DICOM")
    code, first = run("import", series.folder)
    assert code == 0
    assert set(first) >= IMPORT_KEYS
    assert (first["files_seen"], first["added"], first["not_dicom"], first["series"]) == (6, 5, 1, 1)
    code, second = run("import", series.folder)
    assert code == 0
    assert (second["files_seen"], second["added"], second["unchanged"], second["not_dicom"]) == (6, 0, 5, 1)


def test_import_of_a_cut_file_is_done_in_part(run, series_factory):
    series = series_factory("ct")
    content = series.files[0].read_bytes()
    series.files[0].write_bytes(content[: len(content) - 20])
    code, report = run("import", series.folder)
    assert code == 3
    assert report["added"] == 4
    assert report["rejected"][0]["path"] == str(series.files[0])


def test_another_content_under_the_same_uid_is_a_duplicate_and_makes_a_3(run, series_factory):
    series = series_factory("ct")
    run("import", series.folder)
    changed = series.datasets[0]
    changed.ImageComments = "changed"
    other = factories.write(changed, series.folder.parent / "other" / "changed.dcm")
    code, report = run("import", other)
    assert code == 3
    assert report["duplicates"][0]["path"] == str(other)
    assert report["duplicates"][0]["sop_instance_uid"] == changed.SOPInstanceUID


def test_an_empty_folder_imports_as_nothing(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, report = run("import", tmp_path / "empty")
    assert code == 0
    assert report["files_seen"] == 0


def test_a_path_that_does_not_exist_is_a_1_with_a_sentence(run, tmp_path):
    code, document = run("import", tmp_path / "missing")
    assert code == 1
    assert set(document) == {"error", "kind"}
    assert "missing" in document["error"]


@pytest.mark.parametrize("verb", [("list",), ("verify",), ("examine", UNKNOWN_UID), ("tags", UNKNOWN_UID)])
def test_reading_without_a_database_is_a_1_and_makes_none(run, tmp_path, verb):
    code, document = run(*verb)
    assert code == 1
    assert document["kind"] == "DatabaseNotFoundError"
    assert not (tmp_path / "database").exists()


@pytest.mark.parametrize("level", LIST_KEYS)
def test_list_has_the_keys_of_the_contract(run, imported, level):
    code, rows = run("list", level)
    assert code == 0
    assert len(rows) == (5 if level == "instances" else 1)
    assert all(set(row) == LIST_KEYS[level] for row in rows)


def test_list_finds_and_pages(run, imported):
    assert len(run("list", "instances", "--limit", 2, "--offset", 4)[1]) == 1
    assert len(run("list", "studies", "--search", "factory phantom")[1]) == 1
    assert run("list", "studies", "--search", "nobody")[1] == []
    assert run("list", "series")[1][0]["health"] == "ok"


def test_tags_gives_decoded_values(run, imported):
    code, rows = run("tags", imported.uid, "--search", "0028,0030")
    assert code == 0
    assert rows == [{"tag": "0028,0030", "keyword": "PixelSpacing", "vr": "DS", "value": [0.7, 0.5], "depth": 0}]


def test_examine_has_the_keys_of_the_contract(run, imported):
    code, (loadable,) = run("examine", imported.uid)
    assert code == 0
    assert set(loadable) >= EXAMINE_KEYS
    assert (loadable["dimensions"], loadable["selected"], loadable["instances"]) == ([10, 8, 5], True, 5)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".nii", ".mha", ".vti"])
def test_load_writes_the_volume_and_tells_its_geometry(run, imported, tmp_path, suffix):
    code, document = run("load", imported.uid, "--output", tmp_path / f"volume{suffix}")
    assert code == 0
    assert set(document) == LOAD_KEYS
    assert np.array(document["ijk_to_lps"]).reshape(4, 4) == pytest.approx(imported.ijk_to_lps, abs=1e-9)
    assert np.array(document["slice_positions_lps_mm"]) == pytest.approx(imported.positions, abs=1e-6)
    assert (document["minimum"], document["maximum"]) == (imported.array.min(), imported.array.max())
    assert (document["scalar_type"], document["units"], document["warnings"]) == ("int16", "HU", [])
    assert (tmp_path / f"volume{suffix}").stat().st_size > 0


def test_load_does_not_overwrite_unless_told_to(run, imported, tmp_path):
    target = tmp_path / "volume.nrrd"
    target.write_text("precious")
    code, document = run("load", imported.uid, "--output", target)
    assert code == 1
    assert "--overwrite" in document["error"]
    assert target.read_text() == "precious"
    assert run("load", imported.uid, "--output", target, "--overwrite")[0] == 0


def test_a_folder_is_loaded_without_a_database(run, series_factory, tmp_path):
    series = series_factory("mr", modality="MR")
    code, document = run("load", series.folder, "--output", tmp_path / "volume.nrrd")
    assert code == 0
    assert document["dimensions"] == [10, 8, 5]
    assert not (tmp_path / "database").exists()


def test_process_into_the_study_and_load_it_again(run, imported, tmp_path):
    code, exported = run("process", "gaussian", imported.uid, "--param", "sigma_mm=1.5", "--study", imported.study_uid)
    assert code == 0
    assert exported["instances"] == 5
    assert exported["max_abs_error"] <= exported["error_bound"]
    code, loaded = run("load", exported["series_instance_uid"], "--output", tmp_path / "again.nrrd")
    assert code == 0
    assert np.array(loaded["ijk_to_lps"]).reshape(4, 4) == pytest.approx(imported.ijk_to_lps, abs=1e-9)
    rows = run("list", "series")[1]
    assert sorted(row["series_number"] for row in rows) == [1, 2]


def test_export_of_a_file_takes_after_the_only_image_series(run, imported, tmp_path):
    run("process", "median", imported.uid, "--output", tmp_path / "median.mha")
    code, exported = run(
        "export", tmp_path / "median.mha", "--study", imported.study_uid, "--series-description", "Median"
    )
    assert code == 0
    assert exported["max_abs_error"] == 0
    assert all(Path(path).is_file() for path in exported["paths"])
    assert run("list", "series", "--search", "median")[1][0]["series_description"] == "Median"


def test_results_put_back_before_do_not_make_it_unclear_what_a_file_takes_after(run, imported, tmp_path):
    run("process", "median", imported.uid, "--output", tmp_path / "median.mha")
    uids = {
        run("export", tmp_path / "median.mha", "--study", imported.study_uid)[1]["series_instance_uid"] for _ in "ab"
    }
    assert len(uids) == 2
    assert sorted(row["series_number"] for row in run("list", "series")[1]) == [1, 2, 3]


def test_values_of_one_patient_are_not_filed_under_another(run, imported, series_factory, tmp_path):
    other = series_factory("other", PatientID="MADE-2", PatientName="Other^Patient")
    run("import", other.folder)
    run("process", "median", imported.uid, "--output", tmp_path / "median.nrrd")
    for verb in (["export", tmp_path / "median.nrrd"], ["process", "median", imported.uid]):
        code, document = run(*verb, "--study", other.study_uid)
        assert code == 1
        assert "another patient" in document["error"]
    assert len(run("list", "series")[1]) == 2


def test_a_result_is_described_by_its_source_and_what_was_done(run, imported):
    run("process", "median", imported.uid, "--study", imported.study_uid)
    described = {row["series_number"]: row["series_description"] for row in run("list", "series")[1]}
    assert described[1] == "Made ct"
    assert described[2].startswith("Made ct")
    assert "edian" in described[2]


def test_the_filters_are_listed_with_their_ranges(run):
    code, filters = run("process", "--list")
    assert code == 0
    assert {"gaussian", "median"} <= {one["name"] for one in filters}
    for one in filters:
        assert set(one) == {"name", "title", "parameters"}
        assert all(set(p) == {"name", "type", "default", "minimum", "maximum", "unit"} for p in one["parameters"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("process", "nonsense"),
        ("process", "gaussian", "--param", "sigma_mm=-1"),
        ("process", "gaussian", "--param", "x=1"),
    ],
)
def test_a_wrong_filter_or_parameter_is_a_1(run, imported, tmp_path, arguments):
    verb, name, *rest = arguments
    code, document = run(verb, name, imported.uid, *rest, "--output", tmp_path / "out.nrrd")
    assert code == 1
    assert document["kind"] == "ProcessingError"
    assert not (tmp_path / "out.nrrd").exists()


def test_verify_is_clean_then_finds_a_missing_file(run, imported):
    code, report = run("verify")
    assert code == 0
    assert report["checked"] == 5
    assert report["database"] == "ok"
    imported.files[0].unlink()
    code, report = run("verify")
    assert code == 3
    assert report["missing"] == [str(imported.files[0])]


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["load"], ["process"], ["list", "planets"], ["--nonsense", "list"]]
)
def test_wrong_usage_is_a_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_global_options_stand_before_or_after_the_verb(imported, tmp_path, capsys):
    for arguments in (["--json", "list"], ["list", "--json"]):
        code = main(["--database", str(tmp_path / "database"), *arguments])
        assert code == 0
        assert len(json.loads(capsys.readouterr().out)) == 1


def test_every_verb_has_help(capsys):
    for verb in VERBS:
        with pytest.raises(SystemExit) as stop:
            main([verb.name, "--help"])
        assert stop.value.code == 0
        assert verb.summary[1:10] in capsys.readouterr().out


def test_an_interrupt_cancels_with_130_and_keeps_whole_batches(tmp_path):
    factories.make_series(tmp_path / "data", slices=1500, rows=4, columns=4)
    database = tmp_path / "database"
    command = [sys.executable, "-m", "DICOMModule", "--json", "--database", str(database)]
    process = subprocess.Popen(
        [*command, "import", "--copy", str(tmp_path / "data")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(),
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not list(database.glob("dicom/*/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out)["kind"] == "Cancelled"
    assert "Traceback" not in err
    again = subprocess.run([*command, "verify"], capture_output=True, text=True, env=_environment(), check=False)
    assert again.returncode == 0, again.stdout + again.stderr


def test_stdout_carries_one_document_whatever_libraries_print(imported, tmp_path):
    command = [
        sys.executable,
        "-m",
        "DICOMModule",
        "--json",
        "--database",
        str(tmp_path / "database"),
        "list",
        "series",
    ]
    result = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=True)
    assert json.loads(result.stdout)[0]["series_instance_uid"] == imported.uid


def _environment():
    root = Path(__file__).resolve().parents[2]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
