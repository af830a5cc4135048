"""Where a derived image says that it comes from: source images, referenced series, equipment (PS3.3 C.12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydicom.dataset import Dataset

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.export.attribute_lists import EQUIPMENT
from DICOMModule.export.copying import copy_sound
from DICOMModule.volume.volume import Floats, Volume

MOST_REFERENCES = 100
"""An image on another grid names at most so many of its sources, the nearest ones."""

SAME_PLACE_MM = 1e-3

DERIVATIONS = {
    "113085": "Spatial resampling",
    "113087": "Smoothing",
    "113088": "Gaussian blur",
}
"""Codes of DCM for what is done to values and grids, of CID 7203 "Image Derivation" (PS3.16)."""


def code_item(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    """Return the item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def sources_by_slice(volume: Volume, template: Sequence[InstanceHeader]) -> dict[int, InstanceHeader]:
    """Return, for every slice that lies exactly where an image of `template` lies, that image.

    The frame table says which image a slice came from; geometry decides whether it still lies there. For a volume of a
    file, which has none, geometry alone decides.
    """
    planes = [(header, plane) for header in template if (plane := _plane(header)) is not None]
    if not planes:
        return {}
    corners = np.stack([plane for _, plane in planes])
    size = (volume.array.shape[1], volume.array.shape[2])
    fits = np.array([(header.integer("Rows"), header.integer("Columns")) == size for header, _ in planes])
    found: dict[int, InstanceHeader] = {}
    for k in range(len(volume.array)):
        if k in volume.missing_slices:
            continue
        apart = np.linalg.norm(corners - _slice_corners(volume, k), axis=2).max(axis=1)
        near = np.flatnonzero((apart <= SAME_PLACE_MM) & fits)
        if near.size:
            frame = volume.frames[k] if k < len(volume.frames) else None
            own = None if frame is None else frame.header.sop_instance_uid
            chosen = next((n for n in near if planes[n][0].sop_instance_uid == own), int(near[0]))
            found[k] = planes[chosen][0]
    return found


def nearest_sources(position: Floats, template: Sequence[InstanceHeader]) -> list[InstanceHeader]:
    """Return all of `template`, or the `MOST_REFERENCES` whose positions are nearest to `position` (LPS mm)."""
    if len(template) <= MOST_REFERENCES:
        return list(template)

    def distance(header: InstanceHeader) -> float:
        place = header.floats("ImagePositionPatient")
        return float(np.linalg.norm(np.array(place) - position)) if place and len(place) == 3 else np.inf

    return sorted(template, key=distance)[:MOST_REFERENCES]


def add_references(dataset: Dataset, sources: Sequence[InstanceHeader], same_grid: bool) -> None:
    """Name the source images, and their series, which are of the same study (C.12.4.1.2, C.12.2)."""
    dataset.SourceImageSequence = []
    dataset.ReferencedSeriesSequence = []
    series: dict[str, Dataset] = {}
    for source in sources:
        item = _reference(source)
        item.SpatialLocationsPreserved = "YES" if same_grid else "NO"
        # CID 7202 Source Image Purpose of Reference
        item.PurposeOfReferenceCodeSequence = [code_item("121322", "Source image for image processing operation")]
        dataset.SourceImageSequence.append(item)
        if source.series_instance_uid not in series:
            entry = Dataset()
            entry.SeriesInstanceUID = source.series_instance_uid
            entry.ReferencedInstanceSequence = []
            dataset.ReferencedSeriesSequence.append(entry)
            series[source.series_instance_uid] = entry
        series[source.series_instance_uid].ReferencedInstanceSequence.append(_reference(source))


def contributing_equipment(source: Dataset | None, ours: Mapping[str, str], now: str) -> list[Dataset]:
    """Return the history of devices: what the source names already, the source's own, and this program (C.12.1.1.5)."""
    items: list[Dataset] = []
    if source is not None:
        before = Dataset()
        copy_sound(source, before, ["ContributingEquipmentSequence"])
        items += before.get("ContributingEquipmentSequence", [])
        device = Dataset()
        copy_sound(source, device, EQUIPMENT)
        # Manufacturer is Type 1 here: an item without it says nothing that could be written
        if "Manufacturer" in device:
            derived = "DERIVED" in str(source.get("ImageType", ""))
            device.PurposeOfReferenceCodeSequence = [
                code_item("109102", "Processing Equipment") if derived else code_item("109101", "Acquisition Equipment")
            ]
            items.append(device)
    own = Dataset()
    for keyword, value in ours.items():
        setattr(own, keyword, value)
    own.PurposeOfReferenceCodeSequence = [code_item("109102", "Processing Equipment")]
    own.ContributionDateTime = now
    return [*items, own]


def _reference(source: InstanceHeader) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = source.sop_class_uid
    item.ReferencedSOPInstanceUID = source.sop_instance_uid
    return item


def _plane(header: InstanceHeader) -> Floats | None:
    """Return three corners of the plane of an image, shape (3, 3), LPS mm; None where its header does not say."""
    position, axes = header.floats("ImagePositionPatient"), header.floats("ImageOrientationPatient")
    spacing = header.floats("PixelSpacing")
    rows, columns = header.integer("Rows"), header.integer("Columns")
    if not position or not axes or not spacing or not rows or not columns:
        return None
    if (len(position), len(axes), len(spacing)) != (3, 6, 2):
        return None
    # Pixel Spacing is (between rows, between columns); the row direction runs along the columns (C.7.6.2.1.1)
    along_i, along_j = np.array(axes[:3]) * spacing[1], np.array(axes[3:]) * spacing[0]
    return _corners(np.array(position), along_i, along_j, rows, columns)


def _slice_corners(volume: Volume, k: int) -> Floats:
    matrix = volume.ijk_to_lps
    _, rows, columns = volume.array.shape
    return _corners(volume.slice_positions[k], matrix[:3, 0], matrix[:3, 1], rows, columns)


def _corners(position: Floats, along_i: Floats, along_j: Floats, rows: int, columns: int) -> Floats:
    return np.stack([position, position + (columns - 1) * along_i, position + (rows - 1) * along_j])
