"""The views' part of the window's tool bar: layout, tools, presets, slab, what is written, cine and reset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.views.overlay import window_text
from DICOMModule.widgets.qt import (
    QAction,
    QActionGroup,
    QEvent,
    QMenu,
    QObject,
    QSize,
    Qt,
    QToolBar,
    QToolButton,
)
from DICOMModule.widgets.theme import icon, theme
from DICOMModule.widgets.views.commands import ViewCommands
from DICOMModule.widgets.views.view_area import ViewArea
from DICOMModule.widgets.views.view_menus import (
    fill_cine_menu,
    fill_layout_menu,
    fill_overlay_menu,
    fill_slab_menu,
    fill_window_menu,
)
from DICOMModule.widgets.views.view_state import TOOLS
from DICOMModule.widgets.wording import plain_tooltip

TOOL_TITLES: Final = {
    "window": "Window and level: drag to the right for more width, up for brighter",
    "zoom": "Zoom: drag up to magnify",
    "pan": "Pan",
    "scroll": "Scroll through the slices",
    "rotate": "Rotate",
    "crosshair": "Crosshair: drag its centre, a line or a handle",
}
WIDEST_PRESET: Final = "1st to 99th percentile ▾"
ICON_SIZE: Final = QSize(20, 20)


class ViewTools(QObject):
    """Buttons for a tool bar; they follow the state of the views.

    Parameters
    ----------
    area : ViewArea
        The views.
    commands : ViewCommands
        What the buttons do.
    tooltip : callable
        Adds the key of an action to a tooltip: takes its name and the text.
    """

    def __init__(
        self,
        area: ViewArea,
        commands: ViewCommands,
        tooltip: Callable[[str, str], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._area, self._state = area, area.state
        self._acts = commands.actions()
        self._tooltip = tooltip
        self.tools: dict[str, QAction] = {}
        self._group = QActionGroup(self)
        self.layout_button = self._menu_button("layout-four-up", "Layout", self._fill_layout)
        self.preset_button = self._menu_button("window", "Window preset", self._fill_presets)
        self.preset_button.setToolButtonStyle(Qt.ToolButtonTextOnly)
        self._preset_px = self.preset_button.fontMetrics().horizontalAdvance(WIDEST_PRESET)
        self.preset_button.setFixedWidth(self._preset_px + 16)
        self.slab_button = self._menu_button("slab", "Slab: thicker slices (Alt+wheel)", self._fill_slab)
        self.overlay_button = self._menu_button("eye", "What is written over the pictures", self._fill_overlays)
        self.cine_button = self._menu_button("play", "Cine", self._fill_cine)
        self.cine_button.setPopupMode(QToolButton.MenuButtonPopup)
        self.cine_button.clicked.connect(lambda _checked: area.toggle_cine())
        for tool in TOOLS:
            action = QAction(self)
            action.setCheckable(True)
            action.setText(TOOL_TITLES[tool].partition(":")[0])
            action.triggered.connect(self._calls(f"tool_{tool}"))
            self._group.addAction(action)
            self.tools[tool] = action
        self.invert = QAction("Invert", self)
        self.invert.setCheckable(True)
        self.invert.triggered.connect(self._calls("invert"))
        self.reset = QAction("Reset the views", self)
        self.reset.triggered.connect(self._calls("reset_views"))
        self._connect()
        self.refresh()

    def add_to(self, bar: QToolBar) -> None:
        """Put the buttons at the end of a tool bar."""
        bar.addWidget(self.layout_button)
        bar.addSeparator()
        bar.addActions(list(self.tools.values()))
        bar.addSeparator()
        bar.addWidget(self.preset_button)
        bar.addAction(self.invert)
        bar.addWidget(self.slab_button)
        bar.addSeparator()
        bar.addWidget(self.overlay_button)
        bar.addWidget(self.cine_button)
        bar.addAction(self.reset)
        bar.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tint the icons anew when the theme of the tool bar changes."""
        if event.type() == QEvent.PaletteChange:
            self.refresh()
        return super().eventFilter(watched, event)

    def refresh(self) -> None:
        """Show the state as it is, with the keys as they are bound now."""
        state, node = self._state, self._state.background
        self.layout_button.setIcon(icon(f"layout-{state.maximised or state.layout}"))
        for tool, action in self.tools.items():
            action.setIcon(icon(tool))
            action.setToolTip(self._tooltip(f"tool_{tool}", TOOL_TITLES[tool]))
            action.setChecked(state.tool == tool)
        shown = "Preset" if node is None else plain_text(node.display.window.name) or window_text(node, named=False)
        metrics = self.preset_button.fontMetrics()
        room = self._preset_px - metrics.horizontalAdvance(" ▾")
        fitting = metrics.elidedText(shown, Qt.ElideMiddle, room)
        self.preset_button.setText(f"{fitting.replace('&', '&&')} ▾")
        self.preset_button.setToolTip(
            "Window preset" if node is None else plain_tooltip(f"Window preset: {window_text(node)}")
        )
        self.invert.setIcon(icon("invert"))
        self.invert.setToolTip(self._tooltip("invert", "Exchange black and white"))
        self.invert.setChecked(node is not None and node.display.inverted)
        self.slab_button.setIcon(icon("slab", theme().accent if state.slab_mm else ""))
        self.overlay_button.setIcon(icon("eye-off" if state.overlays == "none" else "eye"))
        running = self._area.cine.running or (
            self._area.player.running and self._area.active_slice_view.slice_count == 1
        )
        self.cine_button.setIcon(icon("stop" if running else "play"))
        self.cine_button.setToolTip(self._tooltip("cine", "Stop cine" if running else "Run through the slices"))
        self.reset.setIcon(icon("reset"))
        self.reset.setToolTip(self._tooltip("reset_views", "Reset planes, zoom, slab and clip planes"))
        for part in (self.preset_button, self.invert, self.slab_button, self.cine_button, self.reset):
            part.setEnabled(node is not None)

    def _connect(self) -> None:
        state = self._state
        for changed in (
            state.layers_changed,
            state.tool_changed,
            state.layout_changed,
            state.overlays_changed,
            state.slab_changed,
            state.active_view_changed,
            self._area.cine.changed,
            self._area.player.changed,
        ):
            changed.connect(self.refresh)

    def _calls(self, name: str) -> Callable[[bool], None]:
        def triggered(_checked: bool) -> None:
            self._acts[name]()
            self.refresh()  # a box that was checked by the click, and nothing changed

        return triggered

    def _menu_button(self, icon_name: str, text: str, fill: Callable[[QMenu], None]) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(icon_name))
        button.setIconSize(ICON_SIZE)
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.setPopupMode(QToolButton.InstantPopup)
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: fill(menu))
        button.setMenu(menu)
        return button

    def _fill_layout(self, menu: QMenu) -> None:
        fill_layout_menu(menu, self._state)

    def _fill_presets(self, menu: QMenu) -> None:
        fill_window_menu(menu, self._state, self._state.active_view)

    def _fill_slab(self, menu: QMenu) -> None:
        fill_slab_menu(menu, self._state)

    def _fill_overlays(self, menu: QMenu) -> None:
        fill_overlay_menu(menu, self._state)

    def _fill_cine(self, menu: QMenu) -> None:
        fill_cine_menu(menu, self._area.cine)
