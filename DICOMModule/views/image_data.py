"""Volumes as VTK images that share the array's memory, and the matrix that puts them in the patient.

The image has a spacing and nothing else; origin, directions and a shear stand in the prop's UserMatrix, because not every
mapper heeds the directions of an image.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkDataArray
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from DICOMModule.errors import RenderingError
from DICOMModule.volume.volume import Volume, Voxels

# What VTK's reslicing and ray casting take as they are.
DRAWABLE = frozenset({("i", 1), ("u", 1), ("i", 2), ("u", 2), ("i", 4), ("u", 4), ("f", 4), ("f", 8)})
MASKED = 255


def drawable_array(volume: Volume) -> Voxels:
    """Return the volume's values as an array that VTK can share: the same memory wherever that is possible.

    Values that are not finite are replaced by the smallest finite one, as one of them would spread to its neighbours;
    `hidden_voxels` says where they are.

    Raises
    ------
    RenderingError
        The values are of a type that has no grey values.
    """
    array = volume.array
    if array.dtype.kind not in "biuf":
        raise RenderingError(f"values of type {array.dtype} cannot be shown as grey values")
    if array.dtype.kind == "f" and array.dtype.itemsize in {4, 8}:
        finite = np.isfinite(array)
        if not finite.all():
            low = array[finite].min() if finite.any() else 0
            array = np.where(finite, array, low)
    return np.ascontiguousarray(array, dtype=_drawable_type(array.dtype))


def _drawable_type(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if (dtype.kind, dtype.itemsize) in DRAWABLE:
        return dtype.newbyteorder("=")
    return np.dtype(np.float32 if dtype.itemsize < 4 else np.float64)


def hidden_voxels(volume: Volume) -> npt.NDArray[np.uint8] | None:
    """Return 255 where a voxel has no value of its own, 0 elsewhere, shape (k, j, i); None where all have one.

    Padding, missing slices and values that are not finite count.
    """
    hidden: npt.NDArray[np.bool_] | None = None if volume.valid is None else ~volume.valid
    if volume.missing_slices:
        hidden = np.zeros(volume.array.shape, bool) if hidden is None else hidden
        hidden[list(volume.missing_slices)] = True
    if volume.array.dtype.kind == "f":
        finite = np.isfinite(volume.array)
        if not finite.all():
            hidden = ~finite if hidden is None else hidden | ~finite
    if hidden is None or not hidden.any():
        return None
    mask = hidden.view(np.uint8)
    mask *= MASKED
    return mask


def vtk_array(values: Voxels) -> vtkDataArray:
    """Return `values`, of one or two dimensions and C-contiguous, as a VTK array over the same memory.

    The VTK array keeps the numpy array alive.
    """
    shared: vtkDataArray = numpy_to_vtk(values)  # type: ignore[no-untyped-call]
    return shared


def image_data(array: Voxels, spacing_mm: tuple[float, float, float]) -> vtkImageData:
    """Return an image over `array`, shape (k, j, i), C-contiguous; VTK keeps the array alive as long as it needs it."""
    depth, height, width = array.shape
    image = vtkImageData()
    image.SetDimensions(width, height, depth)  # numpy is [k, j, i], VTK is (i, j, k)
    image.SetSpacing(*spacing_mm)
    image.GetPointData().SetScalars(vtk_array(array.reshape(-1)))
    return image


def placing_matrix(volume: Volume) -> vtkMatrix4x4:
    """Return the matrix from the image's own millimetres to LPS: the columns of `ijk_to_lps` with length 1."""
    unit = volume.ijk_to_lps @ np.diag([*(1.0 / length for length in volume.spacing_mm), 1.0])
    matrix = vtkMatrix4x4()
    matrix.DeepCopy([float(value) for value in unit.reshape(-1)])
    return matrix
