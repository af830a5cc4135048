"""Siemens' CSA header: elements within one private element, in a binary form of the maker's own, versions 1 and 2.

Only the few elements that are needed are looked for by name; what does not look like an element is none. Whatever the
bytes are, nothing is read beyond them, and no more values than an element of its kind has.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Final

from DICOMModule.dicom.instance_header import AttributeValue
from DICOMModule.dicom.vendor_attributes import CSA_KEYWORDS

LARGEST_IMAGE_BYTES: Final = 256 * 1024
LARGEST_SERIES_BYTES: Final = 2 * 1024 * 1024
_NAME_BYTES: Final = 64
_HEAD: Final = struct.Struct("<64si4siii")  # name, multiplicity, VR, type, number of items, mark
_ITEM: Final = struct.Struct("<4i")
_MARKS: Final = frozenset((77, 205))
_WANTED: Final = (
    (b"NumberOfImagesInMosaic", CSA_KEYWORDS[0], 1),
    (b"SliceNormalVector", CSA_KEYWORDS[1], 3),
    (b"B_value", CSA_KEYWORDS[2], 1),
    (b"DiffusionGradientDirection", CSA_KEYWORDS[3], 3),
)


def read_csa_image(data: bytes) -> dict[str, AttributeValue]:
    """Return what is kept of an image's CSA header (0029,xx10), by `vendor_attributes.CSA_KEYWORDS`."""
    found: dict[str, AttributeValue] = {}
    for name, keyword, count in _WANTED:
        numbers = _numbers(data, name, count)
        if len(numbers) == count:
            found[keyword] = numbers if len(numbers) > 1 else numbers[0]
    return found


def _numbers(data: bytes, name: bytes, count: int) -> tuple[float, ...]:
    """Return the first `count` values of an element; none where it is missing, empty, or not made of numbers."""
    start = data.find(name + b"\0")
    if start < 0 or start + _HEAD.size > len(data):
        return ()
    _, _, _, _, items, mark = _HEAD.unpack_from(data, start)
    if mark not in _MARKS:
        return ()
    position, texts = start + _HEAD.size, []
    for _ in range(min(items, count)):
        if position + _ITEM.size > len(data):
            return ()
        _, length, _, _ = _ITEM.unpack_from(data, position)
        position += _ITEM.size
        if not 0 <= length <= _NAME_BYTES or position + length > len(data):
            return ()
        texts.append(data[position : position + length].partition(b"\0")[0].strip())
        position += (length + 3) // 4 * 4
    try:
        numbers = tuple(float(text) for text in texts if text)
    except ValueError:
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


# --- the protocol, a text within the series' header

_NORMAL: Final = re.compile(rb"sSliceArray\.asSlice\[0\]\.sNormal\.d(Sag|Cor|Tra)\s*=\s*(-?[0-9.]{1,24}(?:e[-+]?\d+)?)")
_REVERSED: Final = re.compile(rb"sSliceArray\.ucImageNumb(Sag|Cor|Tra)\s*=\s*(0x[0-9A-Fa-f]{1,4}|\d{1,4})")
_AXES: Final = {b"Sag": 0, b"Cor": 1, b"Tra": 2}


def protocol_slice_normal(data: bytes) -> tuple[float, float, float] | None:
    """Return the direction in which the slices of a mosaic follow each other, LPS, by the protocol in (0029,xx20).

    The protocol has the normal of the slices, and by ``ucImageNumb`` along its largest axis whether they are numbered
    against it.
    """
    begin = data.find(b"### ASCCONV BEGIN")
    text = data[begin:] if begin >= 0 else b""
    normal = [0.0, 0.0, 0.0]
    for axis, number in _NORMAL.findall(text):
        normal[_AXES[axis]] = _finite(number)
    if not any(normal):
        return None
    largest = max(range(3), key=lambda axis: abs(normal[axis]))
    against = {_AXES[axis] for axis, number in _REVERSED.findall(text) if number.strip(b"0x")}
    sign = -1.0 if largest in against else 1.0
    return sign * normal[0], sign * normal[1], sign * normal[2]


def _finite(text: bytes) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0
