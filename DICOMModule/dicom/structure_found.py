"""What a structural walk gives back: what it found, where everything begins, or why it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from DICOMModule.dicom.encoding import Wanted

MOST_PLACES: Final = 2000
"""More of them are not marked: a file of that many parts is not compared with another."""


class StructureError(Exception):
    """The data set is not built as it must be.

    Attributes
    ----------
    reason : str
        For people, without the path.
    incomplete : bool
        The file ends before it should.
    final : bool
        A limit was passed, so there is no point in trying another reading.
    """

    def __init__(self, reason: str, *, incomplete: bool = False, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.incomplete = incomplete
        self.final = final


@dataclass(slots=True)
class Structure:
    """What a walk found on the first level of a data set.

    Attributes
    ----------
    values : dict
        (keyword, VR by the table) → (VR as written, empty for implicit VR; the value's bytes).
    items : dict
        Keyword of a wanted sequence → number of its items.
    ranges : dict
        Keyword of a wanted sequence → where its items begin and end.
    lasts : set of int
        Those of `LAST_ELEMENTS` that are there, empty ones included.
    pixel_keyword : str
        Which of the pixel data elements is there, empty for none.
    pixel_offset, pixel_bytes : int
        Where its value begins, and its length, -1 where it is encapsulated.
    """

    values: dict[Wanted, tuple[bytes, bytes]] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)
    lasts: frozenset[int] = frozenset()
    pixel_keyword: str = ""
    pixel_offset: int = 0
    pixel_bytes: int = 0


@dataclass(slots=True)
class Marks:
    """Where the headers of elements and items lie, as a walk met them: what another file may be compared with.

    Attributes
    ----------
    places : list of (int, int, int)
        Offset of a header, offset of what follows it, and how many containers are around it.
    complete : bool
        False where bytes decided about the way of the walk that are not in one of these headers.
    """

    places: list[tuple[int, int, int]] = field(default_factory=list)
    complete: bool = True
