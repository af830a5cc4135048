"""How far memory grows while a series is loaded, by the size of its volume; the goal is 1.3: Linux only.

    python Testing/Benchmarks/memory_bench.py [NAME]...

For each transfer syntax of `load_bench` a program of its own loads the series out of a database, twice: the second time
decoding children are there, and the memory of the first volume is used again. Twice a millisecond a thread adds up what
the program and its decoding children have in memory (RSS). What they have before is subtracted: printed is the largest
growth by the bytes of the volume, of the program alone and with its children.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import load_bench
from bench import series
from bench_line import bench_folder, machine

from DICOMModule.database import DicomDatabase
from DICOMModule.dicom.decoding import decoding_pool
from DICOMModule.jobs import run_to_end
from DICOMModule.readers import examine, load_job

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SYNTAXES = {
    "uncompressed": None,
    "rle": "1.2.840.10008.1.2.5",
    "lossless": ["dcmcjpeg", "+e1"],
    "ls": ["dcmcjpls"],
    "2000": "1.2.840.10008.1.2.4.90",
}


def resident_bytes(process: int) -> int:
    """Return what a process has in memory; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def children() -> list[int]:
    """Return the processes that this one has started."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(number) for task in tasks for number in task.read_text("ascii").split()]


class Watch(threading.Thread):
    """Looks how much memory this process and its children have until it is told to end."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.own = self.all = 0
        self._over = threading.Event()

    def run(self) -> None:
        """Look."""
        while not self._over.wait(0.0005):
            self.look()

    def look(self) -> None:
        """Look once."""
        own = resident_bytes(os.getpid())
        self.own = max(self.own, own)
        self.all = max(self.all, own + sum(map(resident_bytes, children())))

    def end(self) -> None:
        """Look a last time, and no more."""
        self._over.set()
        self.join()
        self.look()


def load(database: Path) -> None:
    """Print the growths of two loads."""
    with DicomDatabase.open(database) as opened, decoding_pool():
        (uid,) = (row.series_instance_uid for row in opened.series())
        (loadable,) = examine(opened.headers_of_series(uid))
        growths = []
        for _ in range(2):
            own = resident_bytes(os.getpid())
            before = own + sum(map(resident_bytes, children()))
            watch = Watch()
            watch.start()
            volume = run_to_end(load_job(loadable))
            watch.end()
            size = volume.array.nbytes
            growths += [(watch.own - own) / size, (watch.all - before) / size]
            del volume
            time.sleep(0.1)
    print(*(f"{growth:.2f}" for growth in growths), size >> 20)


def main() -> int:
    """Run from the command line."""
    if sys.argv[1:2] == ["--load"]:
        load(Path(sys.argv[2]))
        return 0
    print(f"{machine()}\n\n| syntax | volume MiB | program | with children | again: program | with children |")
    print("|---|---|---|---|---|---|")
    for name in sys.argv[1:] or SYNTAXES:
        with bench_folder() as base:
            command = SYNTAXES[name]
            count = load_bench.COMPRESSED if command else load_bench.WHOLE
            folder = load_bench.compressed(base, command) if command else series(base, count, 512)
            with DicomDatabase.open(base / "database") as database:
                run_to_end(database.import_job([folder]))
            told = subprocess.run(
                [sys.executable, __file__, "--load", os.fspath(base / "database")],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()
            print(f"| {name} | {told[-1]} | {' | '.join(told[:-1])} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
