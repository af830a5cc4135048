"""VOI LUTs of a header as windows with a curve of their own (PS3.3 C.11.2)."""

from __future__ import annotations

from DICOMModule.dicom.details import read_details
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.lookup_table import read_lookup_table
from DICOMModule.volume.volume import Window


def voi_luts_of(header: InstanceHeader, reach: tuple[int, int]) -> tuple[Window, ...]:
    """Return the tables of the VOI LUT Sequence, read from the file; a window spans the values that its table is for.

    Parameters
    ----------
    header : InstanceHeader
        Of the slice that stands for the volume.
    reach : tuple of 2 ints
        The least and the greatest value that there can be, after the modality transform.

    Raises
    ------
    DicomFileError
        A table makes no sense, or the file has gone or changed.
    """
    if not header.attributes.get("VOILUTSequence"):
        return ()
    windows = []
    for number, item in enumerate(read_details(header).get("VOILUTSequence") or [], 1):
        table = read_lookup_table(header.path, item, reach, "VOI LUT")
        span = len(table.entries) - 1
        name = str(item.get("LUTExplanation") or "").strip() or f"VOI LUT {number}"
        windows.append(Window(table.first + span / 2, float(max(span, 1)), name, "LINEAR_EXACT", table))
    return tuple(windows)
