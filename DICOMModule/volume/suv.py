"""Standardized uptake values of PET: from headers to factors, or the sentence why there are none.

The rules are those that vendors' own workstations follow, as the Quantitative Imaging Biomarkers Alliance has collected
them: which moment the values are decay-corrected to decides by how much the injected dose has to be decayed.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.body_size import BodySize, body_size_of
from DICOMModule.volume.quantity import Factor, Quantity

_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2}(?:\.\d{1,6})?)?")
_DATETIME = re.compile(r"(\d{8})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)([+-]\d{4})?")

SMALLEST_DOSE_BQ: Final = 1e4
"""Less is no dose that anybody images with: such a number is in MBq, against the standard."""
LONG_HALF_LIFE_S: Final = 12 * 3600.0
"""Tracers that last longer are imaged days after the injection: the time of day alone does not tell how long after."""
MOST_HALF_LIVES: Final = 20.0
LARGEST_SPREAD_S: Final = 60.0
_DAY_S: Final = 86400.0
_NAMES: Final = {
    "BW": ("SUVbw", "g/ml{SUVbw}"),
    "BSA": ("SUVbsa", "cm2/ml{SUVbsa}"),
    "LBM": ("SUVlbm", "g/ml{SUVlbm}"),
    "LBMJAMES128": ("SUVlbm (James)", "g/ml{SUVlbm}"),
    "LBMJANMA": ("SUVlbm (Janmahasatian)", "g/ml{SUVlbm(Janma)}"),
    "IBW": ("SUVibw", "g/ml{SUVibw}"),
}
"""SUV Type (0054,1006) → name and unit (PS3.16 CID 85)."""
ENHANCED_PET: Final = "1.2.840.10008.5.1.4.1.1.130"
LEGACY_CONVERTED_PET: Final = "1.2.840.10008.5.1.4.1.1.128.1"
_ALIKE: Final = (
    "Units", "CorrectedImage", "DecayCorrection", "PatientWeight", "RadiopharmaceuticalInformationSequence",
    "RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime", "RadiopharmaceuticalStartDateTime",
)  # fmt: skip
_ACTIVITY: Final = frozenset(("BQML", "CNTS"))


@dataclass(frozen=True, slots=True)
class Suv:
    """What came of it.

    Attributes
    ----------
    quantities : tuple of Quantity
        SUVbw first; none where `warnings` or `notes` say why.
    warnings : tuple of str
        What is missing or contradicts itself.
    notes : tuple of str
        Why some of the quantities are not there, or no uptake is meant.
    """

    quantities: tuple[Quantity, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _RefusedError(Exception):
    """Why there is no SUV; never leaves this module."""


def suv_of(headers: Sequence[InstanceHeader], units: str | None = None) -> Suv:
    """Return the standardized uptake values that a PET series can be shown as.

    Parameters
    ----------
    headers : sequence of InstanceHeader
        Of the slices, in the order of k.
    units : str, optional
        Of the values, in UCUM, where a real-world value mapping says it: enhanced PET has no other way.

    Notes
    -----
    The primary values stay what they are. Lean body mass is given by two formulas: James (1976), as most workstations
    have it, and Janmahasatian (2005); body surface by Du Bois.
    """
    if not headers or headers[0].text("Modality") != "PT":
        return Suv()
    first = headers[0]
    unit = first.text("Units").upper()
    if not unit and first.sop_class_uid == ENHANCED_PET:
        return _of_enhanced(headers, units)
    if not unit and first.sop_class_uid == LEGACY_CONVERTED_PET and units == "Bq/ml":
        unit = "BQML"
    if unit in ("GML", "CM2ML"):
        return _as_stored(first, unit)
    if unit not in _ACTIVITY:
        return Suv()
    differing = _differing(headers)
    if differing:
        return Suv(warnings=(f"SUV not computed: {differing} differs from slice to slice.",))
    corrected = {text.upper() for text in first.texts("CorrectedImage")}
    if "ATTN" not in corrected:
        return Suv(notes=("SUV not computed: the images are not corrected for attenuation.",))
    size = body_size_of(first)
    by_weight = _of_each(headers, "PhilipsSUVScaleFactor") if unit == "CNTS" else None
    if by_weight is not None:
        return _by_body(by_weight, "Counts by Philips' SUV scale factor (7053,1000).", size)
    try:
        per_kg, provenance = _per_kilogram(headers, unit, corrected)
        if size.weight_kg is None:
            raise _RefusedError(size.weight_reason)
    except _RefusedError as error:
        return Suv(warnings=(f"SUV not computed: {error}.",))
    return _by_body(_times(per_kg, size.weight_kg), provenance, size)


def _differing(headers: Sequence[InstanceHeader]) -> str:
    """Return an attribute that all slices must have alike and do not; empty where there is none."""
    first = headers[0].attributes
    for keyword in _ALIKE:
        value = first.get(keyword)
        if any(header.attributes.get(keyword) != value for header in headers):
            numbers = {header.number(keyword) for header in headers}
            if len(numbers) > 1 or None in numbers:  # a number may be written in two ways
                return keyword
    return ""


def _as_stored(header: InstanceHeader, unit: str) -> Suv:
    """Return the uptake that the values already are."""
    kind = header.text("SUVType").upper() or ("BSA" if unit == "CM2ML" else "BW")
    if kind not in _NAMES:
        return Suv(notes=(f"Values are SUV of an unknown kind ({kind}).",))
    name, suv_unit = _NAMES[kind]
    said = f"SUV Type {kind}" if header.text("SUVType") else "no SUV Type, so the standard's default"
    return Suv((Quantity(name, suv_unit, 1.0, 0.0, f"The values are SUV as stored: Units {unit}, {said}."),))


def _of_enhanced(headers: Sequence[InstanceHeader], units: str | None) -> Suv:
    """Return the uptake of an enhanced PET object, which says itself to which moment it is corrected (PS3.3 C.8.22)."""
    first = headers[0]
    if units is None or units.partition("{")[0] not in ("Bq/ml", "g/ml", "cm2/ml"):
        return Suv()  # its unit is in the mappings, which are read when it is loaded
    if units.partition("{")[0] != "Bq/ml":
        name = next((name for name, unit in _NAMES.values() if unit == units), "SUV")
        return Suv((Quantity(name, units, 1.0, 0.0, f"The values are SUV as stored: {units}."),))
    if first.text("AttenuationCorrected").upper() != "YES":
        return Suv(notes=("SUV not computed: the images are not corrected for attenuation.",))
    size = body_size_of(first)
    try:
        if first.text("DecayCorrected").upper() != "YES":
            raise _RefusedError("DecayCorrected is not YES")
        moment = _datetime(first, "DecayCorrectionDateTime")
        if moment is None:
            raise _RefusedError("DecayCorrectionDateTime missing")
        if size.weight_kg is None:
            raise _RefusedError(size.weight_reason)
        dose_bq, half_life_s = _dose(first), _positive(first, "RadionuclideHalfLife")
        delay = _since_injection(first, moment, half_life_s)
    except _RefusedError as error:
        return Suv(warnings=(f"SUV not computed: {error}.",))
    provenance = (
        f"Values in Bq/ml. Dose {dose_bq / 1e6:.6g} MBq, half-life {half_life_s:g} s, {delay:.6g} s of decay from the"
        " injection to DecayCorrectionDateTime."
    )
    return _by_body(1000.0 * size.weight_kg / (dose_bq * 2.0 ** (-delay / half_life_s)), provenance, size)


def _by_body(by_weight: Factor, provenance: str, size: BodySize) -> Suv:
    """Return the uptakes by weight, lean mass and surface, from the factor of that by weight."""
    said = "" if size.weight_kg is None else f" Weight {size.weight_kg:g} kg."
    made = [Quantity("SUVbw", "g/ml{SUVbw}", by_weight, 0.0, provenance + said)]
    made += [
        Quantity(other.name, other.unit, _times(by_weight, other.share), 0.0, f"{provenance} {other.provenance}")
        for other in size.others()
    ]
    return Suv(tuple(made), notes=size.notes())


def _times(factor: Factor, by: float) -> Factor:
    return tuple(one * by for one in factor) if isinstance(factor, tuple) else factor * by


# --- factors for a body of 1 kg


def _per_kilogram(headers: Sequence[InstanceHeader], unit: str, corrected: set[str]) -> tuple[Factor, str]:
    """Return what values become SUV by for a body of 1 kg, one for all slices or one a slice, and how it was found."""
    activity: Factor = 1.0
    said = "Values in Bq/ml."
    if unit == "CNTS":
        activity = _of_each(headers, "PhilipsActivityScaleFactor") or 0.0
        if activity == 0.0:
            raise _RefusedError("values are counts, and Philips' scale factors (7053,1000) and (7053,1009) are missing")
        said = "Counts by Philips' activity scale factor (7053,1009) to Bq/ml."
    dose_bq, half_life_s = _dose(headers[0]), _positive(headers[0], "RadionuclideHalfLife")
    delays, how = _decayed_for(headers, corrected, half_life_s)
    grams_per_bq = tuple(1000.0 / (dose_bq * 2.0 ** (-delay / half_life_s)) for delay in delays)
    factors = grams_per_bq * len(headers) if len(grams_per_bq) == 1 else grams_per_bq
    of_slices = activity if isinstance(activity, tuple) else (activity,) * len(headers)
    joined = tuple(one * other for one, other in zip(factors, of_slices, strict=True))
    provenance = f"{said} Dose {dose_bq / 1e6:.6g} MBq, half-life {half_life_s:g} s, {how}."
    return (joined[0] if len(set(joined)) == 1 else joined), provenance


def _of_each(headers: Sequence[InstanceHeader], keyword: str) -> Factor | None:
    """Return a positive number of each header, or the one that all have; None where one has none."""
    numbers = [header.number(keyword) for header in headers]
    found = tuple(number for number in numbers if number is not None and number > 0)
    if len(found) < len(headers):
        return None
    return found[0] if len(set(found)) == 1 else found


def _positive(header: InstanceHeader, keyword: str) -> float:
    number = header.number(keyword)
    if number is None:
        raise _RefusedError(f"{keyword} missing")
    if number <= 0:
        raise _RefusedError(f"{keyword} is {number:g}")
    return number


def _dose(header: InstanceHeader) -> float:
    tracers = header.integer("RadiopharmaceuticalInformationSequence") or 1
    if tracers > 1:
        raise _RefusedError(f"{tracers} radiopharmaceuticals in one series")
    dose_bq = _positive(header, "RadionuclideTotalDose")
    if dose_bq < SMALLEST_DOSE_BQ:
        raise _RefusedError(f"RadionuclideTotalDose {dose_bq:g} Bq is no dose: it may be in MBq")
    return dose_bq


# --- for how long the dose has decayed when the values hold


def _decayed_for(
    headers: Sequence[InstanceHeader], corrected: set[str], half_life_s: float
) -> tuple[tuple[float, ...], str]:
    """Return for how many seconds the dose has decayed, for all slices or for each, and in words why."""
    correction = headers[0].text("DecayCorrection").upper()
    if not correction:
        raise _RefusedError("DecayCorrection missing")
    if (correction == "NONE") == ("DECY" in corrected):
        raise _RefusedError(f"DecayCorrection {correction} and CorrectedImage contradict each other")
    if correction == "ADMIN":
        return (0.0,), "values corrected for decay to the injection"
    if correction == "START":
        moment, which = _start_of_scan(headers, half_life_s)
        delay = _since_injection(headers[0], moment, half_life_s)
        return (delay,), f"{delay:.6g} s of decay from the injection to {which}"
    if correction == "NONE":
        moments = [_mid_frame(header, half_life_s) for header in headers]
        delays = tuple(_since_injection(headers[0], moment, half_life_s) for moment in moments)
        return delays, "values not corrected for decay: the dose decayed to each slice's own acquisition"
    raise _RefusedError(f"DecayCorrection {correction} is unknown")


def _start_of_scan(headers: Sequence[InstanceHeader], half_life_s: float) -> tuple[dt.datetime, str]:
    """Return the moment to which START corrects, and what it is."""
    acquired = [moment for header in headers if (moment := _acquired(header)) is not None]
    if not acquired:
        raise _RefusedError("AcquisitionTime missing")
    first = headers[0]
    series = _moment(first.text("SeriesDate"), first.text("SeriesTime"))
    if series is not None and series <= min(acquired):
        return series, "the series' date and time"
    # The series' time is that of a later reconstruction
    scanned = _datetime(first, "GEPETScanDateTime")
    if scanned is not None:
        return scanned, "GE's time of the scan (0009,100D)"
    starts = [_start_by_reference(header, half_life_s) for header in headers]
    if max(starts) - min(starts) > dt.timedelta(seconds=LARGEST_SPREAD_S):
        raise _RefusedError("SeriesTime is after AcquisitionTime, and the slices do not agree on when the scan began")
    return sorted(starts)[len(starts) // 2], "the start of the scan by AcquisitionTime and FrameReferenceTime"


def _start_by_reference(header: InstanceHeader, half_life_s: float) -> dt.datetime:
    """Return when the scan began: Frame Reference Time counts from there to when the frame's mean activity is reached."""
    acquired, reference_ms = _acquired(header), header.number("FrameReferenceTime")
    if acquired is None or reference_ms is None:
        missing = "AcquisitionTime" if acquired is None else "FrameReferenceTime"
        raise _RefusedError(f"SeriesTime is after AcquisitionTime, and {missing} is missing")
    into_frame_s = _mean_activity_s(header, half_life_s)
    return acquired + dt.timedelta(seconds=into_frame_s - reference_ms / 1000.0)


def _mid_frame(header: InstanceHeader, half_life_s: float) -> dt.datetime:
    acquired = _acquired(header)
    if acquired is None:
        raise _RefusedError("AcquisitionTime missing")
    return acquired + dt.timedelta(seconds=_mean_activity_s(header, half_life_s))


def _mean_activity_s(header: InstanceHeader, half_life_s: float) -> float:
    """Return how long after its start a frame has its mean activity."""
    duration_ms = header.number("ActualFrameDuration")
    if duration_ms is None or duration_ms < 0:
        raise _RefusedError("ActualFrameDuration missing")
    decays = math.log(2) / half_life_s * duration_ms / 1000.0
    if decays < 1e-9:
        return duration_ms / 2000.0
    return math.log(decays / -math.expm1(-decays)) * half_life_s / math.log(2)


def _since_injection(header: InstanceHeader, moment: dt.datetime, half_life_s: float) -> float:
    """Return the seconds from the injection to `moment`; its date and time win over its time of day."""
    injected = _datetime(header, "RadiopharmaceuticalStartDateTime")
    if injected is not None:
        seconds = (moment - injected).total_seconds()
        if not 0 <= seconds <= MOST_HALF_LIVES * half_life_s:
            when = "after the scan" if seconds < 0 else f"{seconds / half_life_s:.0f} half-lives before the scan"
            raise _RefusedError(f"RadiopharmaceuticalStartDateTime is {when}")
        return seconds
    text = header.text("RadiopharmaceuticalStartTime")
    of_day = _moment(f"{moment:%Y%m%d}", text) if text else None
    if of_day is None:
        raise _RefusedError("RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime missing")
    if half_life_s > LONG_HALF_LIFE_S:
        raise _RefusedError(
            f"RadiopharmaceuticalStartDateTime missing, and with a half-life of {half_life_s / 3600:.3g} h the time of"
            " day does not tell when the injection was"
        )
    seconds = (moment - of_day).total_seconds()
    return seconds + _DAY_S if seconds < 0 else seconds  # injected before midnight


# --- moments


def _acquired(header: InstanceHeader) -> dt.datetime | None:
    whole = _datetime(header, "AcquisitionDateTime")
    date = header.text("AcquisitionDate") or header.text("SeriesDate")
    return whole if whole is not None else _moment(date, header.text("AcquisitionTime"))


def _datetime(header: InstanceHeader, keyword: str) -> dt.datetime | None:
    """Return a DT as the time of the series' own clock; one in another time zone is brought to it."""
    match = _DATETIME.fullmatch(header.text(keyword))
    if match is None:
        return None
    date, time, zone = match.groups()
    moment = _moment(date, time)
    own = header.text("TimezoneOffsetFromUTC")
    if moment is None or not zone or not re.fullmatch(r"[+-]\d{4}", own):
        return moment
    return moment + dt.timedelta(minutes=_minutes(own) - _minutes(zone))


def _minutes(zone: str) -> int:
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    return -minutes if zone[0] == "-" else minutes


def _moment(date: str, time: str) -> dt.datetime | None:
    """Return a DA and a TM value as one moment, None where one of them is none."""
    days, clock = _DATE.fullmatch(date), _TIME.fullmatch(time)
    if days is None or clock is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in clock.groups())
    try:
        year, month, number = (int(part) for part in days.groups())
        day = dt.datetime(year, month, number)  # noqa: DTZ001 - all moments are of one clock
    except ValueError:
        return None
    return day + dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
