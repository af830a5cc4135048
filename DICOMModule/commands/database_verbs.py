"""The verbs of the database: demo, list; those of imports, tags, its trash and its soundness stand beside this."""

from __future__ import annotations

import argparse

from DICOMModule.commands import annotation_verbs, import_verbs, keeping_verbs, tag_verbs, trash_verbs
from DICOMModule.commands.import_output import import_document, show_import
from DICOMModule.commands.output import OK
from DICOMModule.commands.verb import Context, Verb, count, whole

LEVELS = ("patients", "studies", "series", "instances")


def _demo_arguments(parser: argparse.ArgumentParser) -> None:
    from DICOMModule.demo.catalogue import PHANTOMS

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
    from DICOMModule.demo.catalogue import phantoms

    names = tuple(name for group in context.arguments.only for name in group)
    with context.logic() as logic:
        report = context.output.run(logic.demo_job(names))
    document = import_document(report)
    document["landmarks"] = [
        {
            "name": landmark.name,
            "series_instance_uid": phantom.series_instance_uid,
            "position_lps_mm": landmark.position_lps_mm,
        }
        for phantom in phantoms(names)
        for landmark in phantom.landmarks
    ]
    code = show_import(context, report, document)
    for phantom in phantoms(names):
        context.output.text(f"{phantom.series_instance_uid}  {phantom.description}")
    return code


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("level", nargs="?", choices=LEVELS, default="studies", help="what to list (default: studies)")
    parser.add_argument(
        "--patient", type=whole, metavar="N", help="only of the patient that `list patients` gives this number"
    )
    parser.add_argument("--study", metavar="UID", help="only of this study")
    parser.add_argument("--series", metavar="UID", help="only of this series")
    parser.add_argument(
        "--search",
        metavar="TEXT",
        help="only what holds these words, in any order, case and accents do not matter, one or two letters begin"
        " a word; mod:CT, name:doe, id:P1, label:teaching and date:today, date:7d, date:2026-03 or date:20260301..20260309"
        " look into one attribute, quotes keep words together",
    )
    parser.add_argument("--limit", type=count, metavar="N", help="at most N rows")
    parser.add_argument("--offset", type=count, default=0, metavar="N", help="leave out the first N rows")


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


HEADINGS = {
    "patient": "no.",
    "patient_id": "patient ID",
    "patient_birth_date": "born",
    "patient_sex": "sex",
    "study_date": "date",
    "study_description": "description",
    "modalities_in_study": "modalities",
    "study_instance_uid": "study UID",
    "series_number": "no.",
    "series_description": "description",
    "series_instance_uid": "series UID",
    "instance_number": "no.",
    "sop_instance_uid": "instance UID",
}
WHOLE_COLUMNS = ("path", "patient", "health", "state", "study_date")


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
    if rows:
        names = {column: _heading(column) for column in columns}
        kept = [name for column, name in names.items() if column.endswith("_uid") or column in WHOLE_COLUMNS]
        context.output.table(list(names.values()), cells, whole=kept)
    elif not context.output.as_json:
        context.output.message(f"no {given.level} found")
    return OK


def _heading(column: str) -> str:
    return HEADINGS.get(column, column.replace("_", " "))


def _cell(value: object) -> object:
    return "\\".join(map(str, value)) if isinstance(value, tuple | list) else value


VERBS = (
    Verb(
        "demo",
        "put the built-in phantoms into the database",
        _demo_arguments,
        _demo,
        ("demo", "demo --only ct --database /tmp/demo"),
    ),
    *import_verbs.VERBS,
    Verb(
        "list",
        "list patients, studies, series or instances",
        _list_arguments,
        _list,
        ("list patients", 'list studies --search "smith chest"', "list series --study 1.2.840.1.2.3 --json"),
    ),
    *tag_verbs.VERBS,
    *trash_verbs.VERBS,
    *annotation_verbs.VERBS,
    *keeping_verbs.VERBS,
)
