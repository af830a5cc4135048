"""A whole data set as pydicom's, once our own walk has found the file sound."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.errors import InvalidFileError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LARGE_BYTES = 64 * 1024
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
MEDIA = b"DICM"


def read_dataset(path: Path) -> Dataset:
    """Return the data set of the file at `path`, with `file_meta`; large values are read when they are asked for.

    The structure is checked first (`read_header`): only a file that is sound and within limits is given to pydicom, which
    has none. A file without preamble or meta information is read by the transfer syntax that its structure shows.

    Raises
    ------
    DicomFileError
        The file is not DICOM, is cut, or cannot be parsed.
    """
    import pydicom
    from pydicom import filereader
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID

    header = read_header(path)
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # a value that breaks its VR is for whoever asks for it
            file.seek(128)
            if file.read(4) == MEDIA:
                return pydicom.dcmread(path, defer_size=LARGE_BYTES)
            file.seek(header.dataset_offset)
            syntax = header.transfer_syntax_uid
            bare = filereader.read_dataset(
                file, syntax == IMPLICIT_VR_LITTLE_ENDIAN, syntax != EXPLICIT_VR_BIG_ENDIAN, defer_size=None
            )
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = UID(syntax)
            return FileDataset(path, bare, file_meta=meta)
    except (pydicom.errors.InvalidDicomError, RecursionError, ValueError, NotImplementedError, EOFError) as error:
        raise InvalidFileError(path, f"its data set cannot be parsed: {error}") from error
