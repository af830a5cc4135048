"""Goes through the volumes of the sequence in the active view, by hand or by a timer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from DICOMModule.scene import VolumeNode
from DICOMModule.widgets.qt import QObject, Qt, QTimer, pyqtSignal
from DICOMModule.widgets.views.cine import cine_slice
from DICOMModule.widgets.views.view_state import ViewState

SLOWEST_PER_S: Final = 1
FASTEST_PER_S: Final = 30
DEFAULT_PER_S: Final = 5


class TimePlayer(QObject):
    """Shows the volumes of a sequence one after the other; where drawing is slower than that, some are left out.

    Parameters
    ----------
    state : ViewState
        Says what is shown in the active view.
    now_s : callable
        The time in seconds, from any beginning.

    Signals
    -------
    changed
        It has started or stopped, or runs differently.
    """

    changed = pyqtSignal()

    def __init__(
        self, state: ViewState, now_s: Callable[[], float] = time.monotonic, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.per_s = DEFAULT_PER_S
        self.back_and_forth = False
        self.loops = True
        self._state = state
        self._now_s = now_s
        self._node_id = ""
        self._rated_id = ""
        self._began_s = 0.0
        self._first = self._shown = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self.advance)
        state.layers_changed.connect(self._on_layers_changed)
        state.active_view_changed.connect(self._take_own_rate)

    @property
    def node(self) -> VolumeNode | None:
        """The sequence of the active view; None where it shows none."""
        node = self._state.background
        return node if node is not None and node.count > 1 else None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return bool(self._node_id)

    def show(self, index: int) -> None:
        """Show a volume of the sequence, from 0; the nearest end where there is none of that index."""
        node = self.node
        if node is not None:
            self._state.scene.set_index(node.id, index)

    def step(self, steps: int) -> bool:
        """Go so many volumes on, from the last to the first; return whether there is a sequence."""
        node = self.node
        if node is None:
            return False
        self._state.scene.set_index(node.id, (node.index + steps) % node.count)
        return True

    def toggle(self) -> None:
        """Start, or stop."""
        if self.running:
            self.stop()
        else:
            self.start()

    def start(self) -> None:
        """Run from the volume that is shown, from the first where that is the last; nothing happens without a sequence."""
        node = self.node
        if node is None:
            return
        self._node_id = node.id
        if node.index == node.count - 1 and not self.back_and_forth:
            self._state.scene.set_index(node.id, 0)
        self._begin()
        self._timer.start(round(1000 / self.per_s))
        self.changed.emit()

    def stop(self) -> None:
        """Stop at the volume that is shown."""
        if self.running:
            self._node_id = ""
            self._timer.stop()
            self.changed.emit()

    def set_per_s(self, per_s: int) -> None:
        """Show so many volumes a second, 1 to 30."""
        self.per_s = min(max(per_s, SLOWEST_PER_S), FASTEST_PER_S)
        self._run_differently()

    def set_back_and_forth(self, back_and_forth: bool) -> None:
        """Turn round at the ends, or begin again with the first volume."""
        self.back_and_forth = back_and_forth
        self._run_differently()

    def set_loops(self, loops: bool) -> None:
        """Go on for ever, or stop at the end."""
        self.loops = loops
        self._run_differently()

    def advance(self) -> None:
        """Show the volume that is due now."""
        node = self._played()
        if node is None:
            self.stop()
            return
        if node.index != self._shown:  # somebody chose another: go on from there
            self._begin()
            return
        frames = int((self._now_s() - self._began_s) * self.per_s + 1e-6)
        end = 2 * (node.count - 1) if self.back_and_forth else node.count - 1
        ends = not self.loops and self._first + frames >= end
        if ends:
            frames = end - self._first
        due = cine_slice(self._first + 1, node.count, frames, back_and_forth=self.back_and_forth) - 1
        self._shown = due
        self._state.scene.set_index(node.id, due)
        if ends:
            self.stop()

    def _played(self) -> VolumeNode | None:
        return next((node for node in self._state.scene.nodes if node.id == self._node_id and node.count > 1), None)

    def _begin(self) -> None:
        node = self._played()
        if node is not None:
            self._first = self._shown = node.index
            self._began_s = self._now_s()

    def _run_differently(self) -> None:
        if self.running:
            self._begin()
            self._timer.start(round(1000 / self.per_s))
        self.changed.emit()

    def _on_layers_changed(self) -> None:
        if self.running and self._played() is None:
            self.stop()
        self._take_own_rate()

    def _take_own_rate(self) -> None:
        node = self.node
        if node is not None and node.id != self._rated_id:
            self._rated_id = node.id
            self.set_per_s(own_rate(node))


def own_rate(node: VolumeNode) -> int:
    """Return how many volumes a second a film was taken with, where it is one whose times say so; else the usual speed.

    Volumes that lie in the patient are looked at one by one, whatever time is between them.
    """
    axis = None if node.sequence is None or node.volume.placed else node.sequence.axis
    unit_s = {} if axis is None else {"s": 1.0, "ms": 1e-3}
    if axis is None or axis.unit not in unit_s or len(axis.values) < 2:
        return DEFAULT_PER_S
    mean_s = (axis.values[-1] - axis.values[0]) / (len(axis.values) - 1) * unit_s[axis.unit]
    return round(1 / mean_s) if mean_s > 0 and 1 / mean_s >= DEFAULT_PER_S else DEFAULT_PER_S
