"""A data set in another encoding, made of the bytes of its values: whatever rule one of them breaks, it stays as it is.

Read and written anew by pydicom, a text may come out with other bytes, and a number that is none ends the whole. Where a
data set has its value representations, none of its values need be understood: those of big endian are turned round.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.dicom.big_endian import WIDTHS, cell_width, pixel_width, turned
from DICOMModule.dicom.encoding import CONTROL_GROUP, LONG_VRS, SHORT_VRS

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset

_UNDEFINED: Final = 0xFFFFFFFF
_PIXEL_DATA: Final = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xE000, 0xE00D, 0xE0DD
_BIG_ENDIAN_ITEM: Final = b"\xff\xfe\xe0\x00"


def data_set_bytes(dataset: Dataset, path: Path, *, implicit: bool) -> bytes:
    """Return a data set that pydicom has read from the file at `path`, in little endian, without group lengths.

    Elements that have been set since, and those of implicit VR, are written by pydicom.

    Parameters
    ----------
    implicit : bool
        Whether it is written without value representations.

    Raises
    ------
    ValueError, and what `value_errors` names
        An element cannot be written so.
    OSError
        The file, out of which large values are read only now, cannot be read.
    """
    writing = _Writing(path, implicit)
    writing.put_data_set(dataset, "iso8859")
    return writing.stream.getvalue()


@dataclass
class _Writing:
    path: Path
    implicit: bool
    stream: BytesIO = field(default_factory=BytesIO)

    def put_data_set(self, dataset: Dataset, charset: Any) -> None:
        elements: dict[Any, Any] = {tag: dataset.get_item(tag, keep_deferred=True) for tag in sorted(dataset.keys())}
        charset = dataset.get("SpecificCharacterSet") or charset
        for tag, element in elements.items():
            if tag.element == 0:  # a group length, which would be wrong
                continue
            if element.VR == "SQ":
                self._put_sequence(tag, dataset[tag].value, charset)
            elif element.is_raw and element.VR:
                self._put_raw(dataset, element)
            elif element.is_raw and not element.is_little_endian:
                raise ValueError(f"{tag} has no value representation, so that it cannot be turned round")
            else:
                self._put_by_pydicom(dataset[tag], charset)

    def _put_sequence(self, tag: int, items: Any, charset: Any) -> None:
        self._put_header(tag, "SQ", _UNDEFINED)
        for item in items:
            self._put_mark(_ITEM, _UNDEFINED)
            self.put_data_set(item, charset)
            self._put_mark(_ITEM_END, 0)
        self._put_mark(_SEQUENCE_END, 0)

    def _put_raw(self, dataset: Dataset, element: RawDataElement) -> None:
        vr, value = str(element.VR), self._value_of(element)
        if vr.encode() not in SHORT_VRS and vr.encode() not in LONG_VRS:
            raise ValueError(f"{element.tag} has a value representation that is not known, {vr!r}")
        if not element.is_little_endian:
            vr, value = _turned(dataset, element, value)
        is_open = element.length == _UNDEFINED
        self._put_header(element.tag, vr, _UNDEFINED if is_open else len(value))
        self.stream.write(value)
        if is_open:
            self._put_mark(_SEQUENCE_END, 0)

    def _value_of(self, element: RawDataElement) -> bytes:
        if element.value is not None or not element.length:
            return element.value or b""
        with self.path.open("rb") as file:
            file.seek(element.value_tell)
            value = file.read(element.length)
        if len(value) != element.length:
            raise EOFError(f"{element.tag} is cut")
        return value

    def _put_by_pydicom(self, element: Any, charset: Any) -> None:
        from pydicom.filebase import DicomBytesIO
        from pydicom.filewriter import write_data_element

        written: Any = DicomBytesIO()
        written.is_little_endian, written.is_implicit_VR = True, self.implicit
        write_data_element(written, element, charset)
        self.stream.write(written.getvalue())

    def _put_header(self, tag: int, vr: str, length: int) -> None:
        self.stream.write(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
        if self.implicit:
            self.stream.write(struct.pack("<L", length))
        elif vr.encode() in LONG_VRS:
            self.stream.write(struct.pack("<2sHL", vr.encode(), 0, length))
        else:
            self.stream.write(struct.pack("<2sH", vr.encode(), length))

    def _put_mark(self, number: int, length: int) -> None:
        self.stream.write(struct.pack("<HHL", CONTROL_GROUP, number, length))


def _turned(dataset: Dataset, element: RawDataElement, value: bytes) -> tuple[str, bytes]:
    """Return the value representation and the value of an element that is written in big endian."""
    vr = str(element.VR)
    if element.length == _UNDEFINED:
        raise ValueError(f"{element.tag} is in fragments, which there are none of in big endian")
    if vr == "UN" and value.startswith(_BIG_ENDIAN_ITEM):
        raise ValueError(f"{element.tag} is a sequence without value representations, which cannot be turned round")
    if element.tag != _PIXEL_DATA:
        return vr, turned(value, WIDTHS.get(vr, 1))
    signed = dataset.get("PixelRepresentation") == 1
    width = pixel_width(value, vr, dataset.get("BitsAllocated"), signed=signed)
    if width is None:
        raise ValueError("in which of two ways its pixels are written cannot be told")
    return "OW" if cell_width(dataset.get("BitsAllocated")) > 1 else vr, turned(value, width)
