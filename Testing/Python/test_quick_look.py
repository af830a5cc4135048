"""Quick look from a running window: private, shown as such, gone without a trace, or imported; and the browser's keys."""

from __future__ import annotations

import os

import factories
import pytest
from dialog_kit import a_viewer
from PyQt5.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt5.QtGui import QDragEnterEvent, QDropEvent
from PyQt5.QtWidgets import QApplication, QWidget
from window_hand import QtHand, wait_until

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.database import private_folder
from DICOMModule.jobs import Progress, run_to_end
from DICOMModule.widget import DICOMModuleWidget

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
SECRET = "Secretive^Sam"


class Place:
    """The panel in a window of its own, without views: what a quick look needs, and quickly made."""

    def __init__(self, viewer, parent):
        self.viewer = viewer
        self.parent = parent
        self.panel = DICOMModuleWidget(parent, viewer)
        self.panel.setup()

    def windowTitle(self):
        return self.parent.windowTitle()


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with a_viewer(qtbot, tmp_path) as viewer:
        parent = QWidget()
        qtbot.addWidget(parent)
        parent.setWindowTitle("DICOMModule")
        parent.resize(420, 900)
        place = Place(viewer, parent)
        parent.show()
        settle(place)
        yield place
        viewer.jobs.shut_down()
        place.panel.cleanup()


@pytest.fixture
def whole_window(qapp, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    options = ViewerOptions(tmp_path / "database", settings_file=tmp_path / "settings.json")
    with viewer_window(options) as window:
        window.open((1280, 800))
        window.activateWindow()
        wait_until(window.isActiveWindow, what="the window is active")
        settle(window)
        yield window


def add_known(window, tmp_path):
    made = factories.make_series(tmp_path / "known", "known", slices=4, rows=16, columns=16, PatientName="Known^Kim")
    run_to_end(panel(window).logic.import_job([made.folder]))
    panel(window).browser.refresh(deep=True)
    settle(window)
    return made


@pytest.fixture
def known(window, tmp_path):
    """Have a series in the local database."""
    return add_known(window, tmp_path)


@pytest.fixture
def stranger(tmp_path):
    return factories.make_series(
        tmp_path / "cd", "stranger", slices=4, rows=16, columns=16, PatientName=SECRET, PatientID="SEC-1"
    )


def panel(window):
    return window.panel if isinstance(window, Place) else window.host.current.widget


def settle(window):
    wait_until(lambda: window.viewer.jobs.is_idle, what="everything is settled")


def patients(window):
    model = panel(window).browser.model
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def look(window, *paths):
    window.viewer.quick_look_requested.emit(tuple(paths))
    wait_until(lambda: panel(window).quick_look.is_on, what="the quick look is on")
    settle(window)


def close(window):
    panel(window).quick_look_bar.close_button.click()
    wait_until(lambda: not panel(window).quick_look.is_on, what="the quick look is closed")
    settle(window)


def database_bytes(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_files_are_shown_as_private_and_never_enter_the_local_database(window, known, stranger, tmp_path):
    local = panel(window).logic
    title = window.windowTitle()
    look(window, stranger.folder)
    assert patients(window) == ["Secretive, Sam"]
    assert panel(window).quick_look_bar.isVisible()
    assert window.windowTitle() == f"{title} — quick look, private"
    assert panel(window).database._folder.whole_text == "private, removed on closing"
    assert len(window.viewer.scene.nodes) == 1
    private = panel(window).logic
    assert private is not local
    folder = private.database_folder
    assert folder.exists()
    close(window)
    assert panel(window).logic is local
    assert patients(window) == ["Known, Kim"]
    assert not panel(window).quick_look_bar.isVisible()
    assert window.windowTitle() == title
    assert window.viewer.scene.nodes == ()
    assert not folder.exists()
    assert not os.path.lexists(folder.parent)
    assert [study.patient_name for study in local.database().studies()] == ["Known^Kim"]
    assert b"Secretive" not in database_bytes(tmp_path / "database")


def test_what_was_loaded_and_selected_before_stays_when_the_quick_look_goes(window, known, stranger):
    panel(window)._loader.load_targets((known.uid,), "known")
    settle(window)
    panel(window).browser.select((known.uid,))
    settle(window)
    look(window, stranger.folder)
    assert len(window.viewer.scene.nodes) == 2
    close(window)
    wait_until(lambda: panel(window).browser.selection.targets == (known.uid,), what="it is selected again")
    (left,) = window.viewer.scene.nodes
    assert left.volume.source_series_uids == (known.uid,)


def test_import_keeps_the_files_in_the_local_database_and_closes(window, known, stranger):
    look(window, stranger.folder)
    panel(window).quick_look_bar.keep_button.click()
    wait_until(lambda: not panel(window).quick_look.is_on)
    settle(window)
    wait_until(lambda: patients(window) == ["Known, Kim", "Secretive, Sam"], what="both are there")
    assert panel(window).logic.database().counts()[3] == 8


def test_more_files_join_the_same_quick_look(window, stranger, tmp_path):
    other = factories.make_series(tmp_path / "cd2", "other", slices=2, PatientName="Other^Olga", PatientID="O")
    look(window, stranger.folder)
    private = panel(window).logic
    look(window, other.folder)
    assert panel(window).logic is private
    assert patients(window) == ["Other, Olga", "Secretive, Sam"]
    assert panel(window).quick_look.paths == (stranger.folder, other.folder)
    close(window)


def test_nothing_is_exported_into_what_is_not_kept(window, known, stranger):
    look(window, stranger.folder)
    (node,) = window.viewer.scene.nodes
    window.viewer.export_requested.emit(node.id)
    assert any("import its files first" in banner.text for banner in window.viewer.banners.shown)
    close(window)


def test_a_drop_with_alt_only_looks_and_one_without_imports(whole_window, stranger):
    window = whole_window
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(os.fspath(stranger.folder))])
    for modifiers in (Qt.AltModifier, Qt.NoModifier):
        at = window.rect().center()
        QApplication.sendEvent(window, QDragEnterEvent(at, Qt.CopyAction, mime, Qt.LeftButton, modifiers))
        QApplication.sendEvent(
            window, QDropEvent(QPointF(at), Qt.CopyAction, mime, Qt.LeftButton, modifiers, QDropEvent.Drop)
        )
        if modifiers == Qt.AltModifier:
            wait_until(lambda: panel(window).quick_look.is_on)
            settle(window)
            assert not (window.viewer.database_folder / "dicommodule.sqlite").exists()
            close(window)
    settle(window)
    assert panel(window).logic.database().counts()[3] == 4


def test_an_import_into_the_local_database_goes_on_beside_it(window, known, stranger, tmp_path):
    slow = factories.make_series(tmp_path / "slow", "slow", slices=2, PatientName="Slow^Sue", PatientID="S")
    local, hold = panel(window).logic, [True]

    def job():
        while hold:
            yield Progress(0, 0)
        report = yield from local.import_job([slow.folder])
        return report

    handle = window.viewer.jobs.run("Importing", job, owner=local)
    window.viewer.quick_look_requested.emit((stranger.folder,))
    wait_until(lambda: patients(window) == ["Secretive, Sam"] and len(window.viewer.scene.nodes) == 1)
    assert not handle.state.is_over
    panel(window).quick_look_bar.close_button.click()
    wait_until(lambda: panel(window).logic is local)
    assert not handle.state.is_over
    hold.clear()
    settle(window)
    wait_until(lambda: patients(window) == ["Known, Kim", "Slow, Sue"])


def test_another_local_database_ends_it(window, known, stranger, tmp_path):
    look(window, stranger.folder)
    private = panel(window).logic.database_folder
    panel(window).use_database(tmp_path / "elsewhere")
    wait_until(lambda: panel(window).logic.database_folder == tmp_path / "elsewhere")
    settle(window)
    assert not panel(window).quick_look.is_on
    assert not private.exists()


def test_reloading_the_module_and_closing_the_window_shred_it(whole_window, stranger, tmp_path):
    window = whole_window
    add_known(window, tmp_path)
    look(window, stranger.folder)
    private = panel(window).logic.database_folder
    before = panel(window)
    window.host.reload()
    wait_until(lambda: window.host.current is not None and panel(window) is not before, what="the module is reloaded")
    settle(window)
    wait_until(lambda: not os.path.lexists(private.parent), what="the private database is gone")
    assert patients(window) == ["Known, Kim"]
    assert "private" not in window.windowTitle()
    look(window, stranger.folder)
    private = panel(window).logic.database_folder
    assert private.exists()
    window.close_now()
    assert not os.path.lexists(private.parent)


def test_a_place_that_cannot_be_made_is_said_and_nothing_changes(window, known, stranger, monkeypatch):
    def fail():
        raise OSError(28, "No space left on device")

    local = panel(window).logic
    monkeypatch.setattr(private_folder, "_disk", fail)
    window.viewer.quick_look_requested.emit((stranger.folder,))
    wait_until(lambda: window.viewer.banners.shown, what="a banner")
    settle(window)
    assert panel(window).logic is local
    assert not panel(window).quick_look.is_on
    assert len(panel(window).logic.database().studies()) == 1


# --- the browser's keys, through the window


def test_the_keys_of_the_browser_work_from_the_views_too(whole_window, tmp_path):
    window, known = whole_window, add_known(whole_window, tmp_path)
    browser, hand = panel(window).browser, QtHand()
    browser.select((known.uid,))
    settle(window)
    wait_until(lambda: browser.preview.number.text() == "3/4")
    window.area.active_view.setFocus()
    hand.key(Qt.Key_Down, Qt.AltModifier)
    wait_until(lambda: browser.preview.number.text() == "4/4")
    hand.key(Qt.Key_Up, Qt.AltModifier)
    wait_until(lambda: browser.preview.number.text() == "3/4")
    hand.key(Qt.Key_L, Qt.ControlModifier)
    wait_until(lambda: panel(window).annotator.form is not None, what="the form for labels")
    panel(window).annotator.form.reject()
    for key, name in ((Qt.Key_T, "trash"), (Qt.Key_H, "history")):
        window.activateWindow()
        wait_until(window.isActiveWindow)
        window.area.active_view.setFocus()
        hand.key(key, Qt.ControlModifier)
        wait_until(lambda name=name: getattr(panel(window).dialogs, name) is not None, what=name)
        settle(window)
        getattr(panel(window).dialogs, name).close()
