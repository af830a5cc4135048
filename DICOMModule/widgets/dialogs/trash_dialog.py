"""The trash of the database: what was deleted when; back with it, or away for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from DICOMModule.database import DeleteReport, PurgeReport, TrashEntry
from DICOMModule.errors import DatabaseNotFoundError
from DICOMModule.jobs import Job, call_job
from DICOMModule.logic import DICOMModuleLogic
from DICOMModule.widgets.browser.anonymity import AnonymousWish
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.dialogs.state_line import error_label
from DICOMModule.widgets.dialogs.trash_texts import (
    counts_text,
    entry_text,
    local_time,
    patient_text,
    purge_question,
    purge_sentence,
    study_text,
)
from DICOMModule.widgets.job_runner import Failure, JobHandle
from DICOMModule.widgets.qt import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QKeySequence,
    QLabel,
    QMessageBox,
    QPushButton,
    QShortcut,
    Qt,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import bytes_text, counted, plain_tooltip

T = TypeVar("T")
COLUMNS: Final = ("Deleted", "What", "How much", "Size")
WIDTHS_PX: Final = (190, 340, 180)
NUMBER_ROLE: Final = Qt.UserRole


class TrashDialog(PanelDialog):
    """Lists the acts of deleting, newest first; below each, its studies.

    Parameters
    ----------
    logic : DICOMModuleLogic
        On the database.
    viewer : Viewer
        Jobs and banners.
    on_changed : callable
        Shows the database anew.
    """

    def __init__(
        self,
        logic: DICOMModuleLogic,
        viewer: Viewer,
        on_changed: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("trash", viewer, parent)
        self.setWindowTitle("Trash")
        self.resize(900, 460)
        self._logic = logic
        self._on_changed = on_changed
        self._reading: JobHandle | None = None
        self._working: JobHandle | None = None
        self.entries: tuple[TrashEntry, ...] = ()
        self.question: QMessageBox | None = None
        self._make()
        self._anonymity = AnonymousWish(viewer.views, self._fill, self)
        viewer.jobs.ended.connect(self._on_job_ended)

    @property
    def selected(self) -> tuple[TrashEntry, ...]:
        """The acts that are selected, or whose studies are."""
        chosen = {item.data(0, NUMBER_ROLE) for item in self.tree.selectedItems()}
        return tuple(entry for entry in self.entries if entry.trash_id in chosen)

    def show_trash(self) -> None:
        """Read what is in the trash, and show it."""
        self.read()
        self.present()

    def read(self) -> None:
        """Read it anew."""
        if self._reading is not None:
            self._reading.cancel()
        logic = self._logic
        handle = self.viewer.jobs.run(
            "Reading the trash",
            lambda: call_job(lambda: _entries(logic)),
            on_success=lambda entries: self._on_read(handle, entries),
            on_failure=self._on_failed,
            quiet=True,
            owner=logic,
        )
        self._reading = handle

    def restore_selected(self) -> None:
        """Bring back what is selected."""
        entries, logic = self.selected, self._logic
        if entries and self._working is None:
            self._work(
                f"Restoring {self._named(entries)}",
                lambda: _restore_job(logic, [entry.trash_id for entry in entries]),
                self._on_restored,
            )

    def ask_purge(self, entries: Sequence[TrashEntry]) -> None:
        """Ask whether these are to be deleted for good; Enter and Escape mean no."""
        if not entries or self._working is not None:
            return
        question = QMessageBox(self)
        question.setIcon(QMessageBox.Warning)
        question.setWindowTitle("Delete permanently")
        question.setTextFormat(Qt.PlainText)
        question.setText("Delete this permanently?")
        question.setInformativeText(purge_question(entries, anonymous=self.viewer.views.anonymous))
        purge = question.addButton("Delete permanently", QMessageBox.DestructiveRole)
        cancel = question.addButton(QMessageBox.Cancel)
        question.setDefaultButton(cancel)
        question.setEscapeButton(cancel)
        purge.clicked.connect(lambda _checked: self.purge(entries))
        self.question = question
        question.open()

    def purge(self, entries: Sequence[TrashEntry]) -> None:
        """Delete these for good, in a job."""
        logic, numbers = self._logic, [entry.trash_id for entry in entries]
        self._work("Deleting permanently", lambda: logic.purge_trash_job(numbers), self._on_purged)

    # -- how it is made

    def _make(self) -> None:
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(list(COLUMNS))
        self.tree.setSelectionMode(QAbstractItemView.ExtendedSelection)
        self.tree.setAlternatingRowColors(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName("What is in the trash")
        header = self.tree.header()
        for column, width in enumerate(WIDTHS_PX):
            self.tree.setColumnWidth(column, width)
        header.setSectionResizeMode(1, QHeaderView.Stretch)
        header.setStretchLastSection(False)
        self.error_label = error_label()
        self.summary_label = QLabel()
        self.summary_label.setProperty("caption", True)
        self.restore_button = _button("Restore", "Bring back what is selected (Enter)", self.restore_selected)
        self.purge_button = _button(
            "Delete permanently…", "Take what is selected away for good (Del)", lambda: self.ask_purge(self.selected)
        )
        self.empty_button = _button(
            "Empty trash…", "Take all that is here away for good", lambda: self.ask_purge(self.entries)
        )
        self.close_button = _button("Close", "Close this list (Esc)", self.close)
        self.restore_button.setProperty("primary", True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.empty_button)
        row.addWidget(self.summary_label, 1)
        for button in (self.purge_button, self.restore_button, self.close_button):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.error_label)
        layout.addWidget(self.tree, 1)
        layout.addLayout(row)
        self.tree.itemSelectionChanged.connect(self._show_buttons)
        keys: tuple[tuple[str, Callable[[], object]], ...] = (
            ("Return", self.restore_selected),
            ("Delete", lambda: self.ask_purge(self.selected)),
        )
        for key, act in keys:
            shortcut = QShortcut(QKeySequence(key), self.tree)
            shortcut.setContext(Qt.WidgetShortcut)
            shortcut.activated.connect(act)

    # -- what is shown

    def _on_read(self, handle: JobHandle, entries: tuple[TrashEntry, ...]) -> None:
        if handle is self._reading:
            self._reading = None
            self.entries = entries
            self.error_label.hide()
            self._fill()

    def _on_failed(self, failure: Failure) -> None:
        self.error_label.setText(failure.text)
        self.error_label.show()

    def _fill(self) -> None:
        chosen = {entry.trash_id for entry in self.selected}
        anonymous = self.viewer.views.anonymous
        self.tree.blockSignals(True)
        self.tree.clear()
        for entry in self.entries:
            texts = [local_time(entry.deleted_at), entry_text(entry, anonymous=anonymous), counts_text(entry)]
            item = _item(self.tree, entry, [*texts, bytes_text(entry.bytes)])
            for study in entry.contents if len(entry.contents) > 1 else ():
                whose = f"{patient_text(study, anonymous=anonymous)}: {study_text(study)}"
                _item(item, entry, ["", whose, counts_text(study), bytes_text(study.bytes)])
            item.setSelected(entry.trash_id in chosen)
        first = self.tree.topLevelItem(0)
        if first is not None and not self.tree.selectedItems():
            self.tree.setCurrentItem(first)
        self.tree.blockSignals(False)
        self._show_buttons()

    def _show_buttons(self) -> None:
        free = self._working is None
        self.restore_button.setEnabled(free and bool(self.selected))
        self.purge_button.setEnabled(free and bool(self.selected))
        self.empty_button.setEnabled(free and bool(self.entries))
        size = sum(entry.bytes for entry in self.entries)
        files = counted(sum(entry.instances for entry in self.entries), "file")
        self.summary_label.setText(f"{files}, {bytes_text(size)}" if self.entries else "The trash is empty.")

    def _named(self, entries: Sequence[TrashEntry]) -> str:
        if len(entries) == 1:
            return entry_text(entries[0], anonymous=self.viewer.views.anonymous)
        return counted(len(entries), "act of deleting", "acts of deleting")

    # -- what is done

    def _work(self, title: str, make: Callable[[], Job[T]], on_success: Callable[[T], object]) -> None:
        self._working = self.viewer.jobs.run(
            title,
            make,
            on_success=on_success,
            on_failure=self.viewer.banners.show_failure,
            owner=self._logic,
            may_retry=False,
        )
        self._working.ended.connect(self._on_work_ended)
        self._show_buttons()

    def _on_work_ended(self) -> None:
        self._working = None
        self._on_changed()
        self.read()

    def _on_restored(self, report: DeleteReport) -> None:
        self.viewer.banners.show_info(f"Restored {counted(report.instances, 'image or object', 'images and objects')}.")

    def _on_purged(self, report: PurgeReport) -> None:
        if report.unfinished:
            self.viewer.banners.show_warning(f"{purge_sentence(report)} {report.unfinished}")
        else:
            self.viewer.banners.show_info(purge_sentence(report))

    def _on_job_ended(self, _handle: JobHandle) -> None:
        """Follow what others delete and restore meanwhile."""
        if self.isVisible() and self._working is None:
            self.read()


def _entries(logic: DICOMModuleLogic) -> tuple[TrashEntry, ...]:
    try:
        return tuple(logic.trash_entries())
    except DatabaseNotFoundError:
        return ()


def _restore_job(logic: DICOMModuleLogic, numbers: Sequence[int]) -> Job[DeleteReport]:
    """Bring several acts of deleting back; the report counts all of it."""
    whole = DeleteReport()
    for number in numbers:
        report = yield from logic.undo_delete_job(number)
        whole = replace(
            whole,
            patients=whole.patients + report.patients,
            studies=whole.studies + report.studies,
            series=whole.series + report.series,
            instances=whole.instances + report.instances,
        )
    return whole


def _item(parent: QTreeWidget | QTreeWidgetItem, entry: TrashEntry, texts: list[str]) -> QTreeWidgetItem:
    item = QTreeWidgetItem(parent, texts)
    item.setData(0, NUMBER_ROLE, entry.trash_id)
    item.setTextAlignment(3, int(Qt.AlignRight | Qt.AlignVCenter))
    item.setToolTip(1, plain_tooltip(texts[1]))
    return item


def _button(title: str, tip: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(title)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _checked: act())
    return button
