"""How readers name and number what they offer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from DICOMModule.dicom.frame_header import FrameHeader
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import plain_text
from DICOMModule.readers.loadable import Loadable


def loadable_id(reader: str, headers: Sequence[InstanceHeader], reading: str = "") -> str:
    """Return an id that is the same as long as the instances or their frames are, whatever their order.

    `reading` is how they are read, where that is not how a reader reads them by itself.
    """
    uids = [
        uid.strip(" \0") if isinstance(uid := header.attributes.get("SOPInstanceUID"), str) else header.sop_instance_uid
        for header in headers
    ]
    if FrameHeader in set(map(type, headers)):
        uids = [
            uid if header.instance is header else f"{uid}#{header.frame_number}"
            for uid, header in zip(uids, headers, strict=True)
        ]
    uids.sort()
    text = chr(10).join([*uids, *([reading] if reading else [])])
    return f"{reader}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def instances_of(frames: Sequence[InstanceHeader]) -> tuple[InstanceHeader, ...]:
    """Return the instances of frames in their order, each once."""
    instances = [frame.instance for frame in frames]
    return tuple(dict(zip(map(id, instances), instances, strict=True)).values())


def series_name(header: InstanceHeader) -> str:
    """Return the series' number and description, for people."""
    number, description = header.text("SeriesNumber"), header.text("SeriesDescription") or header.text("Modality")
    return ": ".join(part for part in (number, description) if part) or "Series without a name"


def uid_name(uid: str) -> str:
    """Return the name of a UID in the standard (PS3.6 annex A), or the UID itself."""
    from pydicom import config
    from pydicom.uid import UID

    # A UID out of a file may be anything; it is looked up, not judged.
    return plain_text(UID(uid, validation_mode=config.IGNORE).name.replace(" (Retired)", "")) or "unnamed"


def refused(reader: str, headers: Sequence[InstanceHeader], refusal: str, kind: str = "image") -> Loadable:
    """Return a loadable that says why `headers` cannot be loaded."""
    return Loadable(
        id=loadable_id(reader, headers),
        series_instance_uid=headers[0].series_instance_uid,
        name=series_name(headers[0]),
        kind=kind,
        reader=reader,
        confidence=0.0,
        selected=False,
        instances=instances_of(headers),
        refusal=refusal,
        regular=False,
    )
