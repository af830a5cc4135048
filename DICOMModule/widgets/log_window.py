"""The log window: what the program noted, by level and by words, to copy into a report or to save."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

from DICOMModule.jobs import call_job
from DICOMModule.widgets.dialogs.file_dialogs import ask_new_file
from DICOMModule.widgets.dialogs.panel_dialog import PanelDialog
from DICOMModule.widgets.job_runner import Failure
from DICOMModule.widgets.log_records import MOST_KEPT, LogLine, LogRecords, logging_to_window
from DICOMModule.widgets.qt import (
    QAbstractTableModel,
    QAction,
    QApplication,
    QComboBox,
    QHeaderView,
    QHideEvent,
    QKeySequence,
    QLabel,
    QLineEdit,
    QModelIndex,
    QObject,
    QPixmap,
    QPlainTextEdit,
    QPushButton,
    QShowEvent,
    Qt,
    QTableView,
    QTimer,
    QWidget,
)
from DICOMModule.widgets.qt_application import load_form
from DICOMModule.widgets.theme import fixed_font, pixmap, theme
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted, plain_tooltip

__all__ = ["LogModel", "LogRecords", "LogWindow", "logging_to_window"]

POLL_MS: Final = 300
COLUMNS: Final = ("Time", "Level", "From", "Message")
#: What the columns before the last have room for, and pixels more.
WIDEST: Final = (("00:00:00", 20), ("Critical", 44), ("widgets.browser.browser", 20))
LEVELS: Final = (("Everything", 0), ("Notes and above", 20), ("Warnings and above", 30), ("Errors", 40))
FILE_NAME: Final = "dicommodule-log.txt"


class LogModel(QAbstractTableModel):
    """Rows of `LogLine` that pass the filter, oldest first; no more than are kept in memory."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[LogLine] = []
        self.lines: list[LogLine] = []
        self._level = 0
        self._words: tuple[str, ...] = ()

    def add(self, lines: tuple[LogLine, ...]) -> None:
        """Add newer lines at the end, and let go of the oldest where there are too many."""
        self.lines += lines
        passing = [line for line in lines if self._passes(line)]
        if passing:
            first = len(self.rows)
            self.beginInsertRows(QModelIndex(), first, first + len(passing) - 1)
            self.rows += passing
            self.endInsertRows()
        if len(self.lines) > MOST_KEPT:
            del self.lines[:-MOST_KEPT]
            self._drop_before(self.lines[0].number)

    def clear(self) -> None:
        """Forget all lines."""
        self.beginResetModel()
        self.lines, self.rows = [], []
        self.endResetModel()

    def set_filter(self, level: int, text: str) -> None:
        """Show only lines of a level and above that hold every word of `text`, whatever its case."""
        self.beginResetModel()
        self._level, self._words = level, tuple(text.casefold().split())
        self.rows = [line for line in self.lines if self._passes(line)]
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of lines that pass."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return a column's name."""
        if orientation == Qt.Horizontal and role == Qt.DisplayRole:
            return COLUMNS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return what a cell shows: its text, the icon of the level, the whole message as a tooltip."""
        line = self.rows[index.row()]
        if role == Qt.DisplayRole:
            return self._text(line, index.column())
        if role == Qt.DecorationRole and index.column() == 1:
            return _level_icon(line.level)
        if role == Qt.ToolTipRole and index.column() > 1:
            return plain_tooltip(line.text)
        return None

    @staticmethod
    def _text(line: LogLine, column: int) -> str:
        if column == 3:
            return line.text.partition("\n")[0]
        return (line.clock_text, logging.getLevelName(line.level).capitalize(), line.source)[column]

    def _passes(self, line: LogLine) -> bool:
        if line.level < self._level:
            return False
        searched = f"{line.source} {line.text}".casefold()
        return all(word in searched for word in self._words)

    def _drop_before(self, number: int) -> None:
        old = next((row for row, line in enumerate(self.rows) if line.number >= number), len(self.rows))
        if old:
            self.beginRemoveRows(QModelIndex(), 0, old - 1)
            del self.rows[:old]
            self.endRemoveRows()


class LogWindow(PanelDialog):
    """Shows what was logged, and follows it; not modal.

    Parameters
    ----------
    records : LogRecords
        What was logged.
    viewer : Viewer
        Has the settings, and the jobs that write a file.
    """

    level_box: QComboBox
    search_field: QLineEdit
    table: QTableView
    whole_text: QPlainTextEdit
    count_label: QLabel
    problem_label: QLabel
    copy_button: QPushButton
    save_button: QPushButton
    clear_button: QPushButton

    def __init__(self, records: LogRecords, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__("log", viewer, parent)
        load_form("LogWindow", self)
        self.resize(900, 540)
        self._records = records
        self._next = 0
        self.model = LogModel(self)
        self.table.setModel(self.model)
        header = self.table.horizontalHeader()
        for column, (widest, more_px) in enumerate(WIDEST):
            header.resizeSection(column, self.fontMetrics().horizontalAdvance(widest) + more_px)
        header.setDefaultAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        header.setSectionResizeMode(3, QHeaderView.Stretch)
        header.setHighlightSections(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.whole_text.setFont(fixed_font(self.font()))
        for title, level in LEVELS:
            self.level_box.addItem(title, level)
        self.problem_label.hide()
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.refresh)
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """Take in what was logged since the last time; who looks at the end keeps looking at the end."""
        lines = self._records.since(self._next)
        if not lines:
            return
        bar = self.table.verticalScrollBar()
        at_end = bar.value() == bar.maximum()
        self._next = lines[-1].number + 1
        self.model.add(lines)
        self._show_count()
        if at_end:
            self.table.scrollToBottom()

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the log while it is seen."""
        super().showEvent(event)
        self.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop following."""
        self._timer.stop()
        super().hideEvent(event)

    def chosen_text(self) -> str:
        """Return the lines that are selected, or all that are shown where none is."""
        selected = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        lines = [self.model.rows[row] for row in selected] or self.model.rows
        return "\n".join(map(str, lines))

    def save_to(self, path: Path) -> None:
        """Write the lines that are shown to a text file, in a job."""
        text = "\n".join(map(str, self.model.rows)) + "\n"
        self.problem_label.hide()
        self.viewer.jobs.run(
            "Saving the log",
            lambda: call_job(lambda: path.write_text(text, encoding="utf-8")),
            on_failure=self._on_save_failed,
            quiet=True,
        )

    def _connect(self) -> None:
        self.level_box.currentIndexChanged.connect(lambda _index: self._on_filter_changed())
        self.search_field.textChanged.connect(lambda _text: self._on_filter_changed())
        self.table.selectionModel().currentRowChanged.connect(lambda now, _before: self._on_line_chosen(now))
        self.copy_button.clicked.connect(lambda _checked: self._copy())
        self.save_button.clicked.connect(lambda _checked: self._on_save_clicked())
        self.clear_button.clicked.connect(lambda _checked: self._on_clear_clicked())
        copy = QAction("Copy", self.table)
        copy.setShortcut(QKeySequence.Copy)
        copy.setShortcutContext(Qt.WidgetShortcut)
        copy.triggered.connect(lambda _checked: self._copy())
        self.table.addAction(copy)

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.chosen_text())

    def _show_count(self) -> None:
        shown, kept = len(self.model.rows), len(self.model.lines)
        self.count_label.setText(counted(shown, "line") if shown == kept else f"{shown:,} of {counted(kept, 'line')}")

    def _on_filter_changed(self) -> None:
        self.model.set_filter(self.level_box.currentData(), self.search_field.text())
        self.whole_text.clear()
        self._show_count()
        self.table.scrollToBottom()

    def _on_line_chosen(self, index: QModelIndex) -> None:
        self.whole_text.setPlainText(str(self.model.rows[index.row()]) if index.isValid() else "")

    def _on_save_clicked(self) -> None:
        if path := ask_new_file(self, self.viewer, "Save the log", FILE_NAME, ["Text (*.txt)"]):
            self.save_to(path)

    def _on_save_failed(self, failure: Failure) -> None:
        self.problem_label.setText(failure.text)
        self.problem_label.show()

    def _on_clear_clicked(self) -> None:
        self._records.clear()
        self.model.clear()
        self.whole_text.clear()
        self._show_count()


def _level_icon(level: int) -> QPixmap:
    used = theme()
    if level >= logging.ERROR:
        return pixmap("error", used.error, 16)
    if level >= logging.WARNING:
        return pixmap("warning", used.warning, 16)
    return pixmap("info", used.dim, 16)
