"""Attributes as rows keep them: a series those of its first instance, an instance what differs from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from DICOMModule.dicom.instance_header import AttributeValue

UID: Final = "SOPInstanceUID"
_DECODER: Final = json.JSONDecoder()


def load_attributes(text: str) -> dict[str, Any]:
    """Return attributes from JSON, with tuples as they were."""
    if "[" not in text:  # half of the time: it is asked for each row
        found: dict[str, Any]
        found, end = _DECODER.raw_decode(text)
        if end == len(text):
            return found
    return {keyword: tuple(value) if isinstance(value, list) else value for keyword, value in json.loads(text).items()}


def load_each(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each text what `load_attributes` does, in a half of the time.

    Raises
    ------
    ValueError
        One of them is not the JSON of attributes.
    """
    joined = f"[{','.join(texts)}]"
    found: list[dict[str, Any]] = json.loads(joined)
    if len(found) != len(texts) or not all(type(one) is dict for one in found):
        raise ValueError("attributes are not an object each")
    if joined.count("[") == 1:
        return found
    return [
        {keyword: tuple(value) if isinstance(value, list) else value for keyword, value in one.items()} for one in found
    ]


def merged_attributes(base: Mapping[str, Any], changed: Mapping[str, Any], uid: str) -> dict[str, AttributeValue]:
    """Return an instance's attributes from its series' and its own."""
    merged = {**base, **changed, UID: uid}
    return {keyword: value for keyword, value in merged.items() if value is not None}


def comparable(attributes: Mapping[str, AttributeValue]) -> str:
    """Return attributes as a text that is the same for the same attributes, whether of a file or of rows."""
    return json.dumps(dict(attributes), ensure_ascii=False, sort_keys=True)
