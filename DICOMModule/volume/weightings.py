"""Frames weighted by diffusion as volumes: by b-value and direction, and of several weighted alike each by itself."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

from DICOMModule.volume.diffusion import Diffusion, diffusion_of
from DICOMModule.volume.mixtures import UNFINISHED
from DICOMModule.volume.partition import Layout, Partition, Verdict, judged
from DICOMModule.volume.rounds import ranks_of, rounds_of
from DICOMModule.volume.turns import is_ordered, turns_of


def by_diffusion(layout: Layout) -> Partition:
    """Divide by b-value and direction; of several volumes weighted alike (b = 0, averages) each is a part of its own.

    Frames without b-value stand for b = 0 where others have one: so some scanners write it.
    """
    weights = [diffusion_of(frame.header) for frame in layout.frames]
    if len(set(weights)) < 2 or not any(weight is not None and weight.b > 0 for weight in weights):
        return Partition((), (), Verdict.NONE)
    alike: dict[Diffusion, list[int]] = {}
    for index, weight in enumerate(weights):
        alike.setdefault(Diffusion(0.0) if weight is None or weight.b == 0 else weight, []).append(index)
    parts: dict[tuple[Diffusion, int], list[int]] = {}
    for weight, members in alike.items():
        for index, rank in zip(members, _repeats(layout, members), strict=True):
            parts.setdefault((weight, rank), []).append(index)
    for weight, rank in sorted(parts, key=lambda one: -one[1]):
        if rank and 2 * len(parts[weight, rank]) < layout.places:  # copies of a few slices
            parts[weight, 0] += parts.pop((weight, rank))
    if _are_mixed(layout, parts):
        return Partition((), (), Verdict.NONE)
    turns = turns_of(layout, list(parts.values())) or [float(part[0]) for part in parts.values()]
    order = sorted(zip(parts, turns, strict=True), key=lambda one: (one[0][0].b, one[1]))
    return judged(layout, [one for one, _ in order], [parts[one] for one, _ in order])


def _are_mixed(layout: Layout, parts: dict[tuple[Diffusion, int], list[int]]) -> bool:
    """Return whether of volumes weighted alike nothing tells which frame at a place is of the first, which of the next."""
    again = {weight for weight, rank in parts if rank}
    alike = {weight: sorted(itertools.chain(*(parts[one] for one in parts if one[0] == weight))) for weight in again}
    return any(not is_ordered(layout, members) for members in alike.values())


def _repeats(layout: Layout, members: Sequence[int]) -> list[int]:
    """Return for each of the frames weighted alike of which repeat it is.

    By time, where whole volumes have one; else by rounds where some are missing, else by place.
    """
    timed = _by_times(layout, members)
    if timed is not None:
        return timed
    places = [int(layout.place_of[member]) for member in members]
    ranks = ranks_of(places)
    rounds = rounds_of(places) if len(set(Counter(places).values())) > 1 else ranks
    return rounds if max(rounds) == max(ranks) else ranks


def _by_times(layout: Layout, members: Sequence[int]) -> list[int] | None:
    """Return the rank of each frame's acquisition time; None where it is not that of a volume, but for some copies in it."""
    moments = [layout.chronology.acquired_at(layout.frames[index].header) for index in members]
    of_moment: dict[float, list[int]] = {}
    for index, moment in zip(members, moments, strict=True):
        if moment is None:
            return None
        of_moment.setdefault(moment, []).append(int(layout.place_of[index]))
    whole = all(
        2 * len(set(found)) > layout.places and len(found) < UNFINISHED * len(set(found))
        for found in of_moment.values()
    )
    if len(of_moment) < 2 or not whole:
        return None
    ranks = {moment: rank for rank, moment in enumerate(sorted(of_moment))}
    return [ranks[moment] for moment in moments if moment is not None]
