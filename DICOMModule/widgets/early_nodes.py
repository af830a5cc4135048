"""What is shown of a volume while the rest of it is read: nodes that give way to the volume, or go with a load that fails."""

from __future__ import annotations

import contextlib

from DICOMModule.errors import RenderingError
from DICOMModule.jobs import Job, Progress
from DICOMModule.logic import Loaded
from DICOMModule.views.prepared import prepare_job
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.qt import QObject, Qt, pyqtSignal
from DICOMModule.widgets.viewer import Viewer


class EarlyNodes(QObject):
    """Shows what a job tells that can be seen; used from the job's thread, but for `take_away`.

    Parameters
    ----------
    viewer : Viewer
        Scene and views.
    """

    _seen = pyqtSignal(object, str, object)
    _over = pyqtSignal(object)

    def __init__(self, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._nodes: dict[object, str] = {}
        self._seen.connect(self._on_seen, Qt.QueuedConnection)  # type: ignore[call-arg]
        self._over.connect(self.take_away, Qt.QueuedConnection)  # type: ignore[call-arg]

    def followed_job(self, job: Job[Loaded], place: str, view: str, key: object) -> Job[Loaded]:
        """Run a job of several with its place among them before what it says; show what can be seen before it is done.

        Parameters
        ----------
        job : Job of Loaded
            Reads one loadable.
        place : str
            ``"2 of 3: "``, or nothing.
        view : str
            The view to show it in; empty: all.
        key : object
            By which `take_away` is told of it; None: nothing is shown early.
        """
        from DICOMModule.readers.early_views import PartlyRead

        done = False
        try:
            while True:
                step = next(job)
                if key is not None and isinstance(step, PartlyRead) and step.volume is not None:
                    with contextlib.suppress(RenderingError):  # a view that cannot show it says why, once it is whole
                        yield from prepare_job(step.volume)
                        self._seen.emit(step.volume, view, key)
                yield Progress(step.done, step.total, place + step.text)
        except StopIteration as stop:
            done = True
            loaded: Loaded = stop.value
            return loaded
        finally:
            job.close()
            if key is not None and not done:
                self._over.emit(key)

    def _on_seen(self, volume: Volume, view: str, key: object) -> None:
        before = self._nodes.get(key, "")
        self._nodes[key] = self._viewer.scene.add(volume).id
        self._viewer.views.show_background(self._nodes[key], view)
        self._remove(before)

    def take_away(self, key: object) -> None:
        """Remove what was shown early: the volume itself is shown, or there will be none. In the window's thread."""
        self._remove(self._nodes.pop(key, ""))

    def _remove(self, node_id: str) -> None:
        if any(node.id == node_id for node in self._viewer.scene.nodes):
            self._viewer.scene.remove(node_id)
