"""Which frames of a series belong into one grid.

Geometry and pixel format decide, never file names or instance numbers. Costs headers only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.patient import patient_identity
from DICOMModule.volume.beside import FEWEST_SLICES_OF_A_VOLUME, runs_of, side_by_side
from DICOMModule.volume.geometry import JITTER_MM
from DICOMModule.volume.mixtures import unmix
from DICOMModule.volume.planes import InPlane, positions_of
from DICOMModule.volume.repeats import PlacedFrame, places_of
from DICOMModule.volume.rescale import units_of
from DICOMModule.volume.volume import Floats

PARALLEL = 3e-3
"""How far direction cosines of planes in one stack may differ: 0.2 degrees. Whether such planes are regular the fit tells."""
GE_THREE_PLANES = 256
FAR_GAPS = 10
"""A lone image that is further away than this many gaps is no slice of a stack with others missing."""
MOST_COPIES = 2
"""Of an image that is set apart: more than two at one place are a time series."""
MOST_LONELY_PLANES = 9
"""More orientations than this of one or two images each are a sweep or a rotation, not a set of scouts."""


@dataclass(frozen=True, eq=False, slots=True)
class FrameGroup:
    """Frames that share pixel format, orientation and spacing.

    Attributes
    ----------
    frames : tuple of PlacedFrame
        In no particular order.
    localizer : bool
        The frames are scouts beside a volume, not part of one.
    label : str
        What they are, where they are not what the series is made for: ``"phase"``.
    scattered : bool
        They share nothing but the format: planes of a rotation or a sweep, hardly two of them parallel.
    odd : bool
        A single image, set apart as a localizer is, that no scanner calls one: it lies in parallel with the volume and is
        of another size, format or frame of reference. It may be missing from the volume.
    """

    frames: tuple[PlacedFrame, ...]
    localizer: bool = False
    label: str = ""
    scattered: bool = False
    odd: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """The groups of a series, and sentences that say why there are several."""

    groups: tuple[FrameGroup, ...]
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Cluster:
    in_plane: InPlane
    frames: list[PlacedFrame] = field(default_factory=list)
    label: str = ""


def split_series(frames: Sequence[PlacedFrame]) -> Split:
    """Split the frames of one series into groups that may each become a volume.

    By pixel format, frame of reference, unit and reconstruction kernel first, then by orientation and spacing, then what
    lies in one space but is of different acquisitions. Groups come largest first. Many planes, hardly two of them
    parallel, are a group that is no volume.
    """
    says_localizer = _says_localizer.each([frame.header for frame in frames])
    localizers = [frame for frame, says in zip(frames, says_localizer, strict=True) if says]
    if len(localizers) == len(frames):
        localizers = []
    apart = {id(frame) for frame in localizers}
    main = [frame for frame in frames if id(frame) not in apart]
    warnings: list[str] = []
    parts = [main]
    for key, sentence in _FORMAT_SPLITS if len(set(_every_key.each([frame.header for frame in main]))) > 1 else ():
        split = [group for part in parts for group in _by_key(part, key)]
        if len(split) > len(parts):
            warnings.append(sentence)
        parts = split
    clusters: list[_Cluster] = []
    groups: list[FrameGroup] = []
    doubts: list[str] = []
    for part in parts:
        found, sentences, open_questions = _unmixed(part)
        if _are_scattered(found):
            groups.append(FrameGroup(tuple(part), scattered=True))
            continue
        clusters += found
        warnings += [sentence for sentence in sentences if sentence not in warnings]
        doubts += [sentence for sentence in open_questions if sentence not in doubts]
    groups += [FrameGroup(tuple(cluster.frames), label=cluster.label) for cluster in clusters]
    groups += [FrameGroup(tuple(c.frames), localizer=True) for c in _parallel(localizers)]
    groups = _with_odd_ones_as_localizers(groups)
    return Split(_largest_first(groups), (*_split_sentences(groups, parts, warnings), *doubts))


def _unmixed(part: Sequence[PlacedFrame]) -> tuple[list[_Cluster], list[str], list[str]]:
    """Return the clusters of parallel frames that may share a volume, what was mixed, and what may still be."""
    clusters: list[_Cluster] = []
    sentences: list[str] = []
    doubts: list[str] = []
    for cluster in _parallel(part):
        beside = side_by_side(cluster.frames)
        sentences += ["Stacks side by side found"] if len(beside) > 1 else []
        for frames in beside:
            stack, far = _without_far_one(frames)
            clusters += [_Cluster(cluster.in_plane, [far])] if far else []
            unmixed, told, open_questions = unmix(stack)
            sentences += told
            doubts += open_questions
            for one in unmixed:
                runs = runs_of(one.frames)
                clusters += [_Cluster(cluster.in_plane, run, one.label) for run in runs]
                sentences += ["Stacks that reach into each other found"] if len(runs) > 1 else []
    return clusters, sentences, doubts


def _without_far_one(frames: list[PlacedFrame]) -> tuple[list[PlacedFrame], PlacedFrame | None]:
    """Set apart one image that lies further from all others than these lie from each other: a scout in their plane."""
    if len(frames) <= FEWEST_SLICES_OF_A_VOLUME:
        return frames, None
    along = positions_of([frame.plane for frame in frames]) @ frames[0].plane.in_plane.normal
    order = np.argsort(along)
    gaps = np.diff(along[order])
    for end, others, gap in ((order[0], gaps[1:], gaps[0]), (order[-1], gaps[:-1], gaps[-1])):
        if gap > others.sum() and gap > FAR_GAPS * others.max() > 0:
            return [frame for index, frame in enumerate(frames) if index != end], frames[end]
    return frames, None


def _are_scattered(clusters: Sequence[_Cluster]) -> bool:
    lonely = [len(cluster.frames) for cluster in clusters if len(cluster.frames) < FEWEST_SLICES_OF_A_VOLUME]
    return len(lonely) > MOST_LONELY_PLANES and 2 * sum(lonely) > sum(len(cluster.frames) for cluster in clusters)


def _split_sentences(groups: Sequence[FrameGroup], parts: Sequence[object], formats: Sequence[str]) -> list[str]:
    volumes = [group for group in groups if not group.localizer]
    scouts = sum(len(group.frames) for group in groups if group.localizer and not group.odd)
    odd = sum(group.odd for group in groups)
    sentences = []
    if len(volumes) > 1:
        loaded = f"loaded as {len(volumes)} volumes."
        sentences += [one if one.endswith(".") else f"{one}; {loaded}" for one in formats]
        orientations, spacings = _variety([g.frames[0].plane.in_plane for g in volumes if not g.scattered])
        if orientations > 1:
            sentences.append(f"Series contains {orientations} orientations; {loaded}")
        elif spacings > 1 and len(volumes) > len(parts):
            sentences.append(f"Images of different pixel spacing found; {loaded}")
    if odd:
        apart = f"{odd} image{'s' if odd > 1 else ''} separated from the volume."
        clauses = [one for one in formats if not one.endswith(".")] or ["Images of different pixel spacing found"]
        sentences += [f"{one}; {apart}" for one in clauses] if len(volumes) == 1 else [apart]
    if scouts:
        sentences.append(f"{scouts} localizer image{'s' if scouts > 1 else ''} separated from the volume.")
    return sentences


def _variety(planes: Sequence[InPlane]) -> tuple[int, int]:
    """Return the number of different orientations and of different pixel spacings."""
    orientations: list[Floats] = []
    for plane in planes:
        own = _directions(plane)
        if all(float(np.abs(own - other).max()) > PARALLEL for other in orientations):
            orientations.append(own)
    return len(orientations), len({tuple(round(s, 6) for s in plane.spacing_mm) for plane in planes})


def _size(header: InstanceHeader) -> Hashable:
    return header.integer("Rows"), header.integer("Columns")


def _format(header: InstanceHeader) -> Hashable:
    return header.integer("BitsAllocated"), header.text("PhotometricInterpretation")


# The order is that of the sentences; each key names what must never be mixed in one volume.
_FORMAT_SPLITS: tuple[tuple[Callable[[InstanceHeader], Hashable], str], ...] = (
    (
        lambda header: (header.study_instance_uid, patient_identity(header)),
        "Images of different studies or patients found",
    ),
    (_size, "Images of different size found"),
    (_format, "Images of different pixel format found"),
    (lambda header: (header.sop_class_uid, header.text("Modality")), "Images of different kinds found"),
    (lambda header: header.text("FrameOfReferenceUID"), "Images of different frames of reference found"),
    (units_of, "Images of different units found"),
    (lambda header: header.text("ConvolutionKernel"), "Images of different reconstruction kernels found"),
)


@asked_once(
    "StudyInstanceUID", "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "Rows", "Columns",
    "BitsAllocated", "PhotometricInterpretation", "SOPClassUID", "Modality", "FrameOfReferenceUID", "Units",
    "ModalityLUTSequence", "RescaleSlope", "RescaleType", "ConvolutionKernel",
)  # fmt: skip
def _every_key(header: InstanceHeader) -> Hashable:
    """Return all keys of `_FORMAT_SPLITS`: the images of most series have them alike."""
    return tuple(key(header) for key, _ in _FORMAT_SPLITS)


def _by_key(frames: Sequence[PlacedFrame], key: Callable[[InstanceHeader], Hashable]) -> list[list[PlacedFrame]]:
    parts: dict[Hashable, list[PlacedFrame]] = {}
    for frame in frames:
        parts.setdefault(key(frame.header), []).append(frame)
    return list(parts.values())


def _parallel(frames: Sequence[PlacedFrame]) -> list[_Cluster]:
    """Return clusters of frames whose planes differ by a translation, and by no more than headers are inexact."""
    if frames and len({id(frame.plane.in_plane) for frame in frames}) == 1:  # as in most series
        return [_Cluster(frames[0].plane.in_plane, list(frames))]
    clusters: list[_Cluster] = []
    directions: Floats = np.empty((len(frames), 6))
    known: dict[int, _Cluster] = {}
    for frame in frames:
        in_plane = frame.plane.in_plane
        cluster = known.get(id(in_plane))
        if cluster is None:
            own = _directions(in_plane)
            turned = np.abs(directions[: len(clusters)] - own).max(axis=1, initial=0.0)
            near = (
                clusters[index]
                for index in np.flatnonzero(turned <= PARALLEL)
                if _same_grid(clusters[index].in_plane, in_plane)
            )
            cluster = next(near, None)
            if cluster is None:
                directions[len(clusters)] = own
                cluster = _Cluster(in_plane)
                clusters.append(cluster)
            known[id(in_plane)] = cluster
        cluster.frames.append(frame)
    return clusters


def _directions(in_plane: InPlane) -> Floats:
    """Return the directions of row and column as the header gives them, in one array."""
    directions: Floats = np.concatenate(
        (in_plane.i_step / in_plane.spacing_mm[0], in_plane.j_step / in_plane.spacing_mm[1])
    )
    return directions


def _same_grid(one: InPlane, other: InPlane) -> bool:
    if (one.columns, one.rows) != (other.columns, other.rows):
        return False
    sizes = zip((one.columns, one.rows), one.spacing_mm, other.spacing_mm, strict=True)
    return all((count - 1) * abs(mine - its) <= JITTER_MM for count, mine, its in sizes)


@asked_once("ImageType", "GESeriesPlane")
def _says_localizer(header: InstanceHeader) -> bool:
    # PS3.3 C.8.2.1.1.1 and C.8.3.1.1.1: value 3 of Image Type. GE says it of the series' plane.
    if header.integer("GESeriesPlane") == GE_THREE_PLANES:
        return True
    return "LOCALIZER" in (text.upper() for text in header.texts("ImageType")[2:])


def _with_odd_ones_as_localizers(groups: Sequence[FrameGroup]) -> list[FrameGroup]:
    """Mark lone images as localizers where there is a real volume beside them."""
    volumes = [g for g in groups if not g.localizer and len(g.frames) >= FEWEST_SLICES_OF_A_VOLUME]
    if not volumes:
        return list(groups)

    def apart(group: FrameGroup) -> FrameGroup:
        if (
            group.localizer
            or group.label
            or len(places_of(group.frames[:MOST_COPIES])) > 1
            or len(group.frames) > MOST_COPIES
        ):
            return group
        return replace(group, localizer=True, odd=_is_odd(group.frames[0], [one.frames[0] for one in volumes]))

    return [apart(group) for group in groups]


def _is_odd(frame: PlacedFrame, of_volumes: Sequence[PlacedFrame]) -> bool:
    """Return whether an image that is parallel to volumes is of another format or grid than any of them."""
    own = _directions(frame.plane.in_plane)
    parallel = [one for one in of_volumes if float(np.abs(own - _directions(one.plane.in_plane)).max()) <= PARALLEL]
    return bool(parallel) and not any(
        _every_key(one.header) == _every_key(frame.header) and _same_grid(one.plane.in_plane, frame.plane.in_plane)
        for one in parallel
    )


def _largest_first(groups: Sequence[FrameGroup]) -> tuple[FrameGroup, ...]:
    if len(groups) == 1:
        return tuple(groups)

    def key(group: FrameGroup) -> tuple[bool, bool, int, str]:
        return (
            group.localizer,
            bool(group.label),
            -len(group.frames),
            min(frame.header.sop_instance_uid for frame in group.frames),
        )

    return tuple(sorted(groups, key=key))
