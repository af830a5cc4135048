"""The filters that there are: the table behind ``process --list``, the dialogs and the checks.

A new filter is a function ``(volume, valid, values) -> Job[array]`` in a file of its own and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import ProcessingError, plain_text
from DICOMModule.jobs import Job
from DICOMModule.processing.operation import Operation, Parameter
from DICOMModule.volume.volume import Volume, Voxels

Values: TypeAlias = Mapping[str, float]
Mask: TypeAlias = npt.NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Filter:
    """An operation and what does it.

    Attributes
    ----------
    operation : Operation
        Its name, title and parameters.
    code : str
        Code value of DCM for what it does to the values (PS3.16 CID 7203).
    sentence : callable
        Parameters to what was done, for Derivation Description.
    job : callable
        Volume, voxels that count (None: all) and parameters to a job that returns the new values.
    """

    operation: Operation
    code: str
    sentence: Callable[[Values], str]
    job: Callable[[Volume, Mask, Values], Job[Voxels]]


def _gaussian_job(volume: Volume, valid: Mask, values: Values) -> Job[Voxels]:
    from DICOMModule.processing.gaussian import gaussian_job

    return gaussian_job(volume, valid, values["sigma_mm"])


def _median_job(volume: Volume, valid: Mask, values: Values) -> Job[Voxels]:
    from DICOMModule.processing.median import median_job

    return median_job(volume, valid, int(values["radius"]))


def _median_sentence(values: Values) -> str:
    box = " x ".join([str(2 * int(values["radius"]) + 1)] * 3)
    return f"Median filter, {box} voxels"


FILTERS: tuple[Filter, ...] = (
    Filter(
        Operation("gaussian", "Gaussian blur", (Parameter("sigma_mm", "float", 1.0, 0.01, 50.0, "mm"),)),
        "113088",
        lambda values: f"Gaussian blur, sigma {values['sigma_mm']:g} mm",
        _gaussian_job,
    ),
    Filter(
        Operation("median", "Median filter", (Parameter("radius", "int", 1, 1, 5, "voxels"),)),
        "113087",  # Smoothing: CID 7203 has no code for a median, which is one
        _median_sentence,
        _median_job,
    ),
)


def operations() -> tuple[Operation, ...]:
    """Return all operations: what ``process --list`` shows."""
    return tuple(one.operation for one in FILTERS)


def filter_named(name: str) -> Filter:
    """Return the filter of that name.

    Raises
    ------
    ProcessingError
        There is none; the sentence lists those that there are.
    """
    for one in FILTERS:
        if one.operation.name == name:
            return one
    known = ", ".join(operation.name for operation in operations())
    raise ProcessingError(f"there is no filter {plain_text(name)!r}; there are {known}.")
