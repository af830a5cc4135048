"""How a frame was weighted by diffusion, and what a scanner has derived from such frames."""

from __future__ import annotations

from typing import NamedTuple

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.vendor_values import Direction, diffusion_key_of


class Diffusion(NamedTuple):
    """The weighting of a frame.

    Attributes
    ----------
    b : float
        In s/mm².
    direction : tuple of 3 floats or None
        Unit vector in LPS; None where there is none, as for b = 0.
    written : str
        The direction as it is written, where its frame of reference is unknown.
    """

    b: float
    direction: Direction | None = None
    written: str = ""

    @property
    def text(self) -> str:
        """For people."""
        if self.direction is None:
            return " ".join(filter(None, (f"b={self.b:g}", self.written)))
        return f"b={self.b:g} ({', '.join(f'{part:.3f}' for part in self.direction)})"

    @property
    def is_directed(self) -> bool:
        """Whether it was weighted along one direction."""
        return self.b > 0 and bool(self.direction or self.written)


def diffusion_of(header: InstanceHeader) -> Diffusion | None:
    """Return the weighting that a header states in whatever place, None where it states none."""
    b, direction, written = diffusion_key_of(header)
    if b is None:
        return None
    return Diffusion(round(b, 3), direction, written) if b > 0 else Diffusion(0.0)


@asked_once("ImageType", "DiffusionDirectionality")
def derived_map(header: InstanceHeader) -> str:
    """Return what map of a diffusion series a frame says to be: ``"ADC"``, ``"trace"``, …; empty where it says nothing.

    By Image Type, or Diffusion Directionality ISOTROPIC (PS3.3 C.8.13.5.9): an average over directions.
    """
    words = {text.upper() for text in header.texts("ImageType")}
    for word, name in _MAPS.items():
        if word in words:
            return name
    return "trace" if header.text("DiffusionDirectionality").upper() == "ISOTROPIC" else ""


_MAPS = {"ADC": "ADC", "EADC": "eADC", "FA": "FA", "TRACEW": "trace", "TRACE": "trace", "ISOTROPIC": "trace"}
