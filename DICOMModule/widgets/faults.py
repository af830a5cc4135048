"""Faults of the program: what is noted of an exception that nobody caught, in words that carry nothing of a patient."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LONGEST_CHAIN: Final = 5
LONGEST_TEXT: Final = 20_000
#: What stands in quotes or is a long number in a message may be a value of a file.
_VALUE: Final = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|\d{6,}")


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception that nobody caught.

    Attributes
    ----------
    kind : str
        Its class: ``ZeroDivisionError``.
    place : str
        Where it was raised: ``browser.py, line 12``; empty where that is not known.
    details : str
        The traceback: files, lines of the program, and the message without the values in it.
    """

    kind: str
    place: str
    details: str

    @property
    def headline(self) -> str:
        """What and where, on one line."""
        return f"{self.kind} in {self.place}" if self.place else self.kind


def fault_of(error: BaseException) -> Fault:
    """Return what is shown and logged of an exception: never a value of a local, nor one that the message quotes."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    summary = traceback.TracebackException.from_exception(error, capture_locals=False, compact=True)
    return Fault(type(error).__name__, place, "".join(_lines(summary, LONGEST_CHAIN))[:LONGEST_TEXT])


def without_values(message: str) -> str:
    """Return a message with ``…`` in the place of what it quotes.

    Examples
    --------
    >>> without_values("could not convert string to float: 'DOE^JANE'")
    "could not convert string to float: '…'"
    """
    return _VALUE.sub(lambda found: f"{found[0][0]}…{found[0][-1]}" if not found[0].isdigit() else "…", message)


def _lines(summary: traceback.TracebackException, depth: int) -> list[str]:
    """Return the lines of a traceback, what led to it first."""
    lines = []
    if depth and summary.__cause__ is not None:
        lines += [*_lines(summary.__cause__, depth - 1), "\nThat was the cause of:\n\n"]
    elif depth and summary.__context__ is not None and not summary.__suppress_context__:
        lines += [*_lines(summary.__context__, depth - 1), "\nWhile that was handled:\n\n"]
    if summary.stack:
        lines += ["Traceback (most recent call last):\n", *summary.stack.format()]
    return [*lines, without_values("".join(summary.format_exception_only()))]
