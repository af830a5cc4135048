"""The lists of the spread-out browser: studies as a wide table, and the series of those that are selected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from DICOMModule.database import DicomDatabase, PatientSummary, SeriesSummary, StudySummary
from DICOMModule.dicom.folding import fold
from DICOMModule.errors import plain_text
from DICOMModule.widgets.browser import row_texts
from DICOMModule.widgets.browser.anonymity import anonymised
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
    """A study as the table shows it.

    Attributes
    ----------
    texts : tuple of str
        What the columns say.
    keys : tuple
        What the columns are sorted by: folded text, or a number.
    """

    study: StudySummary
    texts: tuple[str, ...]
    keys: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series with the study that it lies in."""

    study: StudySummary
    series: SeriesSummary


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of studies.

    Attributes
    ----------
    sample : str
        A text as wide as most that it holds.
    is_number : bool
        Whether it holds numbers.
    """

    title: str
    sample: str
    is_number: bool = False


COLUMNS: Final = (
    Column("Patient", "Montgomery, Bartholomew"),
    Column("Patient ID", "ABCD-123456"),
    Column("Birth date", "2026-03-09"),
    Column("Sex", "female"),
    Column("Study date", "2026-03-09"),
    Column("Description", "Abdomen with contrast"),
    Column("Accession number", "Accession number"),
    Column("Modalities", "CT MR PT SEG"),
    Column("Series", "Series", is_number=True),
    Column("Files", "123,456", is_number=True),
    Column("Labels", "teaching, to do"),
    Column("Note", "Ask for the former images"),
)
DESCRIPTION: Final = 5
STUDY_DATE: Final = 4
SERIES: Final = 8
FILES: Final = 9
LABELS: Final = 10


class StudyTable(KeyedRows[StudyRow]):
    """Studies, sorted by any column; newest first at the beginning."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(lambda row: (row.study.patient, row.study.study_instance_uid), parent)
        self._sorted_by = (STUDY_DATE, Qt.DescendingOrder)
        self._is_anonymous = False

    def set_anonymous(self, anonymous: bool) -> None:
        """Hide who the patients are, or show it; the order stays."""
        self._is_anonymous = anonymous
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1))

    def show_studies(self, rows: Iterable[StudyRow]) -> None:
        """Show these, in the order that was chosen."""
        self.set_rows(self._sorted(rows))

    def selection(self, places: Iterable[int]) -> Selection:
        """Return the selection that these rows make."""
        return selection_of((self._shown(self.rows[place]).study,) for place in places)

    def columnCount(self, parent: QModelIndex = ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        if orientation != Qt.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.TextAlignmentRole and COLUMNS[section].is_number:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        return COLUMNS[section].title if role == Qt.DisplayRole else None

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return what a cell says."""
        if not index.isValid():
            return None
        row, column = self._shown(self.rows[index.row()]), COLUMNS[index.column()]
        if role == Qt.DisplayRole:
            return row.texts[index.column()]
        if role == Qt.ToolTipRole:
            return plain_tooltip(row.texts[index.column()])
        if role == SUMMARY_ROLE:
            return row.study
        if role == Qt.SizeHintRole:
            return QSize(40, ROW_PX)
        if role == Qt.TextAlignmentRole and column.is_number:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.AscendingOrder) -> None:
        """Sort by a column; equal rows keep their order."""
        if (column, order) == self._sorted_by:
            return
        self._sorted_by = (column, order)
        self.reorder(self._sorted(self.rows))

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # type: ignore[override]
        """Return the rows as dragged data."""
        return targets_mime(self.selection(sorted({index.row() for index in indexes})).targets)

    def _shown(self, row: StudyRow) -> StudyRow:
        return study_row(anonymised(row.study), None) if self._is_anonymous else row

    def _sorted(self, rows: Iterable[StudyRow]) -> list[StudyRow]:
        place, order = self._sorted_by
        return sorted(rows, key=lambda row: row.keys[place], reverse=order == Qt.DescendingOrder)


class SeriesList(KeyedRows[SeriesRow]):
    """The series of the studies that are selected."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(
            lambda row: (row.study.patient, row.study.study_instance_uid, row.series.series_instance_uid), parent
        )
        self._is_anonymous = False

    def set_anonymous(self, anonymous: bool) -> None:
        """Hide what may tell who the patients are, or show it."""
        self._is_anonymous = anonymous
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, 0))

    def selection(self, places: Iterable[int]) -> Selection:
        """Return the selection that these rows make."""
        rows = (self.rows[place] for place in places)
        if self._is_anonymous:
            rows = (SeriesRow(anonymised(row.study), anonymised(row.series)) for row in rows)
        return selection_of((row.study, row.series) for row in rows)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return what a card says."""
        if not index.isValid():
            return None
        series = self.rows[index.row()].series
        if self._is_anonymous:
            series = anonymised(series)
        if role == SUMMARY_ROLE:
            return series
        if role == Qt.DisplayRole:
            return row_texts.title(series)
        if role == Qt.ToolTipRole:
            return row_texts.tool_tip(series)
        return row_texts.spoken_text(series) if role == Qt.AccessibleTextRole else None

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # type: ignore[override]
        """Return the series as dragged data."""
        return targets_mime(self.selection(sorted({index.row() for index in indexes})).targets)


def read_studies(database: DicomDatabase, search: str) -> list[StudyRow]:
    """Return the studies that a search finds, with birth date and sex; of very many, the newest. For a job's thread."""
    patients = {row.patient: row for row in database.patients(search=search)}
    studies = database.studies(search=search)[-MOST_STUDIES:]
    return [study_row(study, patients.get(study.patient)) for study in studies]


def study_row(study: StudySummary, patient: PatientSummary | None) -> StudyRow:
    """Return a study as the table shows it; without a patient, who may have come in between two queries, it says less."""
    texts = (
        shown_name(study),
        plain_text(study.patient_id or ""),
        "" if patient is None else row_texts.date(patient.patient_birth_date),
        "" if patient is None else row_texts.sex(patient),
        row_texts.date(study.study_date),
        shown_study(study),
        plain_text(study.accession_number or ""),
        " ".join(map(plain_text, study.modalities_in_study)),
        f"{study.series:,}",
        f"{study.instances:,}",
        ", ".join(map(plain_text, study.labels)),
        plain_text(" ".join((study.note or "").split())),
    )
    keys: list[Any] = list(map(fold, texts))
    for place, number in ((SERIES, study.series), (FILES, study.instances)):
        keys[place] = number
    return StudyRow(study, texts, tuple(keys))
