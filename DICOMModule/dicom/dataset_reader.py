"""A whole data set as pydicom's, once our own walk has found the file sound."""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from DICOMModule.dicom.header_reader import MARKER, PREAMBLE_BYTES, read_layout
from DICOMModule.dicom.uids import (
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from DICOMModule.errors import InvalidFileError, plain_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LARGE_BYTES = 64 * 1024


def read_dataset(path: Path) -> Dataset:
    """Return the data set of the file at `path`, with `file_meta`; large values are read when they are asked for.

    The structure is checked first (`read_layout`): only a file that is sound and within limits is given to pydicom, which
    has none. A file without preamble or meta information is read by the transfer syntax that its structure shows.

    Raises
    ------
    DicomFileError
        The file is not DICOM, is cut, or cannot be parsed.
    """
    return read_file(path)[0]


def value_errors() -> tuple[type[Exception], ...]:
    """Return what pydicom raises where a value breaks its representation, its character set is none, or all is wrong."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (
        BytesLengthException,
        InvalidDicomError,
        RecursionError,
        EOFError,
        ValueError,
        TypeError,
        NotImplementedError,
        ArithmeticError,
        LookupError,
        AttributeError,
        struct.error,
    )


def read_file(path: Path) -> tuple[Dataset, bool]:
    """Return what `read_dataset` returns, and whether its file meta information is in the file: it may be our own."""
    import pydicom
    from pydicom import filereader
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    offset, syntax = read_layout(path)
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # a value that breaks its VR is for whoever asks for it
            file.seek(PREAMBLE_BYTES)
            if file.read(4) == MARKER:
                # of what was inflated, which the walk has bounded, pydicom would look for the rest in the file
                deferred = None if syntax in DEFLATED_TRANSFER_SYNTAXES else LARGE_BYTES
                return pydicom.dcmread(path, defer_size=deferred), True
            file.seek(0)
            meta = FileMetaDataset(filereader.read_dataset(BytesIO(file.read(offset)), False, True))
            if "TransferSyntaxUID" not in meta and syntax:
                meta.TransferSyntaxUID = UID(syntax)
            file.seek(offset)
            bare = filereader.read_dataset(
                file, syntax == IMPLICIT_VR_LITTLE_ENDIAN, syntax != EXPLICIT_VR_BIG_ENDIAN, defer_size=None
            )
            return FileDataset(path, bare, file_meta=meta), offset > 0
    except value_errors() as error:
        raise InvalidFileError(path, f"its data set cannot be parsed: {plain_text(str(error))}") from error
