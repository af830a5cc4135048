"""How a frame was weighted by diffusion: b-value and direction, as standard and vendors write it.

Directions are unit vectors in LPS.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader

LARGEST_B: Final = 1e6
NO_DIRECTION_B: Final = 50.0
"""Up to this b-value, in s/mm², scanners often leave the direction out though the frame is an image like the others."""
_COMMENT: Final = re.compile(r"\bb=(\d+(?:\.\d+)?)\(([-+.\d]+),([-+.\d]+),([-+.\d]+)\)")  # Canon, Vitrea V6

Vector = tuple[float, float, float]


class Diffusion(NamedTuple):
    """The weighting of a frame.

    Attributes
    ----------
    b : float
        In s/mm².
    direction : tuple of 3 floats or None
        Unit vector in LPS; None where there is none, as for b = 0.
    """

    b: float
    direction: Vector | None = None

    @property
    def text(self) -> str:
        """For people."""
        if self.direction is None:
            return f"b={self.b:g}"
        return f"b={self.b:g} ({', '.join(f'{part:.3f}' for part in self.direction)})"


def diffusion_of(header: InstanceHeader) -> Diffusion | None:
    """Return the weighting that a header states, None where it states none.

    PS3.3 C.8.13.5.9: Diffusion b-value and Diffusion Gradient Orientation, which single-frame images of most scanners
    have too; else Canon's comment.
    """
    b = header.number("DiffusionBValue")
    if b is not None:
        if not 0 <= b <= LARGEST_B:
            return None
        vector = header.floats("DiffusionGradientOrientation")
        return Diffusion(round(b, 3), _unit(vector) if vector is not None and len(vector) == 3 else None)
    match = _COMMENT.search(header.text("ImageComments"))
    if match is None:
        return None
    try:
        numbers = tuple(float(part) for part in match.groups())
    except ValueError:
        return None
    return Diffusion(numbers[0], _unit(numbers[1:])) if numbers[0] <= LARGEST_B else None


def _unit(vector: tuple[float, ...]) -> Vector | None:
    length = float(np.linalg.norm(vector))
    if not 1e-3 < length < 1e3:
        return None
    x, y, z = (round(part / length, 6) + 0.0 for part in vector)
    return x, y, z


def scanner_derived(header: InstanceHeader) -> str:
    """Return what map of a diffusion series a frame is (``"ADC"``, ``"trace"``); empty for an image as acquired.

    By Image Type, or by Diffusion Directionality ISOTROPIC (PS3.3 C.8.13.5.9): an average over directions.
    """
    words = {text.upper() for text in header.texts("ImageType")}
    if words & {"ADC", "EADC", "FA"}:
        return "ADC" if "ADC" in words else "eADC" if "EADC" in words else "FA"
    isotropic = header.text("DiffusionDirectionality").upper() == "ISOTROPIC"
    return "trace" if isotropic or words & {"TRACE", "TRACEW", "ISOTROPIC"} else ""
