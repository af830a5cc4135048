"""The value under the pointer: the voxel's own, nothing interpolated; and the words for its unit."""

from __future__ import annotations

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import plain_text
from DICOMModule.scene.volume_node import VolumeNode
from DICOMModule.views.orientation import Vector
from DICOMModule.volume.volume import Volume

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


def voxel_at(volume: Volume, position_lps_mm: Vector) -> tuple[int, int, int] | None:
    """Return the (i, j, k) of the voxel in whose box a position lies; None outside of the volume."""
    index = np.linalg.solve(volume.ijk_to_lps, np.array((*position_lps_mm, 1.0)))[:3]
    i, j, k = (int(value) for value in np.floor(index + 0.5))
    if all(0 <= value < size for value, size in zip((i, j, k), volume.dimensions, strict=True)):
        return i, j, k
    return None


def value_at(node: VolumeNode, position_lps_mm: Vector) -> float | None:
    """Return the value of the voxel at a position, in the volume's units; None outside, and where it has none."""
    found = voxel_at(node.volume, position_lps_mm)
    if found is None:
        return None
    i, j, k = found
    volume = node.volume
    value = float(volume.array[k, j, i])
    hidden = k in volume.missing_slices or (volume.valid is not None and not volume.valid[k, j, i])
    return None if hidden or not np.isfinite(value) else value


def units_text(units: str | None, header: InstanceHeader | None) -> str:
    """Return a unit as people write it, in one plain line: what GML stands for depends on the header's SUV Type."""
    if units != "GML":
        return plain_text(units or "")
    return "g/ml" if header is None else SUV_WORDS.get(header.text("SUVType").strip(), "g/ml")
