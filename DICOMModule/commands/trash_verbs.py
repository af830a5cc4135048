"""The verbs of the trash: delete, with and without undo, restore, list, empty."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from DICOMModule.commands.output import IN_PART, OK
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, add_targets, count
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.database import DeleteReport, PurgeReport

COLUMNS = ("no.", "deleted", "patient name", "date", "description", "instances", "study UID")
KEYS = ("patients", "studies", "series", "instances", "files_removed", "bytes_freed")
PURGE_KEYS = (
    "quarantined", "thumbnails", "report_rows", "backups_rewritten", "backups_dropped", "notes", "unfinished",
)  # fmt: skip


def _delete_arguments(parser: argparse.ArgumentParser) -> None:
    add_targets(parser)
    parser.add_argument(
        "--purge",
        action="store_true",
        help="take them away for good, also out of the trash: rows, copies, thumbnails, what was set aside, report rows and"
        " their traces in backups. It cannot be undone. Files outside the database folder stay",
    )


def _delete(context: Context) -> int:
    given = context.arguments
    if given.purge:
        with context.logic() as logic:
            return _show_purge(context, context.output.run(logic.purge_job(given.targets)))
    with context.logic() as logic:
        report = context.output.run(logic.delete_job(given.targets))
    _show(context, report, "moved to the trash")
    context.output.text("No file was touched; `restore` with the same names brings them back.")
    return OK


def _restore(context: Context) -> int:
    with context.logic() as logic:
        report = context.output.run(logic.restore_job(context.arguments.targets))
    _show(context, report, "restored from the trash")
    return OK


def _trash_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--empty", action="store_true", help="purge what is in it; it cannot be undone")
    parser.add_argument(
        "--older-than", metavar="DAYS", type=count, help="only what was deleted so many days ago or more"
    )


def _trash(context: Context) -> int:
    given = context.arguments
    if given.empty:
        with context.logic() as logic:
            return _show_purge(context, context.output.run(logic.purge_trash_job(older_than_days=given.older_than)))
    with context.logic() as logic:
        entries = logic.trash_entries(older_than_days=given.older_than)
    context.output.document(entries)
    rows = [
        [
            entry.trash_id,
            entry.deleted_at,
            study.patient_name,
            study.study_date,
            study.study_description,
            study.instances,
            study.study_instance_uid,
        ]
        for entry in entries
        for study in entry.contents
    ]
    if rows:
        context.output.table(COLUMNS, rows, whole=("no.", "deleted", "date", "study UID"))
    elif not context.output.as_json:
        context.output.message("the trash is empty" if given.older_than is None else "the trash holds nothing that old")
    return OK


def _show_purge(context: Context, report: PurgeReport) -> int:
    output = context.output
    output.document({key: getattr(report, key) for key in (*KEYS, *PURGE_KEYS)})
    output.text(f"{counted(report.instances, 'instance')} purged{_whole(report)}")
    files = counted(report.files_removed, "file")
    beside = f"{counted(report.quarantined, 'quarantined file')}, {counted(report.thumbnails, 'thumbnail')}"
    output.text(f"{files} removed, {report.bytes_freed} bytes ({beside}); {counted(report.report_rows, 'report row')}")
    if report.backups_rewritten:
        output.text(f"{counted(report.backups_rewritten, 'backup')} rewritten without it")
    for name in report.backups_dropped:
        output.message(plain_text(f"backup dropped, as it could not be rewritten: {name}"))
    for note in report.notes:
        output.message(note)
    if report.unfinished:
        output.message(f"not finished: {report.unfinished}")
    return IN_PART if report.unfinished else OK


def _show(context: Context, report: DeleteReport, what: str) -> None:
    context.output.document({key: getattr(report, key) for key in KEYS})
    context.output.text(f"{counted(report.instances, 'instance')} {what}{_whole(report)}")


def _whole(report: DeleteReport | PurgeReport) -> str:
    whole = [
        counted(number, one, many)
        for number, one, many in (
            (report.patients, "patient", "patients"),
            (report.studies, "study", "studies"),
            (report.series, "series", "series"),
        )
        if number
    ]
    return f" (the whole of {', '.join(whole)})" if whole else ""


VERBS = (
    Verb(
        "delete",
        "put patients, studies, series or instances into the trash, or purge them",
        _delete_arguments,
        _delete,
        ("delete 1.2.840.1.2.3", "delete patient:7", "delete patient:7 --purge"),
    ),
    Verb(
        "restore",
        "bring back what was deleted",
        add_targets,
        _restore,
        ("restore 1.2.840.1.2.3", "restore patient:7"),
    ),
    Verb(
        "trash",
        "list what is in the trash, or empty it",
        _trash_arguments,
        _trash,
        ("trash", "trash --empty --older-than 30"),
    ),
)
