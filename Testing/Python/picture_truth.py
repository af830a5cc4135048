"""What a picture must show, worked out by numpy alone: nothing here is shared with the views."""

from __future__ import annotations

import numpy as np

from DICOMModule.volume.volume import Volume


def turn(*angles_deg: float) -> np.ndarray:
    """Return a rotation about z, then x, then y."""
    (cz, sz), (cx, sx), (cy, sy) = ((np.cos(a), np.sin(a)) for a in np.radians(angles_deg))
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    return about_z @ about_x @ about_y


# The columns are the steps along i, j and k in LPS mm.
TILT = np.radians(15.0)
GRIDS = {
    "axial": np.diag([0.7, 0.8, 2.5]),
    "axial, feet first prone": np.diag([0.7, -0.8, -2.5]),
    "axial, i to the right and j to the front": np.diag([-0.7, -0.8, 2.5]),
    "acquired sagittally": np.array([[0, 0, -2.0], [0.7, 0, 0], [0, -0.8, 0]]),
    "acquired coronally": np.array([[0.7, 0, 0], [0, 0, 3.0], [0, -0.8, 0]]),
    "oblique": turn(25.0, 15.0, 10.0) @ np.diag([0.7, 0.8, 2.5]),
    "sheared by a gantry tilt": np.array([[0.7, 0, 0], [0, 0.8 * np.cos(TILT), 0], [0, 0.8 * np.sin(TILT), 2.5]]),
    "sheared and oblique": turn(20.0, 5.0, -12.0) @ np.array([[0.9, 0, 0.3], [0, 0.8, -0.5], [0, 0, 1.4]]),
    "very thick slices": np.diag([0.4, 0.4, 9.0]),
}


def matrix(columns: np.ndarray, origin=(-31.5, 12.25, 104.0)) -> np.ndarray:
    ijk_to_lps = np.eye(4)
    ijk_to_lps[:3, :3] = columns
    ijk_to_lps[:3, 3] = origin
    return ijk_to_lps


def made_volume(columns: np.ndarray, dtype="int16", shape=(9, 14, 17), low=0, high=100, **options) -> Volume:
    """Return a volume of noise, in which every wrong voxel shows."""
    values = np.random.default_rng(7).integers(low, high, shape).astype(dtype)
    return Volume(values, matrix(np.asarray(columns, float)), **options)


def indices(volume: Volume, points_lps: np.ndarray) -> np.ndarray:
    """Return the (i, j, k) of points, shape (..., 3)."""
    inverse = np.linalg.inv(volume.ijk_to_lps)
    return points_lps @ inverse[:3, :3].T + inverse[:3, 3]


def edge_distance(volume: Volume, points_lps: np.ndarray) -> np.ndarray:
    """Return how far inside the box (negative: outside) points are, in voxels."""
    ijk = indices(volume, points_lps)
    size = np.array(volume.dimensions)
    return np.minimum(ijk + 0.5, size - 0.5 - ijk).min(axis=-1)


def nearest(volume: Volume, points_lps: np.ndarray) -> np.ndarray:
    ijk = np.clip(np.rint(indices(volume, points_lps)).astype(int), 0, np.array(volume.dimensions) - 1)
    return volume.array[ijk[..., 2], ijk[..., 1], ijk[..., 0]].astype(float)


def trilinear(volume: Volume, points_lps: np.ndarray) -> np.ndarray:
    """Return interpolated values; in the outer half voxel those of the outermost centres go on."""
    value, _ = trilinear_and_support(volume, points_lps, np.ones(volume.array.shape, bool))
    return value


def trilinear_and_support(volume: Volume, points_lps: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return interpolated values, and the weight of the voxels that are not good."""
    last = np.array(volume.dimensions) - 1
    ijk = np.clip(indices(volume, points_lps), 0, last)
    base = np.minimum(np.floor(ijk).astype(int), np.maximum(last - 1, 0))
    part = ijk - base
    value, bad = np.zeros(ijk.shape[:-1]), np.zeros(ijk.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        i, j, k = np.moveaxis(np.minimum(base + corner, last), -1, 0)
        weight = np.prod(np.where(np.array(corner), part, 1 - part), axis=-1)
        value += weight * volume.array[k, j, i]
        bad += weight * ~good[k, j, i]
    return value, bad


def grey(values: np.ndarray, level: float, width: float) -> np.ndarray:
    """Return PS3.3 C.11.2.1.2.1 as it stands there, from 0 to 255, not rounded."""
    scaled = ((values - (level - 0.5)) / (width - 1) + 0.5) * 255
    return np.where(
        values <= level - 0.5 - (width - 1) / 2,
        0.0,
        np.where(values > level - 0.5 + (width - 1) / 2, 255.0, scaled),
    )
