"""Single-frame images of one format and orientation as a stack: its grid, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import GeometryError
from DICOMModule.volume.geometry import JITTER_MM, StackFit, fit_single, fit_stack
from DICOMModule.volume.planes import positions_of
from DICOMModule.volume.repeats import PlacedFrame, find_repeats
from DICOMModule.volume.volume import Floats

THICKNESS_RATIO = 1.5
MINUS = "\N{MINUS SIGN}"
ALWAYS_LOSSY = frozenset(f"1.2.840.10008.1.2.4.{code}" for code in ("50", "51", "81"))


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
    """

    frames: tuple[PlacedFrame, ...]
    copies: tuple[tuple[int, PlacedFrame], ...]
    fit: StackFit
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def slice_count(self) -> int:
        """Number of places along k, missing slices counted."""
        return self.fit.slots[-1] + 1

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """Voxels along (i, j, k)."""
        in_plane = self.frames[0].plane.in_plane
        return in_plane.columns, in_plane.rows, self.slice_count

    def slice_positions_mm(self) -> Floats:
        """Return the centre of voxel (0, 0, k): from the headers, for missing slices from the grid; shape (k, 3)."""
        matrix = self.fit.ijk_to_lps
        positions: Floats = np.arange(self.slice_count)[:, None] * matrix[:3, 2] + matrix[:3, 3]
        positions[list(self.fit.slots)] = positions_of([frame.plane for frame in self.frames])
        return positions


def stack_of(frames: Sequence[PlacedFrame]) -> Stack:
    """Arrange the frames of one group.

    Raises
    ------
    GeometryError
        They are more than one volume, or make no regular grid; the sentence says so.
    """
    repeats = find_repeats(frames)
    if repeats.refusal:
        raise GeometryError(repeats.refusal)
    warnings: list[str] = []
    if len(repeats.first) == 1:
        thickness_mm = repeats.first[0].header.number("SliceThickness") or 0.0
        if not 0 < thickness_mm < 1e4:
            thickness_mm = 1.0
            warnings.append("Slice thickness 1.0 mm assumed: the file does not give one.")
        fit = fit_single(repeats.first[0].plane, thickness_mm)
    else:
        try:
            fit = fit_stack([frame.plane for frame in repeats.first])
        except GeometryError as error:
            raise GeometryError(_irregular(str(error))) from error
        if fit.missing and _two_thicknesses([frame.header for frame in repeats.first]):
            raise GeometryError(_irregular("slice thickness and spacing vary"))
    place = {index: rank for rank, index in enumerate(fit.order)}
    ordered = tuple(repeats.first[index] for index in fit.order)
    copies = tuple(sorted(((place[index], frame) for index, frame in repeats.copies), key=lambda pair: pair[0]))
    geometry_warnings, notes = _geometry_sentences(ordered, fit)
    warnings += geometry_warnings
    if copies:
        warnings.append(f"{len(copies)} duplicate slice{'s' if len(copies) > 1 else ''} ignored.")
    warnings += _header_sentences([frame.header for frame in ordered])
    return Stack(ordered, copies, fit, tuple(warnings), tuple(notes))


def _irregular(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}: irregular series are not loaded yet."


def _two_thicknesses(headers: Sequence[InstanceHeader]) -> bool:
    """Return whether slices differ so much in thickness that wide gaps are meant, not missing slices."""
    thicknesses = _thicknesses_mm(headers)
    return bool(thicknesses) and thicknesses[-1] > THICKNESS_RATIO * thicknesses[0]


def _thicknesses_mm(headers: Sequence[InstanceHeader]) -> list[float]:
    """Return the slice thicknesses that the headers give, in rising order."""
    numbers = {header.number("SliceThickness") for header in headers}
    return sorted(number for number in numbers if number and number > 0)


def _geometry_sentences(frames: Sequence[PlacedFrame], fit: StackFit) -> tuple[list[str], list[str]]:
    warnings, notes = [], []
    if fit.missing:
        warnings.append(_missing_sentence(frames, fit))
    if fit.lean_deg > 1e-6:
        angle = f"{fit.lean_deg:.1f}" if fit.lean_deg >= 0.1 else f"{fit.lean_deg:.3f}"
        subject = "Gantry tilt" if frames[0].header.text("Modality") == "CT" else "Slices shifted by"
        sentence = f"{subject} {angle}°: geometry kept exactly (sheared grid)."
        if fit.lean_explained:
            notes.append(f"Slices lean by {angle}°, no more than the header's rounding: geometry kept exactly.")
        else:
            warnings.append(sentence)
    if not fit.exact:
        deviation = f"up to {fit.residual_mm:.3f} mm from an even spacing of {fit.spacing_mm[2]:.3f} mm"
        explained = fit.residual_mm <= max(JITTER_MM, fit.rounding_mm)
        (notes if explained else warnings).append(
            f"Slice positions deviate {deviation}; the positions of the headers are kept beside the grid."
        )
    headers = [frame.header for frame in frames]
    if _two_thicknesses(headers):
        thicknesses = _thicknesses_mm(headers)
        notes.append(f"Slice thickness varies {thicknesses[0]:g}–{thicknesses[-1]:g} mm.")
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


def _header_sentences(headers: Sequence[InstanceHeader]) -> list[str]:
    """Return what the headers say of the whole stack that a user must know."""
    sentences = []
    if not all(header.text("FrameOfReferenceUID") for header in headers):
        sentences.append("No frame of reference: alignment with other series unverified.")
    if any(header.text("AnatomicalOrientationType").upper() == "QUADRUPED" for header in headers):
        sentences.append("The patient is an animal (QUADRUPED): letters of direction are those of a human.")
    lossy = [
        header
        for header in headers
        if header.text("LossyImageCompression") == "01" or header.transfer_syntax_uid in ALWAYS_LOSSY
    ]
    if lossy:
        ratios = lossy[0].floats("LossyImageCompressionRatio")
        sentences.append(f"Source is lossy-compressed{f' ({ratios[-1]:g}:1)' if ratios else ''}.")
    return sentences
