"""The import history: which imports there were, how each ended, and what it had to say of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from DICOMModule.database import ImportEvent, ImportProblem
from DICOMModule.errors import DatabaseNotFoundError, plain_text
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.verbs.report_csv import write_report_csv
from DICOMModule.widgets.browser.anonymity import HIDDEN, AnonymousWish
from DICOMModule.widgets.dialogs.file_dialogs import ask_new_file
from DICOMModule.widgets.dialogs.history_texts import event_cells, event_sentence, next_step, outcome_icon
from DICOMModule.widgets.dialogs.import_outcome import TITLES
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.dialogs.state_line import error_label
from DICOMModule.widgets.dialogs.text_table import TextTable, text_table
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import (
    QComboBox,
    QEvent,
    QHBoxLayout,
    QKeySequence,
    QLabel,
    QLineEdit,
    QPushButton,
    QShortcut,
    QSplitter,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import icon, theme
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

EVENT_COLUMNS: Final = ("Begun", "Outcome", "From", "Files", "Taken", "Rejected", "Set aside")
EVENT_WIDTHS_PX: Final = (160, 124, 330, 76, 76, 90, 96)
FROM_COLUMN: Final = 2
PROBLEM_COLUMNS: Final = ("File", "Outcome", "Reason")
PROBLEM_WIDTHS_PX: Final = (360, 124)
MOST_EVENTS: Final = 500
MOST_PROBLEMS: Final = 5000
REST_MS: Final = 250
NUMBER_COLUMNS: Final = frozenset((3, 4, 5, 6))
COLORS: Final = {"ok": "ok", "warning": "warning", "error": "error"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which problems are shown: of which import, of which kind, with which text."""

    event: int
    kind: str | None
    text: str


class ImportHistoryDialog(PanelDialog):
    """Lists imports, latest first, and below what the selected one had to say.

    Parameters
    ----------
    logic : DICOMModuleLogic
        On the database.
    viewer : Viewer
        Jobs and banners.

    Signals
    -------
    retry_requested : ImportEvent
        What it rejected is to be tried again; all of it, where it did not come to its end.
    """

    retry_requested = pyqtSignal(object)

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("history", viewer, parent)
        self.setWindowTitle("Import history")
        self.resize(1060, 640)
        self._logic = logic
        self._reading: JobHandle | None = None
        self._looking: JobHandle | None = None
        self._asked: Asked | None = None
        self.events: tuple[ImportEvent, ...] = ()
        self.problems: tuple[ImportProblem, ...] = ()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._make()
        self._lay_out()
        self._connect()
        self._anonymity = AnonymousWish(viewer.views, self._on_anonymity_changed, self)

    @property
    def current(self) -> ImportEvent | None:
        """The import that is selected."""
        row = self.table.currentIndex().row()
        return self.events[row] if 0 <= row < len(self.events) else None

    @property
    def is_settled(self) -> bool:
        """Whether what is wished is shown."""
        return self._reading is None and self._looking is None and not self._rest.isActive()

    def show_history(self) -> None:
        """Read the history, and show it."""
        self.read()
        self.present()

    def read(self) -> None:
        """Read it anew; the selected import stays selected."""
        if self._reading is not None:
            self._reading.cancel()
        logic = self._logic
        handle = self.viewer.jobs.run(
            "Reading the import history",
            lambda: call_job(lambda: _events(logic)),
            on_success=lambda events: self._on_read(handle, events),
            on_failure=lambda failure: self._on_failed(handle, failure),
            on_cancelled=lambda: self._on_cancelled(handle),
            quiet=True,
            owner=logic,
        )
        self._reading = handle

    def save_csv(self, path: Path) -> None:
        """Write all problems that the filter lets through to a CSV file, in a job; a banner tells what came of it."""
        asked, logic, banners = self._wanted(), self._logic, self.viewer.banners
        if asked is None:
            return
        self.viewer.jobs.run(
            f"Saving {plain_text(path.name)}",
            lambda: call_job(
                lambda: write_report_csv(
                    logic.import_problems(asked.event, asked.kind, asked.text), path, overwrite=True
                )
            ),
            on_success=lambda _nothing: banners.show_info(f"Saved {plain_text(str(path))}."),
            on_failure=banners.show_failure,
            quiet=True,
            owner=logic,
        )

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_rows"):
            self._fill()
        super().changeEvent(event)

    # -- how it is made

    def _make(self) -> None:
        self._rows = TextTable(EVENT_COLUMNS, self.font(), self, numbers=NUMBER_COLUMNS, fixed=False)
        self.table = text_table("Imports", self._rows, EVENT_WIDTHS_PX, FROM_COLUMN)
        self.sentence_label = QLabel()
        self.sentence_label.setTextFormat(Qt.PlainText)
        self.sentence_label.setWordWrap(True)
        self.error_label = error_label()
        self.search_field = QLineEdit()
        self.search_field.setPlaceholderText("Search file or reason…")
        self.search_field.setAccessibleName("Search file or reason")
        self.search_field.setClearButtonEnabled(True)
        self.kind_choice = QComboBox()
        self.kind_choice.setAccessibleName("What became of the files")
        self.kind_choice.addItem("All", None)
        for kind, title in TITLES.items():
            self.kind_choice.addItem(title, kind)
        self.shown_label = QLabel()
        self.shown_label.setProperty("caption", True)
        self._problem_rows = TextTable(PROBLEM_COLUMNS, self.font(), self, fixed=False)
        self.problem_table = text_table("Files that needed a word", self._problem_rows, PROBLEM_WIDTHS_PX)
        self.retry_button = QPushButton("Try again")
        self.csv_button = QPushButton("Save as CSV…")
        self.close_button = QPushButton("Close")
        self.csv_button.setToolTip("Save what the filter lets through as a table")
        self.close_button.setToolTip("Close this list (Esc)")
        for button in (self.retry_button, self.csv_button, self.close_button):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        search = QHBoxLayout()
        search.setSpacing(8)
        search.addWidget(self.search_field, 1)
        search.addWidget(self.kind_choice)
        search.addWidget(self.shown_label)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.sentence_label)
        column.addLayout(search)
        column.addWidget(self.problem_table, 1)
        halves = QSplitter(Qt.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.table)
        halves.addWidget(below)
        halves.setSizes([240, 340])
        last = QHBoxLayout()
        last.setSpacing(8)
        last.addWidget(self.retry_button)
        last.addStretch(1)
        last.addWidget(self.csv_button)
        last.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.error_label)
        layout.addWidget(halves, 1)
        layout.addLayout(last)

    def _connect(self) -> None:
        self.table.selectionModel().currentRowChanged.connect(lambda _now, _before: self._show_current())
        self.search_field.textChanged.connect(lambda _text: self._rest.start())
        self._rest.timeout.connect(self._look)
        self.kind_choice.currentIndexChanged.connect(lambda _index: self._look())
        self.retry_button.clicked.connect(lambda _checked: self._on_retry_clicked())
        self.csv_button.clicked.connect(lambda _checked: self._on_csv_clicked())
        self.close_button.clicked.connect(lambda _checked: self.close())
        self.viewer.jobs.ended.connect(self._on_job_ended)
        QShortcut(QKeySequence(QKeySequence.Find), self).activated.connect(self.search_field.setFocus)

    # -- which imports

    def _on_read(self, handle: JobHandle, events: tuple[ImportEvent, ...]) -> None:
        if handle is self._reading:
            self._reading = None
            self.error_label.hide()
            current = self.current
            self.events = events
            self._asked = None  # one that ran has more to say now
            self._fill(current.event if current is not None else 0)

    def _on_failed(self, handle: JobHandle, failure: Failure) -> None:
        if handle in (self._reading, self._looking):
            self._on_cancelled(handle)
            self.error_label.setText(failure.text)
            self.error_label.show()

    def _on_cancelled(self, handle: JobHandle) -> None:
        if handle is self._reading:
            self._reading = None
        if handle is self._looking:
            self._looking = None

    def _fill(self, number: int = 0) -> None:
        current = number or (self.current.event if self.current is not None else 0)
        anonymous = self.viewer.views.anonymous
        marks = []
        for event in self.events:
            name = outcome_icon(event)
            marks.append(icon(name, getattr(theme(), COLORS.get(name, "dim"))))
        self._rows.set_rows(tuple(event_cells(event, anonymous=anonymous) for event in self.events), (1, marks))
        places = [place for place, event in enumerate(self.events) if event.event == current]
        if self.events:
            self.table.setCurrentIndex(self._rows.index(places[0] if places else 0, 0))
        self._show_current()

    def _show_current(self) -> None:
        event = self.current
        step = next_step(event) if event is not None else ""
        self.sentence_label.setText(event_sentence(event) if event is not None else "Nothing has been imported yet.")
        self.retry_button.setText("Continue this import" if step == "continue" else "Try rejected files again")
        self.retry_button.setToolTip(
            "Import what it was asked for; what is there already is passed over"
            if step == "continue"
            else "Import the files again that were rejected"
        )
        self.retry_button.setEnabled(bool(step))
        self._look()

    # -- what it had to say

    def _wanted(self) -> Asked | None:
        event = self.current
        if event is None:
            return None
        return Asked(event.event, self.kind_choice.currentData(), self.search_field.text().strip())

    def _look(self) -> None:
        asked = self._wanted()
        if asked == self._asked:
            return
        self._asked = asked
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if asked is None:
            self._show_problems(())
            return
        logic = self._logic
        handle = self.viewer.jobs.run(
            "Reading what an import said",
            lambda: call_job(lambda: tuple(logic.import_problems(asked.event, asked.kind, asked.text, MOST_PROBLEMS))),
            on_success=lambda problems: self._on_found(handle, problems),
            on_failure=lambda failure: self._on_failed(handle, failure),
            on_cancelled=lambda: self._on_cancelled(handle),
            quiet=True,
            owner=logic,
        )
        self._looking = handle

    def _on_found(self, handle: JobHandle, problems: Sequence[ImportProblem]) -> None:
        if handle is self._looking:
            self._looking = None
            self._show_problems(problems)

    def _show_problems(self, problems: Sequence[ImportProblem]) -> None:
        self.problems = tuple(problems)
        shown = self.problems
        if self.viewer.views.anonymous:
            shown = tuple(replace(problem, path=HIDDEN) for problem in shown)
        self._problem_rows.set_rows(
            tuple((problem.path, TITLES.get(problem.kind, problem.kind), problem.reason) for problem in shown)
        )
        number = counted(len(shown), "file")
        self.shown_label.setText(f"the first {number}" if len(shown) == MOST_PROBLEMS else number)
        self.csv_button.setEnabled(bool(shown))

    def _on_anonymity_changed(self) -> None:
        self._fill()
        self._show_problems(self.problems)

    # -- what is done

    def _on_retry_clicked(self) -> None:
        if self.current is not None:
            self.retry_requested.emit(self.current)

    def _on_csv_clicked(self) -> None:
        path = ask_new_file(self, self.viewer, "Save the list of files", "import.csv", ("CSV table (*.csv)",))
        if path is not None:
            self.save_csv(path)

    def _on_job_ended(self, _handle: JobHandle) -> None:
        """Follow imports that end meanwhile."""
        if self.isVisible():
            self.read()


def _events(logic: DICOMModuleLogic) -> tuple[ImportEvent, ...]:
    try:
        return tuple(logic.import_history(MOST_EVENTS))
    except DatabaseNotFoundError:
        return ()
