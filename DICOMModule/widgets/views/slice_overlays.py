"""What is written over a slice view of the window, as the state asks for it."""

from __future__ import annotations

from dataclasses import replace

from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import SliceStack
from DICOMModule.views.overlay import OverlayText, ViewOverlay, slice_overlay
from DICOMModule.views.slab import Slab
from DICOMModule.widgets.views.view_state import ViewState, frame_of_reference

UNLINKED = "Not linked with the active view: no common frame of reference"
UNREGISTERED = "Foreground in another frame of reference: places do not agree"


def overlay_of(state: ViewState, view: str, geometry: ViewGeometry, slices: SliceStack) -> ViewOverlay:
    """Return what is painted over a slice view; `geometry` is in Qt's pixels. Nothing where the view is empty."""
    node, position = state.background_of(view), state.position_of(view)
    if node is None or position is None or state.overlays == "none":
        return ViewOverlay(view)
    others = {name: state.orientation_of(name) for name in state.linked_views(view)}
    slab = Slab(state.slab_mm, state.slab_mode)
    overlay = slice_overlay(node, state.orientation_of(view), geometry, slices, position, others=others, slab=slab)
    if not state.crosshair_shown:
        overlay = replace(overlay, crosshair=None)
    return reduced(overlay, state.overlays, anonymous=state.anonymous, lines=1 + bool(slab.text) + (node.count > 1))


def reduced(overlay: ViewOverlay, extent: str, *, anonymous: bool, lines: int = 1) -> ViewOverlay:
    """Return as much of an overlay as is asked for: all, or the least, that is the slice, letters and crosshair.

    Parameters
    ----------
    extent : str
        ``all`` or ``minimal``.
    anonymous : bool
        Leave nothing of patient and study.
    lines : int
        How many lines at the lower left are the least.
    """
    text = overlay.text
    if extent == "minimal":
        text = OverlayText(bottom_left=text.bottom_left[:lines])
        return replace(overlay, text=text, across=None, upward=None)
    return replace(overlay, text=replace(text, top_left=(), top_right=())) if anonymous else overlay


def notes_of(state: ViewState, view: str) -> tuple[str, ...]:
    """Return what a person must know of the places that a slice view shows: whose they are not."""
    node = state.background_of(view)
    if node is None or not node.volume.placed:
        return ()
    notes = []
    active = state.background
    if active is not None and frame_of_reference(active.volume) != frame_of_reference(node.volume):
        notes.append(UNLINKED)
    above = state.foreground
    if (
        above is not None
        and state.foreground_opacity > 0.0
        and frame_of_reference(above.volume) != frame_of_reference(node.volume)
    ):
        notes.append(UNREGISTERED)
    return tuple(notes)
