"""What the browser asks others for: its signals, and the keys and the menu that emit them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.context_menu import context_menu
from DICOMModule.widgets.browser.file_actions import FileActions
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.browser.spread_table import SpreadTable
from DICOMModule.widgets.browser.tree_view import DatabaseTreeView
from DICOMModule.widgets.qt import QPoint, Qt, QWidget, pyqtBoundSignal, pyqtSignal
from DICOMModule.widgets.viewer import Viewer


class BrowserRequests(QWidget):
    """The part of the browser that says what is to be done with what is selected.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Knows where files lie.
    viewer : Viewer
        Jobs and banners.

    Signals
    -------
    selection_changed : Selection
        Something else is selected, or what is selected has changed.
    load_requested, examine_requested, metadata_requested, delete_requested : Selection
        Enter, a double click on a series, or the context menu.
    compare_requested, varying_requested : Selection
        Two things side by side; what varies in one.
    labels_requested, note_requested : Selection
        Labels and notes are to be written.
    export_requested : Selection
        Export Slicer Data to Study….
    copy_requested : Selection
        Export to disk….
    send_requested : Selection
        Files to a server.
    import_requested
        The button of the empty browser.
    trash_requested, history_requested
        What was deleted, and what was imported when, are to be seen.
    """

    selection_changed = pyqtSignal(object)
    load_requested = pyqtSignal(object)
    examine_requested = pyqtSignal(object)
    metadata_requested = pyqtSignal(object)
    compare_requested = pyqtSignal(object)
    varying_requested = pyqtSignal(object)
    labels_requested = pyqtSignal(object)
    note_requested = pyqtSignal(object)
    delete_requested = pyqtSignal(object)
    export_requested = pyqtSignal(object)
    send_requested = pyqtSignal(object)
    copy_requested = pyqtSignal(object)
    import_requested = pyqtSignal()
    trash_requested = pyqtSignal()
    history_requested = pyqtSignal()

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.files = FileActions(logic, viewer, self)

    @property
    def selection(self) -> Selection:
        """What is selected."""
        raise NotImplementedError

    def connect_keys(self, view: DatabaseTreeView | SpreadTable) -> None:
        """Ask for what the keys and double clicks of a view wish."""
        view.load_requested.connect(partial(self._ask, self.load_requested))
        view.delete_requested.connect(partial(self._ask, self.delete_requested))
        view.copy_uid_requested.connect(self.files.copy_uids)

    def show_menu(self, place: QPoint) -> None:
        """Show the context menu of what is selected at a place of the screen."""
        selection = self.selection
        if not selection.targets:
            return
        acts: dict[str, Callable[[Selection], object]] = {
            "load": self.load_requested.emit,
            "examine": self.examine_requested.emit,
            "metadata": self.metadata_requested.emit,
            "compare": self.compare_requested.emit,
            "varying": self.varying_requested.emit,
            "label": self.labels_requested.emit,
            "note": self.note_requested.emit,
            "reveal": self.files.reveal,
            "copy_path": self.files.copy_paths,
            "copy_uid": self.files.copy_uids,
            "export": self.export_requested.emit,
            "send": self.send_requested.emit,
            "copy": self.copy_requested.emit,
            "delete": self.delete_requested.emit,
        }
        menu = context_menu(selection, acts, self)
        menu.setAttribute(Qt.WA_DeleteOnClose)
        menu.popup(place)

    @staticmethod
    def _ask(told: pyqtBoundSignal, selection: Selection) -> None:
        if selection.targets:
            told.emit(selection)
