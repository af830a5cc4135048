"""What an import did with every file: counts, and each file that needs a word, with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from DICOMModule.database import ImportReport
from DICOMModule.errors import plain_text
from DICOMModule.jobs import call_job
from DICOMModule.verbs.report_csv import write_report_csv
from DICOMModule.widgets.dialogs.file_dialogs import ask_new_file
from DICOMModule.widgets.dialogs.import_outcome import (
    KINDS,
    FileOutcome,
    file_outcomes,
    needs_attention,
    summary_sentence,
)
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.job_runner import duration_text
from DICOMModule.widgets.qt import (
    QAbstractTableModel,
    QAction,
    QApplication,
    QComboBox,
    QEvent,
    QFrame,
    QGridLayout,
    QHeaderView,
    QKeySequence,
    QLabel,
    QLineEdit,
    QModelIndex,
    QPushButton,
    QSortFilterProxyModel,
    Qt,
    QTableView,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.theme import pixmap, theme
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import plain_tooltip

COLUMNS: Final = ("File", "What became of it", "Reason")
ALL_KINDS: Final = "All"


class OutcomeModel(QAbstractTableModel):
    """Rows of `FileOutcome`: file, kind, reason."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[FileOutcome, ...] = ()

    def set_rows(self, rows: Sequence[FileOutcome]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return how many files there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a cell as plain text, the whole of it as its tooltip."""
        if not index.isValid() or role not in {Qt.DisplayRole, Qt.ToolTipRole}:
            return None
        row = self.rows[index.row()]
        text = (row.path, row.kind, row.reason)[index.column()]
        if role == Qt.DisplayRole:
            return plain_text(text)
        uid = f"\nSOP Instance UID {row.sop_instance_uid}" if row.sop_instance_uid else ""
        return plain_tooltip(f"{row.path}\n{row.reason}{uid}")

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        return COLUMNS[section] if orientation == Qt.Horizontal and role == Qt.DisplayRole else None


class OutcomeFilter(QSortFilterProxyModel):
    """Shows the rows of one kind in whose path or reason a text occurs."""

    def __init__(self, model: OutcomeModel) -> None:
        super().__init__(model)
        self._model = model
        self._kind = self._text = ""
        self.setSourceModel(model)
        self.setSortCaseSensitivity(Qt.CaseInsensitive)

    def set_filter(self, text: str, kind: str) -> None:
        """Show rows with `text` of `kind`; empty: of all kinds."""
        self._text, self._kind = text.casefold(), kind
        self.invalidateFilter()

    @property
    def shown(self) -> tuple[FileOutcome, ...]:
        """The rows that are shown, in their order."""
        return tuple(self.row_at(number) for number in range(self.rowCount()))

    def row_at(self, number: int) -> FileOutcome:
        """Return one of the rows that are shown."""
        return self._model.rows[self.mapToSource(self.index(number, 0)).row()]

    def filterAcceptsRow(self, source_row: int, _source_parent: QModelIndex) -> bool:
        """Say whether a row is shown."""
        row = self._model.rows[source_row]
        if self._kind and row.kind != self._kind:
            return False
        return not self._text or self._text in f"{row.path} {row.reason}".casefold()


class ImportSummary(PanelDialog):
    """Tells what came of an import.

    Parameters
    ----------
    viewer : Viewer
        Its jobs write the CSV, its banners say what came of that.

    Signals
    -------
    retry_requested : int
        The files that the import of this number rejected are to be imported once more.
    """

    retry_requested = pyqtSignal(object)

    state_icon: QLabel
    sentence: QLabel
    counts_card: QFrame
    counts_place: QGridLayout
    files_part: QWidget
    search_field: QLineEdit
    kind_choice: QComboBox
    shown_label: QLabel
    table: QTableView
    retry_button: QPushButton
    csv_button: QPushButton
    copy_button: QPushButton
    close_button: QPushButton

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("import_summary", viewer, parent)
        load_form("ImportSummary", self)
        self.resize(1000, 600)
        self._report = ImportReport()
        self._model = OutcomeModel(self)
        self.rows = OutcomeFilter(self._model)
        self.table.setModel(self.rows)
        self._set_up_table()
        self.search_field.textChanged.connect(lambda _text: self._on_filter_changed())
        self.kind_choice.currentIndexChanged.connect(lambda _index: self._on_filter_changed())
        self.retry_button.clicked.connect(lambda _checked: self._on_retry_clicked())
        self.csv_button.clicked.connect(lambda _checked: self._on_csv_clicked())
        self.copy_button.clicked.connect(lambda _checked: self._on_copy_clicked())
        self.close_button.clicked.connect(lambda _checked: self.close())

    def show_report(self, report: ImportReport, *, copied: bool | None = None) -> None:
        """Show what came of an import; `copied` says whether its files were copied, where that is known."""
        self._report = report
        outcomes = file_outcomes(report)
        self._show_icon()
        self.sentence.setText(summary_sentence(report, copied=copied))
        self._show_counts(report)
        self._model.set_rows(outcomes)
        self._fill_kinds(outcomes)
        rejected = len(report.rejected)
        self.retry_button.setVisible(rejected > 0 and report.event is not None)
        for widget in (self.files_part, self.csv_button, self.copy_button):
            widget.setVisible(bool(outcomes))
        self._on_filter_changed()
        self.present()
        if not outcomes:
            self.adjustSize()

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "_report"):
            self._show_icon()
        super().changeEvent(event)

    def _show_icon(self) -> None:
        kind = "warning" if needs_attention(self._report) else "ok"
        self.state_icon.setPixmap(pixmap(kind, theme().warning if kind == "warning" else theme().ok))

    def _show_counts(self, report: ImportReport) -> None:
        conflicts = sum(row.conflict for row in report.duplicates)
        columns: tuple[tuple[tuple[str, int | str], ...], ...] = (
            (("Files seen", report.files_seen), ("New patients", report.patients)),
            (("Added", report.added), ("New studies", report.studies)),
            (("Updated", report.updated), ("New series", report.series)),
            (("Unchanged", report.unchanged), ("There already", len(report.duplicates) - conflicts)),
            (("Rejected", len(report.rejected)), ("Set aside", conflicts)),
            (("Not DICOM", report.not_dicom), ("Time", duration_text(report.elapsed_s))),
        )
        while self.counts_place.count():
            widget = self.counts_place.takeAt(0).widget()
            if widget is not None:
                widget.deleteLater()
        for column, pairs in enumerate(columns):
            for row, (name, number) in enumerate(pairs):
                caption, value = QLabel(name), QLabel(f"{number:,}" if isinstance(number, int) else number)
                caption.setProperty("caption", True)
                value.setEnabled(number != 0)
                self.counts_place.addWidget(caption, row, 3 * column)
                self.counts_place.addWidget(value, row, 3 * column + 1, Qt.AlignRight)
            if column:
                self.counts_place.setColumnStretch(3 * column - 1, 1)

    def _fill_kinds(self, outcomes: Sequence[FileOutcome]) -> None:
        self.kind_choice.blockSignals(True)
        self.kind_choice.clear()
        self.kind_choice.addItem(f"{ALL_KINDS} ({len(outcomes):,})", "")
        for kind in KINDS:
            if number := sum(row.kind == kind for row in outcomes):
                self.kind_choice.addItem(f"{kind} ({number:,})", kind)
        self.kind_choice.blockSignals(False)

    def _set_up_table(self) -> None:
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.Interactive)
        header.setSectionResizeMode(1, QHeaderView.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.Stretch)
        header.setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        header.setHighlightSections(False)
        self.table.setColumnWidth(0, 380)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        self.table.setWordWrap(False)
        self.table.sortByColumn(1, Qt.AscendingOrder)
        copy = QAction("Copy", self.table)
        copy.setShortcut(QKeySequence.Copy)
        copy.setShortcutContext(Qt.WidgetShortcut)
        copy.triggered.connect(lambda _checked: self._on_copy_clicked())
        self.table.addAction(copy)

    def _on_filter_changed(self) -> None:
        self.rows.set_filter(self.search_field.text().strip(), self.kind_choice.currentData() or "")
        shown, all_rows = self.rows.rowCount(), len(self._model.rows)
        self.shown_label.setText(f"{shown:,} of {all_rows:,}" if shown != all_rows else f"{all_rows:,}")

    def _on_retry_clicked(self) -> None:
        self.retry_requested.emit(self._report.event)

    def _on_copy_clicked(self) -> None:
        chosen = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        rows = [self.rows.row_at(number) for number in chosen] or list(self.rows.shown)
        lines = ("\t".join(plain_text(field) for field in (row.path, row.kind, row.reason)) for row in rows)
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join(lines))

    def _on_csv_clicked(self) -> None:
        path = ask_new_file(self, self.viewer, "Save the list of files", "import.csv", ("CSV table (*.csv)",))
        if path is not None:
            self.save_csv(path)

    def save_csv(self, path: Path) -> None:
        """Write the rows that are shown to a CSV file, in a job; a banner tells what came of it."""
        rows, viewer = [row.problem for row in self.rows.shown], self.viewer
        viewer.jobs.run(
            f"Saving {plain_text(path.name)}",
            lambda: call_job(lambda: write_report_csv(rows, path, overwrite=True)),
            on_success=lambda _nothing: viewer.banners.show_info(f"Saved {plain_text(str(path))}."),
            on_failure=viewer.banners.show_failure,
            quiet=True,
        )
