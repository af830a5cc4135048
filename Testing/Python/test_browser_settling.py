"""The browser after its jobs were cancelled for another's sake: it reads, counts and makes pictures again."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import browser_kit
import factories
import pytest
from browser_kit import row

from DICOMModule.jobs import call_job, run_to_end
from DICOMModule.widgets.browser.tree_model import SUMMARY_ROLE
from DICOMModule.widgets.job_runner import Lane

ANN, STUDY = "adams, Ann", "Made study"


@pytest.fixture
def viewer(qapp, tmp_path):
    with browser_kit.viewer_of(tmp_path) as made:
        yield made


@pytest.fixture
def logic(tmp_path):
    with browser_kit.filled_logic(tmp_path) as made:
        yield made


@pytest.fixture
def browser(qtbot, logic, viewer):
    with browser_kit.shown_browser(qtbot, logic, viewer) as shown:
        qtbot.waitUntil(lambda: shown.model.rowCount() == 3 and viewer.jobs.is_idle)
        yield shown


@contextmanager
def taken(qtbot, jobs, lane):
    """Take every worker of a lane, so that what is asked of it waits."""
    hold, busy = threading.Event(), threading.Semaphore(0)

    def work():
        busy.release()
        return hold.wait(20)

    blockers = [jobs.run("Blocking", lambda: call_job(work), quiet=True, lane=lane) for _ in range(3)]
    assert all(busy.acquire(timeout=5) for _ in blockers)
    try:
        yield
    finally:
        hold.set()
    qtbot.waitUntil(lambda: all(blocker.state.is_over for blocker in blockers))


def settle(qtbot, jobs, logic):
    told = []
    jobs.when_settled(logic, lambda: told.append(True))
    qtbot.waitUntil(lambda: told == [True])


def test_the_tree_and_the_count_follow_the_database_again(browser, logic, viewer, qtbot, tmp_path):
    with taken(qtbot, viewer.jobs, Lane.QUIET):
        browser.refresh()
        assert browser.refresher.is_busy
        settle(qtbot, viewer.jobs, logic)
        assert not browser.refresher.is_busy
    counted = browser.count_label.text()
    made = factories.make_series(tmp_path / "later", "later", slices=2)
    run_to_end(logic.import_job([made.folder]))
    browser.refresh()
    qtbot.waitUntil(lambda: browser.model.rowCount() == 4)
    qtbot.waitUntil(lambda: browser.count_label.text() not in {"", counted})


def test_a_database_whose_opening_was_cancelled_is_opened_when_it_is_asked_for_again(logic, viewer, qtbot):
    with browser_kit.shown_browser(qtbot, logic, viewer) as browser:
        with taken(qtbot, viewer.jobs, Lane.QUIET):
            browser.set_logic(logic)
            settle(qtbot, viewer.jobs, logic)
        assert browser.model.rowCount() == 0
        browser.refresh()
        qtbot.waitUntil(lambda: browser.model.rowCount() == 3)


def test_a_thumbnail_that_was_cancelled_is_made_when_it_is_painted_again(browser, logic, viewer, qtbot):
    with taken(qtbot, viewer.jobs, Lane.PICTURE):
        study = row(browser, ANN, STUDY)
        browser.tree.expand(study)
        qtbot.waitUntil(lambda: browser.thumbnails.is_busy)
        settle(qtbot, viewer.jobs, logic)
    series = browser.model.index(0, 0, row(browser, ANN, STUDY)).data(SUMMARY_ROLE)
    browser.tree.viewport().update()
    qtbot.waitUntil(lambda: (found := browser.thumbnails.look_up(series)) is not None and found.pixmap is not None)


def test_a_picture_of_the_preview_that_was_cancelled_is_fetched_again(browser, logic, viewer, qtbot):
    loader = browser.preview.loader
    with taken(qtbot, viewer.jobs, Lane.PICTURE):
        study = row(browser, ANN, STUDY)
        browser.tree.expand(study)
        loader.show_targets((browser.model.index(0, 0, study).data(SUMMARY_ROLE).series_instance_uid,))
        qtbot.waitUntil(lambda: bool(loader.frames))
        loader.go_to(0)
        assert loader.is_busy
        settle(qtbot, viewer.jobs, logic)
        assert not loader.is_busy
    loader.go_to(0)
    qtbot.waitUntil(lambda: loader.picture(0) is not None)


def test_a_list_of_the_preview_that_was_cancelled_can_be_asked_for_again(browser, logic, viewer, qtbot):
    loader = browser.preview.loader
    with taken(qtbot, viewer.jobs, Lane.QUIET):
        loader.show_targets(("1.2.3",))
        settle(qtbot, viewer.jobs, logic)
        assert not loader.is_busy
