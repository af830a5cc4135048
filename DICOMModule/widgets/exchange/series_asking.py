"""The series of a study, asked for when it is unfolded in the list of a query's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.jobs import Job
from DICOMModule.widgets.exchange.result_model import ResultModel
from DICOMModule.widgets.exchange.result_node import ResultNode
from DICOMModule.widgets.job_runner import JobHandle, JobRunner, Lane
from DICOMModule.widgets.qt import QModelIndex, QObject, QTreeView
from DICOMModule.widgets.servers.server_book import ServerBook

if TYPE_CHECKING:
    from DICOMModule.network.matches import QueryResult

INSTEAD: Final = "Asking for the series…"
Answered: TypeAlias = "tuple[QueryResult, tuple[ResultNode, ...]]"


class SeriesAsking(QObject):
    """Asks the server of a study for its series; why there are none is a line in their place.

    Parameters
    ----------
    view : QTreeView
        In which studies are unfolded.
    model : ResultModel
        What it shows.
    book : ServerBook
        Has the Logic that asks.
    jobs : JobRunner
        Runs what is asked.
    """

    def __init__(self, view: QTreeView, model: ResultModel, book: ServerBook, jobs: JobRunner) -> None:
        super().__init__(view)
        self._view = view
        self._model = model
        self._book = book
        self._jobs = jobs
        self._asking: dict[JobHandle, ResultNode] = {}
        view.expanded.connect(self._on_expanded)
        view.collapsed.connect(self._on_collapsed)

    @property
    def is_busy(self) -> bool:
        """Whether a server is being asked."""
        return bool(self._asking)

    def stop(self) -> None:
        """Wait for no answer any more."""
        asking = tuple(self._asking)
        self._asking.clear()
        for handle in asking:
            handle.cancel()

    def _on_expanded(self, index: QModelIndex) -> None:
        node = self._model.node_of(index)
        if node.is_line or node.parent is not None or node.children is not None:
            return
        self._show_note(node, INSTEAD)
        self._ask(node)

    def _on_collapsed(self, index: QModelIndex) -> None:
        """Ask anew the next time where there was no answer."""
        node = self._model.node_of(index)
        if node.children and node.children[0].is_line and node not in self._asking.values():
            self._model.forget_children(node)

    def _ask(self, node: ResultNode) -> None:
        from DICOMModule.network.find_query import FindQuery

        logic, server = self._book.logic, node.server
        try:
            query = FindQuery(level="series", study_instance_uid=node.study_instance_uid)
        except SettingsError as error:  # a server may answer what is no UID
            self._show_note(node, str(error))
            return
        handle = self._jobs.run(
            "Asking for series",
            lambda: _answered_job(logic.query_job((server,), query)),
            on_success=lambda answered: self._on_found(handle, *answered),
            on_failure=lambda failure: self._on_none(handle, failure.text),
            on_cancelled=lambda: self._on_none(handle, "Nobody waited for the answer."),
            quiet=True,
            lane=Lane.NETWORK,  # a server that is stuck must not hold up the searches of the window
            owner=logic,
        )
        self._asking[handle] = node

    def _on_found(self, handle: JobHandle, result: QueryResult, series: tuple[ResultNode, ...]) -> None:
        node = self._asking.get(handle)
        if node is not None and series:
            del self._asking[handle]
            self._view.setFirstColumnSpanned(0, self._model.index_of(node), False)
            self._model.set_child_nodes(node, series)
        else:
            told = " ".join(problem.reason for problem in result.problems)
            self._on_none(handle, told or "The server names no series of it.")

    def _on_none(self, handle: JobHandle, text: str) -> None:
        node = self._asking.pop(handle, None)
        if node is not None:
            self._show_note(node, text)

    def _show_note(self, node: ResultNode, text: str) -> None:
        self._model.set_note(node, plain_text(text))
        self._view.setFirstColumnSpanned(0, self._model.index_of(node), True)


def _answered_job(job: Job[QueryResult]) -> Job[Answered]:
    """Return what was answered, and rows of it that were made in the thread of the job."""
    result = yield from job
    return result, tuple(ResultNode(match) for match in result.matches)
