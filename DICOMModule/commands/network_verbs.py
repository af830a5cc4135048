"""The verbs that speak with servers: query, retrieve, send."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from DICOMModule.commands.output import IN_PART, OK
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, filled, whole
from DICOMModule.errors import SettingsError, plain_text

if TYPE_CHECKING:
    from DICOMModule.database.servers import ServerEntry
    from DICOMModule.logic import DICOMModuleLogic
    from DICOMModule.network.find_query import FindQuery
    from DICOMModule.network.matches import Match
    from DICOMModule.network.sending import SentInstance


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


def _retrieve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", metavar="SERVER", type=filled, help="of the address book")
    parser.add_argument("--study", metavar="UID", type=filled, required=True, help="the study, or what it is in")
    parser.add_argument("--series", metavar="UID", type=filled, help="of it, this series only")
    parser.add_argument("--sop", metavar="UID", type=filled, help="of that, this instance only")
    parser.add_argument(
        "--listener-port", metavar="P", type=whole, help="where we listen for C-MOVE, if not where the settings say"
    )
    parser.set_defaults(usage_error=parser.error)


def _retrieve(context: Context) -> int:
    from DICOMModule.network.retrieve_plan import RetrieveKey

    given, output = context.arguments, context.output
    if given.listener_port is not None and not 1 <= given.listener_port <= 65535:
        given.usage_error("a port is 1 to 65535")
    if given.sop and not given.series:
        given.usage_error("--sop goes with --series")
    key = RetrieveKey(given.study, given.series or "", given.sop or "")
    with context.logic() as logic:
        report = output.run(logic.retrieve_job(given.server, [key], listener_port=given.listener_port))
    output.document(
        {
            "expected": report.expected,
            "received": report.received,
            "already_present": report.already_present,
            "failed": [{"sop_instance_uid": one.where, "reason": one.reason} for one in report.failed],
            "status": report.status,
            "status_text": report.status_text,
            "elapsed_s": report.elapsed_s,
        }
    )
    output.some("failed", report.failed, lambda rows: [f"failed: {row.where}: {row.reason}" for row in rows])
    here = f", {report.already_present} were here" if report.already_present else ""
    failed = f", {len(report.failed)} failed" if report.failed else ""
    output.text(plain_text(f"{counted(report.received, 'instance')} received{here}{failed}: {report.status_text}"))
    return IN_PART if report.failed else OK


def _send_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "server", metavar="SERVER|HOST:PORT", type=filled, help="of the address book, or where one listens"
    )
    parser.add_argument(
        "targets", metavar="UID|PATH", nargs="+", type=filled, help="patient:N, study, series, instance, file or folder"
    )
    parser.add_argument("--called-ae", metavar="THEIRS", type=filled, help="AE title of the receiver (ANY-SCP)")
    parser.add_argument("--calling-ae", metavar="OURS", type=filled, help="our AE title (DICOMMODULE)")
    parser.add_argument("--commit", action="store_true", help="have it promise to keep them; not part of this version")


def _receiver(context: Context, logic: DICOMModuleLogic) -> ServerEntry:
    """Return the entry that is named, or one for an address."""
    from dataclasses import replace

    from DICOMModule.database.servers import ServerEntry

    given = context.arguments
    host, colon, port = given.server.rpartition(":")
    if colon:  # no name of the address book holds one
        number = int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else 0
        if not 1 <= number <= 65535:
            raise SettingsError(
                f"{plain_text(given.server[:80])!r} is no HOST:PORT: a port is 1 to 65535, not {plain_text(port[:20])!r}."
            )
        return ServerEntry(
            plain_text(host).replace(":", ".").strip("[]-. ")[:60] or "receiver",
            host=host,
            port=number,
            ae_title=given.called_ae or "ANY-SCP",
            calling_ae=given.calling_ae or "",
        )
    entry = logic.server(given.server)
    titles = {"ae_title": given.called_ae, "calling_ae": given.calling_ae}
    return replace(entry, **{key: title for key, title in titles.items() if title})


def _send(context: Context) -> int:
    from DICOMModule.errors import NetworkError

    given, output = context.arguments, context.output
    if given.commit:
        raise NetworkError(
            "storage commitment is not part of this version, it follows later; nothing was sent. Send without --commit:"
            " each instance that the receiver acknowledges is counted."
        )
    with context.logic() as logic:
        report = output.run(logic.send_job(_receiver(context, logic), given.targets))
    output.document(
        {
            "sent": report.sent,
            "failed": [_sent_row(row) for row in report.failed],
            "committed": report.committed,
            "noted": [_sent_row(row) for row in report.noted],
            "elapsed_s": report.elapsed_s,
        }
    )
    output.some("failed", report.failed, lambda rows: [f"failed: {row.name}: {row.reason}" for row in rows])
    output.some("noted", report.noted, lambda rows: [f"note: {row.name}: {row.reason}" for row in rows])
    failed = f", {len(report.failed)} failed" if report.failed else ""
    output.text(plain_text(f"{counted(report.sent, 'instance')} sent to {given.server}{failed}"))
    return IN_PART if report.failed else OK


def _sent_row(row: SentInstance) -> dict[str, Any]:
    return {
        "sop_instance_uid": row.sop_instance_uid or None,
        "path": row.name,
        "status": row.status,
        "reason": row.reason,
    }


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
    Verb(
        "retrieve",
        "fetch a study, series or instance from a server of the address book: what of it is missing",
        _retrieve_arguments,
        _retrieve,
        (
            "retrieve pacs --study 1.2.840.1.2.3",
            "retrieve pacs --study 1.2.840.1.2.3 --series 1.2.840.1.2.3.4 --listener-port 11112",
        ),
    ),
    Verb(
        "send",
        "send instances to a server of the address book, or to an address",
        _send_arguments,
        _send,
        (
            "send pacs 1.2.840.1.2.3",
            "send 192.0.2.7:104 --called-ae ARCHIVE ~/export/series",
        ),
    ),
)
