"""The rows that the tree model has read so far, known by numbers that its indexes carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from DICOMModule.database import PatientSummary, StudySummary
from DICOMModule.widgets.browser.selection import Summary

ROOT_NUMBER: Final = 0
LEVELS: Final = 4
SERIES_LEVEL: Final = 3


@dataclass(slots=True, eq=False)
class Node:
    """A row of the tree, or its root.

    Attributes
    ----------
    number : int
        What its indexes carry. A number is never used twice, so an index that is out of date finds no node; its
        remainder by `LEVELS` is the level, which Qt asks for too often to look the node up each time.
    summary : summary or None
        None for the root.
    row : int
        Its place among the children of `parent`.
    children : list of Node or None
        None until they were read.
    more : bool
        Further children are in the database.
    """

    number: int
    parent: Node | None
    summary: Summary | None
    row: int = 0
    children: list[Node] | None = None
    more: bool = False

    @property
    def key(self) -> int | str:
        """What it is known by among those beside it."""
        return "" if self.summary is None else key_of(self.summary)

    @property
    def is_open(self) -> bool:
        """Whether its children were read."""
        return self.children is not None


class Nodes:
    """The root and all that has been read below it."""

    def __init__(self) -> None:
        self.root = Node(ROOT_NUMBER, None, None)
        self._known = {ROOT_NUMBER: self.root}
        self._last = ROOT_NUMBER

    def __contains__(self, node: Node) -> bool:
        return node.number in self._known

    def clear(self) -> None:
        """Forget all rows."""
        self.root = Node(ROOT_NUMBER, None, None)
        self._known = {ROOT_NUMBER: self.root}

    def find(self, number: int) -> Node | None:
        """Return the node of that number; None where it has gone."""
        return self._known.get(number)

    def open_rows(self) -> list[Node]:
        """Return the rows whose children were read."""
        return [node for node in self._known.values() if node.is_open and node is not self.root]

    def insert(self, parent: Node, place: int, summaries: Iterable[Summary]) -> None:
        """Put new rows among the children of `parent`."""
        made = [self._made(parent, summary) for summary in summaries]
        children = parent.children = parent.children if parent.children is not None else []
        children[place:place] = made
        renumber(children, place)

    def remove(self, parent: Node, first: int, last: int) -> None:
        """Forget the children `first` to `last` of `parent`, and all below them."""
        children = parent.children or []
        gone = children[first : last + 1]
        del children[first : last + 1]
        renumber(children, first)
        while gone:
            node = gone.pop()
            del self._known[node.number]
            gone += node.children or ()

    def _made(self, parent: Node, summary: Summary) -> Node:
        self._last += LEVELS
        number = self._last + level_of(parent.number) + 1
        node = self._known[number] = Node(number, parent, summary)
        return node


def level_of(number: int) -> int:
    """Return the level that a number tells: 0 the root, 1 patients, 2 studies, 3 series."""
    return number % LEVELS


def key_of(summary: Summary) -> int | str:
    """Return what a summary is known by among those beside it."""
    if isinstance(summary, PatientSummary):
        return summary.patient
    return summary.study_instance_uid if isinstance(summary, StudySummary) else summary.series_instance_uid


def renumber(children: list[Node], first: int) -> None:
    """Tell the children from `first` on their places."""
    for row in range(first, len(children)):
        children[row].row = row
