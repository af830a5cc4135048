"""Damage to the database's own files: it is seen when the database is opened, or costs no copy; nothing is deleted."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import factories
import pytest
from importing import hashes, import_

from DICOMModule.database import DicomDatabase
from DICOMModule.errors import DatabaseCorruptError, DatabaseNotFoundError
from DICOMModule.jobs import run_to_end

FILE = "dicommodule.sqlite"
ROOT = Path(__file__).resolve().parents[2]
PAGE = 4096


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A database of nine copies, as it is left by a clean end."""
    base = tmp_path_factory.mktemp("damage")
    series = factories.make_series(base / "data", slices=9, rows=4, columns=4)
    with DicomDatabase.open(base / "database") as database:
        import_(database, series.folder, copy=True)
    return base / "database"


@pytest.fixture
def folder(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "database"))


@pytest.fixture(scope="module")
def killed_once(tmp_path_factory):
    """A database whose program was killed while it was open: all that it wrote stands in the log alone."""
    base = tmp_path_factory.mktemp("killed")
    series = factories.make_series(base / "data", slices=9, rows=4, columns=4)
    DicomDatabase.open(base / "database").close()
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from DICOMModule.database import DicomDatabase; from DICOMModule.jobs import run_to_end\n"
        "database = DicomDatabase.open(Path(sys.argv[2]))\n"
        "run_to_end(database.import_job([Path(sys.argv[3])], copy=True))\n"
        "database.annotations.save_search('late', 'x')\n"
        "print('imported', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(ROOT), str(base / "database"), str(series.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"imported\n"
        child.send_signal(signal.SIGKILL)
    assert (base / "database" / f"{FILE}-wal").stat().st_size > PAGE
    return base / "database"


@pytest.fixture
def killed(killed_once, tmp_path):
    return Path(shutil.copytree(killed_once, tmp_path / "killed"))


def assert_all_there(folder: Path, count: int = 9) -> None:
    with DicomDatabase.open(folder) as database:
        assert [one.state for one in database.instances()] == ["present"] * count
        report = run_to_end(database.verify_job())
        assert (report.is_clean, report.checked) == (True, count)


def refused(folder: Path, match: str, *, create: tuple[bool, ...] = (True, False)) -> None:
    """The database is not opened, whoever asks; the error says how to go on, and nothing has changed."""
    before = hashes(folder)
    for made in create:
        with pytest.raises(DatabaseCorruptError, match=match) as error:
            DicomDatabase.open(folder, create=made)
        assert "verify --rebuild" in str(error.value)
    assert hashes(folder) == before


def said_of(folder: Path, **options) -> str:
    """Return what the audit says of the database, or why there is none: it cannot even be opened."""
    try:
        with DicomDatabase.open(folder) as database:
            return run_to_end(database.verify_job(**options)).database
    except DatabaseCorruptError as error:
        return str(error)


# --- the file itself


@pytest.mark.parametrize(
    ("harm", "match"),
    [
        (lambda content: bytes(100) + content[100:], "beginning"),
        (lambda _: b"garbage " * 1000, "beginning"),
        (lambda content: content[: len(content) // 2], "it is cut"),
        (lambda content: content[:PAGE], "it is cut"),
        (lambda _: b"", "it is empty"),
    ],
    ids=["header", "garbage", "half", "one page", "nothing"],
)
def test_a_file_that_was_destroyed_is_refused_and_made_anew(folder, harm, match):
    path = folder / FILE
    path.write_bytes(harm(path.read_bytes()))
    refused(folder, match)
    run_to_end(DicomDatabase.rebuild_job(folder))
    assert_all_there(folder)


def test_a_file_that_has_gone_is_told_from_a_database_that_never_was(folder, caplog):
    (folder / FILE).unlink()
    with pytest.raises(DatabaseNotFoundError, match=r"has gone, while copies .*verify --rebuild"):
        DicomDatabase.open(folder, create=False)
    with DicomDatabase.open(folder) as database:
        assert len(run_to_end(database.verify_job()).orphans) == 9
    assert "verify --rebuild" in caplog.text
    (folder / FILE).unlink()
    run_to_end(DicomDatabase.rebuild_job(folder))
    assert_all_there(folder)


def broken_pages(path: Path) -> None:
    """Break every page behind the first two in a way that counting rows does not show."""
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // PAGE):
        content[page * PAGE + 8 : page * PAGE + 64] = b"\xa5" * 56
    path.write_bytes(content)


def test_after_an_unclean_end_broken_pages_are_found_at_once(folder):
    broken_pages(folder / FILE)
    (folder / "open").mkdir(exist_ok=True)
    (folder / "open" / "dead.lock").touch()
    refused(folder, "damaged")
    run_to_end(DicomDatabase.rebuild_job(folder))
    assert_all_there(folder)
    assert list((folder / "open").iterdir()) == []


def test_after_a_clean_end_broken_pages_are_found_by_the_audit(folder):
    broken_pages(folder / FILE)
    for repairing in (False, True):
        assert said_of(folder, repair=repairing) != "ok"
    run_to_end(DicomDatabase.rebuild_job(folder))
    assert_all_there(folder)


# --- its log


def test_a_log_that_is_whole_loses_nothing(killed):
    assert_all_there(killed)
    assert list((killed / "open").iterdir()) == []


@pytest.mark.parametrize("harm", ["gone", "empty", "half", "a quarter", "flipped", "flipped early", "zeros", "garbage"])
def test_a_log_that_was_harmed_costs_no_copy(killed, harm):
    """SQLite drops what does not belong together, and calls the rest sound: only the files tell what is missing."""
    log = killed / f"{FILE}-wal"
    content = bytearray(log.read_bytes())
    if harm == "gone":
        log.unlink()
        (killed / f"{FILE}-shm").unlink()
    elif harm.startswith("flipped"):
        content[len(content) * (1 if harm.endswith("early") else 3) // 4] ^= 0x10
        log.write_bytes(content)
    else:
        kept = {"empty": 0, "half": len(content) // 2, "a quarter": len(content) // 4}
        log.write_bytes(
            {"zeros": bytes(len(content)), "garbage": b"x" * len(content)}.get(harm, content[: kept.get(harm, 0)])
        )
    assert_all_there(killed)
    assert_all_there(killed)


def test_a_log_without_its_file_is_not_thrown_away(killed):
    (killed / FILE).unlink()
    refused(killed, "log is left", create=(True,))
    (killed / FILE).touch()
    refused(killed, "it is empty")
    run_to_end(DicomDatabase.rebuild_job(killed))
    assert_all_there(killed)
    with DicomDatabase.open(killed) as database:
        assert [one.name for one in database.annotations.saved_searches()] == ["late"]  # the log told of it
    assert [path.name.endswith("-wal") for path in sorted((killed / "backups").iterdir())].count(True) == 1


def test_a_file_that_was_cut_behind_its_log_is_mended_by_it_or_refused(killed):
    path = killed / FILE
    path.write_bytes(path.read_bytes()[: 3 * PAGE])
    if said_of(killed) != "ok":
        run_to_end(DicomDatabase.rebuild_job(killed))
    assert_all_there(killed)


# --- how one end is told from the other


def test_a_clean_end_leaves_no_mark_and_a_reader_makes_none(folder):
    with DicomDatabase.open(folder) as database:
        database.instances()
        before = set((folder / "open").iterdir()) if (folder / "open").exists() else set()
        assert before == set()
        database.annotations.save_search("mine", "x")
        assert len(list((folder / "open").iterdir())) == 1
        with DicomDatabase.open(folder) as other:  # a living program is no dead one
            assert len(other.instances()) == 9
            assert len(list((folder / "open").iterdir())) == 1
    assert list((folder / "open").iterdir()) == []


def test_a_second_database_in_one_process_leaves_the_locks_of_the_first_alone(folder):
    """Closing any descriptor of a file drops the locks that its process holds on it."""
    with DicomDatabase.open(folder) as database, database._catalogue.transaction():
        DicomDatabase.open(folder).close()
        code = (
            "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], timeout=0)\n"
            "try: c.execute('BEGIN IMMEDIATE')\nexcept sqlite3.OperationalError as e: print(e)"
        )
        command = [sys.executable, "-c", code, str(folder / FILE)]
        assert subprocess.run(command, capture_output=True, check=True).stdout == b"database is locked\n"
