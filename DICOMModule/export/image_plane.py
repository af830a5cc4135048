"""Where an image lies, in decimal strings of 16 characters (PS3.3 C.7.6.2.1.1)."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from DICOMModule.errors import ExportError
from DICOMModule.export import decimal_strings
from DICOMModule.export.copying import copy_sound
from DICOMModule.volume.volume import Floats, Volume

MOST_SKEW = 1e-4
"""Cosine between rows and columns that counts as perpendicular: what headers with rounded directions have."""


def check_plane(volume: Volume) -> None:
    """Check that rows and columns are perpendicular, which an image of DICOM cannot do without.

    Raises
    ------
    ExportError
        They are not.
    """
    row, column = _directions(volume)
    if abs(float(row @ column)) > MOST_SKEW:
        angle = np.degrees(np.arccos(np.clip(row @ column, -1, 1)))
        raise ExportError(
            f"the rows and columns of this grid stand at {angle:.3f}° to each other; a DICOM image needs 90°."
            " Resample the volume first."
        )


def plane_attributes(volume: Volume, same: Dataset | None) -> Dataset:
    """Return the attributes of the plane that all slices share.

    Parameters
    ----------
    same : Dataset or None
        An image of the source if the slices lie where the source's lie: its Slice Thickness holds then.
    """
    row, column = _directions(volume)
    between_columns, between_rows, _ = volume.spacing_mm
    dataset = Dataset()
    dataset.ImageOrientationPatient = [decimal_strings.direction(float(value)) for value in (*row, *column)]
    dataset.PixelSpacing = [decimal_strings.nearest(between_rows), decimal_strings.nearest(between_columns)]
    normal = np.cross(row, column)
    along = float(volume.ijk_to_lps[:3, 2] @ normal / np.linalg.norm(normal))
    if same is not None:
        copy_sound(same, dataset, ["SliceThickness"])
    if "SliceThickness" not in dataset:
        dataset.SliceThickness = decimal_strings.nearest(abs(along))
    if len(volume.array) > 1 and volume.regular:
        dataset.SpacingBetweenSlices = decimal_strings.nearest(abs(along))
    return dataset


def position(point: Floats) -> list[str]:
    """Return Image Position (Patient) for the centre of the first voxel of a slice, LPS mm."""
    return [decimal_strings.nearest(float(value)) for value in point]


def _directions(volume: Volume) -> tuple[Floats, Floats]:
    row, column = volume.ijk_to_lps[:3, 0], volume.ijk_to_lps[:3, 1]
    return row / np.linalg.norm(row), column / np.linalg.norm(column)
