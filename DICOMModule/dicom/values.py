"""Values of data elements as people and scripts read them: dates, times, numbers."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

_TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?")
_DATE = re.compile(r"([0-9]{4})[.-]?([0-9]{2})[.-]?([0-9]{2})")


@lru_cache(maxsize=8192)  # lists ask for the same dates again and again
def iso_date(text: str) -> str | None:
    """Return a DA value as ``"YYYY-MM-DD"``, the text itself where it is no date, None where it is empty (PS3.5 6.2)."""
    text = text.strip(" \0")
    if not text:
        return None
    match = _DATE.fullmatch(text)
    if not match:
        return text
    try:
        return dt.date.fromisoformat("".join(match.groups())).isoformat()
    except ValueError:
        return text


@lru_cache(maxsize=8192)
def iso_time(text: str) -> str | None:
    """Return a TM value as ``"HH:MM:SS.ffffff"``, the text itself where it is no time, None where it is empty.

    PS3.5 6.2 lets minutes and seconds be left out, for a time that is not known that well; they are given as 0.
    """
    text = text.strip(" \0")
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if not match:
        return text
    hour, minute, second, fraction = match.groups(default="0")
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:  # 60: a leap second
        return text
    return f"{int(hour):02d}:{int(minute):02d}:{int(second):02d}.{fraction.ljust(6, '0')}"
