"""From values to 16-bit stored values and a rescale, with a bound on what that costs (PS3.3 C.11.1).

Three ways, the first that is exact wins:

1. whole numbers over a range of at most 65535: slope 1, exact;
2. values on the lattice of the slope and intercept that the source was read with (a median of a rescaled series): the
   same slope and intercept, exact but for the rounding of a reader in single precision;
3. anything else: slope = range / 65535, wrong by half a slope at most.

What is quantised with is the decimal string that is written, not the number it was made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import ExportError
from DICOMModule.export import decimal_strings
from DICOMModule.volume.volume import Floats, Volume, Voxels

CODES = 65536
SINGLE = 2.0**-23
"""Twice the relative rounding error of a reader that computes in single precision."""


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How values become stored values.

    Attributes
    ----------
    slope, intercept : str
        Decimal strings, as written.
    signed : bool
        Pixel Representation: stored values from -32768 instead of from 0.
    padding : int or None
        Pixel Padding Value: the stored value of voxels that are not valid; None where there is none.
    error_bound : float
        What a value may be wrong by, in the volume's units.
    """

    slope: str
    intercept: str
    signed: bool
    padding: int | None
    error_bound: float

    @property
    def rescales(self) -> bool:
        """Whether stored values differ from values."""
        return (float(self.slope), float(self.intercept)) != (1.0, 0.0)

    def stored(self, values: Voxels, valid: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.int32]:
        """Return the stored values of one slice; where not `valid`, the padding."""
        numbers = values.astype(np.float64)
        if valid is not None:
            numbers[~valid] = float(self.intercept)
        codes = np.rint((numbers - float(self.intercept)) / float(self.slope)).astype(np.int32)
        if valid is not None and self.padding is not None:
            codes[~valid] = self.padding
        return codes


@dataclass(frozen=True, slots=True)
class _Survey:
    """What the valid voxels of the slices that exist are like."""

    low: float
    high: float
    whole: bool
    padded: bool
    filler: float | None


def slices_of(volume: Volume) -> list[int]:
    """Return the k of the slices that exist."""
    missing = set(volume.missing_slices)
    return [k for k in range(len(volume.array)) if k not in missing]


def valid_in(volume: Volume, k: int) -> npt.NDArray[np.bool_] | None:
    """Return the mask of slice k; None where every voxel is valid."""
    if volume.valid is None or volume.valid[k].all():
        return None
    mask: npt.NDArray[np.bool_] = volume.valid[k]
    return mask


def quantise(volume: Volume, modality: str) -> Quantisation:
    """Choose how the valid voxels of `volume` are stored.

    Parameters
    ----------
    volume : Volume
        At least one voxel is valid.
    modality : str
        ``"CT"`` or ``"MR"``; an MR Image has no Modality LUT, so that whole numbers go without where they can.

    Raises
    ------
    ExportError
        A valid value is not finite, no voxel is valid, or the range is beyond decimal strings.
    """
    survey = _survey(volume)
    choice = _whole(volume, survey, modality) if survey.whole else None
    return choice or _lattice(volume, survey) or _stretched(survey)


def _survey(volume: Volume) -> _Survey:
    low, high, whole, fillers, padded = np.inf, -np.inf, True, set[float](), False
    for k in slices_of(volume):
        valid, values = valid_in(volume, k), volume.array[k]
        if valid is not None:
            padded = True
            if len(fillers) < 2:
                fillers.update(float(value) for value in np.unique(values[~valid])[:2])
            values = values[valid]
        if not values.size:
            continue
        if not np.isfinite(values).all():
            raise ExportError(
                "the volume holds values that are not finite (NaN or infinite), which DICOM cannot store."
            )
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        whole = whole and (values.dtype.kind in "iu" or bool((values == np.rint(values)).all()))
    if low > high:
        raise ExportError("the volume has no valid voxel: there is nothing to export.")
    filler = fillers.pop() if len(fillers) == 1 else None
    return _Survey(low, high, whole, padded, filler)


def _numbers(volume: Volume) -> Iterator[Voxels]:
    """Yield the valid values of each slice that exists."""
    for k in slices_of(volume):
        valid = valid_in(volume, k)
        yield volume.array[k].ravel() if valid is None else volume.array[k][valid]


def _whole(volume: Volume, survey: _Survey, modality: str) -> Quantisation | None:
    if survey.high - survey.low > CODES - 1 or max(abs(survey.low), abs(survey.high)) > 2**52:
        return None
    low, high, padding = int(survey.low), int(survey.high), None
    if survey.padded:
        padding = _free_value(volume, low, high, survey.filler)
        if padding is None:
            return None
        low, high = min(low, padding), max(high, padding)
    preferred = (0, -32768) if modality == "MR" else (-1024, low)
    # a first stored value of -32768 with an intercept of 0 is signed storage
    start = next((first for first in preferred if first <= low and high <= first + CODES - 1), low)
    signed = modality == "MR" and start == -32768
    intercept = 0 if signed else start
    text = decimal_strings.nearest(intercept)
    if float(text) != intercept:
        return None
    return Quantisation("1", text, signed, None if padding is None else padding - intercept, 0.0)


def _free_value(volume: Volume, low: int, high: int, filler: float | None) -> int | None:
    """Return a whole number for the padding that no valid voxel has: the filler itself where that can be."""
    span = CODES - 1
    fits = filler is not None and filler.is_integer() and max(high, filler) - min(low, filler) <= span
    if filler is not None and fits and not any((values == filler).any() for values in _numbers(volume)):
        return int(filler)
    if high - low < span:
        return low - 1
    used = np.zeros(CODES, bool)
    for values in _numbers(volume):
        used[(values.astype(np.float64) - low).astype(np.int64)] = True
    free = np.flatnonzero(~used)
    return low + int(free[0]) if free.size else None


def _lattice(volume: Volume, survey: _Survey) -> Quantisation | None:
    rescales = {(frame.slope, frame.intercept) for frame in volume.frames if frame is not None}
    if len(rescales) != 1:
        return None
    slope, intercept = rescales.pop()
    texts = decimal_strings.nearest(slope), decimal_strings.nearest(intercept)
    if slope == 0 or (float(texts[0]), float(texts[1])) != (slope, intercept):
        return None
    slack = SINGLE * max(abs(survey.low), abs(survey.high), abs(intercept))
    if slack > abs(slope) / 8:
        return None
    lowest, highest, used = CODES, -CODES, np.zeros(2 * CODES, bool)
    for values in _numbers(volume):
        if not values.size:
            continue
        exact: Floats = (values.astype(np.float64) - intercept) / slope
        codes = np.rint(exact)
        if np.abs(codes * slope + intercept - values).max() > slack or np.abs(codes).max() > CODES - 1:
            return None
        lowest, highest = min(lowest, int(codes.min())), max(highest, int(codes.max()))
        used[codes.astype(np.int64)] = True  # a negative code counts from the end
    signed = lowest < 0
    first, last = (-32768, 32767) if signed else (0, CODES - 1)
    if lowest < first or highest > last:
        return None
    padding = None
    if survey.padded:
        padding = next((code for code in range(first, last + 1) if not used[code]), None)
        if padding is None:
            return None
    return Quantisation(texts[0], texts[1], signed, padding, slack)


def _stretched(survey: _Survey) -> Quantisation:
    extent, largest = survey.high - survey.low, max(abs(survey.low), abs(survey.high))
    if not np.isfinite(extent) or largest > 1e300 or 0 < extent < 1e-290:
        raise ExportError("the values range further than decimal strings can say; scale them first.")
    reserved = int(survey.padded)
    if extent == 0:
        intercept = decimal_strings.nearest(survey.low - reserved)
        error = abs(float(intercept) + reserved - survey.low)
        return Quantisation("1", intercept, False, 0 if reserved else None, error + SINGLE * largest)
    steps = CODES - 1 - reserved
    slope = decimal_strings.not_below(extent / steps)
    for _ in range(64):
        intercept = decimal_strings.not_above(survey.low - reserved * float(slope))
        needed = (survey.high - float(intercept)) / (CODES - 1)
        first = (survey.low - float(intercept)) / float(slope)
        if needed <= float(slope) and np.rint(first) >= reserved:
            break
        slope = decimal_strings.not_below(max(needed, float(slope) * (1 + 1e-12)))
    bound = float(slope) / 2 + SINGLE * largest
    return Quantisation(slope, intercept, False, 0 if reserved else None, bound)
