"""The verbs of the database: demo, import, list, tags, verify."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from DICOMModule.commands.output import IN_PART, OK
from DICOMModule.commands.verb import Context, Verb
from DICOMModule.database import ImportReport
from DICOMModule.demo.catalogue import PHANTOMS, phantoms
from DICOMModule.errors import plain_text

LEVELS = ("patients", "studies", "series", "instances")
SHOWN_PROBLEMS = 20


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="folder or file; folders are searched through"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--copy", action="store_true", help="copy the files into the database folder")
    how.add_argument("--reference", action="store_true", help="point to the files where they are (default)")


def _import(context: Context) -> int:
    with context.logic() as logic:
        report = context.output.run(logic.import_job(context.arguments.paths, copy=context.arguments.copy))
    return _show_import(context, report, _import_document(report))


def _import_document(report: ImportReport) -> dict[str, Any]:
    document = asdict(report)
    document.pop("series_instance_uids")
    document["rejected"] = [{"path": row.where, "reason": row.reason} for row in report.rejected]
    return document


def _show_import(context: Context, report: ImportReport, document: dict[str, Any]) -> int:
    output = context.output
    output.document(document)
    output.text(
        f"{report.files_seen} files: {report.added} added, {report.updated} updated, {report.unchanged} unchanged,"
        f" {report.not_dicom} not DICOM, {len(report.rejected)} rejected, {len(report.duplicates)} duplicates"
    )
    output.text(f"new: {report.patients} patients, {report.studies} studies, {report.series} series")
    rows = [f"{row.where}: {row.reason}" for row in report.rejected]
    rows += [f"{row.path}: {row.reason}" for row in report.duplicates]
    for line in rows if output.verbose else rows[:SHOWN_PROBLEMS]:
        output.message("  " + plain_text(line))
    if len(rows) > SHOWN_PROBLEMS and not output.verbose:
        output.message(f"  and {len(rows) - SHOWN_PROBLEMS} more (--verbose shows all)")
    return IN_PART if report.rejected or any(row.conflict for row in report.duplicates) else OK


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        action="append",
        nargs="+",
        default=[],
        metavar="PHANTOM",
        choices=[phantom.name for phantom in PHANTOMS],
        help="one phantom: " + ", ".join(phantom.name for phantom in PHANTOMS),
    )


def _demo(context: Context) -> int:
    names = tuple(name for group in context.arguments.only for name in group)
    with context.logic() as logic:
        report = context.output.run(logic.demo_job(names))
    document = _import_document(report)
    document["landmarks"] = [
        {
            "name": landmark.name,
            "series_instance_uid": phantom.series_instance_uid,
            "position_lps_mm": landmark.position_lps_mm,
        }
        for phantom in phantoms(names)
        for landmark in phantom.landmarks
    ]
    code = _show_import(context, report, document)
    for phantom in phantoms(names):
        context.output.text(f"{phantom.series_instance_uid}  {phantom.description}")
    return code


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("level", nargs="?", choices=LEVELS, default="studies", help="what to list (default: studies)")
    parser.add_argument(
        "--patient", type=int, metavar="N", help="only of the patient that `list patients` gives this number"
    )
    parser.add_argument("--study", metavar="UID", help="only of this study")
    parser.add_argument("--series", metavar="UID", help="only of this series")
    parser.add_argument("--search", metavar="TEXT", help="only what holds these words, in any order")
    parser.add_argument("--limit", type=_count, metavar="N", help="at most N rows")
    parser.add_argument("--offset", type=_count, default=0, metavar="N", help="leave out the first N rows")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


COLUMNS = {
    "patients": ("patient", "patient_id", "patient_name", "patient_birth_date", "patient_sex", "studies", "instances"),
    "studies": (
        "study_date",
        "patient_name",
        "study_description",
        "modalities_in_study",
        "series",
        "instances",
        "study_instance_uid",
    ),
    "series": (
        "series_number",
        "modality",
        "series_description",
        "instances",
        "frames",
        "health",
        "series_instance_uid",
    ),
    "instances": ("instance_number", "frames", "bytes", "state", "sop_instance_uid", "path"),
}


def _list(context: Context) -> int:
    given = context.arguments
    with context.logic() as logic:
        read = getattr(logic.database(), given.level)
        rows = read(
            patient=given.patient,
            study=given.study,
            series=given.series,
            search=given.search or "",
            limit=given.limit,
            offset=given.offset,
        )
    context.output.document(rows)
    columns = COLUMNS[given.level]
    cells = [[_cell(getattr(row, column)) for column in columns] for row in rows]
    context.output.table([column.replace("_", " ") for column in columns], cells)
    return OK


def _cell(value: object) -> object:
    return "\\".join(map(str, value)) if isinstance(value, tuple | list) else value


def _tags_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="UID|FILE", help="an instance, a series (its first instance), or a file")
    parser.add_argument("--search", metavar="TEXT", default="", help="only elements that hold this text")


def _tags(context: Context) -> int:
    with context.logic() as logic:
        rows = logic.tags(context.arguments.target, context.arguments.search)
    context.output.document(rows)
    for row in rows:
        value = plain_text("" if row.value is None else str(row.value))
        context.output.text(f"{'  ' * row.depth}({row.tag}) {row.vr} {row.keyword or '-'}: {value}")
    return OK


def _verify_arguments(_parser: argparse.ArgumentParser) -> None:
    """`verify` takes no arguments of its own."""


def _verify(context: Context) -> int:
    with context.logic() as logic:
        report = context.output.run(logic.verify_job())
    output = context.output
    output.document(report)
    findings = 0
    for kind in ("missing", "damaged", "orphans", "quarantined"):
        paths = getattr(report, kind)
        findings += len(paths)
        for path in paths:
            output.text(f"{kind}: {plain_text(str(path))}")
    output.text(f"{report.checked} files checked, {findings} findings; database: {report.database}")
    return IN_PART if findings or report.database != "ok" else OK


VERBS = (
    Verb("demo", "put the built-in phantoms into the database", _demo_arguments, _demo),
    Verb("import", "register DICOM files in the database", _import_arguments, _import),
    Verb("list", "list patients, studies, series or instances", _list_arguments, _list),
    Verb("tags", "show the data elements of a file", _tags_arguments, _tags),
    Verb("verify", "check the registered files and the database", _verify_arguments, _verify),
)
