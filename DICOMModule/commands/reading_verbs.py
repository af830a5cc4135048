"""The verbs of how series are read: choose, join."""

from __future__ import annotations

import argparse

from DICOMModule.commands.output import OK
from DICOMModule.commands.verb import Context, Verb, filled
from DICOMModule.errors import plain_text


def _choose_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("series", metavar="SERIES_UID", type=filled)
    parser.add_argument(
        "loadable", metavar="ID", nargs="?", type=filled, help="of `examine`; none: show what is chosen"
    )
    parser.add_argument("--forget", action="store_true", help="take what the readers select again")
    parser.set_defaults(usage_error=parser.error)


def _choose(context: Context) -> int:
    given = context.arguments
    if given.forget and given.loadable:
        given.usage_error("name a loadable, or --forget; not both")
    with context.logic() as logic:
        if given.forget or given.loadable:
            logic.choose_reading(given.series, given.loadable or "")
        chosen = logic.chosen_reading(given.series)
    context.output.document({"series_instance_uid": given.series, "loadable": chosen or None})
    context.output.text(plain_text(f"{given.series}: {chosen or 'what the readers select'}"))
    return OK


def _propose(context: Context) -> int:
    with context.logic() as logic:
        found = [proposal for target in context.arguments.series for proposal in logic.merge_proposals(target)]
    context.output.document(
        [
            {"series_instance_uids": one.series_instance_uids, "axis": one.axis.name, "sentence": one.sentence}
            for one in found
        ]
    )
    for one in found:
        context.output.text(plain_text(f"{one.sentence} {' '.join(one.series_instance_uids)}"))
    if not found and not context.output.as_json:
        context.output.message("no series found that look like one acquisition in pieces")
    return OK


def _join_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("series", metavar="SERIES_UID", nargs="+", type=filled)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--part", action="store_true", help="read each of them by itself again")
    how.add_argument("--propose", action="store_true", help="of a study or patient: list series that look like one")


def _join(context: Context) -> int:
    given = context.arguments
    if given.propose:
        return _propose(context)
    with context.logic() as logic:
        if given.part:
            for uid in given.series:
                logic.part_series(uid)
        elif len(given.series) > 1:
            logic.join_series(given.series)
        joined = logic.joined_with(given.series[0])
    context.output.document({"series_instance_uid": given.series[0], "joined": joined})
    for uid in joined:
        context.output.text(plain_text(uid))
    return OK


VERBS = (
    Verb(
        "choose",
        "choose which of several readings of a series is selected, and remember it",
        _choose_arguments,
        _choose,
        ("choose 1.2.840.1.2.3 image-0123456789ab", "choose 1.2.840.1.2.3 --forget"),
    ),
    Verb(
        "join",
        "read several series of a study as one acquisition, and remember it",
        _join_arguments,
        _join,
        (
            "join 1.2.840.1.2.3 1.2.840.1.2.4",
            "join 1.2.840.1.2.3",
            "join 1.2.840.1.2.3 --part",
            "join STUDY_UID --propose",
        ),
    ),
)
