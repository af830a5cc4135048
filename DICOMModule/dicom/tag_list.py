"""All data elements of a file as plain rows, nested ones included: as a tree, or one after the other."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from DICOMModule.dicom.dataset_reader import LARGE_BYTES, read_file
from DICOMModule.dicom.values import iso_date, iso_time

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

Scalar: TypeAlias = str | int | float | None
TagValue: TypeAlias = Scalar | list[Scalar] | dict[str, int]

UNDEFINED_LENGTH = 0xFFFFFFFF
BINARY = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "UN", "OB or OW"})


@dataclass(frozen=True, slots=True)
class TagRow:
    """One data element.

    Attributes
    ----------
    tag : str
        ``"GGGG,EEEE"``.
    keyword : str
        Of the dictionary (PS3.6), empty for private and unknown elements.
    vr : str
        Value representation.
    value : str, number, list of them, None, or a dict
        As decoded; ``{"bytes": N}`` for binary values; None for empty ones and for sequences, whose items follow.
    depth : int
        0 for the data set itself and the file meta information, 1 inside a sequence of it, and so on.
    """

    tag: str
    keyword: str
    vr: str
    value: TagValue
    depth: int


@dataclass(frozen=True, slots=True)
class TagElement:
    """A data element and what is inside it.

    Attributes
    ----------
    row : TagRow
        The element itself.
    name : str
        Of the dictionary, for people; in brackets where it is that of a private element that is known; else empty.
    items : tuple of tuple of TagElement
        Of a sequence, its items in their order, an empty one included.
    """

    row: TagRow
    name: str
    items: tuple[tuple[TagElement, ...], ...] = ()


def read_tag_tree(path: Path) -> tuple[TagElement, ...]:
    """Return every data element of the file at `path`, file meta information first; pixel data are not read.

    Raises
    ------
    DicomFileError
        The file is not DICOM, is cut, or breaks a rule that reading it needs.
    """
    dataset, has_meta = read_file(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a value that breaks its VR is shown as it is
        return (*(_elements(dataset.file_meta, 0) if has_meta else ()), *_elements(dataset, 0))


def read_tags(path: Path) -> list[TagRow]:
    """Return what `read_tag_tree` returns as a list: after a sequence the elements of its items, one depth further."""
    return list(_flat(read_tag_tree(path)))


def _flat(elements: Iterable[TagElement]) -> Iterator[TagRow]:
    for element in elements:
        yield element.row
        for item in element.items:
            yield from _flat(item)


def search_tags(rows: list[TagRow], text: str) -> list[TagRow]:
    """Return the rows in whose tag, keyword or value `text` occurs, upper and lower case alike."""
    wanted = text.casefold()
    return [row for row in rows if wanted in f"{row.tag} {row.keyword} {row.value}".casefold()]


def _elements(dataset: Dataset, depth: int) -> Iterator[TagElement]:
    for tag in sorted(dataset.keys()):
        raw: Any = dataset.get_item(tag)
        tag_text = f"{tag.group:04X},{tag.element:04X}"
        length = getattr(raw, "length", 0)
        is_large = LARGE_BYTES < length < UNDEFINED_LENGTH  # fragments are counted by reading them
        if is_large and getattr(raw, "VR", None) in BINARY | {None}:
            row = TagRow(tag_text, _keyword(tag), raw.VR or "UN", {"bytes": length}, depth)
            yield TagElement(row, _name(dataset, tag))
            continue
        try:
            element = dataset[tag]
        except (ValueError, TypeError, NotImplementedError, OverflowError, KeyError, AttributeError):
            vr = getattr(raw, "VR", None) or "UN"
            row = TagRow(tag_text, _keyword(tag), vr, _text(getattr(raw, "value", None)), depth)
            yield TagElement(row, _name(dataset, tag))
            continue
        vr = str(element.VR)
        row = TagRow(tag_text, element.keyword, vr, None if vr == "SQ" else _value(element), depth)
        items = tuple(tuple(_elements(item, depth + 1)) for item in element.value) if vr == "SQ" else ()
        yield TagElement(row, _name(dataset, tag), items)


def _name(dataset: Dataset, tag: Any) -> str:
    """Return what an element is called: by the dictionary, or by the private one of the block that it lies in."""
    from pydicom.datadict import dictionary_description, private_dictionary_description

    if tag.element == 0:
        return "Group Length"
    try:
        if not tag.is_private:
            return dictionary_description(tag)
        if tag.is_private_creator:
            return "Private Creator"
        creator = str(dataset[tag.group, tag.element >> 8].value)  # PS3.5 7.8.1: who has reserved the block
        return f"[{private_dictionary_description(tag, creator)}]"
    except (KeyError, ValueError, AttributeError, TypeError, NotImplementedError):
        return ""


def _keyword(tag: Any) -> str:
    from pydicom.datadict import keyword_for_tag

    return keyword_for_tag(tag)


def _value(element: DataElement) -> TagValue:
    vr, value = str(element.VR), element.value
    if isinstance(value, bytes | bytearray):
        return {"bytes": len(value)} if value else None
    if value is None or value == "":
        return None
    if not isinstance(value, str) and hasattr(value, "__iter__") and vr != "PN":
        return [_scalar(item, vr) for item in value] or None
    if vr == "PN" and element.VM > 1:
        return [_scalar(item, vr) for item in value]
    return _scalar(value, vr)


def _scalar(value: Any, vr: str) -> Scalar:
    if vr == "AT":
        return f"{int(value) >> 16:04X},{int(value) & 0xFFFF:04X}"
    if vr == "DA":
        return iso_date(str(value))
    if vr == "TM":
        return iso_time(str(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Decimal):
        number = float(value)
        return number if math.isfinite(number) else str(value)
    return str(value) or None


def _text(value: Any) -> Scalar:
    """Return the bytes of a value that does not keep to its VR as text, each odd byte escaped."""
    if isinstance(value, bytes):
        return value.decode("ascii", "backslashreplace").strip(" \0") or None
    return None if value is None else str(value)
