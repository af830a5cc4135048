"""Query: asks servers, shows what they have while they answer, and has it retrieved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.jobs import Progress
from DICOMModule.widgets.banners import Banners
from DICOMModule.widgets.browser.anonymity import Anonymity
from DICOMModule.widgets.dialogs.state_line import show_state
from DICOMModule.widgets.exchange.gathering import Gathered
from DICOMModule.widgets.exchange.query_form import ListenerFields, QueryFields, QueryForm, QueryServers
from DICOMModule.widgets.exchange.result_delegate import ResultDelegate
from DICOMModule.widgets.exchange.result_model import ResultModel
from DICOMModule.widgets.exchange.result_node import DATE, ResultNode
from DICOMModule.widgets.exchange.retrieving import Retriever
from DICOMModule.widgets.exchange.series_asking import SeriesAsking
from DICOMModule.widgets.job_runner import Failure, JobHandle, Lane
from DICOMModule.widgets.qt import (
    QEvent,
    QHeaderView,
    QKeyEvent,
    QKeySequence,
    QObject,
    QShortcut,
    Qt,
    QTimer,
    QWidget,
    pyqtSignal,
)
from DICOMModule.widgets.servers.server_book import ServerBook
from DICOMModule.widgets.viewer import Viewer
from DICOMModule.widgets.wording import counted

if TYPE_CHECKING:
    from DICOMModule.network.matches import QueryResult
    from DICOMModule.network.retrieving import RetrieveReport

WIDTHS_PX: Final = (186, 96, 118, 84, 168, 70, 78, 76, 100, 100)
AT_ONCE: Final = 250


class QueryDialog(QueryForm):
    """The dialog Query of the panel.

    Parameters
    ----------
    book : ServerBook
        The servers, and the Logic that asks them.
    retriever : Retriever
        Retrieves what is chosen.

    Signals
    -------
    add_requested
        A server is to be added to the address book.
    """

    add_requested = pyqtSignal()

    def __init__(self, book: ServerBook, retriever: Retriever, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self.resize(1240, 700)
        self._book = book
        self._retriever = retriever
        self._kind = "info"
        self._is_gone = False
        self._searching: JobHandle | None = None
        self._gathered: Gathered[ResultNode] = Gathered(_nodes_of)
        self.banners = Banners()
        self.banner_place.addWidget(self.banners)
        self.fields = QueryFields(self)
        self.listener_fields = ListenerFields(self, viewer.settings)
        self.model = ResultModel(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._show_selection)
        self._make_view()
        self._series = SeriesAsking(self.results_view, self.model, book, viewer.jobs)
        self.servers = QueryServers(self.servers_list, book, viewer.settings)
        self._connect()
        self._anonymity = Anonymity(viewer.views, (self.model,), self)
        self._show_buttons()
        self._show_selection()

    @property
    def is_settled(self) -> bool:
        """Whether no server is being asked for anything."""
        return self._searching is None and not self._series.is_busy and not self._gathered.waits

    @property
    def selected(self) -> tuple[ResultNode, ...]:
        """The studies and series that are selected; series of a study that is selected too are left out."""
        nodes: list[ResultNode] = []
        selected = self.results_view.selectionModel().selection()
        for number in range(selected.count()):  # Qt's own list of rows asks each cell
            chunk = selected[number]
            nodes += self.model.nodes_below(chunk.parent())[chunk.top() : chunk.bottom() + 1]
        chosen = set(nodes)
        return tuple(node for node in nodes if not node.is_line and node.parent not in chosen)

    def show_query(self) -> None:
        """Show the dialog, ready to be filled in."""
        self._book.read_once()
        self.present()
        self.fields.name_field.setFocus()

    def search(self) -> None:
        """Ask the servers that are ticked."""
        names = self.servers.ticked
        if self._searching is not None or not names:
            return
        try:
            query = self.fields.query
        except SettingsError as error:
            self._show_state("error", str(error))
            return
        self._series.stop()
        self.banners.clear()
        self.model.clear()
        self._gathered = Gathered(_nodes_of)
        gathered, logic = self._gathered, self._book.logic
        handle = self.viewer.jobs.run(
            f"Asking {counted(len(names), 'server')}",
            lambda: gathered.run_job(logic.query_job(names, query)),
            on_success=lambda result: self._end(handle, partial(self._on_found, result)),
            on_failure=lambda failure: self._end(handle, partial(self._on_failed, failure)),
            on_cancelled=lambda: self._end(handle, self._on_cancelled),
            quiet=True,
            lane=Lane.NETWORK,
            owner=logic,
        )
        self._searching = handle
        handle.changed.connect(lambda: self._on_progress(handle))
        self._show_state("info", f"Asking {_listed(names)}…")
        self._show_buttons()

    def cancel(self) -> None:
        """Ask for nothing more."""
        if self._searching is not None:
            self._searching.cancel()

    def retrieve(self) -> None:
        """Retrieve what is selected, a job a server."""
        by_server: dict[str, list[ResultNode]] = {}
        for node in self.selected:
            by_server.setdefault(node.server, []).append(node)
        for server, nodes in by_server.items():
            fault = next((node.fault for node in nodes if node.fault), "")
            if fault:
                self.banners.show_error(f"{plain_text(server)}: {fault}")
                continue
            keys = [node.key for node in nodes if node.key is not None]
            self._retriever.start(server, keys, _what(nodes), partial(self._on_retrieved, nodes))

    def let_go(self) -> None:
        """Listen to no job any more: the dialog is about to go."""
        self.cancel()
        self._series.stop()
        self._searching = None
        self._is_gone = True

    def done(self, result: int) -> None:
        """Ask for nothing more; what is being retrieved goes on."""
        self.cancel()
        super().done(result)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icons anew with another theme."""
        if event.type() == QEvent.PaletteChange and hasattr(self, "fields"):
            self.model.follow_theme()
            self.fields.set_icons()
            self._show_state(self._kind, self.state_text.text())
        super().changeEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let Enter in the list retrieve; elsewhere it searches."""
        if watched is self.results_view and isinstance(event, QKeyEvent) and event.type() == QEvent.KeyPress:
            is_enter = event.key() in {Qt.Key_Return, Qt.Key_Enter}
            if is_enter:
                self.retrieve_button.click()
            return is_enter
        return super().eventFilter(watched, event)

    # -- how it is made

    def _make_view(self) -> None:
        view = self.results_view
        view.setModel(self.model)
        view.setItemDelegate(ResultDelegate(view))
        header = view.header()
        header.setSectionResizeMode(QHeaderView.Interactive)
        header.setStretchLastSection(True)
        header.setSortIndicator(DATE, Qt.DescendingOrder)
        for column, width in enumerate(WIDTHS_PX):
            view.setColumnWidth(column, width)
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keep)
        self.bar.setRange(0, 0)

    def _connect(self) -> None:
        self.servers.changed.connect(self._show_buttons)
        self.add_button.clicked.connect(lambda _checked: self.add_requested.emit())
        self.search_button.clicked.connect(lambda _checked: self._on_search_clicked())
        self.clear_button.clicked.connect(lambda _checked: self.fields.clear())
        self.retrieve_button.clicked.connect(lambda _checked: self.retrieve())
        self.close_button.clicked.connect(lambda _checked: self.close())
        self.results_view.installEventFilter(self)
        self.results_view.doubleClicked.connect(lambda _index: self.results_view.setFocus())
        self.results_view.selectionModel().selectionChanged.connect(lambda _now, _before: self._rest.start())
        keys: tuple[tuple[str, Callable[[], object]], ...] = (
            ("Ctrl+R", self.retrieve_button.click),
            ("Ctrl+F", self.fields.name_field.setFocus),
        )
        for key, act in keys:
            QShortcut(QKeySequence(key), self).activated.connect(act)

    # -- a search

    def _on_search_clicked(self) -> None:
        if self._searching is not None:
            self.cancel()
        else:
            self.search()

    def _on_progress(self, handle: JobHandle) -> None:
        if handle is self._searching:
            self._take()
            if not handle.state.is_over and self.model.studies:
                self._show_state("info", f"{_studies(len(self.model.studies))} so far…")

    def _take(self) -> None:
        self.model.add_nodes(tuple(self._gathered.take(AT_ONCE)))

    def _end(self, handle: JobHandle, then: Callable[[], object]) -> None:
        """Show the rest of what came, some rows at a time, then go on."""
        if handle is not self._searching:
            return
        self._take()
        if self._gathered.waits:
            QTimer.singleShot(0, lambda: self._end(handle, then))
            return
        self._searching = None
        header = self.results_view.header()
        self.model.sort(header.sortIndicatorSection(), header.sortIndicatorOrder())
        then()
        self._show_buttons()

    def _on_found(self, result: QueryResult) -> None:
        number = len(self.model.studies)
        for problem in result.problems:
            self.banners.show_warning(f"{plain_text(problem.where)}: {problem.reason}")
        if result.truncated and not result.problems:
            self.banners.show_warning(
                f"There may be more than these {_studies(number)}: a limit was hit. Ask for less at once, a day perhaps."
            )
        told = f"{_studies(number)} in {result.elapsed_s:.1f} s." if number else "Nothing was found."
        self._show_state("warning" if result.truncated else "ok" if number else "info", told)
        if number and not self.results_view.currentIndex().isValid():
            self.results_view.setCurrentIndex(self.model.index(0, 0))

    def _on_failed(self, failure: Failure) -> None:
        self.banners.show_failure(failure)
        self._show_state("error", "The query failed.")

    def _on_cancelled(self) -> None:
        self._show_state("warning", f"Cancelled: {_studies(len(self.model.studies))} came before.")

    # -- what is selected, and retrieved

    def _on_retrieved(self, nodes: list[ResultNode], report: RetrieveReport) -> None:
        """Mark what is here now; where something failed it is not known of which study."""
        local = "part" if report.failed else "all"
        if self._is_gone or not report.received + report.already_present:
            return
        self.model.set_locals([node for node in nodes if self._is_shown(node)], local)

    def _is_shown(self, node: ResultNode) -> bool:
        rows = self.model.studies if node.parent is None else node.parent.children or ()
        is_there = node.place < len(rows) and rows[node.place] is node
        return is_there and (node.parent is None or self._is_shown(node.parent))

    def _show_selection(self) -> None:
        nodes = self.selected
        known = sum(node.images for node in nodes)
        what = _what(list(nodes)) if nodes else "Nothing selected"
        self.selection_label.setText(f"{what}, {counted(known, 'image')}" if known else what)
        self.retrieve_button.setEnabled(bool(nodes))

    def _show_buttons(self) -> None:
        asked = self.servers.ticked
        running = self._searching is not None
        self.search_button.setText("Cancel" if running else "Search")
        self.search_button.setToolTip(
            "Ask for nothing more (Esc closes)" if running else "Ask the ticked servers (Enter)"
        )
        self.search_button.setEnabled(running or bool(asked))
        self.bar.setVisible(running)
        if not running and not self._book.dimse_entries:
            self._show_state("info", "There is no server yet: add one first.")
        elif not running and not asked:
            self._show_state("info", "Tick the servers that are to be asked.")
        elif not running and self._kind == "info":
            self._show_state("info", "Fill in what you know; every field may stay empty.")

    def _show_state(self, kind: str, text: str) -> None:
        self._kind = kind
        show_state(self.state_icon, self.state_text, kind, text)


def _nodes_of(progress: Progress) -> tuple[ResultNode, ...]:
    """Make rows of what was answered, in the thread of the job."""
    found: Any = getattr(progress, "matches", ())
    return tuple(ResultNode(match) for match in found)


def _what(nodes: list[ResultNode]) -> str:
    studies = sum(node.parent is None for node in nodes)
    parts = [(studies, "study", "studies"), (len(nodes) - studies, "series", "series")]
    return ", ".join(counted(number, one, many) for number, one, many in parts if number)


def _studies(number: int) -> str:
    return counted(number, "study", "studies")


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(plain_text, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
