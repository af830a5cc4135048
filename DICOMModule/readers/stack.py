"""Frames of one format and orientation as a stack: its grid, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.uids import ALWAYS_LOSSY
from DICOMModule.errors import GeometryError
from DICOMModule.volume.geometry import (
    EXACT_MM,
    JITTER_MM,
    StackFit,
    fit_irregular,
    fit_single,
    fit_stack,
    spacing_range_text,
)
from DICOMModule.volume.planes import positions_of
from DICOMModule.volume.repeats import PlacedFrame, find_repeats
from DICOMModule.volume.slice_places import RESAMPLED_IN_3D
from DICOMModule.volume.volume import Floats

THICKNESS_RATIO = 1.5
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, eq=False, slots=True)
class Stack:
    """Slices on a grid.

    Attributes
    ----------
    frames : tuple of PlacedFrame
        One a slice, along +k; their k are `fit.slots`.
    copies : tuple of (int, PlacedFrame)
        Further images, each with the index in `frames` of the slice whose place it has; to be compared with it.
    fit : StackFit
        The grid.
    warnings, notes : tuple of str
        What is not as one would expect of the stack, and what is merely worth knowing.
    placed, calibrated : bool
        As of a `Volume`.
    """

    frames: tuple[PlacedFrame, ...]
    copies: tuple[tuple[int, PlacedFrame], ...]
    fit: StackFit
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    placed: bool = True
    calibrated: bool = True

    @property
    def slice_count(self) -> int:
        """Number of places along k, missing slices counted."""
        return len(self.fit.slots) + len(self.fit.missing)

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """Voxels along (i, j, k)."""
        in_plane = self.frames[0].plane.in_plane
        return in_plane.columns, in_plane.rows, self.slice_count

    @property
    def headers(self) -> tuple[InstanceHeader, ...]:
        """The slices' headers along k, then those of the images at places that are taken."""
        return (*(frame.header for frame in self.frames), *(frame.header for _, frame in self.copies))

    def slice_positions_mm(self) -> Floats:
        """Return the centre of voxel (0, 0, k): from the headers, for missing slices from the grid; shape (k, 3)."""
        matrix = self.fit.ijk_to_lps
        positions: Floats = np.arange(self.slice_count)[:, None] * matrix[:3, 2] + matrix[:3, 3]
        positions[list(self.fit.slots)] = positions_of([frame.plane for frame in self.frames])
        return positions


def stack_of(frames: Sequence[PlacedFrame]) -> Stack:
    """Arrange the frames of one volume.

    Raises
    ------
    GeometryError
        They are no stack; the sentence says so.
    """
    repeats = find_repeats(frames)
    warnings: list[str] = []
    planes = [frame.plane for frame in repeats.first]
    if len(planes) == 1:
        thickness_mm = repeats.first[0].header.number("SliceThickness") or 0.0
        if not 0 < thickness_mm < 1e4:
            thickness_mm = 1.0
            warnings.append("Slice thickness 1.0 mm assumed: the file does not give one.")
        fit = fit_single(planes[0], thickness_mm)
    else:
        fit, sentences = _fit(repeats.first)
        warnings += sentences
    place = {index: rank for rank, index in enumerate(fit.order)}
    ordered = tuple(repeats.first[index] for index in fit.order)
    copies = tuple(sorted(((place[index], frame) for index, frame in repeats.copies), key=lambda pair: pair[0]))
    geometry_warnings, notes = _geometry_sentences(ordered, fit)
    warnings += geometry_warnings
    if copies:
        warnings.append(duplicates_sentence(len(copies)))
    warnings += header_sentences([frame.header for frame in ordered])
    return Stack(ordered, copies, fit, tuple(warnings), tuple(notes))


def duplicates_sentence(count: int) -> str:
    """Return the warning on images that are copies of others."""
    return f"{count} duplicate slice{'s' if count > 1 else ''} ignored."


def _fit(frames: Sequence[PlacedFrame]) -> tuple[StackFit, list[str]]:
    """Return the grid of at least two slices, and what to say where it is an uneven one."""
    planes = [frame.plane for frame in frames]
    try:
        fit = fit_stack(planes)
        if not (fit.missing and _two_thicknesses([frame.header for frame in frames])):
            return fit, []
        reason = f"slice spacing varies {spacing_range_text(planes)} mm"
    except GeometryError as error:
        reason = str(error)
    fit = fit_irregular(planes)
    return fit, [f"{reason[:1].upper()}{reason[1:]}{RESAMPLED_IN_3D}."]


def stacks_of_sequence(parts: Sequence[Sequence[PlacedFrame]]) -> list[Stack]:
    """Arrange the frames of volumes that lie in the same places, or nearly; single images may lie anywhere.

    Where a volume lies not exactly as the fullest one, it has a grid of its own.

    Raises
    ------
    GeometryError
        The frames of one volume are no stack, or not one of the size of the fullest.
    """
    if all(len(part) == 1 for part in parts):
        return [stack_of(part) for part in parts]
    fullest = max(parts, key=len)
    whole = stack_of(fullest)
    return [whole if part is fullest else _like(whole, part) for part in parts]


def _like(whole: Stack, frames: Sequence[PlacedFrame]) -> Stack:
    """Arrange frames in the places of another stack."""
    repeats = find_repeats(frames)
    grid = positions_of([frame.plane for frame in whole.frames])
    away = np.linalg.norm(positions_of([frame.plane for frame in repeats.first])[:, None] - grid, axis=2)
    nearest = away.argmin(axis=1)
    farthest_mm = float(away.min(axis=1).max())
    if farthest_mm > EXACT_MM and len(repeats.first) == len(grid):
        own = stack_of(frames)
        if (own.fit.slots, own.fit.regular) == (whole.fit.slots, whole.fit.regular):
            return own
    if farthest_mm > 2 * JITTER_MM or len(set(nearest.tolist())) < len(nearest):
        raise GeometryError("the volumes of a sequence lie in different places")
    ranks = {int(rank): index for index, rank in enumerate(nearest)}
    order = sorted(ranks)
    place = {ranks[rank]: number for number, rank in enumerate(order)}
    slots = tuple(whole.fit.slots[rank] for rank in order)
    missing = tuple(sorted(set(range(whole.slice_count)).difference(slots)))
    fit = replace(whole.fit, order=tuple(ranks[rank] for rank in order), slots=slots, missing=missing)
    ordered = tuple(repeats.first[ranks[rank]] for rank in order)
    copies = tuple(sorted(((place[index], frame) for index, frame in repeats.copies), key=lambda pair: pair[0]))
    warnings = [duplicates_sentence(len(copies))] if copies else []
    return Stack(ordered, copies, fit, (*warnings, *header_sentences([frame.header for frame in ordered])), ())


def spread_sentences(stacks: Sequence[Stack]) -> tuple[list[str], list[str]]:
    """Return warnings and notes on volumes of a sequence that do not lie in quite the same place."""
    first = stacks[0].fit.ijk_to_lps
    steps = np.array((0, stacks[0].slice_count - 1))[:, None]
    spread_mm = max(
        float(
            np.linalg.norm(
                (stack.fit.ijk_to_lps - first)[:3, 3] + steps * (stack.fit.ijk_to_lps - first)[:3, 2], axis=1
            ).max()
        )
        for stack in stacks
    )
    if spread_mm <= EXACT_MM:
        return [], []
    sentence = f"The volumes lie up to {spread_mm:.3f} mm from the first one; each keeps its own place."
    return ([], [sentence]) if spread_mm <= JITTER_MM else ([sentence], [])


def _two_thicknesses(headers: Sequence[InstanceHeader]) -> bool:
    """Return whether slices differ so much in thickness that wide gaps are meant, not missing slices."""
    thicknesses = _thicknesses_mm(headers)
    return bool(thicknesses) and thicknesses[-1] > THICKNESS_RATIO * thicknesses[0]


def _thicknesses_mm(headers: Sequence[InstanceHeader]) -> list[float]:
    """Return the slice thicknesses that the headers give, in rising order."""
    numbers = set(_thickness_mm.each(headers))
    return sorted(number for number in numbers if number and number > 0)


@asked_once("SliceThickness")
def _thickness_mm(header: InstanceHeader) -> float | None:
    return header.number("SliceThickness")


def _geometry_sentences(frames: Sequence[PlacedFrame], fit: StackFit) -> tuple[list[str], list[str]]:
    warnings, notes = [], []
    if fit.missing:
        warnings.append(_missing_sentence(frames, fit))
    if fit.regular and fit.lean_deg > 1e-6:
        angle = f"{fit.lean_deg:.1f}" if fit.lean_deg >= 0.1 else f"{fit.lean_deg:.3f}"
        subject = "Gantry tilt" if frames[0].header.text("Modality") == "CT" else "Slices shifted by"
        sentence = f"{subject} {angle}°: geometry kept exactly (sheared grid)."
        if fit.lean_explained:
            notes.append(f"Slices lean by {angle}°, no more than the header's rounding: geometry kept exactly.")
        else:
            warnings.append(sentence)
    if fit.regular and not fit.exact:
        deviation = f"up to {fit.residual_mm:.3f} mm from an even spacing of {fit.spacing_mm[2]:.3f} mm"
        explained = fit.residual_mm <= max(JITTER_MM, fit.rounding_mm)
        (notes if explained else warnings).append(
            f"Slice positions deviate {deviation}; the positions of the headers are kept beside the grid."
        )
    headers = [frame.header for frame in frames]
    if _two_thicknesses(headers):
        thicknesses = _thicknesses_mm(headers)
        notes.append(f"Slice thickness varies {thicknesses[0]:g}–{thicknesses[-1]:g} mm.")
    if headers[0].sop_class_uid.startswith(SECONDARY_CAPTURE):
        notes.append("Secondary captures with positions of their own: trusted as they are.")
    if fit.skewed:
        notes.append("Row and column directions are not exactly orthonormal in the headers; kept as they are.")
    return warnings, notes


def _missing_sentence(frames: Sequence[PlacedFrame], fit: StackFit) -> str:
    """Return the sentence on missing slices: how many, and after which slices."""
    matrix = fit.ijk_to_lps
    axis = int(np.abs(np.cross(matrix[:3, 0], matrix[:3, 1])).argmax())
    before = [rank for rank, slot in enumerate(fit.slots) if slot + 1 in fit.missing]
    places = [f"{'xyz'[axis]}={frames[rank].plane.position[axis]:.1f}".replace("-", MINUS) for rank in before]
    shown = ", ".join(places[:5]) + (", …" if len(places) > 5 else "")
    total = fit.slots[-1] + 1
    return f"{len(fit.missing)} of {total} slices missing (after {shown}). Shown as gaps."


def header_sentences(headers: Sequence[InstanceHeader], *, placed: bool = True) -> list[str]:
    """Return what the headers say of the whole stack that a user must know."""
    said_of_each = _said_of_whole.each(headers)
    said = set(said_of_each)
    sentences = []
    if placed and not all(one.has_frame_of_reference for one in said):
        sentences.append("No frame of reference: alignment with other series unverified.")
    if any(one.is_quadruped for one in said):
        sentences.append("The patient is an animal (QUADRUPED): letters of direction are those of a human.")
    if any(one.in_ultrasound_volume for one in said):
        sentences.append("Positions are those of the ultrasound volume: where it lies in the patient is not known.")
    lossy = [
        header
        for header, one in zip(headers, said_of_each, strict=True)
        if one.is_lossy or header.transfer_syntax_uid in ALWAYS_LOSSY
    ]
    if lossy:
        ratios = lossy[0].floats("LossyImageCompressionRatio")
        sentences.append(f"Source is lossy-compressed{f' ({ratios[-1]:g}:1)' if ratios else ''}.")
    return sentences


class _Said(NamedTuple):
    has_frame_of_reference: bool
    is_quadruped: bool
    in_ultrasound_volume: bool
    is_lossy: bool


@asked_once("FrameOfReferenceUID", "AnatomicalOrientationType", "ImagePositionVolume", "LossyImageCompression")
def _said_of_whole(header: InstanceHeader) -> _Said:
    return _Said(
        bool(header.text("FrameOfReferenceUID")),
        header.text("AnatomicalOrientationType").upper() == "QUADRUPED",
        "ImagePositionVolume" in header.attributes,
        header.text("LossyImageCompression") == "01",
    )
