"""Overlays of a volume: the planes of its slices as masks, one mask an overlay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DICOMModule.dicom.overlay_planes import OverlayPlane


@dataclass(frozen=True, eq=False, slots=True)
class Overlay:
    """What is drawn over a volume, voxel by voxel.

    Attributes
    ----------
    name : str
        For people.
    mask : ndarray of bool, shape (k, j, i)
        Where something is drawn; not to be written to.
    is_region : bool
        A region of interest; else graphics: annotations, text burned into a plane.
    colours : ndarray of uint8, shape (k, j, i, 3), or None
        The colours in which it is to be drawn where they are given, as by a supplemental palette.
    """

    name: str
    mask: npt.NDArray[np.bool_]
    is_region: bool = False
    colours: npt.NDArray[np.uint8] | None = None


def overlays_of(planes: Iterable[tuple[int, OverlayPlane]], shape: tuple[int, int, int]) -> tuple[Overlay, ...]:
    """Return overlays from the planes of slices, each with its k; planes of one group and name become one overlay.

    Planes on which nothing is drawn are left out.
    """
    found: dict[tuple[int, str, bool], npt.NDArray[np.bool_]] = {}
    for k, plane in planes:
        if plane.mask.any():
            mask = found.setdefault((plane.group, plane.name, plane.is_region), np.zeros(shape, np.bool_))
            mask[k] |= plane.mask
    for mask in found.values():
        mask.flags.writeable = False
    return tuple(Overlay(name, mask, is_region) for (_, name, is_region), mask in found.items())
