"""What varies across instances, as rows of texts and as CSV; no Qt here."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.dicom.tag_comparison import ComparedValue
from DICOMModule.dicom.tag_list import TagValue
from DICOMModule.dicom.tag_variation import VaryingTag
from DICOMModule.verbs.report_csv import harmless_cell
from DICOMModule.verbs.varying import VaryingInstance, VaryingReport
from DICOMModule.widgets.dialogs.tag_nodes import HIDDEN, element_name, is_identifying, value_text
from DICOMModule.widgets.wording import counted

NOT_THERE: Final = "(not there)"
EMPTY: Final = "(empty)"
MOST_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class VaryingRow:
    """One element that varies, as people read it.

    Attributes
    ----------
    tag : VaryingTag
        What it says of.
    name : str
        What it is called.
    summary : str
        The range of its numbers, or its first values.
    values : tuple of str
        One an instance.
    """

    tag: VaryingTag
    name: str
    summary: str
    values: tuple[str, ...]

    @property
    def searched(self) -> str:
        """What a search looks at."""
        tag = self.tag
        return f"{tag.path} {tag.tag.replace(',', '')} {self.name} {tag.keyword} {' '.join(self.values)}".casefold()


def varying_rows(report: VaryingReport, *, anonymous: bool = False) -> tuple[VaryingRow, ...]:
    """Return a row for each element that varies; `anonymous`: values that may tell the patient are hidden."""
    return tuple(_row(tag, anonymous=anonymous) for tag in report.varying)


def varying_summary(report: VaryingReport) -> str:
    """Return in a line what was found, and what was not looked at."""
    instances = counted(len(report.instances), "instance")
    parts = [f"{counted(len(report.varying), 'element')} vary in {instances}, {report.constant:,} are the same"]
    if len(report.varying) == 1:
        parts = [f"1 element varies in {instances}, {report.constant:,} are the same"]
    if report.not_compared:
        parts.append(f"of ({'), ('.join(report.not_compared)}) only the size was compared")
    if report.left_out:
        parts.append(f"{report.left_out:,} were not looked at, as there are too many different ones")
    if report.problems:
        parts.append(f"{counted(len(report.problems), 'file')} could not be read")
    return "; ".join(parts)


def instance_text(instance: VaryingInstance, place: int) -> str:
    """Return what an instance is called: its number, or its place where it has none."""
    return f"{place + 1}." if instance.instance_number is None else str(instance.instance_number)


def varying_csv(report: VaryingReport, rows: Sequence[VaryingRow]) -> str:
    """Return the rows as CSV: a line an element, a column an instance; no field can act as a formula in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    heads = [f"Instance {instance_text(one, place)}" for place, one in enumerate(report.instances)]
    writer.writerow(["Tag", "Keyword", "Name", "VR", "Values", *heads])
    for row in rows:
        cells = (row.tag.path, row.tag.keyword, row.name, row.tag.vr, str(row.tag.distinct), *row.values)
        writer.writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def write_varying_csv(report: VaryingReport, rows: Sequence[VaryingRow], path: Path) -> None:
    """Write the rows to a file, all or nothing; a file of that name is replaced.

    Raises
    ------
    ExportError, DiskFullError
        It cannot be written.
    """
    from DICOMModule.export.atomic import atomic_file

    content = varying_csv(report, rows).encode("utf-8-sig", "backslashreplace")
    with atomic_file(path, overwrite=True) as stream:
        stream.write(content)


def _cell(text: str) -> str:
    """Return a number as it is, and what else there is so that no spreadsheet calculates with it."""
    try:
        float(text)
    except ValueError:
        return harmless_cell(text)
    return text


def _row(tag: VaryingTag, *, anonymous: bool) -> VaryingRow:
    absent = set(tag.absent)
    hides = anonymous and tag.vr != "SQ" and is_identifying(tag.tag, tag.vr)
    texts: dict[str, None] = {}
    values: list[str] = []
    for place, value in enumerate(tag.values):
        values.append(NOT_THERE if place in absent else _text(tag, value, hides=hides))
        texts[values[-1]] = None
    if tag.minimum is not None and not hides:
        summary = f"{tag.minimum:g} to {tag.maximum:g}" + (f", {NOT_THERE}" if absent else "")
    else:
        shown = list(texts)
        summary = " · ".join(shown[:MOST_SHOWN]) + (" · …" if len(shown) > MOST_SHOWN else "")
    return VaryingRow(tag, element_name(tag.tag, tag.name), summary, tuple(values))


def _text(tag: VaryingTag, value: TagValue, *, hides: bool) -> str:
    if value is None:
        return EMPTY
    if hides:
        return HIDDEN
    items = value["items"] if isinstance(value, dict) and "items" in value else 0
    return value_text(ComparedValue(tag.tag, tag.vr, value, items), items)
