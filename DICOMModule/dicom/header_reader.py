"""Reading the header of a DICOM file: one open, one walk, every length checked, no pixel touched."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.dicom.byte_source import ByteSource, FileSource, InflatedSource, open_source
from DICOMModule.dicom.completeness import check_pixels, content_notes
from DICOMModule.dicom.derived_attributes import derived_attributes
from DICOMModule.dicom.encoding import LONG_VRS, SHORT_VRS, Encoding
from DICOMModule.dicom.functional_groups import read_functional_groups
from DICOMModule.dicom.header_values import attributes_of
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader
from DICOMModule.dicom.structure import FIRST_READ_BYTES, walk
from DICOMModule.dicom.structure_found import Marks, Structure, StructureError
from DICOMModule.dicom.uids import (
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    MEDIA_STORAGE_DIRECTORY,
    is_harmless_uid,
    is_valid_uid,
)
from DICOMModule.dicom.zip_directory import is_zip
from DICOMModule.errors import IncompleteFileError, InvalidFileError, NotDicomError

PREAMBLE_BYTES: Final = 128
MARKER: Final = b"DICM"
LARGEST_META_BYTES: Final = 1 << 20
ZIP_REASON: Final = "is a ZIP archive. Import it, or unpack it, to get at what it holds."
DICOMDIR_REASON: Final = "is a DICOMDIR, the index of a medium; the files that it lists are found without it."
NO_DICOMDIR: Final = "is no DICOMDIR, whatever it is called."

_IDENTITY: Final = (
    ("SOPClassUID", "SOP Class UID (0008,0016)"),
    ("SOPInstanceUID", "SOP Instance UID (0008,0018)"),
    ("StudyInstanceUID", "Study Instance UID (0020,000D)"),
    ("SeriesInstanceUID", "Series Instance UID (0020,000E)"),
)


@dataclass(frozen=True, slots=True)
class Meta:
    """The file meta information, as far as it is needed (PS3.10 7.1), and where its elements' headers lie."""

    dataset_offset: int
    transfer_syntax_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    marked: bool = False
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A header and what it was read from.

    Attributes
    ----------
    header : InstanceHeader
        The header.
    meta : Meta
        File meta information.
    encoding : Encoding or None
        Of the data set; None where it is not in the file as it is but deflated.
    structure : Structure
        What the walk found.
    """

    header: InstanceHeader
    meta: Meta
    encoding: Encoding | None
    structure: Structure


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
    path = path.absolute()
    with open_source(path) as source:
        return parse(source).header


def may_be_dicom(head: bytes, size_bytes: int) -> bool:
    """Return whether a file of that size that begins with `head`, 132 bytes or more, is worth being read as DICOM."""
    if head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == MARKER:
        return True
    try:
        _check_plausible("", size_bytes, head)
    except NotDicomError:
        return False
    return True


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
    with open_source(path.absolute()) as source:
        meta, _, encoding, structure = _walked(source.name, source, source.read(0, FIRST_READ_BYTES), None)
        return meta.dataset_offset, _transfer_syntax(meta, encoding, structure)[0]


def read_directory_layout(path: Path, source: FileSource) -> tuple[int, Encoding]:
    """Check the structure of a whole DICOMDIR; return where its data set begins, and how it is written.

    Raises
    ------
    NotDicomError
        It is no DICOMDIR.
    DicomFileError
        As `read_header`, but for missing UIDs and pixel data.
    """
    name, head = str(path), source.read(0, FIRST_READ_BYTES)
    meta, content, encoding, _ = _walked(name, source, head, None, directory=True)
    if content is not source:
        raise InvalidFileError(name, "it is a deflated DICOMDIR, which the standard does not know.")
    return meta.dataset_offset, encoding


def parse(source: FileSource, head: bytes | None = None, marks: Marks | None = None) -> Parsed:
    """Read the header of an open file as `read_header` does; errors as there.

    Parameters
    ----------
    source : FileSource
        The file.
    head : bytes, optional
        Its first bytes, where they have been read already: all of them, or at least `FIRST_READ_BYTES`.
    marks : Marks, optional
        To be filled with the places of the walk.
    """
    name = source.name
    head = source.read(0, FIRST_READ_BYTES) if head is None else head
    meta, content, encoding, structure = _walked(name, source, head, marks)
    attributes = attributes_of(structure, little=encoding.little)
    if structure.ranges:
        attributes |= derived_attributes(content, encoding, structure, attributes)
    check_identity(name, attributes)
    attributes["SOPInstanceUID"] = str(attributes["SOPInstanceUID"]).strip()  # a key: what is padding is no part of it
    pixel_notes = check_pixels(name, attributes, structure) + content_notes(attributes, structure)
    syntax, notes = _transfer_syntax(meta, encoding, structure)
    if meta.sop_instance_uid and meta.sop_instance_uid != str(attributes["SOPInstanceUID"]).strip():
        notes += ("its file meta information names another SOP Instance UID than its data set, which is the one used.",)
    groups, groups_note = read_functional_groups(content, encoding, structure)
    in_file = content is source
    header = InstanceHeader(
        name,
        source.size,
        source.mtime_ns,
        syntax,
        attributes,
        meta.dataset_offset,
        structure.pixel_offset if in_file else 0,
        structure.pixel_bytes,
        notes + pixel_notes + _uid_notes(attributes) + ((groups_note,) if groups_note else ()),
        source.changed_ns,
        groups,
    )
    return Parsed(header, meta, encoding if in_file else None, structure)


def _walked(
    name: str, source: FileSource, head: bytes, marks: Marks | None, *, directory: bool = False
) -> tuple[Meta, ByteSource, Encoding, Structure]:
    meta = _read_meta(name, source, head, directory=directory)
    content, start = _content(name, source, meta)
    window = head if content is source else b""
    encoding = _encoding(name, content, start, meta, window)
    try:
        return meta, content, encoding, walk(content, start, encoding, window, marks)
    except StructureError as error:
        kind = IncompleteFileError if error.incomplete else InvalidFileError
        raise kind(name, f"{error.reason}.") from error


# --- what comes before the data set


def _read_meta(name: str, source: FileSource, head: bytes, *, directory: bool = False) -> Meta:
    """Read preamble, marker and file meta information; all three may be missing."""
    marked = head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == MARKER
    start = PREAMBLE_BYTES + 4 if marked else 0
    if not marked:
        _check_plausible(name, source.size, head)
    if marked and len(head) < start + 8:
        raise IncompleteFileError(name, "it ends after its preamble.")
    values, places = {}, []
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
        places.append((position, first))
        position = first + length
    if (values.get(0x0002) == MEDIA_STORAGE_DIRECTORY) != directory:
        raise NotDicomError(name, NO_DICOMDIR if directory else DICOMDIR_REASON)
    if position >= source.size:
        raise IncompleteFileError(name, "it ends before its data set.")
    syntax, sop_class, uid = (values.get(element, "") for element in (0x0010, 0x0002, 0x0003))
    return Meta(position, syntax, sop_class, uid, marked, tuple(places))


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
    if is_zip(head):
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


def _content(name: str, source: FileSource, meta: Meta) -> tuple[ByteSource, int]:
    """Return what the data set is read from, and where it begins in that."""
    if meta.transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES:
        return InflatedSource(name, source, meta.dataset_offset), 0
    return source, meta.dataset_offset


def _encoding(name: str, content: ByteSource, start: int, meta: Meta, window: bytes) -> Encoding:
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


def _transfer_syntax(meta: Meta, encoding: Encoding, structure: Structure) -> tuple[str, tuple[str, ...]]:
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


# --- what nothing works without


def check_identity(name: str, attributes: Mapping[str, AttributeValue]) -> None:
    """Refuse a file whose UIDs are missing or dangerous: they are keys, and other programs make paths of them."""
    for keyword, title in _IDENTITY:
        written = attributes.get(keyword, "")
        value = str(written).strip()
        if not value:
            raise InvalidFileError(name, f"its {title} is missing or empty.")
        if not isinstance(written, str) or not is_harmless_uid(value):
            raise InvalidFileError(name, f"its {title} is not a UID.")


def _uid_notes(attributes: Mapping[str, AttributeValue]) -> tuple[str, ...]:
    return tuple(
        f"its {title} breaks the rule for UIDs (PS3.5 9.1); it is kept exactly as it is."
        for keyword, title in _IDENTITY
        if not is_valid_uid(str(attributes[keyword]).strip())
    )
