"""Images without a place in the patient as loadables: single pictures, stacks of them, films, slices of unknown place.

They lie in a space of their own, whose axes are those of the picture: the matrix scales pixels to mm, or not even that.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from DICOMModule.dicom.frame_header import FrameHeader
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.patient import patient_identity
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import GeometryError
from DICOMModule.readers.loadable import SIDE_ISSUE, SURE, WARNED, Loadable
from DICOMModule.readers.offers import instances_of, loadable_id, refused, series_name
from DICOMModule.readers.stack import Stack, header_sentences
from DICOMModule.volume.fourth_axis import Sequence4D
from DICOMModule.volume.fourth_dimension import read_fourth_dimension
from DICOMModule.volume.geometry import fit_single, fit_stack
from DICOMModule.volume.pixel_size import PixelSize, pixel_size_of
from DICOMModule.volume.planes import InPlane, Plane
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.rescale import units_of
from DICOMModule.volume.sequence import Axis

UNCALIBRATED: Final = "Uncalibrated: lengths in pixels."
ASSUMED_SPACING: Final = "Spacing 1.0 mm assumed: file has no slice positions."
NUMBERED_ONLY: Final = (
    "The slices have numbers, but no place: where they lie in the patient, and which way up, is not known."
)
_PLACE: Final = {
    "ImagePositionPatient": "positions",
    "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel spacing",
}
SECTIONAL: Final = frozenset(("CT", "MR", "PT"))
SLICES: Final = "SliceVector"


def flat_offers(reader: str, headers: Sequence[InstanceHeader], *, beside_volume: bool) -> list[Loadable]:
    """Return the loadables that frames without a place make.

    Parameters
    ----------
    reader : str
        Name of the reader that will load them.
    headers : sequence of InstanceHeader
        Of frames of one series.
    beside_volume : bool
        The series has images with a place: then these are a side issue, and not selected.
    """
    groups: dict[Hashable, list[InstanceHeader]] = {}
    for header in headers:
        groups.setdefault(_kind_key(header), []).append(header)
    largest_first = sorted(groups.values(), key=lambda group: (-len(group), min(map(_order, group))))
    offers = [offer for group in largest_first for offer in _offers_of_group(reader, group)]
    if beside_volume:
        return [
            replace(one, name=f"{one.name} (no position)", selected=False, confidence=min(one.confidence, SIDE_ISSUE))
            for one in offers
        ]
    if len(offers) == 1:
        return offers
    return [replace(one, name=f"{one.name} ({number} of {len(offers)})") for number, one in enumerate(offers, 1)]


def flat_stacks(parts: Sequence[Sequence[InstanceHeader]]) -> list[Stack]:
    """Arrange frames without a place, volume by volume: by their slice numbers, else one behind the other.

    Raises
    ------
    GeometryError
        Two slices of a volume have one number.
    """
    return [_stack([_lying(header, index) for index, header in enumerate(part)]) for part in parts]


def _stack(frames: Sequence[PlacedFrame]) -> Stack:
    planes = [frame.plane for frame in frames]
    size = pixel_size_of(frames[0].header)
    fit = fit_single(planes[0], _step_mm(frames[0].header)) if len(planes) == 1 else fit_stack(planes)
    ordered = tuple(frames[index] for index in fit.order)
    warnings = [] if size.calibrated else [UNCALIBRATED]
    warnings += header_sentences([frame.header for frame in frames], placed=False)
    notes = (size.note,) if size.note else ()
    return Stack(ordered, (), fit, tuple(warnings), notes, placed=False, calibrated=size.calibrated)


def _kind_key(header: InstanceHeader) -> Hashable:
    """Return what frames must share to be in one stack; frames of a film are never mixed with those of another."""
    return (
        header.sop_instance_uid if _is_of_several(header) else "",
        header.study_instance_uid,
        patient_identity(header),
        pixel_format_of(header).shape,
        header.integer("BitsAllocated"),
        header.text("PhotometricInterpretation"),
        header.sop_class_uid,
        header.text("Modality"),
        units_of(header),
        _size(header),
    )


def _is_of_several(header: InstanceHeader) -> bool:
    return header.instance.number_of_frames > 1 or _is_tile(header)


def _is_tile(header: InstanceHeader) -> bool:
    return isinstance(header, FrameHeader) and header.tile is not None


def _size(header: InstanceHeader) -> PixelSize:
    size = pixel_size_of(header)
    return size._replace(along_i=round(size.along_i, 6), along_j=round(size.along_j, 6))


def _step_mm(header: InstanceHeader) -> float:
    """Return the distance between slices that are numbered but have no positions (PS3.3 C.8.4.15), 1 where there is none."""
    spacing = abs(header.number("SpacingBetweenSlices") or 0.0) if header.integer(SLICES) else 0.0
    return spacing if 0 < spacing < 1e4 else 1.0


def _lying(header: InstanceHeader, index: int) -> PlacedFrame:
    """Return a frame in the space of its picture: by its slice number, else as number `index` of a stack."""
    size, (rows, columns) = pixel_size_of(header), pixel_format_of(header).shape[:2]
    i_step, j_step = np.array((size.along_i, 0.0, 0.0)), np.array((0.0, size.along_j, 0.0))
    in_plane = InPlane(i_step, j_step, (size.along_i, size.along_j), columns, rows)
    number = header.integer(SLICES)
    along = index if number is None else number - 1
    return PlacedFrame(header, Plane((0.0, 0.0, along * _step_mm(header)), in_plane, 9))


def _order(header: InstanceHeader) -> tuple[float, int, str]:
    number = header.integer("InstanceNumber")
    return (float("inf") if number is None else number), header.frame_number, header.sop_instance_uid


def _offers_of_group(reader: str, headers: Sequence[InstanceHeader]) -> list[Loadable]:
    ordered = sorted(headers, key=_order)
    several = _is_of_several(ordered[0])
    sliced = ordered[0].integer(SLICES) is not None
    if not several or (_is_tile(ordered[0]) and not sliced):
        return [_offer(reader, Sequence4D(None, (tuple(_lying(one, n) for n, one in enumerate(ordered)),)))]
    frames = [_lying(header, 0) for header in ordered]
    if ordered[0].instance.functional_groups is not None:
        return [_offer(reader, _film(frames))]  # they were to be placed by what they lack
    reading = read_fourth_dimension(frames)
    if reading.refusal:
        return [refused(reader, ordered, reading.refusal, "sequence")]
    sequences = reading.sequences or (_film(frames) if not sliced else Sequence4D(None, (tuple(frames),)),)
    return [_offer(reader, one if one.keyword or sliced or one.axis is None else _as_film(one)) for one in sequences]


def _as_film(sequence: Sequence4D) -> Sequence4D:
    """Return the frames of a sequence in which only their order tells them apart as a film of its own."""
    frames = sorted((frame for part in sequence.parts for frame in part), key=lambda frame: frame.header.frame_number)
    return replace(_film(frames), label=sequence.label)


def _film(frames: Sequence[PlacedFrame]) -> Sequence4D:
    """Return frames one after the other, where nothing says when they were taken."""
    axis = Axis("frame", "", tuple(float(frame.header.frame_number) for frame in frames))
    return Sequence4D(axis, tuple((frame,) for frame in frames))


def _offer(reader: str, sequence: Sequence4D) -> Loadable:
    parts = [[frame.header for frame in part] for part in sequence.parts]
    try:
        stacks = flat_stacks(parts)
    except GeometryError as error:
        text = str(error)
        return refused(reader, [one for part in parts for one in part], f"{text[:1].upper()}{text[1:]}.")
    first = stacks[0]
    frames = tuple(header for stack in stacks for header in stack.headers)
    sliced = frames[0].integer(SLICES) is not None and first.slice_count > 1
    warnings = (
        *sequence.warnings,
        *first.warnings,
        *_position_sentences(first, sliced=sliced, several=len(frames) > 1),
    )
    return Loadable(
        id=loadable_id(reader, frames),
        series_instance_uid=frames[0].series_instance_uid,
        name=series_name(frames[0]) + (f" ({sequence.label})" if sequence.label else ""),
        kind="sequence" if sequence.axis is not None else "volume" if sliced else "image",
        reader=reader,
        confidence=WARNED if warnings else SURE,
        selected=True,
        instances=instances_of(frames),
        frames=frames,
        volume_sizes=tuple(len(part) for part in parts) if sequence.axis is not None else (),
        warnings=warnings,
        notes=(*sequence.notes, *first.notes),
        dimensions=first.dimensions,
        spacing_mm=first.fit.spacing_mm,
        timepoints=len(stacks),
        components=3 if pixel_format_of(frames[0]).cells == "colours" else 1,
        axis=sequence.axis,
    )


def _position_sentences(stack: Stack, *, sliced: bool, several: bool) -> list[str]:
    """Return what to say of slices whose distance is unknown, and of slices that look like a volume and are none."""
    header = stack.frames[0].header
    if sliced:
        known = abs(header.number("SpacingBetweenSlices") or 0.0) > 0
        return [*([] if known else [ASSUMED_SPACING]), NUMBERED_ONLY]
    if not several or header.text("Modality") not in SECTIONAL:
        return []
    lacking = next(word for keyword, word in _PLACE.items() if keyword not in header.attributes)
    return [f"The images have no {lacking}: loaded as single pictures, not as a volume."]
