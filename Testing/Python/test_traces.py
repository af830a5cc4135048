"""Nothing of a patient is written outside the database folder, unless the user asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import factories
import pytest
from importing import hashes
from purge_kit import NAME, PATIENT_ID, left_in

from DICOMModule.commands.main import main

ROOT = Path(__file__).resolve().parents[2]
STRINGS = ["Grünbaumer", "Ärmelinde", "山田辰砂", "PX77ZQ", "19310713", "ACCZZ9918", "Thorax wie vordem", "Kopfreihe"]
DIALOG = """
import os, sys
from pathlib import Path
from DICOMModule.widgets.qt import QApplication, QFileDialog
from DICOMModule.widgets.qt_application import folders_forgotten, sip_delete, window_application
application = window_application(unseen=True)
with folders_forgotten():
    dialog = QFileDialog(None, "Open", sys.argv[1])
    dialog.setOption(QFileDialog.DontUseNativeDialog, True)
    dialog.setFileMode(QFileDialog.Directory)
    dialog.show()
    dialog.accept()
    sip_delete(dialog)
"""


@pytest.fixture
def home(tmp_path):
    """An environment all of whose places for files lie in a folder of the test's, and the folder."""
    folder = tmp_path / "home"
    places = {"HOME": "", "TMPDIR": "tmp"}
    places |= {f"XDG_{name}_HOME": name.lower() for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    for place in places.values():
        (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / "run").mkdir(mode=0o700)
    kept = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    environment = {
        **kept, **{name: str(folder / place) for name, place in places.items()}, "XDG_RUNTIME_DIR": str(folder / "run"),
        "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen", "DICOMMODULE_DATABASE": str(tmp_path / "database"),
    }  # fmt: skip
    return environment, folder


def test_no_verb_leaves_anything_of_a_patient_outside_the_database_folder_or_says_it_aside(
    home, tmp_path, monkeypatch, capsys
):
    environment, folder = home
    series = factories.make_series(
        tmp_path / "in", "in", slices=4, PatientName=NAME, PatientID=PATIENT_ID, PatientBirthDate="19310713",
        AccessionNumber="ACCZZ9918", StudyDescription="Thorax wie vordem", SeriesDescription="Kopfreihe",
    )  # fmt: skip
    before = hashes(tmp_path / "in")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", environment["TMPDIR"])

    def run(*words):
        assert main([*map(str, words), "--verbose"]) == 0

    run("import", series.folder, "--copy")
    run("import", series.folder)
    run("verify")
    run("delete", series.uid)
    run("restore", series.uid)
    command = [sys.executable, "-m", "DICOMModule", "view", series.uid, "--verbose", "--window-screenshot"]
    done = subprocess.run([*command, tmp_path / "w.png"], env=environment, capture_output=True, text=True, check=True)
    run("delete", series.uid, "--purge")
    said = [*capsys.readouterr(), done.stdout, done.stderr]
    assert not [string for string in STRINGS if string in "\n".join(said)]
    assert left_in(folder, STRINGS) == []
    assert not [path for path in folder.rglob("*") if path.name.startswith("dicommodule-")]
    assert hashes(tmp_path / "in") == before
    assert left_in(tmp_path / "database", STRINGS) == []


def test_the_folders_that_file_dialogs_have_shown_are_not_written_down(home, tmp_path):
    environment, folder = home
    shown = tmp_path / "Gruenbaumer Aermelinde"
    shown.mkdir()
    done = subprocess.run([sys.executable, "-c", DIALOG, str(shown)], env=environment, check=True, timeout=100)
    assert done.returncode == 0
    assert left_in(folder, ["Gruenbaumer"]) == []
