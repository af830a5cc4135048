"""What servers answered to a query, as a tree: studies, and below each its series once they were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from DICOMModule.dicom.person_name import person_name
from DICOMModule.errors import plain_text
from DICOMModule.widgets.browser.anonymity import HIDDEN
from DICOMModule.widgets.qt import QAbstractItemModel, QModelIndex, QObject, Qt
from DICOMModule.widgets.theme import icon, theme
from DICOMModule.widgets.wording import plain_tooltip

ROOT: Final = QModelIndex()
NODE_ROLE: Final = Qt.UserRole
COLUMNS: Final = (
    "Patient name", "Patient ID", "Study date", "Modality", "Description", "Series", "Images", "Here", "Server", "Birth date", "Accession",
)  # fmt: skip
NAME, PATIENT_ID, DATE, MODALITY, DESCRIPTION, SERIES, IMAGES, HERE, SERVER, BIRTH_DATE, ACCESSION = range(len(COLUMNS))
NUMBERS: Final = frozenset((SERIES, IMAGES))
TELLING: Final = frozenset((NAME, PATIENT_ID, BIRTH_DATE, ACCESSION))
LOCAL_WORDS: Final = {"all": "all", "part": "in part", "none": "", "unknown": ""}
STUDY_KEYS: Final = {
    NAME: "patient_name", PATIENT_ID: "patient_id", BIRTH_DATE: "patient_birth_date", DATE: "study_date",
    MODALITY: "modalities_in_study", DESCRIPTION: "study_description", SERIES: "series", IMAGES: "instances",
    ACCESSION: "accession_number",
}  # fmt: skip
SERIES_KEYS: Final = {DATE: "series_date", MODALITY: "modality", DESCRIPTION: "series_description", IMAGES: "instances"}


class Answer(Protocol):
    """What a server answered: a `Match` of `network.matches`."""

    @property
    def server(self) -> str:
        """The server's name in the address book."""

    @property
    def level(self) -> str:
        """``study`` or ``series``."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Keys as `list` has them."""

    @property
    def local(self) -> str:
        """How much of it the local database has: ``none``, ``part``, ``all`` or ``unknown``."""


@dataclass(eq=False)
class ResultNode:
    """A row: a study, a series, or a line that says why there are no series.

    Attributes
    ----------
    match : Answer or None
        What was answered; None for such a line.
    parent : ResultNode or None
        The study of a series.
    note : str
        What the line says.
    children : list of ResultNode or None
        None as long as nobody asked.
    local : str
        As `Answer.local`, kept up to date by what is retrieved.
    place : int
        Its row among its siblings.
    """

    match: Answer | None
    parent: ResultNode | None = None
    note: str = ""
    children: list[ResultNode] | None = None
    local: str = "unknown"
    place: int = 0

    def value(self, key: str) -> str:
        """Return one of its values as text; empty where the server did not say."""
        return "" if self.match is None else _text(self.match.values.get(key))

    def text(self, column: int) -> str:
        """Return what a column says; made when it is asked for, as most of many rows are never seen."""
        if self.match is None:
            return self.note if column == 0 else ""
        if column == SERVER:
            return plain_text(self.match.server)
        if column == HERE:
            return LOCAL_WORDS[self.local]
        keys = STUDY_KEYS if self.parent is None else SERIES_KEYS
        if column == NAME and self.parent is None:
            return plain_text(person_name(self.value("patient_name"))) or "(no name)"
        if column == NAME:
            number = self.value("series_number")
            return plain_text(f"Series {number}" if number else "Series")
        return plain_text(self.value(keys[column])) if column in keys else ""


class ResultModel(QAbstractItemModel):
    """Studies of several servers in one list; each row says which server it is of."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._studies: list[ResultNode] = []
        self._anonymous = False
        self._icons: dict[str, Any] = {}

    @property
    def studies(self) -> Sequence[ResultNode]:
        """The studies, in the order in which they are shown."""
        return self._studies

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self._studies = []
        self.endResetModel()

    def add(self, matches: Sequence[Answer]) -> None:
        """Put studies at the end."""
        if matches:
            first = len(self._studies)
            self.beginInsertRows(ROOT, first, first + len(matches) - 1)
            self._studies += [_node(match, None, first + place) for place, match in enumerate(matches)]
            self.endInsertRows()

    def set_children(self, node: ResultNode, matches: Sequence[Answer]) -> None:
        """Show the series of a study."""
        self._exchange(node, [_node(match, node, place) for place, match in enumerate(matches)])

    def set_note(self, node: ResultNode, note: str) -> None:
        """Show a line below a study in the place of its series."""
        self._exchange(node, [ResultNode(None, node, note)])

    def forget_children(self, node: ResultNode) -> None:
        """Ask for the series of a study anew when it is unfolded again."""
        self._exchange(node, None)

    def set_local(self, node: ResultNode, local: str) -> None:
        """Say how much of a study or series is here now; what lies below a study that is all here is, too."""
        for one in (node, *(node.children or ())):
            if one is node or local == "all":
                one.local = local
                index = self.index_of(one, HERE)
                self.dataChanged.emit(index, index)
        if node.parent is not None and node.parent.children:
            states = {child.local for child in node.parent.children}
            if node.parent.local != "all":
                node.parent.local = (
                    "all" if states == {"all"} else "part" if states & {"all", "part"} else node.parent.local
                )
                index = self.index_of(node.parent, HERE)
                self.dataChanged.emit(index, index)

    def set_anonymous(self, anonymous: bool) -> None:
        """Hide who the patients are, or show it."""
        self._anonymous = anonymous
        if self._studies:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._studies) - 1, len(COLUMNS) - 1))

    def follow_theme(self) -> None:
        """Tint the icons anew."""
        self._icons.clear()

    def index_of(self, node: ResultNode, column: int = 0) -> QModelIndex:
        """Return the index of a row."""
        return self.createIndex(node.place, column, node)

    def cell(self, index: QModelIndex) -> tuple[str, Any]:
        """Return the text and the icon of a cell; None for no icon."""
        node, column = index.internalPointer(), index.column()
        return self._shown(node, column), self._decoration(node, column)

    # -- what Qt asks

    def index(self, row: int, column: int, parent: QModelIndex = ROOT) -> QModelIndex:
        """Return the index of a cell."""
        rows = self._rows(parent)
        if not (0 <= row < len(rows) and 0 <= column < len(COLUMNS)):
            return QModelIndex()
        return self.createIndex(row, column, rows[row])

    def parent(self, index: QModelIndex) -> QModelIndex:  # type: ignore[override]
        """Return the study of a series."""
        node = index.internalPointer() if index.isValid() else None
        return QModelIndex() if node is None or node.parent is None else self.index_of(node.parent)

    def rowCount(self, parent: QModelIndex = ROOT) -> int:
        """Return how many rows lie below."""
        return 0 if parent.column() > 0 else len(self._rows(parent))

    def columnCount(self, _parent: QModelIndex = ROOT) -> int:
        """Return how many columns there are."""
        return len(COLUMNS)

    def hasChildren(self, parent: QModelIndex = ROOT) -> bool:
        """Return whether something lies below; a study whose series were not asked for is taken to have some."""
        if not parent.isValid():
            return bool(self._studies)
        node = parent.internalPointer()
        return node.parent is None and (node.children is None or bool(node.children))

    def flags(self, index: QModelIndex) -> Qt.ItemFlags:
        """Return what can be done with a cell: lines that only say something cannot be selected."""
        if index.isValid() and index.internalPointer().match is None:
            return Qt.ItemFlags(Qt.ItemIsEnabled)
        return super().flags(index)

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a cell."""
        if not index.isValid():
            return None
        node, column = index.internalPointer(), index.column()
        if role == NODE_ROLE:
            return node
        if role == Qt.DisplayRole:
            return self._shown(node, column)
        if role == Qt.ToolTipRole:
            return plain_tooltip(self._shown(node, column))
        if role == Qt.TextAlignmentRole and column in NUMBERS:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        if role == Qt.DecorationRole:
            return self._decoration(node, column)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.DisplayRole) -> Any:
        """Return the title of a column."""
        if orientation != Qt.Horizontal:
            return None
        if role == Qt.TextAlignmentRole and section in NUMBERS:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        if role == Qt.ToolTipRole and section == HERE:
            return "How much of it the local database has"
        return COLUMNS[section] if role == Qt.DisplayRole else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.AscendingOrder) -> None:
        """Put the studies, and the series of each, in the order of a column; what was selected and unfolded stays so."""
        if column < 0:
            return
        self.layoutAboutToBeChanged.emit()
        before = [(index, index.internalPointer()) for index in self.persistentIndexList()]
        descending = order == Qt.DescendingOrder
        for rows in (self._studies, *(study.children for study in self._studies if study.children)):
            rows.sort(key=lambda node: _sort_key(node, column), reverse=descending)
            for place, node in enumerate(rows):
                node.place = place
        for index, node in before:
            self.changePersistentIndex(index, self.createIndex(node.place, index.column(), node))
        self.layoutChanged.emit()

    # -- how a row is told

    def _rows(self, parent: QModelIndex) -> list[ResultNode]:
        return self._studies if not parent.isValid() else parent.internalPointer().children or []

    def _exchange(self, node: ResultNode, children: list[ResultNode] | None) -> None:
        parent = self.index_of(node)
        if node.children:
            self.beginRemoveRows(parent, 0, len(node.children) - 1)
            node.children = []
            self.endRemoveRows()
        if children:
            self.beginInsertRows(parent, 0, len(children) - 1)
            node.children = children
            self.endInsertRows()
        else:
            node.children = children

    def _shown(self, node: ResultNode, column: int) -> str:
        text = node.text(column)
        is_telling = self._anonymous and column in TELLING and node.parent is None
        return HIDDEN if is_telling and text else text

    def _decoration(self, node: ResultNode, column: int) -> Any:
        if column == 0 and node.match is not None:
            name, color = ("series" if node.parent is not None else "study"), theme().dim
        elif column == HERE and node.local in {"all", "part"}:
            name, color = ("ok", theme().ok) if node.local == "all" else ("unequal", theme().warning)
        else:
            return None
        return self._icons.setdefault(name, icon(name, color))


def _node(match: Answer, parent: ResultNode | None, place: int) -> ResultNode:
    return ResultNode(match, parent, local=match.local if match.local in LOCAL_WORDS else "unknown", place=place)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(str(one) for one in value if one) if isinstance(value, list | tuple) else str(value)


def _sort_key(node: ResultNode, column: int) -> tuple[int, float, str]:
    """Return what a row is sorted by: numbers as numbers, words without case, what is empty last."""
    if column == HERE:
        return 0, {"all": 0.0, "part": 1.0}.get(node.local, 2.0), ""
    text = node.text(column) if node.match is not None else ""
    number = text.removeprefix("Series ") if node.parent is not None and column == NAME else text
    if (column in NUMBERS or node.parent is not None) and number.isascii() and number.isdigit() and len(number) <= 15:
        return 0, float(number), ""
    return (1, 0.0, text.casefold()) if text else (2, 0.0, "")
