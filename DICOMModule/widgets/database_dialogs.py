"""The dialogs about what is in the database, each imported and made when it is first wished, all of one Logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from DICOMModule.database import ImportEvent
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.importing import Importer
from DICOMModule.widgets.qt import QWidget
from DICOMModule.widgets.scene_loading import SceneLoader
from DICOMModule.widgets.viewer import Viewer

if TYPE_CHECKING:
    from DICOMModule.widgets.dialogs.examine_panel import ExaminePanel
    from DICOMModule.widgets.dialogs.import_history import ImportHistoryDialog
    from DICOMModule.widgets.dialogs.metadata_comparison import MetadataComparison
    from DICOMModule.widgets.dialogs.metadata_viewer import MetadataViewer
    from DICOMModule.widgets.dialogs.trash_dialog import TrashDialog
    from DICOMModule.widgets.dialogs.varying_tags import VaryingTags


class DatabaseDialogs:
    """Shows them, and closes them with the database; `use` says which that is.

    Parameters
    ----------
    viewer : Viewer
        Jobs and settings.
    window : QWidget
        Beside which they stand.
    on_changed : callable
        Shows the database anew.

    Attributes
    ----------
    examine, metadata, comparison, varying, trash, history : dialog or None
        None until it is first wished.
    """

    _logic: DICOMModuleLogic
    _loader: SceneLoader
    _importer: Importer

    def __init__(self, viewer: Viewer, window: QWidget, on_changed: Callable[[], object]) -> None:
        self._viewer = viewer
        self._on_changed = on_changed
        self._window = window
        self.examine: ExaminePanel | None = None
        self.metadata: MetadataViewer | None = None
        self.comparison: MetadataComparison | None = None
        self.varying: VaryingTags | None = None
        self.trash: TrashDialog | None = None
        self.history: ImportHistoryDialog | None = None

    def use(self, logic: DICOMModuleLogic, loader: SceneLoader, importer: Importer) -> None:
        """Show what is in another database; `loader` loads what is chosen, `importer` tries imports again."""
        self.close()
        self._logic, self._loader, self._importer = logic, loader, importer

    def close(self) -> None:
        """Close them; they are made anew when they are wished again."""
        dialogs = (self.examine, self.metadata, self.comparison, self.varying, self.trash, self.history)
        for dialog in dialogs:
            if dialog is not None:
                dialog.close()
                dialog.deleteLater()
        self.examine = self.metadata = self.comparison = self.varying = self.trash = self.history = None

    def show_examine(self, selection: Selection) -> None:
        """Show what the selection can be loaded as."""
        if self.examine is None:
            from DICOMModule.widgets.dialogs.examine_panel import ExaminePanel

            self.examine = ExaminePanel(self._logic, self._viewer, self._window)
            self.examine.load_requested.connect(self._loader.load_loadables)
        self.examine.show_targets(selection.targets, selection.text)

    def show_metadata(self, selection: Selection) -> None:
        """Show the data elements of what is selected first."""
        if self.metadata is None:
            from DICOMModule.widgets.dialogs.metadata_viewer import MetadataViewer

            self.metadata = MetadataViewer(self._logic, self._viewer, self._window)
            self.metadata.compare_requested.connect(self._compare)
        self.metadata.show_target(selection.targets[0])

    def show_comparison(self, selection: Selection) -> None:
        """Show the first two of the selection side by side; of a single one, its first two instances."""
        self._compare(*selection.targets[:2])

    def show_varying(self, selection: Selection) -> None:
        """Show what varies among the instances of what is selected first."""
        if self.varying is None:
            from DICOMModule.widgets.dialogs.varying_tags import VaryingTags

            self.varying = VaryingTags(self._logic, self._viewer, self._window)
        self.varying.show_target(selection.targets[0], selection.text)

    def show_trash(self) -> None:
        """Show what was deleted."""
        if self.trash is None:
            from DICOMModule.widgets.dialogs.trash_dialog import TrashDialog

            self.trash = TrashDialog(self._logic, self._viewer, self._on_changed, self._window)
        self.trash.show_trash()

    def show_history(self) -> None:
        """Show which imports there were."""
        if self.history is None:
            from DICOMModule.widgets.dialogs.import_history import ImportHistoryDialog

            self.history = ImportHistoryDialog(self._logic, self._viewer, self._window)
            self.history.retry_requested.connect(self._retry)
        self.history.show_history()

    def _retry(self, event: ImportEvent) -> None:
        self._importer.retry(event.event, copied=event.copied)
        if self.history is not None:
            self.history.read()

    def _compare(self, first: str, second: str = "") -> None:
        if self.comparison is None:
            from DICOMModule.widgets.dialogs.metadata_comparison import MetadataComparison

            self.comparison = MetadataComparison(self._logic, self._viewer, self._window)
        self.comparison.show_targets(first, second)
