"""How smooth the browser is with many studies: the longest pause of the event loop in each of its acts.

    python Testing/Benchmarks/browser_bench.py [--studies N] [--busy]
    python Testing/Benchmarks/browser_bench.py --database FOLDER

Makes a database of N studies (2,000) of 1,200 patients for each 2,000, then scrolls to its end, unfolds, searches, refreshes,
selects all, spreads, sorts and folds. `--busy`: beside a thread that computes all the time, as an import does at its worst.
`--database`: types into the search of a database that is there, as `database_bench.py --keep` leaves one, and prints how
long it takes from each key to the rows painted. Prints a table; asserts nothing. Runs without a screen (the platform `offscreen`).
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import browser_kit  # noqa: E402 (the paths first)
import factories  # noqa: E402
import numpy as np  # noqa: E402
from PyQt5.QtTest import QTest  # noqa: E402

from DICOMModule.jobs import run_to_end  # noqa: E402
from DICOMModule.logic import DICOMModuleLogic  # noqa: E402
from DICOMModule.widgets.browser.browser import DatabaseBrowser  # noqa: E402
from DICOMModule.widgets.qt import QApplication, QEvent, QEventLoop, QMouseEvent, QPointF, Qt, QTimer  # noqa: E402
from DICOMModule.widgets.theme import apply_theme  # noqa: E402

TICK_MS = 5
FAMILIES = [
    "Adams",
    "Çelik",
    "Díaz",
    "Fuchs",
    "García",
    "Ivanov",
    "Jensen",
    "Kim",
    "Müller",
    "Nguyen",
    "Olsen",
    "Rossi",
    "Sato",
    "Usman",
    "Xu",
    "Zhang",
]
GIVEN = ["Ann", "Ben", "Clara", "David", "Eva", "Finn", "Greta", "Hugo", "Ida", "Jan"]
STUDIES = ("CT chest", "MR knee", "PET/CT whole body", "Abdomen with contrast")


def make_files(folder: Path, studies: int) -> None:
    """Write a file a series: one to three series a study, one or two studies a patient."""
    chance = random.Random(1)
    dataset = factories.base_dataset("bench")
    factories.set_pixels(dataset, np.zeros((4, 4), np.int16))
    patient = -1
    for number in range(studies):
        if number % 5 != 4 or patient < 0:
            patient += 1
            dataset.PatientName = f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)}"
            dataset.PatientID = f"ID{patient:06d}"
        dataset.StudyInstanceUID = factories.uid("bench", number)
        dataset.StudyDate = f"20{chance.randint(10, 25)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        dataset.StudyDescription = chance.choice(STUDIES)
        for series in range(chance.randint(1, 3)):
            dataset.SeriesInstanceUID = factories.uid("bench", number, series)
            dataset.SOPInstanceUID = factories.uid("bench", number, series, "instance")
            dataset.SeriesNumber = str(series + 1)
            factories.write(dataset, folder / f"{number:06d}-{series}.dcm")


class Pauses:
    """Runs acts and notes the longest gap between the ticks of a timer."""

    def __init__(self) -> None:
        self._longest_s = 0.0
        self._last_s = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self._note)
        self._timer.start(TICK_MS)

    def _note(self) -> None:
        now_s = time.perf_counter()
        self._longest_s = max(self._longest_s, now_s - self._last_s)
        self._last_s = now_s

    def run(self, name: str, act: Callable[[], object], seconds: float = 1.0) -> None:
        """Print the longest pause while `act` runs and for some seconds after it."""
        self.wait(0.3)
        self._longest_s, self._last_s = 0.0, time.perf_counter()
        act()
        self.wait(seconds)
        print(f"| {name} | {self._longest_s * 1000:.0f} |", flush=True)

    def wait(self, seconds: float) -> None:
        """Let the event loop run."""
        loop = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), loop.quit)
        loop.exec()


def run_acts(browser: DatabaseBrowser) -> None:
    """Do everything that a person does with a long list."""
    pauses, tree = Pauses(), browser.tree
    bar = tree.verticalScrollBar()

    def scroll_on() -> None:
        for _ in range(60):
            QTimer.singleShot(10 * _, lambda: bar.setValue(bar.value() + 400))

    pauses.wait(1.0)
    pauses.run("scroll 24,000 px in 0.6 s", scroll_on)
    for _ in range(40):
        bar.setValue(bar.maximum())
        pauses.wait(0.15)
    print(f"| (patients in the tree now: {browser.model.rowCount():,}) | |")
    pauses.run("unfold one patient", lambda: tree.expand(browser.model.index(browser.model.rowCount() - 3, 0)))
    pauses.run("refresh", browser.refresh)
    pauses.run("refresh deeply", lambda: browser.refresh(deep=True))
    for text in ("m", "mu", "muller", "muller knee", ""):
        pauses.run(f"search “{text}”", lambda text=text: browser.search_field.setText(text))
    tree.expandAll()
    pauses.wait(1.0)

    def move_over(height: int) -> None:
        at = QPointF(70, height)
        move = QMouseEvent(QEvent.MouseMove, at, at, Qt.NoButton, Qt.NoButton, Qt.NoModifier)
        QApplication.sendEvent(tree.viewport(), move)

    def move_down() -> None:
        for step in range(100):
            QTimer.singleShot(10 * step, lambda height=6 * step: move_over(height))

    pauses.run("move over thumbnails for 1 s", move_down)
    tree.collapseAll()
    browser.resize(1600, 1000)
    pauses.run("spread", lambda: browser.set_spread(True), 2.0)
    pauses.run("sort by name", lambda: browser.spread.table.sortByColumn(0, Qt.AscendingOrder))
    pauses.run("fold", lambda: browser.set_spread(False))
    pauses.run("select all", tree.selectAll)


def run_keys(browser: DatabaseBrowser) -> None:
    """Type searches and take them back, key by key; a key is done when the list that it asked for has been painted."""
    took: list[float] = []
    shown: list[bool] = []
    browser.refresher.shown.connect(lambda: shown.append(True))

    def press(key: Qt.Key, text: str) -> None:
        shown.clear()
        started = time.perf_counter()
        QTest.keyClick(browser.search_field, text or key)
        while not shown:
            QApplication.processEvents(QEventLoop.AllEvents, 5)
        browser.tree.viewport().repaint()
        took.append(1000 * (time.perf_counter() - started))
        told = browser.search_field.text() or "(nothing)"
        print(f"| {told} | {took[-1]:.0f} | {browser.model.rowCount()} |", flush=True)
        QTest.qWait(150)  # as fast as somebody types; what follows an answer goes on meanwhile

    QTest.qWait(1000)
    browser.search_field.setFocus()
    for words in ("muller", "sato ct", "smith 2024", "zzz"):
        for letter in words:
            if letter != " ":
                press(Qt.Key_unknown, letter)
            else:
                QTest.keyClick(browser.search_field, Qt.Key_Space)
        press(Qt.Key_Escape, "")
    print(f"| median, longest of {len(took)} | {sorted(took)[len(took) // 2]:.0f}, {max(took):.0f} | |")


def main() -> None:
    """Make the data, run the acts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--database", type=Path)
    arguments = parser.parse_args()
    application = QApplication(["browser_bench"])
    apply_theme(application, "dark")
    stop = threading.Event()

    def compute() -> None:
        value = 0
        while not stop.is_set():
            value = (value * 31 + 7) % 1_000_003

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if arguments.database is not None:
            with DICOMModuleLogic(arguments.database) as logic, browser_kit.viewer_of(place) as viewer:
                browser = DatabaseBrowser(logic, viewer)
                browser.resize(360, 860)
                browser.show()
                print("| typed | key to rows painted, ms | rows |\n|---|---|---|")
                run_keys(browser)
                browser.stop()
                viewer.jobs.shut_down()
            return
        make_files(place / "files", arguments.studies)
        with DICOMModuleLogic(place / "database") as logic, browser_kit.viewer_of(place) as viewer:
            run_to_end(logic.import_job([place / "files"]))
            browser = DatabaseBrowser(logic, viewer)
            browser.resize(360, 860)
            browser.show()
            beside = threading.Thread(target=compute)
            if arguments.busy:
                beside.start()
            print("| act | longest pause, ms |\n|---|---|")
            try:
                run_acts(browser)
            finally:
                stop.set()
                browser.stop()
                viewer.jobs.shut_down()
            if arguments.busy:
                beside.join()


if __name__ == "__main__":
    main()
