"""The proof of an export: the files are read again by pydicom alone and compared with the volume, voxel by voxel.

It does not use what wrote them: values come from the pixel decoder and the written decimal strings, places from Image
Position, Image Orientation and Pixel Spacing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom

from DICOMModule.errors import ExportError
from DICOMModule.export.quantise import Quantisation, slices_of, valid_in
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Floats, Volume

LARGEST_MATRIX_ERROR_MM = 1e-6
"""A corner may lie so far off: sixteen characters leave 1e-9 mm to numbers of up to 10 m, and directions 1e-13."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What reading the files again has shown.

    Attributes
    ----------
    max_abs_error : float
        Largest difference between a valid voxel and its file, in the volume's units.
    max_position_error_mm : float
        Largest distance between a corner of a slice and where its file puts it.
    """

    max_abs_error: float
    max_position_error_mm: float


def prove_job(paths: Sequence[Path], volume: Volume, quantisation: Quantisation) -> Job[Proof]:
    """Read `paths`, the slices of `volume` that exist in order, and compare.

    Raises
    ------
    ExportError
        A file cannot be read, a value is further off than the bound, a place or the padding differs.
    """
    slices = slices_of(volume)
    if len(paths) != len(slices):
        raise ExportError(f"{len(slices)} slices should have been written, there are {len(paths)} files.")
    worst, furthest, uids = 0.0, 0.0, set[str]()
    for number, (path, k) in enumerate(zip(paths, slices, strict=True)):
        yield Progress(number, len(paths), "reading again")
        try:
            image = pydicom.dcmread(path)
            stored = image.pixel_array
        except (OSError, ValueError, RuntimeError, AttributeError, pydicom.errors.InvalidDicomError) as error:
            reason = " ".join(str(error).split())
            raise ExportError(f"image {number + 1} does not read back: {reason}. Nothing was kept.") from error
        uids.add(str(image.SOPInstanceUID))
        worst = max(worst, _value_error(image, stored, volume, k))
        furthest = max(furthest, _position_error_mm(image, volume, k))
    if len(uids) != len(paths):
        raise ExportError("two images have the same SOP Instance UID. Nothing was kept.")
    if worst > quantisation.error_bound:
        raise ExportError(
            f"a value reads back {worst:.3g} off, more than the bound of {quantisation.error_bound:.3g}."
            " Nothing was kept; this is a fault of the program."
        )
    if furthest > LARGEST_MATRIX_ERROR_MM * max(1.0, float(np.abs(volume.slice_positions).max()) / 1e4):
        raise ExportError(f"a slice reads back {furthest:.3g} mm off its place. Nothing was kept.")
    return Proof(worst, furthest)


def _value_error(image: pydicom.Dataset, stored: np.ndarray, volume: Volume, k: int) -> float:
    expected, valid = volume.array[k].astype(np.float64), valid_in(volume, k)
    if stored.shape != expected.shape:
        raise ExportError(f"slice {k} reads back with the shape {stored.shape}. Nothing was kept.")
    values = stored * float(image.get("RescaleSlope", 1)) + float(image.get("RescaleIntercept", 0))
    padding = image.get("PixelPaddingValue")
    marked = np.zeros(stored.shape, bool) if padding is None else stored == padding
    if not np.array_equal(marked, np.zeros(stored.shape, bool) if valid is None else ~valid):
        raise ExportError(f"the padding of slice {k} reads back otherwise than it was. Nothing was kept.")
    difference = np.abs(values - expected)
    if valid is not None:
        difference = difference[valid]
    return float(difference.max()) if difference.size else 0.0


def _position_error_mm(image: pydicom.Dataset, volume: Volume, k: int) -> float:
    origin = np.array([float(value) for value in image.ImagePositionPatient])
    axes = np.array([float(value) for value in image.ImageOrientationPatient])
    between_rows, between_columns = (float(value) for value in image.PixelSpacing)
    matrix = volume.ijk_to_lps
    _, rows, columns = volume.array.shape
    ends = np.array([[0, 0], [columns - 1, 0], [0, rows - 1], [columns - 1, rows - 1]], float)
    read: Floats = origin + ends @ np.stack([axes[:3] * between_columns, axes[3:] * between_rows])
    meant = volume.slice_positions[k] + ends @ matrix[:3, :2].T
    return float(np.linalg.norm(read - meant, axis=1).max())
