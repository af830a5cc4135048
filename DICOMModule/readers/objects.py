"""Objects that are no images of a volume: recognised, named, and refused until a reader of their own takes them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import NoImageError
from DICOMModule.jobs import Job
from DICOMModule.readers.loadable import Loadable
from DICOMModule.readers.offers import refused, uid_name
from DICOMModule.volume.volume import Volume

STORAGE = "1.2.840.10008.5.1.4.1.1."

# PS3.4 B.5: what a SOP Class holds, by the beginning of its UID; the first that fits counts. Those with pixel data that
# are no slices stand here too.
_KINDS: tuple[tuple[str, str], ...] = (
    ("66.1", "transform"),  # Spatial Registration
    ("66.3", "transform"),  # Deformable Spatial Registration
    ("66.4", "segmentation"),
    ("66.7", "segmentation"),  # Label Map Segmentation
    ("66.5", "surface"),  # Surface Segmentation
    ("66", "document"),  # Raw Data, Spatial Fiducials, tractography
    ("67", "document"),  # Real World Value Mapping
    ("68", "surface"),  # Surface Scan
    ("30", "volume"),  # Parametric Map
    ("481.2", "dose"),
    ("481.3", "structures"),
    ("481.1", "image"),  # RT Image
    ("481", "document"),  # RT Plan and treatment records
    ("88", "report"),  # Structured Reports and Key Object Selection
    ("11", "presentation"),
    ("104.3", "surface"),  # Encapsulated STL, OBJ, MTL
    ("104.4", "surface"),
    ("104.5", "surface"),
    ("104", "document"),  # Encapsulated PDF and CDA
    ("9", "waveform"),
    ("77.1.6", "image"),  # whole slide microscopy: tiles, not slices
    ("77.1.5.4", "image"),  # Ophthalmic Tomography
    ("91", "document"),  # Microscopy Bulk Simple Annotations
)
# Makers' own objects, which the standard's list of UIDs does not name (each from its maker's conformance statement)
_PRIVATE_CLASSES = {
    "1.3.46.670589.11.0.0.12.1": "Philips MR Spectrum",
    "1.3.46.670589.11.0.0.12.2": "Philips MR Series Data",
    "1.3.46.670589.11.0.0.12.3": "Philips MR Color Image",
    "1.3.46.670589.11.0.0.12.4": "Philips MR Examcard",
    "1.3.46.670589.5.0.1": "Philips 3D Volume",
    "1.3.46.670589.5.0.1.1": "Philips 3D Volume 2",
    "1.3.46.670589.5.0.2": "Philips 3D Object",
    "1.3.46.670589.5.0.3": "Philips Surface",
    "1.3.46.670589.5.0.4": "Philips Composite Object",
    "1.3.46.670589.5.0.9": "Philips 3D Presentation State",
    "1.3.12.2.1107.5.9.1": "Siemens CSA Non-Image",
    "1.2.840.113619.4.26": "GE 3D Model",
}
# Their pixel data would pass for slices, but their places or values follow rules of their own.
_WITH_PIXELS = frozenset({"segmentation", "dose"})
_WITH_PIXELS_PREFIXES = ("30", "481.1", "77.1.6")


class ObjectReader:
    """Takes everything that is no image of a volume, and refuses it by its name."""

    name = "object"

    def examine(self, headers: Sequence[InstanceHeader]) -> list[Loadable]:
        """Return a refused loadable a SOP Class; images are left to the readers after this one."""
        classes: dict[str, list[InstanceHeader]] = {}
        for header, is_image in zip(headers, are_images(headers), strict=True):
            if not is_image:
                classes.setdefault(header.sop_class_uid, []).append(header)
        return [
            refused(self.name, group, _sentence(group[0]), kind_of(group[0].sop_class_uid))
            for group in classes.values()
        ]

    def load_job(self, loadable: Loadable) -> Job[Volume]:
        """Refuse."""
        raise NoImageError(loadable.refusal)


def _beginning_of(uid: str) -> str:
    return uid.removeprefix(STORAGE) if uid.startswith(STORAGE) else ""


def _matches(rest: str, prefix: str) -> bool:
    return rest == prefix or rest.startswith(prefix + ".")


@lru_cache(maxsize=1024)
def kind_of(sop_class_uid: str) -> str:
    """Return the kind of loadable that an object of a SOP Class will be, as the command line names it."""
    rest = _beginning_of(sop_class_uid)
    named = next((kind for prefix, kind in _KINDS if _matches(rest, prefix)), "")
    return named or ("image" if uid_name(sop_class_uid).endswith("Image Storage") else "document")


@asked_once("SOPClassUID")
def _has_pixels_of_its_own(header: InstanceHeader) -> bool:
    sop_class_uid = header.sop_class_uid
    rest = _beginning_of(sop_class_uid)
    return kind_of(sop_class_uid) in _WITH_PIXELS or any(_matches(rest, prefix) for prefix in _WITH_PIXELS_PREFIXES)


@asked_once("Rows")
def _has_rows(header: InstanceHeader) -> bool:
    return "Rows" in header.attributes


def are_images(headers: Sequence[InstanceHeader]) -> list[bool]:
    """Return of each instance whether it is an image, which may be a slice of a volume."""
    return [
        not others and (has_rows or header.pixel_data_offset > 0)
        for header, others, has_rows in zip(
            headers, _has_pixels_of_its_own.each(headers), _has_rows.each(headers), strict=True
        )
    ]


def _sentence(header: InstanceHeader) -> str:
    private = _PRIVATE_CLASSES.get(header.sop_class_uid, "")
    name = f"{private} Storage" if private else uid_name(header.sop_class_uid)
    if not header.sop_class_uid:
        return "It has no SOP Class UID and no image: it cannot be loaded."
    known = any(_matches(_beginning_of(header.sop_class_uid), prefix) for prefix, _ in _KINDS)
    if known:
        return f"{name} objects are not loaded yet."
    return f"This {name} object holds no image: it cannot be loaded."


READER = ObjectReader()
