"""The verbs of imports: import, history."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from DICOMModule.commands.import_output import add_csv_arguments, import_document, promised_csv, show_import
from DICOMModule.commands.inbox_watch import watch
from DICOMModule.commands.output import OK
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, count, existing_path, seconds, whole
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.database import ImportEvent, ImportProblem

KINDS = ("rejected", "conflict", "warning", "duplicate")


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        type=existing_path,
        help="folder, file, ZIP file, or DICOMDIR, which stands for its folder; folders are searched through",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--copy", action="store_true", help="copy the files into the database folder")
    how.add_argument("--reference", action="store_true", help="point to the files where they are (default)")
    parser.add_argument(
        "--jobs",
        type=count,
        metavar="N",
        help="how many processes read headers (default: as many as pay); the result does not depend on it",
    )
    add_csv_arguments(parser, "--report", "write what there is to say of single files to this CSV file as well")

    parser.add_argument(
        "--watch",
        action="store_true",
        help="go on until interrupted and copy what arrives in the one folder that is named; with --json a line an event",
    )
    parser.add_argument(
        "--remove",
        action="store_true",
        help="with --watch: delete a file from the folder once its copy is registered and has been read again",
    )
    parser.add_argument(
        "--settle",
        type=seconds,
        default=5.0,
        metavar="SECONDS",
        help="with --watch: how long a file must not have changed before it is taken (default: 5)",
    )
    parser.set_defaults(refuse=parser.error)


def _import(context: Context) -> int:
    from DICOMModule.database.history import problems_of

    given = context.arguments
    if given.watch:
        return watch(context)
    if given.remove:
        given.refuse("--remove goes with --watch")
    with context.logic() as logic, promised_csv(given.report, overwrite=given.overwrite) as write_csv:
        report = context.output.run(logic.import_job(given.paths, copy=given.copy, jobs=given.jobs))
        write_csv(problems_of(report))
    return show_import(context, report, import_document(report))


def _history_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "event", metavar="EVENT", nargs="?", type=whole, help="number of an import (default: list the imports)"
    )
    parser.add_argument("--kind", choices=KINDS, help="only what is said of files of this kind")
    parser.add_argument("--search", metavar="TEXT", default="", help="only where path, UID or reason hold this text")
    parser.add_argument("--limit", type=count, metavar="N", help="at most N rows")
    parser.add_argument("--offset", type=count, default=0, metavar="N", help="leave out the first N rows")
    parser.add_argument(
        "--retry",
        action="store_true",
        help="import again what it rejected or, where it did not come to its end, all that it was asked for",
    )
    add_csv_arguments(
        parser, "--csv", "write the rows to this CSV file as well (with --retry: those of the new import)"
    )
    parser.set_defaults(refuse=parser.error)


def _history(context: Context) -> int:
    given = context.arguments
    if given.event is None:
        if given.kind or given.search or given.retry or given.csv:
            given.refuse("--kind, --search, --retry and --csv need the number of an import")
        return _list_imports(context)
    if given.retry:
        if given.kind or given.search or given.limit is not None or given.offset:
            given.refuse(
                "--retry takes all that was rejected: --kind, --search, --limit and --offset do not go with it"
            )
        return _retry(context)
    return _show_event(context)


def _list_imports(context: Context) -> int:
    with context.logic() as logic:
        events = logic.import_history(context.arguments.limit, context.arguments.offset)
    output = context.output
    output.document(events)
    header = ("no.", "started (UTC)", "from", "outcome", "files", "added", "rejected", "set aside", "asked for")
    rows = [
        (
            event.event,
            event.started_at,
            event.source,
            event.outcome,
            event.files_seen,
            event.added,
            event.rejected,
            event.conflicts,
            plain_text(" ".join(event.roots)),
        )
        for event in events
    ]
    if rows:
        output.table(header, rows, whole=header[:8])
    elif not output.as_json:
        output.message("nothing has been imported yet")
    return OK


def _retry(context: Context) -> int:
    from DICOMModule.database.history import problems_of

    given = context.arguments
    with context.logic() as logic, promised_csv(given.csv, overwrite=given.overwrite) as write_csv:
        report = context.output.run(logic.retry_job(given.event))
        write_csv(problems_of(report))
    return show_import(context, report, import_document(report))


def _show_event(context: Context) -> int:
    from DICOMModule.verbs.report_csv import write_report_csv

    given = context.arguments
    with context.logic() as logic:
        event = logic.import_event(given.event)
        rows = logic.import_problems(given.event, given.kind, given.search, given.limit, given.offset)
    if given.csv is not None:
        write_report_csv(rows, given.csv, overwrite=given.overwrite)
    context.output.document({**asdict(event), "problems": rows})
    _tell_event(context, event, rows)
    return OK


def _tell_event(context: Context, event: ImportEvent, rows: list[ImportProblem]) -> None:
    output = context.output
    ended = f", ended {event.finished_at}" if event.finished_at else ""
    output.text(f"import {event.event} ({event.source}): {event.outcome}; started {event.started_at}{ended} (UTC)")
    for root in event.roots:
        output.text(f"  {plain_text(root)}")
    numbers = ("added", "updated", "unchanged", "not_dicom", "rejected", "conflicts", "duplicates", "warnings")
    told = [f"{getattr(event, name)} {name.replace('_', ' ')}" for name in numbers if getattr(event, name)]
    output.text(": ".join(filter(None, (counted(event.files_seen, "file"), ", ".join(told)))))
    for row in rows:
        output.text(plain_text(f"{row.kind}: {row.path}: {row.reason}"))


VERBS = (
    Verb(
        "import",
        "register DICOM files in the database",
        _import_arguments,
        _import,
        (
            "import /media/cdrom --copy",
            "import ~/studies --json > report.json",
            "import ~/studies --report report.csv",
            "import --watch ~/inbox --remove",
        ),
    ),
    Verb(
        "history",
        "show what was imported, and try again what was rejected",
        _history_arguments,
        _history,
        ("history", "history 12 --kind rejected --csv rejected.csv", "history 12 --retry"),
    ),
)
