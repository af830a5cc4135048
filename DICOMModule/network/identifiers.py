"""Identifiers of queries: keys to bytes in the character set that they need, and answers of any peer to values."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from DICOMModule.dicom.character_sets import codec_of, decode
from DICOMModule.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN

UTF_8: Final = "ISO_IR 192"
LONGEST_TEXT: Final = 1024  # of a value that is kept: no attribute that is asked for may be as long
MOST_ELEMENTS: Final = 10_000

TAGS: Final[dict[str, tuple[int, str]]] = {
    "SpecificCharacterSet": (0x00080005, "CS"),
    "SOPClassUID": (0x00080016, "UI"),
    "SOPInstanceUID": (0x00080018, "UI"),
    "StudyDate": (0x00080020, "DA"),
    "SeriesDate": (0x00080021, "DA"),
    "StudyTime": (0x00080030, "TM"),
    "AccessionNumber": (0x00080050, "SH"),
    "QueryRetrieveLevel": (0x00080052, "CS"),
    "Modality": (0x00080060, "CS"),
    "ModalitiesInStudy": (0x00080061, "CS"),
    "StudyDescription": (0x00081030, "LO"),
    "SeriesDescription": (0x0008103E, "LO"),
    "AvailableTransferSyntaxUID": (0x00083002, "UI"),
    "PatientName": (0x00100010, "PN"),
    "PatientID": (0x00100020, "LO"),
    "PatientBirthDate": (0x00100030, "DA"),
    "PatientSex": (0x00100040, "CS"),
    "BodyPartExamined": (0x00180015, "CS"),
    "StudyInstanceUID": (0x0020000D, "UI"),
    "SeriesInstanceUID": (0x0020000E, "UI"),
    "StudyID": (0x00200010, "SH"),
    "SeriesNumber": (0x00200011, "IS"),
    "InstanceNumber": (0x00200013, "IS"),
    "NumberOfStudyRelatedSeries": (0x00201206, "IS"),
    "NumberOfStudyRelatedInstances": (0x00201208, "IS"),
    "NumberOfSeriesRelatedInstances": (0x00201209, "IS"),
    "NumberOfFrames": (0x00280008, "IS"),
}
_KEYWORDS: Final = {tag: keyword for keyword, (tag, _) in TAGS.items()}
_TEXTS: Final = frozenset({"SH", "LO", "PN"})  # what Specific Character Set is about
_LONG_VRS: Final = frozenset(
    {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UT", b"UC", b"UR", b"SV", b"UV"}
)
_FAILED_INSTANCES: Final = 0x00080058
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM_GROUP: Final = 0xFFFE

_SINGLE_BYTE: Final = (
    ("ISO_IR 100", "latin_1"),
    ("ISO_IR 144", "iso8859_5"),
    ("ISO_IR 101", "iso8859_2"),
    ("ISO_IR 126", "iso8859_7"),
    ("ISO_IR 148", "iso8859_9"),
    ("ISO_IR 109", "iso8859_3"),
    ("ISO_IR 110", "iso8859_4"),
    ("ISO_IR 138", "iso8859_8"),
    ("ISO_IR 127", "iso8859_6"),
    ("ISO_IR 166", "iso8859_11"),
)
_EXTENDED: Final = (
    ("\\ISO 2022 IR 87", "iso2022_jp", b""),
    ("\\ISO 2022 IR 149", "euc_kr", b"\x1b$)C"),
    ("GB18030", "gb18030", b""),
)
"""Sets of more bytes: the codec, and what stands before each component that needs it (PS3.5 annexes H to K)."""


class IdentifierError(ValueError):
    """What a peer answered is no identifier."""


def character_sets_for(text: str) -> tuple[str, ...]:
    """Return the character sets in which to ask for `text`, the best first.

    Unicode first, which also tells the peer that it may answer in any script. Where that finds nothing, a peer that compares
    bytes may hold the name in the set of its script; ASCII is in every set the same, so the last resort is to name none.
    """
    if text.isascii():
        return (UTF_8, "")
    return (UTF_8, next((term for term, codec in _SINGLE_BYTE if _fits(text, codec)), "") or _extended(text))


def _extended(text: str) -> str:
    return next(term for term, codec, _ in _EXTENDED if _fits(text, codec))  # GB18030 holds all of Unicode


def _fits(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def identifier(keys: Mapping[str, str], transfer_syntax: str, character_set: str) -> bytes:
    """Return the data set of a request.

    Parameters
    ----------
    keys : mapping
        Keyword → value; empty to have it answered.
    transfer_syntax : str
        Implicit or explicit VR little endian.
    character_set : str
        One of `character_sets_for`; empty to name none.
    """
    named = {**keys, "SpecificCharacterSet": character_set} if character_set else dict(keys)
    explicit = transfer_syntax != IMPLICIT_VR_LITTLE_ENDIAN
    parts = []
    for tag, keyword in sorted((TAGS[keyword][0], keyword) for keyword in named):
        vr = TAGS[keyword][1]
        raw = _encoded(named[keyword], character_set) if vr in _TEXTS else named[keyword].encode("ascii", "replace")
        raw += (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)
        length = struct.pack("<2sH", vr.encode(), len(raw)) if explicit else struct.pack("<L", len(raw))
        parts.append(struct.pack("<HH", tag >> 16, tag & 0xFFFF) + length + raw)
    return b"".join(parts)


def _encoded(text: str, character_set: str) -> bytes:
    for term, codec, before in _EXTENDED:
        if term == character_set:
            return b"".join(_component(part, codec, before) for part in _components(text))
    codec = "utf_8" if character_set == UTF_8 else dict(_SINGLE_BYTE).get(character_set, "ascii")
    return text.encode(codec, "replace")


def _components(text: str) -> list[str]:
    """Cut a name where code extensions must be at their beginning again (PS3.5 6.1.2.5.3)."""
    parts = [""]
    for character in text:
        if character in "^=\\":
            parts += [character, ""]
        else:
            parts[-1] += character
    return parts


def _component(part: str, codec: str, before: bytes) -> bytes:
    return part.encode("ascii") if part.isascii() else before + part.encode(codec)


def read_identifier(data: bytes, transfer_syntax: str) -> dict[str, str]:
    """Return what an answer says of the attributes that we know: keyword → text, decoded; those that are empty are left out.

    Raises
    ------
    IdentifierError
        Its lengths do not fit.
    """
    raw = {
        keyword: value
        for tag, vr, value in _values(data, transfer_syntax)
        if (keyword := _KEYWORDS.get(tag)) is not None and vr != b"SQ"
    }
    told = raw.get("SpecificCharacterSet", b"").decode("latin_1").strip(" \0")
    texts = {
        keyword: decode(value, _codec(told, value) if TAGS[keyword][1] in _TEXTS else "latin_1")[:LONGEST_TEXT].strip(
            " \0"
        )
        for keyword, value in raw.items()
    }
    return {keyword: text for keyword, text in texts.items() if text}


def failed_instances(data: bytes, transfer_syntax: str) -> frozenset[str]:
    """Return the UIDs of Failed SOP Instance UID List (PS3.4 C.4.3.1.4), as they stand in the data set of a last response.

    Raises
    ------
    IdentifierError
        Its lengths do not fit.
    """
    for tag, _, value in _values(data, transfer_syntax):
        if tag == _FAILED_INSTANCES:
            return frozenset(filter(None, (one.strip(" \0") for one in value.decode("latin_1").split("\\"))))
    return frozenset()


def _values(data: bytes, transfer_syntax: str) -> Iterator[tuple[int, bytes, bytes]]:
    """Return tag, VR (empty where it is implicit) and value of each element that is no sequence of undefined length."""
    explicit = transfer_syntax != IMPLICIT_VR_LITTLE_ENDIAN
    position = count = 0
    while position < len(data):
        tag, vr, length, position = _header(data, position, explicit=explicit)
        if length == _UNDEFINED:
            position = _after_sequence(data, position, explicit=explicit)
            continue
        if position + length > len(data):
            raise IdentifierError("a value is longer than the answer")
        yield tag, vr, data[position : position + length]
        position += length
        count += 1
        if count > MOST_ELEMENTS:
            raise IdentifierError("it has too many elements")


def _codec(told: str, value: bytes) -> str:
    """Return in what a value is written; a peer that names no set may answer in the one in which it was asked."""
    if not told and not value.isascii():
        with suppress(UnicodeDecodeError):  # text of another set is hardly ever valid in it by chance
            value.rstrip(b" \0").decode("utf_8")
            return "utf_8"
    return codec_of(told)


def _header(data: bytes, position: int, *, explicit: bool) -> tuple[int, bytes, int, int]:
    """Return tag, VR, length and where the value begins."""
    if position + 8 > len(data):
        raise IdentifierError("an element is cut")
    group, element = struct.unpack_from("<HH", data, position)
    if not explicit or group == _ITEM_GROUP:
        (length,) = struct.unpack_from("<L", data, position + 4)
        return group << 16 | element, b"", length, position + 8
    vr = data[position + 4 : position + 6]
    if vr not in _LONG_VRS:
        (length,) = struct.unpack_from("<H", data, position + 6)
        return group << 16 | element, vr, length, position + 8
    if position + 12 > len(data):
        raise IdentifierError("an element is cut")
    (length,) = struct.unpack_from("<L", data, position + 8)
    return group << 16 | element, vr, length, position + 12


def _after_sequence(data: bytes, position: int, *, explicit: bool) -> int:
    """Return where a sequence of undefined length ends; what is in it is stepped over."""
    depth = 1
    while depth:
        tag, _, length, position = _header(data, position, explicit=explicit)
        if tag in {0xFFFEE00D, 0xFFFEE0DD}:
            depth -= 1
        elif length == _UNDEFINED:
            depth += 1
        else:
            position += length
    return position
