"""What varies across a series: the elements that differ from instance to instance, and the values of each."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.jobs import call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.verbs.varying import VaryingReport
from DICOMModule.widgets.browser.anonymity import AnonymousWish
from DICOMModule.widgets.dialogs.file_dialogs import ask_new_file
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.dialogs.state_line import error_label
from DICOMModule.widgets.dialogs.text_table import TextTable, text_table
from DICOMModule.widgets.dialogs.varying_rows import (
    VaryingRow,
    instance_text,
    varying_rows,
    varying_summary,
    write_varying_csv,
)
from DICOMModule.widgets.job_runner import Failure, JobHandle, JobState, progress_text
from DICOMModule.widgets.qt import (
    QAction,
    QApplication,
    QHBoxLayout,
    QHideEvent,
    QKeySequence,
    QLabel,
    QLineEdit,
    QModelIndex,
    QProgressBar,
    QPushButton,
    QShortcut,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    Qt,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

COLUMNS: Final = ("Tag", "Name", "VR", "Values", "Range or first values")
VALUE_COLUMNS: Final = ("Instance", "Value")
WIDTHS_PX: Final = (220, 260, 44, 70)
VALUE_WIDTHS_PX: Final = (100,)
ROW_PX: Final = 26
ROOT: Final = QModelIndex()


class VaryingTags(PanelDialog):
    """Reads all instances of a series in a job, and tells which elements vary.

    Parameters
    ----------
    logic : DICOMModuleLogic
        Reads and compares.
    viewer : Viewer
        Its jobs do the work.
    """

    def __init__(self, logic: DICOMModuleLogic, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("varying", viewer, parent)
        self.resize(960, 680)
        self._logic = logic
        self._handle: JobHandle | None = None
        self._report: VaryingReport | None = None
        self._rows: tuple[VaryingRow, ...] = ()
        self.shown: tuple[VaryingRow, ...] = ()
        self._make()
        self._lay_out()
        self._connect()
        self._anonymity = AnonymousWish(viewer.views, self._show_rows_anew, self)

    def show_target(self, target: str, title: str) -> None:
        """Tell what varies among the instances of a target; `title` is what it is called."""
        self._cancel()
        self._report = None
        self._show_rows_anew()
        self.setWindowTitle(f"What varies: {plain_text(title)}")
        self.error_label.hide()
        self.summary_label.setText("")
        logic = self._logic
        handle = self.viewer.jobs.run(
            f"Comparing the instances of {plain_text(title)}",
            lambda: logic.varying_tags_job(target),
            on_success=lambda report: self._on_read(handle, report),
            on_failure=lambda failure: self._on_failed(handle, failure),
            owner=logic,
            may_retry=False,  # it would go on here without anybody looking
        )
        self._handle = handle
        handle.changed.connect(self._on_progress)
        handle.ended.connect(lambda: self._on_ended(handle))
        self._on_progress()
        self.present()

    def save_csv(self, path: Path) -> None:
        """Write the rows that are shown to a CSV file, in a job; a banner tells what came of it."""
        report, rows, banners = self._report, self.shown, self.viewer.banners
        if report is None:
            return
        self.viewer.jobs.run(
            f"Saving {plain_text(path.name)}",
            lambda: call_job(lambda: write_varying_csv(report, rows, path)),
            on_success=lambda _nothing: banners.show_info(f"Saved {plain_text(str(path))}."),
            on_failure=banners.show_failure,
            quiet=True,
        )

    def hideEvent(self, event: QHideEvent) -> None:
        """Read no further."""
        self._cancel()
        super().hideEvent(event)

    # -- how it is made

    def _make(self) -> None:
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.progress_label = QLabel()
        self.progress_label.setProperty("caption", True)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setAutoDefault(False)
        self.progress_row = QWidget()
        self.error_label = error_label()
        self.search_field = QLineEdit()
        self.search_field.setPlaceholderText("Search tag, name or value…")
        self.search_field.setAccessibleName("Search tag, name or value")
        self.search_field.setClearButtonEnabled(True)
        self.shown_label = QLabel()
        self.shown_label.setProperty("caption", True)
        self.elements = TextTable(COLUMNS, self.font(), self)
        self.table = text_table("Elements that vary", self.elements, WIDTHS_PX)
        self.values_label = QLabel()
        self.values_label.setTextFormat(Qt.PlainText)
        self.values_label.setProperty("caption", True)
        self.values = TextTable(VALUE_COLUMNS, self.font(), self)
        self.value_table = text_table("Values of the element, one an instance", self.values, VALUE_WIDTHS_PX)
        self.summary_label = QLabel()
        self.summary_label.setWordWrap(True)
        self.summary_label.setProperty("caption", True)
        self.csv_button, self.copy_button, self.close_button = (
            QPushButton("Save as CSV…"),
            QPushButton("Copy"),
            QPushButton("Close"),
        )
        self.csv_button.setToolTip("Save what is shown: a line an element, a column an instance")
        self.copy_button.setToolTip("Copy the selected rows, else all that are shown (Ctrl+C)")
        self.close_button.setToolTip("Close this list (Esc)")
        for button in (self.csv_button, self.copy_button, self.close_button):
            button.setAutoDefault(False)

    def _lay_out(self) -> None:
        progress = QHBoxLayout(self.progress_row)
        progress.setContentsMargins(0, 0, 0, 0)
        progress.setSpacing(8)
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.progress_label)
        progress.addWidget(self.cancel_button)
        self.state = QStackedWidget()  # in one place, so that nothing jumps
        self.state.addWidget(self.summary_label)
        self.state.addWidget(self.progress_row)
        self.state.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Maximum)
        search = QHBoxLayout()
        search.setSpacing(8)
        search.addWidget(self.search_field, 1)
        search.addWidget(self.shown_label)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.values_label)
        column.addWidget(self.value_table, 1)
        halves = QSplitter(Qt.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.table)
        halves.addWidget(below)
        halves.setSizes([380, 220])
        last = QHBoxLayout()
        last.setSpacing(8)
        last.addWidget(self.state, 1)
        for button in (self.csv_button, self.copy_button, self.close_button):
            last.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.error_label)
        layout.addLayout(search)
        layout.addWidget(halves, 1)
        layout.addLayout(last)

    def _connect(self) -> None:
        self.cancel_button.clicked.connect(lambda _checked: self._cancel())
        self.search_field.textChanged.connect(lambda _text: self._show_rows())
        self.table.selectionModel().currentRowChanged.connect(lambda _now, _before: self._show_values())
        self.csv_button.clicked.connect(lambda _checked: self._on_csv_clicked())
        self.copy_button.clicked.connect(lambda _checked: self.copy_rows())
        self.close_button.clicked.connect(lambda _checked: self.close())
        QShortcut(QKeySequence(QKeySequence.Find), self).activated.connect(self.search_field.setFocus)
        copy = QAction("Copy rows", self.table)
        copy.setShortcut(QKeySequence.Copy)
        copy.setShortcutContext(Qt.WidgetShortcut)
        copy.triggered.connect(lambda _checked: self.copy_rows())
        self.table.addAction(copy)
        self.table.setContextMenuPolicy(Qt.ActionsContextMenu)

    # -- the job

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _on_progress(self) -> None:
        if self._handle is None:
            return
        fraction = self._handle.fraction
        self.bar.setRange(0, 0 if fraction is None else 1000)
        self.bar.setValue(0 if fraction is None else round(1000 * fraction))
        cancelling = self._handle.state is JobState.CANCELLING
        self.progress_label.setText("Cancelling…" if cancelling else progress_text(self._handle, "files"))
        self.cancel_button.setEnabled(not cancelling)
        self.state.setCurrentWidget(self.progress_row)

    def _on_ended(self, handle: JobHandle) -> None:
        if handle is self._handle:
            self._handle = None
            self.state.setCurrentWidget(self.summary_label)
            if handle.state is JobState.CANCELLED:
                self.summary_label.setText("Reading the files was cancelled.")

    def _on_failed(self, handle: JobHandle, failure: Failure) -> None:
        if handle is not self._handle:
            return
        self.error_label.setText(failure.text)
        self.error_label.show()

    def _on_read(self, handle: JobHandle, report: VaryingReport) -> None:
        if handle is not self._handle:
            return
        self._report = report
        self._show_rows_anew()
        self.summary_label.setText(varying_summary(report))
        if report.problems:
            first = report.problems[0]
            self.error_label.setText(
                f"{plain_text(first.where)}: {first.reason}"
                if len(report.problems) == 1
                else (
                    f"{counted(len(report.problems), 'file')} could not be read; the first, {plain_text(first.where)}, {first.reason}"
                )
            )
            self.error_label.show()

    # -- what is shown

    def _show_rows_anew(self) -> None:
        report = self._report
        self._rows = () if report is None else varying_rows(report, anonymous=self.viewer.views.anonymous)
        self._show_rows()

    def _show_rows(self) -> None:
        wanted = self.search_field.text().strip().casefold()
        self.shown = tuple(row for row in self._rows if wanted in row.searched)
        self.elements.set_rows(
            tuple(
                (f"({row.tag.path})", row.name, row.tag.vr, f"{row.tag.distinct:,}", row.summary) for row in self.shown
            )
        )
        some = f"{len(self.shown):,} of {counted(len(self._rows), 'element')}"
        self.shown_label.setText(some if wanted else counted(len(self._rows), "element"))
        for button in (self.csv_button, self.copy_button):
            button.setEnabled(bool(self.shown))
        if self.shown:
            self.table.setCurrentIndex(self.elements.index(0, 0))
        self._show_values()

    def _show_values(self) -> None:
        index = self.table.currentIndex()
        row = self.shown[index.row()] if index.isValid() and index.row() < len(self.shown) else None
        if row is None or self._report is None:
            self.values_label.setText("")
            self.values.set_rows(())
            return
        self.values_label.setText(f"({row.tag.path}) {row.name}: {counted(row.tag.distinct, 'value')}")
        names = (instance_text(one, place) for place, one in enumerate(self._report.instances))
        self.values.set_rows(tuple(zip(names, row.values, strict=True)))

    def copy_rows(self) -> None:
        """Copy the selected rows, else all that are shown, with the values of every instance."""
        chosen = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        rows = [self.shown[number] for number in chosen] if len(chosen) > 1 else self.shown
        lines = ("\t".join(map(plain_text, (row.tag.path, row.name, *row.values))) for row in rows)
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join(lines))

    def _on_csv_clicked(self) -> None:
        path = ask_new_file(self, self.viewer, "Save what varies", "varying.csv", ("CSV table (*.csv)",))
        if path is not None:
            self.save_csv(path)
