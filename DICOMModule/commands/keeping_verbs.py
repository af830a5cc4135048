"""The verbs that keep the archive sound: verify, quarantine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from DICOMModule.commands.output import IN_PART, OK, Output
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, count, existing_path, whole
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.database import RelinkReport, VerifyReport
    from DICOMModule.errors import Problem

KINDS = ("missing", "damaged", "orphans", "quarantined")


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quick", action="store_true", help="look at names and sizes only, not at the content of every file"
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="mend what can be mended with certainty; nothing is deleted, what is damaged goes to the quarantine",
    )
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="make the index anew from the files and what can be read of the old one, which is kept among the backups;"
        " close all other programs that use the database before",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--relink",
        metavar="FOLDER",
        type=existing_path,
        help="look there for referenced files that were moved, and point to them; names and sizes are checked afterwards",
    )
    how.add_argument(
        "--roll",
        metavar="BYTES",
        nargs="?",
        const=0,
        type=count,
        help="check the content of what was looked at longest ago, until that many bytes (a GiB) have been read",
    )


def _verify(context: Context) -> int:
    given, output = context.arguments, context.output
    relinked: RelinkReport | None = None
    with context.logic() as logic:
        if given.rebuild:
            report = output.run(logic.rebuild_job(repair=given.repair))
        elif given.roll is not None:
            report = output.run(logic.audit_job(given.roll or None))
        else:
            if given.relink is not None:
                relinked = output.run(logic.relink_job(given.relink))
            quick = given.quick or relinked is not None
            report = output.run(logic.verify_job(repair=given.repair, quick=quick))
    document = _document(report)
    if relinked is not None:
        document["relink"] = _relink_document(relinked)
    output.document(document)
    if relinked is not None:
        _show_relinked(output, relinked)
    code = _show(output, report)
    return IN_PART if relinked is not None and relinked.conflicts else code


def _relink_document(report: RelinkReport) -> dict[str, Any]:
    return {
        "relinked": report.relinked,
        "still_missing": _problems(report.still_missing),
        "conflicts": _problems(report.conflicts),
    }


def _show_relinked(output: Output, report: RelinkReport) -> None:
    for problem in report.conflicts:
        output.text(plain_text(f"not taken: {problem.where}: {problem.reason}"))
    output.text(
        f"{counted(len(report.relinked), 'file')} found again, {len(report.still_missing)} still missing,"
        f" {counted(len(report.conflicts), 'conflict')}"
    )


def _problems(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"path": row.where, "reason": row.reason} for row in problems]


def _document(report: VerifyReport) -> dict[str, Any]:
    document = asdict(report)
    document["advice"] = _problems(report.advice)
    return document


def _show(output: Output, report: VerifyReport) -> int:
    reasons = {row.where: row.reason for row in report.advice}
    findings = 0
    for kind in KINDS:
        paths = getattr(report, kind)
        findings += len(paths)
        for path in paths:
            output.text(plain_text(f"{kind}: {path}: {reasons[path]}" if path in reasons else f"{kind}: {path}"))
    for path in report.repaired:
        output.text(f"repaired: {plain_text(path)}")
    if report.remnants:
        output.message(
            f"{counted(len(report.remnants), 'file')} in the quarantine that whole ones have taken the place of;"
            " nothing needs to be done about them"
        )
    output.text(
        f"{counted(report.checked, 'file')} checked, {counted(findings, 'finding')}; database: {report.database}"
    )
    return OK if report.is_clean else IN_PART


def _quarantine_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--accept",
        metavar="N",
        type=whole,
        help="let it take the place of what was there first, which goes to the quarantine in its stead",
    )
    how.add_argument("--discard", metavar="N", type=whole, nargs="+", help="remove them for good")


def _quarantine(context: Context) -> int:
    given, output = context.arguments, context.output
    with context.logic() as logic:
        if given.accept is not None:
            logic.accept_quarantined(given.accept)
        elif given.discard:
            removed = logic.discard_quarantined(given.discard)
            output.message(f"{counted(removed, 'file')} removed")
        rows = logic.quarantine()
    output.document(rows)
    cells = [[row.id, row.added_at, row.sop_instance_uid, row.path, row.reason] for row in rows]
    if cells:
        output.table(["no.", "set aside", "instance UID", "path", "reason"], cells, whole=["no.", "path"])
    elif not output.as_json:
        output.message("nothing is set aside")
    return OK


VERBS = (
    Verb(
        "verify",
        "check the registered files and the database",
        _verify_arguments,
        _verify,
        (
            "verify --json",
            "verify --quick",
            "verify --repair",
            "verify --rebuild",
            "verify --relink /mnt/new/place",
            "verify --roll",
        ),
    ),
    Verb(
        "quarantine",
        "list what was set aside, and decide about it",
        _quarantine_arguments,
        _quarantine,
        ("quarantine --json", "quarantine --accept 3", "quarantine --discard 1 2"),
    ),
)
