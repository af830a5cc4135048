"""The browser spread over the whole window: a table of studies, their series as cards with large thumbnails, the preview."""

from __future__ import annotations

from typing import Final

from DICOMModule.database import DicomDatabase, SeriesSummary
from DICOMModule.errors import DatabaseError
from DICOMModule.jobs import call_job
from DICOMModule.widgets.browser.keyed_rows import selected_places
from DICOMModule.widgets.browser.row_view import RowKeys
from DICOMModule.widgets.browser.selection import NOTHING, Selection
from DICOMModule.widgets.browser.series_cards import CardDelegate, SeriesCards
from DICOMModule.widgets.browser.spread_models import (
    COLUMNS,
    DESCRIPTION,
    LABELS,
    STUDY_DATE,
    SeriesList,
    SeriesRow,
    StudyRow,
    StudyTable,
    read_studies,
)
from DICOMModule.widgets.browser.thumbnails import Thumbnails
from DICOMModule.widgets.browser.tree_reader import PAGE
from DICOMModule.widgets.elided_label import ElidedLabel
from DICOMModule.widgets.job_runner import Failure, JobRunner
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QFontMetrics,
    QHeaderView,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPainter,
    QPalette,
    QPoint,
    QSplitter,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
    QTreeView,
    QVBoxLayout,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.theme import caption_font

CELL_PAD_PX: Final = 6
CELL_MARGINS_PX: Final = 36  # with the arrow that tells how it is sorted
MOST_SHOWN: Final = 20  # studies whose series are shown at once


class CellDelegate(QStyledItemDelegate):
    """Paints a cell as far from its edges as the header paints its title, so that the two line up."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint a cell."""
        painter.save()
        if option.widget is not None:
            option.widget.style().drawPrimitive(QStyle.PE_PanelItemViewItem, option, painter, option.widget)
        room = option.rect.adjusted(CELL_PAD_PX, 0, -CELL_PAD_PX, 0)
        painter.setFont(option.font)
        painter.setPen(option.palette.color(QPalette.Text))
        align = index.data(Qt.TextAlignmentRole) or int(Qt.AlignLeft | Qt.AlignVCenter)
        text = QFontMetrics(option.font).elidedText(index.data(), Qt.ElideMiddle, room.width())
        painter.drawText(room, int(align), text)
        painter.restore()


class StudyTableView(RowKeys, QTreeView):
    """The table of studies."""

    def __init__(self, model: StudyTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectRows)
        self.setTextElideMode(Qt.ElideMiddle)
        self.setVerticalScrollMode(QAbstractItemView.ScrollPerPixel)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragOnly)
        self.setAccessibleName("Studies")
        self.setItemDelegate(CellDelegate(self))
        header = self.header()
        header.setStretchLastSection(False)
        header.setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        metrics = QFontMetrics(self.font())
        for place, column in enumerate(COLUMNS):
            widest = max(metrics.horizontalAdvance(text) for text in (column.sample, column.title))
            header.resizeSection(place, widest + CELL_MARGINS_PX)
        header.setSectionResizeMode(DESCRIPTION, QHeaderView.Stretch)
        header.moveSection(LABELS, DESCRIPTION + 1)  # what users write is to be in sight
        self.setSortingEnabled(True)
        self.sortByColumn(STUDY_DATE, Qt.DescendingOrder)


class SpreadTable(QWidget):
    """Studies above; below, the series of those that are selected, and a place for the preview.

    Signals
    -------
    selection_changed
        Something else is selected.
    load_requested, delete_requested, copy_uid_requested : Selection
        Enter or a double click on a series; Delete; Ctrl+C.
    label_chosen : str
        The chip of a label was clicked.
    menu_requested : QPoint
        A context menu is asked for, at that place of the screen.
    failed : str
        The database could not be read.
    """

    selection_changed = pyqtSignal()
    label_chosen = pyqtSignal(str)
    load_requested = pyqtSignal(object)
    delete_requested = pyqtSignal(object)
    copy_uid_requested = pyqtSignal(object)
    menu_requested = pyqtSignal(object)
    failed = pyqtSignal(str)

    def __init__(self, thumbnails: Thumbnails, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self.owner: object | None = None  # whose database it is
        self._database: DicomDatabase | None = None
        self._search = ""
        self._generation = 0
        self._wished: tuple[str, ...] = ()
        self.studies = StudyTable(self)
        self.series = SeriesList(self)
        self.table = StudyTableView(self.studies)
        self.cards = SeriesCards(self.series, CardDelegate(thumbnails, self))
        self.caption = ElidedLabel()
        self.preview_place = QSplitter(Qt.Horizontal)
        thumbnails.add_sight(self.cards.series_in_sight)
        thumbnails.arrived.connect(lambda _uid: self.cards.viewport().update())
        self._lay_out()
        self._connect()

    @property
    def selection(self) -> Selection:
        """What is selected: series where some are, else studies."""
        chosen = self.series.selection(selected_places(self.cards.selectionModel()))
        return chosen if chosen.targets else self.studies.selection(selected_places(self.table.selectionModel()))

    def show_database(self, database: DicomDatabase | None, search: str) -> None:
        """Show what a search finds in a database; it is read in the background, the newest call is the one that counts."""
        if database is not self._database:
            self.studies.show_studies(())
            self.series.set_rows(())
        self._database, self._search = database, search
        self._generation += 1
        if database is None:
            return
        generation = self._generation
        self._jobs.run(
            "Reading the studies",
            lambda: call_job(lambda: read_studies(database, search)),
            on_success=lambda rows: self._on_read(generation, rows),
            on_failure=self._on_read_failed,
            quiet=True,
            owner=self.owner,
        )

    def take_preview(self, preview: QWidget) -> None:
        """Show the Image Preview beside the series."""
        self.preview_place.addWidget(preview)
        self.preview_place.setStretchFactor(0, 3)
        self.preview_place.setStretchFactor(1, 2)
        self.preview_place.setSizes([600, 400])

    def select(self, targets: tuple[str, ...]) -> None:
        """Select studies, or series in their studies; what has not been read yet is selected when it is there."""
        self._wished = targets
        if self.studies.rows:
            self._select_wished()

    def _lay_out(self) -> None:
        self.caption.setProperty("caption", True)
        self.caption.setFont(caption_font(self.font()))
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.caption)
        column.addWidget(self.cards, 1)
        self.preview_place.addWidget(below)
        self.preview_place.setChildrenCollapsible(False)
        halves = QSplitter(Qt.Vertical)
        halves.addWidget(self.table)
        halves.addWidget(self.preview_place)
        halves.setChildrenCollapsible(False)
        halves.setSizes([420, 480])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(halves)

    def _connect(self) -> None:
        self.table.selectionModel().selectionChanged.connect(self._on_study_selected)
        self.cards.label_chosen.connect(self.label_chosen)
        self.cards.selectionModel().selectionChanged.connect(self._on_series_selected)
        for view in (self.table, self.cards):
            view.load_requested.connect(lambda: self.load_requested.emit(self.selection))
            view.delete_requested.connect(lambda: self.delete_requested.emit(self.selection))
            view.copy_uid_requested.connect(lambda: self.copy_uid_requested.emit(self.selection))
            view.setContextMenuPolicy(Qt.CustomContextMenu)
        self.table.customContextMenuRequested.connect(lambda place: self._ask_menu(self.table, place))
        self.cards.customContextMenuRequested.connect(lambda place: self._ask_menu(self.cards, place))

    def _ask_menu(self, view: QAbstractItemView, place: QPoint) -> None:
        self.menu_requested.emit(view.viewport().mapToGlobal(place))

    def _on_read(self, generation: int, rows: list[StudyRow]) -> None:
        if generation != self._generation:
            return
        self.studies.show_studies(rows)
        if self._wished:
            self._select_wished()
        elif rows and not self.table.selectionModel().hasSelection():
            self.table.setCurrentIndex(self.studies.index(0, 0))
        else:
            self._show_series()

    def _on_read_failed(self, failure: Failure) -> None:
        self.failed.emit(failure.text)

    def _on_study_selected(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        self.cards.selectionModel().clearSelection()
        self._show_series()
        self.selection_changed.emit()

    def _on_series_selected(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        self.selection_changed.emit()

    def _show_series(self) -> None:
        """Read the series of the studies that are selected: a short query each."""
        places = selected_places(self.table.selectionModel())
        rows: list[SeriesRow] = []
        for place in places[:MOST_SHOWN]:
            study = self.studies.rows[place].study
            rows += [SeriesRow(study, series) for series in self._series_of(study.patient, study.study_instance_uid)]
        self.series.set_rows(rows)
        text = self.studies.selection(places).text
        more = f" · series of the first {MOST_SHOWN} are shown" if len(places) > MOST_SHOWN else ""
        self.caption.set_whole_text("Select a study to see its series." if text == NOTHING else f"{text}{more}")

    def _series_of(self, patient: int, uid: str) -> list[SeriesSummary]:
        if self._database is None:
            return []
        try:
            return self._database.series(patient=patient, study=uid, limit=PAGE)
        except DatabaseError as error:
            self.failed.emit(str(error))
            return []

    def _select_wished(self) -> None:
        wished, self._wished = set(self._wished), ()
        database = self._database
        if database is None:
            return
        uids = {row.study.study_instance_uid for row in self.studies.rows}
        studies = wished & uids
        for target in wished - uids:
            try:
                studies |= {row.study_instance_uid for row in database.studies(series=target, limit=1)}
            except DatabaseError as error:
                self.failed.emit(str(error))
        chosen = QItemSelection()
        for place, row in enumerate(self.studies.rows):
            if row.study.study_instance_uid in studies or f"patient:{row.study.patient}" in wished:
                chosen.select(self.studies.index(place, 0), self.studies.index(place, 0))
        how = QItemSelectionModel.ClearAndSelect | QItemSelectionModel.Rows
        self.table.selectionModel().select(chosen, how)
        if chosen.indexes():
            self.table.selectionModel().setCurrentIndex(chosen.indexes()[0], QItemSelectionModel.NoUpdate)
            self.table.scrollTo(chosen.indexes()[0])
        cards = QItemSelection()
        for place, card in enumerate(self.series.rows):
            if card.series.series_instance_uid in wished:
                cards.select(self.series.index(place, 0), self.series.index(place, 0))
        self.cards.selectionModel().select(cards, QItemSelectionModel.ClearAndSelect)
