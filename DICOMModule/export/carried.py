"""What a volume file carries of padding and of other quantities, and the names of what it does not carry."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from DICOMModule.volume.quantity import Factor, Quantity
from DICOMModule.volume.volume import Volume, Voxels

LONGEST_PART: Final = 100_000
"""Characters: longer lists of padding or factors are left out. MetaImage has less room, and leaves out more by itself."""
MOST_QUANTITIES: Final = 64
FROM_FILE: Final = "As the volume file says."

Paddings = tuple[tuple[float | None, ...], ...]
Quantities = tuple[tuple[Quantity, ...], ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """What is to be written besides values, matrix and what stands in every volume.

    Attributes
    ----------
    padding_value : float or None
        The value of all padding voxels of all volumes, and of no other.
    paddings : tuple of tuple of (float or None)
        Where there is none: for each volume and each of its slices the value of its padding; None where it has none.
    quantities : tuple of tuple of Quantity
        Those of each volume, or one entry for all.
    not_carried : tuple of str
        Names of what there is no room or place for.
    """

    padding_value: float | None = None
    paddings: Paddings = ()
    quantities: Quantities = ()
    not_carried: tuple[str, ...] = ()


def carried_of(volumes: Sequence[Volume]) -> Carried:
    """Return what a file of these volumes carries."""
    not_carried = []
    common, paddings = _padding(volumes)
    if paddings is None or len(json.dumps(paddings)) > LONGEST_PART:
        not_carried.append("which voxels are padding")
        paddings = ()
    quantities: Quantities = tuple(volume.quantities for volume in volumes)
    if len(set(quantities)) == 1:
        quantities = quantities[:1]
    if not any(quantities):
        quantities = ()
    if len(json.dumps([list(map(quantity_to_json, of_volume)) for of_volume in quantities])) > LONGEST_PART:
        names = dict.fromkeys(one.name for of_volume in quantities for one in of_volume)
        not_carried.append(f"what its values mean as {', '.join(names)}")
        quantities = ()
    if any(volume.overlays for volume in volumes):
        not_carried.append("overlays")
    if any(volume.source is not None for volume in volumes):
        not_carried.append("headers (patient, study, frame of reference)")
    return Carried(common, paddings, quantities, tuple(not_carried))


def not_carried_note(names: Sequence[str]) -> str:
    """Return the note on a volume that was read from a file which does not carry all that there was."""
    return f"The volume file does not carry {', '.join(names)}."


# --- padding


def _padding(volumes: Sequence[Volume]) -> tuple[float | None, Paddings | None]:
    """Return the value of all padding, else its value in each slice; None where values alone do not tell it."""
    masks = [_padding_mask(volume) for volume in volumes]
    padded = [(volume, mask) for volume, mask in zip(volumes, masks, strict=True) if mask is not None]
    if not padded:
        return None, ()
    if any(volume.components > 1 for volume in volumes):
        return None, None
    fillers = np.unique(np.concatenate([np.unique(volume.array[mask]) for volume, mask in padded]))
    if len(fillers) == 1 and math.isfinite(float(fillers[0])) and not _is_used(volumes, masks, fillers[0]):
        return float(fillers[0]), ()
    by_volume = []
    for volume, mask in zip(volumes, masks, strict=True):
        of_slices = [None if mask is None else _of_slice(volume.array[k], mask[k]) for k in range(len(volume.array))]
        if any(value is not None and not math.isfinite(value) for value in of_slices):
            return None, None
        by_volume.append(tuple(of_slices))
    return None, tuple(by_volume)


def _padding_mask(volume: Volume) -> Voxels | None:
    """Return which voxels are padding, those of missing slices left aside; None where none is."""
    if volume.valid is None:
        return None
    padding = ~volume.valid
    padding[list(volume.missing_slices)] = False
    return padding if padding.any() else None


def _is_used(volumes: Sequence[Volume], masks: Sequence[Voxels | None], filler: Any) -> bool:
    """Return whether a voxel that is no padding has the value of padding."""
    for volume, mask in zip(volumes, masks, strict=True):
        same = volume.array == filler
        if mask is not None:
            same &= ~mask
        same[list(volume.missing_slices)] = False
        if same.any():
            return True
    return False


def _of_slice(values: Voxels, padding: Voxels) -> float | None:
    """Return the value of the padding of a slice; NaN where it is not one, or that of other voxels too."""
    fillers = np.unique(values[padding])
    if len(fillers) == 0:
        return None
    return math.nan if len(fillers) > 1 or (values[~padding] == fillers[0]).any() else float(fillers[0])


def valid_of(array: Voxels, common: float | None, of_slices: Sequence[float | None]) -> Voxels:
    """Return which voxels are no padding, from its value in all slices or in each."""
    if common is not None:
        valid: Voxels = array != common
        return valid
    valid = np.ones(array.shape[:3], bool)
    for k, filler in enumerate(of_slices if len(of_slices) == len(array) else ()):
        if filler is not None:
            valid[k] = array[k] != filler
    return valid


def paddings_from_json(found: object) -> Paddings:
    """Return paddings that `json` has read; none where they are not of the right type."""
    if not isinstance(found, list):
        return ()
    for of_volume in found:
        if not isinstance(of_volume, list) or not all(one is None or is_number(one) for one in of_volume):
            return ()
    return tuple(tuple(None if one is None else float(one) for one in of_volume) for of_volume in found)


# --- quantities


def quantity_to_json(quantity: Quantity) -> dict[str, Any]:
    """Return a quantity as `json` writes it; not from which facts of the patient it follows."""
    made: dict[str, Any] = {"name": quantity.name, "unit": quantity.unit, "scale": quantity.scale}
    if quantity.offset:
        made["offset"] = quantity.offset
    if quantity.table:
        made["table"] = [value if math.isfinite(value) else None for value in quantity.table]
    if quantity.lowest != -math.inf:
        made["lowest"] = quantity.lowest
    if quantity.highest != math.inf:
        made["highest"] = quantity.highest
    return made


def quantities_from_json(found: object) -> Quantities:
    """Return quantities that `json` has read; none where one of them is not of the right type."""
    if not isinstance(found, list) or not all(isinstance(of_volume, list) for of_volume in found):
        return ()
    made = tuple(tuple(map(_quantity, of_volume)) for of_volume in found if len(of_volume) <= MOST_QUANTITIES)
    known = tuple(tuple(one for one in of_volume if one is not None) for of_volume in made)
    return known if list(map(len, known)) == list(map(len, found)) else ()


def _quantity(found: object) -> Quantity | None:
    if not isinstance(found, dict) or not isinstance(found.get("name"), str) or not isinstance(found.get("unit"), str):
        return None
    table = found.get("table", [])
    scale, offset = _factor(found.get("scale")), _factor(found.get("offset", 0.0))
    lowest, highest = _factor(found.get("lowest", -math.inf)), _factor(found.get("highest", math.inf))
    if scale is None or offset is None or lowest is None or highest is None or not isinstance(table, list):
        return None
    if not all(one is None or is_number(one) for one in table):
        return None
    entries = tuple(math.nan if one is None else float(one) for one in table)
    return Quantity(found["name"], found["unit"], scale, offset, FROM_FILE, entries, lowest, highest)


def _factor(found: object) -> Factor | None:
    if isinstance(found, list):
        return tuple(map(float, found)) if found and all(map(is_number, found)) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def fitting(quantities: Sequence[Quantity], slices: int, *, same_slices: bool) -> tuple[Quantity, ...]:
    """Return the quantities whose factors, where each slice has its own, are those of so many slices in their places."""

    def fits(factor: Factor) -> bool:
        return not isinstance(factor, tuple) or (same_slices and len(factor) == slices)

    return tuple(one for one in quantities if all(map(fits, one.factors)))


def is_number(item: object) -> bool:
    """Return whether what `json` has read is a finite number."""
    return isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item)
