"""How long the viewer takes from nothing to its list of studies, beside the time of importing what it stands on.

    python Testing/Benchmarks/start_bench.py [--studies N] [--runs N]

Makes a database of N studies (1,000), then starts processes in turn, without a screen (the platform `offscreen`): one
opens the window and ends as soon as the tree shows its patients and the window has been painted; one only imports PyQt5
and the parts of VTK that the viewer draws with. After one round that is not counted the medians are printed. Asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Benchmarks")]

from bench import HEADING, measure  # noqa: E402 (the paths first)

OPENED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from DICOMModule.collecting import collection_paused
with collection_paused():
    from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.widgets.qt import QApplication
options = ViewerOptions(Path(sys.argv[2]), settings_file=Path(sys.argv[3]))
with viewer_window(options) as window:
    window.open((1280, 800))
    tree = window.host.current.widget.browser.tree
    while not tree.model().rowCount():
        QApplication.processEvents()
    window.grab()
    print(tree.model().rowCount())
    sys.stdout.flush()
    os._exit(0)
"""
IMPORTED = """
import PyQt5.QtCore, PyQt5.QtGui, PyQt5.QtSvg, PyQt5.QtWidgets
import vtkmodules.vtkCommonCore, vtkmodules.vtkCommonDataModel, vtkmodules.vtkCommonMath, vtkmodules.vtkImagingCore
import vtkmodules.vtkInteractionStyle, vtkmodules.vtkRenderingCore, vtkmodules.vtkRenderingFreeType
import vtkmodules.vtkRenderingOpenGL2, vtkmodules.vtkRenderingVolume, vtkmodules.vtkRenderingVolumeOpenGL2
import vtkmodules.util.numpy_support
"""


def output_of(program: str, *arguments: str | Path) -> str:
    """Run a program in a fresh interpreter; return what it printed."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has been compiled once
    command = [sys.executable, "-c", program, *map(os.fspath, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="From nothing to the list of studies.")
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dicommodule-bench-") as folder:
        database, settings = Path(folder, "database"), Path(folder, "settings.json")
        fill(Path(folder, "files"), database, given.studies)
        print(f"{given.studies} studies, {given.runs} runs each\n\n{HEADING}")
        cases = [
            ("import of PyQt5 and VTK", lambda: bool(output_of(IMPORTED)) or True),
            ("window with its list", lambda: bool(int(output_of(OPENED, ROOT, database, settings)))),
        ]
        measure("start", cases, given.runs)
    return 0


def fill(files: Path, database: Path, studies: int) -> None:
    """Make files of so many studies and import them."""
    from browser_bench import make_files

    from DICOMModule.jobs import run_to_end
    from DICOMModule.logic import DICOMModuleLogic

    make_files(files, studies)
    with DICOMModuleLogic(database) as logic:
        run_to_end(logic.import_job([files]))


if __name__ == "__main__":
    sys.exit(main())
