"""The verbs of what users write: label, note, searches."""

from __future__ import annotations

import argparse

from DICOMModule.commands.output import OK
from DICOMModule.commands.verb import Context, Verb, filled
from DICOMModule.errors import plain_text

TARGET_HELP = "study or series, or patient:N of `list patients`"


def _label_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", metavar="UID", nargs="*", type=filled, help=TARGET_HELP + "; none: list all labels")
    parser.add_argument("--add", metavar="LABEL", action="append", default=[], help="put this label on them")
    parser.add_argument("--remove", metavar="LABEL", action="append", default=[], help="take this label off them")
    parser.set_defaults(usage_error=parser.error)


def _label(context: Context) -> int:
    given, output = context.arguments, context.output
    if not given.targets:
        if given.add or given.remove:
            given.usage_error("name what is to be labelled: UIDs, or patient:N")
        with context.logic() as logic:
            counts = logic.labels()
        output.document(counts)
        columns = ("label", "patients", "studies", "series")
        if counts:
            output.table(columns, [[getattr(row, column) for column in columns] for row in counts])
        elif not output.as_json:
            output.message("no label found")
        return OK
    with context.logic() as logic:
        rows = logic.label(given.targets, given.add, given.remove)
    output.document([{"uid": target, "labels": labels} for target, labels in rows])
    for target, labels in rows:
        output.text(plain_text(f"{target}: {', '.join(labels) or 'no label'}"))
    return OK


def _note_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="UID", type=filled, help=TARGET_HELP)
    parser.add_argument("--text", metavar="TEXT", help="write this in place of the note there is; empty: take it away")


def _note(context: Context) -> int:
    given = context.arguments
    with context.logic() as logic:
        note = logic.note(given.target) if given.text is None else logic.set_note(given.target, given.text)
    context.output.document({"uid": given.target, "note": note or None})
    for line in note.split("\n") if note else ():
        context.output.text(plain_text(line.replace("\t", "    ")))
    return OK


def _searches_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--save", nargs=2, metavar=("NAME", "TEXT"), help="keep a search as `list --search` takes it")
    how.add_argument("--remove", metavar="NAME", help="forget a search")


def _searches(context: Context) -> int:
    given, output = context.arguments, context.output
    with context.logic() as logic:
        if given.save:
            logic.save_search(*given.save)
        if given.remove is not None:
            logic.remove_search(given.remove)
        searches = logic.searches()
    output.document(searches)
    if searches:
        output.table(("name", "search"), [(row.name, row.text) for row in searches])
    elif not output.as_json:
        output.message("no search found")
    return OK


VERBS = (
    Verb(
        "label",
        "show labels, put them on patients, studies and series, and take them off",
        _label_arguments,
        _label,
        ('label 1.2.840.1.2.3 --add teaching --remove "to do"', "label patient:7", "label"),
    ),
    Verb(
        "note",
        "show or write the note of a patient, a study or a series",
        _note_arguments,
        _note,
        ('note 1.2.840.1.2.3 --text "Compare with 2024."', "note patient:7"),
    ),
    Verb(
        "searches",
        "list the searches that were kept, keep one, or forget one",
        _searches_arguments,
        _searches,
        ('searches --save "chest this week" "chest mod:CT date:7d"', "searches"),
    ),
)
