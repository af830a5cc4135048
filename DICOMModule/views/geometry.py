"""Where the pixels of a view lie in the patient: pure functions between pixels and millimetres."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from DICOMModule.errors import SettingsError
from DICOMModule.views.orientation import Vector, vector
from DICOMModule.volume.volume import Floats

FIT_MARGIN = 0.05  # of the view's width and height, on each side
MIN_VIEW_PX = 16
# Beyond these nothing more is to be seen, and VTK's arithmetic ends in NaN or in a crash.
LEAST_MM_PER_PIXEL = 1e-4
MOST_MM_PER_PIXEL = 1e3


@dataclass(frozen=True, slots=True)
class ViewGeometry:
    """Where the pixels of a parallel view lie.

    Pixel (0, 0) is at the upper left; the centre of pixel (px, py) is at (px + 0.5, py + 0.5), the middle of the view at
    (width_px / 2, height_px / 2).

    Attributes
    ----------
    width_px, height_px : int
        Size of the view.
    mm_per_pixel : float
        The same along both axes.
    center_lps_mm : tuple of float
        The point in the middle of the view, on the plane that is shown.
    right_lps, up_lps : tuple of float
        Unit vectors along the screen.
    """

    width_px: int
    height_px: int
    mm_per_pixel: float
    center_lps_mm: Vector
    right_lps: Vector
    up_lps: Vector

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1 or not self.mm_per_pixel > 0:
            raise SettingsError(
                f"a view of {self.width_px} × {self.height_px} pixels of {self.mm_per_pixel} mm cannot be drawn"
            )

    @property
    def toward_viewer_lps(self) -> Vector:
        """The unit normal of the plane, out of the screen; in a mirrored view, into it."""
        return vector(np.cross(self.right_lps, self.up_lps))

    def lps_at(self, x_px: float, y_px: float) -> Vector:
        """Return the point at (x_px, y_px), LPS mm; (px + 0.5, py + 0.5) is the centre of a pixel."""
        along = (x_px - self.width_px / 2.0) * self.mm_per_pixel
        upward = (self.height_px / 2.0 - y_px) * self.mm_per_pixel
        offset = np.multiply(self.right_lps, along) + np.multiply(self.up_lps, upward)
        return vector(np.add(self.center_lps_mm, offset))

    def pixel_at(self, position_lps_mm: Vector) -> tuple[float, float]:
        """Return the place (x_px, y_px) of a point, projected onto the plane; `lps_at` turned round."""
        offset = np.subtract(position_lps_mm, self.center_lps_mm) / self.mm_per_pixel
        x = self.width_px / 2.0 + float(np.dot(offset, self.right_lps))
        y = self.height_px / 2.0 - float(np.dot(offset, self.up_lps))
        return x, y

    def pixel_centers_lps(self) -> Floats:
        """Return the points at the centres of all pixels, shape (height, width, 3), LPS mm."""
        along = (np.arange(self.width_px) + 0.5 - self.width_px / 2.0) * self.mm_per_pixel
        upward = (self.height_px / 2.0 - 0.5 - np.arange(self.height_px)) * self.mm_per_pixel
        centers: Floats = (
            np.array(self.center_lps_mm)
            + along[None, :, None] * np.array(self.right_lps)
            + upward[:, None, None] * np.array(self.up_lps)
        )
        return centers

    def through(self, position_lps_mm: Vector) -> ViewGeometry:
        """Return the same view of the parallel plane through a position."""
        normal = np.array(self.toward_viewer_lps)
        step = float(normal @ np.subtract(position_lps_mm, self.center_lps_mm))
        return replace(self, center_lps_mm=vector(np.add(self.center_lps_mm, normal * step)))

    def panned(self, right_px: float, down_px: float) -> ViewGeometry:
        """Return the view with its picture moved by so many pixels."""
        center = self.lps_at(self.width_px / 2.0 - right_px, self.height_px / 2.0 - down_px)
        return replace(self, center_lps_mm=center)

    def zoomed(self, factor: float, x_px: float, y_px: float) -> ViewGeometry:
        """Return the view with its picture magnified by `factor` about a pixel, whose place stays where it is.

        The scale stays within `LEAST_MM_PER_PIXEL` and `MOST_MM_PER_PIXEL`; one that lies outside gets no further out.
        """
        kept = self.lps_at(x_px, y_px)
        zoomed = replace(self, mm_per_pixel=bounded_scale(self.mm_per_pixel, factor))
        now_x, now_y = zoomed.pixel_at(kept)
        return zoomed.panned(x_px - now_x, y_px - now_y)

    def turned(self, degrees: float) -> ViewGeometry:
        """Return the view with its picture turned about the middle, clockwise."""
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        right, up = np.array(self.right_lps), np.array(self.up_lps)
        return replace(self, right_lps=vector(cosine * right + sine * up), up_lps=vector(cosine * up - sine * right))

    def flipped_horizontally(self) -> ViewGeometry:
        """Return the view with its picture mirrored left to right about the middle: the plane as seen from behind."""
        return replace(self, right_lps=vector(-np.array(self.right_lps)))

    def flipped_vertically(self) -> ViewGeometry:
        """Return the view with its picture mirrored top to bottom about the middle."""
        return replace(self, up_lps=vector(-np.array(self.up_lps)))

    def resized(self, width_px: int, height_px: int) -> ViewGeometry:
        """Return the view with another size, the same scale and the same middle."""
        return replace(self, width_px=width_px, height_px=height_px)


def bounded_scale(mm_per_pixel: float, factor: float) -> float:
    """Return the millimetres a pixel of a view that is magnified by `factor`, as far as a view can be."""
    least, most = min(mm_per_pixel, LEAST_MM_PER_PIXEL), max(mm_per_pixel, MOST_MM_PER_PIXEL)
    wished = mm_per_pixel / factor if factor > 0 else most
    return min(max(wished, least), most)


def rotated(direction_lps: Vector, axis_lps: Vector, degrees: float) -> Vector:
    """Return a direction turned about a unit axis, right-handed (Rodrigues' formula)."""
    direction, axis = np.array(direction_lps), np.array(axis_lps)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned = cosine * direction + sine * np.cross(axis, direction) + (1.0 - cosine) * (axis @ direction) * axis
    return vector(turned * (np.linalg.norm(direction) / np.linalg.norm(turned)))


def fit(corners_lps_mm: Floats, right_lps: Vector, up_lps: Vector, width_px: int, height_px: int) -> ViewGeometry:
    """Return the view in which a box just fits, with 5 % of the view's size left free on each side.

    Parameters
    ----------
    corners_lps_mm : ndarray of float, shape (n, 3)
        Corners of the box; the middle of the view is the middle of their extent.
    right_lps, up_lps : tuple of float
        Unit vectors along the screen.
    width_px, height_px : int
        Size of the view.
    """
    axes = np.array([right_lps, up_lps, np.cross(right_lps, up_lps)])
    placed = corners_lps_mm @ axes.T
    low, high = placed.min(axis=0), placed.max(axis=0)
    free = 1.0 - 2.0 * FIT_MARGIN
    mm_per_pixel = max((high - low)[0] / (width_px * free), (high - low)[1] / (height_px * free))
    center = vector((low + high) / 2.0 @ axes)
    return ViewGeometry(width_px, height_px, float(mm_per_pixel), center, right_lps, up_lps)
