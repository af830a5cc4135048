"""The dialogs about what is in the database, each made when it is first wished, all of one Logic."""

from __future__ import annotations

from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.selection import Selection
from DICOMModule.widgets.dialogs.examine_panel import ExaminePanel
from DICOMModule.widgets.dialogs.metadata_comparison import MetadataComparison
from DICOMModule.widgets.dialogs.metadata_viewer import MetadataViewer
from DICOMModule.widgets.dialogs.varying_tags import VaryingTags
from DICOMModule.widgets.qt import QWidget
from DICOMModule.widgets.scene_loading import SceneLoader
from DICOMModule.widgets.viewer import Viewer


class DatabaseDialogs:
    """Shows them, and closes them with the database; `use` says which that is.

    Parameters
    ----------
    viewer : Viewer
        Jobs and settings.
    window : QWidget
        Beside which they stand.

    Attributes
    ----------
    examine, metadata, comparison, varying : dialog or None
        None until it is first wished.
    """

    _logic: DICOMModuleLogic
    _loader: SceneLoader

    def __init__(self, viewer: Viewer, window: QWidget) -> None:
        self._viewer = viewer
        self._window = window
        self.examine: ExaminePanel | None = None
        self.metadata: MetadataViewer | None = None
        self.comparison: MetadataComparison | None = None
        self.varying: VaryingTags | None = None

    def use(self, logic: DICOMModuleLogic, loader: SceneLoader) -> None:
        """Show what is in another database; `loader` loads what is chosen."""
        self.close()
        self._logic, self._loader = logic, loader

    def close(self) -> None:
        """Close them; they are made anew when they are wished again."""
        for dialog in (self.examine, self.metadata, self.comparison, self.varying):
            if dialog is not None:
                dialog.close()
                dialog.deleteLater()
        self.examine = self.metadata = self.comparison = self.varying = None

    def show_examine(self, selection: Selection) -> None:
        """Show what the selection can be loaded as."""
        if self.examine is None:
            self.examine = ExaminePanel(self._logic, self._viewer, self._window)
            self.examine.load_requested.connect(self._loader.load_loadables)
        self.examine.show_targets(selection.targets, selection.text)

    def show_metadata(self, selection: Selection) -> None:
        """Show the data elements of what is selected first."""
        if self.metadata is None:
            self.metadata = MetadataViewer(self._logic, self._viewer, self._window)
            self.metadata.compare_requested.connect(self._compare)
        self.metadata.show_target(selection.targets[0])

    def show_comparison(self, selection: Selection) -> None:
        """Show the first two of the selection side by side; of a single one, its first two instances."""
        self._compare(*selection.targets[:2])

    def show_varying(self, selection: Selection) -> None:
        """Show what varies among the instances of what is selected first."""
        if self.varying is None:
            self.varying = VaryingTags(self._logic, self._viewer, self._window)
        self.varying.show_target(selection.targets[0], selection.text)

    def _compare(self, first: str, second: str = "") -> None:
        if self.comparison is None:
            self.comparison = MetadataComparison(self._logic, self._viewer, self._window)
        self.comparison.show_targets(first, second)
