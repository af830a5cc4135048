"""Slabs: what a view shows of several parallel planes, and where these lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from DICOMModule.errors import SettingsError
from DICOMModule.views.orientation import box_corners, normal_step_mm
from DICOMModule.volume.volume import Floats, Volume

SlabMode: TypeAlias = Literal["mip", "minip", "mean"]
SLAB_TITLES: dict[SlabMode, str] = {"mip": "MIP", "minip": "MinIP", "mean": "Mean"}


@dataclass(frozen=True, slots=True)
class Slab:
    """What is shown of the planes through a slab: the largest, the smallest or the mean of the values behind a pixel.

    Attributes
    ----------
    thickness_mm : float
        From its first to its last plane; the view's plane is in its middle. 0: that plane alone.
    mode : str
        ``mip``, ``minip`` or ``mean``.

    Raises
    ------
    SettingsError
        A value is outside its range.
    """

    thickness_mm: float = 0.0
    mode: SlabMode = "mip"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.thickness_mm) and self.thickness_mm >= 0):
            raise SettingsError(f"a slab cannot be {self.thickness_mm:g} mm thick")
        if self.mode not in get_args(SlabMode):
            raise SettingsError(f"there is no slab mode {self.mode!r}; there are {', '.join(get_args(SlabMode))}")

    @property
    def text(self) -> str:
        """For the overlay: ``MIP 10 mm``; empty for a plain slice."""
        return f"{SLAB_TITLES[self.mode]} {self.thickness_mm:.4g} mm" if self.thickness_mm else ""


def slab_planes(slab: Slab, volume: Volume, normal: Floats, middle_mm: float) -> tuple[Floats, Floats]:
    """Return where the planes lie that are looked at, and how much each of them counts for a mean.

    There is an odd number of them, equally spaced from end to end, no farther apart than the volume's own planes along the
    normal. The two at the ends count half, as each stands for half as much of the slab (trapezoidal rule).

    Parameters
    ----------
    slab : Slab
        Thickness and mode.
    volume : Volume
        What is looked through; planes that lie beyond its box are left out.
    normal : ndarray of float, shape (3,)
        Unit vector, LPS.
    middle_mm : float
        Place of the middle plane along the normal.

    Returns
    -------
    ndarray of float, ndarray of float, both of shape (n,)
        Distances from the middle plane in mm, and weights.
    """
    half = 0  # planes on each side of the middle one
    if slab.thickness_mm:
        half = max(1, math.ceil(slab.thickness_mm / 2.0 / normal_step_mm(volume, normal) - 1e-6))
    offsets = np.arange(-half, half + 1) * (slab.thickness_mm / 2.0 / max(half, 1))
    weights = np.ones(len(offsets))
    if half:
        weights[[0, -1]] = 0.5
    reach = box_corners(volume) @ normal - middle_mm
    met = (offsets >= reach.min() - 1e-6) & (offsets <= reach.max() + 1e-6)
    return offsets[met], weights[met]
