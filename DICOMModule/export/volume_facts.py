"""What a volume file carries beyond values and matrix: one line of JSON where each format has a place for remarks.

Programs that do not know it pass it over; without it a gap would come back as slices full of a filler.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from DICOMModule.export.carried import (
    Paddings,
    Quantities,
    fitting,
    is_number,
    not_carried_note,
    paddings_from_json,
    quantities_from_json,
    quantity_to_json,
    valid_of,
)
from DICOMModule.volume.sequence import Axis, VolumeSequence
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
    missing_by_volume : tuple of tuple of int
        Of a 4D file whose volumes lack different slices, as in each `Volume`; else empty.
    paddings, quantities, not_carried
        As in `Carried`.
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
    missing_by_volume: tuple[tuple[int, ...], ...] = ()
    paddings: Paddings = ()
    quantities: Quantities = ()
    not_carried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FileContent:
    """What a format's reader returns.

    Attributes
    ----------
    array : ndarray, shape (t, k, j, i, components)
        As in the file; t is 1 where there is but one volume.
    matrix : ndarray, shape (4, 4)
        To LPS mm, of either hand.
    facts : VolumeFacts
        From our remark.
    notes : tuple of str
        As in `Volume`.
    axis : Axis or None
        Of a 4D file, as far as the format itself tells; our remark goes before it.
    """

    array: Voxels
    matrix: Floats
    facts: VolumeFacts
    notes: tuple[str, ...] = ()
    axis: Axis | None = None


def even_axis(name: str, unit: str, start: float, step: float, count: int) -> Axis:
    """Return an axis as files describe it that know its start and its step."""
    return Axis(name, unit, tuple(float(start + step * number) for number in range(count)))


def facts_of(volume: Volume) -> VolumeFacts:
    """Return what a file should carry of `volume`, but for what `carried_of` tells of all volumes that go into it."""
    return VolumeFacts(
        modality=volume.modality,
        units=volume.units,
        missing_slices=volume.missing_slices,
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
    for name, usual in (
        ("placed", True),
        ("calibrated", True),
        ("slice_positions", ()),
        ("axis", None),
        ("missing_by_volume", ()),
        ("paddings", ()),
        ("quantities", ()),
        ("not_carried", ()),
    ):
        if found[name] == usual:
            del found[name]
    if facts.axis is not None:
        values = [value if math.isfinite(value) else None for value in facts.axis.values]
        found["axis"] = {
            "name": facts.axis.name,
            "unit": facts.axis.unit,
            "values": values,
            "labels": facts.axis.labels,
        }
    if facts.quantities:
        found["quantities"] = [list(map(quantity_to_json, of_volume)) for of_volume in facts.quantities]
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
    for name in ("source_series_uids", "derivation", "not_carried"):
        if _all_of(found.get(name), str):
            good[name] = tuple(found[name])
    if _all_of(found.get("missing_slices"), int):
        good["missing_slices"] = tuple(found["missing_slices"])
    for name in ("modality", "units", "derivation_codes"):
        if isinstance(found.get(name), str):
            good[name] = found[name]
    if is_number(found.get("padding_value")):
        good["padding_value"] = float(found["padding_value"])
    good["paddings"] = paddings_from_json(found.get("paddings"))
    good["quantities"] = quantities_from_json(found.get("quantities"))
    good |= _grid_facts(found)
    good["axis"] = _axis(found.get("axis"))
    return VolumeFacts(**good, monochrome1=found.get("monochrome1") is True)


def _grid_facts(found: dict[str, Any]) -> dict[str, Any]:
    """Return the facts that say where slices lie, and which there are none of."""
    good: dict[str, Any] = {}
    matrix = found.get("matrix")
    if isinstance(matrix, list) and len(matrix) == 16 and all(map(is_number, matrix)):
        good["matrix"] = tuple(map(float, matrix))
    places = found.get("slice_positions")
    if _all_of(places, list) and all(len(place) == 3 and all(map(is_number, place)) for place in places or ()):
        good["slice_positions"] = tuple(tuple(map(float, place)) for place in places or ())
    for name in ("placed", "calibrated"):
        good[name] = found.get(name) is not False
    missing = found.get("missing_by_volume")
    if _all_of(missing, list) and all(_all_of(one, int) for one in missing or ()):
        good["missing_by_volume"] = tuple(map(tuple, missing or ()))
    return good


def _axis(found: object) -> Axis | None:
    if not isinstance(found, dict) or not isinstance(found.get("values"), list):
        return None
    name, unit, labels = found.get("name"), found.get("unit"), found.get("labels", [])
    values = found["values"]
    if not (isinstance(name, str) and isinstance(unit, str) and all(one is None or is_number(one) for one in values)):
        return None
    labels = tuple(labels) if _all_of(labels, str) and len(labels) in {0, len(values)} else ()
    return Axis(name, unit, tuple(math.nan if one is None else float(one) for one in values), labels)


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


def sequence_with(content: FileContent, whole: Voxels, axis: Axis, name: str) -> VolumeSequence:
    """Return the sequence that a 4D file holds, whose `whole` has the shape (t, k, j, i) or (t, k, j, i, 3).

    Raises
    ------
    GeometryError
        The matrix is not that of a right-handed grid.
    """
    volumes = tuple(
        volume_with(facts, array, content.matrix, name, content.notes)
        for facts, array in zip(facts_of_each(content.facts, len(whole)), whole, strict=True)
    )
    whole.flags.writeable = False
    return VolumeSequence(volumes, axis, name, whole)


def facts_of_each(facts: VolumeFacts, count: int) -> list[VolumeFacts]:
    """Return the facts of each of the volumes that there are.

    Another program may have taken some of them out and kept the remark: what it says of each of others is left out, by name.
    """
    lost = []
    missing, paddings, quantities = facts.missing_by_volume, facts.paddings, facts.quantities
    if not missing:
        missing = (facts.missing_slices,) * count
    elif len(missing) != count:
        lost.append("which slices are missing")
        missing = ((),) * count
    if paddings and len(paddings) != count:
        lost.append("which voxels are padding")
    if len(paddings) != count:
        paddings = ((),) * count
    if len(quantities) == 1:
        quantities *= count
    elif len(quantities) != count:
        if quantities:
            lost.append("what its values mean")
        quantities = ((),) * count
    told = (*facts.not_carried, *(name for name in lost if name not in facts.not_carried))
    return [
        replace(
            facts,
            missing_slices=lacking,
            missing_by_volume=(),
            paddings=(padding,),
            quantities=(own,),
            not_carried=told,
        )
        for lacking, padding, own in zip(missing, paddings, quantities, strict=True)
    ]


def facts_turned(facts: VolumeFacts, matrix: Floats, slices: int) -> VolumeFacts:
    """Return facts of a file whose grid is that of `matrix`, for its slices in reverse order.

    Where the matrix that they carry is another one, another program has turned the slices and kept the remark: what it says
    of each is said of the order that it knew, which is the reverse one, or (`volume_with` looks) of neither.
    """
    if facts.matrix is not None and not _is_close(facts.matrix, matrix):
        return facts
    turned = None
    if facts.matrix is not None:
        turned = tuple(float(number) for number in reversed_slices(matrix, slices).ravel())
    return replace(
        facts,
        matrix=turned,
        missing_slices=tuple(slices - 1 - k for k in facts.missing_slices),
        missing_by_volume=tuple(tuple(slices - 1 - k for k in one) for one in facts.missing_by_volume),
        paddings=tuple(of_slices[::-1] for of_slices in facts.paddings),
        slice_positions=facts.slice_positions[::-1],
        quantities=tuple(tuple(one.reversed() for one in of_volume) for of_volume in facts.quantities),
    )


def reversed_slices(matrix: Floats, slices: int) -> Floats:
    """Return the matrix of the same grid with its slices in reverse order."""
    turned = matrix.copy()
    turned[:3, 3] += (slices - 1) * matrix[:3, 2]
    turned[:3, 2] = -matrix[:3, 2]
    return turned


def _is_close(told: tuple[float, ...], matrix: Floats) -> bool:
    return np.allclose(np.reshape(told, (4, 4)), matrix, rtol=1e-5, atol=1e-4)


def volume_with(facts: VolumeFacts, array: Voxels, matrix: Floats, name: str, notes: tuple[str, ...]) -> Volume:
    """Return the volume that a file holds.

    Raises
    ------
    GeometryError
        The matrix is not that of a right-handed grid.
    """
    missing = tuple(k for k in sorted(set(facts.missing_slices)) if 0 <= k < len(array))
    same_slices = facts.matrix is None or _is_close(facts.matrix, matrix)
    if not same_slices:
        # another program has put the slices elsewhere and kept the remark: the gaps are not where it says
        missing = ()
        facts = replace(facts, slice_positions=(), paddings=())
    of_slices = facts.paddings[0] if len(facts.paddings) == 1 else ()
    quantities = facts.quantities[0] if len(facts.quantities) == 1 else ()
    valid = None
    if array.ndim == 3 and (missing or facts.padding_value is not None or of_slices):
        valid = valid_of(array, facts.padding_value, of_slices)
    elif missing:
        valid = np.ones(array.shape[:3], bool)
    if valid is not None:
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
        quantities=fitting(quantities, len(array), same_slices=same_slices) if array.ndim == 3 else (),
        notes=(*notes, *([not_carried_note(facts.not_carried)] if facts.not_carried else [])),
        derivation=facts.derivation,
        extra={"derivation_codes": facts.derivation_codes} if facts.derivation_codes else {},
    )


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) > 2**64:
        raise ValueError("no number of ours is that large")
    return number


def _all_of(items: object, kind: type) -> bool:
    return isinstance(items, list) and all(type(item) is kind for item in items)


def exact_numbers(numbers: Floats | tuple[float, ...]) -> str:
    """Return numbers with a blank between them, each as the shortest text that reads back as the same number."""
    return " ".join(repr(float(number)) for number in numbers)
