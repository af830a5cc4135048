"""What the voxels of a loaded volume mean beside their values: other quantities, VOI LUTs, overlays, colours of a palette."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader
from DICOMModule.dicom.overlay_planes import OverlayPlane, read_overlay_planes
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.dicom.value_tables import has_supplemental_palette, read_supplemental_palette, stored_reach
from DICOMModule.errors import DicomFileError
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.modality_lut import modality_transform_of
from DICOMModule.volume.overlays import Overlay, overlays_of
from DICOMModule.volume.quantity import Quantity
from DICOMModule.volume.real_world import (
    PHILIPS_NOTE,
    Mapping,
    mappings_of,
    philips_precise_values,
    real_world_of,
)
from DICOMModule.volume.rescale import Rescale
from DICOMModule.volume.suv import suv_of
from DICOMModule.volume.voi_lut import voi_luts_of
from DICOMModule.volume.volume import Frame, Volume

PALETTE_OVERLAY = "Supplemental palette"


def value_sentences(headers: Sequence[InstanceHeader]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return warnings and notes on what the values of frames mean, from headers alone."""
    suv = suv_of(headers)
    notes = list(suv.notes)
    if headers and _is_deep_colour(headers[0]):
        notes.append(f"Colours of {headers[0].integer('BitsStored')} bits are loaded by their upper 8.")
    if has_philips_scale(headers):
        notes.append(PHILIPS_NOTE)
    return (*suv.warnings, *_partly_rescaled(headers)), tuple(notes)


def _partly_rescaled(headers: Sequence[InstanceHeader]) -> list[str]:
    """Return a warning where some images say how their values are rescaled, and others, with nothing said, are not."""
    if len(set(_slope_as_written.each(headers))) < 2:
        return []
    silent = sum(modality_transform_of(header) == Rescale() and not header.text("RescaleSlope") for header in headers)
    if not silent or all(modality_transform_of(header) == Rescale() for header in headers):
        return []
    return [
        f"{silent} of {len(headers)} images have no rescale, unlike the others: their values are as they are stored."
    ]


@asked_once("RescaleSlope")
def _slope_as_written(header: InstanceHeader) -> AttributeValue | None:
    return header.attributes.get("RescaleSlope")


def _is_deep_colour(header: InstanceHeader) -> bool:
    return (header.integer("SamplesPerPixel") or 1) == 3 and (header.integer("BitsStored") or 8) > 8


def has_philips_scale(headers: Sequence[InstanceHeader]) -> bool:
    """Return whether Philips' precise values differ from the rescaled ones."""
    if not headers or "PhilipsScaleSlope" not in headers[0].attributes:
        return False
    frames = [Frame(header, slope=header.number("RescaleSlope") or 1.0) for header in headers]
    return philips_precise_values(frames) is not None


@dataclass(slots=True)
class _Found:
    """What is known so far."""

    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    planes: list[tuple[int, OverlayPlane]] = field(default_factory=list)
    mappings: list[tuple[Mapping, ...]] = field(default_factory=list)


def understood_job(volume: Volume) -> Job[Volume]:
    """Return the volume with all that its headers and files say of its values.

    What cannot be read of that is a warning: the values themselves have been.
    """
    slices = [(k, frame) for k, frame in enumerate(volume.frames) if frame is not None]
    if not slices:
        return volume
    found = _Found()
    for done, (k, frame) in enumerate(slices):
        if _has_more(frame.header.instance):
            yield Progress(done, len(slices), "Reading what values mean")
            _read_slice(k, frame, found)
    frames = [frame for _, frame in slices]
    changed = replace(volume, overlays=overlays_of(found.planes, volume.array.shape[:3]))
    if volume.components == 1:
        changed = _with_quantities(changed, frames, [k for k, _ in slices], found)
        changed = _with_voi_luts(changed, found)
        changed = _with_palette(changed, slices, found)
    return replace(
        changed,
        warnings=tuple(dict.fromkeys((*changed.warnings, *found.warnings))),
        notes=tuple(dict.fromkeys((*changed.notes, *found.notes))),
    )


_MORE = frozenset(
    (
        "OverlayRows",
        "RealWorldValueMappingSequence",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
    )
)


@asked_once(*_MORE)
def _has_more(header: InstanceHeader) -> bool:
    return any(keyword in header.attributes for keyword in _MORE)


def _read_slice(k: int, frame: Frame, found: _Found) -> None:
    """Read the overlays and mappings of a slice; files that cannot be parsed have been read by other means."""
    try:
        planes, reasons = read_overlay_planes(frame.header)
    except DicomFileError as error:
        planes, reasons = (), (error.reason,)
    found.planes += [(k, plane) for plane in planes]
    found.warnings += [f"An overlay cannot be read: {reason}." for reason in reasons]
    try:
        found.mappings.append(mappings_of(frame.header))
    except DicomFileError as error:
        found.notes.append(f"Real-world value mappings cannot be read: {error.reason}.")


def _with_quantities(volume: Volume, frames: Sequence[Frame], places: Sequence[int], found: _Found) -> Volume:
    headers = [frame.header for frame in frames]
    mappings = found.mappings if len(found.mappings) == len(frames) else ()
    real_world = real_world_of(frames, mappings, pixel_format_of(headers[0]))
    suv = suv_of(headers, volume.units or real_world.units)
    precise = philips_precise_values(frames)
    quantities = [*suv.quantities, *real_world.quantities]
    if precise is not None:
        quantities.append(precise)
        found.notes.append(PHILIPS_NOTE)
    found.warnings += suv.warnings
    found.notes += [*suv.notes, *real_world.notes]
    spread: list[Quantity] = [quantity.at_slices(places, volume.array.shape[0]) for quantity in quantities]
    return replace(volume, units=volume.units or real_world.units, quantities=tuple(spread))


def _with_voi_luts(volume: Volume, found: _Found) -> Volume:
    source = volume.source
    if source is None or not source.attributes.get("VOILUTSequence"):
        return volume
    frame = next(frame for frame in volume.frames if frame is not None and frame.header is source)
    if frame.modality_lut is not None:
        reach = (0, (1 << frame.modality_lut.bits) - 1)
    else:
        ends = [end * frame.slope + frame.intercept for end in stored_reach(pixel_format_of(source))]
        reach = (int(min(ends)), int(max(ends)))
    try:
        return replace(volume, windows=(*volume.windows, *voi_luts_of(source, reach)))
    except DicomFileError as error:
        found.warnings.append(f"VOI LUTs cannot be read: {error.reason}.")
        return volume


# --- supplemental palettes


def _with_palette(volume: Volume, slices: Sequence[tuple[int, Frame]], found: _Found) -> Volume:
    """Set apart the pixels that are colours of a supplemental palette (PS3.3 C.7.6.19): they are no values."""
    coloured = [(k, frame) for k, frame in slices if has_supplemental_palette(frame.header)]
    if not coloured:
        return volume
    if any(frame.modality_lut is not None for _, frame in coloured):
        found.warnings.append("Colours of the supplemental palette cannot be told from values behind a Modality LUT.")
        return volume
    shape = volume.array.shape
    mask, colours = np.zeros(shape, np.bool_), np.zeros((*shape, 3), np.uint8)
    for k, frame in coloured:
        try:
            palette = read_supplemental_palette(frame.header)
        except DicomFileError as error:
            found.warnings.append(f"Colours of the supplemental palette cannot be read: {error.reason}.")
            continue
        stored = np.rint((volume.array[k].astype(np.float64) - frame.intercept) / frame.slope)
        mask[k] = stored >= palette.first
        colours[k] = np.where(mask[k][..., None], palette.applied(stored), 0)
    if not mask.any():
        return volume
    found.notes.append(
        f"{np.count_nonzero(mask)} pixels are colours of a supplemental palette: drawn over the grey values, and no values"
        " themselves."
    )
    for array in (mask, colours):
        array.flags.writeable = False
    valid = ~mask if volume.valid is None else volume.valid & ~mask
    overlay = Overlay(PALETTE_OVERLAY, mask, colours=colours)
    return replace(volume, valid=valid, overlays=(*volume.overlays, overlay))
