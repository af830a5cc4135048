"""Two importers and a reader on one database at once: nothing is lost, nobody is locked out, no count is ever wrong.

    python Testing/Reliability/two_importers.py [ROUNDS] [FILES] [SEED]        10 rounds of 2000 files, seed 20260309

In each round two processes import at the same time: folders of their own, folders that overlap, or the same folder from
both ends; as copies, as references, or one of each. A third deletes and restores a study that nobody imports, a fourth
reads all the time: whatever it reads in one query, the number that a study says it has is the number that is there.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Reliability")]

import factories  # noqa: E402 (the paths first)
from consistency import disagreements, hash_of, inconsistencies  # noqa: E402

from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402

# one statement, so one state of the database
COUNTED = """SELECT study_instance_uid, instances,
 (SELECT count(*) FROM instance JOIN series ON series.id = instance.series
  WHERE series.study = study.id AND instance.trash IS NULL),
 (SELECT coalesce(sum(instances), 0) FROM series WHERE series.study = study.id),
 (SELECT patient.instances = (SELECT sum(s.instances) FROM study AS s WHERE s.patient = patient.id)
  FROM patient WHERE patient.id = study.patient),
 (SELECT total.instances = (SELECT count(*) FROM instance WHERE trash IS NULL) FROM total)
 FROM study"""


def process(work: Callable[[], object], result: Path) -> int:
    """Begin `work` in a process of its own, which writes what it returns, or why it failed, as JSON."""
    child = os.fork()
    if not child:
        try:
            result.write_text(json.dumps([work(), ""]), encoding="utf-8")
        except BaseException:  # noqa: BLE001 (a child may not go on as its parent)
            result.write_text(json.dumps([None, traceback.format_exc()]), encoding="utf-8")
        finally:
            os._exit(0)
    return child


def import_all(database: Path, roots: list[Path], copy: bool, go: Path) -> dict[str, int]:
    """Import when the others are ready; return the counts of the report."""
    while not go.exists():
        time.sleep(0.001)
    with DicomDatabase.open(database) as opened:
        report = run_to_end(opened.import_job(roots, copy=copy))
    counts = {name: getattr(report, name) for name in ("files_seen", "added", "updated", "unchanged", "not_dicom")}
    return counts | {"rejected": len(report.rejected), "duplicates": len(report.duplicates)}


def read_all_the_time(database: Path, go: Path, stop: Path) -> list[str]:
    """Read and compare until told to stop; return what was wrong."""
    while not go.exists():
        time.sleep(0.001)
    wrong, reads = [], 0
    with DicomDatabase.open(database) as opened:
        while not stop.exists() and len(wrong) < 5:
            for uid, said, there, below, is_patient, is_total in opened._catalogue.rows(COUNTED):
                if not said == there == below or not is_patient or not is_total:
                    wrong.append(f"study {uid} says {said}, there are {there}, its series say {below}")
            for study in opened.studies():
                reads += len(opened.instances(study=study.study_instance_uid, limit=50)) >= 0
    return wrong or ([] if reads else ["nothing was read"])


def delete_all_the_time(database: Path, study: str, go: Path, stop: Path) -> list[str]:
    """Delete and restore a study until told to stop."""
    while not go.exists():
        time.sleep(0.001)
    with DicomDatabase.open(database) as opened:
        while not stop.exists():
            opened.delete([study])
            opened.restore([study])
            time.sleep(0.005)
    return []


class Round:
    """Who imports what, and what must be there afterwards."""

    def __init__(self, base: Path, sources: list[factories.MadeSeries], rng: random.Random) -> None:
        self.base = base
        self.copies = rng.choice([(True, True), (False, False), (True, False)])
        folders = [one.folder for one in sources]
        middle = len(folders) // 2
        self.roots = rng.choice(
            [(folders[:middle], folders[middle:]), (folders[: middle + 1], folders[middle - 1 :]), (folders, folders)]
        )

    def run(self, kept: factories.MadeSeries) -> list[str]:
        """Run all processes at once; return what was wrong."""
        database, go, stop = self.base / "database", self.base / "go", self.base / "stop"
        with DicomDatabase.open(database) as opened:
            run_to_end(opened.import_job([kept.folder]))
        results = [self.base / f"{name}.json" for name in ("first", "second", "reader", "deleter")]
        importers = [
            process(lambda n=n: import_all(database, self.roots[n], self.copies[n], go), results[n]) for n in (0, 1)
        ]
        others = [
            process(lambda: read_all_the_time(database, go, stop), results[2]),
            process(lambda: delete_all_the_time(database, kept.study_uid, go, stop), results[3]),
        ]
        go.touch()
        for child in importers:
            os.waitpid(child, 0)
        stop.touch()
        for child in others:
            os.waitpid(child, 0)
        faults, reports = [], []
        for path in results:
            value, error = json.loads(path.read_text(encoding="utf-8"))
            faults += [f"{path.stem}: {error[-900:]}"] if error else []
            faults += value if isinstance(value, list) else []
            reports += [value] if isinstance(value, dict) else []
        return faults + self._afterwards(database, kept, reports)

    def _afterwards(self, database: Path, kept: factories.MadeSeries, reports: list[dict[str, int]]) -> list[str]:
        faults: list[str] = []
        files = {path for roots in self.roots for folder in roots for path in folder.iterdir()}
        odd = [one for one in reports if sum(one.values()) != 2 * one["files_seen"] or one["rejected"]]
        faults += [f"the account does not add up: {report}" for report in odd]
        if sum(report["added"] for report in reports) != len(files):
            faults.append(f"{len(files)} files, but added were {[report['added'] for report in reports]}")
        with DicomDatabase.open(database) as opened:
            there = opened.counts().instances
            faults += [f"{there} instances of {len(files)} files"] if there != len(files) + len(kept.files) else []
            faults += inconsistencies(opened)
            faults += disagreements(opened, {hash_of(path) for path in files})
        return faults


def run(rounds: int, files: int, seed: int, base: Path) -> list[str]:
    """Run so many rounds; return everything that was wrong."""
    rng, faults = random.Random(seed), []
    sources = [
        factories.make_series(
            base / "in" / f"s{n}", f"s{n}", slices=files // 6, rows=8, columns=8, PatientID=f"P{n % 4}"
        )
        for n in range(6)
    ]
    kept = factories.make_series(base / "kept", "kept", slices=20, rows=8, columns=8, PatientID="KEPT")
    for number in range(rounds):
        folder = base / f"round-{number}"
        folder.mkdir()
        faults += [f"round {number}: {fault}" for fault in Round(folder, sources, rng).run(kept)]
        shutil.rmtree(folder)
    return faults


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    rounds, files, seed = (int(given) for given in (*sys.argv[1:], *("10", "2000", "20260309")[len(sys.argv) - 1 :]))
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as base:
        faults = run(rounds, files, seed, Path(base))
    print(f"{rounds} rounds of two importers, a reader and a deleter, {files} files (seed {seed})", end=" ")
    print(f"in {time.monotonic() - started:.0f} s; faults: {len(faults)}")
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
