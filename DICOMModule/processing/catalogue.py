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
    job : callable or None
        Volume, voxels that count (None: all) and parameters to a job that returns the new values on the same grid.
    regrid_job : callable or None
        In its place: volume and parameters to a job that returns the volume on another grid.
    """

    operation: Operation
    code: str
    sentence: Callable[[Values], str]
    job: Callable[[Volume, Mask, Values], Job[Voxels]] | None = None
    regrid_job: Callable[[Volume, Values], Job[Volume]] | None = None


def _gaussian_job(volume: Volume, valid: Mask, values: Values) -> Job[Voxels]:
    from DICOMModule.processing.gaussian import gaussian_job

    return gaussian_job(volume, valid, values["sigma_mm"])


def _median_job(volume: Volume, valid: Mask, values: Values) -> Job[Voxels]:
    from DICOMModule.processing.median import median_job

    return median_job(volume, valid, int(values["radius"]))


def _median_sentence(values: Values) -> str:
    box = " x ".join([str(2 * int(values["radius"]) + 1)] * 3)
    return f"Median filter, {box} voxels"


def _make_regular_job(volume: Volume, values: Values) -> Job[Volume]:
    from DICOMModule.processing.even_grid import make_regular_job

    return make_regular_job(volume, values["spacing_mm"])


def _make_orthogonal_job(volume: Volume, _values: Values) -> Job[Volume]:
    from DICOMModule.processing.even_grid import make_orthogonal_job

    return make_orthogonal_job(volume)


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
    Filter(
        # a spacing of 0 stands for that of the two slices that lie closest
        Operation("make-regular", "Make slices even", (Parameter("spacing_mm", "float", 0.0, 0.0, 50.0, "mm"),)),
        "113085",
        lambda _values: "Slices resampled to even distances, linear interpolation",
        regrid_job=_make_regular_job,
    ),
    Filter(
        Operation("make-orthogonal", "Straighten slices that lean", ()),
        "113085",
        lambda _values: "Slices resampled to a grid at right angles, linear interpolation",
        regrid_job=_make_orthogonal_job,
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
