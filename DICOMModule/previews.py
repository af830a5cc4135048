"""What one looks at before loading: the frames that a preview scrolls through, and the thumbnails of series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from DICOMModule.database import DicomDatabase
from DICOMModule.database.thumbnails import Thumbnail
from DICOMModule.dicom.decoding import decode_picture
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.errors import DatabaseError, DicomFileError, GeometryError, UnknownUIDError, plain_text
from DICOMModule.volume.planes import plane_of, positions_of

THUMBNAIL_PX: Final = 160
MOST_FRAMES: Final = 100_000
"""Frames of one instance that are shown: a header that claims more is a lie, and nobody scrolls through them."""

_SAME_NORMAL: Final = 0.999
_APART_MM: Final = 1e-3


@dataclass(frozen=True, eq=False, slots=True)
class PreviewFrame:
    """One frame that a preview can show.

    Attributes
    ----------
    series_instance_uid, sop_instance_uid : str
        Where it belongs.
    header : InstanceHeader
        Of its instance.
    frame : int
        Its number in the instance, from 1.
    """

    series_instance_uid: str
    sop_instance_uid: str
    header: InstanceHeader
    frame: int = 1


def preview_frames(database: DicomDatabase, names: Sequence[int | str]) -> tuple[PreviewFrame, ...]:
    """Return the frames of patients (by number), studies, series and instances (by UID), one query each.

    Series come one after the other, by study and number; their instances in slice order where they lie in one stack,
    else by instance number. What holds no picture is left out; what is named twice comes once.

    Raises
    ------
    UnknownUIDError
        One of them is not there.
    DatabaseError
        A UID stands under two patients or studies.
    """
    found: dict[tuple[str, int], PreviewFrame] = {}
    for name in names:
        for _, of_series in groupby(database.registered_headers(name), lambda header: header.series_instance_uid):
            for header in in_slice_order([header for header in of_series if _is_picture(header)]):
                found.update(((frame.sop_instance_uid, frame.frame), frame) for frame in _frames_of(header))
    return tuple(found.values())


def in_slice_order(headers: Sequence[InstanceHeader]) -> list[InstanceHeader]:
    """Return headers along the normal of their planes; as they come where they do not lie in one stack, each apart."""
    try:
        planes = [plane_of(header) for header in headers]
    except GeometryError:
        return list(headers)
    if len(planes) < 2:
        return list(headers)
    normal = planes[0].in_plane.normal
    if min(float(plane.in_plane.normal @ normal) for plane in planes) < _SAME_NORMAL:
        return list(headers)
    along = positions_of(planes) @ normal
    order = np.argsort(along, kind="stable")
    if float(np.diff(along[order]).min()) < _APART_MM:
        return list(headers)  # several times or echoes in each place
    return [headers[index] for index in order]


def make_thumbnail(database: DicomDatabase, series_instance_uid: str) -> Thumbnail:
    """Return the picture of a series: that which is kept, else one of its middle frame, which is kept then.

    A picture that cannot be made is remembered as such until the series changes; what hinders from outside (a file that
    is not there) is not.

    Raises
    ------
    UnknownUIDError
        There is no such series.
    """
    rows = database.series(series=series_instance_uid)
    if not rows:
        raise UnknownUIDError(
            f"the database holds no series {plain_text(series_instance_uid)}. Import it, or list what there is."
        )
    if len(rows) > 1:
        return Thumbnail(None, "The series stands under two patients or studies; which one is meant cannot be told.")
    series = rows[0]
    if kept := database.thumbnails.find(series):
        return kept
    try:
        middle = database.instances(series=series_instance_uid, limit=1, offset=series.instances // 2)
        header = database.header_of_instance(middle[0].sop_instance_uid if middle else "")
    except DatabaseError as error:  # its file is missing, or it has been deleted in this moment
        return Thumbnail(None, str(error))
    frame = min(header.number_of_frames, MOST_FRAMES) // 2 + 1
    try:
        thumbnail = Thumbnail(decode_picture(header, frame, THUMBNAIL_PX))
    except DicomFileError as error:
        thumbnail = Thumbnail(None, error.reason)
        if not _is_as_registered(header):
            return thumbnail
    database.thumbnails.keep(series, thumbnail)
    if not database.series(series=series_instance_uid, limit=1):  # purged meanwhile: it must not outlive its series
        database.thumbnails.forget([series_instance_uid])
    return thumbnail


def _is_picture(header: InstanceHeader) -> bool:
    return "Rows" in header.attributes and header.pixel_data_bytes != 0


def _frames_of(header: InstanceHeader) -> Iterator[PreviewFrame]:
    for frame in range(1, max(1, min(header.number_of_frames, MOST_FRAMES)) + 1):
        yield PreviewFrame(header.series_instance_uid, header.sop_instance_uid, header, frame)


def _is_as_registered(header: InstanceHeader) -> bool:
    """Return whether the file is there as it was imported, so that it is to blame for what it does not show."""
    try:
        status = header.path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (header.size_bytes, header.mtime_ns)
