"""What tests of the browser stand on: a viewer without a window, a filled database, and the browser that shows it."""

from __future__ import annotations

from contextlib import contextmanager

import filled_database

from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.scene import Scene
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.browser.browser import DatabaseBrowser
from DICOMModule.widgets.job_runner import JobRunner
from DICOMModule.widgets.qt import QModelIndex
from DICOMModule.widgets.viewer import SettingsStore, Viewer
from DICOMModule.widgets.views.view_state import ViewState


@contextmanager
def viewer_of(folder):
    """Give what the window lends, on a database folder."""
    scene, jobs = Scene(), JobRunner()
    banners = Banners()
    try:
        yield Viewer(
            scene, ViewState(scene), jobs, banners, SettingsStore(folder / "settings.json"), folder / "database"
        )
    finally:
        jobs.shut_down()
        banners.deleteLater()


@contextmanager
def filled_logic(folder):
    """Give a Logic on a database of three patients."""
    with DICOMModuleLogic(folder / "database") as logic:
        filled_database.fill(logic.database(create=True), folder)
        yield logic


@contextmanager
def shown_browser(qtbot, logic, viewer, size=(360, 800)):
    """Give a browser that is on the screen."""
    browser = DatabaseBrowser(logic, viewer)
    qtbot.addWidget(browser)
    browser.resize(*size)
    browser.show()
    try:
        yield browser
    finally:
        browser.stop()
        viewer.jobs.shut_down()


def is_quiet(browser):
    """Return whether nothing is being read, listed, decoded or counted."""
    return not (browser.refresher.is_busy or browser.preview.loader.is_busy or browser.thumbnails.is_busy)


def row(browser, *titles):
    """Return the row of the tree that is called so, from the patient down; what lies on the way is unfolded."""
    parent = QModelIndex()
    for title in titles:
        if parent.isValid():
            browser.tree.expand(parent)
        model = browser.model
        found = [
            index
            for index in (model.index(n, 0, parent) for n in range(model.rowCount(parent)))
            if index.data() == title
        ]
        assert found, (
            f"{title!r} is not among {[model.index(n, 0, parent).data() for n in range(model.rowCount(parent))]}"
        )
        parent = found[0]
    return parent
