"""A picture of the whole window: waits until nothing moves any more, grabs it, writes it, and closes the window."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from DICOMModule.errors import DICOMModuleError, NoImageError, plain_text
from DICOMModule.widgets.image_file import write_image
from DICOMModule.widgets.main_window import MainWindow
from DICOMModule.widgets.qt import QObject, QPoint, QTimer
from DICOMModule.widgets.viewer import OpenOutcome

POLL_MS: Final = 50
QUIET_POLLS: Final = 8  # a thumbnail may ask for the next one a moment after it came


class WindowPicture(QObject):
    """Takes one picture of a window that has been opened.

    Parameters
    ----------
    window : MainWindow
        It is closed once the picture is written.
    path : Path
        Of the PNG file.
    opening : bool
        Whether the window is told to open something; the picture waits for what comes of it.

    Attributes
    ----------
    description : dict
        The JSON document of ``view --window-screenshot``; empty until the picture is written.
    outcome : OpenOutcome or None
        What came of opening; None where nothing was to be opened, or the window was closed before.
    error : DICOMModuleError or None
        Why there is no picture.
    """

    def __init__(self, window: MainWindow, path: Path, *, opening: bool) -> None:
        super().__init__(window)
        self.description: dict[str, Any] = {}
        self.outcome: OpenOutcome | None = None
        self.error: DICOMModuleError | None = None
        self._is_waiting = opening
        self._disconnect = window.viewer.opened.connect(self._on_opened)
        self._window = window
        self._path = path
        self._quiet = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timer_timed_out)
        self._timer.start(POLL_MS)

    def _on_opened(self, outcome: OpenOutcome) -> None:
        self._disconnect()
        self.outcome, self._is_waiting = outcome, False
        if outcome.error:
            self._timer.stop()
            self.error = NoImageError(outcome.error)
            self._window.close_now()

    def _on_timer_timed_out(self) -> None:
        settled = not self._is_waiting and self._window.viewer.jobs.is_idle and self._window.area.is_settled
        self._quiet = self._quiet + 1 if settled else 0
        if self._quiet < QUIET_POLLS:
            return
        self._timer.stop()
        try:
            self._take()
        except DICOMModuleError as error:
            self.error = error
        self._window.close_now()

    def _take(self) -> None:
        window, views = self._window, self._window.viewer.views
        grabbed = window.grab()
        write_image(grabbed.toImage(), self._path)
        ratio = grabbed.devicePixelRatio()
        node = views.background
        described = []
        for name, image, geometry in window.area.shown_views():
            corner = image.mapTo(window, QPoint(0, 0))
            described.append(
                {
                    "name": name,
                    "rect_px": [
                        round(corner.x() * ratio),
                        round(corner.y() * ratio),
                        geometry.width_px,
                        geometry.height_px,
                    ],
                    "mm_per_pixel": geometry.mm_per_pixel,
                    "center_lps_mm": list(geometry.center_lps_mm),
                    "right_lps": list(geometry.right_lps),
                    "up_lps": list(geometry.up_lps),
                }
            )
        self.description = {
            "screenshot": os.fspath(self._path),
            "series": [uid for one in window.viewer.scene.nodes for uid in one.volume.source_series_uids],
            "position_lps_mm": None if views.position_lps_mm is None else list(views.position_lps_mm),
            "window": None if node is None else node.display.window.width,
            "level": None if node is None else node.display.window.level,
            "quantity": None if node is None else node.quantity or None,
            "units": None if node is None else node.volume.units,
            "timepoint": None if node is None else node.index + 1,
            "views": described,
            "warnings": [*(() if node is None else node.volume.warnings), *self._left_out()],
        }

    def _left_out(self) -> list[str]:
        problems = () if self.outcome is None else self.outcome.problems
        return [f"{plain_text(problem.where)} was left out: {problem.reason}" for problem in problems]
