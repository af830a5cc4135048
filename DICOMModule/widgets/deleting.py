"""Deleting from the database in the window: into the trash, back by Undo, and again by Redo."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from DICOMModule.database import DeleteReport
from DICOMModule.jobs import Job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.banners import Banner
from DICOMModule.widgets.job_runner import JobHandle
from DICOMModule.widgets.undo import UndoStep
from DICOMModule.widgets.viewer import Viewer


class Deletion:
    """One act of deleting, which may be undone and done again.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Deletes.
    viewer : Viewer
        Jobs, banners and the undo stack.
    targets : sequence of str
        As Logic's `delete_job` takes them.
    text : str
        What they are called.
    on_changed : callable
        Shows the database anew.
    """

    def __init__(
        self,
        logic: DICOMModuleLogic,
        viewer: Viewer,
        targets: Sequence[str],
        text: str,
        on_changed: Callable[[], object],
    ) -> None:
        self._logic = logic
        self._viewer = viewer
        self._targets = tuple(targets)
        self._text = text
        self._on_changed = on_changed
        self._trash_id: int | None = None
        self._running: JobHandle | None = None
        self._banner: Banner | None = None
        self._step = UndoStep(f"deleting {text}", self._undo, self._redo, "database")

    def start(self) -> None:
        """Delete in a job; then a banner and the undo stack offer to undo it."""
        self._delete(self._on_first_deleted)

    def _delete(self, on_success: Callable[[DeleteReport], object]) -> None:
        self._run(f"Deleting {self._text}", lambda: self._logic.delete_job(self._targets), on_success)

    def _run(
        self, title: str, make: Callable[[], Job[DeleteReport]], on_success: Callable[[DeleteReport], object]
    ) -> None:
        handle = self._viewer.jobs.run(
            title, make, on_success=on_success, on_failure=self._viewer.banners.show_failure, owner=self._logic
        )
        self._running = handle
        handle.ended.connect(self._on_ended)

    def _undo(self) -> bool:
        trash_id = self._trash_id
        if self._running is not None or trash_id is None:
            return False
        if self._banner is not None:
            self._banner.dismiss()  # what it offers has been done
        self._run(
            f"Restoring {self._text}",
            lambda: self._logic.undo_delete_job(trash_id),
            lambda _report: self._on_changed(),
        )
        return True

    def _redo(self) -> bool:
        if self._running is not None:
            return False
        self._delete(self._on_deleted)
        return True

    def _on_ended(self) -> None:
        self._running = None

    def _on_deleted(self, report: DeleteReport) -> None:
        self._trash_id = report.trash_id
        self._on_changed()

    def _on_first_deleted(self, report: DeleteReport) -> None:
        self._on_deleted(report)
        self._viewer.undo.push(self._step)
        self._banner = self._viewer.banners.show_info(
            f"{self._text} was moved to the trash.", actions=[("Undo", self._on_undo_pressed)]
        )
        self._banner.dismissed.connect(self._on_banner_dismissed)

    def _on_banner_dismissed(self) -> None:
        self._banner = None

    def _on_undo_pressed(self) -> None:
        self._viewer.undo.undo(self._step)
