"""What else the values of a volume can be shown as: a standardized uptake, a real-world value, a scanner's own scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Factor: TypeAlias = float | tuple[float, ...]
"""A number for all slices, or one a slice."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity that follows from the values: ``value * scale + offset``.

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
    """

    name: str
    unit: str
    scale: Factor
    offset: Factor = 0.0
    provenance: str = ""

    def of_slice(self, k: int) -> tuple[float, float]:
        """Return scale and offset of slice `k`."""
        scale = self.scale[k] if isinstance(self.scale, tuple) else self.scale
        return scale, self.offset[k] if isinstance(self.offset, tuple) else self.offset
