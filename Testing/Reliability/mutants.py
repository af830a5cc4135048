"""Put mutants of sound files through the importer, and look whether one of them crashes, hangs, lies or gets lost.

    python Testing/Reliability/mutants.py [N] [SEED]          20000 mutants of seed 20260309
    python Testing/Reliability/mutants.py --write NUMBER SEED FILE

They go in batches of 500, each in a process of its own with 1 GiB of memory. In it every mutant's header is read alone,
timed, twice: by the walk and by the reader that recognises files like earlier ones, which must say the same. Then the
folder is imported, every fourth one as copies; every file must be in the account, everything that was registered can be
listed, examined and its tags shown, or is refused with a sentence, and the audit finds nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import launch
from mutation import ROOT, mutant, seed_of, seeds, sibling

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.dicom.header_series import HeaderReader
from DICOMModule.errors import DICOMModuleError, plain_text
from DICOMModule.jobs import run_to_end
from DICOMModule.logic import DICOMModuleLogic

BATCH = 500
BATCHES_A_DATABASE = 5
LIMIT_S = 300
MEMORY_BYTES = 1 << 30
WORST_FILE_S = 5.0


@dataclass
class Run:
    """What all batches gave."""

    faults: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0
    worst: str = ""
    rss_bytes: int = 0


# --- in the child


def work(first: int, count: int, seed: int, database: Path, report: Path) -> None:
    """Take the mutants from `first` on; write what was found as JSON, and until then which mutant is at hand."""
    warnings.simplefilter("ignore")
    faults: list[str] = []
    outcomes: Counter[str] = Counter()
    worst = (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number:06}" for number in range(first, first + count)]
        for path in files:
            path.write_bytes(mutant(int(path.name), seed))
        seen: dict[str, tuple[object, Exception | None]] = {}
        for path in files:
            report.write_text(path.name, encoding="ascii")
            started = time.monotonic()
            alone, error = _attempt(lambda path=path: read_header(path))
            worst = max(worst, (time.monotonic() - started, path.name))
            outcomes[type(error).__name__ if error else "read"] += 1
            seen[path.name] = (alone, error)
            faults += _fault(path.name, "header", error)
        faults += _read_among_siblings(files, seed, seen, Path(folder).with_suffix(".sibling"))
        report.write_text(f"{first:06} to {files[-1].name}, import", encoding="ascii")
        logic = DICOMModuleLogic(database)
        try:
            faults += _imported(logic, Path(folder), files, outcomes, copy=first // BATCH % 4 == 3)
        finally:
            logic.close()
    report.write_text(json.dumps([faults, outcomes, *worst]), encoding="utf-8")


def _read_among_siblings(
    files: list[Path], seed: int, seen: dict[str, tuple[object, Exception | None]], beside: Path
) -> list[str]:
    """Read mutants after sound files of the same kind, whose layout has been learned: it must make no difference."""
    faults = []
    groups: dict[int, list[Path]] = {}
    for path in files:
        groups.setdefault(seed_of(int(path.name), seed), []).append(path)
    for which, paths in groups.items():
        reader = HeaderReader()
        for path in paths:
            for number in range(3):
                beside.write_bytes(sibling(which, number))
                _attempt(lambda reader=reader: reader.read(beside))
            header, error = seen[path.name]
            again, other = _attempt(lambda path=path, reader=reader: reader.read(path))
            if (header, type(error), str(error)) != (again, type(other), str(other)):
                faults.append(f"mutant {path.name}: alone {header or error!r}, among others {again or other!r}")
    beside.unlink(missing_ok=True)
    return faults


def _attempt(read):
    try:
        return read(), None
    except Exception as error:  # noqa: BLE001 (that is what is looked for)
        return None, error


def _fault(where: str, what: str, error: Exception | None) -> list[str]:
    """Return a fault where an error is not one of ours, or its text could forge a line."""
    if error is None:
        return []
    if not isinstance(error, DICOMModuleError):
        return [f"mutant {where}: {what}: {''.join(traceback.format_exception(error)[-3:])}"]
    return [] if str(error).isprintable() else [f"mutant {where}: {what}: not plain: {error!r}"]


def _imported(
    logic: DICOMModuleLogic, folder: Path, files: list[Path], outcomes: Counter[str], *, copy: bool
) -> list[str]:
    faults: list[str] = []
    report, error = _attempt(lambda: run_to_end(logic.import_job([folder], copy=copy)))
    if report is None:
        return [f"{folder}: import: {''.join(traceback.format_exception(error)[-4:])}"]
    counts = {name: getattr(report, name) for name in ("added", "updated", "unchanged", "not_dicom")}
    counts |= {"rejected": len(report.rejected), "duplicates": len(report.duplicates)}
    if not sum(counts.values()) == report.files_seen == len(files):
        faults.append(f"mutants {files[0].name}: {report.files_seen} seen, accounted {counts}")
    outcomes.update({f"import: {name}": count for name, count in counts.items()})
    faults += [f"{row.where}: not plain: {row.reason!r}" for row in report.rejected if not row.reason.isprintable()]
    database = logic.database()
    instances = database.instances()
    if sum(study.instances for study in database.studies()) != len(instances):
        faults.append(f"mutants {files[0].name}: the counts are wrong")
    for uid in report.series_instance_uids:
        faults += _fault(files[0].name, f"examine {uid}", _attempt(lambda uid=uid: logic.examine(uid))[1])
    for one in instances:
        if one.series_instance_uid in report.series_instance_uids:
            faults += _fault(one.path, "tags", _attempt(lambda one=one: logic.tags(one.path))[1])
    verified = run_to_end(database.verify_job())
    if verified.missing or verified.damaged or verified.orphans or verified.database != "ok":
        ours = (folder, database.folder)  # what earlier batches referred to has gone with its folder
        lost = [*verified.missing, *verified.damaged]
        own = [path for path in lost if any(Path(path).is_relative_to(one) for one in ours)]
        if own or verified.orphans or verified.database != "ok":
            faults.append(f"mutants {files[0].name}: audit: {own[:3]} {verified.orphans[:3]} {verified.database}")
    return faults


# --- in the parent


def run(count: int, seed: int, base: Path, *, batch: int = BATCH, quiet: bool = True) -> Run:
    """Put `count` mutants through; return what was found."""
    found = Run()
    for number, first in enumerate(range(0, count, batch)):
        database = base / f"database-{number // BATCHES_A_DATABASE}"
        report = base / "report.json"
        here = min(batch, count - first)
        command = [sys.executable, Path(__file__).resolve(), "--child", first, here, seed, database, report]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (base / "stderr").open("wb") as stderr:
            usage = launch.run(
                [str(part) for part in command], environment, subprocess.DEVNULL, stderr, seconds=LIMIT_S
            )
        found.rss_bytes = max(found.rss_bytes, usage.rss_bytes)
        if usage.code:
            at = plain_text(report.read_text(encoding="utf-8")[:300]) if report.exists() else "its beginning"
            found.faults.append(
                f"batch {first}: ended with {usage.code} at {at}: {(base / 'stderr').read_text()[-2000:]}"
            )
            continue
        faults, outcomes, worst_s, worst = json.loads(report.read_text(encoding="utf-8"))
        found.faults += faults
        found.outcomes.update(outcomes)
        if worst_s > found.worst_s:
            found.worst_s, found.worst = worst_s, worst
        if not quiet:
            print(f"{first + here:6} mutants, {len(found.faults)} faults", file=sys.stderr)
    if found.worst_s > WORST_FILE_S:
        found.faults.append(f"mutant {found.worst}: took {found.worst_s:.1f} s")
    if found.rss_bytes > MEMORY_BYTES:
        found.faults.append(f"a batch took {found.rss_bytes >> 20} MiB")
    return found


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--child"]:
        work(*map(int, arguments[1:4]), Path(arguments[4]), Path(arguments[5]))
        return 0
    if arguments[:1] == ["--write"]:
        Path(arguments[3]).write_bytes(mutant(int(arguments[1]), int(arguments[2])))
        return 0
    count = int(arguments[0]) if arguments else 20_000
    seed = int(arguments[1]) if len(arguments) > 1 else 20260309
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as base:
        found = run(count, seed, Path(base), quiet=False)
    print(f"{count} mutants of {len(seeds())} files (seed {seed}) in {time.monotonic() - started:.0f} s;", end=" ")
    print(f"worst file {found.worst_s * 1000:.0f} ms, {found.rss_bytes >> 20} MiB; faults: {len(found.faults)}")
    print(", ".join(f"{name} {number}" for name, number in sorted(found.outcomes.items())))
    print(*found.faults, sep="\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
