"""Numbers of headers that are meant to be the same, though each image has them rounded or calculated by itself."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Sequence


def made_alike(values: Sequence[Hashable], tolerance: float) -> list[Hashable]:
    """Return `values` with numbers that lie within `tolerance` of the next one made the commonest of them.

    Numbers that follow each other closely over more than three tolerances stay as they are: they count something.

    Examples
    --------
    >>> made_alike([120.0, 119.99, 120.0, 80.0, None], 0.5)
    [120.0, 120.0, 120.0, 80.0, None]
    """
    if tolerance <= 0 or len(set(values)) < 2:
        return list(values)
    counts = Counter(value for value in values if isinstance(value, float))
    if len(counts) < 2:
        return list(values)
    ordered = sorted(counts)
    ends = [n for n, (one, other) in enumerate(itertools.pairwise(ordered), 1) if other - one > tolerance]
    stand: dict[Hashable, float] = {}
    for first, after in itertools.pairwise([0, *ends, len(ordered)]):
        run = ordered[first:after]
        if run[-1] - run[0] <= 3 * tolerance:
            commonest = max(run, key=lambda number: counts[number])
            stand |= dict.fromkeys(run, commonest)
    return [stand.get(value, value) for value in values]
