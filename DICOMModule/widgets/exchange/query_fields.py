"""What is typed into the form of a query: dates, presets of dates, and lists of modalities; no Qt here."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from DICOMModule.errors import SettingsError, plain_text

ANY: Final = "Any date"
BETWEEN: Final = "From … to …"
PRESETS: Final = (ANY, "Today", "Yesterday", "Last 7 days", "Last month", BETWEEN)
MODALITIES: Final = ("CR", "CT", "DX", "MG", "MR", "NM", "OT", "PT", "RF", "RTSTRUCT", "SR", "US", "XA")


def preset_range(preset: str, today: date) -> tuple[date | None, date | None]:
    """Return the first and last day of a preset; today is among them, and a month is that up to the same day.

    Examples
    --------
    >>> preset_range("Last 7 days", date(2026, 3, 9))
    (datetime.date(2026, 3, 3), datetime.date(2026, 3, 9))
    """
    if preset == "Today":
        return today, today
    if preset == "Yesterday":
        return today - timedelta(days=1), today - timedelta(days=1)
    if preset == "Last 7 days":
        return today - timedelta(days=6), today
    if preset == "Last month":
        last_of_before = today.replace(day=1) - timedelta(days=1)
        return last_of_before.replace(day=min(today.day, last_of_before.day)), today
    return None, None


def parsed_date(text: str, what: str) -> date | None:
    """Return a date that was typed, as 2026-03-09 or 20260309; None where nothing was.

    Raises
    ------
    SettingsError
        It is no date.
    """
    text = text.strip()
    if not text:
        return None
    found = re.fullmatch(r"(\d{4})([-./]?)(\d{1,2})\2(\d{1,2})", text, re.ASCII)
    try:
        if found is None:
            raise ValueError
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError as error:
        raise SettingsError(f"{what} {plain_text(text[:30])} is no date; write it as 2026-03-09.") from error


def parsed_modalities(text: str) -> tuple[str, ...]:
    """Return modalities that were typed: ``ct, mr`` gives CT and MR, each once."""
    return tuple(dict.fromkeys(word.upper() for word in re.split(r"[\s,;\\]+", text) if word))
