"""The beginning of a file that we write around a data set that came over the network (PS3.10 7.1)."""

from __future__ import annotations

import struct
from functools import lru_cache

from DICOMModule.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_ae: str) -> bytes:
    """Return preamble, mark and file meta information; the data set's bytes follow as they came.

    Parameters
    ----------
    source_ae : str
        Who sent it, for Source Application Entity Title (0002,0016).
    """
    begin, end = _around(sop_class_uid, transfer_syntax_uid, source_ae)
    body = begin + _element(0x0003, b"UI", sop_instance_uid.encode("ascii")) + end
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", struct.pack("<L", len(body))) + body


@lru_cache(maxsize=256)
def _around(sop_class_uid: str, transfer_syntax_uid: str, source_ae: str) -> tuple[bytes, bytes]:
    begin = struct.pack("<HH2s2xL", 0x0002, 0x0001, b"OB", 2) + b"\0\1"
    begin += _element(0x0002, b"UI", sop_class_uid.encode("ascii"))
    end = _element(0x0010, b"UI", transfer_syntax_uid.encode("ascii"))
    end += _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode("ascii"))
    end += _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode("ascii"))
    end += _element(0x0016, b"AE", source_ae.encode("ascii"))
    return begin, end


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value
