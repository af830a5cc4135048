"""What a header does not keep: the data of lookup tables, nested sequences, overlays. Read from the file, when loading."""

from __future__ import annotations

import mmap
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
    if not header.instance.pixel_data_offset:
        return True  # inside a deflated data set
    order = ">" if header.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else "<"
    byte_order: Final = "big" if order == ">" else "little"
    wanted = (tag >> 16).to_bytes(2, byte_order) + (tag & 0xFFFF).to_bytes(2, byte_order)
    end = min(header.instance.pixel_data_offset, header.size_bytes, _LONGEST_HEAD)
    with header.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(wanted, header.dataset_offset, end) >= 0
