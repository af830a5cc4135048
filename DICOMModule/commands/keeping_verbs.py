"""The verb that keeps the archive sound: verify."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from DICOMModule.commands.output import IN_PART, OK, Output
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.database import VerifyReport

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


def _verify(context: Context) -> int:
    given = context.arguments
    with context.logic() as logic:
        if given.rebuild:
            report = context.output.run(logic.rebuild_job(repair=given.repair))
        else:
            report = context.output.run(logic.verify_job(repair=given.repair, quick=given.quick))
    context.output.document(_document(report))
    return _show(context.output, report)


def _document(report: VerifyReport) -> dict[str, Any]:
    document = asdict(report)
    document["advice"] = [{"path": row.where, "reason": row.reason} for row in report.advice]
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


VERBS = (
    Verb(
        "verify",
        "check the registered files and the database",
        _verify_arguments,
        _verify,
        ("verify --json", "verify --quick", "verify --repair", "verify --rebuild"),
    ),
)
