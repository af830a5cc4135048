"""Which volume of a sequence goes with the one of another sequence that is shown: by value, by number, or in proportion."""

from __future__ import annotations

import math
from typing import Final

from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.volume.sequence import Axis

SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def followed(leader: VolumeNode, follower: VolumeNode) -> tuple[int, str]:
    """Return the volume of `follower` that goes with the one that `leader` shows, and in words how it was found.

    Where both axes have one name and a unit that can be compared, it is the one of the nearest value; else the one of the
    same number where both have as many, and in proportion where they have not.
    """
    if leader.sequence is None or follower.sequence is None:
        return follower.index, ""
    first, second = leader.sequence.axis, follower.sequence.axis
    scale = _scale(first, second)
    if scale is not None and leader.index < len(first.values) and math.isfinite(first.values[leader.index]):
        wanted = first.values[leader.index] * scale
        distances = [abs(value - wanted) if math.isfinite(value) else math.inf for value in second.values]
        nearest = min(distances)
        if math.isfinite(nearest):
            # several of one value, as directions of one b-value are: the one of the same number among them
            same = [index for index, distance in enumerate(distances) if distance == nearest]
            return (leader.index if leader.index in same else same[0]), f"by {second.name}"
    if leader.count == follower.count:
        return leader.index, "by number"
    share = leader.index / max(leader.count - 1, 1)
    return math.floor(share * (follower.count - 1) + 0.5), "in proportion"


def _scale(first: Axis, second: Axis) -> float | None:
    """Return by what values of the first axis are multiplied to be compared with those of the second; None: they cannot be."""
    if first.name.casefold() != second.name.casefold():
        return None
    if first.unit == second.unit:
        return 1.0
    if first.unit in SECONDS and second.unit in SECONDS:
        return SECONDS[first.unit] / SECONDS[second.unit]
    return None
