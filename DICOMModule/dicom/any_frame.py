"""One frame of any image: colours as red, green and blue of 8 bits, palettes applied; else stored values as they come.

Colours of pictures and of volumes come from here; grey values of volumes come from `frames`, which is stricter. One frame
is read at a time where the file lets one find it (not in deflated data).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.big_endian import cell_width, pixel_width, put_cells_together, turned
from DICOMModule.dicom.bits import packed_range, unpacked
from DICOMModule.dicom.codecs import DECODERS, DEFLATED_FRAMES, inflate_frame
from DICOMModule.dicom.codestream import read_codestream
from DICOMModule.dicom.colour import COLOURS, SUBSAMPLED, eight_bits, native_samples, rgb_of
from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.dicom.details import read_details
from DICOMModule.dicom.encapsulated import read_encapsulated_frame
from DICOMModule.dicom.frame_header import frame_header
from DICOMModule.dicom.frames import CODESTREAMS, JPEG, NATIVE, PREFERRED_PLUGINS, decoder_of, decoding, unchanged
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.jpeg import decode_colour_jpeg
from DICOMModule.dicom.palette import read_palette
from DICOMModule.dicom.pixel_format import MOST_DECODED_BYTES
from DICOMModule.dicom.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN
from DICOMModule.errors import PixelDataError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.pixels.decoders.base import Decoder

Samples: TypeAlias = npt.NDArray[Any]

_FLOATS: Final = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
_GREYS: Final = frozenset(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"))
JPEG_XL: Final = frozenset(f"1.2.840.10008.1.2.4.{code}" for code in (110, 111, 112))
UNCOMPRESSED: Final = NATIVE | {EXPLICIT_VR_BIG_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN}
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
        Stored values, as wide as the cells; or red, green and blue of 8 bits (of colours of more bits the upper 8).

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
    with decoding(header):
        values = _decoded(header, frame - 1, options)
    shape = (options["rows"], options["columns"])
    if values.shape not in (shape, (*shape, 3)):
        raise PixelDataError(header.path, f"its pixel data decode to {values.shape}, its header says {shape}")
    if options["photometric_interpretation"] == "PALETTE COLOR":
        return read_palette(header.path, read_details(header), stored_range(options)).applied(values)
    return eight_bits(values, options["bits_stored"]) if values.ndim == 3 else values


def stored_range(options: Mapping[str, Any]) -> tuple[int, int]:
    """Return the least and the greatest value that `bits_stored` hold, by `pixel_representation`."""
    bits = options["bits_stored"]
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if options["pixel_representation"] else (0, (1 << bits) - 1)


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
    if (samples, photometric in COLOURS, photometric in _GREYS) not in {(3, True, False), (1, False, True)}:
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


def _decoded(header: InstanceHeader, index: int, options: dict[str, Any]) -> Samples:
    """Return stored values, or red, green and blue with the bits that are stored."""
    syntax = header.transfer_syntax_uid
    if syntax in DECODERS or syntax == DEFLATED_FRAMES:
        return _of_frame(header, read_encapsulated_frame(_frame_of(header, index)), options)
    if syntax in UNCOMPRESSED and (options["bits_allocated"] == 1 or options["samples_per_pixel"] == 3):
        return _native(_native_bytes(header, index, options), index, options)
    decoder = decoder_of(header)
    if decoder.UID.is_encapsulated and header.pixel_data_offset:
        data = read_encapsulated_frame(_frame_of(header, index))
        return _by_pydicom(data, options, decoder)
    if syntax not in NATIVE or not header.pixel_data_offset:
        dataset = _bounded(header)
        if syntax == EXPLICIT_VR_BIG_ENDIAN:
            put_cells_together(dataset)
        return decoder.as_array(dataset, index=index)[0]
    with header.path.open("rb") as file:
        file.seek(header.pixel_data_offset)
        return decoder.as_array(file, index=index, **options)[0]


def _frame_of(header: InstanceHeader, index: int) -> InstanceHeader:
    return header if header.number_of_frames == 1 else frame_header(header, index + 1, {})


def _of_frame(header: InstanceHeader, data: bytes, options: dict[str, Any]) -> Samples:
    """Return the samples of a compressed frame by a decoder of our own choice."""
    syntax = header.transfer_syntax_uid
    if syntax == DEFLATED_FRAMES:
        begin, end = _native_place(0, options)
        return _native(inflate_frame(data, end - begin), 0, options)
    if syntax in CODESTREAMS:
        _check_codestream(header, data, options)
    if syntax in JPEG and options["samples_per_pixel"] == 3:
        return decode_colour_jpeg(data, options["photometric_interpretation"], options["bits_stored"])
    if syntax in PREFERRED_PLUGINS and options["samples_per_pixel"] == 3:
        return _by_pydicom(data, options, decoder_of(header))
    samples = DECODERS[syntax](data)
    if samples.ndim == 2:
        return _signed(samples, options)
    # JPEG XL decodes to RGB, whatever went in
    return samples if syntax in JPEG_XL else _in_rgb(samples, {}, options)


def _by_pydicom(data: bytes, options: dict[str, Any], decoder: Decoder) -> Samples:
    plugins = PREFERRED_PLUGINS.get(decoder.UID, ())
    plugin = next((name for name in plugins if name in decoder.available_plugins), "")
    single = {**options, "number_of_frames": 1}
    return _in_rgb(*decoder.as_array(_encapsulated(data), index=0, decoding_plugin=plugin, raw=True, **single), options)


def _in_rgb(values: Samples, said: Mapping[str, Any], options: dict[str, Any]) -> Samples:
    """Return colours as red, green and blue, by what the decoder says that it has made of them."""
    if values.ndim < 3:
        return values
    photometric = str(said.get("photometric_interpretation") or options["photometric_interpretation"])
    return rgb_of(values, photometric, options["bits_stored"])


def _native_place(index: int, options: Mapping[str, Any]) -> tuple[int, int]:
    """Return where the bytes of an uncompressed frame begin and end in Pixel Data."""
    samples = 2 if options["photometric_interpretation"] in SUBSAMPLED else options["samples_per_pixel"]
    bits = options["rows"] * options["columns"] * samples * options["bits_allocated"]
    return packed_range(index * bits, bits)


def _native_bytes(header: InstanceHeader, index: int, options: Mapping[str, Any]) -> bytes:
    """Return the bytes of an uncompressed frame, little endian: from its place in the file, or from all of the data."""
    begin, end = _native_place(index, options)
    if header.transfer_syntax_uid in NATIVE and header.pixel_data_offset:
        _check_native(header.path, header.pixel_data_bytes, end, options)
        with header.path.open("rb") as file:
            file.seek(header.pixel_data_offset + begin)
            return file.read(end - begin)
    element = _bounded(header)["PixelData"]
    data = element.value
    _check_native(header.path, len(data), end, options)
    if header.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN:
        bits, signed = options["bits_allocated"], options["pixel_representation"] == 1
        width = pixel_width(data, element.VR, bits, signed=signed) or cell_width(bits)
        data = turned(data[: len(data) // width * width], width)
    return bytes(data[begin:end])


def _check_native(path: Path, present: int, end: int, options: Mapping[str, Any]) -> None:
    """Refuse data that are cut, and data of three bytes a pixel that are said to share colours."""
    if present < end:
        raise PixelDataError(path, f"its pixel data have {present} bytes, its header asks for {end} or more")
    if options["photometric_interpretation"] not in SUBSAMPLED:
        return
    _, needed = _native_place(options["number_of_frames"] - 1, options)
    if present >= needed // 2 * 3:
        raise PixelDataError(
            path,
            f"its Photometric Interpretation {options['photometric_interpretation']} asks for {needed} bytes of pixel"
            f" data, there are {present}: whether they are RGB or YBR is in doubt",
        )


def _native(data: bytes, index: int, options: Mapping[str, Any]) -> Samples:
    rows, columns = options["rows"], options["columns"]
    if options["bits_allocated"] == 1:
        pixels = rows * columns
        return unpacked(data, index * pixels % 8, pixels).reshape(rows, columns)
    photometric, bits = options["photometric_interpretation"], options["bits_allocated"]
    if options["samples_per_pixel"] == 1:
        kind = "i" if options["pixel_representation"] else "u"
        return np.frombuffer(data, f"<{kind}{bits // 8}", rows * columns).reshape(rows, columns)
    planar = options["planar_configuration"]
    samples = native_samples(data, rows, columns, bits=bits, photometric=photometric, planar=planar)
    if options["bits_stored"] < bits:
        samples = samples & samples.dtype.type((1 << options["bits_stored"]) - 1)
    return rgb_of(samples, photometric, options["bits_stored"])


def _bounded(header: InstanceHeader) -> Dataset:
    """Return the whole data set where no single frame can be found in the file, if it is not too large for that."""
    if header.size_bytes > MOST_DECODED_BYTES:
        raise PixelDataError(header.path, f"{header.size_bytes} bytes are too many to look for one frame in")
    return read_dataset(header.path)


def _check_codestream(header: InstanceHeader, data: bytes, options: Mapping[str, Any]) -> None:
    """Refuse a compressed frame whose own size is not the header's: a decoder would pass its buffer's end."""
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


def _encapsulated(data: bytes) -> bytes:
    """Return a frame in one fragment behind an empty offset table (PS3.5 A.4), as pydicom's decoders want it."""
    from pydicom.encaps import encapsulate

    return encapsulate([data], has_bot=False)


def _signed(samples: Samples, options: Mapping[str, Any]) -> Samples:
    """Return samples of a decoder that knows no sign with that of the header."""
    if options["pixel_representation"] and samples.dtype.itemsize == options["bits_allocated"] // 8:
        unused = options["bits_allocated"] - options["bits_stored"]
        signed: Samples = samples.view(f"i{samples.dtype.itemsize}") << unused >> unused
        return signed
    return samples
