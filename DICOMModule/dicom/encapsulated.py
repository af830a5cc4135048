"""The bytes of one compressed frame, found among the fragments of encapsulated Pixel Data (PS3.5 A.4)."""

from __future__ import annotations

import itertools
import struct
from functools import lru_cache
from typing import Final, TypeAlias

from DICOMModule.dicom.byte_source import FileSource, open_source
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import MOST_DECODED_BYTES
from DICOMModule.errors import PixelDataError

_ITEM: Final = 0xE000FFFE
_END: Final = 0xE0DDFFFE
_HEADER: Final = struct.Struct("<II")
_UNDEFINED: Final = 0xFFFFFFFF
_END_OF_IMAGE: Final = b"\xff\xd9"
MOST_FRAGMENTS: Final = 4_000_000
_AT_ONCE_BYTES: Final = 1 << 16

Fragments: TypeAlias = tuple[tuple[int, int], ...]
"""Places of fragments in a file: offset and length of each."""


def read_encapsulated_frame(header: InstanceHeader) -> bytes:
    """Return the compressed bytes of the frame that `header` is of, its fragments put together.

    Parameters
    ----------
    header : InstanceHeader
        Of a single-frame image or a frame; the file must still be the one that was read.

    Raises
    ------
    PixelDataError
        The fragments do not tell which of them make the frame; the file was cut.
    DicomFileError
        The file cannot be read.
    """
    count = header.instance.number_of_frames
    whole = header.instance
    places = frame_places(whole.filename, whole.size_bytes, whole.mtime_ns, whole.pixel_data_offset, count)
    fragments = places[header.frame_number - 1]
    if sum(length for _, length in fragments) > MOST_DECODED_BYTES:
        raise PixelDataError(header.path, "a compressed frame of it is larger than any that is read")
    with open_source(header.filename) as source:
        return b"".join(source.read(offset, length) for offset, length in fragments)


@lru_cache(maxsize=4)
def frame_places(filename: str, _size_bytes: int, _mtime_ns: int, offset: int, frames: int) -> tuple[Fragments, ...]:
    """Return where the fragments of each frame are.

    Parameters
    ----------
    filename : str
        The file.
    offset : int
        Where the Basic Offset Table's item begins.
    frames : int
        How many frames there are.
    """
    with open_source(filename) as source:
        table, fragments, begins = _walk(source, offset)
        if frames == 1:
            groups: list[Fragments] = [fragments] if fragments else []
        elif len(fragments) == frames:
            groups = [(one,) for one in fragments]
        else:
            groups = _by_table(table, fragments, begins, frames) or _by_end_markers(source, fragments)
    if len(groups) != frames or frames > len(fragments):
        raise PixelDataError(
            filename,
            f"its pixel data are {len(fragments)} fragment(s) for {frames} frames: which are which is in doubt",
        )
    return tuple(groups)


def _walk(source: FileSource, offset: int) -> tuple[tuple[int, ...], Fragments, tuple[int, ...]]:
    """Return the Basic Offset Table, the fragments, and where the item of each begins, counted from the first's."""
    table: tuple[int, ...] | None = None
    fragments: list[tuple[int, int]] = []
    position, window, window_at = offset, b"", offset
    while True:
        if not window_at <= position <= window_at + len(window) - _HEADER.size:
            window, window_at = source.read(position, _AT_ONCE_BYTES if len(fragments) > 1 else _HEADER.size), position
        if position - window_at + _HEADER.size > len(window):
            raise PixelDataError(source.name, "the file ends within its pixel data")
        tag, length = _HEADER.unpack_from(window, position - window_at)
        if tag == _END:
            break
        if tag != _ITEM or length == _UNDEFINED or position + _HEADER.size + length > source.size:
            raise PixelDataError(source.name, "the fragments of its pixel data are damaged")
        if len(fragments) >= MOST_FRAGMENTS:
            raise PixelDataError(source.name, "its pixel data have more fragments than any that are read")
        if table is None:
            data = source.read(position + _HEADER.size, length - length % 4)
            table = struct.unpack(f"<{len(data) // 4}I", data)
        else:
            fragments.append((position + _HEADER.size, length))
        position += _HEADER.size + length
    first = fragments[0][0] if fragments else 0
    return table or (), tuple(fragments), tuple(place - first for place, _ in fragments)


def _by_table(
    table: tuple[int, ...], fragments: Fragments, begins: tuple[int, ...], frames: int
) -> list[Fragments] | None:
    """Return the frames by the Basic Offset Table; None where it is empty or wrong."""
    numbers = {begin: number for number, begin in enumerate(begins)}
    if len(table) != frames or list(table) != sorted(set(table)) or table[0] != 0 or not set(table) <= set(numbers):
        return None
    starts = [*(numbers[begin] for begin in table), len(fragments)]
    return [fragments[start:after] for start, after in itertools.pairwise(starts)]


def _by_end_markers(source: FileSource, fragments: Fragments) -> list[Fragments]:
    """Return the frames of JPEG, JPEG-LS or JPEG 2000 by the marker that each ends with (and maybe a byte of padding)."""
    groups: list[Fragments] = []
    begun: list[tuple[int, int]] = []
    for offset, length in fragments:
        begun.append((offset, length))
        tail = source.read(offset + max(0, length - 3), min(3, length))
        if tail.rstrip(b"\0").endswith(_END_OF_IMAGE):
            groups.append(tuple(begun))
            begun = []
    return [] if begun else groups
