"""What is written over a slice view of the window, as the state asks for it."""

from __future__ import annotations

from dataclasses import replace

from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import SliceStack
from DICOMModule.views.overlay import OverlayText, ViewOverlay, slice_overlay
from DICOMModule.widgets.views.view_state import SLICE_VIEWS, ViewState, frame_of_reference

UNLINKED = "Not linked: another frame of reference"
UNREGISTERED = "Foreground of another frame of reference: places do not agree"


def overlay_of(state: ViewState, view: str, geometry: ViewGeometry, slices: SliceStack) -> ViewOverlay:
    """Return what is painted over a slice view; `geometry` is in Qt's pixels. Nothing where the view is empty."""
    node, position = state.background_of(view), state.position_of(view)
    if node is None or position is None or state.overlays == "none":
        return ViewOverlay(view)
    overlay = slice_overlay(node, state.orientation_of(view), geometry, slices, position)
    if not state.crosshair_shown:
        overlay = replace(overlay, crosshair=None)
    return reduced(overlay, state.overlays, anonymous=state.anonymous)


def reduced(overlay: ViewOverlay, extent: str, *, anonymous: bool) -> ViewOverlay:
    """Return as much of an overlay as is asked for: all, or the least, that is the slice, letters and crosshair.

    Anonymous, nothing of patient and study is left.
    """
    text = overlay.text
    if extent == "minimal":
        text = OverlayText(bottom_left=text.bottom_left[:1])
        return replace(overlay, text=text, across=None, upward=None)
    return replace(overlay, text=replace(text, top_left=(), top_right=())) if anonymous else overlay


def notes_of(state: ViewState, view: str) -> tuple[str, ...]:
    """Return what a person must know of the places that a slice view shows: whose they are not."""
    node = state.background_of(view)
    if node is None:
        return ()
    shown = [other for other in SLICE_VIEWS if state.background_of(other) is not None]
    notes = []
    if len(state.linked_views(view)) < len(shown):
        notes.append(UNLINKED)
    above = state.foreground
    if (
        above is not None
        and state.foreground_opacity > 0.0
        and frame_of_reference(above.volume) != frame_of_reference(node.volume)
    ):
        notes.append(UNREGISTERED)
    return tuple(notes)
