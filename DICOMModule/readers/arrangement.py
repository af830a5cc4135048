"""Frames with a place in space as loadables: volumes, sequences of volumes, single images."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import GeometryError
from DICOMModule.readers.loadable import OTHER_READING, SIDE_ISSUE, SURE, WARNED, Loadable
from DICOMModule.readers.offers import instances_of, loadable_id, refused, series_name
from DICOMModule.readers.pixel_meaning import value_sentences
from DICOMModule.readers.stack import Stack, duplicates_sentence, spread_sentences, stacks_of_sequence
from DICOMModule.volume.chronology import chronology_of
from DICOMModule.volume.dimension_indexes import SENTENCE, contradict_positions
from DICOMModule.volume.fourth_axis import Sequence4D, axis_of_order
from DICOMModule.volume.fourth_dimension import read_fourth_dimension
from DICOMModule.volume.grouping import FrameGroup, split_series
from DICOMModule.volume.moving import read_moving
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.sequence import Axis

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a loadable is called and how much speaks for it, before its frames are arranged."""

    reader: str
    suffix: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    side_issue: bool = False
    alternative_to: str = ""
    reading: str = ""


def offers_of(reader: str, frames: Sequence[PlacedFrame], excluded: Sequence[str]) -> list[Loadable]:
    """Return the loadables that the frames of one series make; `excluded` are sentences on what is missing from them."""
    split = split_series(frames)
    several = len(split.groups) > 1
    loadables: list[Loadable] = []
    for number, group in enumerate(split.groups, 1):
        if group.scattered:
            offer = Offer(reader, warnings=(*excluded, *split.warnings))
            reason = f"{len(group.frames)} images are not parallel"
            loadables.append(_offer_of_single_images(group.frames, reason, offer))
            continue
        if group.localizer:
            offer = Offer(reader, " (set apart)" if group.odd else " (localizer)", side_issue=True)
        else:
            told = group.label or (f"{number} of {len(split.groups)}" if several else "")
            suffix = f" ({told})" if told else ""
            offer = Offer(reader, suffix, (*excluded, *split.warnings))
        loadables += _offers_of_group(group, offer)
    return loadables


def _offer_of_single_images(frames: Sequence[PlacedFrame], reason: str, offer: Offer) -> Loadable:
    """Return the loadable of images that lie in space as no volume does: one after the other, each in its own place."""
    chronology = chronology_of([frame.header for frame in frames])
    ordered = sorted(frames, key=lambda frame: chronology.order(frame.header))
    sentence = f"{reason[:1].upper()}{reason[1:]}: loaded as single images in space, not as a volume."
    full = replace(offer, warnings=(*offer.warnings, sentence))
    found = _offer([[frame] for frame in ordered], axis_of_order([frame.header for frame in ordered]), full)
    return replace(found, regular=False)


def _offers_of_group(group: FrameGroup, offer: Offer) -> list[Loadable]:
    """Return the loadable of a group; several where it can be read in several ways, or not all of it belongs together."""
    reading = read_fourth_dimension(group.frames)
    if reading.refusal:
        return [refused(offer.reader, [frame.header for frame in group.frames], reading.refusal, "sequence")]
    if contradict_positions(group.frames, reading.sequences):
        offer = replace(offer, warnings=(*offer.warnings, SENTENCE))
    if not reading.sequences:
        found = _offer([group.frames], None, offer)
        moving = None if _is_plain(found, group) else read_moving(group.frames)
        return [found if moving is None else _offer_of_sequence(moving, offer)]
    main = [_offer_of_sequence(one, offer) for one in reading.sequences]
    others = [
        _offer_of_sequence(
            one,
            replace(offer, suffix=f"{offer.suffix} (by {one.keyword})", alternative_to=main[0].id, reading=one.keyword),
        )
        for one in reading.alternatives
    ]
    left_out = [
        _offer([frames], None, replace(offer, suffix=f"{offer.suffix} ({called})", warnings=(), side_issue=True))
        for one in reading.sequences
        for called, frames in one.left_out
    ]
    return [*main, *left_out, *others]


def _is_plain(loadable: Loadable, group: FrameGroup) -> bool:
    """Return whether a group made a whole volume of even slices, so that nothing speaks for another reading."""
    return loadable.regular and loadable.dimensions[2] == len(group.frames)


def _offer_of_sequence(sequence: Sequence4D, offer: Offer) -> Loadable:
    label = f" ({sequence.label})" if sequence.label else ""
    full = replace(
        offer,
        suffix=offer.suffix + label,
        warnings=(*offer.warnings, *sequence.warnings),
        notes=(*offer.notes, *sequence.notes),
    )
    return _offer(sequence.parts, sequence.axis, full)


def _offer(parts: Sequence[Sequence[PlacedFrame]], axis: Axis | None, offer: Offer) -> Loadable:
    """Return the loadable of one volume, or of a sequence where there is an axis."""
    try:
        stacks = stacks_of_sequence(parts)
    except GeometryError as error:
        if axis is None:
            return _offer_of_single_images(parts[0], str(error), offer)
        text = str(error)
        headers = [frame.header for part in parts for frame in part]
        return refused(offer.reader, headers, f"{text[:1].upper()}{text[1:]}.", "sequence")
    fullest = max(stacks, key=lambda stack: len(stack.frames))
    frames = tuple(itertools.chain.from_iterable(stack.headers for stack in stacks))
    value_warnings, value_notes = value_sentences(frames)
    apart, near = spread_sentences(stacks) if max(map(len, parts)) > 1 else ([], [])
    warnings = (*offer.warnings, *_sentences_of([fullest, *stacks]), *apart, *value_warnings)
    return Loadable(
        id=loadable_id(offer.reader, frames, offer.reading),
        series_instance_uid=frames[0].series_instance_uid,
        name=series_name(frames[0]) + offer.suffix,
        kind="sequence" if axis is not None else "volume" if len(fullest.frames) > 1 else "image",
        reader=offer.reader,
        confidence=_confidence(offer, warnings),
        selected=not (offer.side_issue or offer.alternative_to),
        instances=instances_of(frames),
        frames=frames,
        volume_sizes=tuple(len(stack.headers) for stack in stacks) if axis is not None else (),
        warnings=warnings,
        notes=(*offer.notes, *fullest.notes, *near, *value_notes),
        dimensions=fullest.dimensions,
        spacing_mm=fullest.fit.spacing_mm,
        timepoints=len(stacks),
        components=3 if pixel_format_of(frames[0]).cells == "colours" else 1,
        axis=axis,
        regular=fullest.fit.regular,
        alternative_to=offer.alternative_to,
    )


def _sentences_of(stacks: Sequence[Stack]) -> list[str]:
    """Return the warnings of stacks, of which the first is one of the others, each once; copies are counted together."""
    copies = [duplicates_sentence(len(stack.copies)) for stack in stacks]
    told = dict.fromkeys(
        text for stack, own in zip(stacks, copies, strict=True) for text in stack.warnings if text != own
    )
    total = sum(len(stack.copies) for stack in stacks[1:])
    return [*told, *([duplicates_sentence(total)] if total else [])]


def _confidence(offer: Offer, warnings: Sequence[str]) -> float:
    if offer.side_issue:
        return SIDE_ISSUE
    if offer.alternative_to:
        return OTHER_READING
    return WARNED if warnings else SURE


def parts_of(loadable: Loadable, frames: Sequence[F]) -> list[Sequence[F]]:
    """Return the frames of a loadable volume by volume."""
    ends = list(itertools.accumulate(loadable.volume_sizes or (len(frames),)))
    return [frames[start:end] for start, end in zip([0, *ends], ends, strict=False)]
