"""The verb that brings files out of the database: copy."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from DICOMModule.commands.output import IN_PART, OK
from DICOMModule.commands.text_table import counted
from DICOMModule.commands.verb import Context, Verb, add_targets, existing_path
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.errors import Problem


class _RefusesAnonymize(argparse.Action):
    """An option that the contract names and this version has not: it must not be taken for a plain copy."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        _values: str | Sequence[Any] | None,
        _option: str | None = None,
    ) -> NoReturn:
        parser.error(
            "--anonymize is not part of this version. Without it, files go out as they are, with all they say."
        )


def _arguments(parser: argparse.ArgumentParser) -> None:
    from DICOMModule.export.copy_names import DEFAULT_TEMPLATE

    add_targets(parser)
    parser.add_argument(
        "--to",
        metavar="DIR|FILE.zip",
        required=True,
        type=existing_path,
        help="a folder, made where there is none, or a new ZIP file; nothing that is there is replaced",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dicomdir", action="store_true", help="as a medium: short names and a DICOMDIR that lists them")
    how.add_argument(
        "--names",
        metavar="TEMPLATE",
        default=DEFAULT_TEMPLATE,
        type=_template,
        help=f"how files are called, DICOM keywords in braces (default: {DEFAULT_TEMPLATE.replace('%', '%%')})",
    )
    parser.add_argument(
        "--anonymize", action=_RefusesAnonymize, nargs="?", metavar="PROFILE", help="not part of this version"
    )


def _template(text: str) -> str:
    from DICOMModule.errors import ExportError
    from DICOMModule.export.copy_names import NameTemplate

    try:
        NameTemplate(text)
    except ExportError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _copy(context: Context) -> int:
    from DICOMModule.export.copy_report import CopyOptions, size_text

    given, output = context.arguments, context.output
    options = CopyOptions(names=given.names, dicomdir=given.dicomdir)
    with context.logic() as logic:
        report = output.run(logic.copy_job(given.targets, given.to, options))
    output.document(
        {
            "files": report.files,
            "bytes": report.bytes,
            "already_there": report.already_there,
            "skipped": _rows(report.skipped),
            "warnings": _rows(report.warnings),
        }
    )
    output.some("skipped", report.skipped, lambda rows: [f"skipped: {one.where}: {one.reason}" for one in rows])
    output.some("warning", report.warnings, lambda rows: [f"warning: {one.where}: {one.reason}" for one in rows])
    before = f", {report.already_there} of them there before" if report.already_there else ""
    output.text(f"{counted(report.files, 'file')} in {plain_text(str(given.to))}, {size_text(report.bytes)}{before}")
    return IN_PART if report.skipped else OK


def _rows(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"uid": problem.where, "reason": problem.reason} for problem in problems]


VERBS = (
    Verb(
        "copy",
        "copy files out of the database, byte for byte",
        _arguments,
        _copy,
        (
            "copy 1.2.840.1.2.3 --to ~/export",
            "copy patient:7 --to /media/stick --dicomdir",
            'copy 1.2.840.1.2.3 --to series.zip --names "{Modality}/{SeriesNumber}/{InstanceNumber:05}.dcm"',
        ),
    ),
)
