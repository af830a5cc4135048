"""The lists of the spread-out browser: studies as a wide table, and the series of those that are selected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from DICOMModule.database import DicomDatabase, SeriesSummary, StudySummary
from DICOMModule.dicom.folding import fold
from DICOMModule.errors import plain_text
from DICOMModule.widgets.browser import row_texts
from DICOMModule.widgets.browser.keyed_rows import KeyedRows
from DICOMModule.widgets.browser.selection import Selection, selection_of, shown_name, shown_study
from DICOMModule.widgets.browser.tree_model import ROOT, SUMMARY_ROLE
from DICOMModule.widgets.dragging import targets_mime
from DICOMModule.widgets.qt import QMimeData, QModelIndex, QObject, QSize, Qt
from DICOMModule.widgets.wording import plain_tooltip

ROW_PX: Final = 30
MOST_STUDIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study with what the table says of its patient."""

    study: StudySummary
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series with the study that it lies in."""

    study: StudySummary
    series: SeriesSummary


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of studies: its title, first width in pixels, and what it says."""

    title: str
    width_px: int
    text: Callable[[StudyRow], str]
    number: Callable[[StudyRow], int] | None = None


COLUMNS: Final = (
    Column("Patient", 220, lambda row: shown_name(row.study)),
    Column("Patient ID", 120, lambda row: plain_text(row.study.patient_id or "")),
    Column("Birth date", 92, lambda row: row.birth_date),
    Column("Sex", 64, lambda row: row.sex),
    Column("Study date", 92, lambda row: row_texts.date(row.study.study_date)),
    Column("Description", 280, lambda row: shown_study(row.study)),
    Column("Accession number", 130, lambda row: plain_text(row.study.accession_number or "")),
    Column("Modalities", 96, lambda row: " ".join(map(plain_text, row.study.modalities_in_study))),
    Column("Series", 64, lambda row: f"{row.study.series:,}", lambda row: row.study.series),
    Column("Files", 72, lambda row: f"{row.study.instances:,}", lambda row: row.study.instances),
)
DESCRIPTION: Final = 5
STUDY_DATE: Final = 4


class StudyTable(KeyedRows[StudyRow]):
    """Studies, sorted by any column; newest first at the beginning."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(lambda row: (row.study.patient, row.study.study_instance_uid), parent)
        self._sorted_by = (STUDY_DATE, Qt.DescendingOrder)

    def show_studies(self, rows: Iterable[StudyRow]) -> None:
        """Show these, in the order that was chosen."""
        self.set_rows(self._sorted(rows))

    def selection(self, indexes: Iterable[QModelIndex]) -> Selection:
        """Return the selection that rows of these indexes make."""
        places = sorted({index.row() for index in indexes})
        return selection_of((self.rows[place].study,) for place in places)

    def columnCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        if orientation != Qt.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.TextAlignmentRole and COLUMNS[section].number is not None:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        return COLUMNS[section].title if role == Qt.DisplayRole else None

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return what a cell says."""
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        if role == Qt.DisplayRole:
            return column.text(row)
        if role == Qt.ToolTipRole:
            return plain_tooltip(column.text(row))
        if role == SUMMARY_ROLE:
            return row.study
        if role == Qt.SizeHintRole:
            return QSize(40, ROW_PX)
        if role == Qt.TextAlignmentRole and column.number is not None:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.AscendingOrder) -> None:
        """Sort by a column; equal rows keep their order."""
        self._sorted_by = (column, order)
        self.reorder(self._sorted(self.rows))

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # type: ignore[override]
        """Return the rows as dragged data."""
        return targets_mime(self.selection(indexes).targets)

    def _sorted(self, rows: Iterable[StudyRow]) -> list[StudyRow]:
        place, order = self._sorted_by
        column = COLUMNS[place]
        number = column.number
        descending = order == Qt.DescendingOrder
        if number is not None:
            return sorted(rows, key=number, reverse=descending)
        return sorted(rows, key=lambda row: fold(column.text(row)), reverse=descending)


class SeriesList(KeyedRows[SeriesRow]):
    """The series of the studies that are selected."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(
            lambda row: (row.study.patient, row.study.study_instance_uid, row.series.series_instance_uid), parent
        )

    def selection(self, indexes: Iterable[QModelIndex]) -> Selection:
        """Return the selection that rows of these indexes make."""
        rows = [self.rows[place] for place in sorted({index.row() for index in indexes})]
        return selection_of((row.study, row.series) for row in rows)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return what a card says."""
        if not index.isValid():
            return None
        series = self.rows[index.row()].series
        if role == SUMMARY_ROLE:
            return series
        if role == Qt.DisplayRole:
            return row_texts.title(series)
        if role == Qt.ToolTipRole:
            return row_texts.tool_tip(series)
        return row_texts.spoken_text(series) if role == Qt.AccessibleTextRole else None

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # type: ignore[override]
        """Return the series as dragged data."""
        return targets_mime(self.selection(indexes).targets)


def read_studies(database: DicomDatabase, search: str) -> list[StudyRow]:
    """Return the studies that a search finds, with birth date and sex; of very many, the newest. For a job's thread."""
    patients = {row.patient: row for row in database.patients(search=search)}
    studies = database.studies(search=search)[-MOST_STUDIES:]
    rows = []
    for study in studies:
        patient = patients.get(study.patient)
        if patient is None:
            rows.append(StudyRow(study))  # it came in between the two queries
        else:
            rows.append(StudyRow(study, row_texts.date(patient.patient_birth_date), row_texts.sex(patient)))
    return rows
