"""Text as it is searched: whatever script it is in, what is typed in the plainest way finds it.

Two texts that fold to the same are the same to a search. The folding goes further than that of `folding`, by which
patients are told apart and which therefore never changes: letters that have no accent to be taken off (ø, ł, ı, ß), both
kana, old and new forms of the characters in Japanese names, the forms of Arabic and Hebrew letters, digits of every
script. Hangul is taken apart into its letters, so that a syllable that is only half typed is the beginning of the whole.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Final

SEPARATORS: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), *map(ord, "^=\\")), " ")
_UNSEEN: Final = frozenset(
    map(chr, (0x115F, 0x1160, *range(0x180B, 0x180E), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)

# letters that no decomposition makes plain; capitals have been folded before
_LATIN: Final = dict(zip("øłđðħŧıŋĸɨʉ", "olddhtinkiu", strict=True)) | {
    "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ĳ": "ij", "ǆ": "dz",
}  # fmt: skip
_TWO_LETTERS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_PUNCTUATION: Final = dict.fromkeys("‘’‛ʼʹ′", "'") | dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("“”„‟″", '"')
_ACUTE: Final = {ord("´"): "'"}  # taken apart it would be a blank and an accent
_ARABIC: Final = {"ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ة": "ه", "ۀ": "ه", "ہ": "ه", "ھ": "ه", "ک": "ك", "ـ": ""}
_HEBREW: Final = dict(zip("ךםןףץ", "כמנפצ", strict=True))
_KANA: Final = {chr(code): chr(code + 0x60) for code in (*range(0x3041, 0x3097), 0x309D)}
_SMALL_KANA: Final = dict(zip("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ", strict=True))
# forms of one character that a name is written with in one hospital and not in the next
_IDEOGRAPHS: Final = dict(
    zip(
        "髙﨑碕嵜濵濱邉邊齋齊斎澤廣德國櫻眞榮惠瀨瀧龍嶋嶌冨圓學實澁條壽靜淺關辯彌與﨟祐𠮷",
        "高崎崎崎浜浜辺辺斉斉斉沢広徳国桜真栄恵瀬滝竜島島富円学実渋条寿静浅関弁弥与臈祐吉",
        strict=True,
    )
)
# a consonant at the end of a syllable is what may begin the next one: 박ㅅ on the way to 박수 is shown as 밗
_FINALS: Final = (
    "ㄱ ㄲ ㄱㅅ ㄴ ㄴㅈ ㄴㅎ ㄷ ㄹ ㄹㄱ ㄹㅁ ㄹㅂ ㄹㅅ ㄹㅌ ㄹㅍ ㄹㅎ ㅁ ㅂ ㅂㅅ ㅅ ㅆ ㅇ ㅈ ㅊ ㅋ ㅌ ㅍ ㅎ"
)
_VOWELS: Final = {"ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ"}
_HANGUL: Final = {
    chr(0x11A8 + place): unicodedata.normalize("NFKD", text) for place, text in enumerate(_FINALS.split())
} | {unicodedata.normalize("NFKD", vowel): unicodedata.normalize("NFKD", parts) for vowel, parts in _VOWELS.items()}
_INITIALS: Final = range(0x1100, 0x1113)
_MEDIALS: Final = range(0x1161, 0x1176)

_PLAIN: Final = str.maketrans(
    _LATIN
    | _PUNCTUATION
    | _ARABIC
    | _HEBREW
    | _KANA
    | _SMALL_KANA
    | {chr(ord(small) - 0x60): big for small, big in _SMALL_KANA.items()}
    | _IDEOGRAPHS
    | _HANGUL
)
# scripts that put no blank between words: each character may begin one
_UNSPACED: Final = ((0x3005, 0x3007), (0x30A1, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))

_JOINED: Final = (*_UNSPACED, (_INITIALS[0], _MEDIALS[-1]))


def fold_search(text: str) -> str:
    """Return `text` as it is searched: plain letters, one blank between words; what is folded stays the same.

    Examples
    --------
    >>> fold_search("SØRENSEN^Łucja=さくら")
    'sorensen lucja サクラ'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text.translate(_ACUTE)).casefold())
        text = "".join(map(_plain, text)).translate(_PLAIN)
    return " ".join(text.casefold().translate(SEPARATORS).split())


def spellings(text: str) -> tuple[str, ...]:
    """Return `text` folded, and with its umlauts written in two letters where it has any, as files from systems without them.

    Examples
    --------
    >>> spellings("Müller"), spellings("Muller")
    (('muller', 'mueller'), ('muller',))
    """
    if text.isascii():
        return (fold_search(text),)
    written = unicodedata.normalize("NFC", text).casefold().translate(_TWO_LETTERS)
    return tuple(dict.fromkeys((fold_search(text), fold_search(written))))


def _plain(character: str) -> str:
    """Return a character without what only adorns it: accents, marks, what is not seen; digits as 0 to 9."""
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    hidden = unicodedata.combining(character) or category in {"Cf", "Cs", "Me"} or character in _UNSEEN
    return "" if hidden else character


def word_starts(word: str) -> list[int]:
    """Return where in a folded word something begins that a person would look for by its first one or two letters.

    That is its beginning, what follows a hyphen or another sign and the sign itself, each character of a script that has
    no blanks, and each syllable of Hangul.

    Examples
    --------
    >>> word_starts("pet/ct")
    [0, 3, 4]
    """
    if word.isascii() and word.isalnum():
        return [0] if word else []
    return [place for place in range(len(word)) if not place or _begins(word, place)]


def joined_words(words: Sequence[str]) -> list[str]:
    """Return neighbouring words of scripts that put no blank between them, or not always, as the one word they may be.

    Examples
    --------
    >>> joined_words(fold_search("Yamada^Tarou=山田^太郎").split())
    ['山田太郎']
    """
    runs = [list(run) for is_unspaced, run in groupby(words, _is_unspaced) if is_unspaced]
    return ["".join(run) for run in runs if len(run) > 1]


def _is_unspaced(word: str) -> bool:
    return all(any(first <= ord(character) <= last for first, last in _JOINED) for character in word)


def _begins(word: str, place: int) -> bool:
    character = word[place]
    if not character.isalnum() or not word[place - 1].isalnum():
        return True
    code = ord(character)
    if code in _INITIALS:
        return place + 1 < len(word) and ord(word[place + 1]) in _MEDIALS
    return any(first <= code <= last for first, last in _UNSPACED)
