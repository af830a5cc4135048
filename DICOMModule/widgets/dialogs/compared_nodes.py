"""Two files' data elements as one tree that can be searched, and shown by what differs; how it looks in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from DICOMModule.dicom.tag_comparison import ComparedElement, ComparedRow, ComparedValue, State
from DICOMModule.widgets.dialogs.tag_model import TagModel
from DICOMModule.widgets.dialogs.tag_nodes import HIDDEN, TagNode, element_name, is_identifying, value_text
from DICOMModule.widgets.qt import QColor, QModelIndex, Qt
from DICOMModule.widgets.theme import icon, theme
from DICOMModule.widgets.wording import counted

WORDS: Final[dict[State, str]] = {
    "same": "same",
    "different": "differs",
    "first": "only first",
    "second": "only second",
}
ICONS: Final = {"differs": "unequal", "only first": "minus", "only second": "plus"}
STATE_COLUMN: Final = 3


class ComparedModel(TagModel):
    """Shows both values, and before them in a word and by a mark whether they differ."""

    columns = ("Tag", "Name", "VR", "", "First", "Second")
    value_columns = (4, 5)

    def texts(self, node: TagNode) -> tuple[str, ...]:
        """Return what the columns say of a node."""
        return node.tag, node.name, node.vr, "" if node.state == WORDS["same"] else node.state, node.value, node.second

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> Any:
        """Return a cell; what differs has a mark, a word and a colour."""
        if index.isValid() and index.column() == STATE_COLUMN:
            state = self.node_of(index).state
            if role == Qt.DecorationRole and state in ICONS:
                return icon(ICONS[state], theme().warning)
            if role == Qt.ForegroundRole:
                return QColor(theme().warning)
        return super().data(index, role)


def compared_nodes(elements: Sequence[ComparedElement], *, anonymous: bool = False) -> TagNode:
    """Return the root of the tree that shows these elements; `anonymous`: what may tell the patient is hidden."""
    root = TagNode((), "", "")
    _add(root, elements, anonymous=anonymous)
    return root


def differing_nodes(root: TagNode) -> TagNode:
    """Return a tree of the nodes that differ, and of those that they lie in."""
    found = root.copy()
    for child in root.children:
        if child.state != WORDS["same"]:
            found.add(differing_nodes(child))
    return found


def differences_text(root: TagNode) -> str:
    """Return how many elements differ: ``12 of 110 elements differ``; sequences count by what is in them."""
    leaves = [node for node in root.walk() if node.vr and not node.children]
    differing = sum(node.state != WORDS["same"] for node in leaves)
    if not differing:
        return f"All {counted(len(leaves), 'element')} are the same" if leaves else ""
    return f"{differing:,} of {counted(len(leaves), 'element')} {'differs' if differing == 1 else 'differ'}"


def _add(parent: TagNode, elements: Sequence[ComparedElement], *, anonymous: bool) -> None:
    for element in elements:
        row = element.row
        node = TagNode(
            (*parent.key, row.tag),
            f"({row.tag})",
            element_name(row.tag, row.name),
            keyword=row.keyword,
            vr=_vr(row),
            value=_shown(row, row.first, anonymous=anonymous),
            second=_shown(row, row.second, anonymous=anonymous),
            state=WORDS[row.state],
        )
        parent.add(node)
        for item in element.items:
            name = counted(len(item.elements), "element")
            below = TagNode((*node.key, item.number), f"Item {item.number}", name, state=WORDS[item.state])
            node.add(below)
            _add(below, item.elements, anonymous=anonymous)


def _vr(row: ComparedRow) -> str:
    return "/".join(dict.fromkeys(value.vr for value in (row.first, row.second) if value is not None))


def _shown(row: ComparedRow, value: ComparedValue | None, *, anonymous: bool) -> str:
    if value is None:
        return ""
    if anonymous and value.vr != "SQ" and value.value is not None and is_identifying(row.tag, value.vr):
        return HIDDEN
    return value_text(value, value.items)
