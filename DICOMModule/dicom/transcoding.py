"""A data set in another transfer syntax: decompressed where it is compressed, turned round where it is in big endian.

Every value is as it was. Runs in a decoding child.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.any_frame import read_any_frame
from DICOMModule.dicom.dataset_reader import read_dataset, value_errors
from DICOMModule.dicom.frames import DECODER_ERRORS, unchanged
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import MOST_DECODED_BYTES
from DICOMModule.dicom.rewriting import data_set_bytes
from DICOMModule.dicom.uids import ALWAYS_LOSSY, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from DICOMModule.errors import PixelDataError, UnsupportedTransferSyntaxError, plain_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TARGETS: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
_GREYS: Final = ("MONOCHROME1", "MONOCHROME2")


def transcoded(header: InstanceHeader, target: str) -> npt.NDArray[np.uint8]:
    """Return the data set of a file as the bytes that `target` has for it.

    Nothing is compressed anew. Pixels that were compressed with loss stay what they are decoded to, and the data set says
    that they were; group lengths, which would be wrong, are left out. What is in big endian is turned round.

    Parameters
    ----------
    target : str
        Explicit or implicit VR little endian.

    Raises
    ------
    UnsupportedTransferSyntaxError
        It cannot be decoded.
    PixelDataError
        Its pixel data are not what its header says.
    DicomFileError
        It has gone or changed, or cannot be read.
    """
    if target not in TARGETS:
        raise ValueError(f"{target} is not what a data set is transcoded to")
    header = unchanged(header)
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
    if syntax in ALWAYS_LOSSY:
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
    try:
        data = data_set_bytes(dataset, header.path, implicit=target == IMPLICIT_VR_LITTLE_ENDIAN)
    except value_errors() as error:
        raise PixelDataError(header.path, f"it cannot be written anew: {plain_text(str(error)[:200])}") from error
    except OSError as error:
        raise PixelDataError(header.path, f"the file cannot be read: {error.strerror}") from error
    if len(data) > MOST_DECODED_BYTES:
        raise PixelDataError(header.path, "decompressed it is too large to be sent")
    return data
