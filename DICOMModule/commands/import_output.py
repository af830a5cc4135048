"""What the command line tells of an import: its document, its text, its CSV file, its exit code."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from DICOMModule.commands.output import IN_PART, OK, Output
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, existing_path
from DICOMModule.errors import DiskFullError, ExportError, plain_text

if TYPE_CHECKING:
    from DICOMModule.database import ImportProblem, ImportReport


def add_csv_arguments(parser: argparse.ArgumentParser, option: str, what: str) -> None:
    """Declare an option that names a CSV file, and --overwrite for it."""
    parser.add_argument(option, type=existing_path, metavar="FILE.csv", help=what)
    parser.add_argument("--overwrite", action="store_true", help="replace the CSV file where it exists")


@contextmanager
def promised_csv(path: Path | None, *, overwrite: bool) -> Iterator[Callable[[Iterable[ImportProblem]], None]]:
    """Refuse a CSV file that cannot be written before the import begins, and give what writes it after it.

    Without a path nothing is written.
    """
    from DICOMModule.verbs.report_csv import check_report_csv, write_report_csv

    if path is not None:
        check_report_csv(path, overwrite=overwrite)

    def write(rows: Iterable[ImportProblem]) -> None:
        if path is None:
            return
        try:
            write_report_csv(rows, path, overwrite=overwrite)
        except (ExportError, DiskFullError) as error:
            raise type(error)(f"{error} The import is done; `history` shows it and can write its report.") from error

    yield write


def import_document(report: ImportReport) -> dict[str, Any]:
    """Return what the JSON document of an import says."""
    document = asdict(report)
    document.pop("series_instance_uids")
    document["elapsed_s"] = round(report.elapsed_s, 3)
    document["rejected"] = [{"path": row.where, "reason": row.reason} for row in report.rejected]
    return document


def show_import(context: Context, report: ImportReport, document: dict[str, Any]) -> int:
    """Tell what came of an import; return the exit code."""
    output = context.output
    output.document(document)
    conflicts = [row for row in report.duplicates if row.conflict]
    _list_some(output, "rejected", [(row.where, row.reason) for row in report.rejected])
    _list_some(output, "set aside", [(row.path, row.reason) for row in conflicts])
    if output.verbose:
        for row in report.duplicates:
            if not row.conflict:
                output.message(plain_text(f"duplicate: {row.path}: {row.reason}"))
        for problem in report.warnings:
            output.message(plain_text(f"warning: {problem.where}: {problem.reason}"))
    elif report.warnings:
        output.message(f"{counted(len(report.warnings), 'warning')} (--verbose shows them)")
    output.text(import_sentence(report))
    output.text(
        f"new: {counted(report.patients, 'patient')}, {counted(report.studies, 'study', 'studies')},"
        f" {counted(report.series, 'series', 'series')}"
    )
    return IN_PART if report.rejected or conflicts else OK


def import_sentence(report: ImportReport) -> str:
    """Return in a line what became of the files."""
    conflicts = sum(row.conflict for row in report.duplicates)
    counts = [
        f"{number} {name}"
        for number, name in (
            (report.added, "added"),
            (report.updated, "updated"),
            (report.unchanged, "unchanged"),
            (len(report.duplicates) - conflicts, "there already from another file"),
            (conflicts, "set aside: other content under a UID that is taken"),
            (report.not_dicom, "not DICOM"),
            (len(report.rejected), "rejected"),
        )
        if number
    ]
    return f"{counted(report.files_seen, 'file')}: {', '.join(counts)}" if counts else "no files found"


def _list_some(output: Output, what: str, rows: list[tuple[str, str]]) -> None:
    """Tell the first of `rows`, (path, reason), those of one reason together; all where the user wants to hear more."""

    def told(shown: Sequence[tuple[str, str]]) -> Iterator[str]:
        by_reason: dict[str, list[str]] = {}
        for path, reason in shown:
            by_reason.setdefault(reason, []).append(path)
        for reason, paths in by_reason.items():
            yield f"{what}: {reason}"
            yield from (f"  {path}" for path in paths)

    output.some(what, rows, told)
