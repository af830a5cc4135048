"""The standalone viewer: puts scene, views, jobs and settings together, opens the window, and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from DICOMModule.collecting import collection_paused
from DICOMModule.database.private_folder import PrivateFolder
from DICOMModule.dicom.decoding import decoding_pool
from DICOMModule.errors import DICOMModuleError, RenderingError, SettingsError
from DICOMModule.paths import user_log_folder
from DICOMModule.scene import Scene
from DICOMModule.settings import DATABASE_VARIABLE, database_folder, folder_of
from DICOMModule.views.prepared import import_drawing
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.dialogs.exception_dialog import exceptions_shown
from DICOMModule.widgets.job_runner import JobRunner
from DICOMModule.widgets.log_window import logging_to_window
from DICOMModule.widgets.main_window import MainWindow
from DICOMModule.widgets.qt import QApplication, QTimer
from DICOMModule.widgets.qt_application import folders_forgotten, screen_problem, sip_delete, window_application
from DICOMModule.widgets.system_theme import resolve_theme
from DICOMModule.widgets.theme import apply_theme
from DICOMModule.widgets.viewer import OpenRequest, SettingsStore, Viewer
from DICOMModule.widgets.views.view_state import ViewState
from DICOMModule.widgets.window_picture import WindowPicture

LOG_FILE = "viewer.log"
WAKE_MS = 200
DRAWING_MS = 300  # after the window has come up; then the list of studies is there
SWITCH_S = 0.001
IN_PART, CANCELLED = 3, 130


@dataclass(frozen=True, slots=True)
class ViewerOptions:
    """What the window is opened with.

    Attributes
    ----------
    database_folder : Path or None
        Of the local database; None: a private one, which goes with the window.
    opening : OpenRequest
        What is opened and shown at once, and how.
    theme : str
        ``dark`` or ``light``; empty: as the settings say.
    size : tuple of int
        Of the window's picture.
    window_screenshot : Path or None
        Where a picture of the whole window goes; then nobody sees the window, and it closes by itself.
    settings_file : Path or None
        None: the platform's.
    """

    database_folder: Path | None
    opening: OpenRequest = field(default_factory=OpenRequest)
    theme: str = ""
    size: tuple[int, int] = (1600, 1000)
    window_screenshot: Path | None = None
    settings_file: Path | None = None


def main() -> None:
    """Open the window on the local database, and leave with the exit code."""
    try:
        folder = database_folder()
    except SettingsError:  # the window says so; until it is mended, the folder is that of no settings
        folder = folder_of(os.environ.get(DATABASE_VARIABLE, ""))
    try:
        code = run_viewer(ViewerOptions(folder)).code
    except DICOMModuleError as error:
        sys.exit(f"DICOMModule: {error}")
    sys.exit(code)


@dataclass(frozen=True, slots=True)
class ViewerResult:
    """How the window ended: the exit code, and what the picture of it shows where one was asked for."""

    code: int = 0
    picture: dict[str, Any] | None = None


def run_viewer(options: ViewerOptions) -> ViewerResult:
    """Open the window, run it until it is closed, and clean up.

    Raises
    ------
    RenderingError
        There is no screen to open a window on, or the picture cannot be written.
    NoImageError
        A picture was asked for of something that cannot be opened, or not be shown as asked.
    """
    unseen = options.window_screenshot is not None
    if not unseen and (problem := screen_problem()):
        raise RenderingError(problem)
    with _signals_noted() as signals, viewer_window(options) as window:
        picture = None
        if options.window_screenshot is not None:
            opening = bool(options.opening.targets or options.opening.demo)
            picture = WindowPicture(window, options.window_screenshot, opening=opening)
        window.open(options.size, unseen=unseen)
        window.viewer.open_requested.emit(options.opening)
        with drawing_imported():
            signals.run(window)
    if signals.noted or picture is None:
        return ViewerResult(CANCELLED if signals.noted else 0)
    if picture.error is not None:
        raise picture.error
    in_part = picture.outcome is not None and bool(picture.outcome.problems)
    return ViewerResult(IN_PART if in_part else 0, picture.description)


@contextmanager
def viewer_window(options: ViewerOptions) -> Iterator[MainWindow]:
    """Build the window and all behind it, not shown yet; afterwards nothing of it is left."""
    application = window_application(unseen=options.window_screenshot is not None)
    with (
        folders_forgotten(),
        _database_folder(options) as folder,
        decoding_pool(),
        logging_to_window(_log_file(options)) as records,
    ):
        settings, scene, jobs = (
            SettingsStore(options.settings_file, writes=options.window_screenshot is None),
            Scene(),
            JobRunner(),
        )
        apply_theme(application, resolve_theme(options.theme or settings.value.theme, application))
        banners = Banners()
        viewer = Viewer(
            scene, ViewState(scene), jobs, banners, settings, folder, is_private=options.database_folder is None
        )
        with exceptions_shown(banners), _short_turns():
            with collection_paused():
                window = MainWindow(viewer, records, remembers=options.window_screenshot is None)
            try:
                yield window
            finally:
                window.close_now()
                sip_delete(window)


def _log_file(options: ViewerOptions) -> Path | None:
    """Return where a window that is used writes its log; one with settings of its own, or unseen, writes none."""
    used = options.settings_file is None and options.window_screenshot is None
    return user_log_folder() / LOG_FILE if used else None


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let threads change more often: each call from Qt into Python waits for its turn beside a busy worker."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _database_folder(options: ViewerOptions) -> Iterator[Path]:
    if options.database_folder is not None:
        yield options.database_folder
        return
    with PrivateFolder() as private:
        yield private.folder


class _Signals:
    """Ctrl-C, SIGTERM and the end of a terminal: noted from the beginning, and closing the window once there is one.

    They never raise: what is raised while Qt calls into Python is shown as a fault, and the window would go on.
    """

    def __init__(self) -> None:
        self.noted: list[int] = []
        self._window: MainWindow | None = None

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Take note, and close the window where it runs."""
        self.noted.append(number)
        if self._window is not None:
            self._window.close_now()

    def run(self, window: MainWindow) -> None:
        """Run the window until it is closed; not at all where a signal has come already."""
        waker = QTimer()  # Python handles signals between its own instructions only: give it some
        waker.timeout.connect(self._leave)
        waker.start(WAKE_MS)
        self._window = window
        try:
            if not self.noted:
                QApplication.exec_()
        finally:
            self._window = None
            waker.stop()

    def _leave(self) -> None:
        """End a loop that began when the window had been closed already: that had told no loop to end."""
        if self.noted:
            QApplication.quit()


@contextmanager
def drawing_imported() -> Iterator[None]:
    """Import what draws, VTK above all, in a thread as soon as the window is up: the first image is not to wait for it.

    What there is then stays: within the block no collection of cycles looks at it any more. Each would take 0.1 s, in whatever
    thread it happens, and the window would stand still meanwhile.
    """
    thread = threading.Thread(target=_import_drawing, name="drawing")
    timer = QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(thread.start)
    timer.start(DRAWING_MS)
    try:
        yield
    finally:
        timer.stop()
        if thread.ident is not None:
            thread.join()
        gc.unfreeze()


def _import_drawing() -> None:
    with collection_paused():
        import_drawing()
    gc.freeze()


@contextmanager
def _signals_noted() -> Iterator[_Signals]:
    signals = _Signals()
    hangup = getattr(signal, "SIGHUP", signal.SIGTERM)
    outlives_terminal = signal.getsignal(hangup) == signal.SIG_IGN
    numbers = {signal.SIGINT, signal.SIGTERM} | (set() if outlives_terminal else {hangup})
    before = {number: signal.signal(number, signals.note) for number in numbers}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
