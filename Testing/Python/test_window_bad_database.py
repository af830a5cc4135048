"""A database, a disk, settings or a module that is not as it should be, through the real window."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import sqlite3
import sys

import factories
import pytest
from bad_input_kit import (
    dismissed,
    exported,
    goes_on,
    imported,
    loaded,
    opened_window,
    previewed,
    selected,
    state_of_tree,
    study_selected,
    thumbnail_problem,
    told,
)
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QFileDialog
from test_window_journey import banner_texts, panel, press_button, settle, tree
from window_hand import QtHand, middle_of

from DICOMModule import app
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.settings import read_settings

FILE = "dicommodule.sqlite"
READ_ONLY, REMOUNT, BIND = 1, 32, 4096

# dialogs want more than the platform without a screen has
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture(autouse=True)
def clean_surroundings(qapp, tmp_path, monkeypatch, capfd):
    """Nothing of this machine's settings; and no traceback reaches a stream."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user-data"))
    monkeypatch.delenv("DICOMMODULE_DATABASE", raising=False)
    yield
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.fixture
def series(tmp_path):
    return factories.make_series(tmp_path / "data", "ct", slices=3, rows=20, columns=24)


@pytest.fixture
def database(tmp_path, series):
    """The folder of a database that holds the series as copies."""
    with DICOMModuleLogic(tmp_path / "database") as logic:
        run_to_end(logic.import_job([series.folder], copy=True))
    return tmp_path / "database"


@pytest.fixture
def mounted(tmp_path):
    """Mount something for this test alone: ``mounted(source, kind, flags, options)`` returns the folder."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root on Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    folders = []

    def mount(source, kind, flags=0, options=None):
        folder = tmp_path / f"mounted{len(folders)}"
        folder.mkdir()
        if libc.mount(source, os.fsencode(folder), kind, flags, options):
            pytest.skip("mounting is not allowed here")
        folders.append(folder)
        return folder

    def read_only(source):
        folder = mount(os.fsencode(source), b"none", BIND)
        libc.mount(b"none", os.fsencode(folder), b"none", BIND | REMOUNT | READ_ONLY, None)
        return folder

    mount.read_only = read_only
    yield mount
    for folder in folders:
        libc.umount2(os.fsencode(folder), 2)


def other_folder_chosen(window, folder, monkeypatch):
    """Click LocalDatabase and choose a folder in the dialog of the system."""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_arguments: str(folder))
    QtHand().click(middle_of(panel(window).database.local_database_button))
    settle(window)


# -- a folder that cannot be written to


def test_a_read_only_database_is_browsed_and_loaded_but_not_changed(database, mounted, series, tmp_path, monkeypatch):
    folder = mounted.read_only(database)
    extra = factories.make_series(tmp_path / "extra", "extra", slices=2)
    with opened_window(folder, tmp_path / "settings.json") as window:
        selected(window, "Made ct")
        assert previewed(window) == ""
        assert thumbnail_problem(window, series.uid) == ""
        assert loaded(window, "Made ct") == 1
        imported(window, extra.folder)
        told(window, "cannot be written to", "choose another folder")
        dismissed(window)
        selected(window, "Made ct")
        QtHand().key(Qt.Key_Delete)
        told(window, "cannot be written to")
        dismissed(window)
        study_selected(window, "Made study")
        exported(window)
        told(window, "cannot be written to")
        dismissed(window)
        assert len(panel(window).logic.database().series()) == 1
        other_folder_chosen(window, tmp_path / "other", monkeypatch)
        assert "Nothing here yet" in state_of_tree(window)
        goes_on(window, tmp_path / "good")
    assert read_settings(tmp_path / "settings.json").local_database == str(tmp_path / "other")


# -- a database file that is not ours, or not any more


def damage(folder):
    (folder / FILE).write_bytes(b"garbage " * 1000)


def change_program(folder):
    (folder / FILE).unlink()
    with sqlite3.connect(folder / FILE) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()


def make_newer(folder):
    with sqlite3.connect(folder / FILE) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()


def replace_by_a_file(folder):
    folder.rename(folder.with_name("away"))
    folder.write_text("not a folder")


SPOILS = {
    "damaged": (damage, "is damaged"),
    "of another program": (change_program, "another program"),
    "too new": (make_newer, "schema version 99"),
    "a file": (replace_by_a_file, "not a folder"),
}


@pytest.mark.parametrize("kind", list(SPOILS))
def test_a_database_that_cannot_be_used_says_so_in_its_place(database, tmp_path, monkeypatch, kind):
    spoil, said = SPOILS[kind]
    spoil(database)
    place = database if database.is_file() else database / FILE
    before = place.read_bytes()
    with opened_window(database, tmp_path / "settings.json") as window:
        assert "The database cannot be read" in state_of_tree(window)
        assert said in state_of_tree(window)
        imported(window, tmp_path / "data")
        told(window, said)
        press_button(QtHand(), panel(window).browser, "Try again")
        settle(window)
        assert said in state_of_tree(window)
        assert place.read_bytes() == before
        dismissed(window)
        other_folder_chosen(window, tmp_path / "other", monkeypatch)
        assert "Nothing here yet" in state_of_tree(window)
        goes_on(window, tmp_path / "good")
        other_folder_chosen(window, database, monkeypatch)
        assert said in state_of_tree(window)


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed there")
def test_a_database_that_is_removed_while_it_is_open_takes_nothing_in_silence(database, tmp_path, monkeypatch):
    extra = factories.make_series(tmp_path / "extra", "extra", slices=2, PatientID="EXTRA")
    with opened_window(database, tmp_path / "settings.json") as window:
        shutil.rmtree(database)
        imported(window, extra.folder)
        told(window, "has been removed or replaced")
        assert not [text for text in banner_texts(window) if "Imported" in text]
        dismissed(window)
        other_folder_chosen(window, tmp_path / "other", monkeypatch)
        goes_on(window, tmp_path / "good")


# -- settings


@pytest.mark.parametrize("content", ['{"theme": ', "[" * 100_000])
def test_settings_that_cannot_be_read_are_told_of_and_not_overwritten(tmp_path, content):
    file = tmp_path / "settings.json"
    file.write_text(content, encoding="latin-1")
    before = file.read_bytes()
    with opened_window(tmp_path / "database", file) as window:
        told(window, str(file), "Mend or remove that file")
        dismissed(window)
        window.viewer.settings.change(theme="light")
        window.viewer.settings.change(theme="dark")
        assert not banner_texts(window), "once is enough"
        goes_on(window, tmp_path / "good")
    assert file.read_bytes() == before


def test_settings_that_make_no_sense_are_named(tmp_path, monkeypatch):
    file = tmp_path / "settings.json"
    nonsense = {
        '{"theme": "pink"}': "pink",
        '{"module_folders": "x"}': "module_folders",
        '{"local_database": "a\\u0000b"}': "local_database",
        '{"window": {"layout": "nine-up"}}': "nine-up",
    }
    for content, word in nonsense.items():
        file.write_text(content)
        with opened_window(tmp_path / "database", file) as window:
            told(window, word)
        assert word == "nine-up" or file.read_text() == content, "what else the file says is not lost"
    odd = {
        "window": {"geometry": "äöü", "state": "%%%", "size_examine": "9x", "module": "Nope"},
        "keys": {"open": "not a key", "nobody knows": "Ctrl+X"},
        "module_folders": ["~nobody9/modules", "\udce9"],
        "local_database": "~nobody9/x",
    }
    file.write_text(json.dumps(odd))
    with opened_window(app.folder_of(odd["local_database"]), file) as window:
        assert "~nobody9" in state_of_tree(window)
        told(window, "~nobody9/modules", "cannot be read")
        other_folder_chosen(window, tmp_path / "other", monkeypatch)
        goes_on(window, tmp_path / "good")
    assert read_settings(file).module_folders == tuple(odd["module_folders"])


def test_settings_that_cannot_be_written_are_told_of(mounted, tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    file = mounted.read_only(tmp_path / "config") / "settings.json"
    with opened_window(tmp_path / "database", file) as window:
        told(window, "cannot write the settings", "last only as long as this window")
        window.show_settings()
        dialog = window._dialogs["settings"]
        assert "cannot write" in dialog.problem_label.text()
        dialog.close()
        other_folder_chosen(window, tmp_path / "other", monkeypatch)
        goes_on(window, tmp_path / "good")


def test_the_viewers_own_start_goes_on_without_settings(tmp_path, monkeypatch, qapp):
    asked = []
    monkeypatch.setattr(app, "run_viewer", lambda options: asked.append(options) or app.ViewerResult())
    (tmp_path / "config" / "DICOMModule").mkdir(parents=True)
    (tmp_path / "config" / "DICOMModule" / "settings.json").write_text("{")
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 0
    assert asked[0].database_folder == app.folder_of("")


# -- a full disk


def test_a_full_disk_is_told_and_what_is_there_is_still_shown(mounted, series, tmp_path):
    disk = mounted(b"tmpfs", b"tmpfs", 0, b"size=3m")
    large = factories.make_series(tmp_path / "large", "large", slices=40, rows=256, columns=256)
    with opened_window(disk / "database", disk / "settings.json") as window:
        imported(window, series.folder)
        settle(window)
        for kept in (disk / "database" / "thumbnails").rglob("*.pgm"):
            kept.unlink()
        filler = disk / "filler"
        with filler.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        dismissed(window)
        panel(window).browser.thumbnails.set_logic(panel(window).logic)
        window.repaint()
        tree(window).viewport().update()
        assert thumbnail_problem(window, series.uid) == ""
        selected(window, "Made ct")
        assert previewed(window) == ""
        assert loaded(window, "Made ct") == 1
        window.viewer.settings.change(copy_on_import=True)
        told(window, "cannot write the settings")
        imported(window, large.folder)
        told(window, "no room left")
        dismissed(window)
        selected(window, "Made ct")
        QtHand().key(Qt.Key_Delete)
        told(window, "no room left")
        settle(window)
        filler.unlink()
        dismissed(window)
        goes_on(window, tmp_path / "good")
    assert not list(disk.rglob("*.part"))


# -- modules


def test_modules_that_fail_are_told_of_with_their_line(tmp_path):
    folder = tmp_path / "modules"
    folder.mkdir()
    base = "from DICOMModule.scripted_module import ScriptedModule, ScriptedModuleWidget\n"
    (folder / "Raising.py").write_text("x = 1\nraise ValueError('no good')\n")
    (folder / "Leaving.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "Unfinished.py").write_text("class Unfinished(:\n")
    (folder / "Failing.py").write_text(
        f"{base}class Failing(ScriptedModule):\n    title = 'Failing'\n"
        "class FailingWidget(ScriptedModuleWidget):\n    def setup(self):\n        raise OSError('no device')\n"
    )
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"module_folders": [str(folder), str(tmp_path / "none")]}))
    with opened_window(tmp_path / "database", file) as window:
        for words in (("Raising.py", "line 2", "no good"), ("Leaving.py", "SystemExit"), ("Unfinished.py", "line 1")):
            told(window, *words)
        told(window, str(tmp_path / "none"), "cannot be read")
        dismissed(window)
        window.host.show_module("Failing")
        told(window, "Failing", "failed in setup")
        window.host.show_module("DICOMModule")
        goes_on(window, tmp_path / "good")
