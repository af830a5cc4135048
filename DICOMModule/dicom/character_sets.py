"""Text as Specific Character Set (0008,0005) says: bytes to str, never raising (PS3.3 C.12.1.1.2, PS3.5 6.1.2).

What cannot be decoded is shown with replacement characters: the file keeps its bytes, and a person sees that something
is not right.
"""

from __future__ import annotations

import re
from typing import Final

DEFAULT_CODEC: Final = (
    "latin_1"  # default repertoire is ASCII; what goes beyond it without a word is most often Latin 1
)

_REGISTRATIONS: Final = {
    6: DEFAULT_CODEC,
    100: "latin_1",
    101: "iso8859_2",
    109: "iso8859_3",
    110: "iso8859_4",
    144: "iso8859_5",
    127: "iso8859_6",
    126: "iso8859_7",
    138: "iso8859_8",
    148: "iso8859_9",
    203: "iso8859_15",
    166: "iso8859_11",
    13: "shift_jis",  # JIS X 0201 is its single-byte part
    87: "iso2022_jp_2",
    159: "iso2022_jp_2",
    149: "euc_kr",
    58: "gb2312",
    192: "utf_8",
}
_NAMED: Final = {"GB18030": "gb18030", "GBK": "gbk"}
_TERM = re.compile(r"ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?(\d+)")
_ESCAPED = re.compile(rb"\x1b[^\x1b]*")

# PS3.3 C.12.1.1.2, tables C.12-3 and C.12-4: what follows ESC → the codec of the text after it
_ESCAPES: Final = (
    (b"$)C", "euc_kr"),
    (b"$)A", "gb2312"),
    (b"-A", "latin_1"),
    (b"-B", "iso8859_2"),
    (b"-C", "iso8859_3"),
    (b"-D", "iso8859_4"),
    (b"-L", "iso8859_5"),
    (b"-G", "iso8859_6"),
    (b"-F", "iso8859_7"),
    (b"-H", "iso8859_8"),
    (b"-M", "iso8859_9"),
    (b"-b", "iso8859_15"),
    (b"-T", "iso8859_11"),
    (b"(J", "shift_jis"),
    (b")I", "shift_jis"),
)
_JAPANESE: Final = (b"$B", b"$(D")


def codec_of(specific_character_set: str) -> str:
    """Return the Python codec that the first value of Specific Character Set names; Latin 1 where it names none."""
    first = specific_character_set.split("\\", maxsplit=1)[0].strip(" \0").upper()
    if first in _NAMED:
        return _NAMED[first]
    term = _TERM.fullmatch(first)
    codec = _REGISTRATIONS.get(int(term[1]), DEFAULT_CODEC) if term else DEFAULT_CODEC
    # 7-bit codes come into force by an escape sequence only; until then the default repertoire holds
    return DEFAULT_CODEC if codec == "iso2022_jp_2" else codec


def decode(value: bytes, codec: str) -> str:
    """Return `value` as text, `codec` being in force at its beginning; code extensions (ISO 2022) are followed."""
    if b"\x1b" not in value:
        return value.decode(codec, errors="replace")
    start = value.index(b"\x1b")
    text = [value[:start].decode(codec, errors="replace")]
    upper = codec
    for fragment in _ESCAPED.findall(value, start):
        decoded, upper = _decode_escaped(fragment, upper)
        text.append(decoded)
    return "".join(text)


def _decode_escaped(fragment: bytes, upper: str) -> tuple[str, str]:
    """Return the text of one fragment that begins with ESC, and the codec that now holds for bytes above 127."""
    code = fragment[1:]
    if code.startswith(_JAPANESE):
        return fragment.decode("iso2022_jp_2", errors="replace"), upper
    if code.startswith(b"(B"):  # ASCII again; what was chosen for the upper half stays
        return code[2:].decode(upper, errors="replace"), upper
    for sequence, codec in _ESCAPES:
        if code.startswith(sequence):
            return code[len(sequence) :].decode(codec, errors="replace"), codec
    return fragment.decode(upper, errors="replace"), upper
