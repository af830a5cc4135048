"""The verbs that speak with servers: query."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.commands.output import IN_PART, OK
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, filled, whole
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.network.find_query import FindQuery
    from DICOMModule.network.matches import Match

_SHOWN: Final = {
    "study": (
        "study_date", "patient_name", "patient_id", "modalities_in_study", "study_description", "instances",
        "study_instance_uid",
    ),
    "series": ("series_number", "modality", "series_description", "instances", "series_instance_uid"),
}  # fmt: skip


def _query_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "servers", metavar="SERVER", nargs="+", type=filled, help="of the address book; several at once"
    )
    for option, metavar, text in (
        ("--patient-name", "P", "words of the name in any order, or with *, ? and ^ as it is to be compared"),
        ("--patient-id", "I", "as it is, or with * and ?"),
        ("--accession", "A", "as it is, or with * and ?"),
        ("--study-description", "T", "what is in it"),
        ("--series-description", "T", "what is in that of one of its series"),
        ("--study", "UID", "in this study only"),
    ):
        parser.add_argument(option, metavar=metavar, type=filled, help=text)
    parser.add_argument(
        "--study-date",
        metavar="FROM..TO",
        type=_dates,
        default=(None, None),
        help="YYYY-MM-DD; either end may be left out",
    )
    parser.add_argument(
        "--modality",
        metavar="M",
        action="append",
        type=filled,
        default=[],
        help="such as CT; several, by commas or again",
    )
    parser.add_argument("--level", choices=("study", "series"), default="study", help="what is to be found (study)")
    parser.add_argument("--limit", metavar="N", type=whole, help="most matches of a server")


def _dates(text: str) -> tuple[date | None, date | None]:
    first, dots, last = text.partition("..")
    try:
        begin, end = (date.fromisoformat(part.strip()) if part.strip() else None for part in (first, last))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{plain_text(text[:40])} is no range of dates YYYY-MM-DD..YYYY-MM-DD"
        ) from error
    if begin is None and end is None:
        raise argparse.ArgumentTypeError("a range of dates has one end at least")
    return begin, end if dots else begin


def _asked(given: argparse.Namespace) -> FindQuery:
    from DICOMModule.network.find_query import FindQuery

    first, last = given.study_date
    return FindQuery(
        patient_name=given.patient_name or "",
        patient_id=given.patient_id or "",
        accession_number=given.accession or "",
        study_date_from=first,
        study_date_to=last,
        modalities=tuple(part for text in given.modality for part in text.replace("\\", ",").split(",")),
        study_description=given.study_description or "",
        series_description=given.series_description or "",
        level=given.level,
        study_instance_uid=given.study or "",
        limit=given.limit,
    )


def _query(context: Context) -> int:
    given, output = context.arguments, context.output
    query = _asked(given)
    with context.logic() as logic:
        result = output.run(logic.query_job(given.servers, query))
    output.document(
        {
            "matches": [_document(match) for match in result.matches],
            "truncated": result.truncated,
            "problems": [{"server": one.where, "reason": one.reason} for one in result.problems],
            "statuses": result.statuses,
            "elapsed_s": result.elapsed_s,
        }
    )
    keys = _SHOWN[query.level]
    if result.matches:
        header = (*(key.replace("_", " ") for key in keys), "local", "server")
        output.table(header, [_row(match, keys) for match in result.matches], whole=(keys[-1].replace("_", " "),))
    for problem in result.problems:
        output.message(plain_text(f"{problem.where}: {problem.reason}"))
    found = counted(len(result.matches), "match", "matches")
    output.message(f"{found}{'; there may be more: narrow the search, or raise --limit' if result.truncated else ''}")
    return IN_PART if result.failed else OK


def _document(match: Match) -> dict[str, Any]:
    return {**match.values, "server": match.server, "local": match.local}


def _row(match: Match, keys: tuple[str, ...]) -> list[str]:
    return [*(plain_text(_cell(match.values[key])) for key in keys), match.local, match.server]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


VERBS = (
    Verb(
        "query",
        "ask servers of the address book what they hold",
        _query_arguments,
        _query,
        (
            'query pacs --patient-name "Doe Jane" --study-date 2026-01-01..',
            "query pacs archive --modality CT,MR --study-description thorax",
            "query pacs --level series --study 1.2.840.1.2.3",
        ),
    ),
)
