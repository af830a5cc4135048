"""The command line's verify keeps its contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from importing import edited

from DICOMModule.commands.main import main

KEYS = ["checked", "missing", "damaged", "orphans", "quarantined", "repaired", "database"]


@pytest.fixture
def run(tmp_path, capsys):
    """Run a verb with --json on a database of the test's own; return exit code and document."""

    def run_verb(*arguments: object):
        code = main([str(a) for a in arguments] + ["--json", "--database", str(tmp_path / "database")])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run_verb


@pytest.fixture
def copied(run, series_factory):
    """Five copies, by name."""
    run("import", "--copy", series_factory("ct").folder)
    return [Path(row["path"]) for row in run("list", "instances")[1]]


def test_verify_repairs_what_it_can_and_is_clean_afterwards(run, copied):
    copied[0].unlink()
    copied[1].write_bytes(b"damaged")
    code, report = run("verify")
    assert (code, list(report)[:7]) == (3, KEYS)
    assert (report["missing"], report["damaged"]) == ([str(copied[0])], [str(copied[1])])
    assert {row["path"] for row in report["advice"]} == {str(copied[0]), str(copied[1])}
    assert all("--repair" in row["reason"] for row in report["advice"])
    assert run("list", "series")[1][0]["health"] == "refused"
    code, report = run("verify", "--repair")
    assert code == 0
    assert report["repaired"] == sorted(map(str, copied[:2]))
    assert (report["missing"], report["damaged"], report["quarantined"]) == ([], [], [])
    assert run("verify")[0] == 0
    assert run("list", "series")[1][0]["health"] == "ok"


def test_verify_says_for_people_why_and_what_to_do(run, copied, tmp_path, capsys):
    copied[0].unlink()
    assert main(["verify", "--quick", "--database", str(tmp_path / "database")]) == 3
    out = capsys.readouterr().out
    assert f"missing: {copied[0]}: the copy has gone. `verify --repair`" in out
    assert "5 files checked, 1 finding; database: ok" in out


def test_a_database_that_cannot_be_opened_says_how_to_make_it_anew(run, copied, tmp_path):
    path = tmp_path / "database" / "dicommodule.sqlite"
    before = run("list", "instances")[1]
    path.write_bytes(b"garbage " * 1000)
    for verb in ("list", "verify"):
        code, document = run(verb)
        assert (code, document["kind"]) == (1, "DatabaseCorruptError")
        assert "verify --rebuild" in document["error"]
    code, report = run("verify", "--rebuild")
    assert (code, list(report)[:7], report["repaired"]) == (0, KEYS, [str(path)])
    assert (report["checked"], report["database"]) == (5, "ok")
    assert run("list", "instances")[1] == before
    assert run("list", "series")[1][0]["health"] == "ok"
    assert [kept.read_bytes()[:8] for kept in (tmp_path / "database" / "backups").iterdir()] == [b"garbage "]


def test_nothing_is_rebuilt_where_there_is_nothing(run, tmp_path):
    code, document = run("verify", "--rebuild")
    assert (code, document["kind"]) == (1, "DatabaseNotFoundError")
    assert not (tmp_path / "database").exists()


def test_verify_relinks_a_moved_folder(run, series_factory, tmp_path):
    series = series_factory("ct")
    run("import", series.folder)
    moved = series.folder.rename(tmp_path / "moved")
    assert run("verify", "--quick")[0] == 3
    code, report = run("verify", "--relink", moved)
    assert (code, report["missing"]) == (0, [])
    assert report["relink"] == {"relinked": sorted(map(str, moved.iterdir())), "still_missing": [], "conflicts": []}
    assert run("list", "series")[1][0]["health"] == "ok"


def test_verify_rolls_on(run, copied):
    copied[0].write_bytes(copied[0].read_bytes()[:-1] + b"x")
    code, report = run("verify", "--roll")
    assert (code, report["checked"], report["damaged"], list(report)[:7]) == (3, 5, [str(copied[0])], KEYS)
    assert run("verify", "--roll", "1")[1]["checked"] == 1


def test_quarantine_lists_accepts_and_discards(run, copied, tmp_path, capsys):
    other = edited(copied[0], tmp_path / "other" / "1.dcm", ImageComments="other")
    run("import", "--copy", other)
    code, ((row),) = run("quarantine")
    assert (code, row["conflict"], Path(row["path"]).read_bytes()) == (0, True, other.read_bytes())
    assert run("verify")[0] == 3
    code, ((row),) = run("quarantine", "--accept", row["id"])
    assert (code, row["conflict"]) == (0, False)
    assert copied[0].read_bytes() == other.read_bytes()
    assert run("verify")[0] == 0
    assert main(["quarantine", "--database", str(tmp_path / "database")]) == 0
    assert "chosen to be the right one" in capsys.readouterr().out
    assert run("quarantine", "--discard", row["id"]) == (0, [])
    assert run("quarantine", "--discard", row["id"])[0] == 1
