"""Goes through the volumes of the sequence in the active view, by hand or by a timer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from DICOMModule.scene import VolumeNode
from DICOMModule.widgets.qt import QObject
from DICOMModule.widgets.views.player import Played, Player, Rates
from DICOMModule.widgets.views.view_state import ViewState

RATES: Final = Rates(slowest=1, fastest=30, usual=5)


class TimePlayer(Player):
    """Shows the volumes of a sequence one after the other.

    Parameters
    ----------
    state : ViewState
        Says what is shown in the active view.
    now_s : callable
        The time in seconds, from any beginning.
    """

    def __init__(
        self, state: ViewState, now_s: Callable[[], float] = time.monotonic, parent: QObject | None = None
    ) -> None:
        super().__init__(RATES, now_s, parent)
        self._state = state
        self._rated_id = ""
        state.layers_changed.connect(self._on_layers_changed)
        state.active_view_changed.connect(self._take_own_rate)

    @property
    def node(self) -> VolumeNode | None:
        """The sequence of the active view: its background, or what lies over it if only that is one; None: there is none."""
        shown = (self._state.background, self._state.foreground)
        return next((node for node in shown if node is not None and node.count > 1), None)

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

    def _chosen(self) -> str:
        return "" if self.node is None else self.node.id

    def _played(self) -> Played | None:
        node = next((node for node in self._state.scene.nodes if node.id == self._held), None)
        return None if node is None else Played(node.index, node.count)

    def _show(self, index: int) -> None:
        self._state.scene.set_index(self._held, index)

    def _on_layers_changed(self) -> None:
        self.stop_if_gone()
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
        return RATES.usual
    mean_s = (axis.values[-1] - axis.values[0]) / (len(axis.values) - 1) * unit_s[axis.unit]
    return round(1 / mean_s) if mean_s > 0 and 1 / mean_s >= RATES.usual else RATES.usual
