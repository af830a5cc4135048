"""What a volume file carries beyond values and matrix: one line of JSON where each format has a place for remarks.

Programs that do not know it pass it over; without it a gap would come back as slices full of a filler.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from DICOMModule.volume.sequence import Axis
from DICOMModule.volume.volume import Floats, Volume, Voxels

KEY = "DICOMModule"
"""Name of the remark in the formats that name theirs."""


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """What `Volume` knows beside array and matrix and a file can carry; no patient data.

    Attributes
    ----------
    modality, units
        As in `Volume`.
    missing_slices : tuple of int
        As in `Volume`.
    padding_value : float or None
        The value of all padding voxels, and of no other.
    source_series_uids, derivation : tuple of str
        As in `Volume`.
    derivation_codes : str
        ``Volume.extra["derivation_codes"]``.
    monochrome1 : bool
        As in `Volume`.
    matrix : tuple of float or None
        The 16 numbers of ``ijk_to_lps``, row by row, for formats that keep fewer digits.
    placed, calibrated : bool
        As in `Volume`.
    slice_positions : tuple of (float, float, float)
        Of slices that are not evenly spaced, as in `Volume`; else empty.
    axis : Axis or None
        Of a 4D file.
    """

    modality: str = ""
    units: str | None = None
    missing_slices: tuple[int, ...] = ()
    padding_value: float | None = None
    source_series_uids: tuple[str, ...] = ()
    derivation: tuple[str, ...] = ()
    derivation_codes: str = ""
    monochrome1: bool = False
    matrix: tuple[float, ...] | None = field(default=None, repr=False)
    placed: bool = True
    calibrated: bool = True
    slice_positions: tuple[tuple[float, ...], ...] = field(default=(), repr=False)
    axis: Axis | None = None


def facts_of(volume: Volume) -> VolumeFacts:
    """Return what a file should carry of `volume`."""
    return VolumeFacts(
        modality=volume.modality,
        units=volume.units,
        missing_slices=volume.missing_slices,
        padding_value=_padding_value(volume),
        source_series_uids=volume.source_series_uids,
        derivation=volume.derivation,
        derivation_codes=str(volume.extra.get("derivation_codes", "")),
        monochrome1=volume.monochrome1,
        matrix=tuple(float(number) for number in volume.ijk_to_lps.ravel()),
        placed=volume.placed,
        calibrated=volume.calibrated,
        slice_positions=() if volume.regular else tuple(tuple(map(float, place)) for place in volume.slice_positions),
    )


def facts_to_text(facts: VolumeFacts) -> str:
    """Return `facts` as one line of ASCII."""
    found = {name: getattr(facts, name) for name in VolumeFacts.__dataclass_fields__}
    for name, usual in (("placed", True), ("calibrated", True), ("slice_positions", ()), ("axis", None)):
        if found[name] == usual:
            del found[name]
    if facts.axis is not None:
        found["axis"] = {"name": facts.axis.name, "unit": facts.axis.unit, "values": facts.axis.values}
    return json.dumps(found, ensure_ascii=True, allow_nan=False)


def facts_from_text(text: str) -> VolumeFacts:
    """Return the facts in `text`; what is not of the right type, which we never write, is left out."""
    try:
        found = json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError):
        return VolumeFacts()
    if not isinstance(found, dict):
        return VolumeFacts()
    good: dict[str, Any] = {}
    for name in ("source_series_uids", "derivation"):
        if _all_of(found.get(name), str):
            good[name] = tuple(found[name])
    if _all_of(found.get("missing_slices"), int):
        good["missing_slices"] = tuple(found["missing_slices"])
    for name in ("modality", "units", "derivation_codes"):
        if isinstance(found.get(name), str):
            good[name] = found[name]
    if _is_number(found.get("padding_value")):
        good["padding_value"] = float(found["padding_value"])
    matrix = found.get("matrix")
    if isinstance(matrix, list) and len(matrix) == 16 and all(map(_is_number, matrix)):
        good["matrix"] = tuple(map(float, matrix))
    places = found.get("slice_positions")
    if _all_of(places, list) and all(len(place) == 3 and all(map(_is_number, place)) for place in places or ()):
        good["slice_positions"] = tuple(tuple(map(float, place)) for place in places or ())
    for name in ("placed", "calibrated"):
        good[name] = found.get(name) is not False
    return VolumeFacts(**good, monochrome1=found.get("monochrome1") is True)


def exact_matrix(facts: VolumeFacts, rounded: Floats) -> Floats:
    """Return the matrix that `facts` carry if it is `rounded` to single precision, else `rounded`.

    Another program may have changed the grid and left the remark as it was.
    """
    if facts.matrix is None:
        return rounded
    matrix = np.array(facts.matrix, np.float64).reshape(4, 4)
    with np.errstate(over="ignore"):
        same = np.array_equal(matrix.astype(np.float32), rounded.astype(np.float32))
    return matrix if same else rounded


def volume_with(facts: VolumeFacts, array: Voxels, matrix: Floats, name: str, notes: tuple[str, ...]) -> Volume:
    """Return the volume that a file holds.

    Raises
    ------
    GeometryError
        The matrix is not that of a right-handed grid.
    """
    missing = tuple(k for k in sorted(set(facts.missing_slices)) if 0 <= k < len(array))
    if facts.matrix is not None and not np.allclose(np.reshape(facts.matrix, (4, 4)), matrix, rtol=1e-5, atol=1e-4):
        # another program has put the slices elsewhere and kept the remark: the gaps are not where it says
        missing = ()
        facts = replace(facts, slice_positions=())
    valid = None
    if missing or facts.padding_value is not None:
        valid = np.ones(array.shape, bool) if facts.padding_value is None else array != facts.padding_value
        valid[list(missing)] = False
    array.flags.writeable = False
    irregular = len(facts.slice_positions) == len(array)
    return Volume(
        array=array,
        ijk_to_lps=matrix,
        slice_positions_lps_mm=np.array(facts.slice_positions) if irregular else None,
        regular=not irregular,
        placed=facts.placed,
        calibrated=facts.calibrated,
        name=name,
        modality=facts.modality,
        units=facts.units,
        missing_slices=missing,
        valid=None if valid is None or valid.all() else valid,
        monochrome1=facts.monochrome1,
        source_series_uids=facts.source_series_uids,
        notes=notes,
        derivation=facts.derivation,
        extra={"derivation_codes": facts.derivation_codes} if facts.derivation_codes else {},
    )


def _padding_value(volume: Volume) -> float | None:
    if volume.valid is None or volume.components > 1:
        return None
    padding = ~volume.valid
    padding[list(volume.missing_slices)] = False
    fillers = np.unique(volume.array[padding])
    if len(fillers) != 1 or not math.isfinite(float(fillers[0])):
        return None
    return None if (volume.array[volume.valid] == fillers[0]).any() else float(fillers[0])


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) > 2**64:
        raise ValueError("no number of ours is that large")
    return number


def _all_of(items: object, kind: type) -> bool:
    return isinstance(items, list) and all(type(item) is kind for item in items)


def _is_number(item: object) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item)


def exact_numbers(numbers: Floats | tuple[float, ...]) -> str:
    """Return numbers with a blank between them, each as the shortest text that reads back as the same number."""
    return " ".join(repr(float(number)) for number in numbers)
