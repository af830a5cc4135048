"""From the bytes of a header's elements to values: text by its character set, numbers by their VR, private ones by name."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from DICOMModule.dicom.character_sets import codec_of, decode
from DICOMModule.dicom.encoding import PRIVATE_MARK, Wanted, creator_of, is_private_value, owner_of
from DICOMModule.dicom.instance_header import AttributeValue
from DICOMModule.dicom.structure_found import Structure
from DICOMModule.dicom.vendor_attributes import LONGEST_PRIVATE_BYTES, PRIVATE_ATTRIBUTES

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
_TEXTS: Final = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())
_UNTYPED: Final = frozenset((b"", b"UN", b"OB", b"OW", b"OL", b"OV", b"OF", b"OD"))


def attributes_of(structure: Structure, *, little: bool) -> dict[str, AttributeValue]:
    """Return the values of what a walk found, by keyword: text decoded, numbers as numbers, sequences as item counts."""
    texts: dict[str, bytes] = {}
    attributes: dict[str, AttributeValue] = {}
    for (keyword, table_vr), (written_vr, value) in structure.values.items():
        if len(value) > LONGEST_PRIVATE_BYTES and is_private_value(keyword):
            continue
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


def plain_text(key: Wanted, written: tuple[bytes, bytes]) -> str | None:
    """Return a value that is text in ASCII, as `attributes_of` decodes it; None for all others."""
    vr, value = written
    if (key[1] if vr in _UNTYPED else vr) not in _TEXTS or not value.isascii() or b"\x1b" in value:
        return None
    return value.rstrip(b" \0").decode("ascii")


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


def creators_of(values: Mapping[Wanted, tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the private creators of a data set: key of a block's creator → its text."""
    return {
        key: value.rstrip(b" \0").strip().decode("latin_1")
        for (key, _), (_, value) in values.items()
        if key[0] == PRIVATE_MARK and not is_private_value(key)
    }


def has_twins(values: Mapping[Wanted, tuple[bytes, bytes]]) -> bool:
    """Return whether a creator has two blocks of one group, so that an element may be there twice."""
    owners = [(key[:5], creator) for key, creator in creators_of(values).items()]
    return len(set(owners)) < len(owners)


@lru_cache(maxsize=4096)
def private_keyword(key: str, creator: str) -> str:
    """Return our keyword for a private element by its key and its block's creator; empty where it is somebody else's."""
    owner = owner_of(key, creator)
    return PRIVATE_ATTRIBUTES[owner][0] if owner in PRIVATE_ATTRIBUTES else ""


def _name_privates(attributes: dict[str, AttributeValue]) -> None:
    """Give private elements our keyword where the block is their creator's, and drop all others."""
    marked = sorted(key for key in attributes if key[0] == PRIVATE_MARK)
    found = {key: attributes.pop(key) for key in marked}
    for key, value in found.items():
        if is_private_value(key) and (owner := found.get(creator_of(key))) is not None:
            keyword = private_keyword(key, str(owner).strip())
            if keyword:
                attributes[keyword] = value
