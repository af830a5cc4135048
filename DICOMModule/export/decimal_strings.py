"""Decimal strings (DS): the number nearest to, not above or not below a value that 16 characters hold (PS3.5 6.2)."""

from __future__ import annotations

import decimal
from decimal import Decimal

LONGEST = 16
MOST_DIGITS = 17
"""A float64 has no more significant decimal digits than these."""


def nearest(value: float) -> str:
    """Return the decimal string nearest to `value`; the shortest that reads back as `value` where one fits.

    Raises
    ------
    ValueError
        `value` is not finite.
    """
    short = _texts(Decimal(repr(float(value))))
    return short if short is not None else _rounded(value, decimal.ROUND_HALF_EVEN)


def not_above(value: float) -> str:
    """Return the largest decimal string that is not above `value`."""
    return _rounded(value, decimal.ROUND_FLOOR)


def not_below(value: float) -> str:
    """Return the smallest decimal string that is not below `value`."""
    return _rounded(value, decimal.ROUND_CEILING)


def direction(value: float) -> str:
    """Return a direction cosine: what is within 1e-12 of 0, 1 or -1 is that."""
    snapped = round(value)
    return str(snapped) if abs(value - snapped) < 1e-12 else nearest(value)


def _rounded(value: float, rounding: str) -> str:
    exact = Decimal(float(value))
    if not exact.is_finite():
        raise ValueError(f"{value} cannot be a decimal string")
    for digits in range(MOST_DIGITS, 0, -1):
        text = _texts(decimal.Context(prec=digits, rounding=rounding).plus(exact))
        if text is not None:
            return text
    raise ValueError(f"{value} cannot be a decimal string")


def _texts(number: Decimal) -> str | None:
    """Return `number` in plain or exponential notation, whichever fits; None where neither does."""
    if not number.is_finite():
        raise ValueError(f"{number} cannot be a decimal string")
    if number == 0:
        return "0"
    number = number.normalize(decimal.Context(prec=MOST_DIGITS + 3))
    plain = f"{number:f}"
    if len(plain) <= LONGEST:
        return plain
    exponential = f"{number:E}"
    return exponential if len(exponential) <= LONGEST else None
