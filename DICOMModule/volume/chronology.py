"""In which order frames of a group were acquired, by what all of their headers say."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.alike import answers_of
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.volume.moments import DAY_S, Moment, acquired_at, content_at, created_at, number_of, seconds_of

HALF_A_DAY_S: Final = 43200.0
MOST_OF_A_DAY_S: Final = 72000.0
"""No series has a pause of 20 hours within a day: the midnight is between."""
SOON_S: Final = 3600.0
"""An image is made, and a series begins, within an hour of the acquisition."""

_COUNTS: Final[tuple[Moment, ...]] = tuple(
    map(number_of, ("FrameReferenceTime", "TriggerTime", "TemporalPositionIdentifier", "AcquisitionNumber"))
)
"""What counts on in time, though it may do so slice by slice."""
_NUMBER: Final = number_of("InstanceNumber")


@dataclass(frozen=True, slots=True)
class Chronology:
    """How frames of one group are compared in time.

    What only some of them say is not asked: a frame that does not say when it was taken is neither first nor last.

    Attributes
    ----------
    told : frozenset of Moment
        What all of them say.
    dated : bool
        Acquisition times count with their dates; else all are of one day, and only some have its date.
    day_begin : float
        At which time of day the first day of times without dates begins: earlier ones are of the next day.
    """

    told: frozenset[Moment] = frozenset()
    dated: bool = True
    day_begin: float = 0.0

    def acquired_at(self, header: InstanceHeader) -> float | None:
        """Return when a frame of the group was acquired, on a line of seconds that they share; None where that is not known."""
        moment = acquired_at(header) if acquired_at in self.told else None
        if moment is None:
            return None
        if not self.dated:
            moment %= DAY_S
        return later(moment, self.day_begin)

    def order(self, header: InstanceHeader) -> tuple[float | int | str, ...]:
        """Return a key that sorts frames as they were acquired: by time, then by number; the last is only the UID."""
        said = (self._said(moment, header) for moment in self._asked)
        return (self.acquired_at(header) or 0.0, *said, header.frame_number, header.sop_instance_uid)

    def orders(self, headers: Sequence[InstanceHeader]) -> list[tuple[float | int | str, ...]]:
        """Return the key of each header, as `order` does."""
        nothing = [0.0] * len(headers)
        acquired = [self.acquired_at(header) or 0.0 for header in headers] if acquired_at in self.told else nothing
        said = [
            [answer or 0.0 for answer in answers_of(moment, headers)] if moment in self.told else nothing
            for moment in self._asked
        ]
        frames = [header.frame_number for header in headers]
        uids = [header.sop_instance_uid for header in headers]
        return list(zip(acquired, *said, frames, uids, strict=True))

    @property
    def _asked(self) -> tuple[Moment, ...]:
        """What counts beside the time of acquisition, first of all first; when an image was made only where it has no number."""
        return *_COUNTS, _NUMBER if _NUMBER in self.told else content_at

    def age(self, header: InstanceHeader) -> tuple[float, ...]:
        """Return a key that is greater the newer an image is, and the same where headers do not tell which is newer."""
        told = (self._said(one, header) for one in (content_at, created_at, _NUMBER))
        return (self.acquired_at(header) or 0.0, *told)

    def _said(self, moment: Moment, header: InstanceHeader) -> float:
        return (moment(header) or 0.0) if moment in self.told else 0.0


def chronology_of(headers: Sequence[InstanceHeader]) -> Chronology:
    """Return how these headers are to be compared in time."""
    asked: tuple[Moment, ...] = (*_COUNTS, _NUMBER, content_at, created_at)
    told = {moment for moment in asked if None not in answers_of(moment, headers)}
    known = acquired_at.each(headers)
    moments = [moment for moment in known if moment is not None]
    if len(moments) < len(known):
        return Chronology(frozenset(told))
    told.add(acquired_at)
    days = {moment // DAY_S for moment in moments}
    dated = 0.0 not in days or len(days) == 1
    if not dated and len(days) > 2:
        return Chronology(frozenset(told - {acquired_at}))
    times = [moment if dated else moment % DAY_S for moment in moments]
    return Chronology(frozenset(told), dated, _day_begin(times, headers))


def later(moment: float, day_begin: float) -> float:
    """Return a time of day without a date as one of the day that begins at `day_begin`: earlier ones are of the next."""
    return moment + DAY_S if moment < day_begin else moment


def _day_begin(moments: Sequence[float], headers: Sequence[InstanceHeader]) -> float:
    """Return at which time of day the first day of acquisitions without dates begins, where a midnight is between them.

    Known where they leave out most of a day, where their images have dates of their own and were made soon after, or
    where the series says when it began; 0 where there is no midnight or it cannot be told.
    """
    if max(moments) >= DAY_S or max(moments) - min(moments) <= HALF_A_DAY_S:
        return 0.0
    undated = list(zip(moments, headers, strict=True))
    return begin_after_gap(moments) or _begin_by_content(undated) or _begin_by_series(undated)


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
    begins = {seconds_of("", header.text("SeriesTime")) for _, header in undated}
    begin = begins.pop() if len(begins) == 1 else None
    if begin is None:
        return 0.0
    since = [(moment - begin) % DAY_S for moment, _ in undated]
    return begin if min(since) <= SOON_S and max(since) <= HALF_A_DAY_S else 0.0
