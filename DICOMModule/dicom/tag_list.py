"""All data elements of a file as plain rows, nested ones included: as a tree, or one after the other."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from DICOMModule.dicom.byte_source import open_source
from DICOMModule.dicom.dataset_reader import LARGE_BYTES, read_file, value_errors
from DICOMModule.dicom.values import iso_date, iso_time

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

Scalar: TypeAlias = str | int | float | None
TagValue: TypeAlias = Scalar | list[Scalar] | dict[str, int]
_Digest: TypeAlias = Callable[[Any, TagValue], str]

UNDEFINED_LENGTH = 0xFFFFFFFF
PIECE_BYTES = 1 << 20
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
    digest : str
        SHA-256 of a binary value where it was asked for: what tells two of the same length apart.
    """

    row: TagRow
    name: str
    items: tuple[tuple[TagElement, ...], ...] = ()
    digest: str = ""


def read_tag_tree(path: Path, digest_bytes: int = 0) -> tuple[TagElement, ...]:
    """Return every data element of the file at `path`, file meta information first; pixel data are not read.

    Parameters
    ----------
    digest_bytes : int
        Binary values up to this size get their `digest`; they are read for it, a large one piece by piece.

    Raises
    ------
    DicomFileError
        The file is not DICOM, is cut, or breaks a rule that reading it needs.
    """
    dataset, has_meta = read_file(path)
    digest = partial(_digest, path=path, digest_bytes=digest_bytes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a value that breaks its VR is shown as it is
        meta = _elements(dataset.file_meta, 0, digest) if has_meta else ()
        return (*meta, *_elements(dataset, 0, digest))


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


def _digest(raw: Any, value: TagValue, path: Path, digest_bytes: int) -> str:
    """Return the digest of a binary value as it lies in the file; empty where it is none, or too large."""
    size = value["bytes"] if isinstance(value, dict) else 0
    if not 0 < size <= digest_bytes:
        return ""
    held = getattr(raw, "value", None)
    if isinstance(held, bytes | bytearray):
        return hashlib.sha256(held).hexdigest()
    found, place = hashlib.sha256(), raw.value_tell
    with open_source(path) as source:
        for start in range(place, place + size, PIECE_BYTES):
            found.update(source.read(start, min(PIECE_BYTES, place + size - start)))
    return found.hexdigest()


def _elements(dataset: Dataset, depth: int, digest: _Digest) -> Iterator[TagElement]:
    for tag, as_read in sorted(dataset.items(), key=lambda pair: pair[0]):
        raw = _raw(dataset, tag, as_read)
        tag_text = f"{tag.group:04X},{tag.element:04X}"
        length = getattr(raw, "length", 0)
        is_large = LARGE_BYTES < length < UNDEFINED_LENGTH  # fragments are counted by reading them
        if is_large and getattr(raw, "VR", None) in BINARY | {None}:
            row = TagRow(tag_text, _keyword(tag), raw.VR or "UN", {"bytes": length}, depth)
            yield TagElement(row, _name(dataset, tag), digest=digest(raw, row.value))
            continue
        try:
            element = dataset[tag]
        except value_errors():
            vr = getattr(raw, "VR", None) or "UN"
            row = TagRow(tag_text, _keyword(tag), vr, _text(getattr(raw, "value", None)), depth)
            yield TagElement(row, _name(dataset, tag))
            continue
        vr = str(element.VR)
        row = TagRow(tag_text, element.keyword, vr, None if vr == "SQ" else _value(element), depth)
        items = tuple(tuple(_elements(item, depth + 1, digest)) for item in element.value) if vr == "SQ" else ()
        yield TagElement(row, _name(dataset, tag), items, digest(element, row.value))


def _raw(dataset: Dataset, tag: Any, as_read: Any) -> Any:
    """Return an element before its value is decoded, with its VR where that can be known."""
    try:
        return dataset.get_item(tag)
    except value_errors():
        return as_read


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
    except value_errors():
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
