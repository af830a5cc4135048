"""Images, grey or in colour: with a place in space, as of CT, MR and PET, or as mere pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from DICOMModule.dicom.frame_header import frame_header
from DICOMModule.dicom.frame_table import frame_headers, is_plain
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.errors import FrameTableError, PixelDataError, VolumeError
from DICOMModule.jobs import Job
from DICOMModule.readers.alike_slices import judged_each
from DICOMModule.readers.arrangement import offers_of, parts_of
from DICOMModule.readers.flat import flat_offers, flat_stacks
from DICOMModule.readers.loadable import Loadable, LoadedValue
from DICOMModule.readers.objects import are_images
from DICOMModule.readers.offers import refused, uid_name
from DICOMModule.readers.slices import read_slices_job
from DICOMModule.readers.stack import stacks_of_sequence
from DICOMModule.volume.planes import plane_of
from DICOMModule.volume.repeats import PlacedFrame
from DICOMModule.volume.rescale import rescale_of

VIDEO = tuple(f"1.2.840.10008.1.2.4.10{digit}" for digit in range(10))

PHILIPS_POSITION = "PhilipsImagePositionPatient"
PRIVATE_PLACE = (
    "The images have no positions: those of Philips' private elements were taken, which may be half a voxel off."
)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why an image is no slice.

    `sentence` is for the image itself. `of_volume` finishes "1 image …; excluded." on the volume that the image may be
    missing from; empty where the image is another kind of thing than a slice.
    """

    sentence: str
    kind: str = "image"
    of_volume: str = ""


@dataclass(frozen=True, slots=True)
class _Unplaced:
    """A frame without a place, and what it lacks, as the end of "1 image …; excluded."."""

    header: InstanceHeader
    lacks: str


class ImageReader:
    """Reads images: a loadable a grid, a sequence of volumes on one, or a stack of pictures without a place."""

    name = "image"

    def examine(self, headers: Sequence[InstanceHeader]) -> list[Loadable]:
        """Return a loadable for each grid among the images, for what has no place, and refused ones for what is neither."""
        placed: list[PlacedFrame] = []
        unplaced: list[_Unplaced] = []
        reasons: dict[_Refusal, list[InstanceHeader]] = {}
        owners, judged = _judged([one for one, is_one in zip(headers, are_images(headers), strict=True) if is_one])
        for header, found in zip(owners, judged, strict=True):
            if isinstance(found, PlacedFrame):
                placed.append(found)
            elif isinstance(found, _Unplaced):
                unplaced.append(found)
            elif not (group := reasons.setdefault(found, [])) or group[-1] is not header:
                group.append(header)
        told: list[str] = []
        if unplaced and not placed:
            placed = _privately_placed(unplaced)
            unplaced, told = ([], [PRIVATE_PLACE]) if placed else (unplaced, [])
        loadables = offers_of(self.name, placed, [*_excluded(reasons, unplaced), *told]) if placed else []
        loadables += flat_offers(self.name, [one.header for one in unplaced], beside_volume=bool(placed))
        return loadables + [
            refused(self.name, group, reason.sentence, reason.kind) for reason, group in reasons.items()
        ]

    def load_job(self, loadable: Loadable) -> Job[LoadedValue]:
        """Read the pixels of a loadable of this reader."""
        headers = loadable.frames or loadable.instances
        if any(keyword not in headers[0].attributes for keyword in _PLACE):
            stacks = flat_stacks(parts_of(loadable, headers))
        else:
            frames = judged_each(headers, lambda header: PlacedFrame(header, plane_of(header)))
            stacks = stacks_of_sequence(parts_of(loadable, frames))
        loaded = yield from read_slices_job(stacks, loadable)
        return loaded


def _judged(
    headers: Sequence[InstanceHeader],
) -> tuple[Sequence[InstanceHeader], Sequence[PlacedFrame | _Unplaced | _Refusal]]:
    """Return the frames of all instances with their places, or why there are none, and the instance of each."""
    videos = {uid for uid in {header.transfer_syntax_uid for header in headers} if uid.startswith(VIDEO)}
    plain = [
        plain and header.functional_groups is None and header.transfer_syntax_uid not in videos
        for header, plain in zip(headers, is_plain.each(headers), strict=True)
    ]
    if all(plain):  # as in most series: each is a frame
        return headers, judged_each(headers, _placed)
    owners: list[InstanceHeader] = []
    frames: list[InstanceHeader | _Refusal] = []
    for header, is_frame in zip(headers, plain, strict=True):
        found = [header] if is_frame else _frames_of(header)
        frames += found
        owners += [header] * len(found)
    judged: Iterator[PlacedFrame | _Unplaced | _Refusal]
    judged = iter(judged_each([frame for frame in frames if not isinstance(frame, _Refusal)], _placed))
    return owners, [frame if isinstance(frame, _Refusal) else next(judged) for frame in frames]


def _frames_of(header: InstanceHeader) -> Sequence[InstanceHeader | _Refusal]:
    """Return the headers of the frames of an instance, or why there are none."""
    if header.transfer_syntax_uid.startswith(VIDEO):
        return [_Refusal(f"Video ({uid_name(header.transfer_syntax_uid)}) is not loaded yet.", "video")]
    try:
        return frame_headers(header)
    except FrameTableError as error:
        return [_faulty(str(error))]


def _placed(header: InstanceHeader) -> PlacedFrame | _Unplaced | _Refusal:
    """Return the frame with its place, or why it cannot be a slice."""
    missing = [keyword for keyword in _PLACE if keyword not in header.attributes]
    try:
        pixel_format_of(header)
        rescale_of(header)
        return _Unplaced(header, _lack(missing)) if missing else PlacedFrame(header, plane_of(header))
    except PixelDataError as error:
        return _faulty(error.reason)
    except VolumeError as error:
        return _faulty(str(error))


_PLACE = {
    "ImagePositionPatient": "position",
    "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel spacing",
}


def _lack(missing: Sequence[str]) -> str:
    words = [_PLACE[keyword] for keyword in missing]
    text = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    return "has no position" if "ImagePositionPatient" in missing else f"has no {text}"


def _privately_placed(unplaced: Sequence[_Unplaced]) -> list[PlacedFrame]:
    """Return images of which none has a position by that of Philips' private elements; nothing unless all have one."""
    placed = []
    for header in (one.header for one in unplaced):
        position = header.text(PHILIPS_POSITION)
        if (
            header.instance is not header
            or not position
            or not all(key in header.attributes for key in list(_PLACE)[1:])
        ):
            return []
        frame = frame_header(header, 1, {"ImagePositionPatient": position})
        try:
            placed.append(PlacedFrame(frame, plane_of(frame)))
        except VolumeError:
            return []
    return placed


def _faulty(reason: str) -> _Refusal:
    return _Refusal(f"The image cannot be a slice of a volume: {reason}.", of_volume=f"cannot be used ({reason})")


def _excluded(reasons: dict[_Refusal, list[InstanceHeader]], unplaced: Sequence[_Unplaced]) -> list[str]:
    """Return a sentence on images that a volume may be missing; a picture in colour is no slice of a grey one."""
    counts: Counter[str] = Counter()
    for reason, group in reasons.items():
        if reason.of_volume:
            counts[reason.of_volume] += len(group)
    counts.update(one.lacks for one in unplaced if pixel_format_of(one.header).cells != "colours")
    sentences = []
    for text, count in counts.items():
        plural = text.replace("has ", "have ", 1) if count > 1 else text
        sentences.append(f"{count} image{'s' if count > 1 else ''} {plural}; excluded.")
    return sentences


READER = ImageReader()
