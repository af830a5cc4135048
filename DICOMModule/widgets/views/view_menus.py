"""Menus about the views, filled anew whenever they open: presets, slab, layouts, cine, and the context menus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.scene import VolumeDisplay, VolumeNode
from DICOMModule.scene.window_presets import WindowPreset, window_presets
from DICOMModule.views.layout import ALL_LAYOUTS, STACK_LAYOUT
from DICOMModule.views.orientation import PLANES, acquisition_axes
from DICOMModule.views.presets import find_rendering_preset, presets_for
from DICOMModule.views.slab import SlabMode
from DICOMModule.views.voxel_values import units_text
from DICOMModule.widgets.qt import QActionGroup, QMenu, QSpinBox, QWidgetAction
from DICOMModule.widgets.theme import icon
from DICOMModule.widgets.views.cine import Cine
from DICOMModule.widgets.views.slice_view_widget import SLAB_STEPS_MM
from DICOMModule.widgets.views.view_state import SLAB_MODES, STACK_VIEW, ViewState
from DICOMModule.widgets.wording import plain_tooltip

SLAB_MENU: Final[dict[SlabMode, str]] = {
    "mip": "Maximum (MIP)",
    "minip": "Minimum (MinIP)",
    "mean": "Mean",
}
LAYOUT_TITLES: Final = {
    "four-up": "Four-up",
    "two-up": "Axial and 3D",
    "three-up": "Three slices",
    "one-and-three": "One and three",
    "axial": "Axial",
    "sagittal": "Sagittal",
    "coronal": "Coronal",
    "3d": "3D",
    "stack": "Images one by one",
}
PRESET_KEYS: Final = 9
DEFAULT_SLAB_MM: Final = 10.0


def fill_window_menu(menu: QMenu, state: ViewState, view: str) -> None:
    """List the window presets of a view's background, the file's own first, with the keys of the first nine."""
    menu.clear()
    node = state.background_of(view)
    if node is None:
        _note(menu, "Nothing is loaded")
        return
    keys = preset_keys(node)
    group = QActionGroup(menu)
    for preset in window_presets(node.volume):
        window = preset.window
        text = f"{plain_text(preset.name)}\tW {window.width:.5g}  L {window.level:.5g}"
        number = keys.get(preset.name)
        action = menu.addAction(_literal(f"{number}  {text}" if number else text))
        action.setCheckable(True)
        action.setChecked(node.display.window == window)
        group.addAction(action)
        action.triggered.connect(_calls(partial(apply_window, state, view, preset)))
    menu.addSeparator()
    _toggle(menu, "Invert", node.display.inverted, lambda on: _set_inverted(state, view, on))
    _add_quantities(menu, state, node)


def _add_quantities(menu: QMenu, state: ViewState, node: VolumeNode) -> None:
    """List what the values can be shown as, where there is something besides themselves."""
    loaded = node.loaded_volume
    if not loaded.quantities:
        return
    menu.addSection("Values")
    group = QActionGroup(menu)
    as_loaded = units_text(loaded.units, loaded.source)
    choices = [("", f"As loaded\t{as_loaded}", "")]
    choices += [
        (one.name, f"{one.name}\t{units_text(one.unit, loaded.source)}", one.provenance) for one in loaded.quantities
    ]
    for name, text, provenance in choices:
        action = menu.addAction(_literal("\t".join(map(plain_text, text.split("\t")))))
        action.setToolTip(plain_tooltip(provenance))
        action.setCheckable(True)
        action.setChecked(node.quantity == name)
        group.addAction(action)
        action.triggered.connect(_calls(partial(state.quantity_requested.emit, node.id, name)))
    menu.setToolTipsVisible(True)


def preset_keys(node: VolumeNode) -> dict[str, int]:
    """Return which number key chooses which window preset: those of the modality, else all, in the order of the list."""
    presets = window_presets(node.volume)
    own = [preset for preset in presets if not preset.name.startswith(("[DICOM]", "Auto"))]
    return {preset.name: number for number, preset in enumerate((own or list(presets))[:PRESET_KEYS], start=1)}


def apply_window(state: ViewState, view: str, preset: WindowPreset) -> None:
    """Show a view's background by a window preset; whatever else its display says stays."""
    node = state.background_of(view)
    if node is not None:
        display = replace(node.display, window=preset.window, function=preset.function, inverted=preset.inverted)
        state.scene.set_display(node.id, display)


def fill_slab_menu(menu: QMenu, state: ViewState) -> None:
    """List thicknesses and what is shown of a slab."""
    menu.clear()
    thicknesses = QActionGroup(menu)
    for slab_mm in SLAB_STEPS_MM:
        action = menu.addAction(f"{slab_mm:g} mm" if slab_mm else "Plain slice")
        action.setCheckable(True)
        action.setChecked(state.slab_mm == slab_mm)
        thicknesses.addAction(action)
        action.triggered.connect(_calls(partial(state.set_slab, slab_mm)))
    menu.addSeparator()
    modes = QActionGroup(menu)
    for mode in SLAB_MODES:
        action = menu.addAction(SLAB_MENU[mode])
        action.setCheckable(True)
        action.setChecked(state.slab_mode == mode)
        modes.addAction(action)
        action.triggered.connect(_calls(partial(_set_slab_mode, state, mode)))


def fill_plane_menu(menu: QMenu, state: ViewState, view: str) -> None:
    """List how the plane of a slice view may lie."""
    menu.clear()
    node = state.background_of(view)
    if node is None:
        _note(menu, "Nothing is loaded")
        return
    now, plain = state.orientation_of(view), PLANES[view]
    group = QActionGroup(menu)
    for title, orientation in (
        ("Along the patient's axes", plain),
        ("Along the acquisition", acquisition_axes(node.volume, plain)),
    ):
        action = menu.addAction(title)
        action.setCheckable(True)
        action.setChecked(now == orientation)
        group.addAction(action)
        action.triggered.connect(_calls(partial(state.set_orientations, {view: orientation})))


def fill_layout_menu(menu: QMenu, state: ViewState) -> None:
    """List the layouts."""
    menu.clear()
    group = QActionGroup(menu)
    for name in ALL_LAYOUTS:
        if name == STACK_LAYOUT and state.background_of(STACK_VIEW) is None:
            continue
        action = menu.addAction(icon(f"layout-{name}"), LAYOUT_TITLES[name])
        action.setCheckable(True)
        action.setChecked(state.layout == name and not state.maximised)
        group.addAction(action)
        action.triggered.connect(_calls(partial(state.set_layout, name)))


def fill_rendering_menu(menu: QMenu, state: ViewState, view: str = "3d") -> None:
    """List the volume-rendering presets of a view's background."""
    menu.clear()
    node = state.background_of(view)
    if node is None:
        _note(menu, "Nothing is loaded")
        return
    used = find_rendering_preset(node.volume, node.display.rendering_preset)
    group = QActionGroup(menu)
    for preset in presets_for(node.volume):
        action = menu.addAction(_literal(preset.name))
        action.setCheckable(True)
        action.setChecked(preset is used)
        group.addAction(action)
        action.triggered.connect(_calls(partial(_set_rendering, state, view, preset.name)))
    menu.addSeparator()
    _toggle(menu, "Show volume rendering\tV", state.rendering_shown, state.set_rendering_shown)


def fill_overlay_menu(menu: QMenu, state: ViewState) -> None:
    """List what may be written over the views."""
    menu.clear()
    group = QActionGroup(menu)
    for name, title in (("all", "All text"), ("minimal", "Least text"), ("none", "Nothing over the pictures")):
        action = menu.addAction(title)
        action.setCheckable(True)
        action.setChecked(state.overlays == name)
        group.addAction(action)
        action.triggered.connect(_calls(partial(state.set_overlays, name)))
    menu.addSeparator()
    _toggle(menu, "Crosshair", state.crosshair_shown, state.set_crosshair_shown)
    _toggle(menu, "Hide patient and study", state.anonymous, state.set_anonymous)


def fill_cine_menu(menu: QMenu, cine: Cine) -> None:
    """List how cine runs: slices a second, and what happens at the ends."""
    menu.clear()
    speed = QSpinBox()
    speed.setRange(cine.rates.slowest, cine.rates.fastest)
    speed.setValue(cine.per_s)
    speed.setSuffix(" slices/s")
    speed.setAccessibleName("Slices a second")
    speed.valueChanged.connect(cine.set_per_s)
    holder = QWidgetAction(menu)
    holder.setDefaultWidget(speed)
    menu.addAction(holder)
    menu.addSeparator()
    group = QActionGroup(menu)
    for back_and_forth, title in ((False, "Begin again at the end"), (True, "Back and forth")):
        action = menu.addAction(title)
        action.setCheckable(True)
        action.setChecked(cine.back_and_forth == back_and_forth)
        group.addAction(action)
        action.triggered.connect(_calls(partial(cine.set_back_and_forth, back_and_forth)))


def fill_context_menu(menu: QMenu, state: ViewState, view: str, fit: Callable[[], object]) -> None:
    """Put into a view's context menu what can be chosen there.

    Parameters
    ----------
    fit : callable
        Fits the volume into the view.
    """
    menu.clear()
    if state.background_of(view) is None:
        _note(menu, "Nothing is loaded")
        return
    if view == "3d":
        fill_rendering_menu(menu.addMenu("Volume-rendering preset"), state, view)
    else:
        fill_window_menu(menu.addMenu("Window preset"), state, view)
        fill_slab_menu(menu.addMenu("Slab"), state)
        if view != STACK_VIEW:
            fill_plane_menu(menu.addMenu("Plane"), state, view)
    fill_overlay_menu(menu.addMenu("Over the pictures"), state)
    fill_layout_menu(menu.addMenu("Layout"), state)
    menu.addSeparator()
    menu.addAction("Fit to the view\t=").triggered.connect(_calls(fit))
    title = "Show all views again" if state.maximised == view else "Maximise"
    menu.addAction(title).triggered.connect(_calls(partial(state.toggle_maximised, view)))


def set_display(state: ViewState, view: str, change: Callable[[VolumeDisplay], VolumeDisplay]) -> None:
    """Change how a view's background is shown, everywhere."""
    node = state.background_of(view)
    if node is not None:
        state.scene.set_display(node.id, change(node.display))


def _set_inverted(state: ViewState, view: str, inverted: bool) -> None:
    set_display(state, view, lambda display: replace(display, inverted=inverted))


def _set_rendering(state: ViewState, view: str, name: str) -> None:
    set_display(state, view, lambda display: replace(display, rendering_preset=name))


def _set_slab_mode(state: ViewState, mode: SlabMode) -> None:
    state.set_slab(state.slab_mm or DEFAULT_SLAB_MM, mode)


def _toggle(menu: QMenu, title: str, on: bool, act: Callable[[bool], object]) -> None:
    action = menu.addAction(title)
    action.setCheckable(True)
    action.setChecked(on)
    action.triggered.connect(act)


def _note(menu: QMenu, text: str) -> None:
    menu.addAction(text).setEnabled(False)


def _literal(text: str) -> str:
    """Return a text in which Qt sees no key mnemonic."""
    return text.replace("&", "&&")


def _calls(act: Callable[[], object]) -> Callable[[bool], None]:
    """Return a slot that calls `act` whatever the check box says."""

    def triggered(_checked: bool) -> None:
        act()

    return triggered
