"""What the views of the window share: which volumes they show, where the crosshair is, the tool, the layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

import numpy as np

from DICOMModule.errors import SettingsError
from DICOMModule.scene import NodeChange, Scene, VolumeNode
from DICOMModule.views.layout import ALL_LAYOUTS, LAYOUTS, STACK_LAYOUT
from DICOMModule.views.orientation import PLANES, STACK, Orientation, Vector, box_corners, center_position
from DICOMModule.views.slab import SlabMode
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.qt import QObject, pyqtSignal

SLICE_VIEWS: Final = ("axial", "sagittal", "coronal")
PLACED_VIEWS: Final = (*SLICE_VIEWS, "3d")
STACK_VIEW: Final = STACK.name
"""Shows images without a place in the patient, and nothing else does."""

VIEW_NAMES: Final = (*PLACED_VIEWS, STACK_VIEW)
TOOLS: Final = ("window", "zoom", "pan", "scroll", "rotate", "crosshair")
OVERLAYS: Final = ("all", "minimal", "none")
SLAB_MODES: Final[tuple[SlabMode, ...]] = get_args(SlabMode)
DEFAULT_TOOLS: Final = {**dict.fromkeys((*SLICE_VIEWS, STACK_VIEW), "window"), "3d": "rotate"}


class ViewState(QObject):
    """The one place that the views, the tool bar and the panels read and change. In the thread of the window.

    A view shows a background and, over it, a foreground. All views show the same background until a volume is dropped on
    one of them. The crosshair has one place in each Frame of Reference: views whose backgrounds share one are linked, others
    have nothing to do with each other.

    Parameters
    ----------
    scene : Scene
        Where the nodes are; a node that goes leaves the views with it.

    Signals
    -------
    nodes_changed
        Something was added to the scene, removed from it, or changed in it; for widgets, which Qt disconnects by itself.
    layers_changed
        What a view shows, or the foreground's opacity.
    position_changed
        The crosshair's place.
    orientations_changed
        How the planes of the slice views lie: turned, flipped or oblique.
    rendering_changed
        Whether the volume view draws the volume.
    tool_changed
        The tool of the active view is another one; slice views share one, the volume view has its own.
    layout_changed, overlays_changed, active_view_changed, slab_changed, crosshair_changed, spread_changed
        As they say; the property of that name tells the new value.
    """

    nodes_changed = pyqtSignal()
    layers_changed = pyqtSignal()
    position_changed = pyqtSignal()
    orientations_changed = pyqtSignal()
    rendering_changed = pyqtSignal()
    tool_changed = pyqtSignal()
    layout_changed = pyqtSignal()
    overlays_changed = pyqtSignal()
    active_view_changed = pyqtSignal()
    slab_changed = pyqtSignal()
    crosshair_changed = pyqtSignal()
    spread_changed = pyqtSignal()
    quantity_requested = pyqtSignal(str, str)

    def __init__(self, scene: Scene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.scene = scene
        self._tools = dict(DEFAULT_TOOLS)
        self.layout = "four-up"
        self.big_view = "axial"
        self.maximised = ""
        self.overlays = "all"
        self.anonymous = False
        self.crosshair_shown = True
        self.spread = False
        self.asked: dict[str, str] = {}  # layout and overlays of a command line, which are not to be remembered
        self.active_view = "axial"
        self.foreground_opacity = 0.5
        self.slab_mm = 0.0
        self.slab_mode: SlabMode = "mip"
        self.rendering_shown = True
        self._positions: dict[str, Vector] = {}
        self._orientations: dict[str, Orientation] = dict(PLANES)
        self._backgrounds: dict[str, str] = {}
        self._foreground = ""
        self._layout_before = (self.layout, self.big_view)
        self._disconnects = (
            scene.added.connect(self._on_node_added),
            scene.removed.connect(self._on_node_removed),
            scene.changed.connect(self._on_node_changed),
        )

    # -- what is shown

    def background_of(self, view: str) -> VolumeNode | None:
        """Return the node that a view shows first; None where it shows nothing."""
        return self._node(self._backgrounds.get(view, ""))

    @property
    def background(self) -> VolumeNode | None:
        """The node that the active view shows first."""
        return self.background_of(self.active_view)

    @property
    def foreground(self) -> VolumeNode | None:
        """The node that lies over the background in all slice views."""
        return self._node(self._foreground)

    @property
    def seen_views(self) -> tuple[str, ...]:
        """Names of the views that the layout is about: the one of images without a place, or the others."""
        return (STACK_VIEW,) if self.layout == STACK_LAYOUT else PLACED_VIEWS

    def show_background(self, node_id: str, view: str = "") -> None:
        """Show a node as the background of one view, or of all where none is named.

        The crosshair goes to the middle of a volume that is the first of its Frame of Reference, or in which it would not
        lie. Images without a place in the patient are shown in the view that is theirs, whichever is named, and the layout
        follows what is shown.
        """
        node = self._node(node_id)
        for name in _views_for(node, view):
            self._backgrounds[name] = node_id
        if node_id and node_id == self._foreground:
            self._foreground = ""
        if node is not None:
            self._bring_position_into(node)
        self.layers_changed.emit()
        if node is not None:
            self._lay_out_for(stack=not node.volume.placed)

    def show_foreground(self, node_id: str) -> None:
        """Lay a node over the background in all slice views; an empty id lays nothing over it.

        Images without a place in the patient lie over nothing.
        """
        node = self._node(node_id)
        self._foreground = "" if node is not None and not node.volume.placed else node_id
        self.layers_changed.emit()

    def set_foreground_opacity(self, opacity: float) -> None:
        """Set how much of the foreground is seen, 0 to 1."""
        self.foreground_opacity = min(1.0, max(0.0, opacity))
        self.layers_changed.emit()

    # -- where, and how

    @property
    def position_lps_mm(self) -> Vector | None:
        """The crosshair's place in the Frame of Reference of the active view, LPS mm; None where that shows nothing."""
        return self.position_of(self.active_view)

    def position_of(self, view: str) -> Vector | None:
        """Return the crosshair's place in the Frame of Reference of a view, LPS mm; None where the view shows nothing."""
        node = self.background_of(view)
        return None if node is None else self._positions.get(frame_of_reference(node.volume))

    def set_position_lps(self, position_lps_mm: Vector, view: str = "") -> None:
        """Move the crosshair, LPS mm, in the Frame of Reference of a view, or of the active one where none is named."""
        node = self.background_of(view or self.active_view)
        if node is None:
            return
        frame = frame_of_reference(node.volume)
        if position_lps_mm != self._positions.get(frame):
            self._positions[frame] = position_lps_mm
            self.position_changed.emit()

    def linked_views(self, view: str) -> tuple[str, ...]:
        """Return the slice views that share the crosshair with a view, itself among them."""
        node = self.background_of(view)
        if node is None:
            return ()
        frame = frame_of_reference(node.volume)
        others = ((name, self.background_of(name)) for name in SLICE_VIEWS)
        return tuple(name for name, other in others if other and frame_of_reference(other.volume) == frame)

    def orientation_of(self, view: str) -> Orientation:
        """Return how the plane of a slice view lies now."""
        return self._orientations[view]

    def set_orientations(self, orientations: Mapping[str, Orientation]) -> None:
        """Turn, flip or tilt the planes of some slice views."""
        changed = {**self._orientations, **orientations}
        if changed != self._orientations:
            self._orientations = changed
            self.orientations_changed.emit()

    def reset_planes(self) -> None:
        """Let the slice views lie as at first, as plain slices through the middle of the active view's volume."""
        self.set_orientations(PLANES)
        self.set_slab(0.0)
        if self.background is not None:
            self.set_position_lps(center_position(self.background.volume))

    def set_rendering_shown(self, shown: bool) -> None:
        """Draw the volume in the volume view, or leave that empty."""
        if shown != self.rendering_shown:
            self.rendering_shown = shown
            self.rendering_changed.emit()

    @property
    def tool(self) -> str:
        """What a drag with the left button does in the active view."""
        return self._tools[self.active_view]

    def tool_of(self, view: str) -> str:
        """Return what a drag with the left button does in a view."""
        return self._tools[view]

    def set_tool(self, tool: str) -> None:
        """Choose what a drag with the left button does: in the slice views, or in the volume view if that is active."""
        if _checked(tool, TOOLS) != self.tool:
            alike = ("3d",) if self.active_view == "3d" else (*SLICE_VIEWS, STACK_VIEW)
            self._tools.update(dict.fromkeys(alike, tool))
            self.tool_changed.emit()

    def select_default_tool(self) -> None:
        """Choose the tool that the active view has at first: window in a slice view, rotate in the volume view."""
        self.set_tool(DEFAULT_TOOLS[self.active_view])

    def set_layout(self, layout: str) -> None:
        """Choose which views there are; the active one is the big one where there is one.

        A view that filled the place of all gives it back.
        """
        if layout not in ALL_LAYOUTS:
            raise SettingsError(f"there is no layout {layout!r}; there are {', '.join(LAYOUTS)}")
        chosen = (layout, self.big_view if self.active_view == STACK_VIEW else self.active_view)
        if chosen != (self.layout, self.big_view) or self.maximised:
            (self.layout, self.big_view), self.maximised = chosen, ""
            self.layout_changed.emit()

    def toggle_maximised(self, view: str) -> None:
        """Let a view fill the place of all, or give it back."""
        self.maximised = "" if self.maximised else _checked(view, VIEW_NAMES)
        self.layout_changed.emit()

    def set_overlays(self, overlays: str) -> None:
        """Show all that is written over the views, only the least, or nothing."""
        if _checked(overlays, OVERLAYS) != self.overlays:
            self.overlays = overlays
            self.overlays_changed.emit()

    def set_anonymous(self, anonymous: bool) -> None:
        """Blank what tells who the patient is, everywhere in the views."""
        if anonymous != self.anonymous:
            self.anonymous = anonymous
            self.overlays_changed.emit()

    def set_crosshair_shown(self, shown: bool) -> None:
        """Show or hide the crosshair."""
        if shown != self.crosshair_shown:
            self.crosshair_shown = shown
            self.crosshair_changed.emit()

    def set_active_view(self, view: str) -> None:
        """Make a view the one that keys go to."""
        if _checked(view, VIEW_NAMES) != self.active_view:
            tool = self.tool
            self.active_view = view
            self.active_view_changed.emit()
            if self.tool != tool:
                self.tool_changed.emit()

    def set_spread(self, spread: bool) -> None:
        """Give the whole window to the module's panel, or the views their place again."""
        if spread != self.spread:
            self.spread = spread
            self.spread_changed.emit()

    def set_slab(self, slab_mm: float, slab_mode: SlabMode | None = None) -> None:
        """Draw slices as slabs of so many mm (0: plain slices), by ``mip``, ``minip`` or ``mean``."""
        mode = slab_mode or self.slab_mode
        thickness = max(0.0, slab_mm)
        if (thickness, mode) != (self.slab_mm, self.slab_mode):
            self.slab_mm, self.slab_mode = thickness, mode
            self.slab_changed.emit()

    def close(self) -> None:
        """Listen to the scene no more."""
        for disconnect in self._disconnects:
            disconnect()

    def _node(self, node_id: str) -> VolumeNode | None:
        return next((node for node in self.scene.nodes if node.id == node_id), None) if node_id else None

    def _lay_out_for(self, *, stack: bool) -> None:
        """Show the view of images without a place, or the others in the layout that they had."""
        if stack != (self.layout == STACK_LAYOUT):
            if stack:
                self._layout_before = (self.layout, self.big_view)
            layout, big = (STACK_LAYOUT, self.big_view) if stack else self._layout_before
            self.layout, self.big_view, self.maximised = layout, big, ""
            self.layout_changed.emit()
            self.set_active_view(STACK_VIEW if stack else SLICE_VIEWS[0])

    def _bring_position_into(self, node: VolumeNode) -> None:
        frame = frame_of_reference(node.volume)
        position = self._positions.get(frame)
        if position is None or not lies_inside(node.volume, position):
            self._positions[frame] = center_position(node.volume)
            self.position_changed.emit()

    def _on_node_added(self, _node: VolumeNode) -> None:
        self.nodes_changed.emit()

    def _on_node_removed(self, node: VolumeNode) -> None:
        left = self.scene.nodes
        substitutes: dict[bool, VolumeNode] = {other.volume.placed: other for other in left}  # the last of each
        for view, shown in tuple(self._backgrounds.items()):
            if shown == node.id:
                other = substitutes.get(view != STACK_VIEW)
                self._backgrounds[view] = "" if other is None else other.id
        if self._foreground == node.id:
            self._foreground = ""
        used = {frame_of_reference(other.volume) for other in left}
        self._positions = {frame: place for frame, place in self._positions.items() if frame in used}
        for other in substitutes.values():
            self._bring_position_into(other)
        self.layers_changed.emit()
        if all(self.background_of(view) is None for view in self.seen_views):
            self._lay_out_for(stack=self.background_of(STACK_VIEW) is not None)
        self.nodes_changed.emit()

    def _on_node_changed(self, change: NodeChange) -> None:
        before, after = (frame_of_reference(node.volume) for node in (change.old, change.new))
        if (
            before in self._positions
        ):  # another volume of a sequence whose places nobody can compare is still looked at there
            self._positions.setdefault(after, self._positions[before])
        if change.new.id in {*self._backgrounds.values(), self._foreground}:
            self.layers_changed.emit()
        self.nodes_changed.emit()


def frame_of_reference(volume: Volume) -> str:
    """Return a name for the space in which a volume lies: its Frame of Reference UID (0020,0052), if it has one.

    Where it has none, its places can be compared with those of nothing but volumes made of the same series, or on its very grid.
    """
    if not volume.placed:
        return f"images {'/'.join(volume.source_series_uids) or id(volume.ijk_to_lps)}"
    uid = "" if volume.source is None else volume.source.text("FrameOfReferenceUID")
    return uid or "/".join(volume.source_series_uids) or f"grid at {id(volume.ijk_to_lps)}"


def _views_for(node: VolumeNode | None, view: str) -> tuple[str, ...]:
    """Return the views in which a node is to be shown where one, or none in particular, was named."""
    if node is None:
        return (view,) if view else VIEW_NAMES
    if not node.volume.placed:
        return (STACK_VIEW,)
    return (view,) if view not in {"", STACK_VIEW} else PLACED_VIEWS


def lies_inside(volume: Volume, position_lps_mm: Vector) -> bool:
    """Say whether a position is within the volume's box, voxels being boxes and not points."""
    if not volume.regular:
        corners = box_corners(volume)
        return bool(np.all((corners.min(axis=0) <= position_lps_mm) & (position_lps_mm <= corners.max(axis=0))))
    index = np.linalg.solve(volume.ijk_to_lps, (*position_lps_mm, 1.0))[:3]
    return bool(np.all(index >= -0.5) and np.all(index <= np.array(volume.dimensions) - 0.5))


def _checked(value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise SettingsError(f"there is no {value!r} among {', '.join(choices)}")
    return value
