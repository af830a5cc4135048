"""Let the disk run full at points spread evenly over what an import, a deletion or a migration writes.

    python Testing/Reliability/full_disk.py [POINTS] [SEED] [FILES]        50 points, seed 20260309, 600 files

The database lies on a small file system in memory, filled up so that a share of what the work needs is free. The command
line is run there. It must say in one line that the disk is full and end with 1; no file may be empty or half written, and
everything that was there before must be there. Then room is made: the same command must complete.

It needs the right to mount, of root or of a user namespace, and ends with 77 where there is none.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Reliability")]

import factories  # noqa: E402 (the paths first)
from consistency import disagreements, hash_of, inconsistencies  # noqa: E402
from old_database import make_old_database  # noqa: E402

# imported here, so that no child has to
import DICOMModule.logic  # noqa: E402
import DICOMModule.readers  # noqa: E402, F401
from DICOMModule.commands.main import main as main_of_the_command_line  # noqa: E402
from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402

NOT_PERMITTED = 77
DISK_BYTES = 24 << 20
PAGE = 4096
WATCH = """
import os, select, sys
least = None
print(flush=True)
while not select.select([sys.stdin], [], [], 0.0005)[0]:
    status = os.statvfs(sys.argv[1])
    free = status.f_bavail * status.f_frsize
    least = free if least is None else min(least, free)
print(least)
"""
INSIDE = "DICOMMODULE_FULL_DISK_INSIDE"


@dataclass(frozen=True)
class Work:
    """A command, and what it leaves where it completes.

    Attributes
    ----------
    name : str
        What it is.
    arguments : tuple of str
        Of the command line.
    template : Path
        The database folder before it.
    instances : tuple of (int, int)
        How many the database shows before and afterwards.
    """

    name: str
    arguments: tuple[str, ...]
    template: Path
    instances: tuple[int, int]


@contextmanager
def disk(base: Path) -> Iterator[Path]:
    """Mount a small file system."""
    folder = Path(tempfile.mkdtemp(dir=base))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def free_bytes(folder: Path) -> int:
    """Return the room that is left."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def command(folder: Path, *arguments: str) -> tuple[int, object, str]:
    """Run the command line on a database, in a process of its own; return its exit code, its document, what it said."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            code = 99
            try:
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                code = main_of_the_command_line(["--json", "--database", str(folder), *arguments])
                sys.stdout.flush()
            except BaseException:  # noqa: BLE001 (a child may not go on as its parent)
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    try:
        document = json.loads(texts[0])
    except ValueError:
        document = None
    return os.waitstatus_to_exitcode(status), document, texts[1]


def works(base: Path, files: int) -> list[Work]:
    """Make the databases and the files that are worked on; the largest series is of so many files."""
    first = factories.make_series(base / "first", "first", slices=files // 10, rows=32, columns=32, PatientID="FIRST")
    more = factories.make_series(base / "more", "more", slices=files // 2, rows=64, columns=64, PatientID="MORE")
    small = factories.make_series(base / "small", "small", slices=files, rows=2, columns=2, PatientID="SMALL")
    shown, deleted = base / "shown", base / "deleted"
    with DicomDatabase.open(shown) as database:
        run_to_end(database.import_job([first.folder], copy=True))
        run_to_end(database.import_job([small.folder]))
    shutil.copytree(shown, deleted)
    with DicomDatabase.open(deleted) as database:
        database.delete([small.study_uid])
    only_first = base / "only-first"
    with DicomDatabase.open(only_first) as database:
        run_to_end(database.import_job([first.folder], copy=True))
    old = make_old_database(base / "old", 1, files // 10)
    few = files // 10
    return [
        Work("copy import", ("import", "--copy", str(more.folder)), only_first, (few, few + files // 2)),
        Work("reference import", ("import", str(small.folder)), only_first, (few, few + files)),
        Work("delete", ("delete", small.study_uid), shown, (few + files, few)),
        Work("restore", ("restore", small.study_uid), deleted, (few, few + files)),
        Work("migration", ("list", "studies"), old, (20 * few, 20 * few)),
    ]


SHARES = {"copy import": 18, "reference import": 10, "delete": 6, "restore": 6, "migration": 10}


def needed_bytes(work: Work, base: Path) -> int:
    """Return how much room a work takes at most; another process watches the disk."""
    with disk(base) as folder:
        database = folder / "database"
        shutil.copytree(work.template, database)
        before = free_bytes(folder)
        with subprocess.Popen([sys.executable, "-c", WATCH, str(folder)], stdin=-1, stdout=-1, text=True) as watcher:
            watcher.stdout.readline()
            code, document, said = command(database, *work.arguments)
            least = int(watcher.communicate("")[0])
        if code:
            raise RuntimeError(f"{work.name} fails with room enough: {document} {said}")
        return before - least


def faults_at(work: Work, free: int, base: Path, originals: set[bytes]) -> tuple[bool, list[str]]:
    """Run a work with so much room; return whether the disk ran full, and what was wrong."""
    with disk(base) as folder:
        database = folder / "database"
        shutil.copytree(work.template, database)
        before = {path: hash_of(path) for path in (database / "dicom").rglob("*.dcm")}
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(max(0, free_bytes(folder) - free)))
        code, document, said = command(database, *work.arguments)
        if code == 0:
            return False, []
        faults = []
        kind = document.get("kind") if isinstance(document, dict) else None
        if code != 1 or kind != "DiskFullError" or len(said.strip().splitlines()) != 1 or "Traceback" in said:
            faults.append(f"ended with {code}, {document}, {said!r}")
        empty = [path.name for path in database.rglob("*.dcm") if not path.stat().st_size]
        faults += [f"empty files: {empty}"] if empty else []
        code, document, said = command(database, "list", "instances")
        if code and (not isinstance(document, dict) or document.get("kind") != "DiskFullError"):
            faults.append(f"cannot be listed: {document} {said}")
        ballast.unlink()
        faults += _faults_afterwards(work, database, before, originals)
        code, document, said = command(database, *work.arguments)
        if code:
            faults.append(f"does not complete afterwards: {document} {said}")
        with DicomDatabase.open(database) as opened:
            faults += inconsistencies(opened)
            count = opened.counts().instances
        faults += [f"{count} instances in the end, not {work.instances[1]}"] if count != work.instances[1] else []
        return True, faults


def _faults_afterwards(work: Work, database: Path, before: dict[Path, bytes], originals: set[bytes]) -> list[str]:
    """Return what is wrong once there is room: what was there is there, and nothing is half done."""
    with DicomDatabase.open(database) as opened:
        faults = inconsistencies(opened)
        if work.name != "migration":  # the files of the old database are invented
            faults += disagreements(opened, originals)
        count, shown = opened.counts().instances, work.instances
    lost = [path.name for path, digest in before.items() if not path.exists() or hash_of(path) != digest]
    faults += [f"lost: {lost}"] if lost else []
    if "import" in work.name:
        faults += [f"{count} instances"] if not shown[0] <= count <= shown[1] else []
    elif count not in shown:
        faults.append(f"half done: {count} instances")
    return faults


def run(
    points: int, seed: int, base: Path, files: int, *, say: Callable[[str], None] = lambda _line: None
) -> list[str]:
    """Let the disk run full at `points` points; return everything that was wrong."""
    rng, faults = random.Random(seed), []
    found = works(base, files)
    originals = {hash_of(path) for folder in ("first", "more") for path in (base / folder).iterdir()}
    weights = sum(SHARES.values())
    for work in found:
        count = max(1, round(points * SHARES[work.name] / weights))
        needed = needed_bytes(work, base)
        full = 0
        for number in range(count):
            free = int(needed * (number + rng.random()) / count) // PAGE * PAGE
            is_full, wrong = faults_at(work, free, base, originals)
            full += is_full
            faults += [f"{work.name} with {free} of {needed} bytes: {fault}" for fault in wrong]
        say(f"{work.name}: {count} points of {needed} bytes, {full} ran full")
        if full < count * 0.6:
            faults.append(f"{work.name}: only {full} of {count} points ran full")
    return faults


def enter_namespace(arguments: Sequence[str]) -> int | None:
    """Run anew where mounting is allowed and nobody else sees it; None where this is such a place already."""
    if os.environ.get(INSIDE):
        return None
    unshare = shutil.which("unshare")
    user = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["--user", "--map-root-user"]
    prefix = [unshare or "", *user, "--mount"]
    if unshare is None or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        print("file systems cannot be mounted here, so nothing was tried", file=sys.stderr)
        return NOT_PERMITTED
    line = [*prefix, sys.executable, str(Path(__file__).resolve()), *arguments]
    return subprocess.run(line, env={**os.environ, INSIDE: "1"}, check=False).returncode


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    code = enter_namespace(sys.argv[1:])
    if code is not None:
        return code
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20260309
    files = int(sys.argv[3]) if len(sys.argv) > 3 else 600
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as base:
        faults = run(points, seed, Path(base), files, say=print)
    print(f"{points} points of a full disk (seed {seed}) in {time.monotonic() - started:.0f} s; faults: {len(faults)}")
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
