"""The watched inbox in the window: looks every few seconds, and has imported what is ready."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from DICOMModule.dicom.inbox import SETTLE_S, Inbox
from DICOMModule.jobs import Job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.importing import Importer
from DICOMModule.widgets.job_runner import Failure, JobHandle, JobState
from DICOMModule.widgets.qt import QObject, QTimer
from DICOMModule.widgets.viewer import Viewer

LOOK_EVERY_MS: Final = 3000


class InboxWatch(QObject):
    """Watches the folder that the settings name, for one database.

    A look is a quiet job of a moment; what is ready becomes an import like any other, in the list of jobs, with a banner
    where something came of it. A job that never ended would be asked about whenever the window is closed.

    Parameters
    ----------
    logic : DICOMModuleLogic
        On the database.
    viewer : Viewer
        Jobs, banners and settings.
    importer : Importer
        Runs the imports.
    settle_s : float
        How long a file must not have changed before it is taken.
    """

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, importer: Importer, settle_s: float = SETTLE_S) -> None:
        super().__init__(importer)
        self._logic = logic
        self._viewer = viewer
        self._importer = importer
        self._settle_s = settle_s
        self._inbox: Inbox | None = None
        self._folder = ""
        self._told = ""
        self._turn = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look)

    @property
    def is_on(self) -> bool:
        """Whether a folder is watched."""
        return bool(self._folder)

    def follow(self, folder: str) -> None:
        """Watch another folder, or none where the text is empty."""
        if folder == self._folder:
            return
        self.stop()
        if folder:
            self._folder = folder
            self._timer.start()

    def stop(self) -> None:
        """Watch nothing from now on; an import that runs goes on."""
        self._timer.stop()
        self._turn += 1
        self._folder, self._inbox, self._told = "", None, ""

    def _look(self) -> None:
        turn, folder, inbox = self._turn, Path(self._folder), self._inbox

        def look_job() -> Job[tuple[Inbox, tuple[Path, ...]]]:
            used = inbox or self._logic.open_inbox(folder, self._settle_s)
            ready = yield from used.look_job()
            return used, ready

        self._viewer.jobs.run(
            "Looking into the inbox",
            look_job,
            on_success=lambda found: self._on_looked(turn, *found),
            on_failure=lambda failure: self._on_look_failed(turn, failure),
            quiet=True,
            owner=self._logic,
        )

    def _on_looked(self, turn: int, inbox: Inbox, ready: tuple[Path, ...]) -> None:
        if turn != self._turn:
            return
        self._inbox = inbox
        if inbox.problem and inbox.problem != self._told:
            self._viewer.banners.show_warning(inbox.problem)
        self._told = inbox.problem
        if not ready:
            self._timer.start()
            return
        handle = self._importer.take_from_inbox(inbox, ready, remove=self._viewer.settings.value.inbox_removes)
        handle.ended.connect(lambda: self._on_taken(turn, inbox, handle))

    def _on_look_failed(self, turn: int, failure: Failure) -> None:
        """Say why the folder cannot be watched; it is not tried again until another is chosen."""
        if turn == self._turn:
            self._viewer.banners.show_failure(failure)

    def _on_taken(self, turn: int, inbox: Inbox, handle: JobHandle) -> None:
        if handle.state is not JobState.FINISHED:
            inbox.put_off()
        if turn == self._turn:
            self._timer.start()
