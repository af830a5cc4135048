"""The main window: tool bar, the module's panel, the views, the scene, jobs and status, and how it ends cleanly."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from DICOMModule.dicom.decoding import end_decoding
from DICOMModule.errors import SettingsError
from DICOMModule.scene import VolumeNode
from DICOMModule.settings import Settings
from DICOMModule.views.layout import LAYOUTS, STACK_LAYOUT
from DICOMModule.widgets.dragging import dragged_paths
from DICOMModule.widgets.jobs_panel import JobsStrip
from DICOMModule.widgets.log_window import LogRecords, LogWindow
from DICOMModule.widgets.module_host import ModuleHost
from DICOMModule.widgets.qt import (
    QApplication,
    QByteArray,
    QCloseEvent,
    QDialog,
    QDockWidget,
    QDragEnterEvent,
    QDropEvent,
    QMainWindow,
    Qt,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.scene_dock import SceneDock
from DICOMModule.widgets.shortcuts import KeyBinder
from DICOMModule.widgets.status import StatusPart
from DICOMModule.widgets.system_theme import resolve_theme
from DICOMModule.widgets.theme import apply_theme, icon
from DICOMModule.widgets.viewer import TargetsDropped, Viewer
from DICOMModule.widgets.views.commands import ViewCommands
from DICOMModule.widgets.views.keys import KEY_ACTIONS
from DICOMModule.widgets.views.layer_bar import LayerBar
from DICOMModule.widgets.views.time_bar import TimeBar
from DICOMModule.widgets.views.view_area import ViewArea
from DICOMModule.widgets.views.view_toolbar import ViewTools
from DICOMModule.widgets.window_parts import WindowPart, step_part
from DICOMModule.widgets.window_toolbar import WindowToolBar, save_views_picture

TITLE: Final = "DICOMModule"
PANEL_PX: Final = 384
SCENE_PX: Final = 300
LEAST_SIZE: Final = (960, 600)
SECOND_CLOSE_S: Final = 10.0


class MainWindow(QMainWindow):
    """The window that hosts the scripted modules, beside the views of the scene.

    Parameters
    ----------
    viewer : Viewer
        What it lends to the modules; the window owns its views, jobs and banners from now on.
    records : LogRecords
        What the log window shows.
    remembers : bool
        Whether it opens as the settings remember the last window, and is remembered itself; not for a picture.
    """

    def __init__(self, viewer: Viewer, records: LogRecords, *, remembers: bool = True) -> None:
        super().__init__()
        self.viewer = viewer
        self.records = records
        self._dialogs: dict[str, QDialog] = {}
        self._scene_was_shown, self._panel_px = False, PANEL_PX
        self._remembers = remembers
        self._layouts: dict[str, str] = {}
        self._closed = False
        self._warned_s = float("-inf")
        self._theme = viewer.settings.value.theme
        self._told_problem = ""
        self.setObjectName("main-window")
        self.setWindowTitle(f"{TITLE} — private" if viewer.is_private else TITLE)
        self.setWindowIcon(icon("application"))
        self.setMinimumSize(*LEAST_SIZE)
        self.setAcceptDrops(True)
        self.setDockOptions(QMainWindow.AnimatedDocks)
        self.area = ViewArea(viewer)
        self.commands = ViewCommands(self.area, viewer.views)
        self.host = ModuleHost(viewer)
        self.strip = JobsStrip(viewer.jobs)
        self.scene_dock = SceneDock(viewer)
        lent = {action.name: partial(self._lent, action.name) for action in KEY_ACTIONS}
        self._acts: dict[str, Callable[[], object]] = {**lent, **self.commands.actions(), **self._own_actions()}
        self._make_center()
        self._make_docks()
        self._make_status()
        self.keys = KeyBinder(self, self._acts, KEY_ACTIONS, viewer.settings)
        self._make_tools()
        viewer.views.spread_changed.connect(self._on_spread_changed)
        viewer.views.layout_changed.connect(self._on_layout_changed)
        self._disconnects = (
            viewer.settings.changed.connect(self._on_settings_changed),
            viewer.scene.added.connect(self._on_node_added),
        )
        self.area.targets_dropped.connect(self._on_targets_dropped)
        self.area.status_changed.connect(self.status.show_reading)
        self._restore()
        self.host.start()
        self._tell_settings_problem()

    def open(self, size: tuple[int, int], *, unseen: bool = False) -> None:
        """Show the window: as the settings remember it or, `unseen`, for a picture of exactly this size."""
        if unseen:
            ratio = self.devicePixelRatioF()
            self.resize(round(size[0] / ratio), round(size[1] / ratio))
        self.show()

    # -- ending

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close; while jobs run, say so first, and close at the second time."""
        running = self.viewer.jobs.running
        now = time.monotonic()
        if running and not self._closed and now - self._warned_s > SECOND_CLOSE_S:
            self._warned_s = now
            what = running[0].title if len(running) == 1 else f"{len(running)} jobs"
            self.viewer.banners.show_warning(
                f"Still at work: {what}. Closing the window cancels it; what is done already stays.",
                actions=[("Cancel it and close", self.close_now)],
            )
            event.ignore()
            return
        self._end()
        event.accept()

    def close_now(self) -> None:
        """Close without asking; nothing is left afterwards."""
        self._end()
        self.close()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._remember()
        end_decoding()
        self.viewer.jobs.shut_down()
        self.keys.release()
        for disconnect in self._disconnects:
            disconnect()
        self.host.close_modules()
        self.area.close_views()
        self.status.close_part()
        self.viewer.scene.clear()
        self.viewer.views.close()

    # -- its parts

    def _make_center(self) -> None:
        center = QWidget()
        layout = QVBoxLayout(center)
        layout.setContentsMargins(4, 4, 4, 0)
        layout.setSpacing(4)
        layout.addWidget(self.viewer.banners)
        layout.addWidget(LayerBar(self.viewer))
        layout.addWidget(TimeBar(self.viewer.views, self.area.player))
        layout.addWidget(self.area, 1)
        self._center = center
        self.setCentralWidget(center)

    def _make_docks(self) -> None:
        self.panel_dock = self._dock("panel", self.host)
        self.addDockWidget(Qt.LeftDockWidgetArea, self.panel_dock)
        self.right_dock = self._dock("scene", self.scene_dock)
        self.addDockWidget(Qt.RightDockWidgetArea, self.right_dock)
        self.right_dock.hide()
        self.resizeDocks([self.panel_dock, self.right_dock], [PANEL_PX, SCENE_PX], Qt.Horizontal)

    def _dock(self, name: str, content: QWidget) -> QDockWidget:
        dock = QDockWidget(self)
        dock.setObjectName(name)
        dock.setTitleBarWidget(QWidget())  # no title: its sections have theirs
        dock.setFeatures(QDockWidget.NoDockWidgetFeatures)
        dock.setWidget(content)
        return dock

    def _make_status(self) -> None:
        bar = self.statusBar()
        self.status = StatusPart(self.viewer.scene)
        bar.setSizeGripEnabled(False)
        bar.addWidget(self.strip, 1)
        bar.addPermanentWidget(self.status)

    # -- what keys and buttons do

    def _own_actions(self) -> dict[str, Callable[[], object]]:
        return {
            "close_volume": self.scene_dock.scene.remove_shown,
            "panel": self.toggle_panel,
            "scene": self.toggle_scene,
            "process": self.show_process,
            "spread": lambda: self.viewer.views.set_spread(not self.viewer.views.spread),
            "full_screen": self.toggle_full_screen,
            "keys": self.show_keys,
            "quit": self.close,
            "undo": lambda: self.viewer.banners.show_info(self.viewer.undo.undo()),
            "redo": lambda: self.viewer.banners.show_info(self.viewer.undo.redo()),
            "next_part": lambda: step_part(self._parts(), 1),
            "previous_part": lambda: step_part(self._parts(), -1),
            "picture": lambda: save_views_picture(self.viewer, self.area),
        }

    def _parts(self) -> tuple[WindowPart, ...]:
        return (
            WindowPart(self.panel_dock),
            WindowPart(self._center, lambda: self.area.active_view),
            WindowPart(self.right_dock),
        )

    def _make_tools(self) -> None:
        self.view_tools = ViewTools(self.area, self.commands, self.keys.tooltip, self)
        self.tools = WindowToolBar(self._acts, self.keys.table, self.view_tools.add_to, self.host.selector)
        self.addToolBar(self.tools)
        self.keys.rebound.connect(self.tools.follow_keys)
        self.tools.add_entry("Open…", self._acts["open"], "folder", "open")
        self.tools.add_entry("Import…", self._acts["import"], "import", "import")
        self.tools.add_entry("Quick look…", self._acts["quick_look"], "private", "quick_look")
        self.tools.menu.addSeparator()
        self.tools.add_entry("Settings…", self.show_settings, "settings")
        self.tools.add_entry("Keys…", self.show_keys, "keyboard", "keys")
        self.tools.add_entry("Log…", self.show_log, "log")
        self.tools.add_entry("About…", self.show_about, "info")
        self.tools.menu.addSeparator()
        self.tools.add_entry("Quit", self.close, "close", "quit")

    def _lent(self, name: str) -> None:
        """Do what the module has lent under this name, if it has."""
        if name in self.viewer.actions:
            self.viewer.actions[name]()

    def toggle_panel(self) -> None:
        """Fold the module's panel away, or bring it back."""
        self.panel_dock.setVisible(not self.panel_dock.isVisible())

    def toggle_scene(self) -> None:
        """Show or hide the list of what is loaded, with the filters below it."""
        self.right_dock.setVisible(not self.right_dock.isVisible())

    def show_process(self) -> None:
        """Show the filters."""
        self.right_dock.show()
        self.scene_dock.process.setFocus()

    def show_settings(self) -> None:
        """Show the settings."""
        from DICOMModule.widgets.dialogs.settings_dialog import SettingsDialog

        self._present("settings", lambda: SettingsDialog(self.viewer, self))

    def show_keys(self) -> None:
        """Show which keys do what."""
        from DICOMModule.widgets.dialogs.shortcuts_dialog import ShortcutsDialog

        self._present("keys", lambda: ShortcutsDialog(self.keys.table, self.viewer, self))

    def show_log(self) -> None:
        """Show what the program has noted."""
        self._present("log", lambda: LogWindow(self.records, self.viewer, self))

    def show_about(self) -> None:
        """Show what this program is."""
        from DICOMModule.widgets.dialogs.about_dialog import AboutDialog

        said = self.host.current.about_text() if self.host.current is not None else ""
        self._present("about", lambda: AboutDialog(said, self))

    def _present(self, name: str, make: Callable[[], QDialog]) -> None:
        """Show one of the dialogs beside the window, made the first time it is asked for."""
        if name not in self._dialogs:
            self._dialogs[name] = make()
        dialog = self._dialogs[name]
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()

    def toggle_full_screen(self) -> None:
        """Fill the screen, or be a window again."""
        self.setWindowState(self.windowState() ^ Qt.WindowFullScreen)

    def _on_spread_changed(self) -> None:
        spread = self.viewer.views.spread
        if spread:
            self._scene_was_shown, self._panel_px = self.right_dock.isVisible(), self.panel_dock.width()
        self._center.setVisible(not spread)
        self.right_dock.setVisible(self._scene_was_shown and not spread)
        self.panel_dock.setVisible(True)
        if not spread:
            self.resizeDocks([self.panel_dock], [self._panel_px], Qt.Horizontal)

    def _tell_settings_problem(self) -> None:
        """Say once that the settings could not be read or written; the window goes on with what it has."""
        problem = self.viewer.settings.problem
        if problem and problem != self._told_problem:
            ended = problem if problem.endswith(".") else f"{problem}."
            self.viewer.banners.show_warning(f"{ended} The settings last only as long as this window.")
        self._told_problem = problem

    def _on_layout_changed(self) -> None:
        shown = self.viewer.views.background
        views = self.viewer.views
        if shown is not None and not views.maximised and views.layout != STACK_LAYOUT:
            self._layouts[f"layout_{shown.volume.modality}"] = self.viewer.views.layout

    def _on_node_added(self, node: VolumeNode) -> None:
        """Lay the views out as they were for this modality the last time, where nothing was loaded before."""
        wanted = self._layouts.get(f"layout_{node.volume.modality}", "")
        if len(self.viewer.scene.nodes) == 1 and wanted in LAYOUTS:
            self.viewer.views.set_layout(wanted)

    def _on_settings_changed(self, settings: Settings) -> None:
        self._tell_settings_problem()
        application = QApplication.instance()
        if settings.theme != self._theme and isinstance(application, QApplication):
            self._theme = settings.theme
            apply_theme(application, resolve_theme(settings.theme, application))

    # -- what is dropped on it

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders, wherever they are held."""
        if dragged_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand files and folders to the module; with Alt held they are only to be looked at."""
        paths = tuple(Path(path) for path in dragged_paths(event.mimeData()))
        if paths:
            event.acceptProposedAction()
            is_look = bool(event.keyboardModifiers() & Qt.AltModifier)
            (self.viewer.quick_look_requested if is_look else self.viewer.paths_dropped).emit(paths)

    def _on_targets_dropped(self, view: str, targets: tuple[str, ...]) -> None:
        self.viewer.targets_dropped.emit(TargetsDropped(view, targets))

    # -- what the settings remember

    def _remember(self) -> None:
        if not self._remembers:
            return
        views = self.viewer.views
        chosen = {"layout": views.layout, "overlays": views.overlays}
        kept = {
            **self.viewer.settings.value.window,
            "geometry": base64.b64encode(bytes(self.saveGeometry())).decode(),
            "state": base64.b64encode(bytes(self.saveState())).decode(),
            **self._layouts,
            "anonymous": "yes" if views.anonymous else "",
            **{name: value for name, value in chosen.items() if views.asked.get(name) != value},
        }
        self.viewer.settings.change(window=kept)

    def _restore(self) -> None:
        kept = self.viewer.settings.value.window if self._remembers else {}
        self._layouts.update((name, kept[name]) for name in kept if name.startswith("layout_"))
        self.resize(1280, 800)
        if kept.get("geometry"):
            self.restoreGeometry(QByteArray.fromBase64(kept["geometry"].encode()))
        if kept.get("state"):
            self.restoreState(QByteArray.fromBase64(kept["state"].encode()))
        self.viewer.views.set_anonymous(bool(kept.get("anonymous")))
        for change, name in ((self.viewer.views.set_layout, "layout"), (self.viewer.views.set_overlays, "overlays")):
            try:
                if name in kept:
                    change(kept[name])
            except SettingsError as error:  # of another version; the default stays
                self.viewer.banners.show_warning(str(error))
