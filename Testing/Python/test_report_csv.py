"""The CSV of an import's report: whatever a file is called, it is one row of plain text."""

from __future__ import annotations

import csv
import io
import os

import pytest

from DICOMModule.database import ImportProblem
from DICOMModule.errors import ExportError
from DICOMModule.verbs.report_csv import report_csv, write_report_csv


def rows_of(*problems):
    return list(csv.reader(io.StringIO(report_csv(problems))))


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("plain.dcm", "plain.dcm"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1+1", "' =1+1"),
        ("\uff1d1", "'\uff1d1"),
        ("\t=1", "'\\x09=1"),
        ("\r=1", "'\\x0d=1"),
        ("\n=1", "'\\x0a=1"),
        ('a,"b";c', 'a,"b";c'),
        ("two\nrows,rejected", "two\\x0arows,rejected"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("txt.\u202excd", "txt.\\u202excd"),
        ("Jürgen Müller", "Jürgen Müller"),
        (os.fsdecode(b"caf\xe9"), "caf\\udce9"),
    ],
)
def test_no_name_breaks_a_row_or_acts_as_a_formula(name, cell):
    rows = rows_of(ImportProblem("rejected", name, None, "it is cut."), ImportProblem("duplicate", "b", "1.2", name))
    assert rows == [
        ["path", "kind", "sop_instance_uid", "reason"],
        [cell, "rejected", "", "it is cut."],
        ["b", "duplicate", "1.2", cell],
    ]


def test_every_row_is_one_line():
    text = report_csv([ImportProblem("rejected", f"{chr(code)}a", None, chr(code)) for code in range(0x3000)])
    assert len(text.splitlines()) == 0x3000 + 1


def test_the_file_is_utf_8_with_a_mark_and_replaces_nothing_unasked(tmp_path):
    path = tmp_path / "report.csv"
    problem = ImportProblem("rejected", os.fsdecode(b"/cd/\xff.dcm"), None, "Größe")
    write_report_csv([problem], path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfpath,kind,")
    assert path.read_text(encoding="utf-8-sig").splitlines()[1] == "/cd/\\udcff.dcm,rejected,,Größe"
    with pytest.raises(ExportError, match="exists already"):
        write_report_csv([], path)
    write_report_csv([], path, overwrite=True)
    assert path.read_text(encoding="utf-8-sig") == "path,kind,sop_instance_uid,reason\n"
