"""Kill a copy out of the database at random moments, again and again, and look whether anything is torn under its name.

    python Testing/Reliability/kill_copy.py [KILLS] [SEED]

Each round starts a copy in a process of its own, into a folder, a ZIP file or a DICOMDIR medium in turn, kills it with
SIGKILL after a random time and looks at what lies at the destination: every file that is not temporary must be equal to
one of the originals, a ZIP file or a DICOMDIR must not be there unless it is whole. Then the copy runs through at the same
place: everything must be there, and nothing temporary.
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
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import factories  # noqa: E402 (the paths first)

from DICOMModule.export.copy_report import CopyOptions  # noqa: E402
from DICOMModule.export.copy_staging import PREFIX  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402
from DICOMModule.logic import DICOMModuleLogic  # noqa: E402

KINDS = ("folder", "zip", "medium")
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from DICOMModule.export.copy_report import CopyOptions
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic
with DICOMModuleLogic(Path(sys.argv[2])) as logic:
    job = logic.copy_job([sys.argv[3]], Path(sys.argv[4]), CopyOptions(dicomdir=sys.argv[5] == "medium"))
    next(job)
    print("started", flush=True)
    run_to_end(job)
"""


def start_copy(database: Path, study: str, destination: Path, kind: str) -> subprocess.Popen[bytes]:
    """Start a copy in a process of its own; return when it is under way."""
    words = [sys.executable, "-c", CHILD, str(ROOT), str(database), study, str(destination), kind]
    child = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    return child


def files_of(folder: Path) -> list[Path]:
    """Return the files below a folder that bear final names."""
    found = folder.rglob("*") if folder.is_dir() else []
    return [path for path in found if path.is_file() and PREFIX not in str(path)]


def faults(destination: Path, originals: set[bytes]) -> list[str]:
    """Return what is wrong with what lies at a destination after a kill."""
    if destination.suffix == ".zip":
        if not destination.exists():
            return []
        with zipfile.ZipFile(destination) as archive:
            held = {hashlib.sha256(archive.read(name)).digest() for name in archive.namelist()}
        return [] if held == originals else ["a ZIP file that is not whole"]
    files = files_of(destination)
    names = {path.name for path in files}
    held = {path: hashlib.sha256(path.read_bytes()).digest() for path in files if path.name != "DICOMDIR"}
    found = [f"torn: {path}" for path, digest in held.items() if digest not in originals]
    if "DICOMDIR" in names and len(held) < len(originals):
        found.append("a DICOMDIR before its files")
    return found


def run(kills: int, seed: int, base: Path, *, slices: int = 600) -> list[str]:
    """Kill `kills` running copies; return everything that was wrong after any of them."""
    rng = random.Random(seed)
    series = factories.make_series(base / "source", "kill", slices=slices, rows=64, columns=64)
    originals = {hashlib.sha256(path.read_bytes()).digest() for path in series.files}
    wrong, longest, hits, tries, left = [], {}, 0, 0, []
    with DICOMModuleLogic(base / "database") as logic:
        run_to_end(logic.import_job([series.folder], copy=True))
        while hits < kills and tries < 20 * kills:  # a kill that comes after the end says nothing and is not counted
            kind = KINDS[tries % len(KINDS)]
            tries += 1
            if kind not in longest:
                whole = start_copy(base / "database", series.study_uid, _place(base, f"whole-{kind}", kind), kind)
                started = time.monotonic()
                whole.wait()
                longest[kind] = time.monotonic() - started
            destination = _place(base / f"try-{tries}", "out", kind)
            destination.parent.mkdir()
            child = start_copy(base / "database", series.study_uid, destination, kind)
            time.sleep(rng.uniform(0, longest[kind]))
            os.kill(child.pid, signal.SIGKILL)
            killed = child.wait() == -signal.SIGKILL
            hits += killed
            wrong += [f"try {tries} ({kind}): {fault}" for fault in faults(destination, originals)]
            left.append(len(files_of(destination)))
            if destination.exists() and (kind == "zip" or (destination / "DICOMDIR").exists()):
                continue  # it was done when it was killed, and is not replaced
            report = run_to_end(logic.copy_job([series.study_uid], destination, CopyOptions(dicomdir=kind == "medium")))
            wrong += [f"try {tries} ({kind}), again: {fault}" for fault in faults(destination, originals)]
            if (report.files, report.skipped) != (slices, ()):
                wrong.append(f"try {tries} ({kind}), again: {report.files} files, {len(report.skipped)} skipped")
            if temporary := list(destination.parent.rglob(f"{PREFIX}*")):
                wrong.append(f"try {tries} ({kind}), again: temporary files left: {temporary}")
    if hits < kills:
        wrong.append(f"only {hits} of {tries} kills hit a running copy")
    spans = ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in longest.items())
    print(f"{hits} kills of running copies of at most {spans} (seed {seed}, {tries} tries);", end=" ")
    print(f"files found in folders afterwards: {min(left)} to {max(left)}; faults: {len(wrong)}")
    return wrong


def _place(folder: Path, name: str, kind: str) -> Path:
    return folder / (f"{name}.zip" if kind == "zip" else name)


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20260309
    with tempfile.TemporaryDirectory() as base:
        wrong = run(kills, seed, Path(base))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
