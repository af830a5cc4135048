"""The data elements of a file as a tree of texts that can be searched; no Qt here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from DICOMModule.dicom.tag_comparison import ComparedValue
from DICOMModule.dicom.tag_list import TagElement, TagRow, TagValue
from DICOMModule.readers.offers import uid_name
from DICOMModule.widgets.wording import counted

LINE_END: Final = " ↵ "
HIDDEN: Final = "(hidden)"
_PATIENT_GROUPS: Final = (0x0010, 0x0038)
# accession number, institution and its address, addresses and telephones of physicians, Study ID, IDs of the request
_IDENTIFYING: Final = frozenset((
    "0008,0050", "0008,0080", "0008,0081", "0008,0092", "0008,0094", "0020,0010", "0040,0009", "0040,0253", "0040,1001",
))  # fmt: skip

Key: TypeAlias = tuple[str | int, ...]
"""Where a node is: tags and numbers of items, from the top; the same in every instance."""


class TagNode:
    """A data element, or an item of a sequence, with what is inside it.

    Attributes
    ----------
    key : tuple
        See `Key`.
    tag, name, keyword, vr, value : str
        As shown; an item has neither keyword nor VR.
    parent : TagNode or None
        None for the root alone, which is not shown.
    place : int
        Which of its parent's children it is, from 0.
    children : list of TagNode
        Items of a sequence, or elements of an item.
    is_hit : bool
        What is searched for is in this node itself.
    second, state : str
        Where two files are compared: the other one's value, and whether the two are the same; else empty.
    """

    __slots__ = (
        "children", "is_hit", "key", "keyword", "name", "parent", "place", "second", "state", "tag", "text", "value", "vr",
    )  # fmt: skip

    def __init__(
        self,
        key: Key,
        tag: str,
        name: str,
        *,
        keyword: str = "",
        vr: str = "",
        value: str = "",
        second: str = "",
        state: str = "",
    ) -> None:
        self.key = key
        self.tag = tag
        self.name = name
        self.keyword = keyword
        self.vr = vr
        self.value = value
        self.second = second
        self.state = state
        self.parent: TagNode | None = None
        self.place = 0
        self.children: list[TagNode] = []
        self.is_hit = False
        self.text = f"{tag} {tag.replace(',', '')} {name} {keyword} {value} {second}".casefold() if vr else ""

    def copy(self) -> TagNode:
        """Return a node that says the same, with nothing below it."""
        return TagNode(
            self.key,
            self.tag,
            self.name,
            keyword=self.keyword,
            vr=self.vr,
            value=self.value,
            second=self.second,
            state=self.state,
        )

    def add(self, child: TagNode) -> None:
        """Put a node below this one, as the last."""
        child.parent, child.place = self, len(self.children)
        self.children.append(child)

    @property
    def depth(self) -> int:
        """How many nodes it lies below, the root not counted."""
        return len(self.key) - 1

    def walk(self) -> Iterator[TagNode]:
        """Yield all nodes below this one in the order in which they are read."""
        for child in self.children:
            yield child
            yield from child.walk()

    def find(self, key: Key) -> TagNode | None:
        """Return the node of that key below this one; None where there is none."""
        node: TagNode | None = self
        for length in range(1, len(key) + 1):
            if node is None:
                return None
            node = next((child for child in node.children if child.key == key[:length]), None)
        return node


def tag_nodes(elements: Iterable[TagElement], *, anonymous: bool = False) -> TagNode:
    """Return the root of the tree that shows these elements; `anonymous`: values that may tell the patient are hidden."""
    root = TagNode((), "", "")
    _add(root, elements, anonymous=anonymous)
    return root


def is_identifying(tag: str, vr: str) -> bool:
    """Return whether a value may tell who the patient is: names, IDs, the patient and visit groups, private elements."""
    group, number = int(tag[:4], 16), int(tag[5:], 16)
    is_private = group % 2 == 1 and number > 0xFF  # below, there are only the names of who has reserved a block
    return vr == "PN" or group in _PATIENT_GROUPS or is_private or tag in _IDENTIFYING


def searched(root: TagNode, text: str) -> TagNode:
    """Return a tree of the nodes in which `text` occurs, upper and lower case alike, and of those that they lie in.

    Of a sequence that is a hit everything that is inside it is kept.
    """
    found = TagNode((), "", "")
    wanted = text.casefold()
    for child in root.children:
        kept = _kept(child, wanted, whole=False)
        if kept is not None:
            found.add(kept)
    return found


def element_name(tag: str, name: str) -> str:
    """Return what an element is called: by its name, else that it is private or unknown."""
    return name or ("Private element" if int(tag[:4], 16) % 2 == 1 else "Unknown element")


def value_text(row: TagRow | ComparedValue, items: int) -> str:
    """Return a value as people read it: several joined by backslashes as in the file, bytes and items counted."""
    if row.vr == "SQ":
        return counted(items, "item")
    if isinstance(row.value, dict):
        return counted(row.value["bytes"], "byte")
    shown = _joined(row.value)
    if row.vr == "UI" and shown:
        return " \\ ".join(_named_uid(uid) for uid in shown.split("\\"))
    return shown


def _joined(value: TagValue) -> str:
    values = value if isinstance(value, list) else [value]
    return "\\".join("" if one is None else str(one) for one in values)


def _named_uid(uid: str) -> str:
    name = uid_name(uid)
    return uid if name in {uid, "unnamed"} else f"{uid} ({name})"


def _add(parent: TagNode, elements: Iterable[TagElement], *, anonymous: bool) -> None:
    for element in elements:
        row = element.row
        hidden = anonymous and row.vr != "SQ" and row.value is not None and is_identifying(row.tag, row.vr)
        node = TagNode(
            (*parent.key, row.tag),
            f"({row.tag})",
            element_name(row.tag, element.name),
            keyword=row.keyword,
            vr=row.vr,
            value=HIDDEN if hidden else value_text(row, len(element.items)),
        )
        parent.add(node)
        for number, item in enumerate(element.items, start=1):
            below = TagNode((*node.key, number), f"Item {number}", counted(len(item), "element"))
            node.add(below)
            _add(below, item, anonymous=anonymous)


def _kept(node: TagNode, wanted: str, *, whole: bool) -> TagNode | None:
    made = node.copy()
    made.is_hit = bool(node.text) and wanted in node.text
    for child in node.children:
        kept = _kept(child, wanted, whole=whole or made.is_hit)
        if kept is not None:
            made.add(kept)
    return made if whole or made.is_hit or made.children else None
