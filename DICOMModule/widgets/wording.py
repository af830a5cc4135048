"""Numbers in words, and tooltips: what several dialogs say in the same way."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Final

from DICOMModule.errors import plain_text

LONGEST_TOOLTIP: Final = 4000
LONGEST_WORD: Final = 24
LONGEST_UID: Final = 64
BYTE_STEPS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number and what it counts: ``1 file``, ``1,200 files``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def bytes_text(size_bytes: int) -> str:
    """Return a size for people: ``812 bytes``, ``46.5 MiB``."""
    size, step = float(size_bytes), 0
    while size >= 1024 and step < len(BYTE_STEPS) - 1:
        size, step = size / 1024, step + 1
    return f"{size:,.0f} {BYTE_STEPS[step]}" if step == 0 or size >= 100 else f"{size:.1f} {BYTE_STEPS[step]}"


def dimensions_text(dimensions: Sequence[int]) -> str:
    """Return voxels along i, j and k: ``512 × 512 × 93``."""
    return " × ".join(str(number) for number in dimensions)


def spacing_text(spacing_mm: Sequence[float]) -> str:
    """Return spacings in mm, rounded for people: ``0.7 × 0.7 × 1 mm``."""
    return " × ".join(f"{step:.3g}" for step in spacing_mm) + " mm"


def plain_tooltip(text: str) -> str:
    """Return text that may come from a file as a tooltip that wraps its lines; nothing in it is taken for markup."""
    shown = text if len(text) <= LONGEST_TOOLTIP else f"{text[:LONGEST_TOOLTIP]}…"
    lines = (html.escape(plain_text(line)) for line in shown.splitlines())
    return f"<p>{'<br>'.join(lines)}</p>" if shown else ""


def breakable(text: str) -> str:
    """Return a text whose long words, paths and UIDs, may be broken after a point or a slash, for a label that wraps."""
    return " ".join(_with_breaks(word) if len(word) > LONGEST_WORD else word for word in text.split(" "))


def _with_breaks(word: str) -> str:
    return "".join(f"{character}\u200b" if character in "./\\" else character for character in word)


def shortened(text: str, longest: int = LONGEST_UID) -> str:
    """Return a text whose words are no longer than this, UIDs stay whole, for a label that wraps and can be copied from.

    A name of a file may be one word of 255 characters: it is cut in the middle. Between the names of a path lines wrap.
    """
    half = (longest - 1) // 2
    return re.sub(rf"[^\s/\\]{{{longest + 1},}}", lambda word: f"{word[0][:half]}…{word[0][-half:]}", text)
