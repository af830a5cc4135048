"""Two data sets element by element: what is the same, what differs, and what only one of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from DICOMModule.dicom.tag_list import TagElement, TagValue

State: TypeAlias = Literal["same", "different", "first", "second"]
_Key: TypeAlias = tuple[int, int, str, int, int]

WHOLE = 1 << 40
"""So large are the binary values that are compared by their content: all of them."""


@dataclass(frozen=True, slots=True)
class ComparedValue:
    """An element as one of the two has it.

    Attributes
    ----------
    tag : str
        ``"GGGG,EEEE"``; that of a private element may differ, as each file reserves its blocks for itself.
    vr : str
        Value representation.
    value : str, number, list, dict or None
        See `TagRow`.
    items : int
        Of a sequence, how many items it has.
    """

    tag: str
    vr: str
    value: TagValue
    items: int = 0


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One element of two data sets.

    Attributes
    ----------
    tag, keyword, name : str
        As in the first that has it; see `TagElement`.
    depth : int
        0 for the data set itself, 1 inside a sequence of it, and so on.
    state : str
        ``same``, ``different``, or which one alone has it: ``first`` or ``second``. A sequence is different where
        anything inside it is.
    first, second : ComparedValue or None
        What each has.
    """

    tag: str
    keyword: str
    name: str
    depth: int
    state: State
    first: ComparedValue | None
    second: ComparedValue | None


@dataclass(frozen=True, slots=True)
class ComparedItem:
    """The items of one number of a sequence; `state` as for a row."""

    number: int
    state: State
    elements: tuple[ComparedElement, ...]


@dataclass(frozen=True, slots=True)
class ComparedElement:
    """A row, and of a sequence its items, put side by side by their numbers."""

    row: ComparedRow
    items: tuple[ComparedItem, ...] = ()


def compare_elements(first: Sequence[TagElement], second: Sequence[TagElement]) -> tuple[ComparedElement, ...]:
    """Return two trees of data elements as one, in the order of their tags.

    Elements of one tag stand side by side; private ones those of one creator and number, wherever each file has its block
    (PS3.5 7.8.1). Binary values are told apart by their digests, where both have one.
    """
    mine, others = _keyed(first), _keyed(second)
    found: dict[_Key, ComparedElement] = {}
    for key, element in mine.items():
        found[key] = _both(element, others[key]) if key in others else _alone(element, "first")
    found |= {key: _alone(element, "second") for key, element in others.items() if key not in mine}
    return tuple(found[key] for key in sorted(found))


def flat(elements: Sequence[ComparedElement]) -> Iterator[ComparedRow]:
    """Yield every row; after a sequence those of its items, one depth further."""
    for element in elements:
        yield element.row
        for item in element.items:
            yield from flat(item.elements)


def search_compared(rows: Sequence[ComparedRow], text: str) -> list[ComparedRow]:
    """Return the rows in whose tag, keyword or values `text` occurs, upper and lower case alike."""
    wanted = text.casefold()
    return [row for row in rows if wanted in _searched(row).casefold()]


def _searched(row: ComparedRow) -> str:
    values = [one.value for one in (row.first, row.second) if one is not None]
    return " ".join([row.tag, row.keyword, *map(str, values)])


def _keyed(elements: Sequence[TagElement]) -> dict[_Key, TagElement]:
    """Return the elements by what those of another data set are found by."""
    creators: dict[tuple[int, int], str] = {}
    seen: Counter[tuple[int, str]] = Counter()
    ordinals: dict[tuple[int, int], int] = {}
    keyed: dict[_Key, TagElement] = {}
    for element in elements:
        group, number = (int(part, 16) for part in element.row.tag.split(","))
        is_private = group % 2 == 1
        if is_private and 0x10 <= number <= 0xFF:
            name = str(element.row.value or "").strip()
            creators[group, number] = name
            ordinals[group, number] = seen[group, name]  # a creator may reserve several blocks
            seen[group, name] += 1
            keyed[group, 0, name, ordinals[group, number], 0] = element
        elif is_private and (group, number >> 8) in creators:
            block = group, number >> 8
            keyed[group, 1, creators[block], ordinals[block], number & 0xFF] = element
        else:
            keyed[group, 1 if is_private else 0, "", 0, number] = element
    return keyed


def _both(first: TagElement, second: TagElement) -> ComparedElement:
    items: list[ComparedItem] = []
    for number, (one, other) in enumerate(zip(first.items, second.items, strict=False), start=1):
        elements = compare_elements(one, other)
        same = all(element.row.state == "same" for element in elements)
        items.append(ComparedItem(number, "same" if same else "different", elements))
    items += _items_alone(first.items, "first", len(second.items))
    items += _items_alone(second.items, "second", len(first.items))
    same = all(item.state == "same" for item in items) and (
        (first.row.vr, first.row.value, first.digest) == (second.row.vr, second.row.value, second.digest)
    )
    return ComparedElement(_row(first, "same" if same else "different", _value(first), _value(second)), tuple(items))


def _alone(element: TagElement, state: Literal["first", "second"]) -> ComparedElement:
    value = _value(element)
    sides = (value, None) if state == "first" else (None, value)
    return ComparedElement(_row(element, state, *sides), _items_alone(element.items, state))


def _items_alone(
    items: Sequence[Sequence[TagElement]], state: Literal["first", "second"], after: int = 0
) -> tuple[ComparedItem, ...]:
    """Return the items after so many, which the other does not have."""
    return tuple(
        ComparedItem(number, state, tuple(_alone(element, state) for element in item))
        for number, item in enumerate(items, start=1)
        if number > after
    )


def _row(shown: TagElement, state: State, first: ComparedValue | None, second: ComparedValue | None) -> ComparedRow:
    row = shown.row
    return ComparedRow(row.tag, row.keyword, shown.name, row.depth, state, first, second)


def _value(element: TagElement) -> ComparedValue:
    return ComparedValue(element.row.tag, element.row.vr, element.row.value, len(element.items))
