"""Text as it is searched, sorted and compared: without case, accents and the punctuation of person names."""

from __future__ import annotations

import unicodedata
from typing import Final

_SEPARATORS: Final = str.maketrans("^=\\\0", "    ")  # PS3.5 6.2.1: components and component groups of a name; values


def fold(text: str) -> str:
    """Return `text` folded: no case, no accents, one blank between words.

    Examples
    --------
    >>> fold("MÜLLER^Jürgen=")
    'muller jurgen'
    """
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(text.casefold().translate(_SEPARATORS).split())


def fold_all(*texts: str | None) -> str:
    """Return several texts folded, a line each, so that no word spans two of them."""
    return "\n".join(fold(text) for text in texts if text)
