"""The log: its last lines in memory from any thread, a private file that does not grow for ever, and the window."""

from __future__ import annotations

import logging
import stat
import sys
import threading

import pytest

from DICOMModule.widgets.log_records import FILE_BYTES, MOST_KEPT, LogRecords, logging_to_window
from DICOMModule.widgets.log_window import LogModel, LogWindow
from DICOMModule.widgets.qt import QApplication, Qt

LOG = logging.getLogger("DICOMModule.somewhere")


@pytest.fixture
def window(qtbot, viewer):
    with logging_to_window() as records:
        made = LogWindow(records, viewer)
        qtbot.addWidget(made)
        yield made
        made.close()


def shown(window):
    return [line.text for line in window.model.rows]


def test_lines_of_the_program_are_kept_and_those_of_libraries_are_not():
    with logging_to_window() as records:
        LOG.info("indexed %d files", 3)
        LOG.debug("too fine")
        logging.getLogger("pydicom").warning("quotes a patient's name")
    LOG.info("after the end")
    (line,) = records.since(0)
    assert (line.text, line.level, line.source) == ("indexed 3 files", logging.INFO, "somewhere")


def test_the_level_of_the_logger_is_as_it_was_before():
    logger = logging.getLogger("DICOMModule")
    before = logger.level
    with logging_to_window():
        assert logger.isEnabledFor(logging.INFO)
    assert logger.level == before


def test_lines_of_many_threads_are_all_kept_in_order():
    records = LogRecords()

    def log():
        for number in range(200):
            records.handle(logging.makeLogRecord({"name": "x", "msg": f"line {number}"}))

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [line.number for line in records.since(0)] == list(range(800))
    assert [line.number for line in records.since(797)] == [797, 798, 799]


def test_only_the_last_lines_are_kept():
    records = LogRecords(most_kept=10)
    for number in range(25):
        records.handle(logging.makeLogRecord({"name": "x", "msg": f"line {number}"}))
    assert [line.text for line in records.since(0)] == [f"line {number}" for number in range(15, 25)]


def test_a_traceback_is_part_of_the_line():
    with logging_to_window() as records:
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError:
            LOG.exception("it failed")
    (line,) = records.since(0)
    assert line.text.startswith("it failed\nTraceback")
    assert line.text.endswith("ZeroDivisionError: division by zero")


def test_the_log_file_is_the_owners_alone_and_rotates(tmp_path):
    path = tmp_path / "logs" / "viewer.log"
    with logging_to_window(path):
        LOG.warning("first line")
        for _ in range(30):
            LOG.warning("x" * (FILE_BYTES // 20))
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["viewer.log", "viewer.log.1"]
    assert "WARNING MainThread DICOMModule.somewhere: first line" in files[1].read_text(encoding="utf-8")
    assert all(file.stat().st_size <= FILE_BYTES for file in files)
    if sys.platform != "win32":
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_log_file_that_cannot_be_written_is_said_and_no_more(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with logging_to_window(tmp_path / "file" / "viewer.log") as records:
        LOG.info("goes on")
    assert [line.text.startswith("no log file is written") for line in records.since(0)] == [True, False]


def test_the_window_follows_the_log_while_it_is_seen(qtbot, window):
    LOG.info("before")
    window.show()
    assert shown(window) == ["before"]
    LOG.warning("afterwards")
    qtbot.waitUntil(lambda: shown(window) == ["before", "afterwards"], timeout=5000)
    assert window.count_label.text() == "2 lines"


def test_the_window_filters_by_level_and_by_words(qtbot, window):
    LOG.info("Series was loaded")
    LOG.warning("series has a gap")
    LOG.error("database is locked")
    window.refresh()
    window.level_box.setCurrentIndex(2)
    assert shown(window) == ["series has a gap", "database is locked"]
    qtbot.keyClicks(window.search_field, "GAP series")
    assert shown(window) == ["series has a gap"]
    assert window.count_label.text() == "1 of 3 lines"
    LOG.warning("another Gap of a Series")
    LOG.info("series gap, but a note only")
    window.refresh()
    assert shown(window) == ["series has a gap", "another Gap of a Series"]


def test_lines_are_copied_whole_and_saved_to_a_file(qtbot, window, tmp_path):
    LOG.info("one\ntwo")
    LOG.warning("three")
    window.refresh()
    window.copy_button.click()
    assert QApplication.clipboard().text() == window.chosen_text()
    assert window.chosen_text().splitlines()[1] == "two"
    window.table.selectRow(1)
    assert window.chosen_text().endswith("WARNING somewhere: three")
    assert "WARNING somewhere: three" in window.whole_text.toPlainText()
    window.save_to(tmp_path / "log.txt")
    saved = tmp_path / "log.txt"
    qtbot.waitUntil(lambda: saved.exists() and "three" in saved.read_text(encoding="utf-8"), timeout=5000)


def test_a_log_that_cannot_be_saved_says_why_in_the_window(qtbot, window, tmp_path):
    window.show()
    window.save_to(tmp_path / "missing" / "log.txt")
    qtbot.waitUntil(window.problem_label.isVisible, timeout=5000)
    assert "No such file" in window.problem_label.text()
    assert window.problem_label.textFormat() == Qt.PlainText


def test_clear_forgets_and_later_lines_come_again(window):
    LOG.info("old")
    window.refresh()
    window.clear_button.click()
    assert shown(window) == []
    LOG.info("new")
    window.refresh()
    assert shown(window) == ["new"]


def test_the_table_does_not_grow_beyond_what_is_kept(qapp):
    records, model = LogRecords(), LogModel()
    model.set_filter(logging.WARNING, "")
    for number in range(MOST_KEPT + 100):
        level = logging.WARNING if number % 2 else logging.INFO
        records.handle(logging.makeLogRecord({"name": "x", "msg": str(number), "levelno": level}))
        if number % 1000 == 0:
            model.add(records.since(len(model.lines) and model.lines[-1].number + 1))
    model.add(records.since(model.lines[-1].number + 1))
    assert (len(model.lines), model.rowCount()) == (MOST_KEPT, MOST_KEPT // 2)
    assert model.rows[0].number == 101
