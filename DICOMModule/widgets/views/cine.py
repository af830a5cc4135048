"""Cine: runs through the slices of a view."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from DICOMModule.widgets.qt import QObject
from DICOMModule.widgets.views.player import Played, Player, Rates
from DICOMModule.widgets.views.slice_view_widget import SliceViewWidget
from DICOMModule.widgets.views.view_state import SLICE_VIEWS, ViewState

RATES: Final = Rates(slowest=1, fastest=60, usual=15)


class Cine(Player):
    """Shows the slices of one view one after the other: of the active one, of the axial one if the volume view is active.

    Parameters
    ----------
    state : ViewState
        Says which view is active when it starts.
    views : mapping of str to SliceViewWidget
        The slice views by name.
    now_s : callable
        The time in seconds, from any beginning.
    """

    def __init__(
        self,
        state: ViewState,
        views: Mapping[str, SliceViewWidget],
        now_s: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(RATES, now_s, parent)
        self._state = state
        self._views = views
        state.layers_changed.connect(self.stop_if_gone)

    @property
    def view(self) -> str:
        """Name of the view that it runs in; empty where it does not run."""
        return self._held

    def _chosen(self) -> str:
        return self._state.active_view if self._state.active_view in self._views else SLICE_VIEWS[0]

    def _played(self) -> Played | None:
        view = self._views.get(self._held)
        return None if view is None else Played(view.slice_number - 1, view.slice_count)

    def _show(self, index: int) -> None:
        self._views[self._held].show_slice(index + 1)
