"""Retrieves from the window: a job a server, a tree that fills meanwhile, and a banner that tells what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from DICOMModule.errors import plain_text
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.banners import Action
from DICOMModule.widgets.copying import MOST_LISTED
from DICOMModule.widgets.job_runner import JobHandle, JobState, Lane
from DICOMModule.widgets.qt import QObject, QTimer, pyqtSignal
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

if TYPE_CHECKING:
    from DICOMModule.network.retrieve_plan import RetrieveKey
    from DICOMModule.network.retrieving import RetrieveReport

GROWTH_MS = 500
UNSEEN = " It is in the local database, which is shown when the quick look is closed."


class Retriever(QObject):
    """Retrieves into one database.

    Parameters
    ----------
    logic : DICOMModuleLogic
        On the database.
    viewer : Viewer
        Jobs, banners and settings.

    Attributes
    ----------
    is_unseen : callable
        Returns whether another database than that is shown: then what came is told with where it is.

    Signals
    -------
    grown
        Something may have come into the database; every half second while something is retrieved.
    ended
        A retrieve is over, and what came has been examined.
    """

    grown = pyqtSignal()
    ended = pyqtSignal()

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._logic = logic
        self._viewer = viewer
        self._running: list[JobHandle] = []
        self.is_unseen: Callable[[], bool] = lambda: False
        self._timer = QTimer(self)
        self._timer.setInterval(GROWTH_MS)
        self._timer.timeout.connect(self.grown)

    def use(self, logic: DICOMModuleLogic) -> None:
        """Retrieve into another database from now on."""
        self._logic = logic

    @property
    def is_busy(self) -> bool:
        """Whether something is being retrieved."""
        return bool(self._running)

    def start(
        self,
        server: str,
        keys: Sequence[RetrieveKey],
        what: str,
        on_done: Callable[[RetrieveReport], object] = lambda _report: None,
    ) -> JobHandle:
        """Retrieve studies and series from one server.

        Parameters
        ----------
        what : str
            What they are called: ``2 studies``.
        on_done : callable
            Called with the report.
        """
        logic, name = self._logic, plain_text(server)
        port = self._viewer.settings.value.listener_port

        again = [("Try again", lambda: self.start(server, keys, what, on_done))]
        title = f"Retrieving {what} from {name}"

        def done(report: RetrieveReport) -> None:
            self._tell(report, name, again)
            on_done(report)

        handle = self._viewer.jobs.run(
            title,
            lambda: logic.retrieve_job(server, tuple(keys), usual_port=port or None),
            on_success=done,
            on_failure=lambda failure: self._viewer.banners.show_failure(failure, again),
            lane=Lane.NETWORK,
            owner=logic,
            may_pause=True,
        )
        self._follow(handle, again[0][1])
        return handle

    def _follow(self, handle: JobHandle, start: Callable[[], object]) -> None:
        """Let the tree grow while it runs, and after it has gone on in another handle."""
        self._running.append(handle)
        self._timer.start()
        handle.ended.connect(lambda: self._on_ended(handle, start))
        handle.retried.connect(lambda other: self._follow(other, start))

    def _on_stopped(self, handle: JobHandle, start: Callable[[], object]) -> None:
        """Say that it has stopped, and offer to fetch the rest; the banner goes with the job's row in the list."""

        def go_on() -> None:
            if handle.can_retry:
                self._viewer.jobs.retry(handle)
            else:  # it was taken out of the list of jobs
                start()

        word = "is paused" if handle.is_paused else "was cancelled"
        banner = self._viewer.banners.show_info(
            f"{handle.title} {word}. What had arrived stays in the database; “Go on” fetches the rest.",
            actions=[("Go on", go_on)],
        )
        handle.retried.connect(banner.dismiss)

    def _on_ended(self, handle: JobHandle, start: Callable[[], object]) -> None:
        self._running.remove(handle)
        if handle.state is JobState.CANCELLED and handle.owner is self._logic:
            self._on_stopped(handle, start)
        if not self._running:
            self._timer.stop()
        self.ended.emit()

    def _tell(self, report: RetrieveReport, name: str, again: Sequence[Action]) -> None:
        sentence = report_sentence(report, name)
        if report.received and self.is_unseen():
            sentence += UNSEEN
        if report.failed or (
            report.expected is not None and report.received + report.already_present < report.expected
        ):
            lines = [plain_text(f"{one.where}: {one.reason}") for one in report.failed]
            more = len(lines) - MOST_LISTED
            details = "\n".join([*lines[:MOST_LISTED], *([f"… and {more:,} more"] if more > 0 else [])])
            self._viewer.banners.show_warning(sentence, details, again)
        else:
            self._viewer.banners.show_info(sentence)


def report_sentence(report: RetrieveReport, name: str) -> str:
    """Return in a few sentences what came of a retrieve."""
    got = counted(report.received, "image or object", "images and objects")
    sentences = [f"Retrieved {got} from {name}." if report.received else f"Nothing new came from {name}."]
    if report.already_present:
        sentences.append(f"{report.already_present:,} {'was' if report.already_present == 1 else 'were'} here already.")
    if report.failed:
        sentences.append(f"{len(report.failed):,} failed.")
    missing = 0
    if report.expected is not None:
        missing = report.expected - report.received - report.already_present - len(report.failed)
    if missing > 0:
        sentences.append(f"{missing:,} of {report.expected:,} that were announced did not come.")
    if report.failed or missing > 0:
        sentences.append(f"The server says: {plain_text(report.status_text)}.")
    return " ".join(sentences)
