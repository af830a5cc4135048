"""The frames of multi-frame images without functional groups: what vectors and times say of each (PS3.3 C.7.6.5, C.8.4)."""

from __future__ import annotations

import itertools
import math
from typing import Final

from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader
from DICOMModule.errors import FrameTableError

Own = dict[str, AttributeValue | None]

FRAME_TIME: Final = "FrameStartTime"
"""Our keyword for when a frame of a cine begins: ms after the first frame, as a number."""

NM_VECTORS: Final = {
    0x00540010: "EnergyWindowVector",
    0x00540020: "DetectorVector",
    0x00540030: "PhaseVector",
    0x00540050: "RotationVector",
    0x00540060: "RRIntervalVector",
    0x00540070: "TimeSlotVector",
    0x00540080: "SliceVector",
    0x00540090: "AngularViewVector",
    0x00540100: "TimeSliceVector",
}
"""What Frame Increment Pointer (0028,0009) of nuclear medicine points to: of a frame these are its numbers, from 1."""

_DOSE_CLASS: Final = "1.2.840.10008.5.1.4.1.1.481.2"
_NM_CLASSES: Final = frozenset(("1.2.840.10008.5.1.4.1.1.20", "1.2.840.10008.5.1.4.1.1.5"))
_SLICE_VECTOR: Final = 0x00540080
_SAME_MM: Final = 0.01


def classic_frames(header: InstanceHeader, count: int) -> list[Own]:
    """Return what each of `count` frames has of its own, in the order of the frames.

    Raises
    ------
    FrameTableError
        A vector has another length than there are frames, or says what cannot be.
    """
    if header.sop_class_uid == _DOSE_CLASS:
        return _dose_frames(header, count)
    owns: list[Own] = [{} for _ in range(count)]
    pointers = _pointers(header)
    is_nm = header.sop_class_uid in _NM_CLASSES or any(tag in NM_VECTORS for tag in pointers)
    if is_nm:
        _add_vectors(header, pointers or _fitting(header, count), owns)
    if count > 1:
        _add_times(header, owns)
    return owns


def is_classic_single(header: InstanceHeader) -> bool:
    """Return whether the frame of a single-frame image has nothing of its own: it is neither dose nor nuclear medicine."""
    uid = header.sop_class_uid
    return uid != _DOSE_CLASS and uid not in _NM_CLASSES and not any(tag in NM_VECTORS for tag in _pointers(header))


def _pointers(header: InstanceHeader) -> tuple[int, ...]:
    value = header.attributes.get("FrameIncrementPointer")
    if isinstance(value, int):
        return (value,)
    return tuple(int(tag) for tag in value) if isinstance(value, tuple) else ()


# --- nuclear medicine


def _fitting(header: InstanceHeader, count: int) -> tuple[int, ...]:
    """Return the vectors that have a value a frame, where no Frame Increment Pointer says which of them count."""
    found = {tag: header.attributes.get(keyword) for tag, keyword in NM_VECTORS.items()}
    return tuple(tag for tag, value in found.items() if isinstance(value, tuple) and len(value) == count > 1)


def _add_vectors(header: InstanceHeader, pointers: tuple[int, ...], owns: list[Own]) -> None:
    vectors = {NM_VECTORS[tag]: _vector(header, tag, len(owns)) for tag in pointers if tag in NM_VECTORS}
    for keyword in NM_VECTORS.values():  # those that nothing points to say nothing of the frames
        values = vectors.get(keyword, (None,) * len(owns))
        for own, value in zip(owns, values, strict=True):
            own[keyword] = value
    if "SliceVector" in vectors:
        _place_slices(header, vectors["SliceVector"], owns)
    if "TimeSlotVector" in vectors and (duration := header.number("GatedFrameTime")):
        for own, slot in zip(owns, vectors["TimeSlotVector"], strict=True):
            own["TriggerTime"] = _decimal((slot - 1) * duration)
    if "PhaseVector" in vectors:
        _time_phases(header, vectors, owns)
    names = header.texts("EnergyWindowName")
    for own, window in zip(owns, vectors.get("EnergyWindowVector", ()), strict=False):
        own["EnergyWindowName"] = names[window - 1] if window <= len(names) else None


def _vector(header: InstanceHeader, tag: int, count: int) -> tuple[int, ...]:
    keyword = NM_VECTORS[tag]
    value = header.attributes.get(keyword)
    if value is None and tag == _SLICE_VECTOR and header.integer("NumberOfSlices") == count:
        return tuple(range(1, count + 1))
    if value is None:
        raise FrameTableError(f"its {keyword} is missing, to which its Frame Increment Pointer points")
    values = value if isinstance(value, tuple) else (value,)
    if len(values) != count:
        raise FrameTableError(f"its {keyword} has {len(values)} values for {count} frames")
    numbers = tuple(int(number) for number in values if isinstance(number, int))
    if len(numbers) != count or min(numbers) < 1:
        raise FrameTableError(f"its {keyword} holds what are no numbers from 1 on")
    return numbers


def _place_slices(header: InstanceHeader, slices: tuple[int, ...], owns: list[Own]) -> None:
    """Place reconstructed slices along the normal of the first; the sign of their spacing is its direction.

    PS3.3 C.8.4.15: a positive Spacing Between Slices stacks the slices behind the first one, a negative one before it.
    Nothing else is taken for a spacing: without it the frames have no place.
    """
    orientation = header.text("DetectorImageOrientationPatient") or header.text("ImageOrientationPatient")
    corner = header.floats("DetectorImagePositionPatient") or header.floats("ImagePositionPatient")
    normal = _normal(orientation)
    spacing = header.number("SpacingBetweenSlices")
    for own, number in zip(owns, slices, strict=True):
        own["SliceLocation"] = None
        own["ImagePositionPatient"] = None
        if corner is None or len(corner) != 3 or normal is None or not spacing:
            continue
        away = (number - 1) * spacing
        own["ImageOrientationPatient"] = orientation
        own["ImagePositionPatient"] = _decimals(tuple(p + away * n for p, n in zip(corner, normal, strict=True)))


def _time_phases(header: InstanceHeader, vectors: dict[str, tuple[int, ...]], owns: list[Own]) -> None:
    """Give the frames of a dynamic study their times: phases of so many frames, each of a duration, with pauses.

    PS3.3 C.8.4.14; the same place (detector, energy window) is visited once a time slice.
    """
    counts = _phase_numbers(header, "NumberOfFramesInPhase")
    durations = _phase_numbers(header, "PhaseFrameDuration")
    delays, pauses = _phase_numbers(header, "PhaseDelay"), _phase_numbers(header, "PauseBetweenFrames")
    phases = max(vectors["PhaseVector"])
    if len(durations) < phases or len(counts) < phases:
        return
    starts, now = [], 0.0
    for number in range(phases):
        now += delays[number] if number < len(delays) else 0.0
        starts.append(now)
        pause = pauses[number] if number < len(pauses) else 0.0
        now += counts[number] * (durations[number] + pause)
    slices = vectors.get("TimeSliceVector", (1,) * len(owns))
    for own, phase, time in zip(owns, vectors["PhaseVector"], slices, strict=True):
        duration = durations[phase - 1]
        pause = pauses[phase - 1] if phase <= len(pauses) else 0.0
        own[FRAME_TIME] = starts[phase - 1] + (time - 1) * (duration + pause)
        own["ActualFrameDuration"] = _decimal(duration)


def _phase_numbers(header: InstanceHeader, keyword: str) -> tuple[float, ...]:
    return header.floats(keyword) or ()


# --- cine


def _add_times(header: InstanceHeader, owns: list[Own]) -> None:
    """Give the frames of a cine the times at which they begin, where the header says how they follow each other."""
    if any(own.get(FRAME_TIME) is not None for own in owns):
        return
    times = _increments(header, len(owns))
    for own, time in zip(owns, times, strict=False):
        own[FRAME_TIME] = time


def _increments(header: InstanceHeader, count: int) -> list[float]:
    """Return the time of each frame in ms after the first (PS3.3 C.7.6.5.1.2); empty where nothing says it."""
    increments = header.floats("FrameTimeVector")
    if increments is not None and len(increments) == count and min(increments) >= 0:
        times = list(itertools.accumulate(increments))
        return [time - times[0] for time in times]
    step = header.number("FrameTime")
    if not step or step < 0:
        rate = header.number("CineRate") or header.number("RecommendedDisplayFrameRate")
        step = 1000 / rate if rate and rate > 0 else 0.0
    return [number * step for number in range(count)] if step else []


# --- dose


def _dose_frames(header: InstanceHeader, count: int) -> list[Own]:
    """Place the planes of a dose grid, and give them its scaling.

    PS3.3 C.8.8.3.2: the offsets begin with 0 and go along the normal, or they begin with the z of the position and are
    z coordinates, which is for transverse planes only.
    """
    scaling = header.text("DoseGridScaling")
    own: Own = {"SliceLocation": None}
    if scaling:
        own |= {"RescaleSlope": scaling, "RescaleIntercept": "0", "RescaleType": header.text("DoseUnits") or None}
    offsets = header.floats("GridFrameOffsetVector")
    if offsets is None and count == 1:
        return [own]
    if offsets is None or len(offsets) != count:
        found = "none" if offsets is None else str(len(offsets))
        raise FrameTableError(f"its dose grid has {count} planes, and of Grid Frame Offsets {found}")
    corner = header.floats("ImagePositionPatient")
    normal = _normal(header.text("ImageOrientationPatient"))
    if corner is None or len(corner) != 3 or normal is None:
        raise FrameTableError("its dose grid has no usable position or orientation")
    if offsets[0] == 0:
        positions = [tuple(p + offset * n for p, n in zip(corner, normal, strict=True)) for offset in offsets]
    elif abs(offsets[0] - corner[2]) <= _SAME_MM and abs(normal[2]) > 1 - 1e-6:
        positions = [(corner[0], corner[1], offset) for offset in offsets]
    else:
        raise FrameTableError(
            f"its Grid Frame Offset Vector begins with {offsets[0]:g}, which is neither 0 nor the z of its position"
        )
    return [{**own, "ImagePositionPatient": _decimals(position)} for position in positions]


# --- numbers


def _normal(orientation: str) -> tuple[float, float, float] | None:
    """Return the unit normal of an Image Orientation (Patient) as written; None where it is none."""
    try:
        cosines = [float(text) for text in orientation.split("\\")]
    except ValueError:
        return None
    if len(cosines) != 6 or not all(map(math.isfinite, cosines)):
        return None
    row, column = cosines[:3], cosines[3:]
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    length = math.hypot(*normal)
    return None if length < 1e-6 else (normal[0] / length, normal[1] / length, normal[2] / length)


def _decimals(numbers: tuple[float, ...]) -> str:
    return "\\".join(map(_decimal, numbers))


def _decimal(number: float) -> str:
    return repr(float(number))
