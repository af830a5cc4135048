"""Counting, in a quiet job, the files of what is to go out: a dialog is told for as long as it wants to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from DICOMModule.widgets.job_runner import Failure, JobHandle

if TYPE_CHECKING:
    from DICOMModule.export.copy_report import CopyPreview
    from DICOMModule.logic import DICOMModuleLogic
    from DICOMModule.widgets.viewer import Viewer


class FileCounting:
    """One count of the files of `targets`; it begins at once.

    Parameters
    ----------
    on_counted, on_failed : callable
        Is called in the end, in the thread of the window: with what goes, or with the sentence that says why nobody knows.

    Attributes
    ----------
    preview : CopyPreview or None
        What was counted.
    """

    def __init__(
        self,
        viewer: Viewer,
        logic: DICOMModuleLogic,
        targets: Sequence[str],
        on_counted: Callable[[CopyPreview], object],
        on_failed: Callable[[str], object],
    ) -> None:
        self.preview: CopyPreview | None = None
        self._on_counted, self._on_failed = on_counted, on_failed
        self._handle: JobHandle | None = viewer.jobs.run(
            "Counting files",
            lambda: logic.copy_preview_job(targets),
            on_success=self._counted,
            on_failure=self._failed,
            quiet=True,
            owner=logic,
        )

    @property
    def is_running(self) -> bool:
        """Whether nobody has been told yet."""
        return self._handle is not None

    def let_go(self) -> None:
        """Count no more, and tell nothing: a job that has just ended would, and the form may be gone."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.cancel()

    def _counted(self, preview: CopyPreview) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self.preview = preview
            self._on_counted(preview)

    def _failed(self, failure: Failure) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._on_failed(failure.text)
