"""What a start imports: the list of studies does not wait for what draws, tests, mends or purges."""

from __future__ import annotations

import subprocess
import sys

import pytest

LISTED = """
import sys
from pathlib import Path
from DICOMModule.app import ViewerOptions, viewer_window
from DICOMModule.widgets.qt import QApplication
with viewer_window(ViewerOptions(Path(sys.argv[1]), settings_file=Path(sys.argv[2]))) as window:
    window.open((1280, 800))
    for _ in range(20):
        QApplication.processEvents()
    print(*sorted(sys.modules))
"""
LATER = (
    "vtkmodules",
    "unittest",
    "SimpleITK",
    "pydicom",
    "nibabel",
    "matplotlib",
    "DICOMModule.selftest",
    "DICOMModule.demo",
    "DICOMModule.views.slice_view",
    "DICOMModule.views.volume_view",
    "DICOMModule.database.purge",
    "DICOMModule.database.rebuild",
    "DICOMModule.database.ingest",
    "DICOMModule.widgets.dialogs.examine_panel",
    "DICOMModule.widgets.dialogs.settings_dialog",
)


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    command = [sys.executable, "-c", LISTED, folder / "database", folder / "settings.json"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("name", LATER)
def test_an_empty_window_does_without(imported, name):
    assert "DICOMModule.widgets.main_window" in imported
    assert name not in imported


def test_what_draws_is_imported_once_the_window_runs():
    code = (
        "import sys, time\n"
        "from DICOMModule import app\n"
        "application = app.window_application(unseen=True)\n"
        "drawing = 'DICOMModule.views.volume_view'\n"
        "assert drawing not in sys.modules\n"
        "with app.drawing_imported():\n"
        "    ends = time.monotonic() + 20\n"
        "    while drawing not in sys.modules and time.monotonic() < ends:\n"
        "        application.processEvents()\n"
        "print(drawing in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "True\n"


def test_what_the_window_needs_for_good_is_not_looked_through_again_and_again():
    """A collection of cycles over all that was imported lasts 0.1 s, in whatever thread it happens: no thread runs meanwhile."""
    code = (
        "import gc, time\n"
        "from DICOMModule import app\n"
        "application = app.window_application(unseen=True)\n"
        "with app.drawing_imported():\n"
        "    ends = time.monotonic() + 20\n"
        "    while not gc.get_freeze_count() and time.monotonic() < ends:\n"
        "        application.processEvents()\n"
        "    print(gc.get_freeze_count() > 10 * len(gc.get_objects()), gc.isenabled())\n"
        "print(gc.get_freeze_count())\n"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told.split() == ["True", "True", "0"]
