"""What was loaded of a series, and what that is now that more of the series has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.readers.loadable import Loadable


@dataclass(frozen=True, slots=True)
class Growth:
    """What has become of a loadable.

    Attributes
    ----------
    loadable : Loadable or None
        The same thing with more images; None where there is none, or no other than before.
    reason : str
        Why what has come cannot be seen as the same thing with more images; empty where it can, or nothing has come.
    is_foreign : bool
        None of its instances is among those that were examined: it was read from other files.
    """

    loadable: Loadable | None = None
    reason: str = ""
    is_foreign: bool = False


def others_of(loadable: Loadable, examined: Sequence[Loadable]) -> int:
    """Return how many other things are loaded of its series where nobody chooses."""
    wanted = [
        one for one in _usable(examined) if one.selected and one.series_instance_uid == loadable.series_instance_uid
    ]
    return len(wanted) - any(one.id == loadable.id or _holds(one, loadable) for one in wanted)


def growth_of(loadable: Loadable, others: int, examined: Sequence[Loadable]) -> Growth:
    """Return what a loadable is now.

    It has grown where exactly one of what its series can be loaded as now is of its kind and grid and holds all that it held,
    and where nothing has appeared beside that. A single image is of the kind of the volume that its reader makes of it and others.

    Parameters
    ----------
    loadable : Loadable
        As it was loaded.
    others : int
        How many other things were loaded of its series, or could have been, by `others_of`.
    examined : sequence of Loadable
        All that its series is now.
    """
    held = set(_keys(loadable.instances))
    if held.isdisjoint(key for one in examined for key in _keys(one.instances)):
        return Growth(is_foreign=True)
    usable = _usable(examined)
    same = next((one for one in usable if one.id == loadable.id), None)
    grown = [one for one in usable if _is_like(one, loadable) and _holds(one, loadable)]
    if same is None and len(grown) != 1:
        return Growth(reason=_why_not(loadable, examined))
    now = same or grown[0]
    beside = others_of(now, examined)
    if beside > others:
        return Growth(reason=f"The series is {beside + 1} volumes or other things now.")
    return Growth() if same is not None else Growth(now)


def _usable(examined: Sequence[Loadable]) -> list[Loadable]:
    return [one for one in examined if not one.refusal]


def _keys(instances: Sequence[InstanceHeader]) -> list[tuple[str, str]]:
    return [(one.sop_instance_uid, one.filename) for one in instances]


def _holds(one: Loadable, other: Loadable) -> bool:
    return set(_keys(other.instances)) <= set(_keys(one.instances))


def _is_like(one: Loadable, other: Loadable) -> bool:
    """Say whether two loadables differ in nothing but how many images they have."""
    is_first_slice = (other.kind, one.kind) == ("image", "volume") and len(other.instances) == other.dimensions[2] == 1
    axes = [None if each.axis is None else (each.axis.name, each.axis.unit) for each in (one, other)]
    return (
        (one.reader, one.selected, one.components) == (other.reader, other.selected, other.components)
        and (one.kind == other.kind or is_first_slice)
        and one.dimensions[:2] == other.dimensions[:2]
        and axes[0] == axes[1]
    )


def _why_not(loadable: Loadable, examined: Sequence[Loadable]) -> str:
    refused = next((one.refusal for one in examined if one.refusal and _holds(one, loadable)), "")
    if refused:
        return f"With them it cannot be loaded: {refused}"
    kinds = sorted({one.kind for one in _usable(examined) if _holds(one, loadable)})
    if kinds and kinds != [loadable.kind]:
        return f"With them it is loaded as another kind of thing: {', '.join(kinds)}, no longer {loadable.kind}."
    return "With them it is divided otherwise than before."
