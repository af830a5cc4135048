"""The jobs strip and the list of jobs: what runs, what failed and why, cancel, another try, and nothing that jumps."""

from __future__ import annotations

import sys
import threading

import pytest

from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import Progress, call_job
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import JobRunner, JobState
from DICOMModule.widgets.jobs_list import MOST_KEPT, JobsList
from DICOMModule.widgets.jobs_panel import JobsStrip
from DICOMModule.widgets.qt import (
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.wording import plain_tooltip


@pytest.fixture
def runner(qapp):
    made = JobRunner()
    yield made
    made.shut_down()


@pytest.fixture
def strip(runner, qtbot):
    window = QWidget()
    window.resize(900, 500)
    layout = QVBoxLayout(window)
    made = JobsStrip(runner)
    layout.addStretch(1)
    layout.addWidget(made)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    yield made
    window.close()


class Held:
    """A job of 10 files that stands at 4 of them until it is let go."""

    def __init__(self, error=None):
        self.go_on = threading.Event()
        self.error = error

    def __call__(self):
        for number in range(1, 5):
            yield Progress(number, 10, f"file {number}")
        while not self.go_on.wait(0.01):
            yield Progress(4, 10, "file 4")
        if self.error is not None:
            raise self.error


def fail(text="the disk is full; make room"):
    raise DatabaseError(text)


def button(widget, text):
    found = [one for one in widget.findChildren(QPushButton) if one.text() == text]
    return next(iter([one for one in found if one.isVisibleTo(widget)] or found))


def opener(strip):
    return next(one for one in strip.findChildren(QToolButton) if one.isCheckable())


def is_just_above(box, strip):
    corner = strip.mapTo(strip.window(), strip.rect().topRight())
    return 0 < corner.y() - box.bottom() < 10 and 0 <= corner.x() - box.right() < 10


def texts(widget):
    labels = [one for one in widget.findChildren(QLabel) if one.isVisibleTo(widget)]
    return [one.whole_text if isinstance(one, ElidedLabel) else one.text() for one in labels]


def test_the_strip_has_one_height_with_a_job_and_without(strip, runner, qtbot):
    before = strip.geometry()
    assert "No jobs running" in texts(strip)
    held = Held()
    handle = runner.run("Importing 3 folders", held)
    qtbot.waitUntil(lambda: handle.progress.done == 4, timeout=5000)
    assert "Importing 3 folders" in texts(strip)
    assert any(text.startswith("4 of 10") for text in texts(strip))
    assert [bar.value() for bar in strip.findChildren(QProgressBar) if bar.isVisible()] == [400]
    assert strip.geometry() == before
    held.go_on.set()
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert "No jobs running" in texts(strip)
    assert strip.geometry() == before


def test_cancel_in_the_strip_cancels_the_job_that_it_shows(strip, runner, qtbot):
    older, newer = Held(), Held()
    first = runner.run("First", older)
    second = runner.run("Second", newer)
    qtbot.waitUntil(lambda: first.progress.done == 4 and second.progress.done == 4, timeout=5000)
    assert strip.shown is second
    qtbot.mouseClick(button(strip, "Cancel"), Qt.LeftButton)
    qtbot.waitUntil(lambda: second.state is JobState.CANCELLED, timeout=5000)
    assert first.state is JobState.RUNNING
    assert strip.shown is first
    older.go_on.set()
    qtbot.waitSignal(first.ended, timeout=5000).wait()


def test_a_failure_stays_in_the_strip_until_the_list_was_opened(strip, runner, qtbot):
    handle = runner.run("Importing", lambda: call_job(fail))
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert "Failed: Importing. the disk is full; make room" in texts(strip)
    qtbot.mouseClick(button(strip, "Show"), Qt.LeftButton)
    assert strip.is_open
    assert "the disk is full; make room" in texts(strip.list)
    qtbot.keyClick(strip.list, Qt.Key_Escape)
    assert not strip.is_open
    assert "No jobs running" in texts(strip)


def test_the_list_opens_above_the_strip_inside_the_window_and_follows_its_size(strip, qtbot):
    qtbot.mouseClick(opener(strip), Qt.LeftButton)
    window = strip.window()
    for size in ((900, 500), (1300, 900), (720, 260)):
        window.resize(*size)
        qtbot.waitUntil(lambda: is_just_above(strip.list.geometry(), strip), timeout=2000)
        assert window.rect().contains(strip.list.geometry())


def test_the_list_is_newest_first_and_clears_what_is_over(runner, qtbot):
    listed = JobsList(runner)
    qtbot.addWidget(listed)
    held = Held()
    done = runner.run("Done", lambda: call_job(lambda: 1))
    qtbot.waitSignal(done.ended, timeout=5000).wait()
    running = runner.run("Running", held)
    qtbot.waitUntil(lambda: running.state is JobState.RUNNING, timeout=5000)
    assert [row.handle.title for row in listed.rows] == ["Running", "Done"]
    button(listed, "Clear finished").click()
    assert [row.handle.title for row in listed.rows] == ["Running"]
    assert runner.handles == (running,)
    held.go_on.set()
    qtbot.waitSignal(running.ended, timeout=5000).wait()


def test_another_try_takes_the_place_of_the_one_that_failed(runner, qtbot):
    attempts = []

    def work():
        attempts.append(1)
        if len(attempts) == 1:
            fail()

    listed = JobsList(runner)
    qtbot.addWidget(listed)
    handle = runner.run("Importing", lambda: call_job(work))
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    (row,) = listed.rows
    button(row, "Try again").click()
    (again,) = listed.rows
    qtbot.waitUntil(lambda: again.handle.state is JobState.FINISHED, timeout=5000)
    assert again.handle is not handle
    assert any(text.startswith("Finished") for text in texts(again))
    assert button(again, "Try again").isHidden()


def test_a_fault_of_the_program_has_details_and_a_mendable_error_has_none(runner, qtbot, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    listed = JobsList(runner)
    qtbot.addWidget(listed)
    for job in (lambda: call_job(fail), lambda: call_job(lambda: 1 / 0)):
        handle = runner.run("Working", job)
        qtbot.waitSignal(handle.ended, timeout=5000).wait()
    fault, mendable = listed.rows
    assert button(mendable, "Details").isHidden()
    button(fault, "Details").click()
    assert "ZeroDivisionError" in fault.findChild(QPlainTextEdit).toPlainText()


def test_texts_of_jobs_are_never_markup(runner, qtbot):
    listed = JobsList(runner)
    qtbot.addWidget(listed)
    handle = runner.run("Loading <b>bold</b>", lambda: call_job(lambda: fail("<img src=x> is broken")))
    qtbot.waitSignal(handle.ended, timeout=5000).wait()
    (row,) = listed.rows
    formats = {label.textFormat() for label in row.findChildren(QLabel) if label.text()}
    assert formats == {Qt.PlainText}
    assert {"Loading <b>bold</b>", "<img src=x> is broken"} <= set(texts(row))


def test_the_list_does_not_grow_for_ever(runner, qtbot):
    listed = JobsList(runner)
    qtbot.addWidget(listed)
    for number in range(MOST_KEPT + 5):
        handle = runner.run(f"Job {number}", lambda: call_job(lambda: 1))
        qtbot.waitSignal(handle.ended, timeout=5000).wait()
    assert len(listed.rows) == MOST_KEPT
    assert listed.rows[0].handle.title == f"Job {MOST_KEPT + 4}"
    assert len(runner.handles) == MOST_KEPT


def test_a_long_text_is_cut_in_the_middle_and_whole_in_the_tooltip(qtbot):
    text = "/data/" + "a" * 300 + "/image.dcm"
    label = ElidedLabel(text)
    qtbot.addWidget(label)
    label.resize(200, 20)
    label.show()
    assert label.fontMetrics().horizontalAdvance(label.text()) <= 200
    assert label.text().startswith("/data/")
    assert label.text().endswith("image.dcm")
    assert label.toolTip() == plain_tooltip(text)
    label.set_whole_text("short")
    assert (label.text(), label.toolTip()) == ("short", "")
