"""Kill an import, a deletion, a migration or a purge at moments spread evenly over it, and look whether anything is lost.

    python Testing/Reliability/kills.py import|delete|migrate|purge [KILLS] [SEED] [SIZE]

By default 200 kills and the seed 20260309; SIZE is how many files, or patients of an old database, are worked on.

Each kill is a SIGKILL of a process of its own, at a moment within the time that the work takes. Then the database is
opened again and checked: its rows agree with each other and with the files, no file is torn or left over, what was there
before is there, and what was killed is done as a whole or not at all:

* **import**: copies, every fourth time references; whole batches. Every fifth goes on where the one before was killed.
* **delete**: a patient of thousands of instances goes into the trash, and comes back in the next round.
* **migrate**: the first opening of a database of schema version 1 or 2. Every row is there with what it held, and there
  is a whole backup before anything has changed.
* **purge**: all of it is there, or nothing, after the next opening; a second purge finishes, and leaves no trace.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Reliability")]

import factories  # noqa: E402 (the paths first)
import purge_kit  # noqa: E402
from consistency import disagreements, hash_of, inconsistencies  # noqa: E402
from killing import Kills, Work, kill_evenly, run_whole  # noqa: E402
from old_database import make_old_database, rows_of  # noqa: E402

from DICOMModule.database import DicomDatabase, ingest, migrations  # noqa: E402, F401 (all imported before forking)
from DICOMModule.jobs import run_to_end  # noqa: E402

RESTART_S = 5.0
STALLED_S = 60.0
GOING = ["Weggegangen", "Wanda", "Reisebericht", "GONE-4711"]


def opened(folder: Path, faults: list[str]) -> DicomDatabase:
    """Open a database after a kill; it must not take long, other work of the machine left out."""
    started, worked = time.monotonic(), time.process_time()
    database = DicomDatabase.open(folder)
    elapsed, worked = time.monotonic() - started, time.process_time() - worked
    if worked > RESTART_S or elapsed > STALLED_S:
        faults.append(f"the opening took {elapsed:.1f} s, {worked:.1f} s of them work")
    return database


class ImportKills:
    """Imports of a series, with copies or without."""

    def __init__(self, base: Path, size: int = 1000) -> None:
        self._base = base
        made = factories.make_series(base / "source", "kill", slices=size, rows=48, columns=48)
        self._source, self._uids = made.folder, {str(one.SOPInstanceUID) for one in made.datasets}
        self._originals = {hash_of(path) for path in made.files}
        self._whole_s = {copy: run_whole(self._work(base / f"whole-{copy}", copy)) for copy in (True, False)}
        self._folder, self._copy, self._before = base / "none", True, set[str]()
        self.found: list[int] = []

    def _work(self, folder: Path, copy: bool) -> Work:
        def work(begin: Callable[[], None]) -> None:
            with DicomDatabase.open(folder) as database:
                begin()
                run_to_end(database.import_job([self._source], copy=copy))

        return work

    def begin(self, number: int) -> tuple[Work, float]:
        """Begin anew, or go on in the database of the kill before."""
        left = 1 - len(self._before) / len(self._uids)
        goes_on = number % 5 == 4 and 0 < left < 1
        if not goes_on:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder, self._copy = self._base / f"database-{number}-{time.monotonic_ns()}", number % 4 != 3
            self._before, left = set(), 1
        return self._work(self._folder, self._copy), self._whole_s[self._copy] * left

    def faults(self, *, hit: bool) -> list[str]:
        """Return what is wrong; whole batches may be there, and what was there before must be."""
        faults: list[str] = []
        with opened(self._folder, faults) as database:
            uids = {one.sop_instance_uid for one in database.instances()}
            faults += inconsistencies(database) + disagreements(database, self._originals)
            faults += [f"lost: {len(self._before - uids)} of an earlier import"] if self._before - uids else []
            faults += ["instances that nobody has"] if uids - self._uids else []
            self.found.append(len(uids))
            if not hit or len(self.found) % 20 == 0:
                run_to_end(database.import_job([self._source], copy=self._copy))
                again = run_to_end(database.import_job([self._source], copy=self._copy))
                faults += [f"the import does not end well: {again}"] if again.unchanged != len(self._uids) else []
        self._before = uids
        return faults


class DeleteKills:
    """A patient goes into the trash and comes back."""

    def __init__(self, base: Path, size: int = 4000) -> None:
        self._folder = base / "database"
        going = factories.make_series(base / "in" / "going", "going", slices=size, rows=2, columns=2, PatientID="GOES")
        factories.make_series(base / "in" / "staying", "staying", slices=40, rows=2, columns=2, PatientID="STAYS")
        with DicomDatabase.open(self._folder) as database:
            run_to_end(database.import_job([base / "in"]))
            (self._patient,) = (one.patient for one in database.patients() if one.patient_id == "GOES")
        self._files = sorted(path for path in (base / "in").rglob("*.dcm"))
        self._sizes, self._going = {path: path.stat() for path in self._files}, len(going.files)
        self._whole_s = {name: run_whole(self._work(name)) for name in ("delete", "restore")}
        self._shown = True

    def _work(self, verb: str) -> Work:
        def work(begin: Callable[[], None]) -> None:
            with DicomDatabase.open(self._folder) as database:
                begin()
                getattr(database, verb)([self._patient])

        return work

    def begin(self, _number: int) -> tuple[Work, float]:
        """Delete what is shown, restore what is not."""
        verb = "delete" if self._shown else "restore"
        return self._work(verb), self._whole_s[verb]

    def faults(self, *, hit: bool) -> list[str]:
        """Return what is wrong: all of it is shown, or none."""
        faults: list[str] = []
        with opened(self._folder, faults) as database:
            faults += inconsistencies(database)
            instances = database.counts().instances
            trashed = database._catalogue.rows("SELECT count(*) FROM instance WHERE trash IS NOT NULL")[0][0]
            self._shown = instances == 40 + self._going
            if (instances, trashed) not in {(40 + self._going, 0), (40, self._going)}:
                faults.append(f"half deleted: {instances} shown, {trashed} in the trash")
            if not hit and len(database.instances(patient=self._patient)) not in {0, self._going}:
                faults.append("the list does not agree")
        changed = [path for path in self._files if path.stat() != self._sizes[path]]
        return faults + ([f"{len(changed)} files were touched"] if changed else [])


class MigrateKills:
    """The first opening of an old database."""

    def __init__(self, base: Path, size: int = 250) -> None:
        self._base = base
        self._old = {version: make_old_database(base / f"old-{version}", version, size) for version in (1, 2)}
        self._rows = {version: rows_of(folder) for version, folder in self._old.items()}
        self._version, self._folder, self._whole_s = 1, base / "none", dict[int, float]()
        for self._version in (1, 2):
            self._whole_s[self._version] = run_whole(self.begin(self._version - 1, measured=False)[0])
        self.found: list[int] = []

    def begin(self, number: int, *, measured: bool = True) -> tuple[Work, float]:
        """Lay an old database ready."""
        self._version = 1 + number % 2
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._base / f"database-{time.monotonic_ns()}"
        shutil.copytree(self._old[self._version], self._folder)

        def work(begin: Callable[[], None]) -> None:
            begin()
            DicomDatabase.open(self._folder).close()

        return work, self._whole_s[self._version] if measured else 0.0

    def faults(self, *, hit: bool) -> list[str]:
        """Return what is wrong: the schema is an old one or ours, and every row is there."""
        faults: list[str] = []
        with closing(sqlite3.connect(self._folder / "dicommodule.sqlite")) as raw:
            version = raw.execute("PRAGMA user_version").fetchone()[0]
            integrity = raw.execute("PRAGMA integrity_check").fetchall()
        self.found.append(version)
        faults += [f"integrity: {integrity[:2]}"] if integrity != [("ok",)] else []
        if not self._version <= version <= migrations.newest_version() or (not hit and version <= self._version):
            faults.append(f"version {version}")
        faults += self._compared(self._folder, version, "the database")
        backups = sorted((self._folder / "backups").glob("*.sqlite"))
        if version > self._version and not backups:
            faults.append("changed without a backup")
        for backup in backups:
            faults += self._compared(backup, self._version, "a backup")
        with opened(self._folder, faults) as database:
            faults += inconsistencies(database)
            instances = len(self._rows[self._version]["instance"]) // 8
            faults += ["instances are not shown"] if len(database.instances()) != instances else []
        left = [path.name for path in (self._folder / "backups").iterdir() if not path.name.endswith(".sqlite")]
        odd = [name for name in left if ".part" not in name]  # what was being made goes with a later backup
        return faults + ([f"left among the backups: {odd}"] if odd or len(left) > 4 else [])

    def _compared(self, place: Path, version: int, what: str) -> list[str]:
        """Compare the columns that the old schema had; what is searched is written anew by a migration."""
        now, before = rows_of(place), self._rows[self._version]
        lost = [table for table in before if now[table] != before[table]]
        return [f"{what} of version {version} has other rows in {lost}"] if lost else []


class PurgeKills:
    """A patient is taken away for good."""

    def __init__(self, base: Path, size: int = 150) -> None:
        self._base, self._folder = base, base / "none"
        text = {"PatientName": "Weggegangen^Wanda", "PatientID": "GONE-4711", "SeriesDescription": "Reisebericht"}
        going = factories.make_series(base / "in" / "going", "going", slices=size, rows=4, columns=4, **text)
        staying = factories.make_series(base / "in" / "staying", "staying", slices=20, rows=4, columns=4)
        self._originals = {hash_of(path) for path in (*going.files, *staying.files)}
        self._counts = (size + 20, 20)
        with DicomDatabase.open(base / "template") as database:
            run_to_end(database.import_job([base / "in"], copy=True))
            self._patient = database.patients(search="wanda")[0].patient
            purge_kit.back_up(database)
        self._whole_s = run_whole(self.begin(0, measured=False)[0])
        self.found: list[int] = []

    def begin(self, _number: int, *, measured: bool = True) -> tuple[Work, float]:
        """Lay a database ready that holds the patient."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._base / f"database-{time.monotonic_ns()}"
        shutil.copytree(self._base / "template", self._folder)

        def work(begin: Callable[[], None]) -> None:
            with DicomDatabase.open(self._folder) as database:
                begin()
                run_to_end(database.purge_job([self._patient]))

        return work, self._whole_s if measured else 0.0

    def faults(self, *, hit: bool) -> list[str]:
        """Return what is wrong: it is all there, or all gone, and a second purge leaves no trace."""
        faults: list[str] = []
        with opened(self._folder, faults) as database:
            faults += inconsistencies(database) + disagreements(database, self._originals)
            count = database._catalogue.rows("SELECT count(*) FROM instance")[0][0]
            self.found.append(count)
            if count not in self._counts or database.counts().instances != count or (not hit and count != 20):
                faults.append(f"half purged: {count} rows, {database.counts().instances} shown")
            if count == self._counts[0]:
                run_to_end(database.purge_job([self._patient]))
            faults += inconsistencies(database) + disagreements(database, self._originals)
            faults += ["something is left of the trash"] if database._catalogue.rows("SELECT * FROM trash") else []
            faults += [f"{database.counts().instances} left"] if database.counts().instances != 20 else []
            faults += purge_kit.left_in(self._folder, GOING)[:3]
        return faults


SCENARIOS = {"import": ImportKills, "delete": DeleteKills, "migrate": MigrateKills, "purge": PurgeKills}


def run(name: str, kills: int, seed: int, base: Path, **size: int) -> Kills:
    """Kill `kills` times; return what was found."""
    return kill_evenly(SCENARIOS[name](base, **size), kills, seed, lambda line: print(line, flush=True))


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    if len(sys.argv) < 2 or sys.argv[1] not in SCENARIOS:
        print(__doc__, file=sys.stderr)
        return 2
    name = sys.argv[1]
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20260309
    size = {"size": int(sys.argv[4])} if len(sys.argv) > 4 else {}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as base:
        found = run(name, kills, seed, Path(base), **size)
    print(
        f"{name}: {found.hits} kills ({found.tries} tries, seed {seed}) in {time.monotonic() - started:.0f} s;", end=" "
    )
    print(f"faults: {len(found.faults)}")
    print(*found.faults, sep="\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
