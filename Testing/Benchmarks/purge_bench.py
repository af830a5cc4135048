"""What a purge costs: one patient out of many, then all patients but one, at 10^5 instances.

    python Testing/Benchmarks/purge_bench.py [--instances N]

Makes a database as `database_bench` does, without files, and a backup of it. Tells how long each purge takes, which of its
steps took longest (a purge can be closed between two), how long another program waited that wrote meanwhile, and what
rewriting the SQLite file (VACUUM) takes of it. Nothing here asserts a time.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from database_bench import make

from DICOMModule.database import DicomDatabase
from DICOMModule.database.backups import back_up
from DICOMModule.database.connection import FILE_NAME


class Writer(threading.Thread):
    """Another program: writes a note every 10 ms, and remembers the longest wait."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._ending = threading.Event()
        self.longest_s = 0.0

    def run(self) -> None:
        """Write until told to end."""
        with closing(sqlite3.connect(self._file, timeout=600, isolation_level=None)) as connection:
            while not self._ending.wait(0.01):
                before = time.perf_counter()
                connection.execute("UPDATE saved_search SET text = text || ''")
                self.longest_s = max(self.longest_s, time.perf_counter() - before)

    def end(self) -> float:
        """Return the longest wait in seconds."""
        self._ending.set()
        self.join()
        return self.longest_s


def measure(database: DicomDatabase, names: list[int], what: str) -> None:
    """Purge and tell what it cost."""
    file = database.folder / "dicommodule.sqlite"
    size = file.stat().st_size
    writer = Writer(file)
    writer.start()
    steps: list[tuple[float, str]] = []
    job = database.purge_job(names)
    text = "marking"
    begun = before = time.perf_counter()
    try:
        while True:
            progress = next(job)
            now = time.perf_counter()
            steps.append((now - before, text))
            before, text = now, progress.text
    except StopIteration as stop:
        report = stop.value
    took = time.perf_counter() - begun
    waited = writer.end()
    by_text: dict[str, float] = {}
    for seconds, name in steps:
        by_text[name] = by_text.get(name, 0.0) + seconds
    print(
        f"{what}: {report.instances} instances, {took:.2f} s, {size >> 20} MiB before, {file.stat().st_size >> 20} after"
    )
    print(f"  unfinished: {report.unfinished}; another writer waited {waited:.2f} s at most")
    print(
        "  longest steps: " + ", ".join(f"{seconds:.2f} s {name}" for seconds, name in sorted(steps, reverse=True)[:4])
    )
    print("  in all: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in by_text.items() if seconds > 0.005))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="purge-bench-") as folder:
        make(Path(folder), given.instances, 100)
        with DicomDatabase.open(Path(folder)) as database:
            database.annotations.save_search("mine", "mod:CT")
            back_up(database.folder / FILE_NAME, database.folder / "backups", "daily")
            print(f"{os.cpu_count()} processors, SQLite {sqlite3.sqlite_version}, {given.instances} instances")
            numbers = [row.patient for row in database.patients()]
            measure(database, numbers[:1], "one patient")
            measure(database, numbers[2:], "all but one")


if __name__ == "__main__":
    main()
