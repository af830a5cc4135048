"""What is done with the files behind a selection: shown in the file manager, their paths and UIDs copied."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.errors import DatabaseError, plain_text
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.targets import PATIENT_PREFIX
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.qt import QApplication, QDesktopServices, QObject, QUrl
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

LONGEST_WAIT_S: Final = 5.0
FILE_MANAGER: Final = "org.freedesktop.FileManager1"


@dataclass(frozen=True, slots=True)
class _Revealed:
    """A file, and whether the file manager took it."""

    path: Path
    shown: bool


class FileActions(QObject):
    """Reveals and copies; the paths are looked up in quiet jobs.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Knows the paths.
    viewer : Viewer
        Jobs and banners.
    run : callable, optional
        Asks the file manager to show a file, and returns whether it did; `show_in_file_manager`.
    """

    def __init__(
        self,
        logic: DICOMModuleLogic,
        viewer: Viewer,
        parent: QObject | None = None,
        run: Callable[[Path], bool] | None = None,
    ) -> None:
        super().__init__(parent)
        self.logic = logic
        self._viewer = viewer
        self._run = run or show_in_file_manager

    def reveal(self, selection: Selection) -> None:
        """Show the first file of what is selected in the file manager, or else its folder."""
        logic, targets, run = self.logic, selection.targets, self._run
        self._viewer.jobs.run(
            "Looking for the files",
            lambda: call_job(lambda: _reveal(logic.paths_of(targets), run)),
            on_success=self._on_revealed,
            on_failure=self._viewer.banners.show_failure,
            quiet=True,
            owner=logic,
        )

    def copy_paths(self, selection: Selection) -> None:
        """Copy the path of what is selected: of one file its own, of several in one folder the folder's, else all."""
        logic, targets = self.logic, selection.targets
        self._viewer.jobs.run(
            "Looking for the files",
            lambda: call_job(lambda: logic.paths_of(targets)),
            on_success=self._on_paths_found,
            on_failure=self._viewer.banners.show_failure,
            quiet=True,
            owner=logic,
        )

    def copy_uids(self, selection: Selection) -> None:
        """Copy the UIDs of the studies and series that are selected, one a line."""
        uids = uids_of(selection)
        if uids:
            _copy("\n".join(uids))
            self._viewer.banners.show_info(f"Copied {counted(len(uids), 'UID')}.")

    def _on_paths_found(self, paths: Sequence[Path]) -> None:
        if not paths:
            self._viewer.banners.show_warning("What is selected has no files in the database any more.")
            return
        folders = {path.parent for path in paths}
        if len(paths) > 1 and len(folders) == 1:
            _copy(str(next(iter(folders))))
            self._viewer.banners.show_info(f"Copied the path of the folder of {counted(len(paths), 'file')}.")
        else:
            _copy("\n".join(map(str, paths)))
            self._viewer.banners.show_info(f"Copied the path of {counted(len(paths), 'file')}.")

    def _on_revealed(self, revealed: _Revealed) -> None:
        folder = revealed.path.parent
        if not revealed.shown and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            _copy(str(revealed.path))
            self._viewer.banners.show_warning(
                f"No file manager could be opened. The path of the file was copied: {plain_text(str(revealed.path))}"
            )


def uids_of(selection: Selection) -> tuple[str, ...]:
    """Return the UIDs among what is selected; a patient has none."""
    return tuple(target for target in selection.targets if not target.startswith(PATIENT_PREFIX))


def reveal_command(path: Path, platform: str) -> list[str]:
    """Return the program and arguments by which a platform's file manager shows a file; empty where there is none."""
    if platform == "darwin":
        return ["open", "-R", str(path)]
    if platform == "win32":
        return ["explorer", "/select,", str(path)]
    uri = path.as_uri().replace(",", "%2C")  # dbus-send takes a comma for the next item of the array
    return [
        "dbus-send", "--session", "--print-reply", f"--dest={FILE_MANAGER}", "/org/freedesktop/FileManager1",
        f"{FILE_MANAGER}.ShowItems", f"array:string:{uri}", "string:",
    ]  # fmt: skip


def show_in_file_manager(path: Path) -> bool:
    """Ask the file manager to show a file; return whether it did. Not to be called in the window's thread."""
    program, *arguments = reveal_command(path, sys.platform)
    found = shutil.which(program)
    if found is None:
        return False
    try:
        ended = subprocess.run([found, *arguments], capture_output=True, timeout=LONGEST_WAIT_S, check=False)  # noqa: S603 - no shell, and the path is one argument
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0 or sys.platform == "win32"  # Explorer says 1 whatever it did


def _reveal(paths: Sequence[Path], run: Callable[[Path], bool]) -> _Revealed:
    there = next((path for path in paths if path.exists()), None)
    if there is None:
        first = f", {plain_text(str(paths[0]))}," if paths else ""
        raise DatabaseError(
            f"none of the files of what is selected is there any more; the first{first} has gone."
            " Bring them back, or import them from where they are now."
        )
    return _Revealed(there, run(there))


def _copy(text: str) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
