"""The value under the pointer: the voxel's own, nothing interpolated; and the words for its unit."""

from __future__ import annotations

import re

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import plain_text
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.views.orientation import Vector
from DICOMModule.views.prepared import LUMA
from DICOMModule.volume.slice_places import slice_places
from DICOMModule.volume.volume import Volume, Voxels

# Of SUV Type (0054,1006), PS3.3 C.8.9.1; where it is absent, values in g/ml are normalised by the body's weight.
SUV_WORDS = {
    "": "SUV bw",
    "BW": "SUV bw",
    "LBM": "SUV lbm",
    "LBMJAMES128": "SUV lbm",
    "LBMJANMA": "SUV lbm",
    "BSA": "SUV bsa",
    "IBW": "SUV ibw",
}

ANNOTATION = re.compile(r"\{[^}]*\}")


def voxel_at(volume: Volume, position_lps_mm: Vector) -> tuple[int, int, int] | None:
    """Return the (i, j, k) of the voxel in whose box a position lies; None outside of the volume."""
    if not volume.regular:
        nearest, ij = slice_places(volume).nearest(np.array(position_lps_mm))
        index = np.array((*ij, float(nearest)))
    else:
        index = np.linalg.solve(volume.ijk_to_lps, np.array((*position_lps_mm, 1.0)))[:3]
    i, j, k = (int(value) for value in np.floor(index + 0.5))
    if all(0 <= value < size for value, size in zip((i, j, k), volume.dimensions, strict=True)):
        return i, j, k
    return None


def value_at(node: VolumeNode, position_lps_mm: Vector) -> float | None:
    """Return the value of the voxel at a position, in the volume's units; None outside, and where it has none.

    Of a volume in colour, the brightness is meant; see `color_at`.
    """
    values = _values_at(node.volume, position_lps_mm)
    if values is None:
        return None
    value = float(values[0] if len(values) == 1 else values @ LUMA)
    return value if np.isfinite(value) else None


def color_at(node: VolumeNode, position_lps_mm: Vector) -> tuple[int, int, int] | None:
    """Return red, green and blue of the voxel at a position of a volume in colour; None outside and of a grey one."""
    values = _values_at(node.volume, position_lps_mm)
    if values is None or len(values) != 3:
        return None
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def _values_at(volume: Volume, position_lps_mm: Vector) -> Voxels | None:
    found = voxel_at(volume, position_lps_mm)
    if found is None:
        return None
    i, j, k = found
    hidden = k in volume.missing_slices or (volume.valid is not None and not volume.valid[k, j, i])
    return None if hidden else np.atleast_1d(volume.array[k, j, i])


def units_text(units: str | None, header: InstanceHeader | None) -> str:
    """Return a unit as people write it, in one plain line.

    What GML stands for depends on the header's SUV Type; what UCUM has in braces are words beside the unit, not of it.
    """
    if units != "GML":
        return plain_text(ANNOTATION.sub("", units or ""))
    return "g/ml" if header is None else SUV_WORDS.get(header.text("SUVType").strip(), "g/ml")
