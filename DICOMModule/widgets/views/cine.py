"""Cine: runs through the slices of a view by a timer; where drawing is slower than that, slices are left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from DICOMModule.widgets.qt import QObject, Qt, QTimer, pyqtSignal
from DICOMModule.widgets.views.slice_view_widget import SliceViewWidget
from DICOMModule.widgets.views.view_state import SLICE_VIEWS, ViewState

SLOWEST_FPS: Final = 1
FASTEST_FPS: Final = 60
DEFAULT_FPS: Final = 15


class Cine(QObject):
    """Shows the slices of one view one after the other.

    Parameters
    ----------
    state : ViewState
        Says which view is active when it starts.
    views : mapping of str to SliceViewWidget
        The slice views by name.
    now_s : callable
        The time in seconds, from any beginning.

    Signals
    -------
    changed
        It has started or stopped, or runs differently.
    """

    changed = pyqtSignal()

    def __init__(
        self,
        state: ViewState,
        views: Mapping[str, SliceViewWidget],
        now_s: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.fps = DEFAULT_FPS
        self.back_and_forth = False
        self.view = ""
        self._state = state
        self._views = views
        self._now_s = now_s
        self._began_s = 0.0
        self._first = self._shown = 1
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self.advance)
        state.layers_changed.connect(self._on_layers_changed)

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return bool(self.view)

    def toggle(self) -> None:
        """Start in the active slice view (in the axial one if the volume view is active), or stop."""
        if self.running:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """Run from the slice that is shown; nothing happens in a view of fewer than two."""
        name = self._state.active_view if self._state.active_view in self._views else SLICE_VIEWS[0]
        if self._views[name].slice_count > 1:
            self.view = name
            self._begin_at(self._views[name].slice_number)
            self._timer.start(round(1000 / self.fps))
            self.changed.emit()

    def stop(self) -> None:
        """Stop at the slice that is shown."""
        if self.running:
            self.view = ""
            self._timer.stop()
            self.changed.emit()

    def set_fps(self, fps: int) -> None:
        """Show so many slices a second, 1 to 60."""
        self.fps = min(max(fps, SLOWEST_FPS), FASTEST_FPS)
        if self.running:
            self._begin_at(self._views[self.view].slice_number)
            self._timer.start(round(1000 / self.fps))
        self.changed.emit()

    def set_back_and_forth(self, back_and_forth: bool) -> None:
        """Turn round at the ends, or begin again with the first slice."""
        self.back_and_forth = back_and_forth
        if self.running:
            self._begin_at(self._views[self.view].slice_number)
        self.changed.emit()

    def advance(self) -> None:
        """Show the slice that is due now; those whose time has gone by are left out."""
        if not self.running:
            return
        view = self._views[self.view]
        if view.slice_number != self._shown:  # somebody scrolled: go on from there
            self._begin_at(view.slice_number)
            return
        frames = int((self._now_s() - self._began_s) * self.fps + 1e-6)
        self._shown = cine_slice(self._first, view.slice_count, frames, back_and_forth=self.back_and_forth)
        view.show_slice(self._shown)

    def _begin_at(self, number: int) -> None:
        self._first = self._shown = number
        self._began_s = self._now_s()

    def _on_layers_changed(self) -> None:
        if self.running and self._views[self.view].slice_count < 2:
            self.stop()


def cine_slice(first: int, count: int, frames: int, *, back_and_forth: bool) -> int:
    """Return the number of the slice that is due `frames` frames after slice `first`.

    Parameters
    ----------
    first : int
        From 1.
    count : int
        Slices there are.
    frames : int
        Frames that have gone by.
    back_and_forth : bool
        Turn round at the ends; else begin again with slice 1.
    """
    if not back_and_forth:
        return (first - 1 + frames) % count + 1
    period = 2 * (count - 1)
    at = (first - 1 + frames) % period
    return (at if at < count else period - at) + 1
