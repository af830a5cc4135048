"""What a header does not keep: the data of lookup tables, nested sequences, overlays. Read from the file, when loading."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.dicom.frames import unchanged
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.uids import EXPLICIT_VR_BIG_ENDIAN

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LONGEST_HEAD: Final = 64 << 20


def read_details(header: InstanceHeader) -> Dataset:
    """Return the data set of the instance that a header is of; that of a file of many frames is read once.

    Raises
    ------
    DicomFileError
        The file has gone, has changed or cannot be parsed.
    """
    current = unchanged(header)
    return _dataset(current.filename, current.size_bytes, current.mtime_ns)


@lru_cache(maxsize=2)
def _dataset(filename: str, _size_bytes: int, _mtime_ns: int) -> Dataset:
    return read_dataset(Path(filename))


def may_mention(header: InstanceHeader, tag: int) -> bool:
    """Return False where a tag is surely nowhere in a file before its pixel data, at any depth.

    A look at the bytes costs little where parsing the functional groups of thousands of frames costs much.
    """
    instance = header.instance
    if not instance.pixel_data_offset:
        return True  # inside a deflated data set
    big = header.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
    place = instance.dataset_offset, min(instance.pixel_data_offset, _LONGEST_HEAD)
    return _is_in(instance.filename, instance.mtime_ns, place, tag, big)


@lru_cache(maxsize=64)
def _is_in(filename: str, _mtime_ns: int, place: tuple[int, int], tag: int, big: bool) -> bool:
    order: Final = "big" if big else "little"
    wanted = (tag >> 16).to_bytes(2, order) + (tag & 0xFFFF).to_bytes(2, order)
    try:
        with Path(filename).open("rb") as file:
            file.seek(place[0])
            return wanted in file.read(max(0, place[1] - place[0]))
    except OSError:
        return True  # whoever reads it says why it cannot be read
