"""When a frame was acquired, as its header says it, on lines of seconds that frames of a series share."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from DICOMModule.dicom.alike import asked_once
from DICOMModule.dicom.instance_header import InstanceHeader

_DATETIME = re.compile(r"(\d{8})(\d{2})(\d{2})?(\d{2}(?:\.\d{1,6})?)?")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2}(?:\.\d{1,6})?)?")

DAY_S: Final = 86400.0

Moment: TypeAlias = Callable[[InstanceHeader], float | None]


class Clock(NamedTuple):
    """A way to tell when frames were acquired.

    Attributes
    ----------
    keyword : str
        Of the attribute that it reads.
    moment : callable
        Header to the time in `unit`, None where the header does not say.
    unit : str
        ``"s"`` or ``"ms"``.
    """

    keyword: str
    moment: Moment
    unit: str = "s"


@lru_cache(maxsize=65536)
def seconds_of(date: str, time: str) -> float | None:
    """Return a DA and a TM value as seconds; without a date from midnight; None where the time is none."""
    match = _TIME.fullmatch(time)
    if match is None:
        return None
    hours, minutes, seconds = match.groups(default="0")
    return _days(date) * 86400.0 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _days(date: str) -> int:
    digits = date.replace(".", "").replace("-", "")
    try:
        return dt.date.fromisoformat(digits).toordinal() if len(digits) == 8 else 0
    except ValueError:
        return 0


@lru_cache(maxsize=65536)
def _seconds_of_datetime(text: str) -> float | None:
    """Return a DT value as seconds; its offset from UTC is left out, for a series has one."""
    match = _DATETIME.match(text)
    if match is None:
        return None
    date, hours, minutes, seconds = match.groups(default="0")
    return _days(date) * 86400.0 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


@asked_once("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime")
def acquired_at(header: InstanceHeader) -> float | None:
    """Return Acquisition DateTime, or Acquisition Date and Time, in seconds."""
    moment = _seconds_of_datetime(header.text("AcquisitionDateTime"))
    if moment is not None:
        return moment
    return seconds_of(header.text("AcquisitionDate"), header.text("AcquisitionTime"))


@asked_once("ContentDate", "ContentTime")
def content_at(header: InstanceHeader) -> float | None:
    """Return Content Date and Time in seconds."""
    return seconds_of(header.text("ContentDate"), header.text("ContentTime"))


@asked_once("InstanceCreationDate", "InstanceCreationTime")
def created_at(header: InstanceHeader) -> float | None:
    """Return Instance Creation Date and Time in seconds."""
    return seconds_of(header.text("InstanceCreationDate"), header.text("InstanceCreationTime"))


@lru_cache(maxsize=64)
def number_of(keyword: str) -> Moment:
    """Return the reading of an attribute that is a number; the same one for the same keyword."""
    return asked_once(keyword)(lambda header: header.number(keyword))


def _of_milliseconds(keyword: str) -> Moment:
    def moment(header: InstanceHeader) -> float | None:
        milliseconds = header.number(keyword)
        return None if milliseconds is None else milliseconds / 1000

    return moment


CLOCKS: Final[tuple[Clock, ...]] = (
    Clock("TemporalPositionTimeOffset", lambda header: header.number("TemporalPositionTimeOffset")),
    Clock("FrameReferenceTime", _of_milliseconds("FrameReferenceTime")),
    Clock("FrameStartTime", _of_milliseconds("FrameStartTime")),
    Clock("AcquisitionTime", acquired_at),
    Clock("PhilipsDynamicTime", number_of("PhilipsDynamicTime")),
    Clock("GEDeltaStartTime", number_of("GEDeltaStartTime")),
    Clock("TriggerTime", lambda header: header.number("TriggerTime"), "ms"),
)
"""Best first. When an image was stored (Content Time) is no time of its values."""
