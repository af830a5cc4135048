"""The program's own module is reloaded and tested in the window that runs it."""

from __future__ import annotations

import sys
import threading
import time

import factories
import pytest

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DatabaseNotFoundError, SettingsError
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.settings import DATABASE_VARIABLE
from DICOMModule.widgets.module_testing import open_in_editor
from DICOMModule.widgets.qt import QLabel


@pytest.fixture
def window(qapp, qtbot, tmp_path):
    with viewer_window(ViewerOptions(None, settings_file=tmp_path / "settings.json")) as made:
        made.viewer.settings.change(developer_mode=True)
        made.open((1280, 800), unseen=True)
        qtbot.waitUntil(lambda: made.viewer.jobs.is_idle, timeout=20_000)
        yield made


def series_count(window):
    try:
        return len(window.host.current.widget.logic.database().series())
    except DatabaseNotFoundError:
        return 0


def import_series(window, qtbot, folder, series):
    """Drop a folder on the window and wait until the database of the panel has so many series."""
    window.viewer.paths_dropped.emit((folder,))
    qtbot.waitUntil(lambda: series_count(window) == series, timeout=30_000)


def test_the_own_module_is_reloaded_in_the_running_window_and_goes_on_working(window, qtbot, tmp_path):
    for name in ("first", "second"):
        factories.make_series(tmp_path / name, name)
    import_series(window, qtbot, tmp_path / "first", 1)
    old = window.host.current.widget
    for _ in range(2):
        before = window.host.current.widget
        window.host.developer.reload_button.click()
        qtbot.waitUntil(lambda before=before: window.host.current.widget is not before, timeout=20_000)
    new = window.host.current.widget
    assert type(new) is sys.modules["DICOMModule.widget"].DICOMModuleWidget
    assert type(new) is not type(old)
    import_series(window, qtbot, tmp_path / "second", 2)
    assert [banner.text for banner in window.viewer.banners.shown if banner.kind == "error"] == []


def test_another_folder_is_taken_once_no_job_works_on_the_old_one_and_the_window_goes_on_meanwhile(
    window, qtbot, tmp_path, monkeypatch
):
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    panel, jobs = window.host.current.widget, window.viewer.jobs
    old, hold, others_hold, busy = panel.logic, threading.Event(), threading.Event(), threading.Event()

    def work():
        busy.set()
        return hold.wait(20)

    def fail():
        raise DatabaseNotFoundError("nothing is there")

    failed = jobs.run("Failing", lambda: call_job(fail), owner=old)
    qtbot.waitUntil(lambda: failed.state.is_over)
    assert failed.can_retry
    jobs.run("Long", lambda: call_job(work), owner=old)
    others = jobs.run("Another's", lambda: call_job(lambda: others_hold.wait(20)))
    assert busy.wait(5)
    panel.use_database(tmp_path / "first choice")
    panel.use_database(tmp_path / "second choice")
    assert panel.logic is old
    assert not panel.parent.isEnabled()
    hold.set()
    qtbot.waitUntil(lambda: panel.logic is not old, timeout=20_000)
    assert panel.logic.database_folder == tmp_path / "second choice"
    assert panel.parent.isEnabled()
    assert not failed.can_retry
    assert not others.state.is_over
    others_hold.set()
    factories.make_series(tmp_path / "one", "one")
    import_series(window, qtbot, tmp_path / "one", 1)
    qtbot.waitUntil(lambda: panel.browser.model.rowCount() == 1, timeout=20_000)


def test_a_reload_comes_after_another_folder_that_was_asked_for_before(window, qtbot, tmp_path, monkeypatch):
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    panel, hold, busy = window.host.current.widget, threading.Event(), threading.Event()

    def work():
        busy.set()
        return hold.wait(20)

    window.viewer.jobs.run("Long", lambda: call_job(work), owner=panel.logic)
    assert busy.wait(5)
    panel.use_database(tmp_path / "other")
    window.host.reload()
    window.host.reload()
    hold.set()
    qtbot.waitUntil(lambda: window.host.current.widget is not panel, timeout=20_000)
    assert window.host.developer.isEnabled()
    assert window.host.current.page.isEnabled()
    assert [banner.text for banner in window.viewer.banners.shown if banner.kind == "error"] == []
    factories.make_series(tmp_path / "one", "one")
    import_series(window, qtbot, tmp_path / "one", 1)


def test_window_and_jobs_that_ask_at_the_same_moment_share_one_database(tmp_path, monkeypatch):
    opening = DicomDatabase.open

    def open_slowly(folder, **options):
        time.sleep(0.05)
        return opening(folder, **options)

    monkeypatch.setattr(DicomDatabase, "open", open_slowly)
    found = []
    with DICOMModuleLogic(tmp_path / "database") as logic:
        threads = [threading.Thread(target=lambda: found.append(logic.database(create=True))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 4
    assert len(set(map(id, found))) == 1


def test_the_own_tests_run_in_the_window(window, qtbot):
    window.host.developer.test_button.click()
    label: QLabel = window.host.developer.result_label
    qtbot.waitUntil(lambda: "passed" in label.text(), timeout=100_000)
    assert label.property("role") == "ok", window.host.developer.result_text.toPlainText()


@pytest.mark.parametrize(("editor", "text"), [("no-such-editor-here", "cannot be started"), ('vi "', "is no command")])
def test_an_editor_that_does_not_work_is_named(tmp_path, qapp, editor, text):
    with pytest.raises(SettingsError, match=text):
        open_in_editor(tmp_path / "x.py", editor)
