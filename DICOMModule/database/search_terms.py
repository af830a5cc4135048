"""What is typed to search for: plain words, and tokens such as ``mod:CT`` that look into one attribute alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final, TypeAlias

from DICOMModule.dicom.search_folding import SEPARATORS, fold_search, spellings

SEARCH_HELP: Final = (
    "mod:CT, name:doe, id:P1, label:todo and date: look into one attribute: date:today, date:7d, date:2026-03 or"
    ' date:20260301..20260309; quotes keep words together: name:"van der berg"; one or two letters are the beginning of a word'
)
_PART: Final = re.compile(r'(?P<key>[A-Za-z]+:)?(?:"(?P<quoted>[^"]*)(?:"|$)|(?P<bare>[^\s"]+))|"')
_DAYS: Final = re.compile(r"([0-9]{1,5})d")
_DATE: Final = re.compile(r"([0-9]{4})(?:-?([0-9]{2})(?:-?([0-9]{2}))?)?")
_FIRST: Final = "00000000"
_LAST: Final = "99999999"


Spellings: TypeAlias = tuple[str, ...]
"""The ways in which one word may be written."""


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """What a search asks for; all of it must hold.

    Attributes
    ----------
    words : tuple of tuple of str
        Folded; of each, one spelling in any of the texts that are searched, labels and notes among them.
    names : tuple of tuple of str
        Folded; of each, one spelling in Patient's Name.
    ids : tuple of str
        Folded; each in Patient ID.
    labels : tuple of str
        Folded; each the beginning of a label.
    modalities : tuple of str
        Each the Modality of a series, in capitals.
    dates : tuple of (str, str)
        Ranges that Study Date lies in, first and last day as ``YYYYMMDD``; a month ends with day 99.
    """

    words: tuple[Spellings, ...] = ()
    names: tuple[Spellings, ...] = ()
    ids: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    dates: tuple[tuple[str, str], ...] = ()

    @property
    def count(self) -> int:
        """How many conditions these are."""
        return sum(len(getattr(self, field.name)) for field in fields(self))


def parse_search(text: str, today: date | None = None) -> SearchTerms:
    """Return what a search asks for; a token that is not known, or says nothing, is plain words.

    Parameters
    ----------
    text : str
        As it was typed.
    today : date, optional
        What ``today`` and ``7d`` count from; by itself the computer's date.

    Examples
    --------
    >>> parse_search('mod:ct "left knee"')
    SearchTerms(words=(('left knee',),), names=(), ids=(), labels=(), modalities=('CT',), dates=())
    """
    words: dict[Spellings, None] = {}  # each once
    names: dict[Spellings, None] = {}
    found: dict[str, dict[str, None]] = {"id": {}, "label": {}, "mod": {}}
    dates: dict[tuple[str, str], None] = {}
    for part in _PART.finditer(text):
        key = (part["key"] or "")[:-1].lower()
        value = part["quoted"] or part["bare"] or ""
        folded = fold_search(value)
        if key == "date" and (days := _days(folded, today or datetime.now().astimezone().date())) is not None:
            dates[days] = None
        elif key == "name" and folded:
            names[spellings(value)] = None
        elif key in found and folded:
            found[key][folded] = None
        else:
            kept = (
                [value]
                if part["quoted"] is not None and not key
                else part[0].replace('"', " ").translate(SEPARATORS).split()
            )
            words.update((spellings(word), None) for word in kept if fold_search(word))
    modalities = tuple(modality.upper() for modality in found["mod"])
    return SearchTerms(tuple(words), tuple(names), tuple(found["id"]), tuple(found["label"]), modalities, tuple(dates))


def _days(value: str, today: date) -> tuple[str, str] | None:
    """Return first and last day of what ``date:`` names; None where it names none."""
    if value == "today":
        return f"{today:%Y%m%d}", f"{today:%Y%m%d}"
    if days := _DAYS.fullmatch(value):
        first = date.fromordinal(max(1, today.toordinal() - int(days[1])))
        return f"{first.year:04}{first:%m%d}", f"{today:%Y%m%d}"
    first_text, dots, last_text = value.partition("..")
    if not dots:
        last_text = first_text
    first_day, last_day = _day(first_text, "00"), _day(last_text, "99")
    if (first_text and not first_day) or (last_text and not last_day) or not (first_day or last_day):
        return None
    return first_day or _FIRST, last_day or _LAST


def _day(text: str, missing: str) -> str:
    """Return a date as ``YYYYMMDD``, with `missing` for the month and day it does not name; empty where it is none."""
    parts = _DATE.fullmatch(text)
    return "" if parts is None else f"{parts[1]}{parts[2] or missing}{parts[3] or missing}"
