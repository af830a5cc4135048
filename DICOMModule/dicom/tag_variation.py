"""What varies from instance to instance: every data element of many data sets, nested ones too, value by value."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from DICOMModule.dicom.tag_list import BINARY, TagElement, TagRow, TagValue

Path: TypeAlias = tuple[str, ...]

MOST_PATHS: Final = 200_000
"""Elements that are followed; a file that nests more than all others together is no reason to take all memory."""
ABSENT: Final = -1


@dataclass(frozen=True, slots=True)
class VaryingTag:
    """An element that is not the same in all instances.

    Attributes
    ----------
    path : str
        Its tag, after the tags and items' numbers that it lies in: ``0054,0016[1].0018,1074``.
    tag, keyword, name, vr : str
        See `TagElement`.
    depth : int
        0 for the data set itself, 1 inside a sequence of it, and so on.
    distinct : int
        How many values there are; that an instance does not have the element counts as one.
    minimum, maximum : float or None
        Where every value is a single number.
    values : tuple
        One an instance, in their order; None where it is empty, or not there; of a sequence ``{"items": N}``.
    absent : tuple of int
        Which instances, counted from 0, do not have it.
    """

    path: str
    tag: str
    keyword: str
    name: str
    vr: str
    depth: int
    distinct: int
    minimum: float | None
    maximum: float | None
    values: tuple[TagValue, ...]
    absent: tuple[int, ...]


@dataclass(slots=True)
class _Followed:
    """One element through all instances: its distinct values, and which of them each instance has."""

    element: TagElement
    numbers: dict[object, int] = field(default_factory=dict)
    values: list[TagValue] = field(default_factory=list)
    of_instances: array[int] = field(default_factory=lambda: array("l"))


class Variation:
    """Takes in data sets one after the other, and tells what varies.

    Attributes
    ----------
    instances : int
        How many were taken in.
    left_out : int
        Elements that were not followed, as there were too many.
    """

    def __init__(self) -> None:
        self.instances = 0
        self.left_out = 0
        self._followed: dict[Path, _Followed] = {}
        self._uncertain: dict[str, None] = {}

    @property
    def constant(self) -> int:
        """How many elements are the same in every instance."""
        return len(self._followed) - sum(1 for one in self._followed.values() if self._distinct(one) > 1)

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Tags of binary values that were too large to be read: of them the size alone is known."""
        return tuple(self._uncertain)

    def add(self, elements: Sequence[TagElement]) -> None:
        """Take in the data elements of the next instance."""
        for path, element in _walk(elements, ()):
            followed = self._followed.get(path)
            if followed is None:
                if len(self._followed) >= MOST_PATHS:
                    self.left_out += 1
                    continue
                followed = self._followed[path] = _Followed(element)
            row = element.row
            if isinstance(row.value, dict) and not element.digest:
                self._uncertain[row.tag] = None
            key = _key(element)
            number = followed.numbers.setdefault(key, len(followed.values))
            if number == len(followed.values):
                followed.values.append({"items": len(element.items)} if row.vr == "SQ" else row.value)
            missing = self.instances - len(followed.of_instances)
            followed.of_instances.extend([ABSENT] * missing)
            followed.of_instances.append(number)
        self.instances += 1

    def varying(self) -> tuple[VaryingTag, ...]:
        """Return the elements that differ between instances, in the order of their tags."""
        found = (
            _told(path, self._followed[path], self.instances)
            for path in sorted(self._followed)
            if self._distinct(self._followed[path]) > 1
        )
        return tuple(found)

    def _distinct(self, followed: _Followed) -> int:
        is_absent = len(followed.of_instances) < self.instances or ABSENT in followed.of_instances
        return len(followed.values) + is_absent


def _walk(elements: Sequence[TagElement], above: Path) -> Iterator[tuple[Path, TagElement]]:
    for element in elements:
        path = (*above, element.row.tag)
        yield path, element
        for number, item in enumerate(element.items, start=1):
            yield from _walk(item, (*path, f"{number:06d}"))


def _key(element: TagElement) -> object:
    """Return what two values are the same by; a sequence by how many items it has, as these are followed themselves."""
    row: TagRow = element.row
    if row.vr == "SQ":
        return len(element.items)
    value = row.value
    if isinstance(value, dict):
        return (row.vr, value["bytes"], element.digest)
    return (row.vr, tuple(value)) if isinstance(value, list) else (row.vr, value)


def _told(path: Path, followed: _Followed, instances: int) -> VaryingTag:
    numbers = [*followed.of_instances, *[ABSENT] * (instances - len(followed.of_instances))]
    row = followed.element.row
    absent = tuple(place for place, number in enumerate(numbers) if number == ABSENT)
    numeric = [value for value in followed.values if isinstance(value, int | float)]
    is_numeric = row.vr not in BINARY and len(numeric) == len(followed.values) > 0
    return VaryingTag(
        path=_text(path),
        tag=row.tag,
        keyword=row.keyword,
        name=followed.element.name,
        vr=row.vr,
        depth=row.depth,
        distinct=len(followed.values) + bool(absent),
        minimum=float(min(numeric)) if is_numeric else None,
        maximum=float(max(numeric)) if is_numeric else None,
        values=tuple(None if number == ABSENT else followed.values[number] for number in numbers),
        absent=absent,
    )


def _text(path: Path) -> str:
    """Return a path as people read it: tags with points between, the number of an item in brackets after its sequence."""
    text = path[0]
    for place, part in enumerate(path[1:], start=1):
        text += f".{part}" if place % 2 == 0 else f"[{int(part)}]"
    return text
