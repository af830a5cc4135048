"""Importing, side by side with named peers, in one run: a table of medians and ratios.

    python Testing/Benchmarks/import_bench.py [NAME]... [--runs N] [--files N]

`import` (reference import, rows committed), `rescan` (the same folder again, unchanged), `copy` (into the database's own
folder, synced and hashed). The files have more than 100 elements, sequences and private elements, in nested folders with
files that are not DICOM. Peers: gdcm.Scanner and pydicom, each with sqlite3; Orthanc's REST interface on a fresh store
(Debian's package `orthanc`; left out where it is not installed) and a plain copy with fsync of every file.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has been compiled once
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python"), str(ROOT / "Testing" / "Benchmarks")]

from bench import HEADING, Case, Timed, measure  # noqa: E402 (the paths first)
from bench_line import run_benches  # noqa: E402
from import_data import make_files  # noqa: E402

from DICOMModule.database import DicomDatabase  # noqa: E402
from DICOMModule.jobs import run_to_end  # noqa: E402

COPIED_FILES = 2000
# what a list of studies, series and instances and a look at the geometry need; ours keeps about 180 attributes
TAGS = (
    (0x0008, 0x0018),
    (0x0020, 0x000E),
    (0x0020, 0x000D),
    (0x0010, 0x0010),
    (0x0010, 0x0020),
    (0x0008, 0x0020),
    (0x0008, 0x0030),
    (0x0008, 0x0050),
    (0x0008, 0x0060),
    (0x0008, 0x103E),
    (0x0008, 0x1030),
    (0x0020, 0x0011),
    (0x0020, 0x0013),
    (0x0020, 0x0032),
    (0x0020, 0x0037),
    (0x0028, 0x0030),
    (0x0028, 0x0010),
    (0x0028, 0x0011),
)


def files_under(folder: Path) -> list[str]:
    """Return the files of a folder, sorted."""
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


def store(path: Path, rows: list[list[str]]) -> int:
    """Put rows into a new SQLite file, committed; return how many it holds."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    columns = ", ".join(f"c{number}" for number in range(len(rows[0])))
    database.execute(f"CREATE TABLE instance ({columns}, PRIMARY KEY (c0))")
    with database:
        database.executemany(f"INSERT INTO instance VALUES ({', '.join('?' * len(rows[0]))})", rows)
    count = database.execute("SELECT count(*) FROM instance").fetchone()[0]
    database.close()
    return int(count)


def imported(folder: Path, target: Path, *, copy: bool = False) -> int:
    """Import a folder into the database `target`; return how many instances were added."""
    with DicomDatabase.open(target) as database:
        return run_to_end(database.import_job([folder], copy=copy)).added


def bench_import(base: Path, files: int) -> Iterator[Case]:
    """Reference import into a new database; the numbers of rows are compared."""
    folder, made = base / "files", iter(range(10**6))
    make_files(folder, files)

    def gdcm_scanner() -> int:
        import gdcm

        scanner, tags = gdcm.Scanner(), [gdcm.Tag(*tag) for tag in TAGS]
        for tag in tags:
            scanner.AddTag(tag)
        names = files_under(folder)
        scanner.Scan(names)
        rows = [[*(str(scanner.GetValue(name, tag)) for tag in tags), name] for name in names if scanner.IsKey(name)]
        return store(base / f"gdcm{next(made)}.sqlite", rows)

    def pydicom() -> int:
        from pydicom import dcmread
        from pydicom.errors import InvalidDicomError

        rows = []
        for name in files_under(folder):
            try:
                dataset = dcmread(name, stop_before_pixels=True)
            except InvalidDicomError:
                continue
            rows.append([*(str(dataset[tag].value) if tag in dataset else "" for tag in TAGS), name])
        return store(base / f"pydicom{next(made)}.sqlite", rows)

    yield "ours", lambda: imported(folder, base / f"ours{next(made)}")
    yield "gdcm.Scanner + sqlite3", gdcm_scanner
    yield "pydicom + sqlite3", pydicom


def bench_rescan(base: Path, files: int) -> Iterator[Case]:
    """The same folder, unchanged, again; beside it the first import."""
    folder, made = base / "files", iter(range(10**6))
    make_files(folder, files)
    imported(folder, base / "kept")

    def again() -> int:
        with DicomDatabase.open(base / "kept") as database:
            return run_to_end(database.import_job([folder])).unchanged

    yield "ours", again
    yield "first import", lambda: imported(folder, base / f"new{next(made)}")


def bench_copy(base: Path, _files: int) -> Iterator[Case]:
    """Copy import; Orthanc stores what is sent to its REST interface, file by file over one connection."""
    folder, made = base / "files", iter(range(10**6))
    make_files(folder, COPIED_FILES)
    names = [name for name in files_under(folder) if name.endswith(".dcm")]

    def plain_copy() -> int:
        target = base / f"copy{next(made)}"
        target.mkdir()
        for number, name in enumerate(names):
            copied = target / f"{number}.dcm"
            shutil.copyfile(name, copied)
            with copied.open("rb+") as file:
                os.fsync(file.fileno())
        return len(names)

    yield "ours", lambda: imported(folder, base / f"ours{next(made)}", copy=True)
    yield "copy with fsync", plain_copy
    if shutil.which("Orthanc"):
        yield "Orthanc REST", lambda: sent_to_orthanc(names, base / f"orthanc{next(made)}")


def sent_to_orthanc(names: list[str], folder: Path) -> Timed:
    """Send files to a fresh Orthanc; return how many it holds, and how long that took without its start and end."""
    with orthanc(folder) as port:
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name in names:
            connection.request("POST", "/instances", Path(name).read_bytes())
            connection.getresponse().read()
        elapsed_s = time.perf_counter() - started
        connection.request("GET", "/statistics")
        held = int(json.loads(connection.getresponse().read())["CountInstances"])
        connection.close()
    return Timed(held, elapsed_s)


@contextmanager
def orthanc(folder: Path) -> Iterator[int]:
    """Run an Orthanc with its default settings on a fresh store; give its port."""
    folder.mkdir()
    with socket.socket() as free, socket.socket() as other:
        free.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, dicom_port = free.getsockname()[1], other.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "HttpPort": port,
        "DicomPort": dicom_port,
        "TcpNoDelay": True,
        "RemoteAccessAllowed": False,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    process = subprocess.Popen(
        ["Orthanc", str(folder / "orthanc.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


BENCHES: dict[str, Callable[[Path, int], Iterator[Case]]] = {
    "import": bench_import,
    "rescan": bench_rescan,
    "copy": bench_copy,
}


def main() -> int:
    """Run from the command line."""
    return run_benches(
        "Importing, side by side with named peers.",
        BENCHES,
        lambda name, base, given: measure(name, list(BENCHES[name](base, given.files)), given.runs),
        lambda given: f"{given.files} files (copy: {COPIED_FILES})\n\n{HEADING}",
        files=10_000,
    )


if __name__ == "__main__":
    sys.exit(main())
