"""UIDs: which are valid, which are harmless, and new ones."""

from __future__ import annotations

import re
import uuid
from typing import Final

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED_TRANSFER_SYNTAXES: Final = frozenset(
    {DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
)
ALWAYS_LOSSY: Final = frozenset(f"1.2.840.10008.1.2.4.{code}" for code in (50, 51, 81))
"""Transfer syntaxes that lose something whatever is written in them; of others (JPEG 2000) the header alone says so."""
IMPLEMENTATION_CLASS_UID: Final = "2.25.205371839405062715842093713068574913024"
IMPLEMENTATION_VERSION_NAME: Final = "DICOMMODULE"
MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"

LONGEST_UID: Final = 64  # PS3.5 9.1
# A file may break the rule and still be told apart from others; beyond this it is an attack or garbage.
LONGEST_TOLERATED_UID: Final = 128

_VALID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
_HARMLESS = re.compile(r"[0-9][0-9A-Za-z_-]*(\.[0-9A-Za-z_-]+)*")
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_IMAGE_SUFFIXES = (
    "1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 3 3.1 4 4.1 4.3 4.4 5 6 6.1 6.3 7 7.1 7.2 7.3 7.4 12.1 12.1.1 12.2 12.2.1"
    " 12.3 13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 14.1 14.2 20 30 66.4 66.7 77.1 77.2 77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.3"
    " 77.1.4 77.1.4.1 77.1.5.1 77.1.5.2 77.1.5.4 77.1.5.5 77.1.5.6 77.1.5.7 77.1.6 77.1.7 77.1.8 77.1.9 128 128.1 130"
    " 481.1 481.23 481.24 501.1 501.2.1 501.2.2 601.1 601.2 6.2 77.1.5.8 81.1 82.1"
)
IMAGE_SOP_CLASSES: Final = frozenset(_STORAGE + suffix for suffix in _IMAGE_SUFFIXES.split())
"""Storage SOP Classes whose instances always have pixel data (PS3.3 A: an Image Pixel Module is M, or one of several is)."""


def is_valid_uid(text: str) -> bool:
    """Return whether `text` is a UID by PS3.5 9.1: numbers without leading zeros, joined by dots, at most 64 characters."""
    return len(text) <= LONGEST_UID and _VALID.fullmatch(text) is not None


def is_harmless_uid(text: str) -> bool:
    r"""Return whether `text`, valid or not, may stand as the identity of an object.

    Real archives hold UIDs with leading zeros, letters or a few characters too many; these are kept exactly. What could
    be a path, a device name or a forged line (``..``, ``/``, ``\``, ``CON``, control characters) is not.
    """
    return len(text) <= LONGEST_TOLERATED_UID and _HARMLESS.fullmatch(text) is not None


def new_uid() -> str:
    """Return a new UID made from a random UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"
