"""Faults of the program: they are logged and shown, from any thread, without values of a patient, and the window goes on."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading

import pytest

from DICOMModule.errors import DatabaseError
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.dialogs import exception_dialog
from DICOMModule.widgets.dialogs.exception_dialog import MOST_FAULTS, PERSISTING_S, exceptions_shown
from DICOMModule.widgets.faults import fault_of, without_values
from DICOMModule.widgets.qt import QApplication, QPushButton, Qt, QTimer

PATIENT = "DOE^JANE"


@pytest.fixture
def banners(qtbot):
    made = Banners()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def dialog(banners):
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    with exceptions_shown(banners) as made:
        yield made
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before


def raised(function):
    try:
        function()
    except (ArithmeticError, LookupError, ValueError, RuntimeError) as error:
        return error
    pytest.fail("nothing was raised")


def parse_age():
    name = PATIENT
    return float(name)


def test_a_slot_that_raises_shows_one_dialog_and_the_window_goes_on(qtbot, dialog):
    button = QPushButton()
    qtbot.addWidget(button)
    button.clicked.connect(lambda: 1 / 0)
    button.click()
    qtbot.waitUntil(dialog.isVisible, timeout=5000)
    assert not dialog.isModal()
    assert dialog.sentence.text().startswith("Something in the program went wrong. It goes on;")
    assert dialog.headline.text().startswith("ZeroDivisionError in test_shell_exceptions.py, line ")
    assert dialog.details.isHidden()
    clicks = []
    button.clicked.disconnect()
    button.clicked.connect(lambda: clicks.append(1))
    button.click()
    assert clicks == [1]


def test_without_the_hook_the_same_would_end_the_process_and_with_it_the_program_ends_by_itself():
    program = """
import sys
from DICOMModule.widgets.qt import QApplication, QTimer
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.dialogs import exception_dialog
from DICOMModule.widgets.dialogs.exception_dialog import exceptions_shown
app = QApplication([])
QTimer.singleShot(0, lambda: 1 / 0)
QTimer.singleShot(100, app.quit)
if sys.argv[1] == "hook":
    with exceptions_shown(Banners()) as dialog:
        app.exec_()
        print(len(dialog.faults))
else:
    app.exec_()
"""
    ends = {}
    for mode in ("hook", "bare"):
        command = [sys.executable, "-c", program, mode]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        ends[mode] = (run.returncode, run.stdout.strip())
    assert ends["hook"] == (0, "1")
    assert ends["bare"][0] != 0


def test_a_thread_that_raises_is_shown_too(qtbot, dialog, caplog):
    thread = threading.Thread(target=[].pop)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(dialog.faults) == 1, timeout=5000)
    assert dialog.faults[0].kind == "IndexError"
    assert "a fault of the program (1 time)" in caplog.text


def test_an_error_that_can_be_mended_becomes_a_banner(qtbot, dialog, banners):
    def fail():
        raise DatabaseError("the disk is full; make room")

    QTimer.singleShot(0, fail)
    qtbot.waitUntil(lambda: len(banners.shown) == 1, timeout=5000)
    assert banners.shown[0].text == "the disk is full; make room"
    assert not dialog.isVisible()


def test_a_fault_that_comes_again_and_again_is_counted_and_logged_ever_more_rarely(qtbot, dialog, caplog):
    caplog.set_level(logging.ERROR)
    error = raised(lambda: 1 / 0)
    for _ in range(64):
        sys.excepthook(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: "64 faults" in dialog.headline.text(), timeout=5000)
    assert len(dialog.faults) == 1
    assert dialog.report().startswith("64 times: Traceback")
    assert len(caplog.records) == 7  # 1, 2, 4 … 64


def test_many_different_faults_are_bounded(qtbot, dialog):
    for number in range(MOST_FAULTS + 5):
        error = raised(lambda: 1 / 0)
        error.add_note(f"note {number}")
        sys.excepthook(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: f"{MOST_FAULTS + 5} faults" in dialog.headline.text(), timeout=5000)
    assert len(dialog.faults) == MOST_FAULTS
    assert "5 more faults, not kept" in dialog.report()


def test_a_closed_dialog_comes_back_unless_the_same_fault_just_goes_on(qtbot, dialog, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(exception_dialog.time, "monotonic", lambda: clock[0])
    fault = fault_of(raised(lambda: 1 / 0))
    dialog.add(fault)
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key_Escape)
    for _ in range(5):
        clock[0] += PERSISTING_S / 2
        dialog.add(fault)
        assert not dialog.isVisible()
    assert "6 faults" in dialog.headline.text()
    clock[0] += PERSISTING_S
    dialog.add(fault)
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key_Escape)
    dialog.add(fault_of(raised([].pop)))
    assert dialog.isVisible()


def test_neither_the_log_nor_the_report_holds_a_value(qtbot, dialog, caplog):
    error = raised(parse_age)
    sys.excepthook(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: len(dialog.faults) == 1, timeout=5000)
    QTimer.singleShot(0, dialog.copy_button.click)
    qtbot.waitUntil(lambda: "Traceback" in QApplication.clipboard().text(), timeout=5000)
    for text in (dialog.report(), QApplication.clipboard().text(), caplog.text):
        assert PATIENT not in text
        assert "could not convert string to float: '…'" in text
        assert "return float(name)" in text


def test_the_causes_of_a_fault_are_told_and_their_values_are_not():
    def fail():
        try:
            parse_age()
        except ValueError as error:
            raise RuntimeError("age 19500101 of " + repr(PATIENT)) from error

    details = fault_of(raised(fail)).details
    assert PATIENT not in details
    assert details.index("ValueError: could not convert") < details.index("That was the cause of:")
    assert details.endswith("RuntimeError: age … of '…'\n")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no key 'Müller^Anna'", "no key '…'"),
        ("say \"x\" and 'y'", "say \"…\" and '…'"),
        ("line 12 of 345", "line 12 of 345"),
        ("born 19500101", "born …"),
    ],
)
def test_messages_lose_what_they_quote(message, shown):
    assert without_values(message) == shown


def test_what_fails_while_things_are_cleaned_up_is_logged(dialog, caplog):
    class Broken:
        def __del__(self):
            raise ValueError("in the end")

    Broken()
    gc.collect()
    assert "a fault while something was cleaned up" in caplog.text
    assert "ValueError: in the end" in caplog.text


def test_closing_the_program_closes_its_windows(qtbot, dialog):
    window = QPushButton()
    qtbot.addWidget(window)
    window.show()
    error = raised(lambda: 1 / 0)
    sys.excepthook(type(error), error, error.__traceback__)
    qtbot.waitUntil(dialog.isVisible, timeout=5000)
    qtbot.mouseClick(dialog.close_button, Qt.LeftButton)
    assert not window.isVisible()
    assert not dialog.isVisible()
