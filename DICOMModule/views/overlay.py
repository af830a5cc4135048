"""What is written and drawn over a view, as values: text, letters, rulers, crosshair. Painting them is the widgets' work."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.person_name import person_name
from DICOMModule.errors import plain_text
from DICOMModule.scene.volume_node import VolumeNode, axis_text
from DICOMModule.views.color_bar import ColorBar, color_bar
from DICOMModule.views.color_tables import is_reversed
from DICOMModule.views.crosshair import Crosshair, crosshair
from DICOMModule.views.edge_letters import NO_LETTERS, Letters, edge_letters, letters_of
from DICOMModule.views.geometry import ViewGeometry
from DICOMModule.views.orientation import ORIENTATIONS, UPRIGHT, Orientation, SliceStack, Vector
from DICOMModule.views.prepared import reduction_factors
from DICOMModule.views.slab import Slab
from DICOMModule.views.voxel_values import units_text
from DICOMModule.volume.slice_places import RESAMPLED_IN_3D, warnings_seen
from DICOMModule.volume.volume import Volume

__all__ = ["OverlayText", "ViewOverlay", "edge_letters", "slice_overlay", "volume_overlay"]

RULER_SHARE = 0.24  # a ruler takes no more of its side of the view
LARGE_VIEW_PX = (480, 320)  # width and height from which every field has room
MEDIUM_VIEW_PX = (260, 200)
SMALL_VIEW_PX = (120, 90)
PLAIN_SLICE = Slab()
MOST_TILT_DEGREES = 1.0  # of a plane that has one place along an axis of the patient
WHOLE_HU = 10.0  # a width from which fractions of Hounsfield units are noise
TENTHS_FROM = 100.0
AGE_UNITS = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}


class Name(str):
    """A line that may be cut in the middle where it has no room: a name or a description, no number and no date."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OverlayText:
    """The lines in the corners, the most important line of each corner first.

    A line that is no `Name` consists of parts with two blanks between them, the most important part first; where it has no
    room, its last parts are left out.
    """

    top_left: tuple[str, ...] = ()
    top_right: tuple[str, ...] = ()
    bottom_left: tuple[str, ...] = ()
    bottom_right: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruler:
    """A length in pixels of the view, and what it stands for."""

    length_px: float
    text: str


@dataclass(frozen=True, slots=True)
class ViewOverlay:
    """All that is painted over one view.

    Attributes
    ----------
    name : str
        Of the view; gives the colour of its edge.
    text : OverlayText
        Corner text.
    letters : Letters
        At the edges.
    across, upward : Ruler or None
        Rulers at the bottom and at the left.
    crosshair : Crosshair or None
        None in the volume view.
    axes : tuple of (str, float, float, float)
        Of the orientation marker: letter, and the direction's parts to the right, upward and out of the screen.
    warnings : tuple of str
        Sentences for the yellow triangle.
    bar : ColorBar or None
        Which colours stand for which values, where that is not plain.
    """

    name: str
    text: OverlayText = OverlayText()
    letters: Letters = NO_LETTERS
    across: Ruler | None = None
    upward: Ruler | None = None
    crosshair: Crosshair | None = None
    axes: tuple[tuple[str, float, float, float], ...] = ()
    warnings: tuple[str, ...] = ()
    bar: ColorBar | None = None


def slice_overlay(
    node: VolumeNode,
    orientation: Orientation,
    view: ViewGeometry,
    slices: SliceStack,
    position_lps_mm: Vector,
    *,
    others: Mapping[str, Orientation] | None = None,
    slab: Slab = PLAIN_SLICE,
) -> ViewOverlay:
    """Return what is painted over a slice view that shows `node` with the crosshair at a position.

    Parameters
    ----------
    others : mapping of str to Orientation, or None
        How the other slice views lie, whose planes the crosshair shows; None: as they lie at first.
    slab : Slab
        What the view shows of the planes about its own.
    """
    size = _size_class(view)
    # What a slab is must be said wherever a slice is named: its values are not those of one plane.
    room = (0, 1, 3, 4)[size] + (size > 0 and bool(slab.text)) + (size > 0 and node.count > 1)
    text = OverlayText(
        top_left=patient_lines(node.volume.source)[: (0, 0, 2, 3)[size]],
        top_right=study_lines(node.volume.source)[: (0, 0, 2, 4)[size]],
        bottom_left=_slice_lines(node, orientation, view, slices, slab=slab.text, large=size > 2)[:room],
        bottom_right=series_lines(node)[: (0, 0, 1, 4)[size]],
    )
    return ViewOverlay(
        name=orientation.name,
        text=text,
        letters=letters_of(node.volume, view) if size else NO_LETTERS,
        across=ruler(view.mm_per_pixel, view.width_px, node.volume.calibrated) if size > 1 else None,
        upward=ruler(view.mm_per_pixel, view.height_px, node.volume.calibrated) if size > 1 else None,
        crosshair=crosshair(orientation.name, view, position_lps_mm, others) if node.volume.placed else None,
        warnings=tuple(map(plain_text, warnings_seen(node.volume, in_3d=False))) if size > 1 else (),
        bar=color_bar(node) if size > 1 else None,
    )


def volume_overlay(
    node: VolumeNode, view: ViewGeometry, preset_name: str, most_voxels: int | None = None
) -> ViewOverlay:
    """Return what is painted over a volume view.

    Parameters
    ----------
    most_voxels : int or None
        That the view draws; where the volume has more, it says how many are drawn.
    """
    size = _size_class(view)
    toward_viewer = view.toward_viewer_lps
    axes = tuple(
        (letter, view.right_lps[axis], view.up_lps[axis], toward_viewer[axis]) for axis, letter in enumerate("LPS")
    )
    lines = (
        _name(preset_name),
        _reduction_text(node.volume, most_voxels),
        _name("Brightness of the colours" if node.volume.components > 1 else ""),
        plain_text(axis_text(node)),
    )
    return ViewOverlay(
        name="3d",
        text=OverlayText(
            top_left=patient_lines(node.volume.source)[: (0, 0, 2, 3)[size]],
            bottom_right=tuple(line for line in lines if line) if size > 1 else (),
        ),
        axes=axes if size > 1 else (),
        across=ruler(view.mm_per_pixel, view.width_px) if size > 1 else None,
        # the others stand in the slice views, whose voxels they are about
        warnings=tuple(plain_text(text) for text in node.volume.warnings if RESAMPLED_IN_3D in text)
        if size > 1
        else (),
    )


def ruler(mm_per_pixel: float, side_px: int, calibrated: bool = True) -> Ruler:
    """Return a ruler of a round length: the longest 1, 2 or 5 × 10ⁿ that takes at most 24 % of a side.

    Parameters
    ----------
    mm_per_pixel : float
        Of the view; where the image has no spacing, image pixels a view pixel.
    side_px : int
        Width or height of the view.
    calibrated : bool
        False: the image has no spacing, and the ruler counts its pixels.
    """
    longest = RULER_SHARE * side_px * mm_per_pixel
    decade = 10.0 ** math.floor(math.log10(longest))
    length = next(step * decade for step in (5.0, 2.0, 1.0) if step * decade <= longest * (1.0 + 1e-9))
    return Ruler(length / mm_per_pixel, f"{length:g} {'mm' if calibrated else 'px'}")


def patient_lines(header: InstanceHeader | None) -> tuple[str, ...]:
    """Return name, ID, and birth date with age and sex, as far as they are known."""
    if header is None:
        return ()
    facts = (date_text(header.text("PatientBirthDate")), age_text(header.text("PatientAge")), header.text("PatientSex"))
    lines = (_name(person_name(header.text("PatientName"))), plain_text(header.text("PatientID")), _joined(facts))
    return tuple(line for line in lines if line)


def study_lines(header: InstanceHeader | None) -> tuple[str, ...]:
    """Return date and time, description, accession number and institution, as far as they are known."""
    if header is None:
        return ()
    when = _joined((date_text(header.text("StudyDate")), time_text(header.text("StudyTime"))))
    accession = header.text("AccessionNumber")
    lines = (
        when,
        _name(header.text("StudyDescription")),
        plain_text(f"Accession {accession}") if accession else "",
        _name(header.text("InstitutionName")),
    )
    return tuple(line for line in lines if line)


def series_lines(node: VolumeNode) -> tuple[str, ...]:
    """Return the series' name, how it was acquired, its slices, and what compression took from it."""
    header = node.volume.source
    lines: list[str] = [_name(node.name)]
    if header is not None:
        lines += [_acquisition_text(header), _thickness_text(header, node.volume), _lossy_text(header)]
    return tuple(line for line in lines if line)


def date_text(text: str) -> str:
    """Return a date (DA) as 2026-03-09; as it stands where it is none."""
    digits = text.replace(".", "")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 and digits.isdecimal() else text


def time_text(text: str) -> str:
    """Return a time (TM) as 10:15; as it stands where it is none."""
    digits = text.replace(":", "")
    return f"{digits[:2]}:{digits[2:4]}" if len(digits) >= 4 and digits[:4].isdecimal() else text


def age_text(text: str) -> str:
    """Return an age (AS) as ``45 years``; as it stands where it is none."""
    if len(text) == 4 and text[:3].isdecimal() and text[3] in AGE_UNITS:
        return f"{int(text[:3])} {AGE_UNITS[text[3]]}"
    return text


def place_text(axis_lps: Vector, position_lps_mm: Vector) -> str:
    """Return where a position lies along an axis of the patient, with a letter for the side: ``S 12.5 mm``."""
    axis = max(range(3), key=lambda index: abs(axis_lps[index]))
    value = round(position_lps_mm[axis], 1) + 0.0
    letter = "LPS"[axis] if value >= 0 else "RAI"[axis]
    return f"{letter} {abs(value):.1f} mm"


def turn_text(name: str, view: ViewGeometry) -> str:
    """Return how a view lies other than at first: ``turned 90°`` (clockwise), ``mirrored``, ``oblique``; else empty."""
    first = ORIENTATIONS.get(name)
    if first is None:
        return ""
    normal = float(np.dot(view.toward_viewer_lps, np.cross(first.right_lps, first.up_lps)))
    if abs(normal) < UPRIGHT:
        return "oblique"
    # Mirroring left for right leaves the direction upward as it was, so that one tells the turn.
    right, up = (float(np.dot(view.up_lps, axis)) for axis in (first.right_lps, first.up_lps))
    degrees = round(math.degrees(math.atan2(-right, up))) % 360
    return _joined((f"turned {degrees}°" if degrees else "", "mirrored" if normal < 0 else ""))


def window_text(node: VolumeNode, named: bool = True) -> str:
    """Return width and level with as many digits as they need, and the preset's name where `named` asks for it.

    Hounsfield units are whole numbers; of a width above 100 no more than a tenth is told.
    """
    if node.volume.components > 1:
        return ""
    window = node.display.window
    digits = 0 if node.volume.units == "HU" and window.width >= WHOLE_HU else 1 if window.width > TENTHS_FROM else None
    width, level = (
        f"{value:.5g}" if digits is None else _rounded(value, digits) for value in (window.width, window.level)
    )
    text = f"W {width}  L {level}"
    if node.quantity:
        text = _joined((text, f"{node.quantity} {units_text(node.volume.units, node.volume.source)}".rstrip()))
    return f"{text}  {plain_text(window.name)}" if named and window.name else text


def _slice_lines(
    node: VolumeNode, orientation: Orientation, view: ViewGeometry, slices: SliceStack, *, slab: str, large: bool
) -> tuple[str, ...]:
    center = view.center_lps_mm
    number, place = slices.number_at(center), ""
    placed = node.volume.placed
    # a picture or a film is not numbered: there is no other image to scroll to
    numbered = f"{'Slice' if placed else 'Image'} {number}/{slices.count}" if placed or slices.count > 1 else ""
    if placed and max(map(abs, orientation.scroll_lps)) >= math.cos(math.radians(MOST_TILT_DEGREES)):
        place = place_text(orientation.scroll_lps, center)
    if not large:
        lines: tuple[str, ...] = (
            numbered,
            slab,
            plain_text(axis_text(node)),
            place,
            window_text(node, named=False),
        )
    else:
        zoom = 100.0 * min(node.volume.spacing_mm[: 3 if placed else 2]) / view.mm_per_pixel
        lines = (
            _joined((numbered, place)),
            slab,
            plain_text(axis_text(node)),
            window_text(node),
            _joined((f"Zoom {zoom:.0f} %", turn_text(orientation.name, view))),
            "Inverted" if is_reversed(node.volume, node.display) != node.volume.monochrome1 else "",
        )
    return tuple(line for line in lines if line)


def _acquisition_text(header: InstanceHeader) -> str:
    modality = header.text("Modality")
    facts = [modality]
    if modality == "CT":
        facts += [_fact(header, "KVP", "{} kV"), _tube_text(header)]
    elif modality == "MR":
        facts += [_fact(header, "RepetitionTime", "TR {} ms"), _fact(header, "EchoTime", "TE {} ms")]
    elif modality == "PT":
        facts.append(units_text(header.text("Units"), header))
    return _joined(facts)


def _tube_text(header: InstanceHeader) -> str:
    current, time = header.number("XRayTubeCurrent"), header.number("ExposureTime")
    return "" if current is None or time is None else f"{current * time / 1000.0:.4g} mAs"


def _thickness_text(header: InstanceHeader, volume: Volume) -> str:
    thickness = _fact(header, "SliceThickness", "{} mm thick")
    between = f"{volume.spacing_mm[2]:.4g} mm apart" if volume.array.shape[0] > 1 and volume.placed else ""
    if not volume.regular:
        between = "unevenly spaced"
    return _joined((thickness, between))


def _lossy_text(header: InstanceHeader) -> str:
    if header.text("LossyImageCompression") != "01":
        return ""
    ratios = header.floats("LossyImageCompressionRatio")
    return f"Lossy compression {ratios[-1]:.3g} : 1" if ratios else "Lossy compression"


def _fact(header: InstanceHeader, keyword: str, pattern: str) -> str:
    value = header.number(keyword)
    return "" if value is None else pattern.format(f"{value:.4g}")


def _reduction_text(volume: Volume, most_voxels: int | None) -> str:
    factors = (1, 1, 1) if most_voxels is None else reduction_factors(volume, most_voxels)
    if factors == (1, 1, 1):
        return ""
    drawn = (str(size // factor) for size, factor in zip(volume.dimensions, factors, strict=True))
    return f"Drawn from {' × '.join(drawn)} voxels"


def _joined(facts: tuple[str, ...] | list[str]) -> str:
    return "  ".join(plain_text(fact) for fact in facts if fact)


def _name(text: str) -> str:
    return Name(plain_text(text))


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}".removesuffix(".0")


def _size_class(view: ViewGeometry) -> int:
    """Return how much a view has room for: 0 nothing, 1 its slice, 2 the main fields, 3 all."""
    steps = (SMALL_VIEW_PX, MEDIUM_VIEW_PX, LARGE_VIEW_PX)
    return sum(view.width_px >= width and view.height_px >= height for width, height in steps)
