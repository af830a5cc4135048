"""A division of frames that share their places, as volumes along an axis with its name, unit and values."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.chronology import HALF_A_DAY_S, Chronology, chronology_of
from DICOMModule.volume.diffusion import Diffusion
from DICOMModule.volume.explanations import DIFFUSION, Explanation
from DICOMModule.volume.moments import CLOCKS, DAY_S, Clock, acquired_at, content_at
from DICOMModule.volume.partition import Layout, Partition
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.sequence import Axis
from DICOMModule.volume.turns import turns_of

CANON: Final = ("TOSHIBA", "CANON")

UNTOLD: Final = (
    "Images at one position are ordered by their Instance Numbers: nothing else tells which belong together."
)
SUPPOSED: Final = (
    "Only Instance Numbers tell the volumes apart: they may be time points in this order, or copies or several"
    " reconstructions of one acquisition."
)
OF_ONE_TIME: Final = (
    "The volumes have the same acquisition times and only {} tells them apart: they may be copies or several"
    " reconstructions of one acquisition rather than time points."
)
DOUBLED: Final = (
    "Each weighting has several volumes of the same acquisition times: they may be copies or several reconstructions"
    " rather than repeats."
)
_PLANNED: Final = ("NumberOfTemporalPositions", "NumberOfTimeSlices", "CardiacNumberOfImages")
"""How many time points there are to be."""
Frames = tuple[PlacedFrame, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Sequence4D:
    """Frames as several volumes.

    Attributes
    ----------
    axis : Axis or None
        By what they differ; None for a single volume.
    parts : tuple of tuple of PlacedFrame
        The frames of each volume; a few may be copies of others in it.
    left_out : tuple of (str, tuple of PlacedFrame)
        Volumes that are not like the others, with what to call them.
    keyword : str
        The attribute that tells the volumes apart; empty where only their order does.
    label : str
        What tells this sequence from others beside it: ``"TE 10 ms"``.
    warnings, notes : tuple of str
        As of a `Volume`.
    """

    axis: Axis | None
    parts: tuple[Frames, ...]
    left_out: tuple[tuple[str, Frames], ...] = ()
    keyword: str = ""
    label: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def sequence_of(layout: Layout, explanation: Explanation, division: Partition) -> Sequence4D:
    """Return the volumes that a division makes, in the order of its values, with what there is to say of them."""
    out = set(division.left_out)
    kept = [number for number in range(len(division.parts)) if number not in out]
    parts = [division.parts[number] for number in kept]
    values = [division.values[number] for number in kept]
    warnings = _incomplete(explanation, division)
    notes: list[str] = []
    axis = None
    if len(parts) > 1:
        axis = _axis(layout, explanation, values, parts)
        warnings += _past_midnight(layout, explanation, axis)
        if explanation is not DIFFUSION and not explanation.contrast:
            how = explanation.keyword or "position and order of acquisition"
            notes.append(f"4D by {how} ({explanation.counted(len(parts))}).")
        if not explanation.keyword:
            warnings += by_numbers_alone(layout, parts) or _supposed(layout, parts, len(division.parts))
        elif explanation.keyword == "ContentTime" and _are_of_one_time(layout, parts):
            warnings.append(OF_ONE_TIME.format("Content Time"))
    if explanation is DIFFUSION:
        warnings += _assumed(layout, division) + _without_order(layout, values, parts)
        warnings += [DOUBLED] if _is_doubled(layout, values, parts) else []
    return Sequence4D(
        axis,
        tuple(layout.part(part) for part in parts),
        tuple(
            (f"incomplete {explanation.part} {number + 1}", layout.part(division.parts[number]))
            for number in sorted(out)
        ),
        explanation.keyword,
        "",
        tuple(warnings),
        tuple(notes),
    )


def _past_midnight(layout: Layout, explanation: Explanation, axis: Axis) -> list[str]:
    """Return a warning where times of day without dates lie so far apart that a midnight may be between them."""
    of_day = not explanation.keyword or explanation.of_day or explanation.mere_count
    if not of_day or axis.unit != "s" or max(axis.values) - min(axis.values) <= HALF_A_DAY_S:
        return []
    if layout.chronology.day_begin and explanation.keyword != "ContentTime":
        return []  # it is known where midnight is
    moment = content_at if explanation.keyword == "ContentTime" else acquired_at
    if all((moment(frame.header) or 0.0) >= DAY_S for frame in layout.frames):
        return []
    return ["Times without dates lie more than 12 hours apart: if midnight is between them, their order is wrong."]


def partly_said(explanation: Explanation, division: Partition) -> str:
    """Return the warning on an attribute that could tell images apart if all had it."""
    parts = dict(zip(division.values, map(len, division.parts), strict=True))
    every = sum(parts.values())
    name, keyword = explanation.name, explanation.keyword
    what = keyword if keyword.lower().startswith(name.lower().replace(" ", "")) else f"{name} ({keyword})"
    return (
        f"Only {every - parts[None]} of {every} images tell their {what}: it could not be asked which belong together."
    )


def by_numbers_alone(layout: Layout, parts: Sequence[list[int]]) -> list[str]:
    """Return a warning where nothing tells which images belong together but the numbers of those at one position.

    One volume after the other, and a clock that goes forward, are evidence; numbers that go round at each position are
    not: they may turn from slice to slice.
    """
    return [] if _in_blocks(layout, parts) or _clocked(layout, parts) is not None else [UNTOLD]


def repeats_by_numbers(layout: Layout, parts: Sequence[list[int]]) -> list[str]:
    """Return a warning on repeats of one time point: as `by_numbers_alone`, and where all were acquired at the same time."""
    told = by_numbers_alone(layout, parts)
    alike = _are_of_one_time(layout, parts) and not _are_of_one_instance(layout, parts)
    if told or not alike or _clocked(layout, parts) is not None:
        return told
    return [OF_ONE_TIME.format("Instance Number")]


def _in_blocks(layout: Layout, parts: Sequence[list[int]]) -> bool:
    """Return whether one volume follows the other, in the order of the frames or of their numbers."""
    if all(max(one) < min(other) for one, other in itertools.pairwise(parts)):
        return True
    numbers = [[layout.frames[index].header.number("InstanceNumber") for index in part] for part in parts]
    known = [[number for number in part if number is not None] for part in numbers]
    return known == numbers and all(max(one) < min(other) for one, other in itertools.pairwise(known))


def _supposed(layout: Layout, parts: Sequence[list[int]], count: int) -> list[str]:
    """Return a warning where nothing says that volumes with numbers one after the other are time points.

    A clock that goes forward does, and so does a number of time points that is theirs, `count`. Frames of one instance
    were put into it as what belongs together.
    """
    if _are_of_one_instance(layout, parts):
        return []
    headers = [layout.frames[index].header for part in parts for index in part]
    planned = any({header.integer(keyword) for header in headers} == {count} for keyword in _PLANNED)
    if planned or _clocked(layout, parts) is not None:
        return []
    return [OF_ONE_TIME.format("Instance Number") if _are_of_one_time(layout, parts) else SUPPOSED]


def _are_of_one_instance(layout: Layout, parts: Sequence[list[int]]) -> bool:
    return len({layout.frames[index].header.sop_instance_uid for part in parts for index in part}) == 1


def _are_of_one_time(layout: Layout, parts: Sequence[list[int]]) -> bool:
    """Return whether the frames at each place were acquired at the same time, and say so."""
    if acquired_at not in layout.chronology.told:
        return False
    moments: dict[int, set[float | None]] = {}
    for index in itertools.chain(*parts):
        moment = layout.chronology.acquired_at(layout.frames[index].header)
        moments.setdefault(int(layout.place_of[index]), set()).add(moment)
    return all(len(of_place) == 1 for of_place in moments.values())


def _incomplete(explanation: Explanation, division: Partition) -> list[str]:
    """Return a sentence for each part that lacks places."""
    sentences = []
    out, last = division.left_out, len(division.parts) - 1
    for number, covered in enumerate(division.covered):
        if covered == division.places:
            continue
        name = f"Last {explanation.part}" if number == last else f"{explanation.part.capitalize()} {number + 1}"
        fate = "loaded as incomplete" if number in out else "shown with gaps"
        sentences.append(f"{name} has {covered}/{division.places} slices; {fate}.")
    return sentences


def _axis(layout: Layout, explanation: Explanation, values: Sequence[Hashable], parts: Sequence[list[int]]) -> Axis:
    if explanation is DIFFUSION:
        weights = [value[0] for value in values if isinstance(value, tuple) and isinstance(value[0], Diffusion)]
        labels = tuple(weight.text for weight in weights)
        return Axis(explanation.name, explanation.unit, tuple(weight.b for weight in weights), labels)
    if explanation.mere_count or not explanation.keyword:
        timed = _clocked(layout, parts) or _paced(layout, values)
        if timed is not None:
            return timed
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        labels = tuple(str(value) for value in values)
        return Axis(explanation.name, "", tuple(float(number) for number in range(1, len(values) + 1)), labels)
    first = numbers[0] if explanation.of_day else 0.0
    scaled = tuple(round((number - first) * explanation.scale, 6) for number in numbers)
    labels = _durations(layout, explanation, parts) or _names(layout, explanation, parts)
    return Axis(explanation.name, explanation.unit, scaled, labels)


def _names(layout: Layout, explanation: Explanation, parts: Sequence[list[int]]) -> tuple[str, ...]:
    """Return what the volumes are called beside their numbers; nothing where one has no name."""
    names = tuple(explanation.called(layout.frames[part[0]].header) for part in parts)
    return names if all(names) else ()


def _clocked(layout: Layout, parts: Sequence[list[int]]) -> Axis | None:
    """Return the axis of the first clock that goes forward from volume to volume; slices may each have their own time."""
    for clock in CLOCKS:
        means = _means(layout, parts, clock)
        if means is None or not (np.diff(means) > 0).all():
            continue
        if clock.unit == "ms":
            return Axis(clock.keyword, "ms", tuple(round(float(mean), 3) for mean in means))
        return Axis("time", "s", tuple(round(float(mean - means[0]), 6) for mean in means))
    return None


def axis_of_order(headers: Sequence[InstanceHeader]) -> Axis:
    """Return the axis of single images in the order of their acquisition: their times where these go forward."""
    chronology = chronology_of(headers)
    for clock in CLOCKS:
        moments = [_on_a_line(clock, header, chronology) for header in headers]
        known = [moment for moment in moments if moment is not None]
        if clock.unit == "s" and len(known) == len(headers) and (np.diff(known) > 0).all():
            return Axis("time", "s", tuple(round(moment - known[0], 6) for moment in known))
    return Axis("image", "", tuple(float(number) for number in range(1, len(headers) + 1)))


def _means(
    layout: Layout, parts: Sequence[list[int]], clock: Clock
) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """Return the mean time of each volume over the places that all have; None where a frame does not say its time."""
    common = set.intersection(*({int(layout.place_of[index]) for index in part} for part in parts))
    means = []
    for part in parts:
        shared = [layout.frames[index].header for index in part if int(layout.place_of[index]) in common]
        moments = [_on_a_line(clock, header, layout.chronology) for header in shared]
        known = [moment for moment in moments if moment is not None]
        if not known or len(known) < len(moments):
            return None
        means.append(known[0] + float(np.mean([moment - known[0] for moment in known])))
    return np.array(means)


def _on_a_line(clock: Clock, header: InstanceHeader, chronology: Chronology) -> float | None:
    return chronology.acquired_at(header) if clock.keyword == "AcquisitionTime" else clock.moment(header)


def _paced(layout: Layout, values: Sequence[Hashable]) -> Axis | None:
    """Return an axis of seconds from Temporal Position Identifier and Temporal Resolution (ms)."""
    paces = {frame.header.number("TemporalResolution") for frame in layout.frames}
    pace = paces.pop() if len(paces) == 1 else None
    numbers = [value for value in values if isinstance(value, int | float)]
    if not pace or pace < 0 or len(numbers) < len(values):
        return None
    return Axis("time", "s", tuple(round((number - numbers[0]) * pace / 1000, 6) for number in numbers))


def _durations(layout: Layout, explanation: Explanation, parts: Sequence[list[int]]) -> tuple[str, ...]:
    """Return how long each frame of a dynamic PET lasted (Actual Frame Duration, ms); nothing where one does not say."""
    if explanation.keyword != "FrameReferenceTime":
        return ()
    durations = [layout.frames[part[0]].header.number("ActualFrameDuration") for part in parts]
    known = [duration for duration in durations if duration is not None and duration > 0]
    return tuple(f"{duration / 1000:g} s long" for duration in known) if len(known) == len(parts) else ()


def _is_doubled(layout: Layout, values: Sequence[Hashable], parts: Sequence[list[int]]) -> bool:
    """Return whether every frame has another of its weighting, place and acquisition time."""
    if acquired_at not in layout.chronology.told or _are_of_one_instance(layout, parts):
        return False
    alike: Counter[Hashable] = Counter()
    for value, part in zip(values, parts, strict=True):
        weight = value[0] if isinstance(value, tuple) else value
        for index in part:
            moment = layout.chronology.acquired_at(layout.frames[index].header)
            alike[weight, int(layout.place_of[index]), moment] += 1
    return min(alike.values(), default=0) > 1


def _without_order(layout: Layout, values: Sequence[Hashable], parts: Sequence[list[int]]) -> list[str]:
    """Return a warning where the order of volumes of one b-value cannot be told since some images lack their number.

    Where all have one and it tells no order, directions are what there is to tell them apart, and no loss.
    """
    weights = [value[0] for value in values if isinstance(value, tuple) and isinstance(value[0], Diffusion)]
    numbers = [layout.frames[index].header.number("InstanceNumber") for part in parts for index in part]
    if len({weight.b for weight in weights}) == len(weights) or None not in numbers or not any(numbers):
        return []
    if turns_of(layout, parts) is not None:
        return []
    return ["Not all images tell their Instance Number: the order of the volumes of one b-value is not known."]


def _assumed(layout: Layout, division: Partition) -> list[str]:
    lacking = [
        part for part in division.parts if all(DIFFUSION.key(layout.frames[index].header) is None for index in part)
    ]
    if not lacking:
        return []
    maker = layout.frames[0].header.text("Manufacturer").upper()
    who = " (Canon)" if maker.startswith(CANON) else ""
    return [f"{len(lacking)} of {len(division.parts)} volumes lack b-value; assumed b=0{who}."]
