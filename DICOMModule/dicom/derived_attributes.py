"""Attributes that are not elements of the first level: out of sequences, and out of makers' binary headers.

Each source is an element that the walk has placed; what is taken of it depends on its own bytes, on the creator of its
block, and, where that is said, on whether the header lacks the standard's own attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from DICOMModule.dicom.byte_source import ByteSource
from DICOMModule.dicom.csa_header import (
    LARGEST_IMAGE_BYTES,
    LARGEST_SERIES_BYTES,
    protocol_slice_normal,
    read_csa_image,
)
from DICOMModule.dicom.encoding import PRIVATE_MARK, Encoding, Wanted, creator_of, owner_of
from DICOMModule.dicom.header_values import attributes_of, creators_of
from DICOMModule.dicom.instance_header import AttributeValue
from DICOMModule.dicom.item_reader import ItemReader, Values, wanted_by_order
from DICOMModule.dicom.structure_found import Structure
from DICOMModule.dicom.vendor_attributes import (
    CSA_IMAGE,
    CSA_KEYWORDS,
    CSA_SERIES,
    NESTED,
    PHILIPS_FRAME,
    PHILIPS_NESTED,
    SLICE_NORMAL,
    UIH_FRAMES,
    UIH_NESTED,
    Nested,
)

LARGEST_SEQUENCE_BYTES: Final = 256 * 1024
MOST_ITEMS: Final = 1024
_TABLES: Final = {
    id(nested): wanted_by_order(nested.attributes) for nested in (*NESTED.values(), UIH_NESTED, PHILIPS_NESTED)
}
_PRIVATE_NESTED: Final = {UIH_FRAMES: UIH_NESTED, PHILIPS_FRAME: PHILIPS_NESTED}
_CONTEXT: Final = ("SpecificCharacterSet", b"CS")


def derived_attributes(
    content: ByteSource, encoding: Encoding, structure: Structure, attributes: Mapping[str, AttributeValue]
) -> dict[str, AttributeValue]:
    """Return what is kept of the sources of a data set that has been walked.

    Parameters
    ----------
    content : ByteSource
        What was walked.
    encoding : Encoding
        How it is written.
    structure : Structure
        What the walk found.
    attributes : mapping
        Its attributes of the first level.
    """
    found: dict[str, AttributeValue] = {}
    protocols = []
    has_private = any(key[0] == PRIVATE_MARK for key in structure.ranges)
    creators = creators_of(structure.values) if has_private else {}
    for key, (first, after) in structure.ranges.items():
        owner = owner_of(key, creators.get(creator_of(key), "")) if key[0] == PRIVATE_MARK else (0, "", 0)
        nested = _PRIVATE_NESTED.get(owner) or NESTED.get(key)
        if owner == CSA_SERIES:
            protocols.append((first, after))
        elif owner == CSA_IMAGE and after - first <= LARGEST_IMAGE_BYTES:
            found |= read_csa_image(content.read(first, after - first))
        elif owner == PHILIPS_FRAME and "ImagePositionPatient" in attributes:
            continue
        elif nested is not None and after - first <= LARGEST_SEQUENCE_BYTES:
            found |= _nested(content.read(first, after - first), nested, encoding, structure.values)
    if protocols and _needs_protocol({**attributes, **found}):
        found |= _protocol(content, protocols[-1])
    return found


def csa_attributes(data: bytes) -> dict[str, AttributeValue | None]:
    """Return what is kept of a CSA header, None for what it does not have."""
    found = read_csa_image(data) if len(data) <= LARGEST_IMAGE_BYTES else {}
    return {keyword: found.get(keyword) for keyword in CSA_KEYWORDS}


def depends_on_others(attributes: Mapping[str, AttributeValue]) -> bool:
    """Return whether what was derived depends on more than its source, so that a file like this one must be walked."""
    return SLICE_NORMAL in attributes or "PhilipsImagePositionPatient" in attributes


def needs_more(attributes: Mapping[str, AttributeValue], changed: Mapping[str, AttributeValue | None]) -> bool:
    """Return whether more may be looked into in a file that differs in `changed` from one in which nothing was."""
    if changed.get("ImagePositionPatient", "") is None:
        return True
    is_concerned = "ImageType" in changed or CSA_KEYWORDS[1] in changed
    return is_concerned and _needs_protocol(attributes)


def is_looked_into(attributes: Mapping[str, AttributeValue]) -> bool:
    """Return whether a header lacks something for which one of the conditional places is looked into."""
    return "ImagePositionPatient" not in attributes or _needs_protocol(attributes)


def _needs_protocol(attributes: Mapping[str, AttributeValue]) -> bool:
    is_mosaic = "MOSAIC" in str(attributes.get("ImageType", "")) or CSA_KEYWORDS[0] in attributes
    return is_mosaic and CSA_KEYWORDS[1] not in attributes


def _protocol(content: ByteSource, place: tuple[int, int]) -> dict[str, AttributeValue]:
    first, after = place
    if after - first > LARGEST_SERIES_BYTES:
        return {}
    normal = protocol_slice_normal(content.read(first, after - first))
    return {} if normal is None else {SLICE_NORMAL: normal}


def _nested(
    data: bytes, nested: Nested, encoding: Encoding, values: Mapping[Wanted, tuple[bytes, bytes]]
) -> dict[str, AttributeValue]:
    """Return the attributes of the first item of a sequence, or those of all its items one after the other."""
    context: Values = {_CONTEXT: values[_CONTEXT]} if _CONTEXT in values else {}
    columns: dict[str, list[AttributeValue | None]] = {keyword: [] for keyword, _ in nested.attributes.values()}
    for number, item in enumerate(ItemReader(data, encoding, _TABLES[id(nested)]).items()):
        if number >= (MOST_ITEMS if nested.every else 1):
            break
        decoded = attributes_of(Structure({**context, **item.values}), little=encoding.little)
        for keyword, column in columns.items():
            column.append(decoded.get(keyword))
    joined = {keyword: _joined(column) for keyword, column in columns.items()}
    return {keyword: value for keyword, value in joined.items() if value is not None}


def _joined(column: list[AttributeValue | None]) -> AttributeValue | None:
    """Return the values of several items as one; None where there is none, or where a number is missing among them."""
    present = [value for value in column if value is not None]
    if len(column) < 2 or not present:
        return present[0] if present else None
    if any(isinstance(value, str) for value in present):
        return "\\".join("" if value is None else str(value) for value in column)
    if len(present) < len(column):
        return None
    return tuple(number for value in present for number in (value if isinstance(value, tuple) else (value,)))  # type: ignore[misc]
