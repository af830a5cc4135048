"""Tables that a file has for its stored values: the Modality LUT, and the colours of a supplemental palette."""

from __future__ import annotations

from DICOMModule.dicom.details import read_details
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.lookup_table import LookupTable, read_lookup_table
from DICOMModule.dicom.palette import Palette, read_palette
from DICOMModule.dicom.pixel_format import PixelFormat, pixel_format_of
from DICOMModule.errors import PixelDataError


def stored_reach(pixel_format: PixelFormat) -> tuple[int, int]:
    """Return the least and the greatest stored value that there can be."""
    bits = pixel_format.bits_stored
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if pixel_format.signed else (0, (1 << bits) - 1)


def read_modality_lut(header: InstanceHeader, pixel_format: PixelFormat) -> tuple[LookupTable, str]:
    """Return the Modality LUT of an image (PS3.3 C.11.1.1) and its Modality LUT Type, ``US`` where it is unspecified.

    Raises
    ------
    DicomFileError
        There is none, it makes no sense, or the file has gone or changed.
    """
    sequence = read_details(header).get("ModalityLUTSequence")
    if not sequence:
        raise PixelDataError(header.path, "its Modality LUT Sequence cannot be read")
    item = sequence[0]
    table = read_lookup_table(header.path, item, stored_reach(pixel_format), "Modality LUT")
    return table, str(item.get("ModalityLUTType") or "US").strip()


def has_supplemental_palette(header: InstanceHeader) -> bool:
    """Return whether stored values from some number on are colours, not values (PS3.3 C.7.6.19)."""
    return (
        "RedPaletteColorLookupTableDescriptor" in header.attributes
        and header.text("PixelPresentation").upper() in ("COLOR", "MIXED")
        and header.text("PhotometricInterpretation") == "MONOCHROME2"
    )


def read_supplemental_palette(header: InstanceHeader) -> Palette:
    """Return the colours of a supplemental palette: they are meant for stored values from its first on.

    Raises
    ------
    DicomFileError
        It makes no sense, or the file has gone or changed.
    """
    frame = header if header.number_of_frames == 1 else None
    reach = (0, 0xFFFF) if frame is None else stored_reach(pixel_format_of(frame))
    return read_palette(header.path, read_details(header), reach)
