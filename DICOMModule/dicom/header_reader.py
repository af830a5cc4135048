"""Reading the header of a DICOM file: one open, one walk, every length checked, no pixel touched."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.dicom.attributes import PRIVATE_ATTRIBUTES, PRIVATE_BLOCKS
from DICOMModule.dicom.byte_source import ByteSource, FileSource, InflatedSource, open_source
from DICOMModule.dicom.character_sets import codec_of, decode
from DICOMModule.dicom.encoding import LONG_VRS, SHORT_VRS, Encoding, creator_key, private_key
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader
from DICOMModule.dicom.structure import FIRST_READ_BYTES, Structure, StructureError, walk
from DICOMModule.dicom.uids import (
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMAGE_SOP_CLASSES,
    IMPLICIT_VR_LITTLE_ENDIAN,
    MEDIA_STORAGE_DIRECTORY,
    is_harmless_uid,
    is_valid_uid,
)
from DICOMModule.errors import IncompleteFileError, InvalidFileError, NotDicomError

PREAMBLE_BYTES: Final = 128
MARKER: Final = b"DICM"
LARGEST_META_BYTES: Final = 1 << 20
ZIP_REASON: Final = "is a ZIP archive, which cannot be imported as it is yet. Unpack it and import the folder."

_IDENTITY: Final = (
    ("SOPClassUID", "SOP Class UID (0008,0016)"),
    ("SOPInstanceUID", "SOP Instance UID (0008,0018)"),
    ("StudyInstanceUID", "Study Instance UID (0020,000D)"),
    ("SeriesInstanceUID", "Series Instance UID (0020,000E)"),
)
_IMAGE_SIGNS: Final = frozenset(
    ("ImageType", "Manufacturer", "SpecificCharacterSet", "SliceThickness", "KVP", "PatientPosition", "SamplesPerPixel")
)
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


@dataclass(frozen=True, slots=True)
class _Meta:
    """The file meta information, as far as it is needed (PS3.10 7.1)."""

    dataset_offset: int
    transfer_syntax_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    marked: bool = False


def read_header(path: Path) -> InstanceHeader:
    """Read the header of a DICOM file and check the structure of the whole file.

    Parameters
    ----------
    path : Path
        A regular file; a link is not followed.

    Returns
    -------
    InstanceHeader
        With `path` made absolute. What is odd but harmless stands in its `notes`.

    Raises
    ------
    NotDicomError
        It is something else; a DICOMDIR is an index, not an instance, and counts as something else.
    IncompleteFileError
        It is cut, or an image without pixel data.
    InvalidFileError
        Its structure contradicts itself, passes a limit, or a UID that identifies it is missing or unusable.
    DicomFileError
        It cannot be read at all.

    References
    ----------
    DICOM PS3.10 7 (file format), PS3.5 7 (data set), PS3.5 A (transfer syntaxes).
    """
    with open_source(path) as source:
        return _read(path.absolute(), source)


def read_layout(path: Path) -> tuple[int, str]:
    """Check the structure of a whole file as `read_header` does, whatever it is an instance of.

    Returns
    -------
    dataset_offset : int
        Where the data set begins; before it are preamble and file meta information, if there are any.
    transfer_syntax_uid : str
        How it is written; empty where it is compressed and does not say how.

    Raises
    ------
    DicomFileError
        As `read_header`, but for missing UIDs and pixel data.
    """
    with open_source(path) as source:
        meta, _, encoding, structure = _parse(str(path.absolute()), source)
        return meta.dataset_offset, _transfer_syntax(meta, encoding, structure)[0]


def _parse(name: str, source: FileSource) -> tuple[_Meta, ByteSource, Encoding, Structure]:
    head = source.read(0, FIRST_READ_BYTES)
    meta = _read_meta(name, source, head)
    content, start = _content(name, source, meta)
    window = head if content is source else b""
    encoding = _encoding(name, content, start, meta, window)
    try:
        return meta, content, encoding, walk(content, start, encoding, window)
    except StructureError as error:
        kind = IncompleteFileError if error.incomplete else InvalidFileError
        raise kind(name, f"{error.reason}.") from error


def _read(path: Path, source: FileSource) -> InstanceHeader:
    name = str(path)
    meta, content, encoding, structure = _parse(name, source)
    attributes = _attributes(structure, little=encoding.little)
    _check_identity(name, attributes)
    pixel_notes = _check_pixels(name, attributes, structure)
    syntax, notes = _transfer_syntax(meta, encoding, structure)
    if meta.sop_instance_uid and meta.sop_instance_uid != str(attributes["SOPInstanceUID"]).strip():
        notes += ("its file meta information names another SOP Instance UID than its data set, which is the one used.",)
    in_file = content is source
    return InstanceHeader(
        path,
        source.size,
        source.mtime_ns,
        syntax,
        attributes,
        meta.dataset_offset,
        structure.pixel_offset if in_file else 0,
        structure.pixel_bytes,
        notes + pixel_notes + _uid_notes(attributes),
    )


# --- what comes before the data set


def _read_meta(name: str, source: FileSource, head: bytes) -> _Meta:
    """Read preamble, marker and file meta information; all three may be missing."""
    marked = head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == MARKER
    start = PREAMBLE_BYTES + 4 if marked else 0
    if not marked:
        _check_plausible(name, source.size, head)
    if marked and len(head) < start + 8:
        raise IncompleteFileError(name, "it ends after its preamble.")
    values = {}
    position, window = start, head
    while window[position : position + 2] == b"\x02\x00":
        if position + 12 > len(window):
            window = _longer(name, source, window)
        element, vr, length = struct.unpack_from("<2xH2sH", window, position)
        first = position + 8
        if vr in LONG_VRS:
            (length,) = struct.unpack_from("<L", window, position + 8)
            first = position + 12
        elif vr not in SHORT_VRS:  # PS3.10 7.1 wants explicit VR; some old writers did not know
            (length,) = struct.unpack_from("<L", window, position + 4)
        if first + length > source.size:
            raise IncompleteFileError(name, "it is cut within its file meta information.")
        while first + length + 8 > len(window) and len(window) < source.size:
            window = _longer(name, source, window)
        values[element] = window[first : first + length].rstrip(b"\0 ").decode("ascii", "replace")
        position = first + length
    if values.get(0x0002) == MEDIA_STORAGE_DIRECTORY:
        raise NotDicomError(name, "is a DICOMDIR, the index of a medium; the files that it lists are found without it.")
    if position >= source.size:
        raise IncompleteFileError(name, "it ends before its data set.")
    return _Meta(position, values.get(0x0010, ""), values.get(0x0002, ""), values.get(0x0003, ""), marked)


def _longer(name: str, source: FileSource, window: bytes) -> bytes:
    """Return more of the beginning of the file."""
    if len(window) >= source.size:
        raise IncompleteFileError(name, "it is cut within its file meta information.")
    if len(window) >= LARGEST_META_BYTES:
        raise InvalidFileError(name, "its file meta information is larger than any that is read.")
    return source.read(0, 8 * len(window))


def _check_plausible(name: str, size: int, head: bytes) -> None:
    """Refuse what does not even begin like a data set: most files in the world are not DICOM."""
    if not size:
        raise NotDicomError(name, "is empty.")
    if head.startswith(b"PK\x03\x04"):
        raise NotDicomError(name, ZIP_REASON)
    group, element = head[:2], head[2:4]
    plausible = False
    if len(head) >= 8 and group in {b"\x02\x00", b"\x08\x00", b"\x00\x08"}:
        order = ">" if group == b"\x00\x08" else "<"
        (length,) = struct.unpack_from(f"{order}L", head, 4)
        number = struct.unpack(f"{order}H", element)[0]
        plausible = number < 0x2000 and (head[4:6] in SHORT_VRS | LONG_VRS or (length <= size - 8 and length < 1 << 16))
    if not plausible:
        raise NotDicomError(name, "is not DICOM: it has neither the DICM mark nor data elements at its beginning.")


def _content(name: str, source: FileSource, meta: _Meta) -> tuple[ByteSource, int]:
    """Return what the data set is read from, and where it begins in that."""
    if meta.transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES:
        return InflatedSource(name, source, meta.dataset_offset), 0
    return source, meta.dataset_offset


def _encoding(name: str, content: ByteSource, start: int, meta: _Meta, window: bytes) -> Encoding:
    """Return how the data set is written: what its first element shows, which is what the file says or else a lie."""
    first = window[start : start + 8] if start + 8 <= len(window) else content.read(start, 8)
    if len(first) < 8:
        raise IncompleteFileError(name, "it ends before its data set.")
    big = meta.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
    if not meta.transfer_syntax_uid:
        big = first[:2] == b"\x00\x08"
    vr = first[4:6]
    explicit = vr in SHORT_VRS or vr in LONG_VRS
    if not explicit and meta.transfer_syntax_uid not in {"", IMPLICIT_VR_LITTLE_ENDIAN}:
        explicit = vr.isalpha() and vr.isupper()  # a VR that we do not know, where the file says that VRs are written
    return Encoding(explicit, not big)


def _transfer_syntax(meta: _Meta, encoding: Encoding, structure: Structure) -> tuple[str, tuple[str, ...]]:
    """Return the transfer syntax that is true of the file, and what there is to say about it."""
    seen = IMPLICIT_VR_LITTLE_ENDIAN
    if encoding.explicit:
        seen = EXPLICIT_VR_LITTLE_ENDIAN if encoding.little else EXPLICIT_VR_BIG_ENDIAN
    if not meta.transfer_syntax_uid:
        if structure.pixel_bytes < 0:
            return "", ("it names no Transfer Syntax, so its compressed pixel data cannot be decoded.",)
        return seen, (f"it names no Transfer Syntax; it is written in {seen}.",)
    if (meta.transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN) == encoding.explicit:
        text = f"it says that its Transfer Syntax is {meta.transfer_syntax_uid}, but is written in {seen}."
        native = {IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN}
        return (seen if meta.transfer_syntax_uid in native else meta.transfer_syntax_uid), (text,)
    return meta.transfer_syntax_uid, ()


# --- values


def _attributes(structure: Structure, *, little: bool) -> dict[str, AttributeValue]:
    """Turn the bytes that were found into values."""
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


# --- what nothing works without


def _check_identity(name: str, attributes: Mapping[str, AttributeValue]) -> None:
    """Refuse a file whose UIDs are missing or dangerous: they are keys, and other programs make paths of them."""
    for keyword, title in _IDENTITY:
        value = str(attributes.get(keyword, "")).strip()
        if not value:
            raise InvalidFileError(name, f"its {title} is missing or empty.")
        if not is_harmless_uid(value):
            raise InvalidFileError(name, f"its {title} is not a UID.")


def _uid_notes(attributes: Mapping[str, AttributeValue]) -> tuple[str, ...]:
    return tuple(
        f"its {title} breaks the rule for UIDs (PS3.5 9.1); it is kept exactly as it is."
        for keyword, title in _IDENTITY
        if not is_valid_uid(str(attributes[keyword]).strip())
    )


def _check_pixels(name: str, attributes: Mapping[str, AttributeValue], structure: Structure) -> tuple[str, ...]:
    """Refuse an image without pixel data: a file that was cut between two elements shows it in no other way.

    An instance that is nothing but its identity is not refused: what was cut behind Series Instance UID (0020,000E) has
    gone through the groups before it, and so has at least an Image Type or a Manufacturer.
    """
    if structure.pixel_keyword or "PixelDataProviderURL" in attributes:
        return ()
    is_image = str(attributes["SOPClassUID"]).strip() in IMAGE_SOP_CLASSES
    if "Rows" in attributes or (is_image and not attributes.keys().isdisjoint(_IMAGE_SIGNS)):
        raise IncompleteFileError(name, "it is an image without pixel data, so it was cut or stripped.")
    return ("it is of an image's SOP Class but holds an identity only, no image.",) if is_image else ()
