"""What is known of one SOP instance without its pixels: the value that import, database and readers share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from DICOMModule.dicom.functional_groups import FunctionalGroups

AttributeValue: TypeAlias = str | int | float | tuple[int | float, ...]


class Likeness:
    """What headers share that have the attributes of one origin but for some of the same names; told apart by identity.

    Parameters
    ----------
    origin : dict of str to AttributeValue
        What they all have; it is never changed.
    names : iterable of str
        Of the attributes that may be other values, or not there.
    """

    __slots__ = ("names", "origin")

    def __init__(self, origin: dict[str, AttributeValue], names: Iterable[str]) -> None:
        self.origin = origin
        self.names = frozenset(names)


class Likenesses:
    """The likenesses of headers that have one origin: one for all that differ from it in attributes of the same names."""

    __slots__ = ("_known", "origin")

    def __init__(self, origin: dict[str, AttributeValue]) -> None:
        self.origin = origin
        self._known: dict[tuple[str, ...], Likeness] = {}

    def of(self, changed: Mapping[str, AttributeValue | None]) -> Likeness:
        """Return the likeness of headers that differ in these attributes."""
        names = tuple(changed)
        found = self._known.get(names)
        if found is None:
            found = self._known[names] = Likeness(self.origin, names)
        return found


class SharedAttributes(dict[str, AttributeValue]):
    """Attributes that are another header's but for a few: whoever has dealt with those need only look at the few.

    Parameters
    ----------
    origin : dict of str to AttributeValue
        The other header's; it is shared and never changed.
    changed : mapping of str to AttributeValue or None
        What is another value here, or (None) is not here.
    likeness : Likeness, optional
        Of `origin` and the names in `changed`, where several headers have it.
    """

    __slots__ = ("changed", "likeness", "origin")

    def __init__(
        self,
        origin: dict[str, AttributeValue],
        changed: Mapping[str, AttributeValue | None],
        likeness: Likeness | None = None,
    ) -> None:
        super().__init__(origin)
        self.origin = origin
        self.changed = changed
        self.likeness = likeness
        self.update(changed)  # type: ignore[arg-type]  # what is not here goes below
        if None in changed.values():
            for keyword, value in changed.items():
                if value is None:
                    del self[keyword]


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    r"""The header of one SOP instance: where its file is, and the attributes that the readers need.

    Attributes
    ----------
    filename : str
        The file, absolute; a text, since making a Path takes longer than all else that is done with most headers.
    size_bytes, mtime_ns : int
        Of the file when the header was read.
    transfer_syntax_uid : str
        Of the data set as it lies in the file.
    attributes : mapping of str to AttributeValue
        Keyword to value **as written**: text and number strings (DS, IS, DA, …) as one decoded ``str`` with backslashes
        between several values, binary numbers as ``int``, ``float`` or a tuple of them. A sequence stands as its number
        of items. What the file does not have, or has empty, is absent. Values are of the data set's first level.
    dataset_offset : int
        Where the data set begins in the file: after preamble and file meta information.
    pixel_data_offset : int
        Where the value of Pixel Data begins in the file (for encapsulated data, the Basic Offset Table's item); 0 where
        there is none or where it is inside a deflated data set.
    pixel_data_bytes : int
        Length of the value of Pixel Data, -1 where it is encapsulated, 0 where there is none.
    notes : tuple of str
        What is odd about the file though it can be used, each a sentence; they are not kept by the database.
    changed_ns : int or None
        Time of the file's last change of any kind when the header was read from it; the database does not keep it.
    functional_groups : FunctionalGroups or None
        What the frames of a multi-frame instance have of their own; None where it has no functional groups.
    """

    filename: str
    size_bytes: int
    mtime_ns: int
    transfer_syntax_uid: str
    attributes: Mapping[str, AttributeValue] = field(repr=False)
    dataset_offset: int = 0
    pixel_data_offset: int = 0
    pixel_data_bytes: int = 0
    notes: tuple[str, ...] = ()
    changed_ns: int | None = field(default=None, compare=False, repr=False)
    functional_groups: FunctionalGroups | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.filename)

    @property
    def instance(self) -> InstanceHeader:
        """The header of the whole instance: itself, unless it is that of a frame."""
        return self

    @property
    def frame_number(self) -> int:
        """Number of the frame that this is the header of, from 1."""
        return 1

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID (0008,0018)."""
        return self.text("SOPInstanceUID")

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID (0008,0016)."""
        return self.text("SOPClassUID")

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID (0020,000E)."""
        return self.text("SeriesInstanceUID")

    @property
    def study_instance_uid(self) -> str:
        """Study Instance UID (0020,000D)."""
        return self.text("StudyInstanceUID")

    def text(self, keyword: str) -> str:
        """Return the value as text without padding, empty where there is none."""
        value = self.attributes.get(keyword)
        if isinstance(value, str):
            return value.strip(" \0")
        if value is None:
            return ""
        return "\\".join(map(str, value)) if isinstance(value, tuple) else str(value)

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Return the values of a multi-valued text attribute, each without padding; empty where there is none."""
        text = self.text(keyword)
        return tuple(part.strip(" \0") for part in text.split("\\")) if text else ()

    def floats(self, keyword: str) -> tuple[float, ...] | None:
        """Return all values as finite numbers, or None where there is none or one of them is not a finite number."""
        value = self.attributes.get(keyword)
        if value is None:
            return None
        items = self.texts(keyword) if isinstance(value, str) else value if isinstance(value, tuple) else (value,)
        try:
            numbers = tuple(float(item) for item in items)
        except ValueError:
            return None
        return numbers if numbers and all(map(math.isfinite, numbers)) else None

    def number(self, keyword: str) -> float | None:
        """Return the first value as a finite number, or None where there is none that is one."""
        numbers = self.floats(keyword)
        return numbers[0] if numbers else None

    def integer(self, keyword: str) -> int | None:
        """Return the first value as a whole number, or None where there is none that is one (IS ``"12.0"`` is 12)."""
        value = self.attributes.get(keyword)
        if value is None or isinstance(value, int):
            return value
        if isinstance(value, str) and len(value) < 16 and value.isascii() and value.isdecimal():
            return int(value)  # most are written so
        number = self.number(keyword)
        return int(number) if number is not None and number == int(number) else None

    @property
    def number_of_frames(self) -> int:
        """Number of Frames (0028,0008), 1 where it is absent (PS3.3 C.7.6.6 makes it a multi-frame attribute)."""
        return self.integer("NumberOfFrames") or 1
