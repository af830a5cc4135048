"""Volumes as VTK images that share the array's memory, and the matrix that puts them in the patient.

The image has a spacing and nothing else; origin, directions and a shear stand in a matrix of their own, because not every
mapper heeds the directions of an image.
"""

from __future__ import annotations

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkDataArray
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from DICOMModule.volume.volume import Floats, Volume, Voxels


def vtk_array(values: Voxels) -> vtkDataArray:
    """Return `values`, of one or two dimensions and C-contiguous, as a VTK array over the same memory.

    The VTK array keeps the numpy array alive.
    """
    shared: vtkDataArray = numpy_to_vtk(values)  # type: ignore[no-untyped-call]
    return shared


def image_data(array: Voxels, spacing_mm: tuple[float, float, float]) -> vtkImageData:
    """Return an image over `array`, shape (k, j, i) or (k, j, i, 3), C-contiguous; VTK keeps the array alive."""
    depth, height, width = array.shape[:3]
    image = vtkImageData()
    image.SetDimensions(width, height, depth)  # numpy is [k, j, i], VTK is (i, j, k)
    image.SetSpacing(*spacing_mm)
    image.GetPointData().SetScalars(
        vtk_array(array.reshape(-1) if array.ndim == 3 else array.reshape(-1, array.shape[3]))
    )
    return image


def image_to_lps(volume: Volume) -> Floats:
    """Return the matrix from the image's own millimetres to LPS, shape (4, 4): `ijk_to_lps` with columns of length 1."""
    placing: Floats = volume.ijk_to_lps @ np.diag([*(1.0 / length for length in volume.spacing_mm), 1.0])
    return placing


def vtk_matrix(values: Floats) -> vtkMatrix4x4:
    """Return a matrix of shape (4, 4) as one of VTK's."""
    matrix = vtkMatrix4x4()
    matrix.DeepCopy([float(value) for value in values.reshape(-1)])
    return matrix
