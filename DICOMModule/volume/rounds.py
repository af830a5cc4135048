"""Frames that come round after round over the same places: in which round each came, though some be missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

MOST_BEGINS: Final = 8


def ranks_of(places: Sequence[int]) -> list[int]:
    """Return for each frame how many came before it at its place."""
    seen: Counter[int] = Counter()
    ranks = []
    for place in places:
        ranks.append(seen[place])
        seen[place] += 1
    return ranks


def rounds_of(places: Sequence[int]) -> list[int]:
    """Return for each frame in which round it came, if volume after volume was acquired.

    A place that repeats begins a round. Where whole rounds show in which order places are visited, so does a place that
    comes before the last one in that order: else the loss of the first image of a round would shift all after it.

    Examples
    --------
    >>> rounds_of([0, 2, 1, 0, 2, 1, 2, 1, 0, 2, 1])
    [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3]
    """
    return min(_readings(places), key=max)


def is_shift_possible(places: Sequence[int]) -> bool:
    """Return whether the rounds may as well begin elsewhere: it cannot be told whether the first image is missing or the last.

    Rounds that go straight through the places, which are numbered along a line, begin at an end of it.
    """
    cycle = _cycle(places)
    if not cycle or _straight_begin(cycle) is not None:
        return False
    fewest = max(rounds_of(places))
    others = (_by_order(places, cycle, begin) for begin in (cycle[0], cycle[-1], cycle[1 % len(cycle)]))
    return len({tuple(reading) for reading in others if max(reading) == fewest}) > 1


def _readings(places: Sequence[int]) -> list[list[int]]:
    """Return how the rounds may lie, the likeliest first."""
    plain = _by_repeats(places)
    cycle = _cycle(places)
    if not cycle:
        return [plain]
    straight = _straight_begin(cycle)
    begins = [cycle[0] if straight is None else straight]
    begins += [place for place, number, before in zip(places, plain, [-1, *plain], strict=False) if number != before]
    return [*(_by_order(places, cycle, begin) for begin in list(dict.fromkeys(begins))[:MOST_BEGINS]), plain]


def _cycle(places: Sequence[int]) -> tuple[int, ...]:
    """Return in which order whole rounds visit the places, most of them; empty where there is no whole one."""
    parts: dict[int, list[int]] = {}
    for place, number in zip(places, _by_repeats(places), strict=True):
        parts.setdefault(number, []).append(place)
    count = len(set(places))
    whole = Counter(tuple(part) for part in parts.values() if len(part) == count)
    return max(whole, key=lambda order: whole[order], default=())


def _straight_begin(cycle: tuple[int, ...]) -> int | None:
    """Return where rounds begin that go straight up or down; None where they do not."""
    for step in (1, -1):
        ordered = sorted(cycle, reverse=step < 0)
        first = cycle.index(ordered[0])
        if [*cycle[first:], *cycle[:first]] == ordered:
            return ordered[0]
    return None


def _by_repeats(places: Sequence[int]) -> list[int]:
    number, visited = 0, set[int]()
    rounds = []
    for place in places:
        if place in visited:
            number, visited = number + 1, set()
        visited.add(place)
        rounds.append(number)
    return rounds


def _by_order(places: Sequence[int], cycle: Sequence[int], begin: int) -> list[int]:
    first = cycle.index(begin)
    turn = {place: (index - first) % len(cycle) for index, place in enumerate(cycle)}
    number, last = 0, -1
    rounds = []
    for place in places:
        if turn[place] <= last:
            number += 1
        last = turn[place]
        rounds.append(number)
    return rounds
