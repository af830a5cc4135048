"""What a header, or the functional groups of a multi-frame image, say of one frame's values and of its pixels' shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.lookup_table import LookupTable
from DICOMModule.dicom.pixel_format import pixel_format_of
from DICOMModule.dicom.value_tables import read_modality_lut
from DICOMModule.errors import DicomFileError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LARGEST: Final = 1e30
"""Numbers beyond are rubbish in a header, and overflow in sums."""

_SPACINGS: Final = ("PixelSpacing", "PixelAspectRatio", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_GROUPS: Final = frozenset(("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"))


@dataclass(frozen=True, slots=True)
class FrameValues:
    """How the values of a frame are meant to be shown.

    Attributes
    ----------
    slope, intercept : float
        From stored values to values.
    modality_lut : LookupTable or None
        In place of them.
    window : tuple of 2 floats or None
        Level and width, in values.
    function : str
        VOI LUT Function.
    height_to_width : float
        Height of a pixel in terms of its width.
    """

    slope: float = 1.0
    intercept: float = 0.0
    window: tuple[float, float] | None = None
    function: str = "LINEAR"
    height_to_width: float = 1.0
    modality_lut: LookupTable | None = None


def values_of(header: InstanceHeader, frame: int) -> FrameValues:
    """Return what is said of frame number `frame`; what makes no sense is left out.

    Raises
    ------
    DicomFileError
        The header has functional groups, and the file cannot be read.
    """
    found = _of_header(header)
    if _GROUPS.isdisjoint(header.attributes):
        return found
    for own in _groups(header.path, header.size_bytes, header.mtime_ns, frame):
        found = replace(found, **own)
    return found


def _of_header(header: InstanceHeader) -> FrameValues:
    found = FrameValues(function=header.text("VOILUTFunction") or "LINEAR", height_to_width=_shape(header))
    scaling = header.number("DoseGridScaling")
    if scaling is not None:
        found = replace(found, slope=_slope(scaling))
    elif not header.attributes.get("ModalityLUTSequence"):
        slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
        found = replace(found, slope=_slope(slope), intercept=_bearable(intercept) or 0.0)
    else:
        try:
            table, _ = read_modality_lut(header, pixel_format_of(header))
        except DicomFileError:
            return found  # windows are meant for what the table gives
        found = replace(found, modality_lut=table)
    centers, widths = header.floats("WindowCenter") or (), header.floats("WindowWidth") or ()
    return replace(found, window=_window(centers, widths))


def _shape(header: InstanceHeader) -> float:
    """Return the height of a pixel in terms of its width, by the first attribute that says it (PS3.3 10.7)."""
    for keyword in _SPACINGS:
        if shape := _ratio(header.floats(keyword) or ()):
            return shape
    return 1.0


def _ratio(pair: tuple[float, ...]) -> float | None:
    """Return the first of two lengths in terms of the second; None where no image can be meant."""
    if len(pair) != 2 or min(pair) <= 0:
        return None
    ratio = pair[0] / pair[1]
    return ratio if 1e-3 <= ratio <= 1e3 else None


def _slope(value: float | None) -> float:
    return value if value and abs(value) <= LARGEST and abs(value) >= 1 / LARGEST else 1.0


def _bearable(value: float | None) -> float | None:
    return value if value is not None and abs(value) <= LARGEST else None


def _window(centers: tuple[float, ...], widths: tuple[float, ...]) -> tuple[float, float] | None:
    pairs = zip(centers, widths, strict=False)
    return next((pair for pair in pairs if 0 < pair[1] <= LARGEST and abs(pair[0]) <= LARGEST), None)


# --- functional groups (PS3.3 C.7.6.16)


def _groups(path: Path, size_bytes: int, mtime_ns: int, frame: int) -> list[dict[str, Any]]:
    """Return what the shared groups say, and what those of the frame say."""
    every = _every_group(path, size_bytes, mtime_ns)
    return [every[0], every[frame] if frame < len(every) else {}]


@lru_cache(maxsize=4)
def _every_group(path: Path, _size_bytes: int, _mtime_ns: int) -> tuple[dict[str, Any], ...]:
    """Return the shared groups, then those of each frame; a file of many frames is parsed once while one scrolls."""
    dataset = read_dataset(path)
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    return (_said(shared[0]) if shared else {}, *(_said(item) for item in frames))


def _said(groups: Dataset) -> dict[str, Any]:
    """Return the fields of FrameValues that one item of functional groups has."""
    said: dict[str, Any] = {}
    if rescale := _item(groups, "PixelValueTransformationSequence"):
        said["slope"] = _slope(_number(rescale, "RescaleSlope"))
        said["intercept"] = _bearable(_number(rescale, "RescaleIntercept")) or 0.0
    if voi := _item(groups, "FrameVOILUTSequence"):
        if window := _window(_numbers(voi, "WindowCenter"), _numbers(voi, "WindowWidth")):
            said["window"] = window
        said["function"] = str(voi.get("VOILUTFunction") or "LINEAR")
    if (measures := _item(groups, "PixelMeasuresSequence")) and (shape := _ratio(_numbers(measures, "PixelSpacing"))):
        said["height_to_width"] = shape
    return said


def _item(groups: Dataset, keyword: str) -> Dataset | None:
    sequence = groups.get(keyword)
    return sequence[0] if sequence else None


def _number(item: Dataset, keyword: str) -> float | None:
    return next(iter(_numbers(item, keyword)), None)


def _numbers(item: Dataset, keyword: str) -> tuple[float, ...]:
    """Return the values of an attribute as numbers; none where one of them is no number."""
    value = item.get(keyword)
    values = [] if value is None else [value] if isinstance(value, str | float | int) else list(value)
    try:
        return tuple(float(one) for one in values)
    except (TypeError, ValueError):
        return ()
