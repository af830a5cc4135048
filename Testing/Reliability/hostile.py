"""Import each file of the hostile corpus alone, and measure what it takes.

    python Testing/Reliability/hostile.py

The corpus is Testing/Python/hostile_files.py, here with those of its files that take seconds. Each goes through the
command line in a process of its own: its outcome must be the expected one, in less than 20 s of work and 1 GiB.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import measured  # noqa: E402 (the paths first)
from hostile_files import ADDED, CASES, NOT_DICOM, REJECTED, Case  # noqa: E402

LONGEST_S = 20.0


def look(case: Case, base: Path) -> tuple[measured.Measured, list[str]]:
    """Import one file; return what it took, and what was wrong."""
    folder = base / "files"
    folder.mkdir(exist_ok=True)
    path = case.write(folder)
    done = measured.run(base / "database", "import", "--verbose", path)
    path.unlink()
    faults = []
    report = done.document
    counts = {ADDED: report.get("added"), NOT_DICOM: report.get("not_dicom"), REJECTED: len(report.get("rejected", ()))}
    if counts.get(case.outcome) != 1 or sum(counts.values()) != 1:
        faults.append(f"{counts} in place of {case.outcome}")
    if case.says not in done.stderr + done.stdout:
        faults.append(f"does not say {case.says!r}: {done.stderr}")
    if "Traceback" in done.stderr:
        faults.append(done.stderr)
    if done.worked_s > LONGEST_S:
        faults.append(f"took {done.worked_s:.1f} s")
    if done.rss_bytes > measured.GIB:
        faults.append(f"took {done.rss_bytes >> 20} MiB")
    return done, [f"{case.number} {case.name}: {fault}" for fault in faults]


def main() -> int:
    """Run from the command line; 0 where nothing was wrong."""
    started, faults = time.monotonic(), []
    times, sizes = [], []
    for case in CASES:
        with tempfile.TemporaryDirectory() as base:
            done, wrong = look(case, Path(base))
        faults += wrong
        times.append((done.worked_s, case.name))
        sizes.append((done.rss_bytes >> 20, case.name))
    print(f"{len(CASES)} hostile files in {time.monotonic() - started:.0f} s; faults: {len(faults)};", end=" ")
    print(f"longest: {max(times)[0]:.1f} s ({max(times)[1]}); largest: {max(sizes)[0]} MiB ({max(sizes)[1]})")
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
