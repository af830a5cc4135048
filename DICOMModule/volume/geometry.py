"""The simplest grid that a stack of image planes makes.

All in LPS, millimetres. A grid is judged by one number: the largest distance, over all frames and their four corners,
between where the grid and where the frame's own header puts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np

from DICOMModule.errors import GeometryError
from DICOMModule.volume.planes import InPlane, Plane, positions_of
from DICOMModule.volume.volume import Floats

_IN_PLANE: Final = attrgetter("in_plane")
_DECIMALS: Final = attrgetter("decimals")
EXACT_MM = 1e-3
JITTER_MM = 0.02
JITTER_OF_SPACING = 0.1
STEEPEST_DEG = 60.0
"""Steps that lean more than this from the normal are images side by side, not a stack."""
EXPLAINED_LEAN = 1e-3
"""The largest lean, as a tangent, that a rounded orientation explains: 0.06 degrees."""


@dataclass(frozen=True, eq=False, slots=True)
class StackFit:
    """The grid that a stack of planes makes.

    Attributes
    ----------
    order : tuple of int
        Indices of the planes that were given, along +normal.
    slots : tuple of int
        The k of each of them.
    missing : tuple of int
        The k that no plane has.
    ijk_to_lps : ndarray, shape (4, 4)
        Right-handed; sheared where the step between slices is not along the normal.
    residual_mm : float
        The largest distance between the grid and the headers, over all corners.
    lean_deg : float
        Angle between the step from slice to slice and the normal; 0 for a rigid grid.
    lean_explained : bool
        The lean is no more than the rounding of orientation and positions makes.
    rounding_mm : float
        What the rounding of the positions as they are written explains of the residual.
    skewed : bool
        The header's row and column are kept as they are though they are not orthonormal.
    regular : bool
        False where the slices lie as no grid does: the matrix is then only the best one, and k counts the slices.
    """

    order: tuple[int, ...]
    slots: tuple[int, ...]
    missing: tuple[int, ...]
    ijk_to_lps: Floats
    residual_mm: float
    lean_deg: float = 0.0
    lean_explained: bool = False
    rounding_mm: float = 0.0
    skewed: bool = False
    regular: bool = True

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Lengths of the columns of the matrix."""
        i, j, k = (float(length) for length in np.linalg.norm(self.ijk_to_lps[:3, :3], axis=0))
        return i, j, k

    @property
    def exact(self) -> bool:
        """Whether the grid is where the headers say, but for the rounding of an exact position."""
        return self.residual_mm <= exact_tolerance_mm(self.rounding_mm, self.spacing_mm[2])


def exact_tolerance_mm(rounding_mm: float, spacing_mm: float) -> float:
    """Return the residual up to which a grid is where the headers say.

    1 µm, or twice the last decimal of the positions, but never so much that a real deviation could hide in it.
    """
    return min(max(EXACT_MM, 2 * rounding_mm), JITTER_MM, JITTER_OF_SPACING * spacing_mm)


def fit_single(plane: Plane, thickness_mm: float) -> StackFit:
    """Return the grid of one slice that is `thickness_mm` thick."""
    in_plane, skewed = _shared_in_plane([plane])
    step = in_plane.normal * thickness_mm
    matrix = _matrix(in_plane, step, np.array(plane.position))
    return StackFit(
        (0,), (0,), (), matrix, _residual_mm([plane], positions_of([plane]), np.zeros(1), matrix), skewed=skewed
    )


def fit_stack(planes: Sequence[Plane]) -> StackFit:
    """Return the simplest grid that fits `planes`, which share orientation, spacing and size.

    Rigid before sheared, complete before holes, exact before within the jitter that still counts as regular
    (0.02 mm; then a tenth of the slice spacing).

    Parameters
    ----------
    planes : sequence of Plane, at least two
        In any order, no two of them in one place.

    Raises
    ------
    GeometryError
        Two planes share a place, or no regular grid fits; the sentence gives the range of the distances.
    """
    in_plane, skewed, indices, ordered, positions, gaps = _in_order(planes)
    full = np.arange(len(planes), dtype=np.float64)
    slot_choices = [full]
    holes = _slots(gaps)
    if holes is not None and holes[-1] > full[-1]:
        slot_choices.append(holes)
    candidates = (
        _candidate(ordered, positions, slots, in_plane, sheared) for slots in slot_choices for sheared in (False, True)
    )
    rounding_mm = 10.0 ** -max(map(_DECIMALS, planes))
    slots, matrix, residual_mm = _simplest(candidates, rounding_mm, gaps)
    lean = _lean(matrix, in_plane.normal)
    step_mm = float(matrix[:3, 2] @ in_plane.normal)
    whole = slots.astype(np.intp).tolist()
    rounded_mm = max(exact_tolerance_mm(rounding_mm, step_mm), min(JITTER_MM, JITTER_OF_SPACING * step_mm))
    return StackFit(
        order=tuple(indices),
        slots=tuple(whole),
        missing=tuple(sorted(set(range(whole[-1] + 1)).difference(whole))) if whole[-1] >= len(whole) else (),
        ijk_to_lps=matrix,
        residual_mm=residual_mm,
        lean_deg=float(np.degrees(np.arctan(lean))),
        lean_explained=_lean_is_rounding(lean, step_mm * whole[-1], rounded_mm, in_plane),
        rounding_mm=rounding_mm,
        skewed=skewed,
    )


def fit_irregular(planes: Sequence[Plane]) -> StackFit:
    """Return the grid that comes nearest to parallel `planes` that make no regular one; k counts the planes.

    Raises
    ------
    GeometryError
        They are no stack: fewer than two, two of them in one plane, or side by side rather than one above the other.
    """
    in_plane, skewed, indices, ordered, positions, _ = _in_order(planes)
    slots = np.arange(len(planes), dtype=np.float64)
    steps = np.diff(positions, axis=0)
    forward = steps @ in_plane.normal
    sideways = np.linalg.norm(steps - forward[:, None] * in_plane.normal, axis=1)
    if np.degrees(np.arctan(sideways / forward)).max() > STEEPEST_DEG:
        raise GeometryError("slices lie side by side, not one above the other")
    candidates = [_candidate(ordered, positions, slots, in_plane, sheared) for sheared in (False, True)]
    # The plainer one, unless the slices clearly lean.
    _, matrix, residual_mm = candidates[0] if candidates[0][2] <= 2 * candidates[1][2] else candidates[1]
    return StackFit(
        order=tuple(indices),
        slots=tuple(range(len(planes))),
        missing=(),
        ijk_to_lps=matrix,
        residual_mm=residual_mm,
        lean_deg=float(np.degrees(np.arctan(_lean(matrix, in_plane.normal)))),
        rounding_mm=10.0 ** -max(plane.decimals for plane in planes),
        skewed=skewed,
        regular=False,
    )


class _Ordered(NamedTuple):
    """Planes along the normal that they share: which they are, themselves, their positions, and the gaps between them."""

    in_plane: InPlane
    skewed: bool
    indices: list[int]
    planes: list[Plane]
    positions: Floats
    gaps: Floats


def _in_order(planes: Sequence[Plane]) -> _Ordered:
    """Return planes along their normal.

    Raises
    ------
    GeometryError
        They are fewer than two, or two of them lie in one plane.
    """
    if len(planes) < 2:
        raise GeometryError(f"cannot fit a grid to {len(planes)} slice(s), need 2")
    in_plane, skewed = _shared_in_plane(planes)
    positions = positions_of(planes)
    along = positions @ in_plane.normal
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    if gaps.min() < EXACT_MM:
        raise GeometryError("several slices lie in one plane")
    indices = order.tolist()
    return _Ordered(in_plane, skewed, indices, [planes[index] for index in indices], positions[order], gaps)


def spacing_range_text(planes: Sequence[Plane]) -> str:
    """Return the smallest and the largest distance between neighbours along the normal, in mm: ``"2.5–5.0"``."""
    along = np.sort(positions_of(planes) @ planes[0].in_plane.normal)
    return _range_text(np.diff(along))


_Candidate = tuple[Floats, Floats, float]


def _simplest(candidates: Iterable[_Candidate], rounding_mm: float, gaps: Floats) -> _Candidate:
    """Return the first candidate of the tightest band that has one: exact, within the jitter that is allowed, regular.

    No more of them are made than it takes: mostly the first one is exact.
    """
    known: list[_Candidate] = []
    for candidate in candidates:
        if candidate[2] <= exact_tolerance_mm(rounding_mm, float(np.linalg.norm(candidate[1][:3, 2]))):
            return candidate
        known.append(candidate)
    for band in range(1, 3):
        within = []
        for candidate in known:
            step = float(np.linalg.norm(candidate[1][:3, 2]))
            limit = min(JITTER_MM, JITTER_OF_SPACING * step) if band == 1 else JITTER_OF_SPACING * step
            if candidate[2] <= limit:
                within.append(candidate)
        # Jitter never fits a lean or holes much better than a plain grid: where one does, it is real.
        if within:
            best = min(within, key=lambda candidate: candidate[2])
            return within[0] if within[0][2] <= 2 * best[2] else best
    raise GeometryError(_why_irregular(known, gaps))


def _why_irregular(candidates: Sequence[_Candidate], gaps: Floats) -> str:
    if np.ptp(gaps) > 2 * JITTER_OF_SPACING * gaps.mean():
        return f"slice spacing varies {_range_text(gaps)} mm"
    smallest_mm = min(residual_mm for _, _, residual_mm in candidates)
    return f"slices lie up to {smallest_mm:.2f} mm off an even stack, with a spacing of {_range_text(gaps)} mm"


def _range_text(gaps: Floats) -> str:
    smallest, largest = float(gaps.min()), float(gaps.max())
    for digits in (1, 2, 3):
        if f"{smallest:.{digits}f}" != f"{largest:.{digits}f}":
            break
    else:
        return f"{smallest:.3f}"
    return f"{smallest:.{digits}f}–{largest:.{digits}f}"


def _candidate(
    planes: Sequence[Plane], positions: Floats, slots: Floats, in_plane: InPlane, sheared: bool
) -> _Candidate:
    """Fit origin and step by least squares and measure the residual."""
    centred = slots - slots.mean()
    step = centred @ positions / (centred @ centred)
    if not sheared:
        step = (step @ in_plane.normal) * in_plane.normal
    origin = positions.mean(axis=0) - slots.mean() * step
    matrix = _matrix(in_plane, step, origin)
    if np.degrees(np.arctan(_lean(matrix, in_plane.normal))) > STEEPEST_DEG:
        return slots, matrix, np.inf
    return slots, matrix, _residual_mm(planes, positions, slots, matrix)


def _slots(gaps: Floats) -> Floats | None:
    """Return the whole-numbered places of the slices where some gaps are multiples of the smallest, else None."""
    unit = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    steps = np.rint(gaps / unit)
    # Two positions may each be off by the jitter that is allowed; a gap further from a multiple is not a hole.
    if np.abs(gaps / unit - steps).max() > 2 * JITTER_OF_SPACING:
        return None
    # More holes than slices is a series with two spacings, not one with slices missing.
    if steps.min() < 1 or steps.sum() > 2 * len(gaps) + 1:
        return None
    return np.concatenate(([0.0], np.cumsum(steps)))


def _lean(matrix: Floats, normal: Floats) -> float:
    """Return the tangent of the angle between the step and the normal."""
    step = matrix[:3, 2]
    forward = float(step @ normal)
    sideways = float(np.linalg.norm(step - forward * normal))
    return sideways / forward if forward > 0 else np.inf


def _lean_is_rounding(lean: float, height_mm: float, rounded_mm: float, in_plane: InPlane) -> bool:
    """Return whether the rounding of the orientation, or of the positions over the whole stack, makes such a lean.

    A lean that carries the last slice aside by more than a small part of the slice spacing is none.
    """
    return lean <= min(2 * 10.0**-in_plane.decimals, EXPLAINED_LEAN) or lean * height_mm <= rounded_mm


def _matrix(in_plane: InPlane, step: Floats, origin: Floats) -> Floats:
    matrix: Floats = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = in_plane.i_step, in_plane.j_step, step, origin
    return matrix


def _residual_mm(planes: Sequence[Plane], positions: Floats, slots: Floats, matrix: Floats) -> float:
    """Return the largest distance, over planes and corners, between `matrix` and the planes' own headers."""
    offsets = positions - (slots[:, None] * matrix[:3, 2] + matrix[:3, 3])
    kinds: dict[int, tuple[int, InPlane]] = {}
    which = [kinds.setdefault(id(one), (len(kinds), one))[0] for one in map(_IN_PLANE, planes)]
    in_planes = [in_plane for _, in_plane in kinds.values()]
    first = in_planes[0]
    along_i = (first.columns - 1) * (np.array([one.i_step for one in in_planes]) - matrix[:3, 0])
    along_j = (first.rows - 1) * (np.array([one.j_step for one in in_planes]) - matrix[:3, 1])
    if len(in_planes) > 1:
        along_i, along_j = along_i[which], along_j[which]
    corners = (np.zeros(3), along_i, along_j, along_i + along_j)
    return max(float(np.linalg.norm(offsets + corner, axis=1).max()) for corner in corners)


def _shared_in_plane(planes: Sequence[Plane]) -> tuple[InPlane, bool]:
    """Return the directions that stand for all planes, and whether they are kept though not orthonormal.

    They are made orthonormal (the nearest rotation, by polar decomposition) where that moves no corner of any plane by
    more than 1 µm; else they stay as the headers have them, for a voxel must not leave the place its header gives.
    """
    in_planes = list(map(_IN_PLANE, planes))
    kinds = list(dict(zip(map(id, in_planes), in_planes, strict=True)).values())
    first = kinds[0]
    i_step = np.mean([kind.i_step for kind in kinds], axis=0)
    j_step = np.mean([kind.j_step for kind in kinds], axis=0)
    decimals = min(kind.decimals for kind in kinds)
    spacing_i, spacing_j = (float(mean) for mean in np.mean([kind.spacing_mm for kind in kinds], axis=0))
    spacing_mm = spacing_i, spacing_j
    headers = InPlane(i_step, j_step, spacing_mm, first.columns, first.rows, decimals)
    left, _, right = np.linalg.svd(
        np.column_stack((i_step / np.linalg.norm(i_step), j_step / np.linalg.norm(j_step))), full_matrices=False
    )
    rotation = left @ right
    straight = InPlane(
        rotation[:, 0] * spacing_i, rotation[:, 1] * spacing_j, spacing_mm, first.columns, first.rows, decimals
    )
    if headers.deviation_mm(straight) <= EXACT_MM:
        return straight, False
    return headers, True
