"""Files that were cut between two elements: what is left is well built, and only what is missing can tell.

Elements stand in the order of their tags, so a cut file lacks the last of them. An image lacks its pixel data; for other
objects a table says which element of theirs, as near to their end as the standard makes one obligatory, should be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from DICOMModule.dicom.encoding import LAST_ELEMENTS
from DICOMModule.dicom.instance_header import AttributeValue
from DICOMModule.dicom.structure_found import Structure
from DICOMModule.dicom.uids import IMAGE_SOP_CLASSES
from DICOMModule.errors import IncompleteFileError

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_CONTENT: Final = (0x0040A730,)
_DOCUMENT: Final = (0x00420011,)
_WAVEFORM: Final = (0x54000100,)
_PLAN: Final = (0x300A0070, 0x300A00B0, 0x300A0230, 0x300A03A2)
_CLASSES: Final = {
    "4.2": (0x56000020,),
    "11.1": (0x0070005A,),
    "11.2": (0x0070005A,),
    "11.3": (0x0070005A,),
    "66.1": (0x00700308,),
    "66.2": (0x0070031C,),
    "66.3": (0x00640002,),
    "66.5": (0x00660002,),
    "66.6": (0x00660101,),
    "67": (0x00409094,),
    "481.3": (0x30060039,),
    "481.4": (0x30080020,),
    "481.5": _PLAN,
    "481.6": (0x30080110,),
    "481.8": _PLAN,
    "481.9": (0x30080021,),
}
_FAMILIES: Final = {"88.": _CONTENT, "9.": _WAVEFORM, "104.": _DOCUMENT}
_DOSE: Final = "481.2"
_IMAGE_SIGNS: Final = frozenset(
    ("ImageType", "Manufacturer", "SpecificCharacterSet", "SliceThickness", "KVP", "PatientPosition", "SamplesPerPixel")
)
_OBJECT_SIGNS: Final = frozenset(("Manufacturer", "ManufacturerModelName", "InstanceCreationDate", "ContentDate"))


def check_pixels(name: str, attributes: Mapping[str, AttributeValue], structure: Structure) -> tuple[str, ...]:
    """Refuse an image without pixel data; return what else there is to say.

    An instance that is nothing but its identity is not refused: what was cut behind Series Instance UID (0020,000E) has
    gone through the groups before it, and so has at least an Image Type or a Manufacturer.
    """
    if structure.pixel_keyword or "PixelDataProviderURL" in attributes:
        return ()
    is_image = str(attributes["SOPClassUID"]).strip() in IMAGE_SOP_CLASSES
    if "Rows" in attributes or (is_image and not attributes.keys().isdisjoint(_IMAGE_SIGNS)):
        raise IncompleteFileError(name, "it is an image without pixel data, so it was cut or stripped.")
    return ("it is of an image's SOP Class but holds an identity only, no image.",) if is_image else ()


def content_notes(attributes: Mapping[str, AttributeValue], structure: Structure) -> tuple[str, ...]:
    """Return what there is to say about an object without what it is there for.

    It is not refused: some programs write such objects whole.
    """
    sop_class = str(attributes["SOPClassUID"]).strip()
    if not sop_class.startswith(_STORAGE) or attributes.keys().isdisjoint(_OBJECT_SIGNS):
        return ()
    suffix = sop_class.removeprefix(_STORAGE)
    needed = _CLASSES.get(suffix) or next((last for start, last in _FAMILIES.items() if suffix.startswith(start)), ())
    missing = " or ".join(LAST_ELEMENTS[tag] for tag in needed) if structure.lasts.isdisjoint(needed) else ""
    if suffix == _DOSE and "DoseSummationType" not in attributes:
        missing = "Dose Summation Type (3004,000A)"  # PS3.3 C.8.8.3: whatever a dose consists of, and behind its image
    return (f"it has no {missing}, which its kind of object needs: it may have been cut.",) if missing else ()
