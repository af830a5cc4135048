"""Where single image planes lie in patient space, as their headers say it (PS3.3 C.7.6.2). LPS, millimetres."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat
from operator import attrgetter
from typing import Final

import numpy as np

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.columns import made_in_columns
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import GeometryError
from DICOMModule.volume.rescale import decimal_of
from DICOMModule.volume.volume import Floats

_POSITION: Final = attrgetter("position")
COSINE_TOLERANCE = 0.01
"""How far a direction's length, or the cosine between row and column, may be off: what rounding to 2 decimals does."""

POSITION: Final = "ImagePositionPatient"
FARTHEST_MM = 1e6
"""A coordinate beyond a kilometre is no place in a scanner, and float64 squares of much larger ones overflow."""


@dataclass(frozen=True, eq=False, slots=True)
class InPlane:
    """The two directions of an image plane, as its header gives them (PS3.3 C.7.6.2.1.1).

    Attributes
    ----------
    i_step, j_step : ndarray, shape (3,)
        From one column, one row, to the next, in mm.
    spacing_mm : tuple of 2 floats
        Distances between neighbours along i and j, as Pixel Spacing gives them.
    columns, rows : int
        Number of pixels along i and j.
    decimals : int
        Decimals with which Image Orientation (Patient) is written.
    """

    i_step: Floats
    j_step: Floats
    spacing_mm: tuple[float, float]
    columns: int
    rows: int
    decimals: int = 16

    @property
    def normal(self) -> Floats:
        """Unit normal, row × column."""
        normal = np.cross(self.i_step, self.j_step)
        unit: Floats = normal / np.linalg.norm(normal)
        return unit

    def deviation_mm(self, other: InPlane) -> float:
        """Return the largest distance between corners of the two planes when their first voxels coincide."""
        along_i = (self.columns - 1) * (self.i_step - other.i_step)
        along_j = (self.rows - 1) * (self.j_step - other.j_step)
        return float(max(np.linalg.norm(corner) for corner in (along_i, along_j, along_i + along_j)))


@dataclass(frozen=True, eq=False, slots=True)
class Plane:
    """An image plane in space.

    Attributes
    ----------
    position : tuple of 3 floats
        Image Position (Patient): the centre of voxel (0, 0).
    in_plane : InPlane
        Shared by the planes whose headers say the same.
    decimals : int
        Decimals with which the position is written.
    """

    position: tuple[float, float, float]
    in_plane: InPlane
    decimals: int


def decimals_of(text: str) -> int:
    r"""Return the number of decimals of the most finely written of several decimal strings.

    Examples
    --------
    >>> decimals_of("-1\\0.50\\2")
    2
    >>> decimals_of("1.5e-3")
    4
    """
    return max(map(_decimals_of_one, text.split("\\")))


def _decimals_of_one(text: str) -> int:
    mantissa, _, exponent = text.strip(" \0").lower().partition("e")
    return max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))


@lru_cache(maxsize=4096)
def in_plane_of(orientation: str, spacing: str, rows: int, columns: int) -> InPlane:
    """Return the in-plane directions of a header's Image Orientation (Patient) and Pixel Spacing, as written.

    Raises
    ------
    GeometryError
        One of them is no set of finite numbers, a spacing is not positive, or the two directions do not span a plane
        as unit vectors at a right angle; the sentence says which.
    """
    cosines = _numbers(orientation, 6, "Image Orientation (Patient)")
    between_rows, between_columns = _numbers(spacing, 2, "Pixel Spacing")
    if between_rows <= 0 or between_columns <= 0:
        raise GeometryError(f"Pixel Spacing {spacing.strip()} is not positive")
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < COSINE_TOLERANCE:
        raise GeometryError("Image Orientation (Patient) has a direction of length zero")
    if max(abs(length - 1) for length in lengths) > COSINE_TOLERANCE:
        raise GeometryError("the directions in Image Orientation (Patient) are not unit vectors")
    cosine = abs(float(row @ column) / float(lengths[0] * lengths[1]))
    if cosine > 1 - COSINE_TOLERANCE:
        raise GeometryError("row and column in Image Orientation (Patient) are parallel")
    if cosine > COSINE_TOLERANCE:
        raise GeometryError("row and column in Image Orientation (Patient) are not at a right angle")
    # PS3.3 10.7.1.3: the first value of Pixel Spacing is between rows, so it steps along the column direction.
    spacing_mm = between_columns, between_rows
    return InPlane(row * between_columns, column * between_rows, spacing_mm, columns, rows, decimals_of(orientation))


def plane_of(header: InstanceHeader) -> Plane:
    """Return where the header of a single-frame image puts it (PS3.3 C.7.6.2).

    Raises
    ------
    GeometryError
        Size, position, orientation or pixel spacing is missing or makes no sense; the sentence says which.
    """
    in_plane = in_plane_of_header(header)
    return plane_at(header.text(POSITION), in_plane)


@asked_once("Rows", "Columns", "ImageOrientationPatient", "PixelSpacing")
def in_plane_of_header(header: InstanceHeader) -> InPlane:
    """Return the in-plane directions that a header gives; errors as `plane_of`."""
    rows, columns = header.integer("Rows"), header.integer("Columns")
    if not rows or not columns or rows < 0 or columns < 0:
        raise GeometryError("Rows or Columns is missing or not positive")
    return in_plane_of(header.text("ImageOrientationPatient"), header.text("PixelSpacing"), rows, columns)


@lru_cache(maxsize=16384)
def plane_at(position: str, in_plane: InPlane) -> Plane:
    """Return the plane at a position as written: a series is examined, then loaded, and volumes of it share places."""
    try:
        (x, x_decimals), (y, y_decimals), (z, z_decimals) = map(coordinate_of, position.split("\\"))
    except ValueError:
        pass  # what is wrong is said below
    else:
        if abs(x) <= FARTHEST_MM and abs(y) <= FARTHEST_MM and abs(z) <= FARTHEST_MM:
            return Plane((x, y, z), in_plane, max(x_decimals, y_decimals, z_decimals))
    x, y, z = _numbers(position, 3, "Image Position (Patient)")
    return Plane((x, y, z), in_plane, decimals_of(position))


def planes_at(headers: Sequence[InstanceHeader], in_plane: InPlane) -> list[Plane | None]:
    """Return the planes of headers that differ in their positions only; None where there is no position to be read."""
    written = (header.attributes.get(POSITION) for header in headers)
    texts = [text.strip(" \0") if isinstance(text, str) else "" for text in written]
    distinct = list(dict.fromkeys(texts))  # volumes of a sequence share their places
    planes = _planes_of_texts(distinct, in_plane)
    if len(distinct) == len(texts):
        return planes
    known = dict(zip(distinct, planes, strict=True))
    return [known[text] for text in texts]


def _planes_of_texts(texts: Sequence[str], in_plane: InPlane) -> list[Plane | None]:
    split = [text.split("\\") for text in texts]
    try:
        xs, ys, zs = zip(*split, strict=True)
        read = _coordinates({*xs, *ys, *zs})
    except ValueError:
        return [_plane_or_none(text, in_plane) for text in texts]
    number, decimals = ({text: one[kind] for text, one in read.items()} for kind in (0, 1))
    positions = zip(*(map(number.__getitem__, column) for column in (xs, ys, zs)), strict=True)
    finest = map(max, *(map(decimals.__getitem__, column) for column in (xs, ys, zs)))
    return list(made_in_columns(Plane, len(texts), position=positions, in_plane=repeat(in_plane), decimals=finest))


def _plane_or_none(text: str, in_plane: InPlane) -> Plane | None:
    try:
        return plane_at(text, in_plane)
    except GeometryError:
        return None


def _coordinates(texts: Collection[str]) -> dict[str, tuple[float, int]]:
    """Return each text's number and its decimals, as `coordinate_of` does.

    Raises
    ------
    ValueError
        One of them is no number, or none that is a place.
    """
    joined = "".join(texts)
    if not joined.isascii() or any(mark in joined for mark in "_eE \0"):
        read = {text: coordinate_of(text) for text in texts}
    else:
        read = {text: (float(text), len(text) - text.find(".") - 1 if "." in text else 0) for text in texts}
    if not all(abs(number) <= FARTHEST_MM for number, _ in read.values()):
        raise ValueError("a coordinate is no place")
    return read


@lru_cache(maxsize=4096)
def coordinate_of(text: str) -> tuple[float, int]:
    """Return a number and its decimals; two coordinates of three are mostly those of the slice before."""
    return decimal_of(text), _decimals_of_one(text)


def _numbers(text: str, count: int, name: str) -> tuple[float, ...]:
    if not text:
        raise GeometryError(f"{name} is missing")
    try:
        numbers = tuple(decimal_of(part) for part in text.split("\\"))
    except ValueError:
        raise GeometryError(f"{name} is not a set of numbers") from None
    if len(numbers) != count or not all(abs(number) <= FARTHEST_MM for number in numbers):
        raise GeometryError(f"{name} does not hold {count} finite numbers")
    return numbers


def positions_of(planes: Sequence[Plane]) -> Floats:
    """Return the positions of `planes`, shape (n, 3)."""
    numbers = chain.from_iterable(map(_POSITION, planes))
    return np.fromiter(numbers, np.float64, 3 * len(planes)).reshape(-1, 3)  # faster than an array of tuples
