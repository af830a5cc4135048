"""DIMSE statuses in words, with the peer's own comment."""

from __future__ import annotations

from typing import Final

from DICOMModule.errors import plain_text
from DICOMModule.network.dimse import LONGEST_COMMENT

_WORDS: Final = {
    0x0000: "success",
    0x0105: "no such attribute",
    0x0106: "invalid attribute value",
    0x0107: "some attributes are not known there",
    0x0110: "processing failed",
    0x0111: "the SOP instance is there already",
    0x0112: "no such SOP instance",
    0x0115: "invalid argument",
    0x0116: "an attribute value is out of range",
    0x0117: "invalid SOP instance",
    0x0118: "no such SOP class",
    0x0119: "class and instance do not agree",
    0x0122: "the SOP class is not supported",
    0x0124: "not authorised",
    0x0210: "a message with this ID was sent twice",
    0x0211: "the operation is not known",
    0x0212: "a mistyped argument",
    0xA700: "out of resources",
    0xA701: "out of resources: matches cannot be counted",
    0xA702: "out of resources: images cannot be sent",
    0xA801: "the destination of the move is not known",
    0xA900: "the data set does not match the SOP class",
    0xB000: "warning: data elements were changed, or some of the images failed",
    0xB006: "warning: elements were discarded",
    0xB007: "warning: the data set does not match the SOP class",
    0xFE00: "cancelled",
    0xFF00: "going on",
    0xFF01: "going on; optional keys are not supported",
}
"""PS3.7 annex C, PS3.4 tables B.2-1, C.4-1, C.4-2 and C.4-3."""


def status_words(code: int, comment: str = "") -> str:
    """Return a status as words, its number and the peer's comment."""
    words = _WORDS.get(code)
    if words is None:
        words = "it cannot be understood or processed" if code >> 12 == 0xC else _category(code)
    told = f"{words} (0x{code:04X})"
    comment = plain_text(comment.strip()[:LONGEST_COMMENT])
    return f"{told}, with the comment: {comment}" if comment else told


def _category(code: int) -> str:
    """Return what kind of status one is that has no words of its own (PS3.7 annex C)."""
    from pynetdicom.status import STATUS_UNKNOWN, code_to_category

    category = code_to_category(code)
    return "a status that the standard does not have" if category == STATUS_UNKNOWN else category.lower()
