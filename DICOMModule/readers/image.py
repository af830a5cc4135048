"""Images with a place in space, grey or in colour: CT, MR, PET, and others whose headers give what a volume needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import FrameTableError, GeometryError, PixelDataError, VolumeError
from DICOMModule.jobs import Job
from DICOMModule.readers.loadable import Loadable
from DICOMModule.readers.offers import loadable_id, refused, series_name, uid_name
from DICOMModule.readers.slices import read_slices_job
from DICOMModule.readers.stack import Stack, stack_of
from DICOMModule.volume.grouping import FrameGroup, split_series
from DICOMModule.volume.planes import plane_of
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.rescale import rescale_of
from DICOMModule.volume.volume import Volume

SURE, WARNED, SCOUT = 1.0, 0.9, 0.3
VIDEO = tuple(f"1.2.840.10008.1.2.4.10{digit}" for digit in range(10))


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why an image is no slice.

    `sentence` is for the image itself. `of_volume` finishes "1 image …; excluded." on the volume that the image may be
    missing from; empty where the image is another kind of thing than a slice.
    """

    sentence: str
    kind: str = "image"
    of_volume: str = ""


class ImageReader:
    """Reads images with position, orientation and spacing, one loadable a grid."""

    name = "image"

    def examine(self, headers: Sequence[InstanceHeader]) -> list[Loadable]:
        """Return a loadable for each grid among the images, and refused ones for what is none."""
        frames: list[PlacedFrame] = []
        reasons: dict[_Refusal, list[InstanceHeader]] = {}
        for header in headers:
            for found in _frames_of(header):
                if isinstance(found, PlacedFrame):
                    frames.append(found)
                elif header not in reasons.setdefault(found, []):
                    reasons[found].append(header)
        loadables = _examine_frames(frames, _excluded(reasons)) if frames else []
        return loadables + [
            refused(self.name, group, reason.sentence, reason.kind) for reason, group in reasons.items()
        ]

    def load_job(self, loadable: Loadable) -> Job[Volume]:
        """Read the pixels of a loadable of this reader."""
        headers = loadable.frames or loadable.instances
        frames = [PlacedFrame(header, plane_of(header)) for header in headers]
        volume = yield from read_slices_job(stack_of(frames), loadable)
        return volume


def _frames_of(header: InstanceHeader) -> list[PlacedFrame | _Refusal]:
    """Return the frames of an instance with their places, or why there are none."""
    refusal = _other_kind_of_image(header)
    if refusal is not None:
        return [refusal]
    try:
        frames = frame_headers(header)
    except FrameTableError as error:
        return [_faulty(str(error))]
    return [_placed(frame) for frame in frames]


def _placed(header: InstanceHeader) -> PlacedFrame | _Refusal:
    """Return the frame with its place, or why it cannot be a slice."""
    missing = [keyword for keyword in _PLACE if keyword not in header.attributes]
    if missing:
        return _unplaced(header, missing)
    try:
        pixel_format_of(header)
        rescale_of(header)
        return PlacedFrame(header, plane_of(header))
    except PixelDataError as error:
        return _faulty(error.reason)
    except VolumeError as error:
        return _faulty(str(error))


_PLACE = {
    "ImagePositionPatient": "position",
    "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel spacing",
}


def _unplaced(header: InstanceHeader, missing: Sequence[str]) -> _Refusal:
    words = [_PLACE[keyword] for keyword in missing]
    text = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    short = "has no position" if "ImagePositionPatient" in missing else f"has no {text}"
    if (header.integer("SamplesPerPixel") or 1) > 1:
        short = ""  # a picture in colour beside grey slices is no slice that is missing from them
    return _Refusal(f"Images without {text} ({uid_name(header.sop_class_uid)}) are not loaded yet.", of_volume=short)


def _faulty(reason: str) -> _Refusal:
    return _Refusal(f"The image cannot be a slice of a volume: {reason}.", of_volume=f"cannot be used ({reason})")


def _other_kind_of_image(header: InstanceHeader) -> _Refusal | None:
    """Name images whose pixel data are not planes, each with a place of its own."""
    attributes = header.attributes
    image_type = {text.upper() for text in header.texts("ImageType")}
    count = header.integer("NumberOfFrames")
    enhanced = "PerFrameFunctionalGroupsSequence" in attributes or "SharedFunctionalGroupsSequence" in attributes
    cases: tuple[tuple[bool, Callable[[], _Refusal]], ...] = (
        (
            header.transfer_syntax_uid.startswith(VIDEO),
            lambda: _Refusal(f"Video ({uid_name(header.transfer_syntax_uid)}) is not loaded yet.", "video"),
        ),
        (
            "MOSAIC" in image_type or "SiemensNumberOfImagesInMosaic" in attributes,
            lambda: _Refusal("Siemens mosaic images, many slices in one picture, are not loaded yet.", "sequence"),
        ),
        (
            "VFRAME" in image_type,
            lambda: _Refusal("UIH grid images, many slices in one picture, are not loaded yet.", "sequence"),
        ),
        (
            not enhanced and (count or 1) > 1,
            lambda: _Refusal(
                f"Multi-frame images ({uid_name(header.sop_class_uid)}, {count} frames) are not loaded yet.", "sequence"
            ),
        ),
    )
    return next((make() for applies, make in cases if applies), None)


def _excluded(reasons: dict[_Refusal, list[InstanceHeader]]) -> list[str]:
    sentences = []
    counts: dict[str, int] = {}
    for reason, group in reasons.items():
        if reason.of_volume:
            counts[reason.of_volume] = counts.get(reason.of_volume, 0) + len(group)
    for text, count in counts.items():
        plural = text.replace("has ", "have ", 1) if count > 1 else text
        sentences.append(f"{count} image{'s' if count > 1 else ''} {plural}; excluded.")
    return sentences


def _examine_frames(frames: Sequence[PlacedFrame], excluded: Sequence[str]) -> list[Loadable]:
    try:
        split = split_series(frames)
    except GeometryError as error:
        text = str(error)
        sentence = f"{text[:1].upper()}{text[1:]}: they make no volume and are not loaded yet."
        return [refused(ImageReader.name, [frame.header for frame in frames], sentence)]
    several = len(split.groups) > 1
    loadables = []
    for number, group in enumerate(split.groups, 1):
        suffix = " (localizer)" if group.localizer else f" ({number} of {len(split.groups)})" if several else ""
        context = (*excluded, *split.warnings) if not group.localizer else ()
        loadables.append(_offer(group, suffix, context))
    return loadables


def _offer(group: FrameGroup, suffix: str, context: Sequence[str]) -> Loadable:
    """Return the loadable of one group: a volume, an image, or why it is neither."""
    try:
        stack = stack_of(group.frames)
    except GeometryError as error:
        return refused(ImageReader.name, [frame.header for frame in group.frames], str(error), _kind_refused(group))
    warnings = (*context, *stack.warnings)
    frames = _frames(stack)
    return Loadable(
        id=loadable_id(ImageReader.name, frames),
        series_instance_uid=stack.frames[0].header.series_instance_uid,
        name=series_name(stack.frames[0].header) + suffix,
        kind="volume" if len(stack.frames) > 1 else "image",
        reader=ImageReader.name,
        confidence=SCOUT if group.localizer else WARNED if warnings else SURE,
        selected=not group.localizer,
        instances=tuple({id(frame.instance): frame.instance for frame in frames}.values()),
        frames=frames,
        warnings=warnings,
        notes=stack.notes,
        dimensions=stack.dimensions,
        spacing_mm=stack.fit.spacing_mm,
        components=3 if pixel_format_of(stack.frames[0].header).cells == "colours" else 1,
    )


def _kind_refused(group: FrameGroup) -> str:
    positions = {frame.plane.position for frame in group.frames}
    return "sequence" if len(positions) < len(group.frames) else "volume"


def _frames(stack: Stack) -> tuple[InstanceHeader, ...]:
    """Return the slices along k, then the images at places that are taken."""
    return (*(frame.header for frame in stack.frames), *(frame.header for _, frame in stack.copies))
