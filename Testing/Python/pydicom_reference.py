"""Frames as pydicom reads them, one by one, with nothing of ours: what a loaded volume is compared with."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut


@lru_cache(maxsize=256)
def _dataset(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        return dataset, dataset.pixel_array


def _groups(dataset, number):
    shared = dataset.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    return ((frames[number - 1],) if frames else ()), (shared[0],)


def said(dataset, number, macro, keyword):
    """Return an attribute of a frame: from its own functional groups, the shared ones, or the data set."""
    for groups in _groups(dataset, number):
        for group in groups:
            if group.get(macro) and keyword in group.get(macro)[0]:
                return group.get(macro)[0].get(keyword)
    return dataset.get(keyword)


def reference_values(path, number=1):
    """Return the values of a frame."""
    dataset, pixels = _dataset(path)
    stored = pixels[number - 1] if int(dataset.get("NumberOfFrames") or 1) > 1 else np.squeeze(pixels)
    slope = said(dataset, number, "PixelValueTransformationSequence", "RescaleSlope")
    if "PerFrameFunctionalGroupsSequence" in dataset and slope is not None:
        intercept = said(dataset, number, "PixelValueTransformationSequence", "RescaleIntercept")
        return stored * float(slope) + float(intercept)
    return apply_modality_lut(stored, dataset)


def reference_frame(path, number=1, tile=None):
    """Return the values of a frame and its position, orientation (2, 3) and pixel spacing."""
    dataset, _ = _dataset(path)
    values = reference_values(path, number)
    position = np.array(said(dataset, number, "PlanePositionSequence", "ImagePositionPatient"), float)
    orientation = np.array(said(dataset, number, "PlaneOrientationSequence", "ImageOrientationPatient"), float)
    spacing = np.array(said(dataset, number, "PixelMeasuresSequence", "PixelSpacing"), float)
    if tile is not None:
        values, position = _cut(path, values, tile)
    return values, position, orientation.reshape(2, 3), spacing


def _cut(path, values, tile):
    """Return a slice of a Siemens mosaic and its position, by nibabel's reading of the CSA header."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom.dicomwrappers import wrapper_from_data

    mosaic = wrapper_from_data(_dataset(path)[0])
    down, right = tile.row // tile.rows, tile.column // tile.columns
    number = down * (values.shape[1] // tile.columns) + right
    normal = np.cross(*mosaic.image_orient_patient.T)  # the CSA header's has 8 decimals: it gives the sign only
    step = mosaic.voxel_sizes[2] * np.sign(normal @ mosaic.slice_normal) * normal
    position = mosaic.image_position + number * step
    return values[tile.row :, tile.column :][: tile.rows, : tile.columns], position


def check_pictures(volume):
    """Compare every grey value of images without a place with what pydicom makes of the files; colours have tests of their own."""
    assert len(volume.frames) == len(volume.array)
    assert np.array_equal(volume.ijk_to_lps, np.diag([*volume.spacing_mm, 1]))
    for k, frame in enumerate(volume.frames if volume.components == 1 else ()):
        values = reference_values(frame.header.filename, frame.frame_number)
        assert np.array_equal(volume.array[k], values.astype(volume.array.dtype))


def check_volume(volume):
    """Compare every voxel and every position of a volume of grey values with what pydicom makes of the files."""
    assert len(volume.frames) == len(volume.array)
    for k, frame in enumerate(volume.frames):
        assert (frame is None) == (k in volume.missing_slices)
        if frame is None:
            continue
        header, tile = frame.header, getattr(frame.header, "tile", None)
        values, position, (row, column), spacing = reference_frame(header.filename, frame.frame_number, tile)
        assert np.array_equal(volume.array[k], values.astype(volume.array.dtype))
        assert np.abs(volume.array[k] - values).max() <= 6e-8 * max(np.abs(values).max(), 1e-300)
        assert volume.slice_positions[k] == pytest.approx(position, abs=1e-6)
        rows, columns = (count - 1 for count in values.shape)
        corner = row * spacing[1] * columns + column * spacing[0] * rows
        matrix = volume.ijk_to_lps
        assert (matrix @ (columns, rows, k, 1))[:3] - (matrix @ (0, 0, k, 1))[:3] == pytest.approx(corner, abs=1e-3)
        if volume.regular:
            assert (matrix @ (0, 0, k, 1))[:3] == pytest.approx(position, abs=1e-3)
    assert np.linalg.det(volume.ijk_to_lps[:3, :3]) > 0
