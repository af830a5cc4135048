"""What else the values of a volume can be shown as: a standardized uptake, a real-world value, a scanner's own scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Factor: TypeAlias = float | tuple[float, ...]
"""A number for all slices, or one a slice."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity that follows from the values: ``value * scale + offset``, or the entry of a table at that place.

    Attributes
    ----------
    name : str
        For people: ``"SUVbw"``.
    unit : str
        In UCUM (PS3.3 8): ``"g/ml{SUVbw}"``; empty where it is unknown.
    scale, offset : float or tuple of float
        For all slices, or one for each k.
    provenance : str
        From which facts it follows, as a sentence.
    table : tuple of float
        Empty, or the quantity at the places 0, 1, 2, … that scale and offset give.
    lowest, highest : float or tuple of float
        The values, both ends included, for which there is the quantity.
    """

    name: str
    unit: str
    scale: Factor
    offset: Factor = 0.0
    provenance: str = ""
    table: tuple[float, ...] = field(default=(), repr=False)
    lowest: Factor = -math.inf
    highest: Factor = math.inf

    def of_slice(self, k: int) -> tuple[float, float]:
        """Return scale and offset of slice `k`."""
        return _of_slice(self.scale, k), _of_slice(self.offset, k)

    def of(self, values: npt.NDArray[Any], k: int = 0) -> npt.NDArray[np.float64]:
        """Return the quantity of values of slice `k`; NaN where there is none."""
        scale, offset = self.of_slice(k)
        found: npt.NDArray[np.float64] = values.astype(np.float64) * scale + offset
        if self.table:
            place = np.rint(found)
            inside = (place >= 0) & (place < len(self.table))
            found = np.where(inside, np.array(self.table)[np.where(inside, place, 0).astype(np.intp)], np.nan)
        low, high = _of_slice(self.lowest, k), _of_slice(self.highest, k)
        if low > -math.inf or high < math.inf:
            found[(values < low) | (values > high)] = np.nan
        return found

    def at_slices(self, places: Sequence[int], count: int) -> Quantity:
        """Return the quantity of a volume of `count` slices from that of those that are at `places`.

        A missing slice has the numbers of the one before it.
        """

        def spread(factor: Factor) -> Factor:
            if not isinstance(factor, tuple):
                return factor
            known = dict(zip(places, factor, strict=True))
            numbers = [factor[0]]
            for k in range(count):
                numbers.append(known.get(k, numbers[-1]))
            return tuple(numbers[1:])

        return self._with_factors(spread)

    def reversed(self) -> Quantity:
        """Return the quantity of a volume whose slices are in reverse order."""
        return self._with_factors(lambda factor: factor[::-1] if isinstance(factor, tuple) else factor)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All that may be one a slice."""
        return self.scale, self.offset, self.lowest, self.highest

    def _with_factors(self, change: Callable[[Factor], Factor]) -> Quantity:
        scale, offset, lowest, highest = map(change, self.factors)
        return replace(self, scale=scale, offset=offset, lowest=lowest, highest=highest)


def one_or_each(numbers: tuple[float, ...]) -> Factor:
    """Return the one number that all slices have, else all of them."""
    return numbers[0] if len(set(numbers)) == 1 else numbers


def _of_slice(factor: Factor, k: int) -> float:
    return factor[k] if isinstance(factor, tuple) else factor
