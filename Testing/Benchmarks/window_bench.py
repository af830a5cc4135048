"""How long the window's event loop pauses while it works, and whether memory stays.

    python Testing/Benchmarks/window_bench.py [import] [load] [grow] [turn] [rounds] [--files N] [--slices N] [--rounds N]

A timer of 5 ms in the thread of the window notes the gaps between its ticks, while

* `import`: a folder of N small files (10,000) is imported and the tree grows,
* `load`: a series of 600 × 512 × 512 int16 (315 MB) is loaded and shown,
* `grow`: two thirds of a series of 300 slices are shown, and the rest comes into the database,
* `turn`: its volume view is turned by drag events for ten seconds,
* `rounds`: a series is loaded, shown and removed 30 times; the memory of the process after each.

Prints a table; asserts nothing. Runs without a screen (the platform `offscreen`), and with one where QT_QPA_PLATFORM says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import factories  # noqa: E402 (the paths first)

from DICOMModule.app import ViewerOptions, drawing_imported, viewer_window  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402
from DICOMModule.widgets.main_window import MainWindow  # noqa: E402
from DICOMModule.widgets.qt import QApplication, QEvent, QEventLoop, QMouseEvent, QPointF, Qt, QTimer  # noqa: E402
from DICOMModule.widgets.viewer import OpenRequest  # noqa: E402

TICK_MS = 5
GROWN = 300
PARTS = ("import", "load", "grow", "turn", "rounds")
HEAD = "| while | s | gap: median ms | 99 % | longest | longest worked | over 100 ms |\n|---|---|---|---|---|---|---|"


class Gaps:
    """Notes the time between the ticks of a timer, in ms; and what of it the thread itself has worked.

    What it has worked says on a busy machine, too, whether a turn of the event loop is too long; waiting for a lock, that of
    Python among them, is in the gap alone.
    """

    def __init__(self) -> None:
        self.gaps_ms: list[float] = []
        self.worked_ms: list[float] = []
        self._last_s, self._last_worked_s = time.perf_counter(), time.thread_time()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self._note)
        self._timer.start(TICK_MS)

    def _note(self) -> None:
        now_s, worked_s = time.perf_counter(), time.thread_time()
        self.gaps_ms.append((now_s - self._last_s) * 1000.0)
        self.worked_ms.append((worked_s - self._last_worked_s) * 1000.0)
        self._last_s, self._last_worked_s = now_s, worked_s

    def row(self, name: str, seconds: float) -> str:
        """Return a row of the table."""
        ordered = sorted(self.gaps_ms)
        late = ordered[int(0.99 * len(ordered))]
        over = sum(gap > 100.0 for gap in ordered)
        middle = ordered[len(ordered) // 2]
        return (
            f"| {name} | {seconds:.1f} | {middle:.1f} | {late:.1f} | {ordered[-1]:.1f} | {max(self.worked_ms):.1f} |"
            f" {over} |"
        )


def wait_until(done: Callable[[], bool], limit_s: float = 300.0) -> None:
    """Run the event loop until `done`."""
    loop, poll = QEventLoop(), QTimer()
    deadline_s = time.monotonic() + limit_s
    is_done = False  # what is done now may be undone before the loop has ended: another thumbnail is asked for

    def look() -> None:
        nonlocal is_done
        is_done = is_done or done()
        if is_done or time.monotonic() > deadline_s:
            loop.quit()

    poll.timeout.connect(look)
    poll.start(20)
    loop.exec_()
    poll.stop()
    if not is_done:
        raise SystemExit("gave up waiting")


def pause(seconds: float) -> None:
    """Run the event loop for a while."""
    end_s = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end_s)


def measured(name: str, act: Callable[[], object]) -> str:
    """Return the row of what happens in `act`, as an event of its own, and of what comes right after it."""
    gaps, start_s = Gaps(), time.perf_counter()
    pause(0.05)
    act()
    pause(0.2)
    return gaps.row(name, time.perf_counter() - start_s)


def settle(window: MainWindow) -> None:
    """Wait until nothing is under way."""
    wait_until(lambda: window.viewer.jobs.is_idle and window.area.is_settled)


def small_files(folder: Path, count: int) -> Path:
    """Make `count` small files: series of 50, each with a header of about 50 elements."""
    made = folder / "many"
    for number in range(count // 50):
        factories.make_series(made / f"s{number:04d}", f"s{number:04d}", slices=50, rows=4, columns=4)
    return made


def bench_import(window: MainWindow, folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Import many files; the tree grows meanwhile."""
    many = small_files(folder, arguments.files)

    def act() -> None:
        window.viewer.paths_dropped.emit((many,))
        pause(0.2)
        settle(window)

    return [measured(f"import of {arguments.files:,} files", act)]


def bench_load(window: MainWindow, folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Load a large series."""
    big = folder / "big"
    factories.make_series(big, "big", slices=arguments.slices, rows=512, columns=512)

    def act() -> None:
        window.viewer.open_requested.emit(OpenRequest((os.fspath(big),)))
        wait_until(lambda: bool(window.viewer.scene.nodes))
        settle(window)

    return [measured(f"import, load and first pictures of {arguments.slices} × 512 × 512", act)]


def bench_grow(window: MainWindow, folder: Path, _arguments: argparse.Namespace) -> list[str]:
    """Let a volume that is shown get the rest of its slices."""
    made = factories.make_series(folder / "growing", "growing", slices=GROWN, rows=512, columns=512)
    rest = folder / "rest"
    rest.mkdir()
    for file, dataset in zip(made.files, made.datasets, strict=True):
        if dataset.InstanceNumber > GROWN * 2 // 3:
            file.rename(rest / file.name)
    window.viewer.scene.clear()
    panel = window.host.current.widget
    run_to_end(panel.logic.import_job([made.folder]))
    window.viewer.open_requested.emit(OpenRequest((made.uid,)))
    wait_until(lambda: bool(window.viewer.scene.nodes))
    settle(window)
    shown = window.viewer.scene.nodes[0].volume

    def act() -> None:
        window.viewer.paths_dropped.emit((rest,))
        wait_until(lambda: window.viewer.scene.nodes[0].volume is not shown)
        settle(window)
        pause(1.0)

    return [measured(f"the rest of {GROWN} × 512 × 512 comes", act)]


def bench_turn(window: MainWindow, folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Turn the volume by a drag with the left button."""
    if not window.viewer.scene.nodes:
        bench_load(window, folder, arguments)
    image = {name: widget for name, widget, _ in window.area.shown_views()}["3d"]
    middle = QPointF(image.width() / 2.0, image.height() / 2.0)

    def send(kind: QEvent.Type, where: QPointF, button: Qt.MouseButton, buttons: Qt.MouseButton) -> None:
        QApplication.sendEvent(image, QMouseEvent(kind, where, button, buttons, Qt.NoModifier))

    def act() -> None:
        window.viewer.views.set_tool("rotate")
        send(QEvent.MouseButtonPress, middle, Qt.LeftButton, Qt.LeftButton)
        end_s, step = time.monotonic() + 10.0, 0
        while time.monotonic() < end_s:
            step += 1
            where = QPointF(middle.x() + step % 200, middle.y() + (step // 3) % 80)
            send(QEvent.MouseMove, where, Qt.NoButton, Qt.LeftButton)
            pause(0.02)
        send(QEvent.MouseButtonRelease, middle, Qt.LeftButton, Qt.NoButton)
        settle(window)

    return [measured("turning the volume", act)]


def memory_mib() -> float:
    """Return the memory that the process has now (Linux), in MiB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return float(line.split()[1]) / 1024.0
    raise SystemExit("no VmRSS")


def bench_rounds(window: MainWindow, folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Load, show and remove a series again and again."""
    series = factories.make_series(folder / "round", "round", slices=100, rows=512, columns=512)
    window.viewer.open_requested.emit(OpenRequest((os.fspath(series.folder),)))
    wait_until(lambda: bool(window.viewer.scene.nodes))
    after = []
    for _ in range(arguments.rounds):
        window.viewer.scene.clear()
        settle(window)
        window.viewer.open_requested.emit(OpenRequest((series.uid,)))
        wait_until(lambda: bool(window.viewer.scene.nodes))
        settle(window)
        after.append(memory_mib())
    listed = ", ".join(f"{value:.0f}" for value in after)
    return [f"memory after each of {arguments.rounds} rounds, MiB: {listed}; last / first {after[-1] / after[0]:.3f}"]


def wait_for_drawing() -> None:
    """Let the event loop run until what draws has been imported."""
    while "DICOMModule.views.volume_view" not in sys.modules:
        QApplication.processEvents(QEventLoop.AllEvents, 20)


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--slices", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    benches = {
        "import": bench_import,
        "load": bench_load,
        "grow": bench_grow,
        "turn": bench_turn,
        "rounds": bench_rounds,
    }
    rows = []
    with tempfile.TemporaryDirectory(prefix="dicommodule-bench-") as folder:
        options = ViewerOptions(None, settings_file=Path(folder) / "settings.json")
        with viewer_window(options) as window:
            window.open((1600, 1000))
            with drawing_imported():  # as the program has it before anybody could load something
                wait_for_drawing()
                settle(window)
                for name in arguments.parts or PARTS:
                    rows += benches[name](window, Path(folder), arguments)
    print("\n".join([HEAD, *rows]))


if __name__ == "__main__":
    main()
