"""Which frames of a series belong into one grid: the splits, and the slices that lie in one place.

Geometry and pixel format decide, never file names or instance numbers. Costs headers only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import GeometryError
from DICOMModule.volume.geometry import EXACT_MM, JITTER_MM
from DICOMModule.volume.planes import InPlane, Plane, positions_of
from DICOMModule.volume.rescale import units_of

FEWEST_SLICES_OF_A_VOLUME = 3
MOST_SINGLE_PLANES = 9
"""More planes than this without a parallel neighbour are a sweep or a rotation, not a set of scouts."""

# What tells images at one position apart as parts of a fourth dimension (loading.md S4 to S11). Times and numbers may
# also differ between copies of one image, so they speak only where every position has the same number of images.
ACQUISITION_AXES = (
    "EchoTime", "EchoNumbers", "TemporalPositionIdentifier", "TriggerTime", "NominalPercentageOfCardiacPhase",
    "FrameReferenceTime", "DiffusionBValue", "DiffusionGradientOrientation", "ImageType", "ComplexImageComponent",
    "InversionTime", "FlipAngle", "RepetitionTime", "StackID",
)  # fmt: skip
ACQUISITION_TRACES = ("AcquisitionNumber", "AcquisitionTime", "AcquisitionDateTime", "ContentTime", "ImageIndex")


@dataclass(frozen=True, eq=False, slots=True)
class PlacedFrame:
    """A frame of which it is known where it lies."""

    header: InstanceHeader
    plane: Plane


@dataclass(frozen=True, eq=False, slots=True)
class FrameGroup:
    """Frames that share pixel format, orientation and spacing.

    Attributes
    ----------
    frames : tuple of PlacedFrame
        In no particular order.
    localizer : bool
        The frames are scouts beside a volume, not part of one.
    """

    frames: tuple[PlacedFrame, ...]
    localizer: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """The groups of a series, and sentences that say why there are several."""

    groups: tuple[FrameGroup, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Repeats:
    """The frames of a group by position.

    Attributes
    ----------
    first : tuple of PlacedFrame
        One frame a position.
    copies : tuple of (int, PlacedFrame)
        The others, each with the index in `first` of the frame whose place it shares.
    refusal : str
        Why they are more than copies, as a sentence; empty where only their pixels can tell.
    """

    first: tuple[PlacedFrame, ...]
    copies: tuple[tuple[int, PlacedFrame], ...] = ()
    refusal: str = ""


@dataclass(slots=True)
class _Cluster:
    in_plane: InPlane
    frames: list[PlacedFrame] = field(default_factory=list)


def split_series(frames: Sequence[PlacedFrame]) -> Split:
    """Split the single-frame images of one series into groups that may each become a volume.

    By pixel format, frame of reference, unit and reconstruction kernel first, then by orientation and spacing: two planes
    are parallel where no corner differs by more than 0.02 mm. Groups come largest first.

    Raises
    ------
    GeometryError
        Many planes, hardly two of them parallel: not a volume.
    """
    localizers = [frame for frame in frames if _says_localizer(frame.header)]
    if len(localizers) == len(frames):
        localizers = []
    apart = {id(frame) for frame in localizers}
    main = [frame for frame in frames if id(frame) not in apart]
    warnings: list[str] = []
    parts = [main]
    for key, sentence in _FORMAT_SPLITS:
        split = [group for part in parts for group in _by_key(part, key)]
        if len(split) > len(parts):
            warnings.append(sentence)
        parts = split
    clusters = [cluster for part in parts for cluster in _parallel(part)]
    singles = sum(len(cluster.frames) == 1 for cluster in clusters)
    if singles > MOST_SINGLE_PLANES and singles > len(main) / 2:
        raise GeometryError(f"its {len(main)} images are not parallel to each other")
    groups = [FrameGroup(tuple(cluster.frames)) for cluster in clusters]
    groups += [FrameGroup(tuple(c.frames), localizer=True) for c in _parallel(localizers)]
    groups = _with_odd_ones_as_localizers(groups)
    return Split(_largest_first(groups), (*_split_sentences(groups, parts, warnings),))


def _split_sentences(groups: Sequence[FrameGroup], parts: Sequence[object], formats: Sequence[str]) -> list[str]:
    volumes = [group for group in groups if not group.localizer]
    scouts = sum(len(group.frames) for group in groups if group.localizer)
    sentences = []
    if len(volumes) > 1:
        loaded = f"loaded as {len(volumes)} volumes."
        sentences += [f"{sentence}; {loaded}" for sentence in formats]
        orientations, spacings = _variety([group.frames[0].plane.in_plane for group in volumes])
        if orientations > 1:
            sentences.append(f"Series contains {orientations} orientations; {loaded}")
        elif spacings > 1 and len(volumes) > len(parts):
            sentences.append(f"Images of different pixel spacing found; {loaded}")
    if scouts:
        sentences.append(f"{scouts} localizer image{'s' if scouts > 1 else ''} separated from the volume.")
    return sentences


def _variety(planes: Sequence[InPlane]) -> tuple[int, int]:
    """Return the number of different orientations and of different pixel spacings."""
    normals: list[InPlane] = []
    for plane in planes:
        directions = plane.i_step / plane.spacing_mm[0], plane.j_step / plane.spacing_mm[1]
        if not any(
            max(
                float(np.linalg.norm(directions[0] - other.i_step / other.spacing_mm[0])),
                float(np.linalg.norm(directions[1] - other.j_step / other.spacing_mm[1])),
            )
            * max(plane.columns, plane.rows)
            <= JITTER_MM
            for other in normals
        ):
            normals.append(plane)
    return len(normals), len({tuple(round(s, 6) for s in plane.spacing_mm) for plane in planes})


def _size(header: InstanceHeader) -> Hashable:
    return header.integer("Rows"), header.integer("Columns")


def _format(header: InstanceHeader) -> Hashable:
    return header.integer("BitsAllocated"), header.text("PhotometricInterpretation")


# The order is that of the sentences; each key names what must never be mixed in one volume.
_FORMAT_SPLITS: tuple[tuple[Callable[[InstanceHeader], Hashable], str], ...] = (
    (_size, "Images of different size found"),
    (_format, "Images of different pixel format found"),
    (lambda header: (header.sop_class_uid, header.text("Modality")), "Images of different kinds found"),
    (lambda header: header.text("FrameOfReferenceUID"), "Images of different frames of reference found"),
    (units_of, "Images of different units found"),
    (lambda header: header.text("ConvolutionKernel"), "Images of different reconstruction kernels found"),
)


def _by_key(frames: Sequence[PlacedFrame], key: Callable[[InstanceHeader], Hashable]) -> list[list[PlacedFrame]]:
    parts: dict[Hashable, list[PlacedFrame]] = {}
    for frame in frames:
        parts.setdefault(key(frame.header), []).append(frame)
    return list(parts.values())


def _parallel(frames: Sequence[PlacedFrame]) -> list[_Cluster]:
    """Return clusters of frames whose planes differ by a translation only."""
    clusters: list[_Cluster] = []
    known: dict[int, _Cluster] = {}
    for frame in frames:
        in_plane = frame.plane.in_plane
        cluster = known.get(id(in_plane))
        if cluster is None:
            near = (c for c in clusters if _same_grid(c.in_plane, in_plane))
            cluster = next(near, None) or _Cluster(in_plane)
            if not cluster.frames:
                clusters.append(cluster)
            known[id(in_plane)] = cluster
        cluster.frames.append(frame)
    return clusters


def _same_grid(one: InPlane, other: InPlane) -> bool:
    same_size = (one.columns, one.rows) == (other.columns, other.rows)
    return same_size and one.deviation_mm(other) <= JITTER_MM


def _says_localizer(header: InstanceHeader) -> bool:
    # PS3.3 C.8.2.1.1.1 and C.8.3.1.1.1: value 3 of Image Type.
    return "LOCALIZER" in (text.upper() for text in header.texts("ImageType")[2:])


def _with_odd_ones_as_localizers(groups: Sequence[FrameGroup]) -> list[FrameGroup]:
    """Mark lone images beside exactly one real volume as localizers."""
    volumes = [g for g in groups if not g.localizer and len(g.frames) >= FEWEST_SLICES_OF_A_VOLUME]
    if not volumes:
        return list(groups)
    return [FrameGroup(group.frames, localizer=True) if len(group.frames) == 1 else group for group in groups]


def _largest_first(groups: Sequence[FrameGroup]) -> tuple[FrameGroup, ...]:
    def key(group: FrameGroup) -> tuple[bool, int, str]:
        return group.localizer, -len(group.frames), min(frame.header.sop_instance_uid for frame in group.frames)

    return tuple(sorted(groups, key=key))


def _instance_order(frame: PlacedFrame) -> tuple[float, str]:
    number = frame.header.integer("InstanceNumber")
    return (number if number is not None else np.inf), frame.header.sop_instance_uid


def find_repeats(frames: Sequence[PlacedFrame]) -> Repeats:
    """Find the frames of a group that lie in one place (within 1 µm).

    Of several, the one with the lowest Instance Number stands first. Whether the others are copies only their pixels
    can tell, unless the headers already say that they belong to a fourth dimension; then `refusal` says so.
    """
    ordered = sorted(frames, key=_instance_order)
    along = positions_of([frame.plane for frame in ordered]) @ ordered[0].plane.in_plane.normal
    positions = positions_of([frame.plane for frame in ordered])
    places: list[list[int]] = []
    for index in np.argsort(along, kind="stable"):
        for place in reversed(places[-8:]):
            if along[index] - along[place[0]] > EXACT_MM:
                continue
            if np.linalg.norm(positions[index] - positions[place[0]]) <= EXACT_MM:
                place.append(int(index))
                break
        else:
            places.append([int(index)])
    places = [sorted(place) for place in places]
    first = tuple(ordered[place[0]] for place in places)
    copies = tuple((number, ordered[index]) for number, place in enumerate(places) for index in place[1:])
    return Repeats(first, copies, _fourth_dimension(ordered, places))


def _fourth_dimension(frames: Sequence[PlacedFrame], places: Sequence[Sequence[int]]) -> str:
    counts = {len(place) for place in places}
    if counts == {1}:
        return ""
    keywords = ACQUISITION_AXES + (ACQUISITION_TRACES if len(counts) == 1 else ())
    differing = [
        keyword
        for keyword in keywords
        if any(len({frames[index].header.text(keyword) for index in place}) > 1 for place in places)
    ]
    if not differing and not _too_many_to_be_copies(frames, places):
        return ""
    reason = f", differing in {differing[0]}" if differing else ""
    images = str(counts.pop()) if len(counts) == 1 else "several"
    return f"There are {images} images at the same position ({len(frames)} at {len(places)} positions{reason}): 4D series are not loaded yet."


def _too_many_to_be_copies(frames: Sequence[PlacedFrame], places: Sequence[Sequence[int]]) -> bool:
    """Return whether images at one position are a fourth dimension that no attribute names, as some scanners write it.

    A copy that was sent twice is rare among slices, or has the Instance Number of its original.
    """
    if len(places) == 1:
        return False
    if len(frames) > 2 * len(places):
        return True
    uniform = len({len(place) for place in places}) == 1
    return uniform and any(
        len({frames[index].header.text("InstanceNumber") for index in place}) > 1 for place in places
    )
