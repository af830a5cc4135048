"""When a frame was acquired, as its header says it, on lines of seconds that frames of a series share."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from DICOMModule.dicom.instance_header import InstanceHeader

_DATETIME = re.compile(r"(\d{8})(\d{2})(\d{2})?(\d{2}(?:\.\d{1,6})?)?")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2}(?:\.\d{1,6})?)?")

DAY_S: Final = 86400.0
HALF_A_DAY_S: Final = 43200.0
MOST_OF_A_DAY_S: Final = 72000.0
"""No series has a pause of 20 hours within a day: the midnight is between."""
SOON_S: Final = 3600.0
"""An image is made, and a series begins, within an hour of the acquisition."""

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
def _seconds(date: str, time: str) -> float | None:
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


def acquired_at(header: InstanceHeader) -> float | None:
    """Return Acquisition DateTime, or Acquisition Date and Time, in seconds."""
    moment = _seconds_of_datetime(header.text("AcquisitionDateTime"))
    if moment is not None:
        return moment
    return _seconds(header.text("AcquisitionDate"), header.text("AcquisitionTime"))


def content_at(header: InstanceHeader) -> float | None:
    """Return Content Date and Time in seconds."""
    return _seconds(header.text("ContentDate"), header.text("ContentTime"))


def created_at(header: InstanceHeader) -> float | None:
    """Return Instance Creation Date and Time in seconds."""
    return _seconds(header.text("InstanceCreationDate"), header.text("InstanceCreationTime"))


def later(moment: float | None, day_begin: float) -> float | None:
    """Return a time of day without a date as one of the day that begins at `day_begin`: earlier ones are of the next."""
    return moment + DAY_S if moment is not None and moment < day_begin else moment


def day_begin_of(headers: Iterable[InstanceHeader]) -> float:
    """Return at which time of day the first day of acquisitions without dates begins, where a midnight is between them.

    Known where they leave out most of a day, where their images have dates of their own and were made soon after, or
    where the series says when it began; 0 where there is no midnight or it cannot be told.
    """
    undated = [(moment, header) for header in headers if (moment := acquired_at(header)) is not None and moment < DAY_S]
    moments = {moment for moment, _ in undated}
    begin = begin_after_gap(moments)
    if begin or not moments or max(moments) - min(moments) <= HALF_A_DAY_S:
        return begin
    return _begin_by_content(undated) or _begin_by_series(undated)


def begin_after_gap(moments: Iterable[float]) -> float:
    """Return the time of day after a gap of most of a day, 0 where there is none."""
    ordered = sorted(moment for moment in set(moments) if moment < DAY_S)
    gaps = ((after - before, after) for before, after in itertools.pairwise(ordered))
    gap, after = max(gaps, default=(0.0, 0.0))
    return after if gap >= MOST_OF_A_DAY_S else 0.0


def _begin_by_content(undated: Sequence[tuple[float, InstanceHeader]]) -> float:
    """Return the begin of the first day by Content Date and Time, where all images were made soon after."""
    days: dict[float, float] = {}
    for moment, header in undated:
        made = content_at(header)
        if made is None or made < DAY_S:
            return 0.0
        since = (made - moment) % DAY_S
        day = made - since - moment
        if since > SOON_S or days.setdefault(moment, day) != day:
            return 0.0
    first = min(days.values())
    of_first = [moment for moment, day in days.items() if day == first]
    of_next = [moment for moment, day in days.items() if day == first + DAY_S]
    whole = len(of_first) + len(of_next) == len(days)
    return min(of_first) if whole and of_next and max(of_next) < min(of_first) else 0.0


def _begin_by_series(undated: Sequence[tuple[float, InstanceHeader]]) -> float:
    """Return the begin of the first day by Series Time, where an acquisition follows it soon, and all within half a day."""
    begins = {_seconds("", header.text("SeriesTime")) for _, header in undated}
    begin = begins.pop() if len(begins) == 1 else None
    if begin is None:
        return 0.0
    since = [(moment - begin) % DAY_S for moment, _ in undated]
    return begin if min(since) <= SOON_S and max(since) <= HALF_A_DAY_S else 0.0


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
    Clock("TriggerTime", lambda header: header.number("TriggerTime"), "ms"),
)
"""Best first. When an image was stored (Content Time) is no time of its values."""


def acquisition_order(header: InstanceHeader, day_begin: float = 0.0) -> tuple[float | int | str, ...]:
    """Return a key that sorts frames as they were acquired: by time, then by number; the last is only the UID."""
    number = header.integer("InstanceNumber")
    return (
        later(acquired_at(header), day_begin) or 0.0,
        *(header.number(keyword) or 0.0 for keyword in _COUNTS),
        content_at(header) or 0.0 if number is None else 0.0,
        float("inf") if number is None else float(number),
        header.frame_number,
        header.sop_instance_uid,
    )


_COUNTS: Final = ("FrameReferenceTime", "TriggerTime", "TemporalPositionIdentifier", "AcquisitionNumber")
"""What counts on in time, though it may do so slice by slice."""


def age_order(header: InstanceHeader, day_begin: float = 0.0) -> tuple[float, float, float, float]:
    """Return a key that is greater the newer an image is, and the same where headers do not tell which is newer."""
    number = header.integer("InstanceNumber")
    return (
        later(acquired_at(header), day_begin) or 0.0,
        content_at(header) or 0.0,
        created_at(header) or 0.0,
        float("-inf") if number is None else float(number),
    )
