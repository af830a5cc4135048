"""The directory of a ZIP archive, read without trust: what it holds, and what of that is not to be unpacked, and why.

A name is never used as a path, nothing is allocated by a declared size, and an archive whose members share bytes, as
bombs do that unpack to a million times their size, is refused as a whole. References: APPNOTE 6.3.10 of PKWARE.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from DICOMModule.dicom.byte_source import FileSource
from DICOMModule.errors import IncompleteFileError, InvalidFileError

STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04")
MOST_MEMBERS: Final = 500_000
LARGEST_DIRECTORY_BYTES: Final = 256 << 20
LARGEST_MEMBER_BYTES: Final = 8 << 30
LARGEST_TOTAL_BYTES: Final = 1 << 40
LONGEST_NAME: Final = 1000
LONGEST_PART: Final = 255
# Deflate makes up to 1032 bytes of one. Images rarely pack better than 20:1, but an empty segmentation does, so that what
# is small anyway may.
MOST_TIMES: Final = 200
ANY_TIMES_BYTES: Final = 128 << 20
STORED, DEFLATED = 0, 8

_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_LONGEST_COMMENT: Final = 0xFFFF
_LARGE_16, _LARGE_32 = 0xFFFF, 0xFFFFFFFF
_PIECE: Final = 1 << 20
_ENCRYPTED: Final = 1 | 1 << 6 | 1 << 13  # traditional, strong, and a directory that is masked
_UTF_8: Final = 1 << 11
SIZE_UNKNOWN: Final = "the archive's directory does not tell its size."
_UNPACK: Final = "Unpack the archive with another program and import the folder."


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One member of an archive, as the directory describes it.

    Attributes
    ----------
    name : str
        Its name for people, with ``/`` between folders and without empty parts.
    raw_name : bytes
        Its name as it stands in the archive.
    size_bytes, compressed_bytes, crc : int
        What it claims to be.
    method, flags, offset : int
        How it is compressed, its general purpose bits, and where its local header begins.
    is_folder : bool
        It is a folder, which holds nothing itself.
    refusal : str
        Why it is not to be unpacked, as a sentence; empty where it may be.
    """

    name: str
    raw_name: bytes
    size_bytes: int
    compressed_bytes: int
    crc: int
    method: int
    flags: int
    offset: int
    is_folder: bool = False
    refusal: str = ""


def is_zip(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a ZIP archive: what has the DICM mark is DICOM, whatever precedes it."""
    return head.startswith(STARTS) and head[128:132] != b"DICM"


def read_directory(path: str, source: FileSource) -> Iterator[ZipMember]:
    """Return the members in the order of the directory; `checked` has to see all of them before one is unpacked.

    Parameters
    ----------
    path : str
        For errors.
    source : FileSource
        The archive, open.

    Raises
    ------
    IncompleteFileError
        The archive is cut.
    InvalidFileError
        It contradicts itself, passes a limit, or is one part of several.
    """
    start, size, count = _directory_place(path, source)
    if count > MOST_MEMBERS or size > LARGEST_DIRECTORY_BYTES:
        raise InvalidFileError(path, f"its directory names more than {MOST_MEMBERS:,} members. {_UNPACK}")
    position, window, found = start, b"", 0
    end = start + size
    while position < end:
        if len(window) < _ENTRY.size + 3 * _LARGE_16:
            window = source.read(position, min(_PIECE, end - position))
        offset = 0
        while offset < len(window):
            length = _entry_bytes(window, offset)
            if length is None or offset + length > len(window):
                break
            yield _member(window, offset)
            offset += length
            found += 1
        if not offset:
            raise _contradiction(path)
        position += offset
        window = window[offset:]
    if found != count and found & _LARGE_16 != count:
        raise _contradiction(path)


def checked(path: str, source: FileSource, members: Sequence[ZipMember]) -> list[ZipMember]:
    """Return the members without folders, sorted by their names; one whose name came before is refused.

    Raises
    ------
    InvalidFileError
        Members overlap.
    """
    last_end = 0
    for member in sorted(members, key=lambda one: one.offset):
        if member.offset < last_end:
            raise InvalidFileError(path, "its members overlap, as in a ZIP bomb; nothing of it is unpacked.")
        last_end = member.offset + 30 + len(member.raw_name) + member.compressed_bytes
    if last_end > source.size:
        raise IncompleteFileError(
            path, f"is a ZIP archive that is cut or damaged: a member ends behind its end. {_UNPACK}"
        )
    names: set[str] = set()
    kept = []
    for member in members:
        if member.is_folder:
            continue
        twice = not member.refusal and member.name in names
        if not member.refusal:
            names.add(member.name)
        kept.append(replace(member, refusal="the archive holds it twice; the first is taken.") if twice else member)
    return sorted(kept, key=lambda one: one.name.encode("utf-8", "surrogateescape"))


# --- the end of the archive, where its directory is named


def _directory_place(path: str, source: FileSource) -> tuple[int, int, int]:
    """Return where the directory begins, how long it is, and how many members it names."""
    tail_start = max(0, source.size - _END.size - _LONGEST_COMMENT)
    tail = source.read(tail_start, source.size - tail_start)
    at = _end_of_directory(tail)
    if at < 0:
        raise IncompleteFileError(path, "is a ZIP archive that is cut: the directory at its end is missing.")
    _, disk, first_disk, here, count, size, start, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    if _LARGE_16 in {here, count} or _LARGE_32 in {size, start}:
        located = source.read(end - _LOCATOR.size, _LOCATOR.size) if end >= _LOCATOR.size else b""
        if located.startswith(b"PK\x06\x07"):
            disk, first_disk, here, count, size, start, end = _directory_place_64(path, source, located)
    if disk or first_disk or here != count:
        raise InvalidFileError(path, "is one part of a ZIP archive in several parts. Join them, or unpack the archive.")
    if start + size > end or (not count and source.read(0, 4) == STARTS[0]):  # it begins with a member
        raise _contradiction(path)
    return start, size, count


def _end_of_directory(tail: bytes) -> int:
    """Return where the end record begins: the last one whose comment goes to the end of the file, or else the last one."""
    at = last = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if at + _END.size <= len(tail):
            comment = _END.unpack_from(tail, at)[-1]
            if at + _END.size + comment == len(tail):
                return at
        else:
            last = tail.rfind(b"PK\x05\x06", 0, at)
        at = tail.rfind(b"PK\x05\x06", 0, at)
    return last


def _directory_place_64(path: str, source: FileSource, locator: bytes) -> tuple[int, int, int, int, int, int, int]:
    _, record_disk, record_at, disks = _LOCATOR.unpack(locator)
    record = source.read(record_at, _END64.size)
    if record_disk or disks > 1 or len(record) < _END64.size or not record.startswith(b"PK\x06\x06"):
        raise _contradiction(path)
    _, _, _, _, disk, first_disk, here, count, size, start = _END64.unpack(record)
    return disk, first_disk, here, count, size, start, record_at


# --- one entry


def _entry_bytes(window: bytes, offset: int) -> int | None:
    if offset + _ENTRY.size > len(window) or window[offset : offset + 4] != b"PK\x01\x02":
        return None
    name, extra, comment = struct.unpack_from("<3H", window, offset + 28)
    return _ENTRY.size + int(name) + int(extra) + int(comment)


def _member(window: bytes, offset: int) -> ZipMember:
    values = _ENTRY.unpack_from(window, offset)
    _, made_by, _, flags, method, _, _, crc, compressed, size, name_bytes, extra_bytes, _, _, _, attributes, at = values
    first = offset + _ENTRY.size
    raw = window[first : first + name_bytes]
    extra = window[first + name_bytes : first + name_bytes + extra_bytes]
    size, compressed, at, whole = _large_values(extra, size, compressed, at)
    name = _name(raw, flags)
    mode = attributes >> 16
    is_folder = (
        raw.endswith((b"/", b"\\")) or (stat.S_ISDIR(mode) and not size) or (made_by >> 8 == 0 and attributes == 16)
    )
    refusal = _name_refusal(name) or _kind_refusal(mode)
    if not refusal and not is_folder:
        refusal = _packing_refusal(flags, method, size, compressed) if whole else SIZE_UNKNOWN
    return ZipMember(_tidy(name), raw, size, compressed, crc, method, flags, at, is_folder and not size, refusal)


def _large_values(extra: bytes, *values: int) -> tuple[int, int, int, bool]:
    """Return size, compressed size and offset with those that need 64 bits from the ZIP64 extra field (4.5.3)."""
    needed = [value == _LARGE_32 for value in values]
    found = list(values)
    if any(needed):
        field = _extra_field(extra, 1)
        if len(field) < 8 * sum(needed):
            return found[0], found[1], found[2], False
        numbers = iter(struct.unpack_from(f"<{sum(needed)}Q", field))
        found = [next(numbers) if large else value for large, value in zip(needed, values, strict=True)]
    return found[0], found[1], found[2], True


def _extra_field(extra: bytes, wanted: int) -> bytes:
    offset = 0
    while offset + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, offset)
        if kind == wanted:
            return extra[offset + 4 : offset + 4 + length]
        offset += 4 + length
    return b""


def _name(raw: bytes, flags: int) -> str:
    """Return a name as text: UTF-8, as most write it whether or not they say so, or else the code page of old PCs."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape") if flags & _UTF_8 else raw.decode("cp437")


def _tidy(name: str) -> str:
    parts = name.replace("\\", "/").replace("\0", "\\x00").split("/")
    if "" in parts or "." in parts:
        parts = [part for part in parts if part not in {"", "."}]
    return "/".join(parts) or "(no name)"


def _name_refusal(name: str) -> str:
    """Return why a name is none that a member may have."""
    path = name.replace("\\", "/")
    parts = path.split("/")
    if not path.strip("/.") or "\0" in name or len(path) > LONGEST_NAME or len(max(parts, key=len)) > LONGEST_PART:
        return "its name in the archive is none that a file could have."
    if path[0] == "/" or path[1:2] == ":" or ".." in parts:
        return "its name in the archive leads out of the archive; such a member is not taken."
    return ""


def _kind_refusal(mode: int) -> str:
    kind = stat.S_IFMT(mode)
    if not kind or kind in {stat.S_IFREG, stat.S_IFDIR}:
        return ""
    if kind == stat.S_IFLNK:
        return "is a link in the archive; links are not followed."
    return "is no file in the archive, but a device or a pipe."


def _packing_refusal(flags: int, method: int, size: int, compressed: int) -> str:
    """Return why a member is not to be unpacked."""
    if flags & _ENCRYPTED:
        return f"is encrypted in the archive. {_UNPACK}"
    if method not in {STORED, DEFLATED}:
        return f"is compressed by a method ({method}) that is not read. {_UNPACK}"
    if size > LARGEST_MEMBER_BYTES:
        return f"claims to be larger than {LARGEST_MEMBER_BYTES >> 30} GiB, which is not unpacked. {_UNPACK}"
    if method == STORED and size != compressed:
        return "the archive contradicts itself about its size."
    if size > ANY_TIMES_BYTES and size > MOST_TIMES * compressed:
        return f"claims to unpack to more than {MOST_TIMES} times its size, as a ZIP bomb does. {_UNPACK}"
    return ""


def _contradiction(path: str) -> InvalidFileError:
    return InvalidFileError(path, "is a ZIP archive that is damaged: its directory contradicts itself.")
