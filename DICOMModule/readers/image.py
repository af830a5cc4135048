"""Images with a place in space, grey or in colour: CT, MR, PET, and others whose headers give what a volume needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from DICOMModule.dicom.frame_table import frame_headers
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import FrameTableError, PixelDataError, VolumeError
from DICOMModule.jobs import Job
from DICOMModule.readers.arrangement import offers_of, parts_of
from DICOMModule.readers.loadable import Loadable, LoadedValue
from DICOMModule.readers.objects import is_image
from DICOMModule.readers.offers import refused, uid_name
from DICOMModule.readers.slices import read_slices_job
from DICOMModule.readers.stack import stacks_of_sequence
from DICOMModule.volume.planes import plane_of
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.rescale import rescale_of

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
    """Reads images with position, orientation and spacing, a loadable a grid or a sequence of volumes on one."""

    name = "image"

    def examine(self, headers: Sequence[InstanceHeader]) -> list[Loadable]:
        """Return a loadable for each grid among the images, and refused ones for what is none."""
        frames: list[PlacedFrame] = []
        reasons: dict[_Refusal, list[InstanceHeader]] = {}
        for header in filter(is_image, headers):
            for found in _frames_of(header):
                if isinstance(found, PlacedFrame):
                    frames.append(found)
                elif not (group := reasons.setdefault(found, [])) or group[-1] is not header:
                    group.append(header)
        loadables = offers_of(self.name, frames, _excluded(reasons)) if frames else []
        return loadables + [
            refused(self.name, group, reason.sentence, reason.kind) for reason, group in reasons.items()
        ]

    def load_job(self, loadable: Loadable) -> Job[LoadedValue]:
        """Read the pixels of a loadable of this reader."""
        headers = loadable.frames or loadable.instances
        frames = [PlacedFrame(header, plane_of(header)) for header in headers]
        loaded = yield from read_slices_job(stacks_of_sequence(parts_of(loadable, frames)), loadable)
        return loaded


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
    cases: tuple[tuple[bool, Callable[[], _Refusal]], ...] = (
        (
            header.transfer_syntax_uid.startswith(VIDEO),
            lambda: _Refusal(f"Video ({uid_name(header.transfer_syntax_uid)}) is not loaded yet.", "video"),
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


READER = ImageReader()
