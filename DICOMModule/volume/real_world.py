"""Real World Value Mapping (PS3.3 C.7.6.16.2.11) and Philips' own scale: what stored values mean beside the rescale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.dicom.details import may_mention, read_details
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import PixelFormat
from DICOMModule.errors import PixelDataError
from DICOMModule.volume.quantity import Quantity, one_or_each
from DICOMModule.volume.volume import Frame

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SEQUENCE: Final = "RealWorldValueMappingSequence"
_SEQUENCE_TAG: Final = 0x00409096
_QUANTITY: Final = ("246205007", "G-C1C6")
"""Code of "Quantity", of SNOMED CT and before."""
_UNITS: Final = {"[hnsf'U]": "HU", "1": None, "": None}
LARGEST_HEADER_BYTES: Final = 2 << 20
"""A data set is parsed in one go, which cannot be cancelled: so much, 400 frames of Philips, takes a second."""
PHILIPS_NOTE: Final = "Philips floating-point scaling available."


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping of one frame's stored values.

    Attributes
    ----------
    name : str
        Of the quantity, for people.
    unit : str
        Code of its unit.
    first, last : float
        The stored values from and up to which it holds.
    slope, intercept : float
        Real-world value = slope * stored + intercept.
    table : tuple of float
        Or one entry for each stored value from `first` on; empty where slope and intercept count.
    """

    name: str
    unit: str
    first: float
    last: float
    slope: float = 1.0
    intercept: float = 0.0
    table: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RealWorld:
    """Quantities beside the values, the unit of the values themselves where a mapping says it, and notes."""

    quantities: tuple[Quantity, ...] = ()
    units: str | None = None
    notes: tuple[str, ...] = ()


def mappings_of(header: InstanceHeader) -> tuple[Mapping, ...]:
    """Return the real-world value mappings of a frame; what is no mapping is left out.

    Raises
    ------
    DicomFileError
        The file has gone, has changed or cannot be parsed, or is too large for that.
    """
    attributes = header.instance.attributes
    enhanced = "SharedFunctionalGroupsSequence" in attributes or "PerFrameFunctionalGroupsSequence" in attributes
    if not attributes.get(_SEQUENCE) and not (enhanced and may_mention(header, _SEQUENCE_TAG)):
        return ()
    if header.instance.pixel_data_offset - header.instance.dataset_offset > LARGEST_HEADER_BYTES:
        mebibytes = LARGEST_HEADER_BYTES >> 20
        raise PixelDataError(header.path, f"they are not looked for in functional groups of more than {mebibytes} MiB")
    dataset = read_details(header)
    items = _items_of(dataset, header.frame_number)
    return tuple(mapping for item in items if (mapping := _mapping(item)) is not None)


def _items_of(dataset: Dataset, number: int) -> Sequence[Dataset]:
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (*frames[number - 1 : number], *shared[:1], dataset):
        if items := groups.get(_SEQUENCE):
            return list(items)
    return ()


def _mapping(item: Dataset) -> Mapping | None:
    first = _number(item, "RealWorldValueFirstValueMapped", "DoubleFloatRealWorldValueFirstValueMapped")
    last = _number(item, "RealWorldValueLastValueMapped", "DoubleFloatRealWorldValueLastValueMapped")
    slope, intercept = _number(item, "RealWorldValueSlope"), _number(item, "RealWorldValueIntercept")
    table = tuple(_numbers(item.get("RealWorldValueLUTData")))
    if first is None or last is None or last < first:
        return None
    name, unit = _name(item), _code(item, "MeasurementUnitsCodeSequence")
    if table:
        return Mapping(name, unit, first, last, table=table) if len(table) == last - first + 1 else None
    if slope is None or intercept is None or not all(map(math.isfinite, (slope, intercept))) or slope == 0:
        return None
    return Mapping(name, unit, first, last, slope, intercept)


def _name(item: Dataset) -> str:
    for definition in item.get("QuantityDefinitionSequence") or []:
        concept = (definition.get("ConceptNameCodeSequence") or [None])[0]
        if concept is not None and concept.get("CodeValue") in _QUANTITY:
            meaning = _code(definition, "ConceptCodeSequence", "CodeMeaning")
            if meaning:
                return meaning
    texts = (str(item.get(keyword) or "").strip() for keyword in ("LUTExplanation", "LUTLabel"))
    return next((text for text in texts if text), "Real-world value")


def _code(item: Dataset, sequence: str, keyword: str = "CodeValue") -> str:
    codes = item.get(sequence)
    return str(codes[0].get(keyword) or "").strip() if codes else ""


def _number(item: Dataset, *keywords: str) -> float | None:
    return next((number for keyword in keywords for number in _numbers(item.get(keyword))), None)


def _numbers(value: Any) -> list[float]:
    if value is None or isinstance(value, bytes):
        return []
    values = [value] if isinstance(value, int | float | str) else list(value)
    try:
        return [float(one) for one in values]
    except (TypeError, ValueError):
        return []


# --- mappings of frames to quantities of a volume


def real_world_of(
    frames: Sequence[Frame], mappings: Sequence[Sequence[Mapping]], pixel_format: PixelFormat
) -> RealWorld:
    """Return the quantities that mappings give to the values of a volume.

    Parameters
    ----------
    frames : sequence of Frame
        In the order of k.
    mappings : sequence of sequence of Mapping
        Those of each frame.
    pixel_format : PixelFormat
        Of the frames: a mapping that holds for all values that they can have needs no limits.
    """
    if not mappings or not any(mappings):
        return RealWorld()
    kinds = {tuple((one.name, one.unit, one.first, len(one.table)) for one in of_frame) for of_frame in mappings}
    if len(kinds) != 1 or any(frame.modality_lut is not None for frame in frames):
        return RealWorld(notes=("Real-world value mappings that differ from slice to slice are not offered.",))
    quantities, units = [], None
    for column in zip(*mappings, strict=True):
        if not column[0].table and all(map(_is_the_rescale, column, frames)):
            units = _UNITS.get(column[0].unit, column[0].unit)  # the values themselves: it names their unit
        else:
            quantities.append(_quantity(column, frames, pixel_format))
    return RealWorld(tuple(_told_apart(quantities)), units)


def _is_the_rescale(mapping: Mapping, frame: Frame) -> bool:
    return math.isclose(mapping.slope, frame.slope, rel_tol=1e-9) and math.isclose(
        mapping.intercept, frame.intercept, rel_tol=1e-9, abs_tol=1e-9 * abs(frame.slope)
    )


def _quantity(column: Sequence[Mapping], frames: Sequence[Frame], pixel_format: PixelFormat) -> Quantity:
    """Return the quantity of values, which are slope * stored + intercept of their frame."""
    one = column[0]
    pairs = list(zip(column, frames, strict=True))
    # half a step beyond both ends of whole numbers, so that no rounding leaves out what belongs to them
    half = 0.5 if pixel_format.cells == "integers" else 0.0
    ends = [
        sorted(frame.slope * edge + frame.intercept for edge in (own.first - half, own.last + half))
        for own, frame in pairs
    ]
    whole = pixel_format.cells != "floats" and one.last - one.first >= (1 << pixel_format.bits_stored) - 1
    held = f"stored values {one.first:g} to {one.last:g}"
    if one.table:
        scale = one_or_each(tuple(1 / frame.slope for frame in frames))
        offset = one_or_each(tuple(-frame.intercept / frame.slope - own.first for own, frame in pairs))
        return Quantity(one.name, one.unit, scale, offset, f"By a Real World Value LUT, {held}.", one.table)
    return Quantity(
        one.name,
        one.unit,
        one_or_each(tuple(own.slope / frame.slope for own, frame in pairs)),
        one_or_each(tuple(own.intercept - own.slope * frame.intercept / frame.slope for own, frame in pairs)),
        f"By the Real World Value Mapping, {held}.",
        lowest=-math.inf if whole else one_or_each(tuple(low for low, _ in ends)),
        highest=math.inf if whole else one_or_each(tuple(high for _, high in ends)),
    )


def _told_apart(quantities: Sequence[Quantity]) -> list[Quantity]:
    """Return quantities with names of their own: those of one name hold for different values."""
    names = [quantity.name for quantity in quantities]
    return [
        replace(one, name=f"{one.name} ({number})") if names.count(one.name) > 1 else one
        for number, one in enumerate(quantities, 1)
    ]


# --- Philips


def philips_precise_values(frames: Sequence[Frame]) -> Quantity | None:
    """Return Philips' precise values: (value) / (Rescale Slope * Scale Slope (2005,100E)), None where there are none.

    They compare between series, which rescaled values of Philips MR do not.
    """
    scales = [frame.header.number("PhilipsScaleSlope") for frame in frames]
    slopes = [scale for scale in scales if scale is not None and math.isfinite(scale) and scale > 0]
    if len(slopes) < len(frames) or not frames or any(frame.modality_lut is not None for frame in frames):
        return None
    factors = tuple(1 / (frame.slope * scale) for frame, scale in zip(frames, slopes, strict=True))
    if all(math.isclose(factor, 1.0, rel_tol=1e-6) for factor in factors):  # Scale Slope has the digits of a float32
        return None
    said = f"{slopes[0]:g}" if len(set(slopes)) == 1 else "of each slice"
    provenance = f"Value / (Rescale Slope * Scale Slope); Scale Slope (2005,100E) {said}."
    return Quantity("Philips precise value", "", one_or_each(factors), 0.0, provenance)
