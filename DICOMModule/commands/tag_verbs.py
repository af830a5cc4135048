"""The verb of data elements: tags, of one file, of two side by side, or of all instances of a series."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from DICOMModule.commands.output import IN_PART, OK, Output
from DICOMModule.commands.text_table import counted, cut
from DICOMModule.commands.verb import Context, Verb, filled
from DICOMModule.errors import plain_text

if TYPE_CHECKING:
    from DICOMModule.dicom.tag_comparison import ComparedRow, ComparedValue
    from DICOMModule.dicom.tag_list import TagRow, TagValue
    from DICOMModule.dicom.tag_variation import VaryingTag

MARKS: Final = {"same": "=", "different": "≠", "first": "<", "second": ">"}
MOST_VALUES: Final = 3


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="UID|FILE", type=filled, help="an instance, a series (its first instance), or a file"
    )
    parser.add_argument("--search", metavar="TEXT", default="", help="only elements that hold this text")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--compare", metavar="UID|FILE", type=filled, help="show both side by side, and which elements differ"
    )
    how.add_argument(
        "--varying",
        action="store_true",
        help="show which elements differ between the instances of a series, study, patient or folder",
    )


def _run(context: Context) -> int:
    if context.arguments.compare is not None:
        return _compare(context)
    return _varying(context) if context.arguments.varying else _tags(context)


def _tags(context: Context) -> int:
    with context.logic() as logic:
        rows = logic.tags(context.arguments.target, context.arguments.search)
    output = context.output
    output.document(rows)
    for row in rows:
        _line(output, f"{_place(row)} {row.vr} {row.keyword or '-'}: {_text(row.value)}".rstrip())
    return OK


def _compare(context: Context) -> int:
    from DICOMModule.dicom.tag_comparison import flat, search_compared

    given = context.arguments
    with context.logic() as logic:
        rows = list(flat(logic.compare_tags(given.target, given.compare)))
    if given.search:
        rows = search_compared(rows, given.search)
    output = context.output
    output.document(rows)
    differing = [row for row in rows if row.state != "same"]
    for row in differing:
        values = " | ".join(_side(value) for value in (row.first, row.second))
        _line(output, f"{MARKS[row.state]} {_place(row)} {row.keyword or row.name or '-'}: {values}")
    output.text(
        f"{counted(len(differing), 'element')} of {len(rows)} differ; < and >: only the first, the second has it."
    )
    return OK


def _varying(context: Context) -> int:
    given = context.arguments
    with context.logic() as logic:
        report = context.output.run(logic.varying_tags_job(given.target))
    wanted = given.search.casefold()
    rows = [row for row in report.varying if wanted in f"{row.path} {row.keyword} {row.values}".casefold()]
    output = context.output
    output.document({
        "instances": report.instances, "varying": rows, "constant": report.constant,
        "not_compared": report.not_compared, "left_out": report.left_out, "problems": report.problems,
    })  # fmt: skip
    for row in rows:
        _line(output, f"({row.path}) {row.vr} {row.keyword or '-'}: {counted(row.distinct, 'value')}, {_range(row)}")
    for problem in report.problems:
        output.text(f"not read: {plain_text(problem.where)}: {problem.reason}")
    output.text(
        f"{counted(len(report.varying), 'element')} of {counted(len(report.instances), 'instance')} vary,"
        f" {report.constant:,} are the same"
    )
    for tag in report.not_compared:
        output.text(f"of ({tag}) only the size was compared")
    if report.left_out:
        output.text(f"{report.left_out:,} elements were not looked at: there are too many different ones")
    return IN_PART if report.problems or report.left_out else OK


def _place(row: TagRow | ComparedRow) -> str:
    return f"{'  ' * row.depth}({row.tag})"


def _side(value: ComparedValue | None) -> str:
    return "-" if value is None else f"{value.vr} {_text(value.value) or counted(value.items, 'item')}".rstrip()


def _range(row: VaryingTag) -> str:
    absent = f", not in {len(row.absent)}" if row.absent else ""
    if row.minimum is not None:
        return f"{row.minimum:g} to {row.maximum:g}{absent}"
    missing = set(row.absent)
    shown = list(dict.fromkeys(_text(value) for place, value in enumerate(row.values) if place not in missing))
    more = ", …" if len(shown) > MOST_VALUES else ""
    return f"{', '.join(shown[:MOST_VALUES])}{more}{absent}"


def _line(output: Output, line: str) -> None:
    columns = output.columns
    output.text(cut(line, columns) if columns else line)


def _text(value: TagValue) -> str:
    """Return a value as people read it: several joined by backslashes as in the file, bytes and items counted."""
    if isinstance(value, dict):
        return ", ".join(counted(number, noun.removesuffix("s")) for noun, number in value.items())
    values = value if isinstance(value, list) else [value]
    return plain_text("\\".join("" if one is None else str(one) for one in values))


VERBS = (
    Verb(
        "tags",
        "show the data elements of a file, compare two, or see what varies",
        _arguments,
        _run,
        (
            "tags image.dcm --search Window",
            "tags 1.2.840.1.2.3 --json",
            "tags first.dcm --compare second.dcm",
            "tags 1.2.840.1.2.3 --varying",
        ),
    ),
)
