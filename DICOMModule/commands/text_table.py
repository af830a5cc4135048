"""Text in columns for people: as wide as it looks, and cut where a terminal is too narrow."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from DICOMModule.errors import plain_text

GAP: Final = "  "
INDENT: Final = "      "
NARROWEST_COLUMN: Final = 10
CUT_MARK: Final = "…"


def width(text: str) -> int:
    """Return how many cells of a terminal `text` takes: two for a character of East Asia, none for a combining one.

    Examples
    --------
    >>> width("山田^Tarou")
    10
    """
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, cells: int) -> str:
    """Return `text` in at most `cells` cells; an ellipsis shows where something is left out."""
    if width(text) <= cells:
        return text
    kept, used = [], 0
    for character in text:
        used += _cells(character)
        if used > cells - 1:
            break
        kept.append(character)
    return "".join(kept) + CUT_MARK


def table_lines(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    below: Sequence[Sequence[str]] = (),
    whole: Sequence[str] = (),
    columns: int | None = None,
) -> Iterator[str]:
    """Return the lines of a table.

    Parameters
    ----------
    header, rows
        The columns' names, and the cells; None is an empty one.
    below
        For each row, lines that follow it, indented.
    whole
        Columns that are never cut.
    columns
        How wide the terminal is; None: as wide as it comes.
    """
    cells = [[plain_text("" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(header, *cells, strict=True)]
    if columns is not None:
        widths = _narrowed(widths, [name in whole for name in header], columns)
    right = [bool(rows) and _are_numbers([row[n] for row in rows]) for n in range(len(header))]
    for number, line in enumerate((header, *cells)):
        padded = [_padded(*one) for one in zip(line, widths, right, strict=True)]
        yield GAP.join(padded).rstrip()
        if number and below:
            yield from (INDENT + text for text in below[number - 1])


def _are_numbers(values: Sequence[object]) -> bool:
    return any(value is not None for value in values) and all(
        value is None or isinstance(value, int) for value in values
    )


def _padded(text: str, cells: int, to_right: bool) -> str:
    text = cut(text, cells)
    blanks = " " * (cells - width(text))
    return blanks + text if to_right else text + blanks


def _narrowed(widths: Sequence[int], whole: Sequence[bool], columns: int) -> list[int]:
    """Return widths that fit into `columns`, the widest columns cut first; as near as it goes where they cannot."""
    narrowed = list(widths)
    while sum(narrowed) + len(GAP) * (len(narrowed) - 1) > columns:
        candidates = [n for n, fixed in enumerate(whole) if not fixed and narrowed[n] > NARROWEST_COLUMN]
        if not candidates:
            break
        narrowed[max(candidates, key=lambda n: narrowed[n])] -= 1
    return narrowed


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number and what it counts.

    Examples
    --------
    >>> counted(1, "study", "studies"), counted(3, "file")
    ('1 study', '3 files')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
