"""A volume, or a reduced form of it, as a prop that VTK ray-casts, with clip planes along the volume's own axes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from vtkmodules.vtkRenderingCore import vtkVolume, vtkVolumeProperty
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkOpenGLGPUVolumeRayCastMapper

from DICOMModule.views.image_data import image_data, image_to_lps, vtk_matrix
from DICOMModule.views.prepared import prepare_volume, reduced_volume
from DICOMModule.views.volume_choices import WHOLE, ClipBox
from DICOMModule.volume.volume import Volume

Mapper: TypeAlias = vtkFixedPointVolumeRayCastMapper | vtkOpenGLGPUVolumeRayCastMapper
MAX_STEPS = 1600  # along the diagonal; more of them are not seen


class RayCaster:
    """One prop and its mapper. Shares the prepared arrays; belongs to one window.

    Parameters
    ----------
    volume : Volume
        What is drawn.
    shown : vtkVolumeProperty
        How.
    most_voxels : int or None
        A volume that has more is drawn in a reduced form; None: as it is.
    steps_per_voxel : float
        Of a ray, along the shortest side of a voxel.
    by_processor : bool
        Cast by the processor; else by OpenGL, on a graphics card or what stands in for one.
    """

    def __init__(
        self,
        volume: Volume,
        shown: vtkVolumeProperty,
        most_voxels: int | None,
        steps_per_voxel: float,
        *,
        by_processor: bool,
    ) -> None:
        values, factors = prepare_volume(volume).values, np.ones(3)
        if most_voxels is not None:
            small = reduced_volume(volume, most_voxels)
            values, factors = small.values, np.array(small.factors)
        self._volume = volume
        # The first voxel of the reduced form is the mean of a block: so far from the volume's own first one lies its centre.
        self._start_mm = (factors - 1) / 2.0 * volume.spacing_mm
        i, j, k = (float(spacing) for spacing in factors * volume.spacing_mm)
        self.mapper: Mapper = vtkFixedPointVolumeRayCastMapper() if by_processor else vtkOpenGLGPUVolumeRayCastMapper()
        self.mapper.SetInputData(image_data(values, (i, j, k)))
        self.mapper.SetAutoAdjustSampleDistances(0)
        diagonal_mm = float(np.linalg.norm(np.multiply(volume.dimensions, volume.spacing_mm)))
        self.mapper.SetSampleDistance(max(min(i, j, k) / steps_per_voxel, diagonal_mm / MAX_STEPS))
        placing = image_to_lps(volume)
        placing[:3, 3] += placing[:3, :3] @ self._start_mm
        self.prop = vtkVolume()
        self.prop.SetMapper(self.mapper)
        self.prop.SetProperty(shown)
        self.prop.SetUserMatrix(vtk_matrix(placing))

    def set_blend(self, blend: str) -> None:
        """Draw by ``composite`` or ``mip``."""
        if blend == "mip":
            self.mapper.SetBlendModeToMaximumIntensity()
        else:
            self.mapper.SetBlendModeToComposite()

    def set_clip(self, box: ClipBox) -> None:
        """Draw what lies within a box, see `checked_clip`."""
        if box == WHOLE:
            self.mapper.CroppingOff()
            return
        planes = []
        for axis, ends in enumerate(box):
            size, spacing = self._volume.dimensions[axis], self._volume.spacing_mm[axis]
            planes += [(end * size - 0.5) * spacing - float(self._start_mm[axis]) for end in ends]
        self.mapper.SetCroppingRegionPlanes(planes)
        self.mapper.SetCroppingRegionFlagsToSubVolume()
        self.mapper.CroppingOn()
