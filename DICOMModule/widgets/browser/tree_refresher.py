"""Keeps the tree's model up to date: runs what it needs as quiet jobs, one at a time, the newest wish first."""

from __future__ import annotations

from typing import Final

from DICOMModule.database import DicomDatabase
from DICOMModule.database.list_query import PatientOrder
from DICOMModule.widgets.browser.tree_model import DatabaseTreeModel
from DICOMModule.widgets.browser.tree_reader import PAGE, FirstPage, Refreshed, first_page_job, refresh_job
from DICOMModule.widgets.job_runner import Failure, JobHandle, JobRunner
from DICOMModule.widgets.qt import QObject, pyqtSignal

SEARCHED: Final = 50
"""Patients that a search shows at first, more than a screen of them: each is laid out before the next key is heard."""


class TreeRefresher(QObject):
    """Fills a model and refreshes it.

    Parameters
    ----------
    model : DatabaseTreeModel
        What is filled.
    jobs : JobRunner
        Where it is read.

    Attributes
    ----------
    owner : object or None
        Whose database it is: what is settled before that is closed.
    order : str
        In which patients are listed.
    rows_in_use : int
        So many rows are read at once without a search: what was unfolded or selected before it is among them.

    Signals
    -------
    shown
        The first page of another search or database is there.
    refreshed
        The model says what the database says.
    failed : str
        The database could not be read; the sentence says why. What is shown stays.
    """

    shown = pyqtSignal()
    refreshed = pyqtSignal()
    failed = pyqtSignal(str)

    def __init__(self, model: DatabaseTreeModel, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._jobs = jobs
        self._handle: JobHandle | None = None
        self._turn = 0
        self._again: bool | None = None
        self._stopped = False
        self.search = ""
        self.rows_in_use = 0
        self.order: PatientOrder = "name"
        self.owner: object | None = None
        model.more_wished.connect(self._on_more_wished)

    @property
    def is_busy(self) -> bool:
        """Whether something is being read."""
        return self._handle is not None

    def stop(self) -> None:
        """Read nothing any more."""
        self._stopped = True
        self._cancel()

    def show_database(self, database: DicomDatabase | None, search: str) -> None:
        """Show what a search finds in a database; overtakes whatever else was wished."""
        self._cancel()
        is_same = database is self._model.database and not search
        limit = max(PAGE, self.rows_in_use) if is_same else min(PAGE, SEARCHED) if search else PAGE
        self.search = search
        if database is not self._model.database:
            self._model.set_database(database)
        if database is None or self._stopped:
            return
        turn, order = self._turn, self.order
        self._handle = self._jobs.run(
            "Reading the patients",
            lambda: first_page_job(database, search, limit, order),
            on_success=lambda page: self._on_page_read(turn, page),
            on_failure=lambda failure: self._on_failed(turn, failure),
            on_cancelled=lambda: self._on_cancelled(turn),
            quiet=True,
            owner=self.owner,
        )

    def refresh(self, *, deep: bool = False) -> None:
        """Read again what is shown; wishes that come meanwhile are one further time.

        Parameters
        ----------
        deep : bool
            Also below what has not changed itself.
        """
        database = self._model.database
        if database is None or self._stopped:
            return
        if self._handle is not None:
            self._again = deep or bool(self._again)
            return
        turn, plan, order = self._turn, self._model.plan(deep=deep), self.order
        self._handle = self._jobs.run(
            "Reading what has changed",
            lambda: refresh_job(database, plan, order),
            on_success=lambda found: self._on_refresh_read(turn, found),
            on_failure=lambda failure: self._on_failed(turn, failure),
            on_cancelled=lambda: self._on_cancelled(turn),
            quiet=True,
            owner=self.owner,
        )

    def _cancel(self) -> None:
        self._turn += 1
        self._again = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _on_page_read(self, turn: int, page: FirstPage) -> None:
        if turn == self._turn:
            self._handle = None
            self._model.show_page(page)
            self.shown.emit()
            self._go_on()

    def _on_refresh_read(self, turn: int, found: Refreshed) -> None:
        if turn == self._turn:
            self._handle = None
            if self._model.apply(found):
                self.refreshed.emit()
            else:
                self._again = found.plan.deep or bool(self._again)  # more was opened meanwhile than was read
            self._go_on()

    def _on_more_wished(self) -> None:
        self.refresh()

    def _on_failed(self, turn: int, failure: Failure) -> None:
        if turn == self._turn:
            self._handle = None
            self._again = None
            self.failed.emit(failure.text)

    def _on_cancelled(self, turn: int) -> None:
        """Be free for the next wish; whoever cancelled does not want this one."""
        if turn == self._turn:
            self._handle = None
            self._again = None

    def _go_on(self) -> None:
        if self._again is not None:
            deep, self._again = self._again, None
            self.refresh(deep=deep)
