"""Copy attributes of a source data set into a new one: what breaks a rule of the standard stays behind."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from pydicom import config
from pydicom.charset import decode_bytes, encode_string
from pydicom.datadict import dictionary_has_tag, dictionary_VM, dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import validate_value

from DICOMModule.dicom.uids import is_valid_uid
from DICOMModule.export.attribute_lists import CODE_SEQUENCES, ENUMERATED, REQUIRED_IN_ITEMS

UNREADABLE = (ValueError, TypeError, KeyError, NotImplementedError, AttributeError, OverflowError, RecursionError)
"""What pydicom raises where a value is not what its VR says."""

TEXT_VRS = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}


def copy_verbatim(source: Dataset, target: Dataset, keywords: Iterable[str]) -> None:
    """Copy text attributes byte for byte, whatever they hold; `target` needs the character set of `source`."""
    for keyword in keywords:
        tag = _tag(keyword)
        if tag not in source:
            continue
        raw: Any = source.get_item(tag)
        vr = dictionary_VR(tag)
        if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes):
            # an odd number of bytes, which a source may have, is never written (PS3.5 7.1.1)
            value = raw.value + (b"\0" if vr == "UI" else b" ") * (len(raw.value) % 2)
            target[tag] = raw._replace(
                VR=vr, value=value, length=len(value), is_implicit_VR=False, is_little_endian=True
            )
        elif (element := read_element(source, tag)) is not None and vr == element.VR:
            target[tag] = element


def copy_sound(source: Dataset, target: Dataset, keywords: Iterable[str], empty: bool = False) -> None:
    """Copy attributes that keep to their VR, VM and enumerated values; the others, and empty ones but for `empty`, not."""
    for keyword in keywords:
        element = read_element(source, _tag(keyword))
        if element is None or (element.is_empty and not empty):
            continue
        if element.is_empty:
            if element.VR in dictionary_VR(element.tag):
                target[element.tag] = element
            continue
        sound = _sound(element)
        if sound is not None:
            target[sound.tag] = sound


def is_sound(source: Dataset, keyword: str) -> bool:
    """Return whether an attribute is absent, empty, or keeps to its VR, VM and enumerated values."""
    if _tag(keyword) not in source:
        return True
    element = read_element(source, _tag(keyword))
    return element is not None and (element.is_empty or _sound(element) is not None)


def constant_keywords(sources: Sequence[Dataset], keywords: Iterable[str]) -> list[str]:
    """Return the keywords whose attributes are the same in all `sources`."""
    return [keyword for keyword in keywords if len({_fingerprint(one, _tag(keyword)) for one in sources}) == 1]


def read_element(source: Dataset, tag: BaseTag) -> DataElement | None:
    """Return an element, None where it is absent or cannot be read as what it says it is."""
    if tag not in source:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return source[tag]
    except UNREADABLE:
        return None


def transcode(target: Dataset) -> None:
    """Turn all text of `target` into UTF-8, which every text can be written in."""
    for tag in list(target.keys()):
        element = read_element(target, tag)
        if element is None:
            del target[tag]
        elif element.VR == "SQ":
            for item in element.value:
                transcode(item)
    if "SpecificCharacterSet" in target:
        del target["SpecificCharacterSet"]
    target.SpecificCharacterSet = "ISO_IR 192"


def can_say(text: str, encodings: list[str]) -> bool:
    """Return whether `text` survives being written in those character sets and read again."""
    if text.isascii():
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return decode_bytes(encode_string(text, encodings), encodings, set()) == text
    except (UserWarning, UnicodeError, LookupError, ValueError):
        return False


def _tag(keyword: str) -> BaseTag:
    number = tag_for_keyword(keyword)
    if number is None:
        raise KeyError(keyword)
    return Tag(number)


def _fingerprint(source: Dataset, tag: BaseTag) -> str:
    if tag not in source:
        return ""
    raw: Any = source.get_item(tag)
    value = raw.value
    return repr(value.rstrip(b"\0 ")) if isinstance(value, bytes) else f"{type(value).__name__} {value!s}"


def _sound(element: DataElement) -> DataElement | None:
    """Return the element, of a sequence what is sound of it; None where nothing is."""
    tag = element.tag
    if tag.is_private or not dictionary_has_tag(tag) or element.VR not in dictionary_VR(tag).split(" or "):
        return None
    if element.VR == "SQ":
        keyword = keyword_for_tag(tag)
        items = [item for item in map(_sound_item, element.value) if item is not None and _complete(item, keyword)]
        return DataElement(tag, "SQ", items) if items else None
    values: list[Any] = list(element.value) if element.VM > 1 else [element.value]
    if not _fits_multiplicity(dictionary_VM(tag), len(values)):
        return None
    allowed = ENUMERATED.get(keyword_for_tag(tag))
    if allowed is not None and not all(value in allowed for value in values):
        return None
    return element if all(_valid(element.VR, value) for value in values) else None


def _sound_item(item: Dataset) -> Dataset | None:
    clean = Dataset()
    for tag in item.keys():  # noqa: SIM118 - iterating over a Dataset yields elements, parsed
        element = read_element(item, tag)
        sound = None if element is None else _sound(element)
        if sound is not None and not sound.is_empty:
            clean[tag] = sound
    return clean if len(clean) else None


def _complete(item: Dataset, keyword: str) -> bool:
    if keyword.endswith("CodeSequence") or keyword in CODE_SEQUENCES:
        coded = "CodeValue" in item and "CodingSchemeDesignator" in item
        other = "URNCodeValue" in item or ("LongCodeValue" in item and "CodingSchemeDesignator" in item)
        return "CodeMeaning" in item and (coded or other)
    return all(name in item for name in REQUIRED_IN_ITEMS.get(keyword, ()))


def _fits_multiplicity(rule: str, count: int) -> bool:
    """Return whether `count` values fit a value multiplicity such as ``"1"``, ``"1-n"``, ``"3"`` or ``"2-2n"``."""
    if "-" not in rule:
        return count == int(rule)
    low, high = rule.split("-")
    if high == "n":
        return count >= int(low)
    if high.endswith("n"):
        return count >= int(low) and count % int(high[:-1]) == 0
    return int(low) <= count <= int(high)


def _valid(vr: str, value: object) -> bool:
    if vr == "UI":
        return is_valid_uid(str(value))
    if vr in {"DS", "IS"}:
        # the written form counts: pydicom keeps it beside the number
        value = getattr(value, "original_string", str(value))
    elif vr not in TEXT_VRS:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            validate_value(vr, value if vr == "PN" else str(value), config.RAISE)
    except UNREADABLE:
        return False
    return True
