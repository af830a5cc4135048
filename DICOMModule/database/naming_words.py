"""Whether a path or a sentence names what is to be forgotten: by a part of a name, a number, or a UID.

People name folders after patients, so the paths of files that an import rejected may tell of them. A report row too many
that goes costs a line of history; one that stays tells a name. So this errs on the side of finding.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from DICOMModule.dicom.folding import fold

_SHORTEST_PART: Final = 4  # shorter words of ASCII letters are looked for as whole words only
_SHORTEST_WORD: Final = 2
_SHORTEST_NUMBER: Final = 3
_BETWEEN_NAMES: Final = re.compile(r"[\^=\\\s,;/]+")
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")
_UID: Final = re.compile(rb"[0-9]+(?:\.[0-9]+)+")
_SPELT_OUT: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "å": "aa", "Å": "Aa", "ø": "oe", "Ø": "Oe"}
)
_DRAWN_TOGETHER: Final = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_ENCODINGS: Final = ("latin-1", "cp1252", "shift_jis", "euc_jp", "iso2022_jp", "gb18030", "big5", "euc_kr", "utf-16-le",
                     "cp1251", "iso8859-2", "iso8859-5", "iso8859-7")  # fmt: skip


class NamingWords:
    """Words by which something is recognised.

    Parameters
    ----------
    names : iterable of str
        Names of persons as DICOM writes them (PN).
    numbers : iterable of str
        Patient IDs, accession numbers, birth dates: looked for as whole words.
    uids : collection of str
        UIDs, which are looked for whole.
    """

    def __init__(self, names: Iterable[str] = (), numbers: Iterable[str] = (), uids: Collection[str] = ()) -> None:
        names = list(names)
        pieces = {piece for name in names for piece in _BETWEEN_NAMES.split(name) if piece}
        words = {word for piece in pieces for word in _spellings(piece)}
        numbers = {fold(number) for number in numbers if len(fold(number)) >= _SHORTEST_NUMBER}
        parts = [re.escape(word) for word in words if len(word) >= _SHORTEST_PART or not word.isascii()]
        whole = [
            re.escape(word)
            for word in words | numbers
            if word in numbers or (word.isascii() and _SHORTEST_WORD <= len(word) < _SHORTEST_PART)
        ]
        self._words = re.compile("|".join([*parts, *(rf"(?<![^\W_]){word}(?![^\W_])" for word in whole)]) or r"(?!)")
        self._hints = [word.split()[0].encode() for word in words | numbers if word.isascii()]
        self._bytes = re.compile(b"|".join(map(re.escape, _encoded(pieces))) or rb"(?!)")
        self._uids = frozenset(uid.encode("utf-8", "surrogatepass") for uid in uids)

    def are_in(self, text: bytes | str) -> bool:
        """Return whether a path, as the system's bytes, or a sentence holds one of them."""
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        return self.uids_are_in(raw) or self.words_are_in(raw)

    def words_are_in(self, raw: bytes) -> bool:
        """Return whether bytes hold one of the names or numbers."""
        if raw.isascii():
            plain = raw.lower()
            if not any(hint in plain for hint in self._hints):  # by far the most: the rest of this takes its time
                return False
        elif self._bytes.search(raw):
            return True
        return any(self._words.search(reading) for reading in _readings(raw))

    def uids_are_in(self, raw: bytes) -> bool:
        """Return whether bytes hold one of the UIDs."""
        return bool(self._uids) and not self._uids.isdisjoint(_UID.findall(raw))


def _readings(raw: bytes) -> Iterable[str]:
    """Return what bytes may say, folded: a file name that is no UTF-8 comes from an older or another system."""
    try:
        return (fold(raw.decode("utf-8")),)
    except UnicodeDecodeError:
        return fold(raw.decode("utf-8", "replace")), fold(raw.decode("latin-1"))


def _spellings(piece: str) -> set[str]:
    """Return the words of a part of a name, folded, with umlauts as they are and as people write them in file names."""
    readings = {fold(piece), fold(piece.translate(_SPELT_OUT))}
    plain = fold(piece)
    for pair, letter in _DRAWN_TOGETHER:
        plain = plain.replace(pair, letter)
    if len(plain) >= _SHORTEST_PART:
        readings.add(plain)
    words = {word for reading in readings for word in _BETWEEN_WORDS.split(reading) if word}
    return {word for word in words if len(word) >= _SHORTEST_WORD or not word.isascii()}


def _encoded(pieces: Iterable[str]) -> list[bytes]:
    """Return parts of names that are not ASCII in the encodings in which a file system may hold them."""
    found = set()
    for piece in pieces:
        if piece.isascii():
            continue
        for encoding in _ENCODINGS:
            try:
                raw = piece.encode(encoding)
            except UnicodeEncodeError:
                continue
            if len(raw) > 1:
                found.add(raw)
    return sorted(found)
