"""Frames that share their places: by which attribute they are several volumes, and in which order.

A generic search: the attribute whose values divide the frames into groups that have one frame at every place. Times that
differ from slice to slice divide nothing so, and are no axis. Where no attribute does, the order of acquisition does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from DICOMModule.dicom.alike import answers_of
from DICOMModule.volume.chronology import begin_after_gap, later
from DICOMModule.volume.explanations import DIFFUSION, ICE_DIMENSIONS, MEANT, ORDER, TRACES, Explanation
from DICOMModule.volume.fourth_axis import Sequence4D, partly_said, repeats_by_numbers, sequence_of
from DICOMModule.volume.mixtures import UNFINISHED
from DICOMModule.volume.moments import acquired_at
from DICOMModule.volume.partition import Layout, Partition, Verdict, layout_of, partition
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.rounds import is_shift_possible, ranks_of, rounds_of
from DICOMModule.volume.tolerance import made_alike
from DICOMModule.volume.turns import is_ordered
from DICOMModule.volume.weightings import by_diffusion

DEEPEST: Final = 5
"""So many attributes may vary beside the axis: as energy window, detector, rotation, RR interval and time slot of a gated scan."""
MOST_ALTERNATIVES: Final = 3

SHIFTED: Final = (
    "It cannot be told whether the first image is missing or the last: images at one position may be one volume late."
)

Fit = tuple[Explanation, Partition]


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """How frames that share places can be read.

    Attributes
    ----------
    sequences : tuple of Sequence4D
        Mostly one; several where two attributes vary, as echoes in a time series. None: the frames make one volume, and
        where they share places they can only be copies.
    alternatives : tuple of Sequence4D
        What else the whole could be.
    refusal : str
        Why it cannot be told which frames belong together, as a sentence; empty where it can.
    """

    sequences: tuple[Sequence4D, ...] = ()
    alternatives: tuple[Sequence4D, ...] = ()
    refusal: str = ""


def read_fourth_dimension(frames: Sequence[PlacedFrame]) -> Reading:
    """Find what tells frames of one group (one orientation, size and format) apart where they share places."""
    layout = layout_of(frames)
    if int(layout.counts.max()) == 1:
        return Reading()
    twins = _twins(layout)
    if not twins:
        return _solve(layout, 0)
    spare = {id(twin) for others in twins.values() for twin in others}
    reading = _solve(layout_of([frame for frame in layout.frames if id(frame) not in spare]), 0)
    return replace(reading, sequences=tuple(_with_twins(one, twins) for one in reading.sequences))


def _twins(layout: Layout) -> dict[int, list[PlacedFrame]]:
    """Return the frames that have number, place and times of another: what was sent twice, by the other's identity."""
    numbered: dict[Hashable, list[PlacedFrame]] = {}
    for index, frame in enumerate(layout.frames):
        if number := frame.header.text("InstanceNumber"):
            numbered.setdefault((int(layout.place_of[index]), number, frame.header.frame_number), []).append(frame)
    twins: dict[int, list[PlacedFrame]] = {}
    for alike in numbered.values():
        first: dict[Hashable, PlacedFrame] = {}
        for frame in alike if len(alike) > 1 else ():
            told = (frame.header.text("SiemensICEDims"), *(one.key(frame.header) for one in (*MEANT, *TRACES)))
            kept = first.setdefault(told, frame)
            if kept is not frame:
                twins.setdefault(id(kept), []).append(frame)
    return twins


def _with_twins(sequence: Sequence4D, twins: dict[int, list[PlacedFrame]]) -> Sequence4D:
    return replace(
        sequence,
        parts=tuple(
            tuple(one for frame in part for one in (frame, *twins.get(id(frame), ()))) for part in sequence.parts
        ),
    )


def _solve(layout: Layout, depth: int) -> Reading:
    if int(layout.counts.max()) == 1:
        return Reading()
    meant = [(one, divide(layout, one)) for one in MEANT]
    return _with_doubts(_read(layout, meant, depth), meant, layout)


def _with_doubts(reading: Reading, meant: Sequence[Fit], layout: Layout) -> Reading:
    """Say which attribute could have told images apart, had all of them had it: contrasts, and what is surer than order."""
    partly = [fit for fit in meant if None in fit[1].values and len(fit[1].values) > 2]
    if acquired_at not in layout.chronology.told:
        trace = next(one for one in TRACES if one.keyword == "AcquisitionTime")
        timed = partition(layout, [trace.key(frame.header) for frame in layout.frames])
        partly += [(trace, timed)] if None in timed.values and len(timed.values) > 1 else []
    if not partly:
        return reading
    told = {one.keyword for one in MEANT}
    return replace(
        reading,
        sequences=tuple(
            replace(
                sequence,
                warnings=tuple(
                    dict.fromkeys(
                        (
                            *sequence.warnings,
                            *(partly_said(*fit) for fit in partly if fit[0].contrast or sequence.keyword not in told),
                        )
                    )
                ),
            )
            for sequence in reading.sequences
        ),
    )


def _read(layout: Layout, meant: Sequence[Fit], depth: int) -> Reading:
    reading = _by_contrast(layout, meant, depth)
    if reading is not None:
        return reading
    if not any(division.verdict is Verdict.EXACT for _, division in meant):
        reading = _beside_one(layout, meant)
        if reading is not None:
            return reading
    counters = ICE_DIMENSIONS if "SiemensICEDims" in layout.frames[0].header.attributes else ()
    traces = [(one, divide(layout, one)) for one in (*TRACES, *counters)]
    for fits in (
        [fit for fit in meant if fit[1].verdict is Verdict.EXACT],
        None,
        [fit for fit in traces if fit[1].verdict is Verdict.EXACT],
        [fit for fit in meant if fit[1].verdict is Verdict.INCOMPLETE],
        [fit for fit in traces if fit[1].verdict is Verdict.INCOMPLETE and _is_no_copy(layout)],
    ):
        if fits is None:
            reading = _by_two_times(layout, meant, depth)
            if reading is not None:
                return reading
        elif fits:
            return Reading((sequence_of(layout, *fits[0]),), _alternatives(layout, fits[0], [*meant, *traces]))
    return _by_order(layout)


def _beside_one(layout: Layout, meant: Sequence[Fit]) -> Reading | None:
    """Read whole volumes by an attribute, beside one that does not have it: the phases of a 4D CT and their average."""
    for one, division in meant:
        parts = dict(zip(division.values, division.parts, strict=True))
        without = parts.pop(None, [])
        alone = {int(layout.place_of[index]) for index in without}
        if len(parts) < 2 or len(alone) < len(without) or len(alone) < layout.places:
            continue
        others = layout_of(layout.part([index for part in parts.values() for index in part]))
        found = divide(others, one)
        if found.verdict is Verdict.EXACT and others.places == layout.places:
            sentence = f"One volume does not tell its {one.name} ({one.keyword}): kept apart."
            sequence = sequence_of(others, one, found)
            return Reading(
                (
                    replace(sequence, warnings=(*sequence.warnings, sentence)),
                    Sequence4D(None, (layout.part(without),), label=f"without {one.name}", keyword=one.keyword),
                )
            )
    return None


def _is_no_copy(layout: Layout) -> bool:
    return len(layout.frames) >= UNFINISHED * layout.places


def divide(layout: Layout, one: Explanation) -> Partition:
    """Divide the frames of a layout by what an attribute says."""
    headers = [frame.header for frame in layout.frames]
    if one is DIFFUSION:
        return by_diffusion(layout)
    if one.keyword == "AcquisitionTime":
        return partition(layout, [layout.chronology.acquired_at(header) for header in headers])
    values = answers_of(one.key, headers)
    if one.keyword == "ContentTime":
        begin = begin_after_gap(value for value in values if isinstance(value, float))
        values = [later(value, begin) if isinstance(value, float) else value for value in values]
    return partition(layout, made_alike(values, one.tolerance))


def _alternatives(layout: Layout, chosen: Fit, fits: Sequence[Fit]) -> tuple[Sequence4D, ...]:
    """Return the other exact readings that put other frames together."""
    if chosen[1].verdict is not Verdict.EXACT:
        return ()
    known = {chosen[1].grouping}
    found: list[Sequence4D] = []
    for one, division in fits:
        if division.verdict is Verdict.EXACT and division.grouping not in known and len(found) < MOST_ALTERNATIVES:
            known.add(division.grouping)
            found.append(sequence_of(layout, one, division))
    return tuple(found)


def _by_contrast(layout: Layout, meant: Sequence[Fit], depth: int) -> Reading | None:
    """Read each value of a contrast (echo, inversion, …) as a sequence of its own where something else varies too."""
    if depth == DEEPEST:
        return None
    diffusion = next(division for one, division in meant if one is DIFFUSION)
    if diffusion.verdict is Verdict.EXACT and not _has_averages(diffusion):
        return None
    for one, division in meant:
        if one.contrast and division.verdict is Verdict.NESTED:
            labels = _labels(layout, one, division)
            reading = _each(layout, labels, division.parts, depth)
            if reading is not None:
                return reading
    return None


def _labels(layout: Layout, one: Explanation, division: Partition) -> list[str]:
    return [
        one.label(value, layout.frames[part[0]].header)
        for value, part in zip(division.values, division.parts, strict=True)
    ]


def _has_averages(diffusion: Partition) -> bool:
    """Return whether several volumes are weighted alike, those without weighting left aside."""
    values = [value for value in diffusion.values if isinstance(value, tuple)]
    return any(rank and weight.b > 0 for weight, rank in values)


def _by_two_times(layout: Layout, meant: Sequence[Fit], depth: int) -> Reading | None:
    """Read a time axis that is run through several times, as heart phases in a dynamic series, as sequences."""
    nested = [
        (one, division) for one, division in meant if division.verdict is Verdict.NESTED and not one.contrast
    ]  # fmt: skip
    if depth == DEEPEST or not nested:
        return None
    distinct = {division.grouping: (one, division) for one, division in reversed(nested)}
    if len(distinct) > 1:
        one, division = min(distinct.values(), key=lambda fit: len(fit[1].parts))
        return _each(layout, _labels(layout, one, division), division.parts, depth)
    rounds: dict[int, list[int]] = {}
    for part in nested[0][1].parts:
        seen: Counter[int] = Counter()
        for index in part:
            place = int(layout.place_of[index])
            rounds.setdefault(seen[place], []).append(index)
            seen[place] += 1
    if len({len(members) for members in rounds.values()}) > 1 or not is_ordered(layout):
        return None
    repeats = list(rounds.values())
    reading = _each(layout, [f"repeat {number}" for number in range(1, len(rounds) + 1)], repeats, depth)
    if reading is None:
        return None
    by_part = ([sorted(set(part) & set(members)) for members in repeats] for part in nested[0][1].parts)
    told = next(filter(None, map(partial(repeats_by_numbers, layout), by_part)), [])
    return replace(reading, sequences=tuple(replace(one, warnings=(*one.warnings, *told)) for one in reading.sequences))


def _each(layout: Layout, labels: Sequence[str], parts: Sequence[list[int]], depth: int) -> Reading | None:
    """Read each part by itself; None where one of them cannot be."""
    sequences: list[Sequence4D] = []
    for label, part in zip(labels, parts, strict=True):
        frames = layout.part(part)
        reading = _solve(layout_of(frames), depth + 1)
        if reading.refusal:
            return None
        sequences += [
            replace(one, label=", ".join(filter(None, (label, one.label))))
            for one in reading.sequences or (Sequence4D(None, (frames,)),)
        ]
    return Reading(tuple(sequences))


def _by_order(layout: Layout) -> Reading:
    """Read frames that no attribute tells apart by the order of their acquisition, or as copies, or not at all."""
    counts = layout.counts
    most = int(counts.max())
    uniform = int(counts.min()) == most
    few = len(layout.frames) <= 2 * layout.places
    second = layout.places > 1 and (uniform or _goes_on(layout))
    if few and not (second and is_ordered(layout)):
        return Reading()
    if not is_ordered(layout):
        # The same number and time: what was sent several times, or nothing that could be put in order.
        return Reading() if uniform else Reading(refusal=_untold(layout))
    order = layout.place_of.tolist()
    rank = ranks_of(order) if uniform else rounds_of(order)
    if max(rank) >= most:
        return Reading(refusal=_untold(layout))
    division = partition(layout, [number + 1 for number in rank])
    if not uniform and any(4 * covered <= 3 * layout.places for covered in division.covered[:-1]):
        return Reading(refusal=_untold(layout))
    if division.verdict in (Verdict.NONE, Verdict.NESTED):
        return Reading(refusal=_untold(layout))
    found = sequence_of(layout, ORDER, division)
    from_first = layout.frames[0].header.integer("InstanceNumber") in (0, 1)
    if not (uniform or from_first) and is_shift_possible(order):
        found = replace(found, warnings=(*found.warnings, SHIFTED))
    return Reading((found,))


def _goes_on(layout: Layout) -> bool:
    """Return whether the numbers of the instances run on from one volume into at least half of another."""
    numbers = [frame.header.integer("InstanceNumber") for frame in layout.frames]
    known = {number for number in numbers if number is not None}
    if len(known) < len(numbers) or max(known) - min(known) >= 2 * layout.places or not _is_no_copy(layout):
        return False
    return max(rounds_of(layout.place_of.tolist())) == 1


def _untold(layout: Layout) -> str:
    counts = sorted(set(layout.counts.tolist()))
    images = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"There are {images} images at one position ({len(layout.frames)} at {layout.places} positions), and their"
        " headers do not tell which of them belong together."
    )
