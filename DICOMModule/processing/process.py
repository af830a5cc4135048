"""Run an operation on a volume: a new volume on the same grid that says what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import Job
from DICOMModule.processing.operation import operation_named
from DICOMModule.volume.volume import Volume, Voxels

DERIVATION_CODES = "derivation_codes"
"""Key of `Volume.extra`: codes of DCM, separated by spaces, of all that was done to the values (PS3.16 CID 7203)."""

CODES = {"gaussian": "113088", "median": "113087"}
"""Gaussian blur and Smoothing: CID 7203 has no code for a median, which is a smoothing."""


def process_job(name: str, volume: Volume, parameters: Mapping[str, str | float] | None = None) -> Job[Volume]:
    """Apply the operation `name` and return the new volume.

    Parameters
    ----------
    name : str
        Of an operation in `OPERATIONS`.
    volume : Volume
        Stays as it is.
    parameters : mapping of str to str or float
        By name, as the user gave them; what is not given takes its default.

    Returns
    -------
    Volume
        The same matrix, frame table, mask and source; ``derivation`` has a sentence more.

    Raises
    ------
    ProcessingError
        The filter or a parameter is unknown, a value is outside its range, or this volume cannot be filtered.
    """
    operation = operation_named(name)
    values = operation.parse(parameters or {})
    _check(volume, name)
    return _run_job(name, volume, values)


def _run_job(name: str, volume: Volume, values: Mapping[str, float]) -> Job[Volume]:
    valid = _counting(volume)
    array: Voxels
    if name == "gaussian":
        from DICOMModule.processing.gaussian import gaussian_job

        array = yield from gaussian_job(volume, valid, values["sigma_mm"])
        sentence = f"Gaussian blur, sigma {values['sigma_mm']:g} mm"
    else:
        from DICOMModule.processing.median import median_job

        radius = int(values["radius"])
        array = yield from median_job(volume, valid, radius)
        sentence = f"Median filter, {2 * radius + 1} x {2 * radius + 1} x {2 * radius + 1} voxels"
    array.flags.writeable = False
    known = volume.extra.get(DERIVATION_CODES, "").split()
    return replace(
        volume,
        array=array,
        name=f"{volume.name} – {name}" if volume.name else name,
        derivation=(*volume.derivation, sentence),
        extra={**volume.extra, DERIVATION_CODES: " ".join(dict.fromkeys((*known, CODES[name])))},
    )


def _check(volume: Volume, name: str) -> None:
    if not volume.regular:
        raise ProcessingError(
            f"the slices of this volume are not evenly spaced, so {name} has no meaning; resample it."
        )
    if volume.array.dtype.kind not in "iuf" or volume.array.dtype.itemsize > 8:
        raise ProcessingError(f"{name} works on numbers, not on values of type {volume.array.dtype}.")


def _counting(volume: Volume) -> npt.NDArray[np.bool_] | None:
    """Return which voxels count: neither padding nor of a missing slice; None where all do."""
    if volume.valid is None and not volume.missing_slices:
        return None
    valid = np.ones(volume.array.shape, bool) if volume.valid is None else volume.valid.copy()
    valid[list(volume.missing_slices)] = False
    return None if valid.all() else valid
