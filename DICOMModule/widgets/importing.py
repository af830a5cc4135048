"""Imports from the window: starts them, lets the tree grow meanwhile, and tells what came of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from DICOMModule.database import ImportReport
from DICOMModule.dicom.inbox import Inbox
from DICOMModule.errors import plain_text
from DICOMModule.jobs import Job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.targets import EXAMINING
from DICOMModule.verbs.inbox import InboxReport
from DICOMModule.widgets.dialogs.import_dialog import ImportProgress, ImportRequest
from DICOMModule.widgets.dialogs.import_outcome import (
    cancelled_sentence,
    needs_attention,
    outcome_note,
    summary_sentence,
)
from DICOMModule.widgets.dialogs.import_summary import ImportSummary
from DICOMModule.widgets.job_runner import Failure, JobHandle, JobState
from DICOMModule.widgets.qt import QObject, QTimer, QWidget, pyqtSignal
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

T = TypeVar("T")
GROWTH_MS: Final = 500


class Importer(QObject):
    """Runs imports into one database.

    Parameters
    ----------
    logic : DICOMModuleLogic
        On the database.
    viewer : Viewer
        Jobs and banners.
    progress : ImportProgress
        The row that tells how far the latest import has come.

    Signals
    -------
    grown
        Something may have come into the database; every half second while an import runs, and at its end.
    busy_changed : bool
        The first of several imports has begun, or the last is over.
    """

    grown = pyqtSignal()
    busy_changed = pyqtSignal(bool)

    def __init__(
        self, logic: DICOMModuleLogic, viewer: Viewer, progress: ImportProgress, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._logic = logic
        self._viewer = viewer
        self._progress = progress
        self._window = parent
        self._summary: ImportSummary | None = None
        self._running = 0
        self._outcome: tuple[str, Callable[[], object]] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(GROWTH_MS)
        self._timer.timeout.connect(self.grown)
        viewer.jobs.ended.connect(self._on_job_ended)

    def start(
        self, request: ImportRequest, *, tell: bool = True, then: Callable[[ImportReport], object] | None = None
    ) -> JobHandle:
        """Import what was asked for; where all is well, `tell` says so in a banner, and `then` goes on with the report."""
        paths = request.paths
        what = counted(len(paths), "file or folder", "files and folders")
        if len(paths) == 1 and not self._viewer.views.anonymous:  # folders are called after patients
            what = plain_text(paths[0].name or str(paths[0]))
        return self._run(
            f"Importing {what}",
            lambda: self._logic.import_job(paths, copy=request.copy),
            lambda report: self._on_finished(report, request.copy, tell, then),
        )

    def retry(self, event: int, *, copied: bool | None = None) -> JobHandle:
        """Import again what the import with the number `event` rejected, or all of one that did not come to its end."""
        return self._run(
            "Importing again",
            lambda: self._logic.retry_job(event),
            lambda report: self._on_finished(report, copied, True, None),
        )

    def take_from_inbox(self, inbox: Inbox, paths: tuple[Path, ...], *, remove: bool) -> JobHandle:
        """Copy what has arrived in a watched folder; where nothing of it is new, no banner says so."""

        def on_success(taken: InboxReport) -> None:
            self._on_finished(taken.report, True, bool(taken.report.added + taken.report.updated), None)

        return self._run(
            "Importing what arrived in the inbox",
            lambda: self._logic.take_from_inbox_job(inbox, paths, remove=remove),
            on_success,
            may_retry=False,  # they are offered again by themselves
        )

    def _run(
        self, title: str, make: Callable[[], Job[T]], on_success: Callable[[T], object], *, may_retry: bool = True
    ) -> JobHandle:
        handle = self._viewer.jobs.run(
            title, make, on_success=on_success, on_failure=self._on_failed, owner=self._logic, may_retry=may_retry
        )
        handle.ended.connect(lambda: self._on_ended(handle))
        self._progress.bind(handle)
        self._running += 1
        self._timer.start()
        self.busy_changed.emit(True)
        return handle

    def close(self) -> None:
        """Close the summary, if one is shown."""
        self._timer.stop()
        if self._summary is not None:
            self._summary.close()
            self._summary.deleteLater()
            self._summary = None

    def _on_finished(
        self, report: ImportReport, copied: bool | None, tell: bool, then: Callable[[ImportReport], object] | None
    ) -> None:
        sentence = summary_sentence(report, copied=copied)
        show = [("Show details", lambda: self._show_summary(report, copied))]
        if needs_attention(report):
            self._viewer.banners.show_warning(sentence, actions=show)
        elif tell:
            self._viewer.banners.show_info(sentence, actions=show)
        if then is not None:
            then(report)
        self._outcome = outcome_note(report), lambda: self._show_summary(report, copied)

    def _on_failed(self, failure: Failure) -> None:
        self._viewer.banners.show_failure(failure)

    def _on_job_ended(self, handle: JobHandle) -> None:
        """Let the list of jobs tell what came of an import, also of another try, whose handle is not that of `start`."""
        if self._outcome is not None:
            (handle.note, handle.on_details), self._outcome = self._outcome, None
            handle.changed.emit()

    def _on_ended(self, handle: JobHandle) -> None:
        self._running -= 1
        if not self._running:
            self._timer.stop()
            self.busy_changed.emit(False)
        self.grown.emit()
        if handle.state is JobState.CANCELLED:
            progress = handle.progress
            seen = 0 if progress.text == EXAMINING else progress.done  # then it counts series
            self._viewer.banners.show_info(cancelled_sentence(seen))

    def _show_summary(self, report: ImportReport, copied: bool | None) -> None:
        if self._summary is None:
            self._summary = ImportSummary(self._viewer, self._window)
            self._summary.retry_requested.connect(self._on_retry_requested)
        self._retry_copies = copied
        self._summary.show_report(report, copied=copied)

    def _on_retry_requested(self, event: int) -> None:
        self.retry(event, copied=self._retry_copies)
