"""What may tell images at one position apart: attributes by which a fourth dimension can be read, best first."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple, TypeAlias

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.diffusion import diffusion_of
from DICOMModule.volume.moments import acquired_at, content_at

_ENERGY = re.compile(r"(?i)(?<![\d.])(\d{2,3}(?:\.\d{1,3})?)\s?keV\b")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?%")

_NAMES: Final = {"EnergyWindowVector": "EnergyWindowName"}
"""Attributes that number something → those of a frame that name it."""
Key: TypeAlias = Callable[[InstanceHeader], Hashable]


class Explanation(NamedTuple):
    """One attribute as a fourth axis.

    Attributes
    ----------
    keyword : str
        Of the attribute.
    key : callable
        Header to the value that frames of one volume share; None where the header does not say.
    name, unit : str
        Of the axis.
    part : str
        What the axis has several of, for sentences: ``"echo"``.
    scale : float
        From the attribute's values to those of the axis.
    contrast : bool
        It makes images of another kind rather than of another time: where it and time both vary, each of its values is
        a sequence of its own.
    mere_count : bool
        It merely counts, so that a time says more.
    tolerance : float
        Values that differ by no more are the same, as no protocol makes so small a difference: one of them was rounded.
    """

    keyword: str
    key: Key
    name: str
    unit: str = ""
    part: str = "time point"
    scale: float = 1.0
    contrast: bool = False
    mere_count: bool = False
    tolerance: float = 0.0

    @property
    def of_day(self) -> bool:
        """Whether its values are times of day."""
        return self.keyword in ("AcquisitionTime", "ContentTime")

    def counted(self, count: int) -> str:
        """Return how many parts there are, in words."""
        ending = "" if count == 1 or self.part.endswith("s") else "es" if self.part.endswith("o") else "s"
        return f"{count} {self.part}{ending}"

    def label(self, value: Hashable, header: InstanceHeader) -> str:
        """Return one value with name and unit, for people, and what a frame that has it calls it."""
        shown = f"{value * self.scale:g}" if isinstance(value, int | float) else str(value)
        told = " ".join(filter(None, (self.name, shown, self.unit)))
        called = self.called(header)
        return f"{told}: {called}" if called else told

    def called(self, header: InstanceHeader) -> str:
        """Return what a frame calls its value, where there is a name beside the number; empty where there is none."""
        return header.text(_NAMES[self.keyword]) if self.keyword in _NAMES else ""


def number_key(keyword: str) -> Key:
    """Return a key that reads a number; numbers that differ by how they are written only are the same."""

    def read(header: InstanceHeader) -> Hashable:
        number = header.number(keyword)
        return None if number is None else float(f"{number:.7g}")

    return asked_once(keyword)(read)


def text_key(keyword: str) -> Key:
    """Return a key that reads a text."""
    return asked_once(keyword)(lambda header: header.text(keyword) or None)


@asked_once("ScanOptions")
def _percent_of_scan_options(header: InstanceHeader) -> Hashable:
    """Return the phase that CT scanners write into Scan Options (``"TP30 %"``)."""
    found = _PERCENT.findall(header.text("ScanOptions"))
    return float(found[0]) if len(found) == 1 else None


@asked_once("SeriesDescription")
def _percent_of_description(header: InstanceHeader) -> Hashable:
    """Return the phase that names of series have where each phase is one of its own (``"Gated, 30 %"``)."""
    found = _PERCENT.findall(header.text("SeriesDescription"))
    return float(found[0]) if len(found) == 1 else None


def _energy_of(keyword: str) -> Key:
    """Return a key that reads the energy that a text names of virtual monoenergetic images (``"MonoE 70 keV"``)."""

    def read(header: InstanceHeader) -> Hashable:
        found = {float(text) for text in _ENERGY.findall(header.text(keyword))}
        return found.pop() if len(found) == 1 else None

    return asked_once(keyword)(read)


def _ice_dimension(number: int) -> Key:
    """Return a key that reads one of the counters of Siemens' reconstruction (``"X_1_1_2_…"``)."""

    def read(header: InstanceHeader) -> Hashable:
        parts = header.text("SiemensICEDims").split("_")
        return float(parts[number]) if number < len(parts) and parts[number].isdecimal() else None

    return asked_once("SiemensICEDims")(read)


def _numbered(keyword: str, name: str, unit: str, part: str, tolerance: float = 0.0, **facts: bool) -> Explanation:
    return Explanation(keyword, number_key(keyword), name, unit, part, tolerance=tolerance, **facts)


ECHO_TIME_MS: Final = 0.005

ECHO: Final = _numbered("EchoTime", "TE", "ms", "echo", ECHO_TIME_MS, contrast=True)

DIFFUSION: Final = Explanation("DiffusionBValue", diffusion_of, "b-value", "s/mm²", "diffusion weighting")

MEANT: Final[tuple[Explanation, ...]] = (
    ECHO,
    _numbered("EchoNumbers", "EchoNumbers", "", "echo", contrast=True),
    DIFFUSION,
    _numbered("TriggerTime", "TriggerTime", "ms", "phase", 0.01),
    _numbered("NominalPercentageOfCardiacPhase", "cardiac phase", "%", "phase"),
    Explanation("ScanOptions", _percent_of_scan_options, "cardiac phase", "%", "phase"),
    Explanation("SeriesDescription", _percent_of_description, "phase", "%", "phase"),
    _numbered("NominalPercentageOfRespiratoryPhase", "respiratory phase", "%", "phase"),
    _numbered("NominalRespiratoryTriggerDelayTime", "respiratory trigger delay", "ms", "phase", 0.01),
    _numbered("TemporalPositionTimeOffset", "time", "s", "time point", 1e-5),
    _numbered("TemporalPositionIdentifier", "TemporalPositionIdentifier", "", "time point", mere_count=True),
    Explanation("FrameReferenceTime", number_key("FrameReferenceTime"), "time", "s", "time point", 1e-3, tolerance=0.01),
    Explanation("FrameStartTime", number_key("FrameStartTime"), "time", "s", "frame", 1e-3, tolerance=0.01),
    _numbered("PhilipsDynamicTime", "time", "s", "time point", 1e-3),
    _numbered("GEDeltaStartTime", "time", "s", "time point", 1e-3),
    # of a frame of nuclear medicine these are numbers (PS3.3 C.8.4.8)
    _numbered("EnergyWindowVector", "energy window", "", "energy window", contrast=True),
    _numbered("DetectorVector", "detector", "", "detector", contrast=True),
    _numbered("RRIntervalVector", "RR interval", "", "RR interval"),
    _numbered("TimeSlotVector", "time slot", "", "time slot", mere_count=True),
    _numbered("PhaseVector", "phase", "", "phase", mere_count=True),
    _numbered("RotationVector", "rotation", "", "rotation", mere_count=True),
    _numbered("AngularViewVector", "view", "", "view", mere_count=True),
    _numbered("TimeSliceVector", "time slice", "", "time slice", mere_count=True),
    Explanation("ImageComments", _energy_of("ImageComments"), "energy", "keV", "energy", contrast=True),
    Explanation("SeriesDescription", _energy_of("SeriesDescription"), "energy", "keV", "energy", contrast=True),
    _numbered("InversionTime", "TI", "ms", "inversion time", 0.01, contrast=True),
    _numbered("FlipAngle", "flip angle", "°", "flip angle", 0.01, contrast=True),
    _numbered("RepetitionTime", "TR", "ms", "repetition time", 0.01, contrast=True),
    Explanation(
        "VelocityEncodingDirection", text_key("VelocityEncodingDirection"), "velocity encoding", "", "direction",
        contrast=True,
    ),
)  # fmt: skip
"""Attributes that are there to tell images apart."""

ORDER: Final = Explanation("", lambda _header: None, "time point")
"""No attribute: frames at a place are told apart by the order in which they were acquired."""


TRACES: Final[tuple[Explanation, ...]] = (
    _numbered("AcquisitionNumber", "AcquisitionNumber", "", "acquisition", mere_count=True),
    Explanation("AcquisitionTime", acquired_at, "time", "s"),
    Explanation("ContentTime", content_at, "time", "s"),
    _numbered("SeriesNumber", "SeriesNumber", "", "series", mere_count=True),
    Explanation("StackID", text_key("StackID"), "StackID", "", "stack"),
    Explanation("DimensionIndexValues", text_key("DimensionIndexValues"), "DimensionIndexValues", "", "image"),
)
"""Attributes that differ from acquisition to acquisition, but also between copies of one image."""

ICE_DIMENSIONS: Final = tuple(
    Explanation("SiemensICEDims", _ice_dimension(number), f"ICE dimension {number}", "", "part", mere_count=True)
    for number in range(1, 13)
)
"""What Siemens' XA systems count by themselves; asked only where nothing else tells images apart."""
