"""DICOMModuleWidget: the module's panel. It makes the three sections and connects them with Logic; the work is theirs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from DICOMModule.database import StudySummary
from DICOMModule.errors import DICOMModuleError
from DICOMModule.export import is_volume_file
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.scripted_module import ScriptedModuleWidget
from DICOMModule.settings import DATABASE_VARIABLE, Settings, folder_of
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.annotating import Annotator
from DICOMModule.widgets.browser.browser import DatabaseBrowser
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.database_dialogs import DatabaseDialogs
from DICOMModule.widgets.deleting import Deletion
from DICOMModule.widgets.dialogs.import_dialog import ask_import, ask_quick_look, import_request_for
from DICOMModule.widgets.growing import GrowingNodes
from DICOMModule.widgets.importing import Importer
from DICOMModule.widgets.inbox_watch import InboxWatch
from DICOMModule.widgets.module_sections import (
    DATABASE,
    SERVERS,
    SLICER_INTERFACE,
    DatabaseSection,
    SlicerInterfaceSection,
)
from DICOMModule.widgets.opening import Opening, Tools
from DICOMModule.widgets.qt import QFileDialog, QVBoxLayout, QWidget
from DICOMModule.widgets.quick_look import QuickLook, QuickLookBar
from DICOMModule.widgets.scene_loading import SceneLoader
from DICOMModule.widgets.section import Section
from DICOMModule.widgets.servers.networking import Networking
from DICOMModule.widgets.viewer import OpenRequest, TargetsDropped, Viewer


class DICOMModuleWidget(ScriptedModuleWidget):
    """The panel of the DICOM module.

    Parameters
    ----------
    parent : QWidget
        Whose layout the panel fills.
    viewer : Viewer
        What the window lends.
    """

    parent: QWidget
    viewer: Viewer

    def setup(self) -> None:
        """Make the sections, open the database where there is one, and listen to the window."""
        self.logic = DICOMModuleLogic(self.viewer.database_folder, self.viewer.scene)
        self._local_database = self.viewer.settings.value.local_database
        self._next_folder: Path | None = None
        self.networking = Networking(self.viewer, self.logic, self.parent.window())
        self.servers = self.networking.section
        self.database = DatabaseSection()
        self.slicer_interface = SlicerInterfaceSection()
        self.browser = DatabaseBrowser(self.logic, self.viewer)
        bar = QuickLookBar()
        self._selected_before: tuple[str, ...] = ()
        self.quick_look = QuickLook(self.viewer, bar, self.parent, self._show_logic)
        bar.keep_requested.connect(self._on_keep_requested)
        bar.close_requested.connect(self.quick_look.end)
        self.quick_look_bar = bar
        self.database.browser_place.addWidget(bar)
        self.database.browser_place.addWidget(self.browser)
        self.sections = {
            SERVERS: Section(SERVERS, self.servers, folded=True),
            DATABASE: Section(DATABASE, self.database),
            SLICER_INTERFACE: Section(SLICER_INTERFACE, self.slicer_interface),
        }
        layout = self.parent.layout()
        if not isinstance(layout, QVBoxLayout):
            layout = QVBoxLayout(self.parent)
        for name, section in self.sections.items():
            layout.addWidget(section, 1 if name == DATABASE else 0)
        self._loader: SceneLoader
        self._growing = GrowingNodes(self.viewer, self.parent)
        self._importer: Importer
        self._inbox: InboxWatch
        self.dialogs = DatabaseDialogs(self.viewer, self.parent.window(), self._on_database_changed)
        self.annotator = Annotator(
            self.logic, self.viewer, self.browser.search_menu, self.parent.window(), self._on_database_changed
        )
        self._use_logic()
        self._connect()
        self._lend()

    def enter(self) -> None:
        """Show what is in the database now."""
        self.browser.refresh()

    def exit(self) -> None:
        """Give the views their place back."""
        self.viewer.views.set_spread(False)

    def cleanup(self) -> None:
        """Let go of the window and close the database."""
        for disconnect in self._disconnects:
            disconnect()
        for name in self._lent:
            self.viewer.actions.pop(name, None)
        self.viewer.views.spread_changed.disconnect(self._on_spread_changed)
        self._close_dialogs()
        self._growing.close()
        self.networking.close()
        self._next_folder = None
        self.browser.stop()
        self.quick_look.close(shown=self.logic)
        self.viewer.jobs.forget_owner(self.logic)
        self.logic.close()

    # -- what is connected with what

    def _connect(self) -> None:
        viewer, browser = self.viewer, self.browser
        self.database.import_requested.connect(self._on_import_requested)
        self.database.copy_requested.connect(lambda: self._on_copy_requested(self.browser.selection))
        self.database.local_database_requested.connect(self._on_local_database_requested)
        self.slicer_interface.load_requested.connect(lambda: self._on_load_requested(self.browser.selection))
        self.slicer_interface.export_requested.connect(lambda: self._on_export_requested(self.browser.selection))
        browser.import_requested.connect(self._on_import_requested)
        browser.selection_changed.connect(self._on_selection_changed)
        browser.load_requested.connect(self._on_load_requested)
        browser.examine_requested.connect(self.dialogs.show_examine)
        browser.metadata_requested.connect(self.dialogs.show_metadata)
        browser.compare_requested.connect(self.dialogs.show_comparison)
        browser.varying_requested.connect(self.dialogs.show_varying)
        browser.labels_requested.connect(self.annotator.ask_labels)
        browser.note_requested.connect(self.annotator.ask_note)
        browser.search_menu.save_requested.connect(lambda: self.annotator.ask_search_name(browser.search_field.text()))
        browser.search_menu.manage_requested.connect(lambda: self.annotator.show_searches(browser.search_for))
        browser.trash_requested.connect(self.dialogs.show_trash)
        browser.history_requested.connect(self.dialogs.show_history)
        browser.send_requested.connect(self._on_send_requested)
        self.database.send_requested.connect(lambda: self._on_send_requested(self.browser.selection))
        self.networking.serve(self.database.query_requested, browser.refresh, lambda: self.quick_look.is_on)
        browser.export_requested.connect(self._on_export_requested)
        browser.copy_requested.connect(self._on_copy_requested)
        browser.delete_requested.connect(self._on_delete_requested)
        viewer.views.spread_changed.connect(self._on_spread_changed)
        self._disconnects = (
            viewer.paths_dropped.connect(self._on_paths_dropped),
            viewer.quick_look_requested.connect(self._on_quick_look_requested),
            viewer.targets_dropped.connect(self._on_targets_dropped),
            viewer.open_requested.connect(self._on_open_requested),
            viewer.export_requested.connect(self._on_node_export_requested),
            viewer.settings.changed.connect(self._on_settings_changed),
            viewer.scene.added.connect(lambda _node: self._on_selection_changed(self.browser.selection)),
            viewer.scene.removed.connect(lambda _node: self._on_selection_changed(self.browser.selection)),
        )

    def _lend(self) -> None:
        """Lend the window what its keys and buttons do here."""
        lent: dict[str, Callable[[], object]] = {
            "import": self._on_import_requested,
            "open": self._on_open_asked,
            "quick_look": self._on_quick_look_asked,
            "close_quick_look": self.quick_look.end,
            "search": self.browser.focus_search,
            "export": lambda: self._on_export_requested(self.browser.selection),
            "label": lambda: self.annotator.ask_labels(self.browser.selection),
            "note": lambda: self.annotator.ask_note(self.browser.selection),
            "query": self.networking.ask_query,
            "send": lambda: self._on_send_requested(self.browser.selection),
            "trash": self.dialogs.show_trash,
            "history": self.dialogs.show_history,
            "preview_back": lambda: self.browser.step_images(-1),
            "preview_on": lambda: self.browser.step_images(1),
        }
        self.viewer.actions.update(lent)
        self._lent = tuple(lent)

    def _use_logic(self) -> None:
        """Let everything work on the database of `logic`."""
        self._close_dialogs()
        self._loader = SceneLoader(self.logic, self.viewer, self.parent)
        self._loader.loaded.connect(lambda: self.viewer.views.set_spread(False))
        self._loader.arrived.connect(self._growing.follow)
        self._growing.use(self.logic)
        self._importer = Importer(self.logic, self.viewer, self.database.progress, self.parent)
        self.dialogs.use(self.logic, self._loader, self._importer)
        self.annotator.use(self.logic)
        if not self.quick_look.is_on:
            self.networking.use(self.logic)
        self._importer.grown.connect(self.browser.refresh)
        self._importer.busy_changed.connect(self.database.show_importing)
        self._inbox = InboxWatch(self.logic, self.viewer, self._importer)
        self._follow_inbox()
        self.database.show_folder(self.logic.database_folder, is_private=self._is_private)
        self.database.show_quick_look(self.quick_look.is_on)

    @property
    def _is_private(self) -> bool:
        """Whether what is shown goes when the window, or the quick look, is closed."""
        own = self.viewer.is_private and self.logic.database_folder == self.viewer.database_folder
        return own or self.quick_look.is_on

    def _show_logic(self, logic: DICOMModuleLogic) -> None:
        """Show another database; what was selected before a quick look is selected again after it."""
        selected = self.browser.selection.targets
        self.logic = logic
        self._use_logic()
        self.browser.set_logic(logic)
        if self.quick_look.is_on:
            self._selected_before = selected
        elif self._selected_before:
            self.browser.select(self._selected_before)
            self._selected_before = ()

    def _close_dialogs(self) -> None:
        if hasattr(self, "_importer"):
            self._inbox.stop()
            self._importer.close()
        self.viewer.undo.forget("database")
        self.dialogs.close()
        self.annotator.close()

    # -- import and the folder

    def _on_import_requested(self) -> None:
        if request := ask_import(self.parent.window(), self.viewer):
            self._importer.start(request)

    def _on_paths_dropped(self, paths: tuple[Path, ...]) -> None:
        # os.path takes what cannot be looked at for what is not there; the import says why
        volumes = [path for path in paths if is_volume_file(path) and os.path.isfile(path)]  # noqa: PTH113
        others = [path for path in paths if path not in volumes]
        if volumes:
            self._loader.load_targets([os.fspath(path) for path in volumes], "volume files")
        if others:
            self._importer.start(import_request_for(others, self.viewer))

    # -- looking without keeping

    def _on_quick_look_asked(self) -> None:
        if request := ask_quick_look(self.parent.window(), self.viewer):
            self._on_quick_look_requested(request)

    def _on_quick_look_requested(self, paths: tuple[Path, ...]) -> None:
        """Open files and folders in a private database; a window that is private as a whole has one."""
        if self._is_private and not self.quick_look.is_on:
            self._on_paths_looked_at(paths)
        else:
            self.quick_look.begin(lambda: self.logic, paths, self._on_paths_looked_at)

    def _on_paths_looked_at(self, paths: tuple[Path, ...]) -> None:
        self._on_open_requested(OpenRequest(tuple(map(os.fspath, paths))))

    def _on_keep_requested(self) -> None:
        request = import_request_for(self.quick_look.paths, self.viewer)
        self.quick_look.end(lambda: self._importer.start(request))

    def _on_local_database_requested(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self.parent.window(), "Folder of the local database", os.fspath(self.logic.database_folder)
        )
        if folder:
            self.use_database(Path(folder))

    def use_database(self, folder: Path) -> None:
        """Work on the database in another folder once no job works on this one; the settings remember it.

        They do not where the environment decides.
        """
        if self.quick_look.is_on:
            self.quick_look.end(lambda: self.use_database(folder))
            return
        waiting = self._next_folder is not None
        if folder == (self._next_folder or self.logic.database_folder):
            return
        self._next_folder = folder
        if not waiting:
            self._close_dialogs()
            self.networking.close_dialogs()
            self.parent.setEnabled(False)
            self.viewer.jobs.when_settled(self.logic, self._on_jobs_settled)

    def _on_jobs_settled(self) -> None:
        folder, self._next_folder = self._next_folder, None
        if folder is None:  # the module was closed meanwhile
            return
        self.parent.setEnabled(True)
        self.viewer.jobs.forget_owner(self.logic)
        self.logic.close()
        self._show_logic(DICOMModuleLogic(folder, self.viewer.scene))
        if DATABASE_VARIABLE not in os.environ:
            self._local_database = os.fspath(folder)
            self.viewer.settings.change(local_database=self._local_database)

    def _on_settings_changed(self, _settings: Settings) -> None:
        """Follow the folder of the database and the inbox when the settings dialog has changed them."""
        self._follow_inbox()
        local = self.viewer.settings.value.local_database
        if local != self._local_database:
            self._local_database = local
            if not self.viewer.is_private and DATABASE_VARIABLE not in os.environ:
                self.use_database(folder_of(local))

    def _follow_inbox(self) -> None:
        """Watch the folder that the settings name, but not for a private database, which is not kept."""
        if self._next_folder is None:
            self._inbox.follow("" if self._is_private else self.viewer.settings.value.inbox_folder)

    # -- what is selected

    def _on_selection_changed(self, selection: Selection) -> None:
        self.database.show_selection(selection)
        self.slicer_interface.show_selection(selection, has_volumes=bool(self.viewer.scene.nodes))

    def _on_load_requested(self, selection: Selection) -> None:
        if selection.targets:
            self._loader.load_targets(selection.targets, selection.text)

    def _on_targets_dropped(self, dropped: TargetsDropped) -> None:
        self._loader.load_targets(dropped.targets, self.browser.selection.text, dropped.view)

    def _on_delete_requested(self, selection: Selection) -> None:
        Deletion(self.logic, self.viewer, selection.targets, selection.text, self.browser.refresh).start()

    def _on_copy_requested(self, selection: Selection) -> None:
        if selection.targets:
            from DICOMModule.widgets.copying import copy_to_disk
            from DICOMModule.widgets.dialogs.copy_dialog import ask_copy

            request = ask_copy(self.parent.window(), self.logic, self.viewer, selection)
            if request is not None:
                copy_to_disk(self.viewer, self.logic, request)

    def _on_send_requested(self, selection: Selection) -> None:
        if selection.targets:
            self.networking.send(self.logic, selection)

    def _on_database_changed(self) -> None:
        self.browser.refresh(deep=True)

    # -- back into the database

    def _on_export_requested(self, selection: Selection, node_id: str = "") -> None:
        if self.quick_look.is_on:
            self.viewer.banners.show_info("Nothing of a quick look is kept: import its files first, then export.")
        elif selection.level == "study" and len(selection.studies) == 1:
            self._ask_export(selection.studies[0], node_id)
        else:
            self.viewer.banners.show_info("Select the study of the new series in the tree first.")

    def _on_node_export_requested(self, node_id: str) -> None:
        """Export a volume to the study that is selected, else to the one that it came from."""
        if self.quick_look.is_on:
            self._on_export_requested(self.browser.selection, node_id)
            return
        own = self._study_of(self.viewer.scene.node(node_id).volume)
        if self.browser.selection.level != "study" and own is not None:
            self._ask_export(own, node_id)
        else:
            self._on_export_requested(self.browser.selection, node_id)

    def _study_of(self, volume: Volume) -> StudySummary | None:
        """Return the study that a volume came from, where the database has it and no other of that UID."""
        if volume.source is None:
            return None
        try:
            found = self.logic.database().studies(study=volume.source.study_instance_uid)
        except DICOMModuleError:  # the export itself will say why
            return None
        return found[0] if len(found) == 1 else None

    def _ask_export(self, study: StudySummary, node_id: str) -> None:
        from DICOMModule.widgets.dialogs.export_dialog import ask_export, export_to_study

        request = ask_export(self.parent.window(), self.logic, self.viewer, study, node_id)
        if request is not None:
            export_to_study(self.viewer, self.logic, request, self._on_exported)

    def _on_exported(self, series_instance_uid: str) -> None:
        self.browser.refresh()
        self.browser.select((series_instance_uid,))

    # -- opening from the command line and by Ctrl+O

    def _on_open_asked(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self.parent.window(), "Open files")
        if paths:
            self._on_open_requested(OpenRequest(tuple(paths)))

    def _on_open_requested(self, request: OpenRequest) -> None:
        if request.targets or request.demo:
            tools = Tools(self.logic, self._importer, self._loader, self.browser)
            Opening(request, tools, self.viewer, self.parent).start()

    def _on_spread_changed(self) -> None:
        spread = self.viewer.views.spread
        self.browser.set_spread(spread)
        self.sections[SERVERS].setVisible(not spread)
