"""The pixels of stacks into one array: rescaled frame by frame, padding and gaps marked, copies compared."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.decoding import DecodingAhead, decoding_pool
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import PixelFormat, pixel_format_of
from DICOMModule.errors import VolumeError
from DICOMModule.jobs import Job, Progress
from DICOMModule.readers.early_views import EVERY, PartlyRead, early_slices, has_previews, preview_of, reading_order
from DICOMModule.readers.loadable import Loadable, LoadedValue
from DICOMModule.readers.pixel_meaning import understood_job
from DICOMModule.readers.stack import Stack, duplicates_sentence
from DICOMModule.volume.chronology import chronology_of
from DICOMModule.volume.modality_lut import (
    ModalityLut,
    ModalityTransform,
    modality_transform_of,
    same_transform,
    transformed,
    value_type,
)
from DICOMModule.volume.padding import Padding, padding_of
from DICOMModule.volume.rescale import Rescale, units_of
from DICOMModule.volume.reused_memory import POOL
from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.volume import Frame, Volume, Voxels
from DICOMModule.volume.windowing import windows_of_series

WIDER: dict[int, type[np.signedinteger[Any]]] = {2: np.int32, 4: np.int64}
_AS_STORED: Final = Rescale()

Slot: TypeAlias = tuple[int, int]
"""Where a slice goes: the number of its volume, and its k."""


@dataclass(slots=True)
class _Slices:
    """The array of all volumes, shape (t, k, j, i), while it is being filled."""

    array: Voxels
    valid: npt.NDArray[np.bool_] | None = field(default=None)
    described: dict[int, Volume] = field(default_factory=dict)
    """Volumes of which it has been worked out once what headers say of them."""

    def store(
        self, slot: Slot, transform: ModalityTransform, pixel_format: PixelFormat, ahead: DecodingAhead, index: int
    ) -> None:
        """Read frame `index` of `ahead` into a slice."""
        padding = padding_of(ahead.headers[index], pixel_format)
        if transform == _AS_STORED and self.array.dtype == pixel_format.dtype:
            stored = ahead.read(index, out=self.array[slot])
        else:
            stored = ahead.read(index)
            values = transformed(stored, transform)
            if self.array.dtype.kind in "iu":
                self._widen_for(values)
            self.array[slot] = values
        if padding is not None:
            self._mark(slot, padding, stored)

    def _mark(self, slot: Slot, padding: Padding, stored: Voxels) -> None:
        padded = padding.mask(stored)
        if padded.any():
            self._all_valid()[slot] = ~padded

    def _all_valid(self) -> npt.NDArray[np.bool_]:
        if self.valid is None:
            self.valid = np.ones(self.array.shape[:4], np.bool_)
        return self.valid

    def _widen_for(self, values: Voxels) -> None:
        """Change to a wider number type where a value does not fit: better than to take the widest for all."""
        smallest, largest = int(values.min()), int(values.max())
        while True:
            limits = np.iinfo(self.array.dtype)
            if limits.min <= smallest and largest <= limits.max:
                return
            self.array = self.array.astype(WIDER[self.array.dtype.itemsize])
            self.described.clear()  # they hold the narrower array

    def fill_gaps(self, volume: int, missing: tuple[int, ...], filler: float | None) -> None:
        """Fill missing slices of a volume with `filler`, else with its smallest value, and mark them."""
        array = self.array[volume]
        present = [k for k in range(len(array)) if k not in set(missing)]
        if filler is None or not _holds(array.dtype, filler):
            filler = min(array[k].min() for k in present)
        array[list(missing)] = filler
        self._all_valid()[volume][list(missing)] = False


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return value == int(value) and limits.min <= value <= limits.max


def read_slices_job(stacks: Sequence[Stack], loadable: Loadable) -> Job[LoadedValue]:
    """Read the slices of stacks and return the volume, or the sequence of them, that `loadable` promised.

    The volumes of a sequence are views of one array.

    Raises
    ------
    DICOMModuleError
        A file has gone, changed or cannot be decoded; of two images at one position it cannot be told which one counts;
        there is no memory.
    """
    headers = [frame.header for stack in stacks for frame in stack.frames]
    slots: list[Slot] = [(number, k) for number, stack in enumerate(stacks) for k in stack.fit.slots]
    transforms = [modality_transform_of(header) for header in headers]
    formats = [pixel_format_of(header) for header in headers]
    slices = _Slices(_array_for(stacks, formats, transforms))
    copies = [
        (number, stack.frames[index].header, copy.header)
        for number, stack in enumerate(stacks)
        for index, copy in stack.copies
    ]
    total = len(headers) + len(copies)
    superseded: dict[int, list[InstanceHeader]] = {}
    order = reading_order(stacks)
    seen_after = (1, early_slices(len(stacks[0].frames))) if has_previews(stacks) else ()
    with decoding_pool() as pool:
        with pool.ahead([headers[number] for number in order]) as ahead:
            for done, number in enumerate(order):
                yield from _ready_job(ahead, done, Progress(done, total, "Reading slices"))
                slices.store(slots[number], transforms[number], formats[number], ahead, done)
                if done + 1 in seen_after:
                    seen = _to_be_seen(stacks[0], loadable, slices, transforms, done + 1)
                    yield PartlyRead(done + 1, total, "Reading slices", seen)
        for done, (number, kept, copy) in enumerate(copies, len(headers)):
            with pool.ahead((kept, copy)) as ahead:
                yield from _ready_job(ahead, 1, Progress(done, total, "Comparing slices at one position"))
                if not _is_same(kept, copy, ahead):
                    superseded.setdefault(number, []).append(copy)
    for number, stack in enumerate(stacks):
        if stack.fit.missing:
            slices.fill_gaps(number, stack.fit.missing, _filler(stack.frames[len(stack.frames) // 2].header))
    yield Progress(total, total, "Reading slices")
    slices.array.flags.writeable = False
    warnings = tuple(_told(loadable.warnings, len(copies), list(itertools.chain(*superseded.values()))))
    left = iter(transforms)
    said = replace(loadable, warnings=warnings)
    volumes = []
    for number, stack in enumerate(stacks):
        volume = _volume(stack, said, slices, number, list(itertools.islice(left, len(stack.frames))))
        volumes.append((yield from understood_job(volume)))
    if loadable.axis is None:
        return volumes[0]
    return VolumeSequence(tuple(volumes), loadable.axis, loadable.name, slices.array)


def _to_be_seen(
    stack: Stack, loadable: Loadable, slices: _Slices, transforms: list[ModalityTransform], read: int
) -> Volume:
    """Return what can be shown of the first volume, of which so many slices have been read: the middle one, or every fourth."""
    count = len(stack.frames)
    volume = _volume(stack, loadable, slices, 0, transforms[:count])
    return preview_of(volume, count // 2, count) if read == 1 else preview_of(volume, 0, EVERY)


def _array_for(stacks: Sequence[Stack], formats: Sequence[PixelFormat], transforms: list[ModalityTransform]) -> Voxels:
    """Return an array for all slices, of the number type that holds the values of all of them."""
    stored = np.result_type(*{pixel_format.dtype for pixel_format in formats})
    dtype = value_type(stored, max(pixel_format.bits_stored for pixel_format in formats), transforms)
    columns, rows, slices = stacks[0].dimensions
    shape = len(stacks), slices, rows, columns, *formats[0].shape[2:]
    try:
        array = POOL.empty(shape, dtype)
    except (MemoryError, ValueError) as error:
        mebibytes = math.prod(shape) * dtype.itemsize >> 20
        raise VolumeError(f"there is no memory for a volume of {mebibytes} MiB. Close other volumes.") from error
    if any(len(stack.fit.slots) + len(stack.fit.missing) < slices for stack in stacks):
        array[...] = 0  # what no slice is read into must not show what was there before
    return array


def _ready_job(ahead: DecodingAhead, index: int, progress: Progress) -> Job[None]:
    """Wait for a frame, with a cancel point at every moment: a decoder may take long, or hang."""
    yield progress
    while not ahead.is_ready(index):
        yield progress


def _is_same(kept: InstanceHeader, copy: InstanceHeader, ahead: DecodingAhead) -> bool:
    """Return whether two images at one position are the same.

    Raises
    ------
    VolumeError
        They are not, and nothing tells which of them is newer.
    """
    same = same_transform(modality_transform_of(kept), modality_transform_of(copy))
    if same and np.array_equal(ahead.read(0), ahead.read(1)):
        return True
    chronology = chronology_of((kept, copy))
    if not chronology.age(kept) > chronology.age(copy):
        raise VolumeError(
            f"the images {kept.sop_instance_uid} and {copy.sop_instance_uid} have the same position but different"
            " pixels, and neither time nor number tells which of them counts. Leave one of them out."
        )
    return False


def _told(warnings: Sequence[str], copies: int, superseded: Sequence[InstanceHeader]) -> list[str]:
    """Return the warnings of a loadable, corrected where what were thought to be copies are other images."""
    if not superseded:
        return list(warnings)
    places = sorted({header.text("ImagePositionPatient").replace("\\", ", ") for header in superseded})
    count = len(superseded)
    shown = "; ".join(places[:5]) + ("; …" if len(places) > 5 else "")
    sentence = (
        f"{count} older image{'s' if count > 1 else ''} with other pixels at the same position left out"
        f" (at {shown}): the newest was taken."
    )
    told = [text for text in warnings if not _counts_duplicates(text)]
    same = [duplicates_sentence(copies - count)] if copies > count else []
    return [*told, *same, sentence]


def _counts_duplicates(text: str) -> bool:
    return text.endswith(("duplicate slice ignored.", "duplicate slices ignored."))


def _filler(header: InstanceHeader) -> float | None:
    pixel_format = pixel_format_of(header)
    padding = padding_of(header, pixel_format)
    if padding is None:
        return 0 if pixel_format.cells == "colours" else None
    return float(transformed(np.array([padding.value]), modality_transform_of(header))[0])


def _frame(header: InstanceHeader, transform: ModalityTransform) -> Frame:
    if isinstance(transform, ModalityLut):
        return Frame(header, header.frame_number, modality_lut=transform.table)
    return Frame(header, header.frame_number, transform.slope, transform.intercept)


def _volume(
    stack: Stack, loadable: Loadable, slices: _Slices, number: int, transforms: Sequence[ModalityTransform]
) -> Volume:
    """Return the volume `number` as it is now, while it is read and at the end."""
    known = slices.described.get(number)
    if known is None:
        slices.described[number] = known = _described(stack, loadable, slices.array[number], transforms)
    valid = _mask(slices, number)
    return replace(known, array=slices.array[number], valid=valid, warnings=loadable.warnings)


def _described(stack: Stack, loadable: Loadable, array: Voxels, transforms: Sequence[ModalityTransform]) -> Volume:
    headers = [frame.header for frame in stack.frames]
    source, middle = headers[len(headers) // 2], transforms[len(headers) // 2]
    table: list[Frame | None] = [None] * stack.slice_count
    for slot, header, transform in zip(stack.fit.slots, headers, transforms, strict=True):
        table[slot] = _frame(header, transform)
    return Volume(
        array=array,
        ijk_to_lps=stack.fit.ijk_to_lps,
        name=loadable.name,
        modality=source.text("Modality"),
        units=middle.units if isinstance(middle, ModalityLut) else units_of(source),
        slice_positions_lps_mm=stack.slice_positions_mm(),
        missing_slices=stack.fit.missing,
        regular=stack.fit.regular,
        frames=tuple(table),
        windows=windows_of_series(headers),
        placed=stack.placed,
        calibrated=stack.calibrated,
        monochrome1=source.text("PhotometricInterpretation") == "MONOCHROME1",
        source=source,
        source_series_uids=(source.series_instance_uid,),
        warnings=loadable.warnings,
        notes=loadable.notes,
    )


def _mask(slices: _Slices, number: int) -> npt.NDArray[np.bool_] | None:
    if slices.valid is None:
        return None
    mask: npt.NDArray[np.bool_] = slices.valid[number]
    return None if mask.all() else mask
