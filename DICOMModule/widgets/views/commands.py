"""What keys and buttons do with the views: one method an action, by the names of the keys' table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from DICOMModule.scene import VolumeNode
from DICOMModule.scene.window_presets import AUTO, default_display, window_presets
from DICOMModule.widgets.views.keys import PRESET_COUNT
from DICOMModule.widgets.views.view_area import ViewArea
from DICOMModule.widgets.views.view_menus import apply_window, preset_keys, set_display
from DICOMModule.widgets.views.view_state import OVERLAYS, TOOLS, VIEW_NAMES, ViewState

ZOOM_STEP: Final = 1.25
MANY_IMAGES: Final = 10


class ViewCommands:
    """The actions that concern the views.

    Parameters
    ----------
    area : ViewArea
        The views.
    state : ViewState
        What they share.
    """

    def __init__(self, area: ViewArea, state: ViewState) -> None:
        self._area = area
        self._state = state
        self._overlays_before = OVERLAYS[0]

    def actions(self) -> dict[str, Callable[[], None]]:
        """Return what each action does, by its name in the keys' table."""
        return {
            "previous_image": partial(self.scroll, -1),
            "next_image": partial(self.scroll, 1),
            "ten_images_back": partial(self.scroll, -MANY_IMAGES),
            "ten_images_on": partial(self.scroll, MANY_IMAGES),
            "first_image": self.first_image,
            "last_image": self.last_image,
            "back": partial(self.step_time_or_volume, -1),
            "on": partial(self.step_time_or_volume, 1),
            "previous_time": partial(self.step_time, -1),
            "next_time": partial(self.step_time, 1),
            "play_time": self._area.player.toggle,
            "previous_volume": partial(self.step_volume, -1),
            "next_volume": partial(self.step_volume, 1),
            "previous_study": partial(self.step_study, -1),
            "next_study": partial(self.step_study, 1),
            "cine": self.toggle_cine,
            "next_view": partial(self.step_view, 1),
            "previous_view": partial(self.step_view, -1),
            "maximise_view": self.maximise_view,
            "fit_view": self.fit_view,
            "zoom_in": partial(self.zoom_view, ZOOM_STEP),
            "zoom_out": partial(self.zoom_view, 1.0 / ZOOM_STEP),
            "turn_right": partial(self.turn_view, 90.0),
            "turn_left": partial(self.turn_view, -90.0),
            "flip": self.flip_view,
            "reset_views": self.reset_views,
            "volume_rendering": self.toggle_volume_rendering,
            **{f"tool_{tool}": partial(self._state.set_tool, tool) for tool in TOOLS},
            "default_tool": self._state.select_default_tool,
            **{f"preset_{number}": partial(self.choose_preset, number) for number in range(1, PRESET_COUNT + 1)},
            "full_range": self.show_full_range,
            "image_default": self.show_image_default,
            "invert": self.toggle_inverted,
            "overlays": self.step_overlays,
            "hide_overlays": self.toggle_overlays,
            "crosshair": self.toggle_crosshair,
            "anonymous": self.toggle_anonymous,
        }

    # -- images

    def scroll(self, slices: int) -> None:
        """Go so many slices on in the active view."""
        self._area.active_slice_view.scroll_by(slices)

    def first_image(self) -> None:
        """Go to the first slice of the active view."""
        self._area.active_slice_view.show_slice(1)

    def last_image(self) -> None:
        """Go to the last slice of the active view."""
        view = self._area.active_slice_view
        view.show_slice(view.slice_count)

    def step_time(self, steps: int) -> None:
        """Show the next time point of the sequence in the active view; nothing happens where there is none."""
        self._area.player.step(steps)

    def step_time_or_volume(self, steps: int) -> None:
        """Show the next time point where the active view shows a sequence, else the next loaded volume."""
        if not self._area.player.step(steps):
            self.step_volume(steps)

    def step_volume(self, steps: int) -> None:
        """Show the next loaded volume in the active view, and in the views that show the same as it."""
        nodes, shown = self._state.scene.nodes, self._state.background
        if not nodes:
            return
        at = next((index for index, node in enumerate(nodes) if shown is not None and node.id == shown.id), -steps)
        self._show_instead(nodes[(at + steps) % len(nodes)])

    def step_study(self, steps: int) -> None:
        """Show the first loaded volume of the next study, as `step_volume` does; studies in the order of their loading."""
        first: dict[str, VolumeNode] = {}
        for node in self._state.scene.nodes:
            first.setdefault(_study_of(node), node)
        shown = self._state.background
        if shown is None or len(first) < 2:
            return
        studies = list(first)
        self._show_instead(first[studies[(studies.index(_study_of(shown)) + steps) % len(studies)]])

    def _show_instead(self, wanted: VolumeNode) -> None:
        """Show a volume wherever what the active view shows was shown."""
        shown = self._state.background
        before = {view: self._state.background_of(view) for view in VIEW_NAMES}
        for view, node in before.items():
            if node is shown:
                self._state.show_background(wanted.id, view)

    def toggle_cine(self) -> None:
        """Run through the slices of the active view, or stop; through its time points where it has but one slice."""
        self._area.toggle_cine()

    # -- views

    def step_view(self, steps: int) -> None:
        """Make the next view of the layout the active one."""
        shown = self._area.shown_names
        at = shown.index(self._state.active_view) if self._state.active_view in shown else -steps
        self._state.set_active_view(shown[(at + steps) % len(shown)])
        self._area.active_view.setFocus()

    def maximise_view(self) -> None:
        """Let the active view fill the place of all, or give it back."""
        self._state.toggle_maximised(self._state.active_view)

    def fit_view(self) -> None:
        """Fit the volume into the active view."""
        self._area.active_view.fit()

    def zoom_view(self, factor: float) -> None:
        """Magnify the active view about its middle."""
        self._area.active_view.zoom_by(factor)

    def turn_view(self, degrees: float) -> None:
        """Turn the picture of the active view, clockwise."""
        self._area.active_view.turn_by(-degrees)

    def flip_view(self) -> None:
        """Mirror the picture of the active slice view, left for right."""
        if self._state.active_view in self._area.image_views:
            self._area.active_slice_view.flip()

    def reset_views(self) -> None:
        """Show everything as at first, but for window and level: planes, places, sizes, slab and clip planes."""
        self._state.reset_planes()
        for view in self._area.views.values():
            view.reset()

    def toggle_volume_rendering(self) -> None:
        """Show or hide the volume in the volume view."""
        self._state.set_rendering_shown(not self._state.rendering_shown)

    # -- window and level

    def choose_preset(self, number: int) -> None:
        """Choose the window preset of a number key; nothing happens where the modality has not so many."""
        node = self._state.background
        if node is not None:
            names = {number: name for name, number in preset_keys(node).items()}
            for preset in window_presets(node.volume):
                if preset.name == names.get(number):
                    apply_window(self._state, self._state.active_view, preset)

    def show_full_range(self) -> None:
        """Show the whole range of the values."""
        node = self._state.background
        if node is not None:
            preset = next(preset for preset in window_presets(node.volume) if preset.name == AUTO)
            apply_window(self._state, self._state.active_view, preset)

    def show_image_default(self) -> None:
        """Show the values as the image itself asks for."""
        node = self._state.background
        if node is not None:
            first = default_display(node.volume)
            set_display(
                self._state,
                self._state.active_view,
                lambda display: replace(display, window=first.window, function=first.function, inverted=first.inverted),
            )

    def toggle_inverted(self) -> None:
        """Exchange black and white."""
        set_display(
            self._state, self._state.active_view, lambda display: replace(display, inverted=not display.inverted)
        )

    # -- display

    def step_overlays(self) -> None:
        """Show all that is written over the views, then the least, then nothing."""
        at = OVERLAYS.index(self._state.overlays)
        self._state.set_overlays(OVERLAYS[(at + 1) % len(OVERLAYS)])

    def toggle_overlays(self) -> None:
        """Hide everything over the views, or show again what was there."""
        if self._state.overlays == "none":
            self._state.set_overlays(self._overlays_before)
        else:
            self._overlays_before = self._state.overlays
            self._state.set_overlays("none")

    def toggle_crosshair(self) -> None:
        """Show or hide the crosshair."""
        self._state.set_crosshair_shown(not self._state.crosshair_shown)

    def toggle_anonymous(self) -> None:
        """Hide patient and study in the views, or show them again."""
        self._state.set_anonymous(not self._state.anonymous)


def _study_of(node: VolumeNode) -> str:
    """Return the Study Instance UID that a volume came from; empty where no header tells."""
    return node.volume.source.study_instance_uid if node.volume.source is not None else ""
