"""The bytes of one member of a ZIP archive, piece by piece: never more than it claims to have, and checked at the end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from DICOMModule.dicom.byte_source import FileSource
from DICOMModule.dicom.zip_directory import STORED, ZipMember
from DICOMModule.errors import IncompleteFileError, InvalidFileError

FIRST_PIECE_BYTES: Final = 8192
_PIECE: Final = 1 << 18
_LOCAL: Final = struct.Struct("<4s5H3L2H")
# What a person would not call a ZIP file: documents and programs that are packed as one.
_PACKAGE_SUFFIXES: Final = frozenset(
    [
        ".docx",
        ".docm",
        ".dotx",
        ".xlsx",
        ".xlsm",
        ".xltx",
        ".xlsb",
        ".pptx",
        ".pptm",
        ".potx",
        ".ppsx",
        ".vsdx",
        ".odt",
        ".ods",
        ".odp",
        ".odg",
        ".ott",
        ".epub",
        ".jar",
        ".war",
        ".ear",
        ".aar",
        ".apk",
        ".aab",
        ".ipa",
        ".xpi",
        ".crx",
        ".whl",
        ".egg",
        ".nupkg",
        ".vsix",
        ".xps",
        ".oxps",
        ".3mf",
        ".kmz",
        ".usdz",
        ".sketch",
        ".fla",
        ".cbz",
        ".maff",
        ".mscz",
        ".key",
        ".pages",
        ".numbers",
        ".xmind",
        ".idml",
        ".appx",
        ".msix",
        ".pkpass",
        ".love",
        ".wsz",
        ".mrb",
        ".slx",
        ".mlx",
        ".npz",
        ".pt",
        ".pth",
        ".keras",
        ".ora",
        ".kra",
    ]
)
_PACKAGE_STARTS: Final = (
    b"[Content_Types].xml",
    b"META-INF/",
    b"mimetype",
    b"_rels/",
    b"AndroidManifest.xml",
    b"word/",
)


def pieces(path: str, source: FileSource, member: ZipMember) -> Iterator[bytes]:
    """Return a member's bytes; the first piece is small, for a look at what it is.

    Parameters
    ----------
    path : str
        What to call the member in errors.
    source : FileSource
        The archive, open.
    member : ZipMember
        Without a refusal.

    Raises
    ------
    IncompleteFileError
        The archive ends before the member does.
    InvalidFileError
        The member is not what the archive says: its name, its size or its checksum.
    """
    start = _data_offset(path, source, member)
    made = checksum = 0
    for piece in _unpacked(path, source, member, start):
        made += len(piece)
        if made > member.size_bytes:
            raise InvalidFileError(path, "it unpacks to more bytes than the archive says; it is not taken.")
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if made != member.size_bytes or checksum != member.crc:
        raise InvalidFileError(path, "its bytes are not those that were packed: size or checksum differ.")


def is_package(name: str, head: bytes) -> bool:
    """Return whether a ZIP archive that begins with `head` is a document or a program rather than packed files."""
    suffix = PurePath(name).suffix.lower()
    return suffix in _PACKAGE_SUFFIXES or (suffix != ".zip" and head[30:].startswith(_PACKAGE_STARTS))


def _data_offset(path: str, source: FileSource, member: ZipMember) -> int:
    """Return where the packed bytes begin, once the local header agrees with the directory."""
    head = source.read(member.offset, _LOCAL.size + len(member.raw_name))
    if len(head) < _LOCAL.size + len(member.raw_name):
        raise IncompleteFileError(path, "the archive ends before it.")
    mark, _, flags, method, _, _, _, _, _, name_bytes, extra_bytes = _LOCAL.unpack_from(head)
    same_name = name_bytes == len(member.raw_name) and head[_LOCAL.size :] == member.raw_name
    if mark != b"PK\x03\x04" or method != member.method or (flags ^ member.flags) & 1 or not same_name:
        raise InvalidFileError(path, "the archive contradicts itself about it.")
    start = member.offset + _LOCAL.size + int(name_bytes) + int(extra_bytes)
    if start + member.compressed_bytes > source.size:
        raise IncompleteFileError(path, "the archive ends before it does.")
    return start


def _unpacked(path: str, source: FileSource, member: ZipMember, start: int) -> Iterator[bytes]:
    end = start + member.compressed_bytes
    wanted = FIRST_PIECE_BYTES
    if member.method == STORED:
        while piece := source.read(start, min(wanted, end - start)):
            yield piece
            start, wanted = start + len(piece), _PIECE
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = b""
    while not inflater.eof:
        if not packed:
            packed = source.read(start, min(wanted, end - start))
            start += len(packed)
        try:
            piece = inflater.decompress(packed, wanted)
        except zlib.error as error:
            raise InvalidFileError(path, f"its packed bytes are damaged ({error}).") from error
        if not piece and not packed:
            break  # the packed bytes end too early; the size tells
        packed = inflater.unconsumed_tail
        if piece:
            yield piece
            wanted = _PIECE
