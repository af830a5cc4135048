"""Components of file IDs on a medium: eight characters of A-Z, 0-9 and _ (PS3.10 8.2 and 8.5)."""

from __future__ import annotations

from typing import Final

from DICOMModule.errors import ExportError

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS: Final = f"0123456789{_LETTERS}"
_DECIMAL: Final = 10**6
_BELOW_A_LETTER: Final = 36**5


def file_id(prefix: str, number: int) -> str:
    """Return a component of a file ID: decimal as long as six digits suffice, beyond them after a letter.

    Examples
    --------
    >>> file_id("IM", 42), file_id("IM", 999_999), file_id("IM", 1_000_000)
    ('IM000042', 'IM999999', 'IMA00000')
    """
    if number < _DECIMAL:
        return f"{prefix}{number:06d}"
    letter, rest = divmod(number - _DECIMAL, _BELOW_A_LETTER)
    if letter >= len(_LETTERS):
        raise ExportError("there are more files than a DICOMDIR medium has names for. Copy fewer at once.")
    text = ""
    for _ in range(5):
        rest, digit = divmod(rest, len(_DIGITS))
        text = _DIGITS[digit] + text
    return f"{prefix}{_LETTERS[letter]}{text}"


def file_number(component: str) -> int:
    """Return the number of a component that `file_id` has made with a prefix of two letters.

    Examples
    --------
    >>> file_number("IM000042"), file_number("IMA00000")
    (42, 1000000)
    """
    text = component[2:]
    if text.isdigit():
        return int(text)
    return _DECIMAL + _LETTERS.index(text[0]) * _BELOW_A_LETTER + int(text[1:], len(_DIGITS))
