"""Opens the database in the background and counts what is in it."""

from __future__ import annotations

from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DatabaseNotFoundError
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.job_runner import Failure, JobHandle, JobRunner
from DICOMModule.widgets.qt import QObject, pyqtSignal


class DatabaseWatch(QObject):
    """The database of a Logic, once it is open.

    Signals
    -------
    opened : DicomDatabase or None
        It is open; None: there is none yet.
    failed : str
        It cannot be opened; the sentence says why.
    counted : int
        How many studies the newest search finds.
    """

    opened = pyqtSignal(object)
    failed = pyqtSignal(str)
    counted = pyqtSignal(int)

    def __init__(self, logic: DICOMModuleLogic, jobs: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._logic = logic
        self._jobs = jobs
        self._opening: JobHandle | None = None
        self._counting = self._again = False
        self._wanted = ""
        self._stopped = False
        self.database: DicomDatabase | None = None

    def set_logic(self, logic: DICOMModuleLogic) -> None:
        """Open another one."""
        self._logic = logic
        self._opening = None
        self._counting = self._again = False
        self.database = None
        self.open()

    def stop(self) -> None:
        """Do nothing any more."""
        self._stopped = True

    def open(self) -> None:
        """Open it, once at a time: it may have to be mended first, which takes longer than the window may wait."""
        if self._stopped or self._opening is not None:
            return
        logic = self._logic
        self._opening = self._jobs.run(
            "Opening the database",
            lambda: call_job(lambda: _opened(logic)),
            on_success=lambda database: self._on_opened(logic, database),
            on_failure=lambda failure: self._on_failed(logic, failure),
            on_cancelled=lambda: self._on_opening_cancelled(logic),
            quiet=True,
            owner=logic,
        )

    def count(self, search: str) -> None:
        """Count the studies that a search finds, one count at a time; `counted` tells of the newest search alone."""
        self._wanted = search
        database = self.database
        if database is None or self._stopped:
            return
        if self._counting:
            self._again = True
            return
        self._counting = True
        self._jobs.run(
            "Counting the studies",
            lambda: call_job(lambda: _count(database, search)),
            on_success=lambda number: self._on_counted(database, search, number),
            on_failure=lambda _failure: self._on_counted(database, search, 0),
            on_cancelled=lambda: self._on_count_cancelled(database),
            quiet=True,
            owner=self._logic,
        )

    def _on_opened(self, logic: DICOMModuleLogic, database: DicomDatabase | None) -> None:
        if logic is self._logic:
            self._opening = None
            self.database = database
            self.opened.emit(database)

    def _on_failed(self, logic: DICOMModuleLogic, failure: Failure) -> None:
        if logic is self._logic:
            self._opening = None
            self.failed.emit(failure.text)

    def _on_opening_cancelled(self, logic: DICOMModuleLogic) -> None:
        if logic is self._logic:
            self._opening = None

    def _on_count_cancelled(self, database: DicomDatabase) -> None:
        if database is self.database:
            self._counting = self._again = False

    def _on_counted(self, database: DicomDatabase, search: str, number: int) -> None:
        if database is not self.database:
            return
        self._counting = False
        if search == self._wanted:
            self.counted.emit(number)
        if self._again:
            self._again = False
            self.count(self._wanted)


def _opened(logic: DICOMModuleLogic) -> DicomDatabase | None:
    try:
        return logic.database()
    except DatabaseNotFoundError:
        return None


def _count(database: DicomDatabase, search: str) -> int:
    return database.count_studies(search=search) if search else database.counts()[1]
