"""What a filter may be asked: names, types, ranges and units of its parameters, and the checks of what was given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from DICOMModule.errors import ProcessingError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation.

    Attributes
    ----------
    name : str
        As it is given, its unit as a suffix.
    type : str
        ``"float"`` or ``"int"``.
    default, minimum, maximum : float
        The range includes its ends.
    unit : str
        For people: ``"mm"``, ``"voxels"``.
    """

    name: str
    type: str
    default: int | float
    minimum: int | float
    maximum: int | float
    unit: str

    def parse(self, value: str | float) -> float:
        """Return `value` as a number within the range.

        Raises
        ------
        ProcessingError
            It is no (whole) number, or outside the range.
        """
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        whole = self.type == "int"
        if not math.isfinite(number) or (whole and number != int(number)):
            kind = "a whole number" if whole else "a number"
            raise ProcessingError(f"the parameter {self.name} needs {kind} ({self._range()}), not {value!r}.")
        if not self.minimum <= number <= self.maximum:
            raise ProcessingError(f"the parameter {self.name} is {number:g}, outside its range ({self._range()}).")
        return number

    def _range(self) -> str:
        return f"{self.minimum:g} to {self.maximum:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Operation:
    """A filter that makes a new volume of one.

    Attributes
    ----------
    name : str
        As the command line takes it.
    title : str
        For menus.
    parameters : tuple of Parameter
        What it may be asked.
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]

    def parse(self, given: Mapping[str, str | float]) -> dict[str, float]:
        """Return a value for every parameter: the one given, else the default.

        Raises
        ------
        ProcessingError
            A name is unknown, or a value is not acceptable.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise ProcessingError(f"{self.name} has no parameter {name!r}; it takes {', '.join(known)}.")
        return {name: parameter.parse(given.get(name, parameter.default)) for name, parameter in known.items()}
