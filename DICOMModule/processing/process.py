"""Run an operation on a volume: a new volume, mostly on the same grid, that says what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from DICOMModule.errors import ProcessingError
from DICOMModule.jobs import Job
from DICOMModule.processing.catalogue import Filter, filter_named
from DICOMModule.volume.volume import Volume

DERIVATION_CODES = "derivation_codes"
"""Key of `Volume.extra`: codes of DCM, separated by spaces, of all that was done to the values (PS3.16 CID 7203)."""


def process_job(name: str, volume: Volume, parameters: Mapping[str, str | float] | None = None) -> Job[Volume]:
    """Apply the operation `name` and return the new volume.

    Parameters
    ----------
    name : str
        Of one of `catalogue.FILTERS`.
    volume : Volume
        Stays as it is.
    parameters : mapping of str to str or float
        By name, as the user gave them; what is not given takes its default.

    Returns
    -------
    Volume
        The same matrix, frame table, mask and source, unless the operation makes another grid; ``derivation`` has a
        sentence more.

    Raises
    ------
    ProcessingError
        The filter or a parameter is unknown, a value is outside its range, or this volume cannot be filtered.
    """
    chosen = filter_named(name)
    values = chosen.operation.parse(parameters or {})
    _check(volume, chosen)
    return _run_job(chosen, volume, values)


def _run_job(chosen: Filter, volume: Volume, values: Mapping[str, float]) -> Job[Volume]:
    if chosen.regrid_job is not None:
        made = yield from chosen.regrid_job(volume, values)
    elif chosen.job is not None:
        array = yield from chosen.job(volume, _counting(volume), values)
        made = replace(volume, array=array)
    else:
        raise ProcessingError(f"there is nothing that {chosen.operation.name} does.")
    made.array.flags.writeable = False
    known = volume.extra.get(DERIVATION_CODES, "").split()
    return replace(
        made,
        name=" – ".join(filter(None, (volume.name, chosen.operation.name))),
        derivation=(*volume.derivation, chosen.sentence(values)),
        extra={**volume.extra, DERIVATION_CODES: " ".join(dict.fromkeys((*known, chosen.code)))},
    )


def _check(volume: Volume, chosen: Filter) -> None:
    name = chosen.operation.name
    if not volume.regular and chosen.regrid_job is None:
        raise ProcessingError(
            f"the slices of this volume are not evenly spaced, so {name} has no meaning; apply make-regular first."
        )
    if volume.components > 1:
        raise ProcessingError(f"this volume is in colour; {name} works on volumes of one value a voxel.")
    if not volume.placed and len(volume.array) > 1:
        raise ProcessingError(
            f"these are images without a place in the patient, not a volume, so {name} has no meaning."
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
