"""The verbs of the trash: delete, restore."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from DICOMModule.commands.output import OK
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, filled

if TYPE_CHECKING:
    from DICOMModule.database import DeleteReport

COLUMNS = ("no.", "deleted", "patient name", "date", "description", "instances", "study UID")
KEYS = ("patients", "studies", "series", "instances", "files_removed", "bytes_freed")


class _RefusesPurge(argparse.Action):
    """An option that the contract names and this version has not: it must not be taken for a plain delete."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        _values: str | Sequence[Any] | None,
        _option: str | None = None,
    ) -> NoReturn:
        parser.error(
            "--purge is not part of this version. Without it, delete puts things into the trash and leaves files alone."
        )


def _targets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        metavar="UID",
        nargs="+",
        type=filled,
        help="study, series or instance, or patient:N of `list patients`",
    )


def _delete_arguments(parser: argparse.ArgumentParser) -> None:
    _targets(parser)
    parser.add_argument("--purge", action=_RefusesPurge, nargs=0, help="not part of this version")


def _delete(context: Context) -> int:
    with context.logic() as logic:
        report = context.output.run(logic.delete_job(context.arguments.targets))
    _show(context, report, "moved to the trash")
    context.output.text("No file was touched; `restore` with the same names brings them back.")
    return OK


def _restore(context: Context) -> int:
    with context.logic() as logic:
        report = context.output.run(logic.restore_job(context.arguments.targets))
    _show(context, report, "restored from the trash")
    return OK


def _trash_arguments(_parser: argparse.ArgumentParser) -> None:
    """`trash` takes no arguments of its own."""


def _trash(context: Context) -> int:
    with context.logic() as logic:
        entries = logic.trash_entries()
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
        context.output.message("the trash is empty")
    return OK


def _show(context: Context, report: DeleteReport, what: str) -> None:
    context.output.document({key: getattr(report, key) for key in KEYS})
    whole = [
        counted(number, one, many)
        for number, one, many in (
            (report.patients, "patient", "patients"),
            (report.studies, "study", "studies"),
            (report.series, "series", "series"),
        )
        if number
    ]
    ending = f" (the whole of {', '.join(whole)})" if whole else ""
    context.output.text(f"{counted(report.instances, 'instance')} {what}{ending}")


VERBS = (
    Verb(
        "delete",
        "put patients, studies, series or instances into the trash",
        _delete_arguments,
        _delete,
        ("delete 1.2.840.1.2.3", "delete patient:7"),
    ),
    Verb(
        "restore",
        "bring back what was deleted",
        _targets,
        _restore,
        ("restore 1.2.840.1.2.3", "restore patient:7"),
    ),
    Verb("trash", "list what is in the trash", _trash_arguments, _trash, ("trash", "trash --json")),
)
