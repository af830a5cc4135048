"""One frame of any image as a decoder gives it: colour, palette, several frames, one bit, floating point.

For pictures, not for measuring: volumes are read by `frames`, which is stricter. One frame is read at a time where the
file lets one find it (not in deflated data).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.codestream import read_codestream
from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.dicom.frames import CODESTREAMS, JPEG, NATIVE, PREFERRED_PLUGINS, decoder_of, decoding, unchanged
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.jpeg import decode_colour_jpeg, decode_jpeg
from DICOMModule.dicom.pixel_format import MOST_DECODED_BYTES
from DICOMModule.errors import PixelDataError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.pixels.decoders.base import Decoder

Samples: TypeAlias = npt.NDArray[Any]

_FLOATS: Final = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_COLOURS: Final = frozenset(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"))
_GREYS: Final = frozenset(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"))
_ALLOCATED: Final = frozenset((1, 8, 16, 32, 64))


def read_any_frame(header: InstanceHeader, frame: int) -> Samples:
    """Decode one frame.

    Parameters
    ----------
    header : InstanceHeader
        As read from the file; the file must still be the one that was read.
    frame : int
        Number of the frame, from 1.

    Returns
    -------
    ndarray, shape (rows, columns) or (rows, columns, 3)
        Stored values, or red, green and blue; as wide as the cells (PALETTE COLOR: as its table's entries).

    Raises
    ------
    DicomFileError
        There are no pixels, no such frame, the file has gone or changed, or it cannot be decoded.
    """
    if not header.pixel_data_bytes:
        raise PixelDataError(header.path, "it holds no pixels")
    options = _options(header)
    if not 1 <= frame <= options["number_of_frames"]:
        raise PixelDataError(header.path, f"it has {options['number_of_frames']} frame(s); there is no frame {frame}")
    header = unchanged(header)
    decoder = decoder_of(header)
    with decoding(header, decoder):
        values = _decoded(header, frame - 1, options, decoder)
        if options["photometric_interpretation"] == "PALETTE COLOR":
            values = _through_palette(values, read_dataset(header.path))
    shape = (options["rows"], options["columns"])
    if values.shape not in (shape, (*shape, 3)):
        raise PixelDataError(header.path, f"its pixel data decode to {values.shape}, its header says {shape}")
    return values


def _options(header: InstanceHeader) -> dict[str, Any]:
    """Return what a decoder has to be told, once it is sound and of a bearable size."""
    keyword = next((name for name in _FLOATS if name in header.attributes), "PixelData")
    samples = header.integer("SamplesPerPixel") or 1
    photometric = header.text("PhotometricInterpretation") or ("RGB" if samples == 3 else "MONOCHROME2")
    allocated = header.integer("BitsAllocated") or _FLOATS.get(keyword, 0)
    stored = header.integer("BitsStored") or allocated
    rows, columns = header.integer("Rows") or 0, header.integer("Columns") or 0
    if not (0 < rows <= 0xFFFF and 0 < columns <= 0xFFFF):
        raise PixelDataError(header.path, f"an image of {rows} rows and {columns} columns cannot be")
    if allocated not in _ALLOCATED or not 0 < stored <= allocated:
        raise PixelDataError(header.path, f"pixels of {allocated} bits, {stored} of them used, are not shown")
    if (samples, photometric in _COLOURS, photometric in _GREYS) not in {(3, True, False), (1, False, True)}:
        raise PixelDataError(header.path, f"{samples} sample(s) per pixel as {photometric!r} are not shown")
    if rows * columns * samples * max(1, allocated // 8) > MOST_DECODED_BYTES:
        raise PixelDataError(header.path, f"a frame of {rows} × {columns} pixels is too large to be shown")
    return {
        "pixel_keyword": keyword,
        "rows": rows,
        "columns": columns,
        "samples_per_pixel": samples,
        "photometric_interpretation": photometric,
        "planar_configuration": header.integer("PlanarConfiguration") or 0,
        "bits_allocated": allocated,
        "bits_stored": stored,
        "pixel_representation": header.integer("PixelRepresentation") or 0,
        "number_of_frames": max(1, header.number_of_frames),
    }


def _decoded(header: InstanceHeader, index: int, options: dict[str, Any], decoder: Decoder) -> Samples:
    syntax = decoder.UID
    if not header.pixel_data_offset or not (syntax in NATIVE or syntax.is_encapsulated):
        return decoder.as_array(_bounded(header), index=index)[0]
    with header.path.open("rb") as file:
        file.seek(header.pixel_data_offset)
        if syntax in NATIVE:
            return decoder.as_array(file, index=index, **options)[0]
        data = _frame_bytes(header, file, index, options)
    if syntax in JPEG:
        return _jpeg(data, options)
    plugin = next((name for name in PREFERRED_PLUGINS.get(syntax, ()) if name in decoder.available_plugins), "")
    single = {**options, "number_of_frames": 1}
    return decoder.as_array(_encapsulated(data), index=0, decoding_plugin=plugin, **single)[0]


def _bounded(header: InstanceHeader) -> Dataset:
    """Return the whole data set where no single frame can be found in the file, if it is not too large for that."""
    if header.size_bytes > MOST_DECODED_BYTES:
        raise PixelDataError(header.path, f"{header.size_bytes} bytes are too many to look for one frame in")
    return read_dataset(header.path)


def _frame_bytes(header: InstanceHeader, file: Any, index: int, options: dict[str, Any]) -> bytes:
    """Return one compressed frame, once its own size is the header's: a decoder would pass its buffer's end."""
    from pydicom.encaps import get_frame

    data = get_frame(file, index, number_of_frames=options["number_of_frames"])
    if header.transfer_syntax_uid not in CODESTREAMS:
        return data
    found = read_codestream(data)
    expected = options["rows"], options["columns"], options["samples_per_pixel"]
    if found is None or (found.rows, found.columns, found.samples) != expected:
        held = f"{found.rows} × {found.columns} × {found.samples}" if found else "something else"
        asked = " × ".join(map(str, expected))
        raise PixelDataError(header.path, f"its pixel data hold {held}, its header says {asked}")
    if found.bits > options["bits_allocated"]:
        raise PixelDataError(
            header.path, f"its pixel data have {found.bits} bits, its header allocates {options['bits_allocated']}"
        )
    return data


def _encapsulated(data: bytes) -> bytes:
    """Return a frame in one fragment behind an empty offset table (PS3.5 A.4), as pydicom's decoders want it."""
    from pydicom.encaps import encapsulate

    return encapsulate([data], has_bot=False)


def _jpeg(data: bytes, options: dict[str, Any]) -> Samples:
    if options["samples_per_pixel"] == 3:
        return decode_colour_jpeg(data, is_rgb=options["photometric_interpretation"] == "RGB")
    samples = decode_jpeg(data)
    if options["pixel_representation"] and samples.dtype.itemsize == options["bits_allocated"] // 8:
        unused = options["bits_allocated"] - options["bits_stored"]
        signed: Samples = samples.view(f"i{samples.dtype.itemsize}") << unused >> unused
        return signed
    return samples


def _through_palette(values: Samples, dataset: Dataset) -> Samples:
    """Return the colours that a palette gives (PS3.3 C.7.6.3.1.5)."""
    from pydicom.pixels.processing import apply_color_lut

    colours: Samples = apply_color_lut(values, dataset)
    # entries of 16 bits of which only the lower 8 are filled: an old habit of writers
    return colours.astype(np.uint8) if colours.dtype.itemsize > 1 and int(colours.max()) < 256 else colours
