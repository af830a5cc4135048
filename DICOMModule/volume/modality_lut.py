"""The modality transform of a frame: Rescale Slope and Intercept, or a table in their place (PS3.3 C.11.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.lookup_table import LookupTable
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.dicom.value_tables import read_modality_lut
from DICOMModule.volume.rescale import Rescale, rescale_of
from DICOMModule.volume.volume import Voxels


@dataclass(frozen=True, eq=False, slots=True)
class ModalityLut:
    """A Modality LUT: values in place of stored values.

    Attributes
    ----------
    table : LookupTable
        From stored values to values.
    units : str or None
        Modality LUT Type (0028,3004); None where it is unspecified.
    """

    table: LookupTable
    units: str | None = None

    def is_same(self, other: ModalityTransform) -> bool:
        """Return whether another transform gives the same values."""
        if not isinstance(other, ModalityLut):
            return False
        mine, its = self.table, other.table
        return mine.first == its.first and bool(mine.entries.tolist() == its.entries.tolist())


FINEST_FLOAT32_STEP = 2.0**20
"""Ratio of the largest value to the step between stored values up to which float32 is kept.

Its rounding, half of 2^-23 of the value, then stays below 1/16 of that step (and below 6e-8 of the value).
"""

ModalityTransform: TypeAlias = Rescale | ModalityLut


def same_transform(one: ModalityTransform, other: ModalityTransform) -> bool:
    """Return whether two frames get the same values from the same stored values."""
    return one.is_same(other) if isinstance(one, ModalityLut) else one == other


def modality_transform_of(header: InstanceHeader) -> ModalityTransform:
    """Return the transform from stored values to values; a Modality LUT is read from the file.

    Raises
    ------
    VolumeError
        As `rescale_of`.
    DicomFileError
        The table makes no sense, or the file has gone or changed.
    """
    if not header.attributes.get("ModalityLUTSequence"):
        return rescale_of(header)
    table, units = read_modality_lut(header, pixel_format_of(header))
    return ModalityLut(table, None if units == "US" else units)


def value_type(stored: npt.DTypeLike, bits_stored: int, transforms: Sequence[ModalityTransform]) -> np.dtype[Any]:
    """Return the number type for the values of frames with stored values of type `stored`.

    Whole numbers stay whole: as stored where nothing is added, else int16, which grows when a value does not fit. Others
    become float32, or float64 where float32 would blur neighbouring stored values. Floating-point pixel data stay of
    their type; a Modality LUT gives the type of its entries.
    """
    stored = np.dtype(stored)
    if stored.kind == "f":
        return stored
    tables = [transform.table.entries.dtype for transform in transforms if isinstance(transform, ModalityLut)]
    rescales = [transform for transform in transforms if isinstance(transform, Rescale)]
    of_rescales = _type_of_rescaled(stored, bits_stored, rescales) if rescales else None
    return np.result_type(*tables, *(() if of_rescales is None else (of_rescales,)))


def _type_of_rescaled(stored: np.dtype[Any], bits_stored: int, rescales: Sequence[Rescale]) -> np.dtype[Any]:
    if all(rescale.whole for rescale in rescales):
        return stored if all(rescale.intercept == 0 for rescale in rescales) else np.dtype(np.int16)
    magnitude = 2.0**bits_stored
    fine = all(abs(r.slope) * magnitude + abs(r.intercept) <= FINEST_FLOAT32_STEP * abs(r.slope) for r in rescales)
    smallest = min(abs(r.slope) for r in rescales)
    largest = max(abs(r.slope) * magnitude + abs(r.intercept) for r in rescales)
    in_range = smallest > 1e-30 and largest < 1e38
    return np.dtype(np.float32 if fine and in_range else np.float64)


def transformed(stored: Voxels, transform: ModalityTransform) -> Voxels:
    """Return the values of one frame: whole numbers where they stay whole, else float64."""
    if isinstance(transform, ModalityLut):
        return transform.table.applied(stored)
    if transform.whole and stored.dtype.kind != "f":
        return stored if transform.intercept == 0 else stored.astype(np.int64) + int(transform.intercept)
    values: Voxels = stored.astype(np.float64) * transform.slope + transform.intercept
    return values
