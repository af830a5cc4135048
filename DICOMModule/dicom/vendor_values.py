"""Facts that each maker writes in a place of its own, in one form: b-value, gradient direction, complex component.

A header is asked for the standard's attribute first. What a maker's own attribute says counts where its creator made it,
whoever is named as manufacturer, since images are anonymised; only texts that anybody may write depend on that name.
"""

from __future__ import annotations

import math
import re
from typing import Final

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader

Direction = tuple[float, float, float]

MAGNITUDE, PHASE, REAL, IMAGINARY, MIXED = "magnitude", "phase", "real", "imaginary", "mixed"

# GE adds a multiple of this to the b-value for its own purposes
_GE_FLAG: Final = 1_000_000_000
_LARGEST_B: Final = 1_000_000.0
_CANON_COMMENT: Final = re.compile(r"\bb\s*=\s*(\d{1,6}(?:\.\d{1,6})?)\s*(\([^)]{1,80}\))?")
_SIEMENS_SEQUENCE: Final = re.compile(r"_b(\d{1,6})(?:[#t]|$)")
_COMPONENTS: Final = {"MAGNITUDE": MAGNITUDE, "PHASE": PHASE, "REAL": REAL, "IMAGINARY": IMAGINARY, "MIXED": MIXED}
_LETTERS: Final = {"M": MAGNITUDE, "P": PHASE, "R": REAL, "I": IMAGINARY}
_WORDS: Final = {**_LETTERS, **_COMPONENTS, "MAG": MAGNITUDE, "PHASE MAP": PHASE}
_GE_KINDS: Final = {0: MAGNITUDE, 1: PHASE, 2: REAL, 3: IMAGINARY}


def b_value_of(header: InstanceHeader) -> float | None:
    """Return the diffusion b-value of a frame in s/mm², None where nothing says one.

    Looked for in the standard's attribute, in those of Siemens (private element, CSA header), Philips, UIH and GE, then
    in Canon's and Toshiba's comments and in Siemens' sequence names.
    """
    for keyword in ("DiffusionBValue", "SiemensBValue", "SiemensCSABValue", "PhilipsBValue", "UIHBValue"):
        value = header.number(keyword)
        if value is not None and 0 <= value <= _LARGEST_B:
            return value
    value = header.number("GEBValue")
    if value is not None and 0 <= value < 10 * _GE_FLAG:
        return value % _GE_FLAG
    written = _written_b_value(header)
    return None if written is None else float(written.group(1))


def gradient_of(header: InstanceHeader) -> Direction | None:
    """Return the direction of the diffusion gradient of a frame, a unit vector in LPS, None where there is none.

    No direction is of its own for b = 0 and for images averaged over directions: those have none, or zeros. Siemens,
    Philips, UIH and the standard write it in patient coordinates. GE writes it along frequency, phase and slice; it is
    turned here by Image Orientation (Patient) and the phase-encoding direction, with the signs that are known of axial
    images. Canon's is in a frame that its comments do not tell, so it is none here; `diffusion_key_of` tells images apart.
    """
    for keyword in (
        "DiffusionGradientOrientation",
        "SiemensGradientDirection",
        "SiemensCSAGradientDirection",
        "UIHGradientDirection",
    ):
        written = header.floats(keyword)
        if written is not None and len(written) == 3:
            return _unit(written)
    philips = _three(header, ("PhilipsGradientRL", "PhilipsGradientAP", "PhilipsGradientFH"))
    if philips is not None:
        return _unit(philips)
    return _ge_gradient(header)


@asked_once(
    "DiffusionBValue", "SiemensBValue", "SiemensCSABValue", "PhilipsBValue", "UIHBValue", "GEBValue", "Manufacturer",
    "ImageComments", "SequenceName", "DiffusionGradientOrientation", "SiemensGradientDirection",
    "SiemensCSAGradientDirection", "UIHGradientDirection", "PhilipsGradientRL", "PhilipsGradientAP", "PhilipsGradientFH",
    "GEGradientFrequency", "GEGradientPhase", "GEGradientSlice", "ImageOrientationPatient",
    "InPlanePhaseEncodingDirection",
)  # fmt: skip
def diffusion_key_of(header: InstanceHeader) -> tuple[float | None, Direction | None, str]:
    """Return what tells diffusion volumes apart: b-value, direction (4 decimals), and Canon's direction as it is written."""
    gradient = gradient_of(header)
    rounded = None if gradient is None else (round(gradient[0], 4), round(gradient[1], 4), round(gradient[2], 4))
    canon = _written_b_value(header) if gradient is None else None
    text = canon.group(2) if canon is not None and canon.re is _CANON_COMMENT else ""
    return b_value_of(header), rounded, text or ""


@asked_once("ComplexImageComponent", "Modality", "PhilipsComplexKind", "ImageType", "GEComplexKind")
def complex_kind_of(header: InstanceHeader) -> str | None:
    """Return which part of complex MR data a frame is: ``"magnitude"``, ``"phase"``, ``"real"``, ``"imaginary"`` or ``"mixed"``.

    None where nothing says it, which is the rule outside MR.
    """
    written = _COMPONENTS.get(header.text("ComplexImageComponent").upper())
    if written is not None:
        return written
    if header.text("Modality") not in {"MR", ""}:
        return None
    philips = _LETTERS.get(header.text("PhilipsComplexKind").upper())
    if philips is not None:
        return philips
    kinds = [text.upper() for text in header.texts("ImageType")[2:]]
    for text in kinds:
        if text in _WORDS:
            return _WORDS[text]
    for text in kinds:
        if text[1:2] == "_" and text[0] in _LETTERS:  # Philips: M_FFE, P_SE, …
            return _LETTERS[text[0]]
    return _GE_KINDS.get(header.integer("GEComplexKind") or 0) if "GEComplexKind" in header.attributes else None


def _written_b_value(header: InstanceHeader) -> re.Match[str] | None:
    """Return where a text has a b-value in it."""
    maker = header.text("Manufacturer").upper()
    if maker.startswith(("TOSHIBA", "CANON")):
        return _CANON_COMMENT.search(header.text("ImageComments")[:1024])
    if maker.startswith("SIEMENS"):
        return _SIEMENS_SEQUENCE.search(header.text("SequenceName"))
    return None


def _three(header: InstanceHeader, keywords: tuple[str, str, str]) -> Direction | None:
    x, y, z = map(header.number, keywords)
    return None if x is None or y is None or z is None else (x, y, z)


def _unit(vector: tuple[float, ...]) -> Direction | None:
    length = math.hypot(*vector)
    if not math.isfinite(length) or length < 1e-6:
        return None
    return vector[0] / length, vector[1] / length, vector[2] / length


def _ge_gradient(header: InstanceHeader) -> Direction | None:
    written = _three(header, ("GEGradientFrequency", "GEGradientPhase", "GEGradientSlice"))
    cosines = header.floats("ImageOrientationPatient")
    phase = header.text("InPlanePhaseEncodingDirection").upper()
    if written is None or cosines is None or len(cosines) != 6 or phase not in {"COL", "ROW"}:
        return None
    first, second, third = written
    along_row, along_column = (first, -second) if phase == "COL" else (second, first)
    row, column = cosines[:3], cosines[3:]
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    return _unit(
        tuple(along_row * r + along_column * c - third * n for r, c, n in zip(row, column, normal, strict=True))
    )
