"""From the bytes of a header's elements to values: text by its character set, numbers by their VR, private ones by name."""

from __future__ import annotations

import struct
from typing import Final

from DICOMModule.dicom.attributes import PRIVATE_ATTRIBUTES, PRIVATE_BLOCKS
from DICOMModule.dicom.character_sets import codec_of, decode
from DICOMModule.dicom.encoding import creator_key, private_key
from DICOMModule.dicom.instance_header import AttributeValue
from DICOMModule.dicom.structure_found import Structure

_NUMBERS: Final = {
    b"US": ("H", 2),
    b"SS": ("h", 2),
    b"UL": ("L", 4),
    b"SL": ("l", 4),
    b"UV": ("Q", 8),
    b"SV": ("q", 8),
    b"FL": ("f", 4),
    b"FD": ("d", 8),
}
_NUMBER_VRS: Final = frozenset((*_NUMBERS, b"xs", b"AT"))
_SAMPLE_VRS: Final = {0: b"US", 1: b"SS"}
_UNTYPED: Final = frozenset((b"", b"UN", b"OB", b"OW", b"OL", b"OV", b"OF", b"OD"))
_PRIVATE_MARK: Final = "?"
_PRIVATE_PLACES: Final = tuple(
    (creator_key(group, block), private_key(group, block, byte), creator, keyword)
    for (group, creator, byte), (keyword, _) in PRIVATE_ATTRIBUTES.items()
    for block in PRIVATE_BLOCKS
)


def attributes_of(structure: Structure, *, little: bool) -> dict[str, AttributeValue]:
    """Return the values of what a walk found, by keyword: text decoded, numbers as numbers, sequences as item counts."""
    texts: dict[str, bytes] = {}
    attributes: dict[str, AttributeValue] = {}
    for (keyword, table_vr), (written_vr, value) in structure.values.items():
        vr = table_vr if written_vr in _UNTYPED else written_vr
        if vr in _NUMBER_VRS:
            numbers = _numbers(_sample_vr(vr, table_vr, structure, little=little), value, little=little)
            if numbers:
                attributes[keyword] = numbers[0] if len(numbers) == 1 else numbers
        elif vr != b"SQ" and (value := value.rstrip(b" \0")):
            texts[keyword] = value
    everything = b"".join(texts.values())
    if everything.isascii() and b"\x1b" not in everything:
        attributes.update((keyword, value.decode("ascii")) for keyword, value in texts.items())
    else:
        codec = codec_of(texts.get("SpecificCharacterSet", b"").decode("latin_1"))
        attributes.update((keyword, decode(value, codec)) for keyword, value in texts.items())
    attributes.update(structure.items)
    if structure.pixel_keyword not in {"", "PixelData"}:
        attributes[structure.pixel_keyword] = 1
    _name_privates(attributes)
    return attributes


def _sample_vr(vr: bytes, table_vr: bytes, structure: Structure, *, little: bool) -> bytes:
    """Return the VR by which a number is read.

    PS3.3 C.7.5.1.1.2: padding values are of the pixels' own representation, whatever VR a writer put there.
    """
    if table_vr == b"xs" and vr in {b"xs", b"US", b"SS"}:
        return _SAMPLE_VRS[_is_signed(structure, little=little)]
    return vr


def _numbers(vr: bytes, value: bytes, *, little: bool) -> tuple[int | float, ...]:
    """Return binary numbers, as many as are whole; a tag is one number, its group on top."""
    order = "<" if little else ">"
    if vr == b"AT":
        halves = struct.unpack_from(f"{order}{len(value) // 4 * 2}H", value)
        return tuple(group << 16 | element for group, element in zip(halves[::2], halves[1::2], strict=True))
    code, size = _NUMBERS[vr]
    return struct.unpack_from(f"{order}{len(value) // size}{code}", value)


def _is_signed(structure: Structure, *, little: bool) -> int:
    """Return 1 where Pixel Representation (0028,0103) says that the pixels are signed, else 0."""
    _, value = structure.values.get(("PixelRepresentation", b"US"), (b"", b""))
    return int(value[:2] == (b"\x01\x00" if little else b"\x00\x01"))


def _name_privates(attributes: dict[str, AttributeValue]) -> None:
    """Give private elements our keyword where the block is their creator's, and drop all others."""
    marked = {key: value for key, value in attributes.items() if key[0] == _PRIVATE_MARK}
    for key in marked:
        del attributes[key]
    if not marked:
        return
    for creator_at, value_at, creator, keyword in _PRIVATE_PLACES:
        if value_at in marked and str(marked.get(creator_at, "")).strip() == creator:
            attributes[keyword] = marked[value_at]
