"""The program's own module is reloaded and tested in the window that runs it."""

from __future__ import annotations

import sys
import threading
import time

import factories
import pytest

from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DatabaseNotFoundError
from DICOMModule.logic import DICOMModuleLogic
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
