"""The command line and what is around it: streams that are closed or full, terminals, arguments that scripts get wrong."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import factories
import pytest

from DICOMModule.commands import output as output_module
from DICOMModule.commands.main import VERBS, main
from DICOMModule.commands.output import Output
from DICOMModule.commands.text_table import cut, table_lines, width
from DICOMModule.jobs import Progress

ROOT = Path(__file__).resolve().parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def shell(line: str, tmp_path: Path, **options) -> subprocess.CompletedProcess[str]:
    """Run `line`, in which dm is the command line on a database of the test's own."""
    command = f'dm() {{ "{sys.executable}" -m DICOMModule "$@"; }}; {line}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DICOMMODULE_DATABASE": str(tmp_path / "database")}
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, env=environment, check=False, **options
    )


@pytest.fixture
def imported(tmp_path):
    """A series in the database that `shell` uses."""
    series = factories.make_series(tmp_path / "data")
    assert shell(f'dm import "{series.folder}"', tmp_path).returncode == 0
    return series


@POSIX
@pytest.mark.parametrize("options", ["", "--json"])
def test_a_closed_stdout_is_no_fault(imported, tmp_path, options):
    done = shell(f"dm list {options} >&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@POSIX
@pytest.mark.parametrize("options", ["", "--json"])
def test_a_full_stdout_is_said_in_one_line(imported, tmp_path, options):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no full device")
    done = shell(f"dm list {options} >/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip() == "dicommodule: standard output cannot be written: No space left on device."


@POSIX
@pytest.mark.parametrize("options", ["", "--json"])
def test_a_reader_that_goes_away_is_not_complained_about(imported, tmp_path, options):
    done = shell(f"dm tags {imported.uid} {options} | head -n 1", tmp_path)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@POSIX
def test_other_working_folders_relative_paths_and_home(imported, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    imported.folder.rename(home / "here")
    line = f'export HOME="{home}"; cd "{home}"; dm load here --output v.nrrd && dm load "~/here" --output "~/w.nrrd"'
    done = shell(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in home.iterdir()} >= {"here", "v.nrrd", "w.nrrd"}


@POSIX
def test_an_ascii_terminal_shows_names_escaped(tmp_path):
    series = factories.make_series(tmp_path / "data", slices=3)
    for dataset, file in zip(series.datasets, series.files, strict=True):
        dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 192", "山田^Tarou"
        factories.write(dataset, file)
    line = f'export PYTHONIOENCODING=ascii; dm import "{series.folder}" && dm list patients'
    done = shell(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\\u5c71\\u7530^Tarou" in done.stdout


@POSIX
def test_a_link_loop_named_outright_is_said_and_makes_no_database(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    done = shell(f'dm import --json "{tmp_path / "loop"}"', tmp_path)
    assert done.returncode == 1
    assert "loop" in json.loads(done.stdout)["error"]
    assert not (tmp_path / "database").exists()


@POSIX
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_at_any_moment_leaves_one_document_or_none_and_130(imported, tmp_path, signal_number):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DICOMMODULE_DATABASE": str(tmp_path / "database")}
    for step in range(10):
        process = subprocess.Popen(
            [sys.executable, "-m", "DICOMModule", "--json", "tags", imported.uid],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        time.sleep(0.05 + 0.03 * step)
        process.send_signal(signal_number)
        out, err = process.communicate(timeout=30)
        if "frozen" in err or not (out or err):
            continue  # it hit Python before there was a program
        assert process.returncode in (0, 130), err
        assert "Traceback" not in err
        document = json.loads(out)
        assert isinstance(document, list) or document["kind"] == "Cancelled"


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", ""],
        ["load", "", "--output", "x.nrrd"],
        ["load", "x", "--output", ""],
        ["list", "--database", ""],
        ["list", "--limit", "99999999999999999999"],
        ["list", "--patient", "9" * 5000],
        ["list", "--offset", "-1"],
        ["import", "x", "--jobs", "many"],
        ["view", "--demo", "--screenshot", "x.png", "--size", "large"],
        ["view", "--demo", "--screenshot", "x.png", "--position", "1,2"],
        ["view", "--demo", "--screenshot", "x.png", "--window", "wide"],
        ["export", "x.nrrd"],
        ["export", "x.nrrd", "--new-study"],
        ["export", "x.nrrd", "--new-study", "--study", "1.2.3", "--patient-id", "1"],
    ],
)
def test_nonsense_arguments_are_a_2_that_names_them(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert not re.search(r"\b_", error.rsplit("error:", 1)[1])  # no names of functions


@pytest.mark.parametrize("name", ["x.jpg", "x", "missing/x.png"])
def test_a_picture_that_cannot_be_is_said_before_anything_is_opened(name, tmp_path, capsys):
    code = main(["--json", "view", "--demo", "--screenshot", str(tmp_path / name)])
    assert code == 1
    assert json.loads(capsys.readouterr().out)["kind"] == "RenderingError"


@pytest.mark.parametrize("address", ["postgresql://host/x", "sqlite:///x.db"])
def test_an_address_is_not_taken_for_a_folder(address, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for given in (["--database", address], []):
        monkeypatch.setenv("DICOMMODULE_DATABASE", address)
        assert main(["import", str(tmp_path), "--json", *given]) == 1
        assert json.loads(capsys.readouterr().out)["kind"] == "SettingsError"
    assert not list(tmp_path.iterdir())


def test_export_into_a_new_study(tmp_path, capsys):
    series = factories.make_series(tmp_path / "data")
    database = ["--json", "--database", str(tmp_path / "database")]
    assert main([*database, "load", str(series.folder), "--output", str(tmp_path / "v.nrrd")]) == 0
    new = ["--new-study", "--patient-id", "4711", "--patient-name", "Doe^Jane", "--modality", "CT"]
    capsys.readouterr()
    assert main([*database, "export", str(tmp_path / "v.nrrd"), *new]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["instances"] == 5
    assert main([*database, "list", "studies"]) == 0
    (study,) = json.loads(capsys.readouterr().out)
    assert (study["patient_id"], study["study_instance_uid"]) == ("4711", report["study_instance_uid"])


def test_every_help_has_an_example_that_names_its_verb(capsys):
    for verb in VERBS:
        with pytest.raises(SystemExit):
            main([verb.name, "--help"])
        assert f"  dicommodule {verb.name}" in capsys.readouterr().out.split("examples:")[1]


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from DICOMModule.commands.main import main\n"
        "main(['list', '--database', '/nonexistent'])\n"
        "print(sorted({'numpy', 'pydicom', 'SimpleITK', 'vtkmodules', 'PyQt5'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def test_columns_line_up_whatever_the_script():
    rows = [(1, "山田^太郎", "a"), (22, "Doe^Jane", "b"), (3, "e\u0301a", "c"), (None, "ﾔﾏﾀﾞ", "d")]
    lines = list(table_lines(("no.", "name", "x"), rows))
    assert {width(line.rsplit("  ", 1)[0].rstrip()) <= width("no.  山田^太郎") for line in lines} == {True}
    assert {width(line[: line.rindex(line[-1])]) for line in lines} == {width("no.  山田^太郎  ")}
    assert lines[2].startswith(" 22")


def test_a_narrow_terminal_cuts_texts_and_never_uids():
    rows = [("Thorax with contrast medium, late phase", "1.2.840." + "9" * 40)]
    _, line = table_lines(("description", "UID"), rows, whole=("UID",), columns=70)
    assert width(line) <= 70
    assert line.endswith("1.2.840." + "9" * 40)
    assert "…" in line


def test_a_text_is_cut_by_cells_not_characters():
    assert cut("山田太郎", 5) == "山田…"
    assert width(cut("山田太郎", 4)) <= 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_is_shown_on_terminals_only_and_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(output_module, "PROGRESS_INTERVAL_S", 0)

    def job():
        yield Progress(1, 2, "山田\n\x1b[31m" * 40)
        yield Progress(2, 2, "short")
        return "done"

    terminal = Terminal()
    assert Output(stdout=io.StringIO(), stderr=terminal).run(job()) == "done"
    steps = terminal.getvalue().split("\r")
    assert "\x1b" not in terminal.getvalue()
    assert "1/2" in steps[1]
    assert all(width(step) <= 80 for step in steps)
    assert steps[-1] == ""
    assert not steps[-2].strip()
    for options in ({"stderr": io.StringIO()}, {"stderr": Terminal(), "quiet": True}):
        output = Output(stdout=io.StringIO(), **options)
        output.run(job())
        assert output.stderr.getvalue() == ""


@POSIX
def test_exports_at_once_into_one_study_get_numbers_of_their_own(imported, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DICOMMODULE_DATABASE": str(tmp_path / "database")}
    command = [sys.executable, "-m", "DICOMModule", "--quiet", "process", "median", imported.uid]
    running = [subprocess.Popen([*command, "--study", imported.study_uid], env=environment) for _ in range(3)]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    listed = subprocess.run(
        [sys.executable, "-m", "DICOMModule", "--json", "list", "series"],
        capture_output=True, text=True, env=environment, check=True,
    )  # fmt: skip
    assert sorted(row["series_number"] for row in json.loads(listed.stdout)) == [1, 2, 3, 4]
