"""The pixels of a stack into one array: rescaled frame by frame, padding and gaps marked, copies compared."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.decoding import DecodingAhead, decoding_pool
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.pixel_format import PixelFormat, pixel_format_of
from DICOMModule.errors import VolumeError
from DICOMModule.jobs import Job, Progress
from DICOMModule.readers.loadable import Loadable
from DICOMModule.readers.stack import Stack
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
from DICOMModule.volume.volume import Frame, Volume, Voxels
from DICOMModule.volume.windowing import windows_of_series

WIDER: dict[int, type[np.signedinteger[Any]]] = {2: np.int32, 4: np.int64}


@dataclass(slots=True)
class _Slices:
    """The array while it is being filled."""

    array: Voxels
    valid: npt.NDArray[np.bool_] | None = field(default=None)

    def store(self, k: int, transform: ModalityTransform, ahead: DecodingAhead, index: int) -> None:
        """Read frame `index` into slice `k`."""
        header = ahead.headers[index]
        pixel_format = pixel_format_of(header)
        padding = padding_of(header, pixel_format)
        if transform == Rescale() and self.array.dtype == pixel_format.dtype:
            stored = ahead.read(index, out=self.array[k])
        else:
            stored = ahead.read(index)
            values = transformed(stored, transform)
            if self.array.dtype.kind in "iu":
                self._widen_for(values)
            self.array[k] = values
        if padding is not None:
            self._mark(k, padding, stored)

    def _mark(self, k: int, padding: Padding, stored: Voxels) -> None:
        padded = padding.mask(stored)
        if padded.any():
            self.valid = np.ones(self.array.shape[:3], np.bool_) if self.valid is None else self.valid
            self.valid[k] = ~padded

    def _widen_for(self, values: Voxels) -> None:
        """Change to a wider number type where a value does not fit: better than to take the widest for all."""
        smallest, largest = int(values.min()), int(values.max())
        while True:
            limits = np.iinfo(self.array.dtype)
            if limits.min <= smallest and largest <= limits.max:
                return
            self.array = self.array.astype(WIDER[self.array.dtype.itemsize])

    def fill_gaps(self, missing: tuple[int, ...], filler: float | None) -> None:
        """Fill missing slices with `filler`, else with the smallest value there is, and mark them."""
        present = [k for k in range(len(self.array)) if k not in set(missing)]
        self.valid = np.ones(self.array.shape[:3], np.bool_) if self.valid is None else self.valid
        if filler is None or not _holds(self.array.dtype, filler):
            filler = min(self.array[k].min() for k in present)
        self.array[list(missing)] = filler
        self.valid[list(missing)] = False


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return value == int(value) and limits.min <= value <= limits.max


def read_slices_job(stack: Stack, loadable: Loadable) -> Job[Volume]:
    """Read the slices of `stack` and return them as the volume that `loadable` promised.

    Raises
    ------
    DICOMModuleError
        A file has gone, changed or cannot be decoded; images at one position differ; there is no memory.
    """
    headers = [frame.header for frame in stack.frames]
    formats = [pixel_format_of(header) for header in headers]
    transforms = [modality_transform_of(header) for header in headers]
    slices = _Slices(_array_for(stack, formats, transforms))
    total = len(headers) + len(stack.copies)
    pairs = [(headers[index], copy.header) for index, copy in stack.copies]
    with decoding_pool() as pool:
        with pool.ahead(headers) as ahead:
            for done, slot in enumerate(stack.fit.slots):
                yield from _ready_job(ahead, done, Progress(done, total, "Reading slices"))
                slices.store(slot, transforms[done], ahead, done)
        for done, pair in enumerate(pairs, len(headers)):
            with pool.ahead(pair) as ahead:
                yield from _ready_job(ahead, 1, Progress(done, total, "Comparing slices at one position"))
                _check_same(*pair, ahead)
    if stack.fit.missing:
        middle = len(headers) // 2
        slices.fill_gaps(stack.fit.missing, _filler(headers[middle], formats[middle], transforms[middle]))
    yield Progress(total, total, "Reading slices")
    return _volume(stack, loadable, slices, transforms)


def _array_for(stack: Stack, formats: list[PixelFormat], transforms: list[ModalityTransform]) -> Voxels:
    stored = np.result_type(*(pixel_format.dtype for pixel_format in formats))
    dtype = value_type(stored, max(pixel_format.bits_stored for pixel_format in formats), transforms)
    columns, rows, slices = stack.dimensions
    try:
        return np.empty((slices, rows, columns, *formats[0].shape[2:]), dtype)
    except (MemoryError, ValueError) as error:
        mebibytes = slices * math.prod(formats[0].shape) * dtype.itemsize >> 20
        raise VolumeError(f"there is no memory for a volume of {mebibytes} MiB. Close other volumes.") from error


def _ready_job(ahead: DecodingAhead, index: int, progress: Progress) -> Job[None]:
    """Wait for a frame, with a cancel point at every moment: a decoder may take long, or hang."""
    yield progress
    while not ahead.is_ready(index):
        yield progress


def _check_same(kept: InstanceHeader, copy: InstanceHeader, ahead: DecodingAhead) -> None:
    """Refuse two images at one position that are not the same image."""
    same = same_transform(modality_transform_of(kept), modality_transform_of(copy))
    if not same or not np.array_equal(ahead.read(0), ahead.read(1)):
        raise VolumeError(
            f"the images {kept.sop_instance_uid} and {copy.sop_instance_uid} have the same position but different"
            " pixels: 4D series are not loaded yet."
        )


def _filler(header: InstanceHeader, pixel_format: PixelFormat, transform: ModalityTransform) -> float | None:
    padding = padding_of(header, pixel_format)
    if padding is None:
        return 0 if pixel_format.cells == "colours" else None
    return float(transformed(np.array([padding.value]), transform)[0])


def _frame(header: InstanceHeader, transform: ModalityTransform) -> Frame:
    if isinstance(transform, ModalityLut):
        return Frame(header, header.frame_number, modality_lut=transform.table)
    return Frame(header, header.frame_number, transform.slope, transform.intercept)


def _volume(stack: Stack, loadable: Loadable, slices: _Slices, transforms: list[ModalityTransform]) -> Volume:
    headers = [frame.header for frame in stack.frames]
    source, middle = headers[len(headers) // 2], transforms[len(headers) // 2]
    table: list[Frame | None] = [None] * stack.slice_count
    for slot, header, transform in zip(stack.fit.slots, headers, transforms, strict=True):
        table[slot] = _frame(header, transform)
    slices.array.flags.writeable = False
    return Volume(
        array=slices.array,
        ijk_to_lps=stack.fit.ijk_to_lps,
        name=loadable.name,
        modality=source.text("Modality"),
        units=middle.units if isinstance(middle, ModalityLut) else units_of(source),
        slice_positions_lps_mm=stack.slice_positions_mm(),
        missing_slices=stack.fit.missing,
        valid=slices.valid,
        frames=tuple(table),
        windows=windows_of_series(headers),
        monochrome1=source.text("PhotometricInterpretation") == "MONOCHROME1",
        source=source,
        source_series_uids=(source.series_instance_uid,),
        warnings=loadable.warnings,
        notes=loadable.notes,
    )
