"""Parallel frames of one format that are of several acquisitions all the same: images that must not share a volume.

Attributes alone do not tell them: an Acquisition Number changes from bed to bed, and from slice to slice, of one volume.
So a split is made only where the parts lie in one space.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.vendor_values import complex_kind_of, diffusion_key_of
from DICOMModule.volume.diffusion import derived_map, diffusion_of
from DICOMModule.volume.explanations import ECHO_TIME_MS
from DICOMModule.volume.planes import positions_of
from DICOMModule.volume.repeats import PlacedFrame, places_of
from DICOMModule.volume.tolerance import made_alike
from DICOMModule.volume.volume import Floats

UNFINISHED = 1.5
"""Fewer frames a place than this are copies, if nothing that is meant to does tell them apart: not a second time point."""
NO_DIRECTION_B = 50.0
"""Up to this b-value, in s/mm², an image without direction counts as one without weighting, not as an average."""
TUBE_VOLTAGE_KV = 0.5
"""Tube voltages that differ by no more are the same, as 120 and 119.99: those of two energies differ by tens."""
THICKNESS_MM = 0.05
EVEN = 1.2
"""Ratio of the widest to the narrowest gap up to which frames by themselves make an even stack."""

Frames = list[PlacedFrame]


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """Frames that may share a volume, and what they are where they are not what a series is made for (``"phase"``)."""

    frames: Frames
    label: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class _Parts:
    """Frames divided by one attribute: where the places of each part lie, and in which place each of its frames."""

    along: list[Floats]
    places: list[list[int]]

    @property
    def shared(self) -> bool:
        """Whether two parts have a frame in one place."""
        return sum(len(set(part)) for part in self.places) > len({place for part in self.places for place in part})

    @property
    def once_each(self) -> bool:
        """Whether no part has two frames in one place, but for some copies."""
        return all(len(part) < UNFINISHED * len(set(part)) for part in self.places)

    @property
    def within_the_fullest(self) -> bool:
        """Whether all parts have frames only where the fullest has some: volumes of one kind, some perhaps cut short."""
        fullest = max((set(part) for part in self.places), key=len)
        return all(fullest.issuperset(part) for part in self.places)

    @property
    def interleaved(self) -> bool:
        """Whether even stacks of at least two frames reach into each other, though a few of their slices be missing."""
        if min(map(len, self.along)) < 2 or not all(map(_nearly_even, self.along)):
            return False
        ordered = sorted(self.along, key=lambda part: float(part.min()))
        return any(after.min() < before.max() for before, after in itertools.pairwise(ordered))

    @property
    def even_together(self) -> bool:
        """Whether all frames make one even stack."""
        return _even(np.concatenate(self.along))


def _even(along: Floats) -> bool:
    gaps = np.diff(np.sort(along))
    return gaps.size == 0 or bool(gaps.max() <= EVEN * gaps.min())


def _nearly_even(along: Floats) -> bool:
    """Return whether frames make one even stack of which at most one slice in ten is missing, or one."""
    if _even(along):
        return True
    gaps = np.diff(np.sort(along))
    steps = gaps / gaps.min() if gaps.min() > 0 else gaps
    whole = np.rint(steps)
    holes = int(whole.sum()) - len(gaps)
    return len(gaps) > 2 and bool(np.abs(steps - whole).max() <= EVEN - 1) and holes <= max(1, len(gaps) // 10)


def _different_kinds(parts: _Parts) -> bool:
    return parts.shared or parts.interleaved


def _interleaved_only(parts: _Parts) -> bool:
    return not parts.shared and parts.interleaved


def _overlapping(parts: _Parts) -> bool:
    if not parts.once_each or parts.within_the_fullest:
        return False
    return parts.shared or (parts.interleaved and not parts.even_together)


@asked_once("ImageType", "ComplexImageComponent")
def _image_type(header: InstanceHeader) -> Hashable:
    return tuple(text.upper() for text in header.texts("ImageType"))


class _Mixture(NamedTuple):
    """What may tell kinds of images apart: by which key, within which tolerance, where they lie how, and how to say it."""

    key: Callable[[InstanceHeader], Hashable]
    divides: Callable[[_Parts], bool]
    sentence: str
    tolerance: float = 0.0


_ECHO = "Images of different echo time found"
# Echoes in the same places are a fourth dimension, which is for the search for repeats to name.
_MIXTURES: tuple[_Mixture, ...] = (
    _Mixture(_image_type, _different_kinds, "Images of different Image Type found"),
    _Mixture(
        lambda header: header.number("KVP"), _different_kinds, "Images of different tube voltage found", TUBE_VOLTAGE_KV
    ),
    _Mixture(
        lambda header: header.number("SliceThickness"),
        _different_kinds,
        "Images of different slice thickness found",
        THICKNESS_MM,
    ),
    _Mixture(lambda header: header.text("FilterType"), _different_kinds, "Images of different filters found"),
    _Mixture(lambda header: header.number("EchoTime"), _interleaved_only, _ECHO, ECHO_TIME_MS),
    _Mixture(lambda header: header.text("EchoNumbers"), _interleaved_only, _ECHO),
    _Mixture(lambda header: header.text("AcquisitionNumber"), _overlapping, "Overlapping acquisitions found"),
)


@asked_once(
    "ImageType",
    "ComplexImageComponent",
    "KVP",
    "SliceThickness",
    "FilterType",
    "EchoTime",
    "EchoNumbers",
    "AcquisitionNumber",
)
def _every_key(header: InstanceHeader) -> Hashable:
    """Return all keys of `_MIXTURES`: the images of most series have them alike."""
    return tuple(mixture.key(header) for mixture in _MIXTURES)


def unmix(frames: Sequence[PlacedFrame]) -> tuple[list[Part], list[str], list[str]]:
    """Divide parallel frames into those that may share a volume.

    Returns
    -------
    parts : list of Part
        One, where all may.
    sentences : list of str
        What is mixed: a clause for each kind of mixture, or a whole sentence, which ends in a full stop.
    doubts : list of str
        Sentences of what may be mixed in a part, which images that do not say it leave open.
    """
    sentences: list[str] = []
    doubts: list[str] = []
    parts = [Part(list(frames))]
    for apart, told in ((_complex_parts, _complex_sentence), (_derived_parts, _derived_sentence)):
        named = [Part(members, label or part.label) for part in parts for label, members in apart(part.frames).items()]
        if len(named) > len(parts):
            sentences.append(told([part.label for part in named]))
        parts = named
    for mixture in _MIXTURES if len(set(_every_key.each([frame.header for frame in frames]))) > 1 else ():
        divided: list[Part] = []
        for part in parts:
            pieces, is_open = _divide(part.frames, mixture)
            divided += [Part(piece, part.label) for piece in pieces]
            doubt = f"{mixture.sentence}, and some that do not say theirs: a volume may be of several acquisitions."
            doubts += [doubt] if is_open and doubt not in doubts else []
        if len(divided) > len(parts) and mixture.sentence not in sentences:
            sentences.append(mixture.sentence)
        parts = divided
    return parts, sentences, doubts


def _complex_parts(frames: Frames) -> dict[str, Frames]:
    """Divide by the component of complex values: those of different components are different quantities."""
    kinds = complex_kind_of.each([frame.header for frame in frames])
    if len(set(kinds)) == 1 and kinds[0] in (None, "magnitude"):
        return {"": frames}
    parts: dict[str, Frames] = {}
    for frame, known in zip(frames, kinds, strict=True):
        kind = known or "magnitude"
        parts.setdefault("" if kind == "magnitude" else kind, []).append(frame)
    return parts if len(parts) > 1 else {"": frames}


def _complex_sentence(labels: Sequence[str]) -> str:
    told = [name for name in ("phase", "real", "imaginary", "mixed") if name in labels]
    text = " and ".join(filter(None, (", ".join(told[:-1]), told[-1]))) if told else "complex"
    return f"{text.capitalize()} images separated."


def _derived_parts(frames: Frames) -> dict[str, Frames]:
    """Set apart what a scanner has calculated from the weighted images of a diffusion series and put beside them."""
    headers = [frame.header for frame in frames]
    maps = derived_map.each(headers)
    if not any(maps) and all(b is None for b, _, _ in diffusion_key_of.each(headers)):
        return {"": frames}
    weights = [diffusion_of(header) for header in headers]
    directed = any(weight is not None and weight.is_directed for weight in weights)
    original = directed and any(_is_original(frame.header) for frame in frames)
    parts: dict[str, Frames] = {}
    for frame, name, weight in zip(frames, maps, weights, strict=True):
        label = "" if name == "trace" and not directed else name
        if not label and directed and weight is not None and weight.b > NO_DIRECTION_B and not weight.is_directed:
            label = "trace"
        if not label and original and not _is_original(frame.header):
            label = "map"
        parts.setdefault(f"{label}, scanner-derived" if label else "", []).append(frame)
    return parts if len(parts) > 1 else {"": frames}


def _derived_sentence(_labels: Sequence[str]) -> str:
    return "Scanner-derived map found in diffusion series; kept separate."


@asked_once("ImageType")
def _is_original(header: InstanceHeader) -> bool:
    return header.text("ImageType").upper().startswith("ORIGINAL")


def _divide(frames: Frames, mixture: _Mixture) -> tuple[list[Frames], bool]:
    """Divide frames by what may tell them apart; True where those that do not say it leave open whether to divide."""
    pieces: dict[Hashable, list[int]] = {}
    values = made_alike([mixture.key(frame.header) for frame in frames], mixture.tolerance)
    for index, value in enumerate(values):
        pieces.setdefault(value, []).append(index)
    # As many values as there are frames number the frames; they tell no acquisitions apart.
    if len(pieces) < 2 or len(pieces) > max(2, len(frames) // 2):
        return [frames], False
    place_of = {index: number for number, place in enumerate(places_of(frames)) for index in place}
    along = positions_of([frame.plane for frame in frames]) @ frames[0].plane.in_plane.normal
    # What does not say it is of no kind, and does not hide that the others are of several.
    said = [piece for value, piece in pieces.items() if value not in (None, "")]
    judged = said if len(said) > 1 else list(pieces.values())
    places = [[place_of[index] for index in piece] for piece in judged]
    first = [list({place_of[index]: index for index in piece}.values()) for piece in judged]
    parts = _Parts([along[piece] for piece in first], places)
    if not mixture.divides(parts):
        is_open = mixture.divides is not _overlapping and not parts.shared and 1 < len(said) < len(pieces)
        return [frames], is_open
    if mixture.divides is not _overlapping:
        return [[frames[index] for index in piece] for piece in pieces.values()], False
    # Acquisitions of the same places are one bed over time: a table that goes to and fro, a bed that is taken again.
    beds: dict[frozenset[int], list[int]] = {}
    for piece in pieces.values():
        beds.setdefault(frozenset(place_of[index] for index in piece), []).extend(piece)
    return [[frames[index] for index in sorted(bed)] for bed in beds.values()], False
