"""A data set in another transfer syntax: decompressed where it is compressed, every value as it was. Runs in a decoding child."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.any_frame import read_any_frame
from DICOMModule.dicom.dataset_reader import read_dataset, value_errors
from DICOMModule.dicom.frames import DECODER_ERRORS
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import MOST_DECODED_BYTES
from DICOMModule.dicom.uids import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from DICOMModule.errors import PixelDataError, UnsupportedTransferSyntaxError, plain_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TARGETS: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
_GREYS: Final = ("MONOCHROME1", "MONOCHROME2")
_LOSSY: Final = frozenset(f"1.2.840.10008.1.2.4.{code}" for code in (50, 51, 81, 91, 93, 203, 112))


def transcoded(header: InstanceHeader, target: str) -> npt.NDArray[np.uint8]:
    """Return the data set of a file as the bytes that `target` has for it.

    Nothing is compressed anew. Pixels that were compressed with loss stay what they are decoded to, and the data set says
    that they were; group lengths, which would be wrong, are left out.

    Parameters
    ----------
    target : str
        Explicit or implicit VR little endian.

    Raises
    ------
    UnsupportedTransferSyntaxError
        It cannot be decoded, or is written in big endian.
    PixelDataError
        Its pixel data are not what its header says.
    DicomFileError
        It has gone or changed, or cannot be read.
    """
    if target not in TARGETS:
        raise ValueError(f"{target} is not what a data set is transcoded to")
    if header.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN:
        reason = "it is written in big endian, which is not turned round; its receiver would have to take it as it is"
        raise UnsupportedTransferSyntaxError(header.path, reason)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = read_dataset(header.path)
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax.is_encapsulated:
            _decompress(header, dataset, str(syntax))
        data = _encoded(header, dataset, target)
    return np.frombuffer(data, np.uint8)


def _decompress(header: InstanceHeader, dataset: Dataset, syntax: str) -> None:
    if header.text("PhotometricInterpretation") in _GREYS and header.integer("SamplesPerPixel") == 1:
        _decompress_grey(header, dataset)
    else:
        try:
            dataset.decompress(generate_instance_uid=False)
        except NotImplementedError as error:
            raise UnsupportedTransferSyntaxError(
                header.path, "no decoder for its transfer syntax is installed"
            ) from error
        except DECODER_ERRORS as error:
            reason = f"its pixel data cannot be decoded: {plain_text(str(error)[:200])}"
            raise PixelDataError(header.path, reason) from error
    if syntax in _LOSSY and not dataset.get("LossyImageCompression"):
        dataset.LossyImageCompression = "01"


def _decompress_grey(header: InstanceHeader, dataset: Dataset) -> None:
    """Decode stored values as a load does, each in its own cell."""
    cells = (header.integer("BitsAllocated") or 0) // 8
    frames = []
    for number in range(1, max(1, header.number_of_frames) + 1):
        values = read_any_frame(header, number)
        if values.dtype.itemsize != cells:
            raise PixelDataError(header.path, f"its pixels decode to {values.dtype}, its header says {cells} bytes")
        frames.append(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())
        if len(frames) * len(frames[0]) > MOST_DECODED_BYTES:
            raise PixelDataError(header.path, "decompressed it is too large to be sent")
    data = b"".join(frames)
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].is_undefined_length = False
    dataset["PixelData"].VR = "OW" if cells > 1 else "OB"
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in dataset:
            delattr(dataset, keyword)


def _encoded(header: InstanceHeader, dataset: Dataset, target: str) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    for element in [element for element in dataset if element.tag.element == 0]:
        del dataset[element.tag]
    stream: Any = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, target == IMPLICIT_VR_LITTLE_ENDIAN
    try:
        write_dataset(stream, dataset)
    except value_errors() as error:
        raise PixelDataError(header.path, f"it cannot be written anew: {plain_text(str(error)[:200])}") from error
    data: bytes = stream.getvalue()
    if len(data) > MOST_DECODED_BYTES:
        raise PixelDataError(header.path, "decompressed it is too large to be sent")
    return data
