"""A grid of values on which solids are painted, whatever way the grid lies in space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from DICOMModule.demo.shapes import Bundle, Capsule, Coordinates, Shape
from DICOMModule.volume.volume import Floats

EDGE = 12
"""Voxels along each edge of a block."""

AT_ONCE = 32
"""Blocks."""

BUNDLE = 8
"""Capsules that are painted at once."""

SMALL_VOXELS = 20_000
"""A part of the grid that is not worth dividing into blocks."""

Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Part = tuple[slice, slice, slice]


class Canvas:
    """Values in float32, shape (k, j, i), and the matrix that says where they lie.

    Parameters
    ----------
    dimensions : (int, int, int)
        Voxels along i, j, k.
    ijk_to_lps : ndarray, shape (4, 4)
        Centres of voxels in LPS mm.
    background : float
        Value before anything is painted.
    shown_as : callables
        What is painted in place of a value, the background's too, in one layer each: what a tissue that is told by its
        Hounsfield units gives in another modality.
    """

    def __init__(
        self,
        dimensions: tuple[int, int, int],
        ijk_to_lps: Floats,
        background: float,
        *shown_as: Callable[[float], float],
    ) -> None:
        self.ijk_to_lps = ijk_to_lps
        self._shown_as = shown_as or (float,)
        self.layers: tuple[npt.NDArray[np.float32], ...] = tuple(
            np.full(dimensions[::-1], shown(background), np.float32) for shown in self._shown_as
        )
        self._lps_to_ijk = np.linalg.inv(ijk_to_lps)
        self._softness_mm = float(np.linalg.norm(ijk_to_lps[:3, :3], axis=0).mean())

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """The first layer."""
        return self.layers[0]

    def paint(self, shape: Shape, value: float) -> None:
        """Blend `value` in where `shape` is: a voxel on the surface gets the share that lies inside."""
        self.paint_all([shape], value)

    def paint_all(self, shapes: Iterable[Shape], value: float) -> None:
        """Blend `value` in where any of `shapes` is, each in its own part of the grid."""
        shapes = list(shapes)
        first, last = self._boxes(shapes)
        sizes = (last - first).clip(0).prod(axis=1)
        shown = [one(value) for one in self._shown_as]
        small: list[int] = []
        for number in np.argsort(sizes, kind="stable").tolist():  # of one value the order makes no difference
            shape = shapes[number]
            if sizes[number] == 0:
                continue
            if sizes[number] >= SMALL_VOXELS:
                self._paint_blocks(shape, first[number], last[number], shown)
            elif isinstance(shape, Capsule):
                small.append(number)
            else:
                i, j, k = (np.arange(a, b) for a, b in zip(first[number], last[number], strict=True))
                share = self._share(shape, (i, j[:, None], k[:, None, None]))
                self._blend(_part(first[number], last[number]), share, shown)
        for some in np.array_split(np.array(small, np.intp), range(BUNDLE, len(small), BUNDLE)):
            if some.size:
                bundle = Bundle([capsule for number in some if isinstance(capsule := shapes[number], Capsule)])
                self._paint_bundle(bundle, first[some], last[some], shown)

    def _boxes(self, shapes: Sequence[Shape]) -> tuple[Indices, Indices]:
        """Return of each shape the first voxel (i, j, k), and the one after the last, that its box can touch."""
        bounds = np.array([shape.bounds() for shape in shapes]).reshape(-1, 2, 3)
        middle = bounds.mean(axis=1) @ self._lps_to_ijk[:3, :3].T + self._lps_to_ijk[:3, 3]
        reach = (bounds[:, 1] - bounds[:, 0]) / 2 @ np.abs(self._lps_to_ijk[:3, :3]).T
        first = np.maximum(np.floor(middle - reach).astype(int) - 1, 0)
        return first, np.minimum(np.ceil(middle + reach).astype(int) + 2, self.values.shape[::-1])

    def _paint_bundle(self, bundle: Bundle, first: Indices, last: Indices, shown: list[float]) -> None:
        i, j, k = (
            first[:, axis, None, None, None] + np.arange(int((last - first)[:, axis].max())).reshape(form)
            for axis, form in enumerate(((1, 1, -1), (1, -1, 1), (-1, 1, 1)))
        )
        for start, end, share in zip(first, last, self._share(bundle, (i, j, k)), strict=True):
            self._blend(_part(start, end), share[_part(start - start, end - start)], shown)

    def _paint_blocks(self, shape: Shape, first: Indices, last: Indices, shown: list[float]) -> None:
        """Paint a large solid: what lies wholly within is filled, and only its surface is worked out voxel by voxel."""
        within, across = self._blocks(shape, first, last)
        # blocks beside each other along i at once: where a row of them begins and ends
        begins, ends = (np.argwhere(np.diff(within.astype(np.int8), axis=2, prepend=0, append=0) == s) for s in (1, -1))
        beyond = np.array((0, EDGE, EDGE))
        for start, end in zip(first + EDGE * begins[:, ::-1], first + EDGE * ends[:, ::-1], strict=True):
            part = _part(start, np.minimum(end + beyond, last))
            for layer, value in zip(self.layers, shown, strict=True):
                layer[part] = value
        inside, crossed = np.arange(EDGE), first + EDGE * np.argwhere(across)[:, ::-1]
        for some in np.array_split(crossed, range(AT_ONCE, len(crossed), AT_ONCE)):
            i, j, k = (some[:, axis, None, None, None] for axis in range(3))
            shares = self._share(shape, (i + inside, j + inside[:, None], k + inside[:, None, None]))
            touched = shares.any(axis=(1, 2, 3))
            for start, share in zip(some[touched], shares[touched], strict=True):
                end = np.minimum(start + EDGE, last)
                self._blend(_part(start, end), share[_part(start - start, end - start)], shown)

    def _blocks(self, shape: Shape, first: Indices, last: Indices) -> tuple[Mask, Mask]:
        """Return which blocks, along (k, j, i), lie wholly within `shape`, and which its surface may cross.

        Their corners tell: solids are convex or nearly so, and outside no distance that they give is greater than the true one.
        """
        i, j, k = (np.arange(a, b + EDGE, EDGE) for a, b in zip(first, last, strict=True))
        at = shape.distance(*self._positions((i, j[:, None], k[:, None, None])))
        corners = [at[c : c - 1 or None, b : b - 1 or None, a : a - 1 or None] for a, b, c in np.ndindex(2, 2, 2)]
        nearest, farthest = np.minimum.reduce(corners), np.maximum.reduce(corners)
        reach_mm = EDGE * float(np.linalg.norm(self.ijk_to_lps[:3, :3])) / 2  # half the diagonal
        within = farthest < -self._softness_mm
        return within, (nearest < reach_mm + self._softness_mm) & ~within

    def _share(self, shape: Shape | Bundle, ijk: tuple[Indices, Indices, Indices]) -> Coordinates:
        """Return how much of each voxel lies inside."""
        share: Coordinates = 0.5 - shape.distance(*self._positions(ijk)) / self._softness_mm
        return np.clip(share, 0, 1, out=share)

    def _blend(self, part: Part, share: Coordinates, shown: list[float]) -> None:
        for layer, value in zip(self.layers, shown, strict=True):
            values = layer[part]
            values += share * (value - values)

    def _positions(self, ijk: tuple[Indices, Indices, Indices]) -> tuple[Coordinates, Coordinates, Coordinates]:
        # single precision is ample for drawing (0.01 µm in 200 mm) and twice as fast
        places = [index.astype(np.float32) for index in ijk]
        # along the axes of the patient each coordinate depends on one index: what is worked out of it alone stays small
        x, y, z = (_along(row, places) for row in self.ijk_to_lps[:3].tolist())
        return x, y, z


def _along(row: list[float], places: list[Coordinates]) -> Coordinates:
    """Return one coordinate of places in the grid, along the axes only on which it depends."""
    total: Coordinates = np.full((1,) * max(place.ndim for place in places), row[3], np.float32)
    for step, place in zip(row[:3], places, strict=True):
        if step:
            total = total + np.float32(step) * place
    return total


def _part(first: Indices, last: Indices) -> Part:
    """Return the part of the grid (k, j, i) from voxel `first` to before `last`, both (i, j, k)."""
    (i, j, k), (end_i, end_j, end_k) = first.tolist(), last.tolist()
    return slice(k, end_k), slice(j, end_j), slice(i, end_i)
