"""The dock at the right: what is loaded, and the filters that make new volumes of it."""

from __future__ import annotations

from DICOMModule.widgets.dialogs.process_panel import ProcessPanel
from DICOMModule.widgets.dialogs.scene_panel import ScenePanel
from DICOMModule.widgets.qt import QVBoxLayout, QWidget
from DICOMModule.widgets.section import Section
from DICOMModule.widgets.viewer import Viewer


class SceneDock(QWidget):
    """The scene's nodes, and below them the filters.

    Parameters
    ----------
    viewer : Viewer
        Scene, views, jobs and banners.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scene = ScenePanel(viewer)
        self.process = ProcessPanel(viewer)
        self.scene.export_requested.connect(viewer.export_requested.emit)
        self.scene.list.selectionModel().selectionChanged.connect(lambda *_changes: self._on_selection_changed())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 8, 4)
        layout.setSpacing(8)
        layout.addWidget(Section("Scene", self.scene), 1)
        layout.addWidget(Section("Process", self.process))

    def _on_selection_changed(self) -> None:
        """Let the filters take what is selected; else what the active view shows."""
        selected = self.scene.selected
        self.process.set_input(selected[0].id if len(selected) == 1 else "")
