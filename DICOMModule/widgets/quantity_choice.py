"""Shows a node's values as another quantity, made in a job."""

from __future__ import annotations

from dataclasses import replace

from DICOMModule.errors import plain_text
from DICOMModule.jobs import Job
from DICOMModule.scene import VolumeDisplay
from DICOMModule.scene.quantities import quantity_job
from DICOMModule.scene.window_presets import display_of_value
from DICOMModule.views.prepared import prepare_job
from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.qt import QObject
from DICOMModule.widgets.viewer import Viewer


class QuantityChoice(QObject):
    """Does what the views ask for: the values as they were loaded, or a quantity that follows from them.

    Parameters
    ----------
    viewer : Viewer
        Scene, views, jobs and banners.
    """

    def __init__(self, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        viewer.views.quantity_requested.connect(self.choose)

    def choose(self, node_id: str, name: str) -> None:
        """Show a node as the quantity of this name, or, for an empty one, as it was loaded; the window is the usual one."""
        node = self._viewer.scene.node(node_id)
        if node.quantity == name:
            return
        loaded = node.loaded
        self._viewer.jobs.run(
            f"Showing {plain_text(node.name)} as {plain_text(name) or 'it was loaded'}",
            lambda: _prepared_quantity_job(loaded, name),
            on_success=lambda made: self._on_made(node_id, loaded, made, name),
            on_failure=self._viewer.banners.show_failure,
            may_retry=False,  # it would hold its volume; the menu is still there
        )

    def _on_made(self, node_id: str, loaded: Volume | VolumeSequence, made: Volume | VolumeSequence, name: str) -> None:
        latest = next((node for node in self._viewer.scene.nodes if node.id == node_id), None)
        if latest is not None and latest.loaded is loaded:
            self._viewer.scene.replace(latest.showing(made, name, usual_display(made, latest.display)))


def usual_display(value: Volume | VolumeSequence, before: VolumeDisplay) -> VolumeDisplay:
    """Return the display that `value` has at first, with colours and opacity as before."""
    first = display_of_value(value)
    return replace(before, window=first.window, function=first.function, inverted=first.inverted)


def _prepared_quantity_job(value: Volume | VolumeSequence, name: str) -> Job[Volume | VolumeSequence]:
    made = yield from quantity_job(value, name)
    yield from prepare_job(made)
    return made
