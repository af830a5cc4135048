"""Hostile files, all of them in one import: each is taken or refused as it must be, in little time and memory.

The corpus is `hostile_files.py`; the numbers are those of the cases in the reliability plan. It is imported by the
command line, in a process of its own.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import measured
import pytest
from hostile_files import ADDED, CASES, NOT_DICOM, REJECTED, Case

from DICOMModule.commands.main import main
from DICOMModule.errors import DICOMModuleError
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
IMAGES = frozenset((3, 9, 10, 11, 12, 13, 14, 29))
"""Cases whose files are images or say that they are."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Write the corpus; return its folder and the path of each case."""
    folder = tmp_path_factory.mktemp("hostile") / "files"
    folder.mkdir()
    return folder, {one: one.write(folder) for one in CASES if not one.slow}


@pytest.fixture(scope="module")
def imported(corpus):
    """Import the corpus; return the outcome."""
    folder, _ = corpus
    return measured.run(folder.parent / "database", "import", "--verbose", folder)


@pytest.fixture(scope="module")
def told(imported, corpus):
    """Return what the report says of each path: how it is counted, and why."""
    folder, _ = corpus
    report = imported.document
    listed = measured.run(folder.parent / "database", "list", "instances").document
    found = {row["path"]: (ADDED, "") for row in listed}
    found |= {row["path"]: (REJECTED, row["reason"]) for row in report["rejected"]}
    found |= {row["path"]: ("duplicate", row["reason"]) for row in report["duplicates"]}
    for line in imported.stderr.splitlines():
        if match := re.fullmatch(r"warning: (\S+): (.*)", line):
            outcome, text = found.get(match[1], (ADDED, ""))
            found[match[1]] = (outcome, f"{text} {match[2]}")
    return found


def test_the_whole_corpus_is_accounted_for_in_little_time_and_memory(imported, corpus):
    _, paths = corpus
    report = imported.document
    assert imported.code == 3
    assert report["files_seen"] == len(paths)
    accounted = report["added"] + report["not_dicom"] + len(report["rejected"]) + len(report["duplicates"])
    assert accounted == report["files_seen"]
    assert imported.elapsed_s < 60
    assert imported.rss_bytes < measured.GIB
    assert "Traceback" not in imported.stderr


@pytest.mark.parametrize("one", [one for one in CASES if not one.slow], ids=lambda one: f"{one.number}-{one.name}")
def test_each_is_what_it_must_be(one: Case, corpus, told):
    outcome, text = told.get(str(corpus[1][one]), (NOT_DICOM, ""))
    assert (outcome, one.says in text) == (one.outcome, True), text


def test_no_reason_and_no_line_holds_what_could_forge_one(imported):
    for row in imported.document["rejected"]:
        assert row["reason"].isprintable()
    for line in imported.stderr.split("\n"):
        assert line.isprintable(), line


@pytest.mark.parametrize("level", ["patients", "studies", "series", "instances"])
def test_lists_print_one_line_a_row(imported, corpus, capsys, level):
    database = corpus[0].parent / "database"
    assert main(["--database", str(database), "--json", "list", level]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert main(["--database", str(database), "list", level]) == 0
    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)


def test_tags_print_one_line_an_element_or_a_sentence(imported, corpus, capsys):
    folder, paths = corpus
    for one, path in paths.items():
        if one.outcome == ADDED and one.number > 25:
            code = main(["--database", str(folder.parent / "database"), "tags", str(path)])
            printed = capsys.readouterr()
            lines = (printed.out or printed.err).removesuffix("\n").split("\n")
            assert code == 0 or (code == 1 and len(lines) == 1 and "cannot be parsed" in lines[0]), one.name
            assert all(line.isprintable() for line in lines), one.name
            assert "fault of the program" not in printed.err


def test_whatever_was_taken_is_loaded_or_refused_with_a_sentence(imported, corpus):
    folder, paths = corpus
    logic, told = DICOMModuleLogic(folder.parent / "database"), {}
    try:
        images = {one: path for one, path in paths.items() if one.outcome == ADDED and one.number in IMAGES}
        for one, path in images.items():
            (loadable,) = logic.examine(str(path))[0]
            told[one.name] = loadable.refusal
            if not loadable.refusal:
                try:
                    volume = run_to_end(logic.load_job(str(path), loadable.id)).volume
                except DICOMModuleError as error:
                    told[one.name] = str(error)
                else:
                    assert volume.array.shape == (1, 4, 6)
        assert len(logic.database().instances()) == sum(one.outcome == ADDED for one in paths)
    finally:
        logic.close()
    assert all(sentence.isprintable() for sentence in told.values())
    loaded = {name for name, sentence in told.items() if not sentence}
    assert "PE in the preamble" in loaded
    harmful = {one.name for one in paths if one.number in {10, 11, 13}} | {"short pixel data", "empty pixel data"}
    assert not harmful & loaded


def test_the_originals_are_untouched_and_nothing_else_was_written(imported, corpus):
    folder, paths = corpus
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths.values())
    for one, path in paths.items():
        if not one.large and one.number not in {6, 8}:
            assert path.read_bytes() == one.make()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["database", "files", "stderr.txt", "stdout.txt"]


def test_what_begins_like_a_program_is_copied_as_it_is_and_cannot_be_run(corpus):
    folder, paths = corpus
    database = folder.parent / "copies" / "database"
    database.parent.mkdir()
    double = [path for one, path in paths.items() if one.number == 3 and one.outcome == ADDED]
    assert measured.run(database, "import", "--copy", *double).document["added"] == len(double)
    stored = [Path(row["path"]) for row in measured.run(database, "list", "instances").document]
    assert sorted(path.read_bytes() for path in stored) == sorted(path.read_bytes() for path in double)
    assert {path.stat().st_mode & 0o777 for path in stored} == {0o600}
