"""What the views of the window share: which volumes they show, where the crosshair is, the tool, the layout."""

from __future__ import annotations

from typing import Final

from DICOMModule.errors import SettingsError
from DICOMModule.scene import NodeChange, Scene, VolumeNode
from DICOMModule.views.layout import LAYOUTS
from DICOMModule.views.orientation import Vector, center_position
from DICOMModule.widgets.qt import QObject, pyqtSignal

SLICE_VIEWS: Final = ("axial", "sagittal", "coronal")
VIEW_NAMES: Final = (*SLICE_VIEWS, "3d")
TOOLS: Final = ("window", "zoom", "pan", "scroll", "rotate", "crosshair")
OVERLAYS: Final = ("all", "minimal", "none")
SLAB_MODES: Final = ("mip", "minip", "mean")


class ViewState(QObject):
    """The one place that the views, the tool bar and the panels read and change. In the thread of the window.

    A view shows a background and, over it, a foreground. All views show the same background until a volume is dropped on
    one of them.

    Parameters
    ----------
    scene : Scene
        Where the nodes are; a node that goes leaves the views with it.

    Signals
    -------
    layers_changed
        What a view shows, or the foreground's opacity.
    position_changed
        The crosshair's place.
    tool_changed, layout_changed, overlays_changed, active_view_changed, slab_changed, crosshair_changed, spread_changed
        As they say; the property of that name tells the new value.
    """

    layers_changed = pyqtSignal()
    position_changed = pyqtSignal()
    tool_changed = pyqtSignal()
    layout_changed = pyqtSignal()
    overlays_changed = pyqtSignal()
    active_view_changed = pyqtSignal()
    slab_changed = pyqtSignal()
    crosshair_changed = pyqtSignal()
    spread_changed = pyqtSignal()

    def __init__(self, scene: Scene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.scene = scene
        self.tool = "window"
        self.layout = "four-up"
        self.maximised = ""
        self.overlays = "all"
        self.anonymous = False
        self.crosshair_shown = True
        self.spread = False
        self.active_view = "axial"
        self.foreground_opacity = 0.5
        self.slab_mm = 0.0
        self.slab_mode = "mip"
        self.position_lps_mm: Vector | None = None
        self._backgrounds: dict[str, str] = {}
        self._foreground = ""
        self._disconnects = (scene.removed.connect(self._on_node_removed), scene.changed.connect(self._on_node_changed))

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

    def show_background(self, node_id: str, view: str = "") -> None:
        """Show a node as the background of one view, or of all where none is named.

        The crosshair goes to the middle of a volume that is the first, or in which it would not lie.
        """
        for name in (view,) if view else VIEW_NAMES:
            self._backgrounds[name] = node_id
        if node_id and node_id == self._foreground:
            self._foreground = ""
        node = self._node(node_id)
        if node is not None and self.position_lps_mm is None:
            self.position_lps_mm = center_position(node.volume)
            self.position_changed.emit()
        self.layers_changed.emit()

    def show_foreground(self, node_id: str) -> None:
        """Lay a node over the background in all slice views; an empty id lays nothing over it."""
        self._foreground = node_id
        self.layers_changed.emit()

    def set_foreground_opacity(self, opacity: float) -> None:
        """Set how much of the foreground is seen, 0 to 1."""
        self.foreground_opacity = min(1.0, max(0.0, opacity))
        self.layers_changed.emit()

    # -- where, and how

    def set_position_lps(self, position_lps_mm: Vector) -> None:
        """Move the crosshair, LPS mm."""
        if position_lps_mm != self.position_lps_mm:
            self.position_lps_mm = position_lps_mm
            self.position_changed.emit()

    def set_tool(self, tool: str) -> None:
        """Choose what a drag with the left button does."""
        if _checked(tool, TOOLS) != self.tool:
            self.tool = tool
            self.tool_changed.emit()

    def set_layout(self, layout: str) -> None:
        """Choose which views there are; a view that filled the place of all gives it back."""
        if layout not in LAYOUTS:
            raise SettingsError(f"there is no layout {layout!r}; there are {', '.join(LAYOUTS)}")
        if layout != self.layout or self.maximised:
            self.layout, self.maximised = layout, ""
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
            self.active_view = view
            self.active_view_changed.emit()

    def set_spread(self, spread: bool) -> None:
        """Give the whole window to the module's panel, or the views their place again."""
        if spread != self.spread:
            self.spread = spread
            self.spread_changed.emit()

    def set_slab(self, slab_mm: float, slab_mode: str = "") -> None:
        """Draw slices as slabs of so many mm (0: plain slices), by ``mip``, ``minip`` or ``mean``."""
        mode = _checked(slab_mode or self.slab_mode, SLAB_MODES)
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

    def _on_node_removed(self, node: VolumeNode) -> None:
        left = self.scene.nodes
        substitute = left[-1].id if left else ""
        for view, shown in tuple(self._backgrounds.items()):
            if shown == node.id:
                self._backgrounds[view] = substitute
        if self._foreground == node.id:
            self._foreground = ""
        if not left:
            self.position_lps_mm = None
        self.layers_changed.emit()

    def _on_node_changed(self, change: NodeChange) -> None:
        if change.new.id in {*self._backgrounds.values(), self._foreground}:
            self.layers_changed.emit()


def _checked(value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise SettingsError(f"there is no {value!r} among {', '.join(choices)}")
    return value
