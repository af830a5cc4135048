"""What a view shows of one volume, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DICOMModule.volume.volume import Voxels


@dataclass(frozen=True, slots=True, eq=False)
class SampledPlane:
    """Values at the centres of a view's pixels.

    Attributes
    ----------
    values : ndarray of float, shape (height, width), or (height, width, 3) for colour
        In the volume's units; 0 where there is none.
    inside : ndarray of bool, shape (height, width)
        False outside of the volume's box, voxels being boxes, and where voxels without a value would have a share.
    """

    values: Voxels
    inside: npt.NDArray[np.bool_]
