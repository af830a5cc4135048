"""The texts of a derived series: what DICOM allows in them, and which character set holds them all (PS3.5 6.1, 6.2)."""

from __future__ import annotations

import warnings
from typing import Any

from pydicom.charset import convert_encodings, decode_bytes, default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from DICOMModule.errors import ExportError
from DICOMModule.export.copying import can_say, read_element, transcode

LONGEST_LO = 64
LONGEST_ST = 1024
OURS = (
    "SeriesDescription",
    "DerivationDescription",
    "PatientName",
    "PatientID",
    "RescaleType",
    "WindowCenterWidthExplanation",
)
"""Attributes whose text may be ours, not the source's."""


def line(text: str, what: str, longest: int) -> str:
    """Return `text`, of one line, if an attribute of VR LO or PN can hold it.

    Raises
    ------
    ExportError
        It cannot.
    """
    if "\\" in text or any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ExportError(f"{what} holds a backslash or a control character, which DICOM keeps for itself.")
    return _checked(text, what, longest)


def lines(text: str, what: str) -> str:
    """Return `text`, its lines ended as DICOM does, if an attribute of VR ST can hold it.

    Raises
    ------
    ExportError
        It cannot.
    """
    text = "\r\n".join(text.splitlines())
    if any(ord(character) < 32 and character not in "\t\r\n" for character in text):
        raise ExportError(f"{what} holds a control character, which DICOM keeps for itself.")
    return _checked(text, what, LONGEST_ST)


def person_name(text: str, what: str) -> str:
    """Return `text` if an attribute of VR PN can hold it: three groups of five components, 64 characters a group.

    Raises
    ------
    ExportError
        It cannot.
    """
    groups = line(text, what, 3 * LONGEST_LO + 2).split("=")
    if len(groups) > 3 or any(len(group) > LONGEST_LO or group.count("^") > 4 for group in groups):
        raise ExportError(f"{what} is no name as DICOM writes them: family^given^middle^prefix^suffix, 64 characters.")
    return text


def cut(text: str, notes: list[str]) -> str:
    """Return the series description that `text` becomes, with a note where it is another one."""
    plain = "".join(" " if character == "\\" or ord(character) < 32 else character for character in text).strip()
    short = plain[:LONGEST_LO].strip()
    if plain != text.strip():
        notes.append("The series description held a backslash or control characters; spaces stand for them.")
    if short != plain:
        notes.append(f"The series description is cut to the {LONGEST_LO} characters that DICOM allows.")
    return short


def chain(steps: list[str]) -> str:
    """Return the steps of a derivation as one text; where they are too many, the last ones."""
    kept = list(steps)
    text = "; ".join(kept)
    while len(text) > LONGEST_ST and len(kept) > 1:
        kept = kept[1:]
        text = "; ".join(["[earlier steps left out]", *kept])
    return text


def settle_character_set(dataset: Dataset, notes: list[str]) -> list[str]:
    """Keep the source's character set if it can say our texts, else write everything in UTF-8.

    Text of the source that does not decode cannot be written anew: it stays as it is, and ours gives way.

    Returns
    -------
    list of str
        Python's names of the character sets of `dataset`.
    """
    element = read_element(dataset, Tag("SpecificCharacterSet"))
    encodings = [default_encoding] if element is None else convert_encodings(element.value)
    for name in OURS[:2]:
        text = str(dataset.get(name, ""))
        if not can_say(text, encodings) and can_say(text.replace("–", "-"), encodings):
            setattr(dataset, name, text.replace("–", "-"))
    unsaid = [name for name in OURS if not can_say(_all_text(dataset, name), encodings)]
    if not unsaid:
        return encodings
    if _decodes(dataset, encodings):
        transcode(dataset)
        return convert_encodings("ISO_IR 192")
    for name in unsaid:
        if isinstance(dataset.get_item(name), RawDataElement):
            continue  # the source's own bytes, written as they are
        setattr(dataset, name, str(dataset[name].value).encode("ascii", "replace").decode("ascii"))
        notes.append(f"The source's text breaks the rules of its character set, so {name} is written in ASCII.")
    return encodings


def _checked(text: str, what: str, longest: int) -> str:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ExportError(f"{what} is no readable text: it holds bytes of another encoding than the terminal's.")
    if len(text) > longest:
        raise ExportError(f"{what} has {len(text)} characters; DICOM allows {longest}.")
    return text


def _all_text(dataset: Dataset, name: str) -> str:
    element = read_element(dataset, Tag(name))
    if element is None or element.value is None:
        return ""
    return " ".join(map(str, element.value)) if element.VM > 1 else str(element.value)


def _decodes(dataset: Dataset, encodings: list[str]) -> bool:
    """Return whether all text that is still as the source wrote it decodes without a loss."""
    for tag in dataset.keys():  # noqa: SIM118 - iterating over a Dataset yields elements, parsed
        raw: Any = dataset.get_item(tag)
        if not isinstance(raw, RawDataElement) or not isinstance(raw.value, bytes) or raw.value.isascii():
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                decode_bytes(raw.value, encodings, set(map(ord, "\\^=")))
        except (UserWarning, UnicodeError, LookupError, ValueError):
            return False
    return True
