"""Pixel Data to arrays of stored values, exactly.

Uncompressed little endian data are read straight from their place in the file; JPEG goes to a decoder of its own
(`jpeg`), everything else through pydicom's. Where data come from outside, call `decoding.decode_stored_values` in place of
`read_stored_values`: it keeps native decoders out of this process. Colours, single bits and floating point: `frame_pixels`.
"""

from __future__ import annotations

import os
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.big_endian import put_cells_together
from DICOMModule.dicom.codecs import DECODERS, DEFLATED_FRAMES, inflate_frame, reason_unreadable
from DICOMModule.dicom.codestream import Codestream, read_codestream
from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.dicom.encapsulated import read_encapsulated_frame
from DICOMModule.dicom.frame_header import FrameHeader, Tile, frame_header
from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import PixelFormat, pixel_format_of
from DICOMModule.dicom.uids import EXPLICIT_VR_BIG_ENDIAN
from DICOMModule.errors import DicomFileError, PixelDataError, UnsupportedTransferSyntaxError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.pixels.decoders.base import Decoder

StoredValues: TypeAlias = npt.NDArray[Any]

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
NATIVE = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN})
CELLS_AS_WRITTEN = NATIVE | {"1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", RLE_LOSSLESS, DEFLATED_FRAMES}
"""Transfer syntaxes that carry every bit of a cell, the unused ones included."""

_JPEG = "1.2.840.10008.1.2.4."
CODESTREAMS = frozenset(
    _JPEG + code for code in ["50", "51", "57", "70", "80", "81", "90", "91", "92", "93", "201", "202", "203"]
)
JPEG = frozenset(_JPEG + code for code in ["50", "51", "57", "70"])
# GDCM ends the process on some broken data; where a decoder that raises an error is there, GDCM is not asked.
PREFERRED_PLUGINS: dict[str, tuple[str, ...]] = {
    RLE_LOSSLESS: ("pylibjpeg", "pydicom"),
    **{_JPEG + code: ("pyjpegls", "pylibjpeg") for code in ("80", "81")},
    **{_JPEG + code: ("pylibjpeg",) for code in ("90", "91", "201", "202", "203")},
}

# Unused bits are dealt with here, the same way for every transfer syntax.
AS_DECODED: dict[str, Any] = {"correct_unused_bits": False}

# What pydicom and the decoders behind it raise on pixel data that are not what the header says.
DECODER_ERRORS = (
    RuntimeError, ValueError, AttributeError, TypeError, LookupError, ArithmeticError, NotImplementedError, OSError,
    EOFError, MemoryError, struct.error, StopIteration,
)  # fmt: skip
RUST_PANIC = "PanicException"
"""What a decoder in Rust raises on broken data: no Exception, and of a class that cannot be imported."""


def read_stored_values(header: InstanceHeader, out: StoredValues | None = None) -> StoredValues:
    """Read the stored values of a single-frame grey image.

    Unused bits of a cell are cleared, and signed values extended from High Bit (PS3.5 8.1.1: what is in them is
    undefined); nothing else is done to the values.

    Parameters
    ----------
    header : InstanceHeader
        As read from the file; the file must still be the one that was read.
    out : ndarray, shape (rows, columns), optional
        Where to put the values, contiguous, of the type `pixel_format_of` gives; without it a new array is made.

    Returns
    -------
    ndarray, shape (rows, columns)
        `out`, or a new array, in this machine's byte order.

    Raises
    ------
    PixelDataError
        The file has gone or changed, or its pixel data are not what the header says.
    UnsupportedTransferSyntaxError
        No decoder that is installed reads the transfer syntax.
    """
    pixel_format = pixel_format_of(header)
    if pixel_format.cells != "integers":
        raise PixelDataError(header.path, f"its pixels are {pixel_format.cells}, not whole numbers")
    if isinstance(header, FrameHeader) and header.tile is not None:
        return _read_tile(header, header.tile, pixel_format, out)
    if out is not None and (out.dtype, out.shape) != (pixel_format.dtype, (pixel_format.rows, pixel_format.columns)):
        raise ValueError(f"stored values of {pixel_format} do not go into {out.dtype} {out.shape}")
    header = unchanged(header)
    if header.transfer_syntax_uid in NATIVE and header.pixel_data_offset and header.pixel_data_bytes > 0:
        out = _new_array(header, pixel_format) if out is None else out
        _read_native(header, pixel_format, out)
    else:
        decoded = _decoded(header, pixel_format)
        if out is None and decoded.flags.writeable and decoded.flags.c_contiguous:
            out = decoded
        else:
            out = _new_array(header, pixel_format) if out is None else out
            out[...] = decoded
    if header.transfer_syntax_uid in CELLS_AS_WRITTEN or not _is_in_range(header, out, pixel_format):
        _clear_unused_bits(out, pixel_format)
    return out


def _new_array(header: InstanceHeader, pixel_format: PixelFormat) -> StoredValues:
    try:
        return np.empty((pixel_format.rows, pixel_format.columns), pixel_format.dtype)
    except MemoryError as error:
        raise PixelDataError(header.path, f"there is no memory for {pixel_format.frame_bytes} bytes") from error


def _read_tile(header: FrameHeader, tile: Tile, pixel_format: PixelFormat, out: StoredValues | None) -> StoredValues:
    """Read the frame that a tile is a part of, or take the one that has just been read, and cut it out."""
    frame = _whole_frame(header)
    cut = frame[tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns]
    if cut.shape != (pixel_format.rows, pixel_format.columns):
        raise PixelDataError(header.path, f"a tile of {tile.rows} × {tile.columns} does not lie within its frame")
    if out is None:
        return cut.copy()
    out[...] = cut
    return out


_last_frame: list[tuple[tuple[str, int, int, int], StoredValues]] = []
"""The frame that tiles were last cut from; the tiles of a frame are read one after the other."""


def _whole_frame(header: FrameHeader) -> StoredValues:
    key = header.filename, header.size_bytes, header.mtime_ns, header.frame_number
    for known, values in _last_frame[:1]:
        if known == key:
            return values
    values = read_stored_values(frame_header(header.instance, header.frame_number, {}))
    _last_frame[:] = [(key, values)]
    return values


def unchanged(header: InstanceHeader) -> InstanceHeader:
    """Return the header with which the file can be read now; a copy or a touch may have changed its date only."""
    try:
        status = os.stat(header.filename)  # noqa: PTH116 (a string at hand, thousands of times)
    except OSError as error:
        raise PixelDataError(
            header.path, f"the file cannot be read: {error.strerror}. If it was moved, import it from its new place."
        ) from error
    if (status.st_size, status.st_mtime_ns) == (header.size_bytes, header.mtime_ns):
        return header
    changed = PixelDataError(header.path, "the file has changed since it was imported. Import it again.")
    try:
        current = read_header(header.path)
    except DicomFileError as error:
        raise changed from error
    before = header.instance
    if dict(current.attributes) != dict(before.attributes) or current.transfer_syntax_uid != before.transfer_syntax_uid:
        raise changed
    if not isinstance(header, FrameHeader):
        return current
    moved = current.pixel_data_offset - before.pixel_data_offset
    return replace(
        header,
        size_bytes=current.size_bytes,
        mtime_ns=current.mtime_ns,
        dataset_offset=current.dataset_offset,
        pixel_data_offset=header.pixel_data_offset + moved,
        whole=current,
    )


def _read_native(header: InstanceHeader, pixel_format: PixelFormat, out: StoredValues) -> None:
    try:
        filled = _read_at(header.filename, header.pixel_data_offset, memoryview(out.data).cast("B"))
    except OSError as error:
        raise PixelDataError(header.path, f"the file cannot be read: {error.strerror}") from error
    if filled < pixel_format.frame_bytes:
        raise PixelDataError(header.path, "the file ends before its pixel data do")
    if sys.byteorder == "big":
        out.byteswap(inplace=True)


def _read_at(filename: str, offset: int, view: memoryview) -> int:
    """Fill `view` from a place in a file; return how many bytes there were."""
    filled = 0
    if sys.platform == "win32":
        with open(filename, "rb", buffering=0) as file:  # noqa: PTH123 (a string at hand)
            file.seek(offset)
            while filled < len(view) and (count := file.readinto(view[filled:])):
                filled += count
        return filled
    descriptor = os.open(filename, os.O_RDONLY)  # half of the steps of a file object, hundreds of times
    try:
        while filled < len(view) and (count := os.preadv(descriptor, [view[filled:]], offset + filled)):
            filled += count
    finally:
        os.close(descriptor)
    return filled


def _decoded(header: InstanceHeader, pixel_format: PixelFormat) -> StoredValues:
    """Decode compressed, deflated or big-endian Pixel Data and check what comes of it against the header."""
    if header.transfer_syntax_uid in DECODERS or header.transfer_syntax_uid == DEFLATED_FRAMES:
        with decoding(header):
            values, codestream = _decode_frame(header, pixel_format)
    else:
        decoder, codestream = decoder_of(header), None
        dataset = _dataset_of(header)
        with decoding(header):
            values = _decode(header, dataset, decoder)
    shape = (pixel_format.rows, pixel_format.columns)
    if values.shape != shape or values.dtype.itemsize != pixel_format.dtype.itemsize:
        raise PixelDataError(
            header.path, f"its pixel data decode to {values.shape} {values.dtype}, its header says {shape}"
        )
    stored: StoredValues = values.astype(values.dtype.newbyteorder("="), copy=False).view(pixel_format.dtype)
    if codestream is not None:
        _check_sign(header, pixel_format, codestream, stored)
    return stored


def _dataset_of(header: InstanceHeader) -> Dataset:
    if isinstance(header, FrameHeader):
        return _dataset_of_many_frames(header.filename, header.size_bytes, header.mtime_ns)
    return read_dataset(header.path)


@lru_cache(maxsize=1)
def _dataset_of_many_frames(filename: str, _size_bytes: int, _mtime_ns: int) -> Dataset:
    """Return a data set that is asked for once a frame."""
    return read_dataset(Path(filename))


@contextmanager
def decoding(header: InstanceHeader) -> Iterator[None]:
    """Give whatever a decoder raises as a PixelDataError, and keep its warnings to itself.

    What pydicom would warn of (lengths, precision) is checked before and after.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DicomFileError:
        raise
    except BaseException as error:
        if not isinstance(error, DECODER_ERRORS) and type(error).__name__ != RUST_PANIC:
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[-1] if lines else type(error).__name__
        if isinstance(error, MemoryError):
            reason = "it takes more memory than there is"
        name = _syntax_name(header.transfer_syntax_uid)
        raise PixelDataError(header.path, f"its pixel data ({name}) cannot be decoded: {reason}") from error


def _syntax_name(uid: str) -> str:
    from pydicom import config
    from pydicom.uid import UID

    return UID(uid, validation_mode=config.IGNORE).name


def decoder_of(header: InstanceHeader) -> Decoder:
    """Return pydicom's decoder of the transfer syntax, which knows the plug-ins that are installed."""
    from pydicom import config
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    syntax = UID(header.transfer_syntax_uid, validation_mode=config.IGNORE)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        reason = reason_unreadable(syntax)
        raise UnsupportedTransferSyntaxError(
            header.path, f"no decoder reads its transfer syntax {syntax.name}{f': {reason}' if reason else ''}"
        ) from error
    if not decoder.is_available and syntax not in DECODERS:
        raise UnsupportedTransferSyntaxError(
            header.path, f"no decoder for its transfer syntax {syntax.name} is installed"
        )
    return decoder


def _decode_frame(header: InstanceHeader, pixel_format: PixelFormat) -> tuple[StoredValues, Codestream | None]:
    """Return the samples of a compressed frame, in cells as wide as the header's, and what its codestream says of itself."""
    frame = read_encapsulated_frame(header)
    syntax = header.transfer_syntax_uid
    if syntax == DEFLATED_FRAMES:
        native = np.frombuffer(inflate_frame(frame, pixel_format.frame_bytes), pixel_format.dtype.newbyteorder("<"))
        return native.reshape(pixel_format.rows, pixel_format.columns), None
    codestream = _check_codestream(header, pixel_format, frame) if syntax in CODESTREAMS else None
    samples = DECODERS[syntax](frame)
    kind = "i" if codestream is not None and codestream.signed else "u"
    return samples.astype(f"{kind}{pixel_format.dtype.itemsize}", copy=False), codestream


def _decode(header: InstanceHeader, dataset: Dataset, decoder: Decoder) -> StoredValues:
    """Return the samples as pydicom's decoder gives them."""
    if str(dataset.get("SOPInstanceUID", "")).strip(" \0") != header.sop_instance_uid:
        raise PixelDataError(header.path, "the file has changed since it was imported. Import it again.")
    syntax = decoder.UID
    available = decoder.available_plugins if syntax.is_encapsulated else ("",)
    plugin = next((name for name in PREFERRED_PLUGINS.get(syntax, ()) if name in available), "")
    index = header.frame_number - 1
    if syntax == EXPLICIT_VR_BIG_ENDIAN:
        put_cells_together(dataset)
    values: StoredValues = decoder.as_array(dataset, index=index, raw=True, decoding_plugin=plugin, **AS_DECODED)[0]
    return values


def _check_codestream(header: InstanceHeader, pixel_format: PixelFormat, frame: bytes) -> Codestream:
    """Refuse a compressed frame whose own size is not the header's: a decoder would read or write past its buffer."""
    found = read_codestream(frame)
    if found is None:
        raise PixelDataError(header.path, "its pixel data are not what its transfer syntax says")
    if (found.rows, found.columns, found.samples) != (pixel_format.rows, pixel_format.columns, 1):
        raise PixelDataError(
            header.path,
            f"its pixel data hold {found.rows} × {found.columns} pixels of {found.samples} sample(s),"
            f" its header says {pixel_format.rows} × {pixel_format.columns} of 1",
        )
    if found.bits > pixel_format.bits_allocated:
        raise PixelDataError(
            header.path, f"its pixel data have {found.bits} bits, its header allocates {pixel_format.bits_allocated}"
        )
    return found


def _check_sign(header: InstanceHeader, pixel_format: PixelFormat, found: Codestream, stored: StoredValues) -> None:
    """Refuse values of which a codestream and its header together do not say whether they are negative.

    JPEG and JPEG-LS know no sign: it is in the highest bit that the header stores, and in doubt where they hold fewer.
    """
    if pixel_format.signed and not found.signed:
        doubtful = found.bits < pixel_format.bits_stored and int(stored.max()) >= 1 << (found.bits - 1)
    else:
        doubtful = found.signed and not pixel_format.signed and int(stored.max()) >= 1 << (found.bits - 1)
    if doubtful:
        raise PixelDataError(
            header.path,
            f"its pixel data have {found.bits} {'' if found.signed else 'un'}signed bits, its header says"
            f" {pixel_format.bits_stored} {'' if pixel_format.signed else 'un'}signed ones: which values are negative"
            " is in doubt",
        )


def _clear_unused_bits(values: StoredValues, pixel_format: PixelFormat) -> None:
    """Move the value to the top of its cell and back; the shift down extends the sign of signed types."""
    if pixel_format.whole_cell:
        return
    above = pixel_format.bits_allocated - 1 - pixel_format.high_bit
    unused = pixel_format.bits_allocated - pixel_format.bits_stored
    if above == unused and not pixel_format.signed:
        np.bitwise_and(values, values.dtype.type((1 << pixel_format.bits_stored) - 1), out=values)
        return
    if above:
        np.left_shift(values, above, out=values)
    np.right_shift(values, unused, out=values)


def _is_in_range(header: InstanceHeader, values: StoredValues, pixel_format: PixelFormat) -> bool:
    """Refuse decoded values that need more bits than the header states: one of the two is wrong.

    A codec gives back the bits that it was given: signed values of fewer bits than the cell come sign-extended or not.

    Returns
    -------
    bool
        Whether they are stored values as they are, and nothing is above their highest bit but their sign.
    """
    if pixel_format.whole_cell:
        return True
    stored = pixel_format.bits_stored
    if pixel_format.high_bit != stored - 1:
        raise PixelDataError(header.path, f"High Bit {pixel_format.high_bit} cannot be in compressed pixel data")
    lowest = -(1 << (stored - 1)) if pixel_format.signed else 0
    smallest, largest = int(values.min()), int(values.max())
    if smallest < lowest or largest >= 1 << stored:
        raise PixelDataError(
            header.path,
            f"its pixel data decode to values from {smallest} to {largest}, which {stored} bits do not hold",
        )
    return largest < 1 << (stored - int(pixel_format.signed))
