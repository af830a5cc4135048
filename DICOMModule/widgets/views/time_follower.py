"""Lets the sequence that lies over the background of the active view show the time that the background shows."""

from __future__ import annotations

from DICOMModule.errors import plain_text
from DICOMModule.scene import axis_place
from DICOMModule.scene.following import followed
from DICOMModule.widgets.qt import QObject
from DICOMModule.widgets.views.view_state import ViewState


class TimeFollower(QObject):
    """Looks whenever what is shown changes.

    Parameters
    ----------
    state : ViewState
        Says what lies where.
    """

    def __init__(self, state: ViewState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        state.layers_changed.connect(self._follow)
        state.active_view_changed.connect(self._follow)

    def _follow(self) -> None:
        below, above = self._state.background, self._state.foreground
        if below is not None and above is not None and below.count > 1 and above.count > 1:
            self._state.scene.set_index(above.id, followed(below, above)[0])


def following_text(state: ViewState) -> str:
    """Return where the foreground is in its sequence and why: ``over it 12 s  4/10 by time``; empty where it follows nothing."""
    below, above = state.background, state.foreground
    if below is None or above is None or below.count < 2 or above.count < 2:
        return ""
    return plain_text(f"over it {axis_place(above, labelled=False)} {followed(below, above)[1]}")
