"""Kill a copy import at random moments, again and again, and look whether anything is torn or half-registered.

    python Testing/Reliability/kill_import.py [KILLS] [SEED]

Each round starts a copy import in a process of its own, kills it with SIGKILL after a random time, opens the database
again and checks: every file in the store is whole and equal to its source, every row has its file, no file is without a
row, nothing temporary is left, and the database itself is sound. At the end the import runs through, and again: then
nothing is added.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import factories  # noqa: E402 (the paths first)

from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from DICOMModule.database import DicomDatabase
from DICOMModule.jobs import run_to_end
with DicomDatabase.open(Path(sys.argv[3])) as database:
    print("open", flush=True)
    run_to_end(database.import_job([Path(sys.argv[2])], copy=True))
"""


def start_import(source: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a copy import in a process of its own; return when its database is open."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(ROOT), str(source), str(folder)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    return child


def faults(source: Path, folder: Path) -> tuple[int, list[str]]:
    """Open the database after a kill; return how many instances it holds, and what is wrong with it."""
    found = []
    with DicomDatabase.open(folder) as database:
        report = run_to_end(database.verify_job())
        found += [
            f"{kind}: {getattr(report, kind)}" for kind in ("missing", "damaged", "orphans") if getattr(report, kind)
        ]
        if report.database != "ok":
            found.append(f"database: {report.database}")
        instances = database.instances()
        counted = sum(study.instances for study in database.studies())
        if counted != len(instances):
            found.append(f"counts: {counted} counted, {len(instances)} there")
    originals = {hashlib.sha256(path.read_bytes()).digest() for path in source.rglob("*.dcm")}
    stored = list((folder / "dicom").rglob("*")) if (folder / "dicom").exists() else []
    for path in (path for path in stored if path.is_file()):
        if hashlib.sha256(path.read_bytes()).digest() not in originals:
            found.append(f"torn: {path.name}")
    left = list((folder / "incoming").iterdir()) if (folder / "incoming").exists() else []
    if left:
        found.append(f"temporary files left: {len(left)}")
    return len(instances), found


def run(kills: int, seed: int, base: Path, *, slices: int = 2000) -> list[str]:
    """Kill `kills` running imports; return everything that was wrong after any of them."""
    rng = random.Random(seed)
    source, wrong = base / "source", []
    factories.make_series(source, "kill", slices=slices, rows=64, columns=64)
    whole = start_import(source, base / "whole")
    started = time.monotonic()
    whole.wait()
    longest = time.monotonic() - started
    folder, hits, tries, held, before = base / "database-0", 0, 0, [], 0
    while hits < kills and tries < 20 * kills:  # a kill that comes after the end says nothing and is not counted
        tries += 1
        child = start_import(source, folder)
        time.sleep(rng.uniform(0, longest))
        os.kill(child.pid, signal.SIGKILL)
        hits += child.wait() == -signal.SIGKILL
        count, found = faults(source, folder)
        held.append(count)
        wrong += [f"kill {tries}: {fault}" for fault in found]
        if count < before:
            wrong.append(f"kill {tries}: {before - count} instances of an earlier import were lost")
        before = count
        if count == slices or rng.random() < 0.3:  # a fresh one now and then, the same one again otherwise
            folder, before = base / f"database-{tries}", 0
    with DicomDatabase.open(folder) as database:
        first = run_to_end(database.import_job([source], copy=True))
        second = run_to_end(database.import_job([source], copy=True))
    if first.added + first.unchanged != slices or second.unchanged != slices:
        wrong.append(f"import after the kills: {first}, {second}")
    if hits < kills:
        wrong.append(f"only {hits} of {tries} kills hit a running import")
    print(f"{hits} kills of a running import of at most {longest:.2f} s (seed {seed}, {tries} tries);", end=" ")
    print(f"instances found afterwards: {sorted(held)}; faults: {len(wrong)}")
    return wrong


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20260309
    with tempfile.TemporaryDirectory() as base:
        wrong = run(kills, seed, Path(base))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
