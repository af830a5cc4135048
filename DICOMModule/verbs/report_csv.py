"""The rows of an import's report as a CSV file that can be opened anywhere without harm."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from DICOMModule.database import ImportProblem
from DICOMModule.errors import ExportError, plain_text

HEADER: Final = ("path", "kind", "sop_instance_uid", "reason")
# what a spreadsheet takes for the beginning of a formula, the full-width forms of the signs included
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def report_csv(rows: Iterable[ImportProblem]) -> str:
    r"""Return the rows as CSV (RFC 4180) with a header line.

    Paths come from outside: a cell that a spreadsheet could take for a formula gets an apostrophe before it, control
    characters and bytes that are no text are shown escaped (``\x0a``, ``\udcff``), so each row is one line.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for row in rows:
        writer.writerow([harmless_cell(cell) for cell in (row.path, row.kind, row.sop_instance_uid or "", row.reason)])
    return text.getvalue()


def harmless_cell(text: str) -> str:
    """Return `text` as a cell that no spreadsheet calculates with."""
    risky = text.lstrip(" \u00a0").startswith(_FORMULA_STARTS)
    return f"'{plain_text(text)}" if risky else plain_text(text)


def write_report_csv(rows: Iterable[ImportProblem], path: Path, *, overwrite: bool = False) -> None:
    """Write the rows to a CSV file in UTF-8, whole or not at all.

    Raises
    ------
    ExportError
        `path` exists and `overwrite` is not given, or it cannot be written.
    DiskFullError
        The disk has no room.
    """
    from DICOMModule.export.atomic import atomic_file

    # the mark at the beginning tells spreadsheets that it is UTF-8
    content = report_csv(rows).encode("utf-8-sig")
    with atomic_file(path, overwrite=overwrite) as stream:
        stream.write(content)


def check_report_csv(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a path that `write_report_csv` would refuse, before the work is done that it is to tell of."""
    from DICOMModule.export.atomic import check_target

    check_target(path, overwrite)
    if not os.access(path.parent, os.W_OK):
        raise ExportError(f"the folder {plain_text(str(path.parent))} cannot be written to. Choose another one.")
