"""Which plane of which volume a slice view of the window shows, and where Qt's pixels lie on it; no Qt, no VTK."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from DICOMModule.scene import VolumeNode
from DICOMModule.views.geometry import ViewGeometry, bounded_scale, fit
from DICOMModule.views.orientation import Orientation, SliceStack, Vector, box_corners, slice_stack
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.views.view_state import frame_of_reference


class SlicePlane:
    """Keeps what a person zoomed to when the volume, the plane or the size of the view changes.

    As long as nobody has panned or zoomed, the volume fits into the view whatever its size.

    Parameters
    ----------
    orientation : Orientation
        How the plane lies at first.
    """

    def __init__(self, orientation: Orientation) -> None:
        self.orientation = orientation
        self.volume: Volume | None = None
        self.geometry: ViewGeometry | None = None
        self.slices: SliceStack | None = None
        self._size = (1, 1)
        self._fit_mm_per_pixel = 1.0
        self._is_fitted = True

    def fit_grown(self, position_lps_mm: Vector | None) -> None:
        """Fit a volume that has grown, as long as nobody has panned or zoomed."""
        if self._is_fitted:
            self.fit(position_lps_mm)

    @property
    def slice_number(self) -> int:
        """Number of the slice that is shown, from 1; 0 where nothing is shown."""
        if self.slices is None or self.geometry is None:
            return 0
        return self.slices.number_at(self.geometry.center_lps_mm)

    def show(self, volume: Volume | None, position_lps_mm: Vector | None) -> None:
        """Show a volume through a position; pan and zoom stay where it lies about the place of the one before."""
        before, self.volume = self.volume, volume
        if volume is None or position_lps_mm is None:
            self.volume, self.geometry, self.slices = None, None, None
        elif before is not volume:
            self.slices = slice_stack(volume, self.orientation)
            if before is None or self.geometry is None or not _lie_together(before, volume):
                self.geometry = None
                self.fit(position_lps_mm)
            else:
                self._fit_mm_per_pixel = self._fitted(volume).mm_per_pixel
                self.go_to(position_lps_mm)
        else:
            self.go_to(position_lps_mm)

    def resize(self, width_px: int, height_px: int) -> None:
        """Fit again, or keep what was zoomed to: so many times as large as fitted, about the same middle."""
        self._size = (max(width_px, 1), max(height_px, 1))
        if self.volume is None or self.geometry is None:
            return
        zoom = 1.0 if self._is_fitted else self._fit_mm_per_pixel / self.geometry.mm_per_pixel
        fitted = self._fitted(self.volume)
        self._fit_mm_per_pixel = fitted.mm_per_pixel
        if self._is_fitted:
            self.geometry = fitted.through(self.geometry.center_lps_mm)
        else:
            self.geometry = replace(
                self.geometry.resized(*self._size), mm_per_pixel=bounded_scale(fitted.mm_per_pixel, zoom)
            )

    def fit(self, position_lps_mm: Vector | None = None) -> None:
        """Fit the volume into the view, on the plane that is shown or on that through a position."""
        if self.volume is not None:
            place = position_lps_mm or (None if self.geometry is None else self.geometry.center_lps_mm)
            fitted = self._fitted(self.volume)
            self.geometry = fitted if place is None else fitted.through(place)
            self._fit_mm_per_pixel, self._is_fitted = fitted.mm_per_pixel, True

    def move(self, geometry: ViewGeometry) -> None:
        """Pan or zoom."""
        self.geometry, self._is_fitted = geometry, False

    def go_to(self, position_lps_mm: Vector) -> None:
        """Show the plane through a position; one that lies on the plane already changes nothing."""
        if self.geometry is not None:
            moved = self.geometry.through(position_lps_mm)
            away = np.subtract(moved.center_lps_mm, self.geometry.center_lps_mm)
            if float(np.linalg.norm(away)) > 1e-6:
                self.geometry = moved

    def turn(self, orientation: Orientation, position_lps_mm: Vector | None) -> None:
        """Let the plane lie otherwise: one that only turns in itself turns about the middle of the view, else about a position.

        Parameters
        ----------
        position_lps_mm : tuple of float or None
            Stays where it is on the screen while the plane tilts about it.
        """
        before, self.orientation = self.orientation, orientation
        if self.volume is None or self.geometry is None:
            return
        self.slices = slice_stack(self.volume, orientation)
        self._fit_mm_per_pixel = self._fitted(self.volume).mm_per_pixel
        turned = replace(self.geometry, right_lps=orientation.right_lps, up_lps=orientation.up_lps)
        if not _same_plane(before, orientation) and position_lps_mm is not None:
            x, y = self.geometry.pixel_at(position_lps_mm)
            middle_x, middle_y = turned.width_px / 2.0, turned.height_px / 2.0
            turned = replace(turned, center_lps_mm=position_lps_mm).panned(x - middle_x, y - middle_y)
        elif self._is_fitted and _by_right_angles(before, orientation):
            turned = self._fitted(self.volume).through(turned.center_lps_mm)
        self.geometry = turned

    def _fitted(self, volume: Volume) -> ViewGeometry:
        return fit(box_corners(volume), self.orientation.right_lps, self.orientation.up_lps, *self._size)


def has_grown(before: VolumeNode | None, after: VolumeNode | None) -> bool:
    """Say whether a node fills another part of space than before."""
    if before is None or after is None or before.id != after.id or before.volume is after.volume:
        return False
    return not np.array_equal(box_corners(before.volume), box_corners(after.volume))


def _lie_together(before: Volume, after: Volume) -> bool:
    """Say whether what a person zoomed to in one volume makes sense in another."""
    if frame_of_reference(before) != frame_of_reference(after):
        return False
    (low, high), (other_low, other_high) = (
        (corners.min(axis=0), corners.max(axis=0)) for corners in map(box_corners, (before, after))
    )
    return bool(np.all(np.maximum(low, other_low) < np.minimum(high, other_high)))


def _same_plane(before: Orientation, after: Orientation) -> bool:
    return abs(float(np.dot(before.scroll_lps, after.scroll_lps))) > 1.0 - 1e-9


def _by_right_angles(before: Orientation, after: Orientation) -> bool:
    part = abs(float(np.dot(before.right_lps, after.right_lps)))
    return part < 1e-9 or part > 1.0 - 1e-9
